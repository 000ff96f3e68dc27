//! Polls, cooldown, fallback, pauses and formulas, with explicit times.

use std::time::Duration;

use metrics::{NoData, Quantity, Reading, Replicas, Timestamp};
use serde_json::json;

use super::*;
use crate::{ReadyState, ReplicaObservation, Scale};

/// A workload whose replicas are ready at once.
struct World {
    policy: Keda,
    now: i64,
    replicas: u32,
    /// The external metrics, or why there are none.
    values: Vec<Result<f64, &'static str>>,
}

/// One that reads `external/s0-queue`, `external/s1-queue`, …, five for a replica.
fn spec(triggers: usize) -> KedaSpec {
    let event = KedaEvent {
        metric: KedaMetric::External("queue".into()),
        threshold: Quantity::from_milli(5_000),
        activation: Quantity::from_milli(1_000),
        metric_type: KedaMetricType::AverageValue,
        cached: false,
    };
    let trigger = |name: &str| KedaTrigger {
        name: name.to_owned(),
        source: KedaSource::Event(event.clone()),
    };
    KedaSpec {
        triggers: ["one", "two", "three"][..triggers]
            .iter()
            .map(|n| trigger(n))
            .collect(),
        max: Replicas(20),
        ..KedaSpec::default()
    }
}

impl World {
    fn new(spec: &KedaSpec, replicas: u32) -> Self {
        Self {
            policy: spec.build().unwrap(),
            now: 1_000_000,
            replicas,
            values: vec![Ok(0.0); 3],
        }
    }

    fn step(&mut self) -> (Decision, Status) {
        let at = Timestamp::from_secs(self.now);
        let scale = Scale {
            spec: Replicas(self.replicas),
            status: Replicas(self.replicas),
            ..Scale::default()
        };
        let mut ready = ReplicaObservation::default();
        ready.ready.state = ReadyState::True;
        let mut seen = Observation {
            at,
            scale: Reading::now(scale, at),
            replicas: vec![ready; self.replicas as usize],
            ..Observation::default()
        };
        for id in &self.policy.wants.metrics {
            let MetricId::External { name } = id else {
                continue;
            };
            let place: usize = name[1..2].parse().unwrap();
            let reading = match self.values[place] {
                Ok(value) => {
                    let value = Quantity::from_milli((value * 1000.0) as i64);
                    Reading::now(
                        vec![Sample {
                            replica: None,
                            value,
                        }],
                        at,
                    )
                }
                Err(why) => Reading::NoData(NoData::Failed(why.into())),
            };
            seen.metrics.insert(id.clone(), reading);
        }
        let decision = self.policy.decide(&seen);
        let mut outcome = WriteOutcome::Unchanged;
        if let Verdict::Scale(n) = decision.verdict
            && n.get() != self.replicas
        {
            self.replicas = n.get();
            outcome = WriteOutcome::Written;
        }
        let status = self.policy.settle(&outcome);
        self.now += 15;
        (decision, status)
    }

