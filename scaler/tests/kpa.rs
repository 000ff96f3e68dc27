//! Laws of the Knative autoscaler, and its way through a surge.
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(dead_code, reason = "other laws use the rest")]

#[path = "policy_laws/cases.rs"]
mod cases;

use std::time::Duration;

use metrics::{NoData, Reading, Replicas, Timestamp};
use proptest::prelude::*;
use scaler::{
    Kpa, KpaMetric, KpaSpec, Observation, Policy, PolicySpec, ReadySample, ReadyState,
    ReplicaObservation, Scale, Verdict, WriteOutcome,
};

fn ready(count: u32) -> Vec<ReplicaObservation> {
    let mut replica = ReplicaObservation::default();
    replica.ready.state = ReadyState::True;
    vec![replica; count as usize]
}

fn seen(
    policy: &dyn Policy,
    at: Timestamp,
    spec: u32,
    able: u32,
    samples: &[(Timestamp, f64)],
) -> Observation {
    let metric = policy.wants().samples.first().unwrap();
    let scale = Scale {
        spec: Replicas(spec),
        status: Replicas(spec),
        ..Scale::default()
    };
    let sample = |(at, value): &(Timestamp, f64)| ReadySample {
        at: *at,
        metric: metric.clone(),
        value: *value,
    };
    Observation {
        at,
        scale: Reading::now(scale, at),
        replicas: ready(able),
        samples: samples.iter().map(sample).collect(),
        ..Observation::default()
    }
}

fn absurd() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..500.0_f64,
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
        1 => Just(1e308),
        1 => Just(-1e308),
        1 => Just(-1.0),
        1 => Just(0.0),
    ]
}

fn specs() -> impl Strategy<Value = KpaSpec> {
    let rates = (1.01..10.0_f64, 1.01..10.0_f64, 1.1..10.0_f64);
    let windows = (1_u64..120, 1_u64..20, 0_u64..90, 0_u64..60);
    let counts = (0_u32..4, 0_u32..30, 0_u32..6, 0_u32..5);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (
        rates,
        windows,
        counts,
        flags,
        0.01..200.0_f64,
        prop_oneof![Just(-1.0), Just(0.0), Just(211.0)],
    )
        .prop_map(
            |(
                (up, down, threshold),
                (stable, panic, delay, retention),
                (min, more, activation, first),
                (weighted, rps, zero, reachable),
                target,
                burst,
            )| {
                let secs = Duration::from_secs;
                KpaSpec {
                    metric: if rps {
                        KpaMetric::Rps
                    } else {
                        KpaMetric::Concurrency
                    },
                    target,
                    total: target,
                    target_burst_capacity: burst,
                    panic_threshold: threshold,
                    stable_window: secs(stable),
                    panic_window: secs(panic.min(stable)),
                    max_scale_up_rate: up,
                    max_scale_down_rate: down,
                    scale_down_delay: secs(delay),
                    activation_scale: activation,
                    initial_scale: first.min(min + more),
                    min: Replicas(min),
                    max: Replicas(min + more),
                    reachable,
                    weighted,
                    scale_to_zero: zero,
                    pod_retention: secs(retention),
                    ..KpaSpec::default()
                }
            },
        )
}

type Step = (u64, Vec<(i64, f64)>, u32, u8);

/// Milliseconds until the step, readings at so many ms before it, replicas ready, and how the look goes.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let readings = proptest::collection::vec((-300_i64..9_000, absurd()), 0..4);
    proptest::collection::vec(
        (
            prop_oneof![Just(0_u64), Just(2_000), 0..90_000_u64],
            readings,
            0_u32..40,
            0_u8..12,
        ),
        1..12,
    )
}

