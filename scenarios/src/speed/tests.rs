use proptest::prelude::*;

use super::*;
use crate::{Curve, NoFiles, template};

fn scenario() -> Scenario {
    let text = template()
        .replace("target: {cpu: 70%}}", "target: {cpu: 70%}, behavior: {scaleDown: {stabilizationWindowSeconds: 60, policies: [{type: Pods, value: 2, periodSeconds: 30}]}}}")
        .replace("  order: {policy: hpa, min: 2, max: 20, target: {busy: 70%}}", "  order: {policy: schedule, min: 2, max: 20, schedule: [{at: 9m, replicas: 8}]}")
        .replace("replicas: 1}", "replicas: 1}\n  - {at: 15m, slow: order, factor: 2, for: 1m}")
        .replace("version: 1\n", "version: 1\nnodes: {size: {replicas: 40}, count: 1, provisioning: 2m}\n")
        .replace("  order:\n", "  order:\n    warm_up: {for: 40s, from: 50%}\n    patience: 7s\n")
        .replace("spread: 15%}", "spread: 15%, for: 8m}");
    Scenario::read("t.yaml", text.as_bytes(), &NoFiles, &[])
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn the_course_of_events_is_divided_and_the_rest_is_not() {
    let (slow, fast) = (scenario(), scenario().at_speed(20.0).unwrap());
    let seconds = Duration::from_secs_f64;
    assert_eq!(fast.duration, seconds(60.0));
    assert_eq!(fast.speed, 20.0);
    assert_eq!(fast.starts, slow.starts);
    assert_eq!(
        (fast.control.period, fast.control.scrape.lag),
        (seconds(0.75), seconds(0.05))
    );
    assert_eq!(
        (fast.control.scrape.interval, fast.control.scrape.window),
        (seconds(0.75), seconds(1.5))
    );
    assert_eq!(
        (fast.calendar[0].at, fast.calendar[0].lasts),
        (seconds(30.0), Some(seconds(24.0)))
    );
    assert_eq!(
        (fast.faults[0].at, fast.faults[1].lasts),
        (seconds(42.0), seconds(3.0))
    );
    assert_eq!(fast.phases.last().unwrap().to, fast.duration);
    assert!(
        matches!(&fast.scaling["order"].policy, Policy::Schedule(entries) if entries[0].at == seconds(27.0))
    );
    let Policy::Hpa {
        behavior: Some(behavior),
        stabilization,
        cpu_initialization,
        initial_readiness_delay,
        tolerance,
        ..
    } = &fast.scaling["catalogue"].policy
    else {
        panic!("no hpa")
    };
    assert_eq!(
        (
            *stabilization,
            *cpu_initialization,
            *initial_readiness_delay
        ),
        (seconds(15.0), seconds(15.0), seconds(1.5))
    );
    assert_eq!(tolerance.get(), 0.1);
    assert_eq!(behavior["scaleDown"]["stabilizationWindowSeconds"], 3.0);
    assert_eq!(behavior["scaleDown"]["policies"][0]["periodSeconds"], 1.5);
    assert_eq!(behavior["scaleDown"]["policies"][0]["value"], 2);

    let think = |scenario: &Scenario| scenario.journeys[1].pages[0].think.mean().as_secs_f64();
    assert!((think(&fast) * 20.0 - think(&slow)).abs() < 1e-6);
    let (own, own_fast) = (&slow.services["order"], &fast.services["order"]);
    assert!(
        (own_fast.start_up.mean().as_secs_f64() * 20.0 - own.start_up.mean().as_secs_f64()).abs()
            < 1e-6
    );
    assert_eq!(
        (&own_fast.operations, own_fast.limit, own_fast.drain),
        (&own.operations, own.limit, own.drain)
    );
    assert_eq!(
        (&fast.gateway, fast.slo, &fast.gates),
        (&slow.gateway, slow.slo, &slow.gates)
    );
    assert_eq!(
        fast.journeys[0].pages[2].on_failure,
        slow.journeys[0].pages[2].on_failure
    );
    assert!(
        matches!(&fast.traffic.rate[1].curve, Curve::Flash(flash) if flash.at == seconds(30.0) && flash.peak.get() == 24.0)
    );
}

#[test]
fn what_a_replica_waits_for_is_divided_and_patience_is_not() {
    let (slow, fast) = (scenario(), scenario().at_speed(20.0).unwrap());
    let (own, own_fast) = (&slow.services["order"], &fast.services["order"]);
    assert_eq!(own_fast.warm_up.unwrap().lasts, Duration::from_secs(2));
    assert!(own.patience.is_some() && own_fast.patience == own.patience);
    let provisioning = fast.nodes.unwrap().provisioning;
    assert_eq!(provisioning.mean(), Duration::from_secs(6));
}

#[test]
fn a_speed_that_cannot_be_kept_is_refused_with_the_highest_that_can() {
    assert!(scenario().at_speed(75.0).is_ok());
    let error = scenario().at_speed(76.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "speed = 76 makes the control period of 15s shorter than 200ms of wall time: at most 75"
    );
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(
            matches!(scenario().at_speed(bad), Err(SpeedError::NoSpeed(_))),
            "{bad}"
        );
    }
}

proptest! {
    #[test]
    fn rates_stay_and_counts_are_divided(speed in 0.1_f64..75.0, at in 0.0_f64..1.0) {
        let (slow, fast) = (scenario(), scenario().at_speed(speed).unwrap());
        prop_assert_eq!(scenario().at_speed(1.0).unwrap(), slow.clone());
        for (slow_term, fast_term) in slow.traffic.rate.iter().zip(&fast.traffic.rate) {
            let t = slow.duration.mul_f64(at);
            let u = crate::time::seconds(t.as_secs_f64() / speed);
            let (slow_count, fast_count) = (slow_term.curve.count_until(t), fast_term.curve.count_until(u));
            prop_assert!((fast_count * speed - slow_count).abs() < 1e-4 * (1.0 + slow_count));
            let end = fast_term.curve.count_until(fast.duration) * speed;
            prop_assert!((end - slow_term.curve.count_until(slow.duration)).abs() < 1e-3 * (1.0 + end));
        }
    }
}