    /// Replicas after each of so many steps of 15 s with these values.
    fn run(&mut self, values: &[Result<f64, &'static str>], steps: usize) -> Vec<u32> {
        self.values[..values.len()].clone_from_slice(values);
        (0..steps)
            .map(|_| {
                self.step();
                self.replicas
            })
            .collect()
    }
}

#[test]
fn it_wakes_by_a_poll_grows_by_its_hpa_and_sleeps_after_the_cooldown() {
    let mut world = World::new(&spec(1), 0);
    assert_eq!(
        world.run(&[Ok(1.0)], 3),
        [0, 0, 0],
        "not above the activation threshold"
    );
    world.run(&[Ok(40.0)], 1);
    let path = world.run(&[Ok(40.0)], 6);
    assert_eq!(path[0], 1, "a poll wakes one");
    assert_eq!(path.last(), Some(&8), "40 at 5 a replica: {path:?}");
    // The last poll that found activity was at most 30 s ago; the HPA holds 8 for its window of 300 s meanwhile.
    let path = world.run(&[Ok(0.0)], 24);
    let asleep = path.iter().position(|n| *n == 0).unwrap();
    assert!((19..=22).contains(&asleep), "{path:?}");
    assert_eq!(path[asleep - 1], 8, "straight from 8: {path:?}");
    let (decision, status) = world.step();
    assert_eq!(decision.verdict, Verdict::Hold);
    assert_eq!(status.conditions["Active"].reason, "ScalerNotActive");
    assert_eq!(status.conditions["ScalingActive"].reason, "ScalingDisabled");
}

#[test]
fn a_decision_says_what_the_triggers_said() {
    let mut world = World::new(&spec(1), 0);
    world.values[0] = Ok(12.5);
    let (decision, status) = world.step();
    assert_eq!(decision.reason.because, "activation");
    assert_eq!(
        decision.reason.sentence(),
        "activity (s0-queue 12.5 is above 1): 1 replica"
    );
    assert_eq!(status.events[0].reason, "KEDAScaleTargetActivated");
    let (decision, _) = world.step();
    assert_eq!(
        decision.reason.sentence(),
        "s0-queue 12.5 at 5 a replica: 3 replicas"
    );
    world.values[0] = Ok(0.0);
    let (decision, _) = world.step();
    let activity = decision.reason.terms().pop().unwrap();
    assert_eq!(
        activity.value,
        "s0-queue 0 is not above 1; the cooldown lasts 270 s more"
    );
}

#[test]
fn the_minimum_and_idle_replicas() {
    let two = KedaSpec {
        min: Some(Replicas(2)),
        ..spec(1)
    };
    assert_eq!(
        World::new(&two, 0).run(&[Ok(0.0)], 2),
        [2, 2],
        "up to the minimum"
    );
    assert_eq!(*World::new(&two, 7).run(&[Ok(0.0)], 60).last().unwrap(), 2);

    let idle = KedaSpec {
        idle: Some(Replicas(0)),
        ..two
    };
    let mut world = World::new(&idle, 2);
    assert_eq!(*world.run(&[Ok(0.0)], 60).last().unwrap(), 0);
    let path = world.run(&[Ok(3.0)], 4);
    assert_eq!(path.last(), Some(&2), "{path:?}");
}

#[test]
fn one_that_never_was_active_waits_for_the_initial_cooldown_only() {
    let patient = KedaSpec {
        initial_cooldown_period: Duration::from_secs(100),
        ..spec(1)
    };
    let path = World::new(&patient, 3).run(&[Ok(0.0)], 12);
    assert_eq!(path.iter().position(|n| *n == 0), Some(8), "{path:?}");
}

#[test]
fn failures_hold_and_after_too_many_the_fallback_stands_in() {
    let without = World::new(&spec(1), 6).run(&[Err("down")], 60);
    assert!(without.iter().all(|n| *n == 6), "{without:?}");

    let fallback = |behavior| KedaSpec {
        fallback: Some(KedaFallback {
            failure_threshold: 3,
            replicas: Replicas(9),
            behavior,
        }),
        ..spec(1)
    };
    for (behavior, expected) in [
        (KedaFallbackBehavior::Static, 9),
        (KedaFallbackBehavior::CurrentReplicas, 12),
        (KedaFallbackBehavior::CurrentReplicasIfHigher, 12),
        (KedaFallbackBehavior::CurrentReplicasIfLower, 9),
    ] {
        let mut world = World::new(&fallback(behavior), 12);
        world.run(&[Err("down")], 60);
        assert_eq!(world.replicas, expected, "{behavior:?}");
        let (_, status) = world.step();
        assert_eq!(status.conditions["Fallback"].reason, "FallbackExists");
        world.run(&[Ok(40.0)], 40);
        assert_eq!(world.replicas, 8);
        let (_, status) = world.step();
        assert_eq!(status.conditions["Fallback"].reason, "NoFallbackFound");
    }
    // Poll and HPA count on their own: the fourth failure comes with the third step.
    let mut world = World::new(&fallback(KedaFallbackBehavior::Static), 5);
    assert_eq!(world.run(&[Err("down")], 4), [5, 5, 9, 9]);
}

#[test]
fn a_value_target_falls_back_over_the_ready_replicas() {
    let mut by_value = KedaSpec {
        fallback: Some(KedaFallback {
            failure_threshold: 0,
            replicas: Replicas(6),
            behavior: KedaFallbackBehavior::Static,
        }),
        ..spec(1)
    };
    let KedaSource::Event(event) = &mut by_value.triggers[0].source else {
        unreachable!()
    };
    event.metric_type = KedaMetricType::Value;
    let mut world = World::new(&by_value, 3);
    world.run(&[Err("down")], 3);
    assert_eq!(world.replicas, 6);
}

#[test]
fn one_broken_trigger_of_two_keeps_it_up_and_not_asleep() {
    let mut world = World::new(&spec(2), 4);
    assert!(
        world
            .run(&[Ok(0.0), Err("down")], 60)
            .iter()
            .all(|n| *n == 4)
    );
    let (_, status) = world.step();
    assert_eq!(status.conditions["Ready"].reason, "TriggerError");
    world.run(&[Ok(50.0), Err("down")], 6);
    assert_eq!(world.replicas, 10, "up with the one that works");
    let (_, status) = world.step();
    assert_eq!(status.conditions["Ready"].reason, "PartialTriggerError");
}

#[test]
fn annotations_pause_and_force() {
    let with = |annotations| KedaSpec {
        annotations,
        ..spec(1)
    };
    let paused = with(KedaAnnotations {
        paused_replicas: Some(Replicas(30)),
        ..KedaAnnotations::default()
    });
    let mut world = World::new(&paused, 4);
    assert_eq!(
        world.run(&[Ok(40.0)], 3),
        [30, 30, 30],
        "bounds do not hold"
    );
    world.replicas = 2;
    assert_eq!(world.run(&[Ok(40.0)], 3), [2, 2, 2], "it is asked for once");

    let no_in = with(KedaAnnotations {
        paused_scale_in: true,
        ..KedaAnnotations::default()
    });
    let mut world = World::new(&no_in, 4);
    assert!(world.run(&[Ok(0.0)], 60).iter().all(|n| *n == 4));
    world.run(&[Ok(50.0)], 10);
    assert_eq!(world.replicas, 10);

    let no_out = with(KedaAnnotations {
        paused_scale_out: true,
        ..KedaAnnotations::default()
    });
    assert!(
        World::new(&no_out, 0)
            .run(&[Ok(50.0)], 10)
            .iter()
            .all(|n| *n == 0)
    );
    assert!(
        World::new(&no_out, 4)
            .run(&[Ok(50.0)], 10)
            .iter()
            .all(|n| *n == 4)
    );

    let forced = with(KedaAnnotations {
        force_activation: true,
        ..KedaAnnotations::default()
    });
    assert_eq!(World::new(&forced, 0).run(&[Ok(0.0)], 40).last(), Some(&1));
}

fn with_formula(formula: &str) -> KedaSpec {
    KedaSpec {
        modifiers: Some(KedaModifiers {
            formula: formula.into(),
            target: 10.0,
            activation_target: 2.0,
            metric_type: KedaMetricType::AverageValue,
        }),
        ..spec(2)
    }
}

#[test]
fn a_formula_takes_the_place_of_its_triggers() {
    let mut world = World::new(&with_formula("one > 20 ? max(one, two) * 2 : 0"), 0);
    assert_eq!(
        world.run(&[Ok(15.0), Ok(99.0)], 3),
        [0, 0, 0],
        "0 is no activity"
    );
    world.run(&[Ok(25.0), Ok(30.0)], 10);
    assert_eq!(world.replicas, 6);
    world.run(&[Ok(25.0), Err("down")], 30);
    assert_eq!(world.replicas, 6, "with one of them broken it stays");
}

#[test]
fn what_a_formula_has_no_value_for_is_nil_in_it() {
    let mut spec = with_formula("one ?? two");
    spec.fallback = Some(KedaFallback {
        failure_threshold: 2,
        replicas: Replicas(7),
        behavior: KedaFallbackBehavior::ScalingModifiers,
    });
    let mut world = World::new(&spec, 1);
    world.run(&[Err("down"), Ok(40.0)], 12);
    assert_eq!(world.replicas, 4, "the other one");
    world.run(&[Err("down"), Err("down")], 12);
    assert_eq!(world.replicas, 7, "all of it is nil");
}

#[test]
fn a_cached_metric_is_the_polls() {
    let mut cached = spec(1);
    let KedaSource::Event(event) = &mut cached.triggers[0].source else {
        unreachable!()
    };
    event.cached = true;
    let mut world = World::new(&cached, 4);
    world.run(&[Ok(20.0)], 2);
    world.run(&[Ok(40.0)], 1);
    assert_eq!(world.replicas, 8, "polled in this step");
    assert_eq!(world.run(&[Ok(60.0)], 2), [8, 12], "not polled, polled");
}

#[test]
fn resource_triggers_alone_count_as_active() {
    let cpu = KedaSpec {
        min: Some(Replicas(1)),
        triggers: vec![KedaTrigger {
            name: String::new(),
            source: KedaSource::Cpu(KedaResource {
                container: None,
                target: KedaResourceTarget::Utilization(70),
            }),
        }],
        ..KedaSpec::default()
    };
    let mut world = World::new(&cpu, 3);
    let (decision, status) = world.step();
    assert_eq!(status.conditions["Active"].reason, "ScalerActive");
    assert_eq!(decision.reason.because, "no_data", "no CPU is seen here");
}

#[test]
fn the_hpa_it_makes_is_kedas() {
    let mut mixed = spec(1);
    mixed.triggers.insert(
        0,
        KedaTrigger {
            name: "cpu".into(),
            source: KedaSource::Cpu(KedaResource {
                container: None,
                target: KedaResourceTarget::Utilization(70),
            }),
        },
    );
    let hpa = serde_json::to_value(mixed.hpa()).unwrap();
    assert_eq!(hpa["minReplicas"], 1);
    assert_eq!(hpa["maxReplicas"], 20);
    assert_eq!(hpa["metrics"][0]["external"]["metric"]["name"], "s1-queue");
    assert_eq!(hpa["metrics"][0]["external"]["target"]["averageValue"], "5");
    assert_eq!(
        hpa["metrics"][1]["resource"]["target"]["averageUtilization"],
        70
    );
    let composed = serde_json::to_value(with_formula("one").hpa()).unwrap();
    assert_eq!(
        composed["metrics"],
        json!([{"type": "External", "external": {"metric": {"name": "composite-metric"},
            "target": {"type": "AverageValue", "averageValue": "10"}}}])
    );
}

#[test]
fn what_keda_refuses_is_refused_by_its_fields() {
    let bad = KedaSpec {
        min: Some(Replicas(9)),
        max: Replicas(5),
        idle: Some(Replicas(9)),
        fallback: Some(KedaFallback {
            failure_threshold: 1,
            replicas: Replicas(1),
            behavior: KedaFallbackBehavior::ScalingModifiers,
        }),
        polling_interval: Duration::ZERO,
        ..spec(0)
    };
    let said: Vec<String> = bad
        .validate()
        .iter()
        .map(|error| error.field.clone())
        .collect();
    assert_eq!(
        said,
        [
            "spec.fallback",
            "spec.fallback.behavior",
            "spec.idleReplicaCount",
            "spec.minReplicaCount",
            "spec.pollingInterval",
            "spec.triggers",
        ]
    );
    let mut twice = with_formula("one + four");
    twice.triggers[1].name = "one".into();
    let said: Vec<String> = twice.validate().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "spec.advanced.scalingModifiers.formula: unknown name `four`: the triggers are one, one (at character 7)",
            "spec.triggers[1].name: triggerName \"one\" is defined multiple times in the ScaledObject/ScaledJob, but it must be unique",
        ]
    );
}

