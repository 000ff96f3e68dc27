//! Laws that hold for whatever a policy wants and whatever it is shown.
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(dead_code, reason = "other laws use the rest")]

#[path = "policy_laws/cases.rs"]
mod cases;

use std::time::Duration;

use metrics::{NoData, Quantity, Ratio, Reading, Replicas, Rps, Timestamp};
use proptest::prelude::*;
use scaler::{
    Bounded, ChangeRate, Container, ContainerUsage, Decision, Guarded, Hpa, HpaController,
    Observation, Policy, PolicyState, RateLimited, Reason, ReplicaObservation, ReplicaUsage,
    Sample, Scale, Stabilized, Status, Trust, Verdict, Wants, WriteOutcome,
};

/// A policy that wants what it is told.
#[derive(Clone)]
struct Told {
    wants: Wants,
    script: Vec<Option<u32>>,
    next: usize,
}

impl Told {
    fn new(script: Vec<Option<u32>>) -> Self {
        let wants = Wants {
            traffic: true,
            ..Wants::default()
        };
        Self {
            wants,
            script,
            next: 0,
        }
    }
}

impl Policy for Told {
    fn wants(&self) -> &Wants {
        &self.wants
    }
    fn decide(&mut self, seen: &Observation) -> Decision {
        let wanted = self.script[self.next % self.script.len()];
        self.next += 1;
        Decision {
            verdict: wanted.map_or(Verdict::Hold, |n| Verdict::Scale(Replicas(n))),
            reason: Reason::new("told", "told").into(),
            next: seen.at,
        }
    }
    fn settle(&mut self, _: &WriteOutcome) -> Status {
        Status::default()
    }
    fn save(&self) -> PolicyState {
        PolicyState::of("told/1", &self.next)
    }
    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        self.next = state.read("told/1")?;
        Ok(())
    }
}

fn seen(at: u64, spec: u32) -> Observation {
    let at = Timestamp::EPOCH + Duration::from_secs(at);
    let scale = Scale {
        spec: Replicas(spec),
        ..Scale::default()
    };
    Observation {
        at,
        scale: Reading::now(scale, at),
        ..Observation::default()
    }
}

/// Runs a script with the given steps between decisions; gives (instant, replicas) after each.
fn drive(mut policy: impl Policy, start: u32, steps: &[u64]) -> Vec<(u64, u32)> {
    let (mut now, mut cur) = (0, start);
    let mut path = vec![(0, start)];
    for gap in steps {
        now += gap;
        let decision = policy.decide(&seen(now, cur));
        let outcome = match decision.verdict {
            Verdict::Scale(n) if n.get() != cur => {
                cur = n.get();
                WriteOutcome::Written
            }
            _ => WriteOutcome::Unchanged,
        };
        policy.settle(&outcome);
        path.push((now, cur));
    }
    path
}

fn scripts() -> impl Strategy<Value = Vec<Option<u32>>> {
    proptest::collection::vec(proptest::option::weighted(0.9, 0_u32..200), 1..40)
}

fn gaps() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(0_u64..40, 1..60)
}

fn readings() -> impl Strategy<Value = Reading<Rps>> {
    prop_oneof![
        Just(Reading::NoData(NoData::NotAsked)),
        Just(Reading::NoData(NoData::Stale)),
        (0_u64..200, 0.0..1.0_f64).prop_map(|(at, coverage)| Reading::Value {
            value: Rps::ZERO,
            at: Timestamp::EPOCH + Duration::from_secs(at),
            window: Duration::from_secs(15),
            coverage: Ratio::new(coverage).unwrap(),
        }),
    ]
}

