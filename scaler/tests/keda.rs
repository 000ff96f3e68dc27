//! Laws of KEDA's scaling, and its way through a surge.
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(dead_code, reason = "other laws use the rest")]

#[path = "policy_laws/cases.rs"]
mod cases;

use std::time::Duration;

use metrics::{NoData, Quantity, Reading, Replicas, Rps, Timestamp};
use proptest::prelude::*;
use scaler::{
    Formula, Keda, KedaAnnotations, KedaEvent, KedaFallback, KedaFallbackBehavior, KedaMetric,
    KedaMetricType, KedaModifiers, KedaSource, KedaSpec, KedaTrigger, MetricId, Observation,
    Policy, PolicySpec, ReadyState, ReplicaObservation, Sample, Scale, Verdict, WriteOutcome,
};

fn event(metric: KedaMetric, milli: i64) -> KedaEvent {
    KedaEvent {
        metric,
        threshold: Quantity::from_milli(milli),
        activation: Quantity::from_milli(0),
        metric_type: KedaMetricType::AverageValue,
        cached: false,
    }
}

fn seen(at: Timestamp, spec: u32) -> Observation {
    let scale = Scale {
        spec: Replicas(spec),
        status: Replicas(spec),
        ..Scale::default()
    };
    let mut ready = ReplicaObservation::default();
    ready.ready.state = ReadyState::True;
    Observation {
        at,
        scale: Reading::now(scale, at),
        replicas: vec![ready; spec as usize],
        ..Observation::default()
    }
}

fn amounts() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        3 => (0_i64..900_000).prop_map(Some),
        1 => Just(None),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(-1), Just(0)].prop_map(Some),
    ]
}

fn specs() -> impl Strategy<Value = KedaSpec> {
    let counts = (proptest::option::of(0_u32..5), 1_u32..30, any::<bool>());
    let spans = (1_u64..60, 0_u64..400, 0_u64..100);
    let fallback = proptest::option::of((0_u32..4, 0_u32..40, 0_usize..5));
    let kinds = (any::<bool>(), any::<bool>(), any::<bool>(), 1_i64..50_000);
    let pauses = (any::<bool>(), any::<bool>(), any::<bool>());
    (counts, spans, fallback, kinds, pauses).prop_map(
        |(
            (min, more, idle),
            (polling, cooldown, initial),
            fallback,
            (value, cached, formula, threshold),
            (scale_in, scale_out, force),
        )| {
            let mut one = event(KedaMetric::External("x".into()), threshold);
            one.cached = cached;
            if value {
                one.metric_type = KedaMetricType::Value;
            }
            let trigger = |name: &str, of: &KedaEvent| KedaTrigger {
                name: name.into(),
                source: KedaSource::Event(of.clone()),
            };
            let behaviors = [
                KedaFallbackBehavior::Static,
                KedaFallbackBehavior::CurrentReplicas,
                KedaFallbackBehavior::CurrentReplicasIfHigher,
                KedaFallbackBehavior::CurrentReplicasIfLower,
                KedaFallbackBehavior::ScalingModifiers,
            ];
            let least = min.unwrap_or(0);
            KedaSpec {
                polling_interval: Duration::from_secs(polling),
                cooldown_period: Duration::from_secs(cooldown),
                initial_cooldown_period: Duration::from_secs(initial),
                idle: (idle && least > 0).then_some(Replicas(0)),
                min: min.map(Replicas),
                max: Replicas(least.max(1) + more),
                fallback: fallback.map(|(failure_threshold, replicas, behavior)| KedaFallback {
                    failure_threshold,
                    replicas: Replicas(replicas),
                    behavior: behaviors[if formula { behavior } else { behavior % 4 }],
                }),
                triggers: vec![
                    trigger("a", &one),
                    trigger("b", &event(KedaMetric::Requests, threshold)),
                ],
                modifiers: formula.then(|| KedaModifiers {
                    formula: "(a ?? b) > 10 ? sum([a ?? 0, b ?? 0]) / 2 : a ?? b".into(),
                    target: 5.0,
                    activation_target: 0.0,
                    metric_type: one.metric_type,
                }),
                annotations: KedaAnnotations {
                    paused_scale_in: scale_in && scale_out,
                    paused_scale_out: scale_out && force,
                    force_activation: force,
                    ..KedaAnnotations::default()
                },
                ..KedaSpec::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases::cases(20_000)))]

    #[test]
    fn it_survives_absurd_readings_keeps_its_bounds_and_a_restart_changes_nothing(
        spec in specs(), begin in prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0_i64)], start in 0_u32..40,
        steps in proptest::collection::vec((prop_oneof![Just(0_u64), Just(15), 0..400_u64], amounts(), amounts(), 0_u8..12), 1..10),
    ) {
        let mut straight = spec.build().unwrap();
        let mut restarted = straight.clone();
        let (mut now, mut cur) = (Timestamp::from_nanos(begin), start);
        for (gap, a, b, how) in steps {
            now = now + Duration::from_secs(gap);
            let mut seen = seen(now, cur);
            let reading = match a {
                Some(milli) => Reading::now(vec![Sample { replica: None, value: Quantity::from_milli(milli) }], now),
                None => Reading::NoData(NoData::Stale),
            };
            seen.metrics.insert(MetricId::External { name: "s0-x".into() }, reading);
            if let Some(rate) = b.and_then(|milli| Rps::new(milli as f64 / 1000.0).ok()) {
                seen.traffic.offered = Reading::now(rate, now);
            }
            if how == 0 {
                seen.scale = Reading::NoData(NoData::Stale);
            }
            let decision = straight.decide(&seen);
            prop_assert_eq!(&restarted.decide(&seen), &decision);
            let mut outcome = WriteOutcome::Unchanged;
            if let Verdict::Scale(n) = decision.verdict {
                let n = n.get();
                let least = if spec.idle.is_some() { 0 } else { spec.min.unwrap_or_default().get() };
                prop_assert!(n == cur || (n >= least && n <= spec.max.get()), "{} of {:?}", n, decision);
                prop_assert!(n >= cur || !spec.annotations.paused_scale_in || cur > spec.max.get(), "{:?}", decision);
                if n != cur {
                    outcome = if how == 11 { WriteOutcome::Lost } else { cur = n; WriteOutcome::Written };
                }
            }
            let status = straight.settle(&outcome);
            prop_assert_eq!(&restarted.settle(&outcome), &status);
            prop_assert!(serde_json::to_string(&(&decision, status)).is_ok());
            let state: scaler::PolicyState = serde_json::from_str(&serde_json::to_string(&straight.save()).unwrap()).unwrap();
            restarted = spec.build().unwrap();
            restarted.restore(&state).unwrap();
            prop_assert_eq!(restarted.save(), state);
        }
    }

    #[test]
    fn no_formula_panics(text in "[ab0-9+*/^?:<>=!&|#,.()\\[\\]{} -]{0,40}", a in proptest::option::of(any::<f64>())) {
        if let Ok(formula) = Formula::parse(&text, &["a", "b"]) {
            drop(formula.evaluate(&[a, Some(1.0)]));
        }
    }
}