fn look(policy: &Kpa, now: Timestamp, spec: u32, step: &Step) -> Observation {
    let (_, readings, able, how) = step;
    let readings: Vec<_> = readings
        .iter()
        .map(|(ago, value)| {
            (
                Timestamp::from_nanos(now.as_nanos().saturating_sub(ago * 1_000_000)),
                *value,
            )
        })
        .collect();
    let mut seen = seen(policy, now, spec, *able, &readings);
    match how {
        0 => seen.scale = Reading::NoData(NoData::Stale),
        1 => {
            let metric = policy.wants().samples.first().unwrap().clone();
            seen.metrics.insert(metric, Reading::NoData(NoData::Empty));
        }
        2 => seen.samples.extend(seen.samples.clone()),
        _ => {}
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases::cases(20_000)))]

    #[test]
    fn it_survives_absurd_readings_keeps_its_bounds_and_a_restart_changes_nothing(
        spec in specs(), begin in prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0_i64)], start in 0_u32..50, steps in steps(),
    ) {
        let mut straight = Kpa::new(spec.clone());
        let mut restarted = straight.clone();
        let (mut now, mut cur) = (Timestamp::from_nanos(begin), start);
        let least = if spec.reachable { spec.min.get() } else { 0 };
        let most = spec.max.get();
        for step in &steps {
            now = now + Duration::from_millis(step.0);
            let seen = look(&straight, now, cur, step);
            let decision = straight.decide(&seen);
            prop_assert_eq!(&restarted.decide(&seen), &decision);
            let mut outcome = WriteOutcome::Unchanged;
            if let Verdict::Scale(n) = decision.verdict {
                let n = n.get();
                // One may stay although the most is none: 0 stands for no bound.
                prop_assert!(n >= least && (most == 0 || n <= most), "{} of {:?}", n, decision);
                prop_assert!(n > 0 || spec.scale_to_zero);
                if n != cur {
                    outcome = if step.3 == 11 { WriteOutcome::Failed("refused".into()) } else { cur = n; WriteOutcome::Written };
                }
            }
            let status = straight.settle(&outcome);
            prop_assert_eq!(&restarted.settle(&outcome), &status);
            prop_assert!(serde_json::to_string(&(&decision, status)).is_ok());
            let state: scaler::PolicyState = serde_json::from_str(&serde_json::to_string(&straight.save()).unwrap()).unwrap();
            restarted = Kpa::new(spec.clone());
            restarted.restore(&state).unwrap();
            prop_assert_eq!(restarted.save(), state);
        }
    }

    #[test]
    fn more_load_never_asks_for_less(spec in specs(), start in 1_u32..40, load in 0.0..5_000.0_f64, more in 1.0..3.0_f64) {
        let ask = |load: f64| {
            let mut policy = Kpa::new(spec.clone());
            let now = Timestamp::from_secs(1_000);
            let readings: Vec<_> = (0..10).map(|s| (Timestamp::from_secs(991 + s), load)).collect();
            let decision = policy.decide(&seen(&policy, now, start, start, &readings));
            decision.reason.terms().into_iter().find(|t| t.name == "proposal").map(|t| t.value.parse::<i64>().unwrap())
        };
        prop_assert!(ask(load * more) >= ask(load));
    }
}

#[test]
fn a_constant_load_gives_no_change_after_settling() {
    let spec = KpaSpec {
        target: 7.0,
        max: Replicas(50),
        ..KpaSpec::default()
    };
    let path = drive(&PolicySpec::Kpa(spec), 3, 600, |_| 40.0);
    assert!(path[150..].iter().all(|n| *n == 6), "{path:?}");
}

#[test]
fn it_leaps_with_a_surge_and_comes_down_as_the_stable_window_forgets_it() {
    let spec = KpaSpec {
        target: 7.0,
        min: Replicas(2),
        max: Replicas(50),
        ..KpaSpec::default()
    };
    let path = drive(&PolicySpec::Kpa(spec), 2, 900, |t| {
        if (180..480).contains(&t) { 120.0 } else { 12.0 }
    });
    let at = |seconds: usize| path[seconds / 2 - 1];
    assert_eq!(at(178), 2);
    assert!(
        at(188) >= 17,
        "all of the panic window is of the surge: {path:?}"
    );
    assert!(
        (180..480)
            .step_by(2)
            .collect::<Vec<_>>()
            .windows(2)
            .all(|w| at(w[1]) >= at(w[0])),
        "never down in it: {path:?}"
    );
    assert_eq!(at(478), 18, "{path:?}");
    assert!(
        path[240..].windows(2).all(|w| w[1] <= w[0]),
        "never up after it: {path:?}"
    );
    assert!(
        at(510) > 2,
        "half of the stable window is of the surge: {path:?}"
    );
    assert_eq!(at(542), 2, "{path:?}");
    assert_eq!(*path.last().unwrap(), 2, "{path:?}");
}

/// Replicas after each step of 2 s, if they are ready 10 s after they were asked for and the load is so many requests at once.
fn drive(spec: &PolicySpec, start: u32, seconds: i64, load: impl Fn(i64) -> f64) -> Vec<u32> {
    let mut policy = spec.build().unwrap();
    let mut asked = vec![i64::MIN; start as usize];
    let mut path = Vec::new();
    for now in (2..=seconds).step_by(2) {
        let readings: Vec<_> = [now - 1, now]
            .map(|t| (Timestamp::from_secs(t), load(t)))
            .to_vec();
        let able = asked
            .iter()
            .filter(|at| at.saturating_add(10) <= now)
            .count() as u32;
        let seen = seen(
            policy.as_ref(),
            Timestamp::from_secs(now),
            asked.len() as u32,
            able,
            &readings,
        );
        let decision = policy.decide(&seen);
        let mut outcome = WriteOutcome::Unchanged;
        if let Verdict::Scale(n) = decision.verdict
            && n.get() as usize != asked.len()
        {
            asked.resize(n.get() as usize, now);
            outcome = WriteOutcome::Written;
        }
        policy.settle(&outcome);
        path.push(asked.len() as u32);
    }
    path
}