fn rate(replicas: u32, share: f64, per: u64) -> ChangeRate {
    ChangeRate {
        replicas: Replicas(replicas),
        share: Ratio::new(share).unwrap(),
        per: Duration::from_secs(per),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases::cases(10_000)))]

    #[test]
    fn bounds_hold(script in scripts(), gaps in gaps(), min in 0_u32..50, more in 0_u32..50) {
        let policy = Bounded::new(Told::new(script.clone()), Replicas(min), Replicas(min + more));
        let path = drive(policy, min, &gaps);
        prop_assert!(path.iter().all(|(_, n)| (min..=min + more).contains(n)), "{path:?}");
    }

    #[test]
    fn rates_hold_over_every_span(script in scripts(), gaps in gaps(), most in 1_u32..9, per in 1_u64..90) {
        let policy = RateLimited::new(Told::new(script), rate(most, 0.0, per), rate(most, 0.0, per));
        let path = drive(policy, 20, &gaps);
        for (i, pair) in path.windows(2).enumerate() {
            let (now, to) = pair[1];
            // What was in force when the span began that ends now.
            let begin = path[..=i].iter().rev().find(|(at, _)| at + per <= now);
            let begin = begin.unwrap_or(&path[0]).1;
            if to > pair[0].1 {
                prop_assert!(to <= begin + most, "{path:?}");
            }
            if to < pair[0].1 {
                prop_assert!(to + most >= begin, "{path:?}");
            }
        }
    }

    #[test]
    fn nothing_goes_down_before_the_window_agrees(script in scripts(), gaps in gaps(), window in 1_u64..200) {
        let policy = Stabilized::new(Told::new(script.clone()), Duration::ZERO, Duration::from_secs(window));
        let path = drive(policy, 20, &gaps);
        for (i, pair) in path.windows(2).enumerate() {
            if pair[1].1 < pair[0].1 {
                // Every recommendation of the window was at most where it went.
                let (now, to) = pair[1];
                for (k, (at, _)) in path.iter().enumerate().skip(1).take(i + 1) {
                    if now - at < window && let Some(n) = script[(k - 1) % script.len()] {
                        prop_assert!(n <= to, "{path:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_down_on_what_cannot_be_trusted(wanted in 0_u32..50, cur in 0_u32..50, now in 0_u64..200,
        offered in readings(), served in readings()) {
        let mut policy = Guarded::new(Told::new(vec![Some(wanted)]), Trust::default());
        let mut seen = seen(now, cur);
        seen.traffic.offered = offered;
        seen.traffic.served = served;
        let trust = Trust::default();
        let good = |r: &Reading<Rps>| r.trusted(seen.at, trust.max_age, trust.coverage).is_some();
        let trusted = good(&seen.traffic.offered)
            && (good(&seen.traffic.served) || seen.traffic.served == Reading::NoData(NoData::NotAsked));
        let decision = policy.decide(&seen);
        match decision.verdict {
            Verdict::Scale(n) => prop_assert!(n.get() == wanted && (wanted >= cur || trusted)),
            Verdict::Hold => {
                prop_assert!(wanted < cur && !trusted);
                prop_assert_eq!(&decision.reason.clips[0].by, "no_data");
            }
        }
    }

    #[test]
    fn a_restart_changes_no_decision(script in scripts(), gaps in gaps(), window in 0_u64..200) {
        let build = || {
            let told = Told::new(script.clone());
            let slow = RateLimited::new(told, rate(4, 0.5, 30), rate(2, 0.1, 60));
            let calm = Stabilized::new(slow, Duration::from_secs(5), Duration::from_secs(window));
            Guarded::new(Bounded::new(calm, Replicas(1), Replicas(100)), Trust::default())
        };
        let (mut straight, mut restarted) = (build(), build());
        let (mut now, mut cur) = (0, 20);
        for gap in gaps {
            now += gap;
            let wanted = straight.decide(&seen(now, cur));
            prop_assert_eq!(&restarted.decide(&seen(now, cur)), &wanted);
            let mut outcome = WriteOutcome::Unchanged;
            if let Verdict::Scale(n) = wanted.verdict && n.get() != cur {
                cur = n.get();
                outcome = WriteOutcome::Written;
            }
            straight.settle(&outcome);
            restarted.settle(&outcome);
            let state = restarted.save();
            restarted = build();
            restarted.restore(&state).unwrap();
        }
    }
}

/// An HPA on every kind of metric, with rules.
fn hpa(rules: bool) -> Hpa {
    let mut spec = serde_json::json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 1, "maxReplicas": 50,
        "metrics": [
            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
            {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1"}}},
            {"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "1m"}}},
            {"type": "External", "external": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1m"}}},
        ],
    });
    if rules {
        spec["behavior"] = serde_json::json!({"scaleUp": {"policies": [{"type": "Percent", "value": i32::MAX, "periodSeconds": 1800}]}});
    }
    Hpa::new(
        serde_json::from_value(spec).unwrap(),
        HpaController::default(),
    )
}

fn absurd() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(i64::MIN),
        Just(i64::MAX),
        Just(0),
        -5_i64..2_000,
        any::<i64>()
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases::cases(10_000)))]

    #[test]
    fn the_hpa_survives_absurd_readings_and_keeps_its_bounds(
        rules in any::<bool>(),
        steps in proptest::collection::vec((absurd(), absurd(), absurd(), 0_u32..60, any::<bool>()), 1..8),
    ) {
        let mut policy = hpa(rules);
        let mut last = Timestamp::from_nanos(i64::MIN);
        for (cpu, value, at, spec, empty) in steps {
            last = last.max(Timestamp::from_nanos(at));
            let mut seen = seen(0, spec);
            seen.at = last;
            let amount = |milli| [("cpu".to_owned(), Quantity::from_milli(milli))].into();
            seen.replicas.push(ReplicaObservation {
                id: "a".into(),
                started: Some(Timestamp::from_nanos(value)),
                containers: vec![Container { name: "app".into(), requests: amount(value), ..Container::default() }],
                ..ReplicaObservation::default()
            });
            let containers = vec![ContainerUsage { name: "app".into(), usage: amount(cpu) }];
            let usage = ReplicaUsage { replica: "a".into(), at: last, window: Duration::MAX, containers };
            seen.usage = Reading::now(if empty { vec![] } else { vec![usage] }, last);
            for id in &policy.wants().metrics.clone() {
                let sample = Sample { replica: Some("a".into()), value: Quantity::from_milli(value) };
                seen.metrics.insert(id.clone(), Reading::now(vec![sample.clone(), sample], last));
            }
            let decision = policy.decide(&seen);
            let outcome = match decision.verdict {
                Verdict::Scale(n) => {
                    prop_assert!(n.get() == spec || (1..=50).contains(&n.get()), "{n}");
                    WriteOutcome::Written
                }
                Verdict::Hold => WriteOutcome::Unchanged,
            };
            let status = policy.settle(&outcome);
            prop_assert!(serde_json::to_string(&(decision, status)).is_ok());
            let mut again = hpa(rules);
            again.restore(&policy.save()).unwrap();
            prop_assert_eq!(again.save(), policy.save());
        }
    }
}