#[test]
fn a_restart_changes_nothing() {
    let mut spec = with_formula("one ?? two");
    spec.fallback = Some(KedaFallback {
        failure_threshold: 1,
        replicas: Replicas(7),
        behavior: KedaFallbackBehavior::ScalingModifiers,
    });
    let (mut straight, mut restarted) = (World::new(&spec, 0), World::new(&spec, 0));
    for i in 0..200_i32 {
        let one = if i % 7 == 0 {
            Err("down")
        } else {
            Ok(f64::from(i % 40))
        };
        for world in [&mut straight, &mut restarted] {
            world.values[0] = one;
        }
        assert_eq!(straight.step(), restarted.step(), "step {i}");
        let state = restarted.policy.save();
        restarted.policy = spec.build().unwrap();
        restarted.policy.restore(&state).unwrap();
    }
    let bytes = serde_json::to_vec(&straight.policy.save()).unwrap().len();
    assert!(bytes < 4096, "{bytes} bytes");
}

/// On from 1,000,100 to 1,000,300 s, one replica: activity is by the clock, not by how many it asks for.
#[test]
fn a_cron_trigger_for_one_replica_wakes_it_and_says_nothing_while_it_is_off() {
    let mut spec = spec(1);
    let window = (
        Timestamp::from_secs(1_000_100),
        Timestamp::from_secs(1_000_300),
    );
    spec.triggers[0].source = KedaSource::Event(KedaEvent {
        metric: KedaMetric::Cron(KedaCron {
            start: "0 8 * * *".into(),
            end: "0 20 * * *".into(),
            timezone: "UTC".into(),
            replicas: Replicas(1),
            windows: vec![window],
        }),
        threshold: Quantity::from_milli(1000),
        activation: Quantity::ZERO,
        metric_type: KedaMetricType::AverageValue,
        cached: false,
    });
    spec.cooldown_period = Duration::from_secs(60);
    let mut world = World::new(&spec, 0);
    let path = world.run(&[], 30);
    let up = path.iter().position(|n| *n == 1);
    assert_eq!(up, Some(8), "at the first poll within: {path:?}");
    let down = path.iter().rposition(|n| *n == 1);
    assert!((20..26).contains(&down.unwrap()), "{path:?}");
    assert!(path.iter().all(|n| *n <= 1), "{path:?}");
    let KedaSource::Event(event) = &spec.triggers[0].source else {
        panic!("it is one")
    };
    let at = |at| {
        let seen = Observation {
            at,
            ..Observation::default()
        };
        triggers::read(&event.metric_id(0), event, &seen)
    };
    assert_eq!((at(window.0), at(window.1)), (Ok(1000), Ok(0)));
}

#[test]
fn idle_replicas_are_held_against_the_hpas_minimum() {
    let with = |min: Option<u32>, idle: u32| KedaSpec {
        min: min.map(Replicas),
        idle: Some(Replicas(idle)),
        ..spec(1)
    };
    assert!(with(Some(0), 0).validate().is_empty(), "the HPA's is one");
    let refused = |spec: KedaSpec| spec.validate()[0].detail.clone();
    assert_eq!(
        refused(with(Some(0), 1)),
        "IdleReplicaCount=1 must be less than MinReplicaCount=1"
    );
    assert_eq!(
        refused(with(None, 0)),
        "IdleReplicaCount=0 must be less than MinReplicaCount=0"
    );
}