#[test]
fn it_follows_a_surge_of_requests_and_goes_to_zero_after_it() {
    let spec = PolicySpec::Keda(Box::new(KedaSpec {
        triggers: vec![KedaTrigger {
            name: String::new(),
            source: KedaSource::Event(event(KedaMetric::Requests, 7_000)),
        }],
        max: Replicas(40),
        ..KedaSpec::default()
    }));
    let mut policy = spec.build().unwrap();
    let (mut cur, mut path) = (0, Vec::new());
    for step in 0_i64..100 {
        let now = Timestamp::from_secs(15 * step);
        let rate = if (10..40).contains(&step) { 120.0 } else { 0.0 };
        let mut seen = seen(now, cur);
        seen.traffic.offered = Reading::now(Rps::new(rate).unwrap(), now);
        let decision = policy.decide(&seen);
        let mut outcome = WriteOutcome::Unchanged;
        if let Verdict::Scale(n) = decision.verdict
            && n.get() != cur
        {
            cur = n.get();
            outcome = WriteOutcome::Written;
        }
        policy.settle(&outcome);
        path.push(cur);
    }
    assert!(path[..10].iter().all(|n| *n == 0), "{path:?}");
    assert_eq!(path[10], 1, "{path:?}");
    assert_eq!(path[39], 18, "{path:?}");
    assert!(
        path[40..58].iter().all(|n| *n == 18),
        "the cooldown is 300 s: {path:?}"
    );
    assert!(path[63..].iter().all(|n| *n == 0), "{path:?}");
}

#[test]
fn a_constant_load_gives_no_change_after_settling() {
    let spec = KedaSpec {
        triggers: vec![KedaTrigger {
            name: String::new(),
            source: KedaSource::Event(event(KedaMetric::InFlight, 5_000)),
        }],
        ..KedaSpec::default()
    };
    let mut policy: Keda = spec.build().unwrap();
    let mut cur = 30;
    let mut path = Vec::new();
    for step in 0_i64..200 {
        let now = Timestamp::from_secs(15 * step);
        let mut seen = seen(now, cur);
        seen.traffic.in_flight = Reading::now(42.0, now);
        if let Verdict::Scale(n) = policy.decide(&seen).verdict {
            cur = n.get();
        }
        policy.settle(&WriteOutcome::Written);
        path.push(cur);
    }
    assert!(path[100..].iter().all(|n| *n == 9), "{path:?}");
}
