//! The way to zero and back, and the bounds, with explicit times.

use std::time::Duration;

use metrics::{NoData, Reading, Replicas, Timestamp};

use super::{Kpa, KpaSpec};
use crate::{
    Decision, Observation, Policy, ReadySample, ReadyState, ReplicaObservation, Scale, Status,
    Verdict, WriteOutcome,
};

/// A workload whose replicas are ready as soon as they are asked for, unless there are fewer `able` to be.
struct World {
    policy: Kpa,
    now: i64,
    replicas: u32,
    able: u32,
}

impl World {
    fn new(spec: KpaSpec, replicas: u32) -> Self {
        Self {
            policy: Kpa::new(spec),
            now: 1_000_000,
            replicas,
            able: u32::MAX,
        }
    }

    fn observation(&self, load: f64) -> Observation {
        let at = Timestamp::from_secs(self.now);
        let metric = self.policy.wants().samples.first().unwrap();
        let sample = |back| ReadySample {
            at: Timestamp::from_secs(self.now - back),
            metric: metric.clone(),
            value: load,
        };
        let scale = Scale {
            spec: Replicas(self.replicas),
            ..Scale::default()
        };
        let mut ready = ReplicaObservation::default();
        ready.ready.state = ReadyState::True;
        Observation {
            at,
            scale: Reading::now(scale, at),
            replicas: vec![ready; self.replicas.min(self.able) as usize],
            samples: vec![sample(1), sample(0)],
            ..Observation::default()
        }
    }

    fn step(&mut self, load: f64) -> (Decision, Status) {
        self.now += 2;
        let decision = self.policy.decide(&self.observation(load));
        let mut outcome = WriteOutcome::Unchanged;
        if let Verdict::Scale(n) = decision.verdict
            && n.get() != self.replicas
        {
            self.replicas = n.get();
            outcome = WriteOutcome::Written;
        }
        let status = self.policy.settle(&outcome);
        (decision, status)
    }

    /// Steps with this load for so many seconds; how long each number of replicas stayed, s.
    fn run(&mut self, load: f64, seconds: i64) -> Vec<(u32, i64)> {
        let mut path: Vec<(u32, i64)> = Vec::new();
        for _ in 0..seconds / 2 {
            self.step(load);
            match path.last_mut() {
                Some((n, lasts)) if *n == self.replicas => *lasts += 2,
                _ => path.push((self.replicas, 2)),
            }
        }
        path
    }
}

fn spec() -> KpaSpec {
    KpaSpec {
        target: 10.0,
        max: Replicas(20),
        ..KpaSpec::default()
    }
}

#[test]
fn without_load_it_goes_once_the_activator_is_in_the_path_for_the_grace_period() {
    // With room for the burst the activator leaves the path, and is only back when the workload is inactive.
    for (burst, waits) in [(211.0, 58..=64), (0.0, 88..=94)] {
        let mut world = World::new(
            KpaSpec {
                target_burst_capacity: burst,
                ..spec()
            },
            4,
        );
        world.run(40.0, 100);
        let path = world.run(0.0, 200);
        let (last, zero) = (path[path.len() - 2], path[path.len() - 1]);
        assert_eq!((last.0, zero.0), (1, 0), "{path:?}");
        // The last load leaves the window after 60 s.
        let waited: i64 = path.iter().filter(|(n, _)| *n > 0).map(|(_, s)| s).sum();
        assert!(waits.contains(&waited), "burst {burst}: {path:?}");
        let (_, status) = world.step(0.0);
        assert_eq!(status.conditions["Active"].reason, "NoTraffic");
        let (decision, _) = world.step(9.0);
        assert_eq!(
            decision.verdict,
            Verdict::Scale(Replicas(1)),
            "{decision:?}"
        );
    }
}

#[test]
fn each_wait_on_the_way_to_zero_says_how_long_it_lasts() {
    let mut world = World::new(
        KpaSpec {
            pod_retention: Duration::from_secs(100),
            ..spec()
        },
        1,
    );
    let mut said = Vec::new();
    for _ in 0..90 {
        let (decision, _) = world.step(0.0);
        let by = decision.reason.clips.last().map(|clip| clip.by.clone());
        if said.last().is_none_or(|(last, _)| *last != by) {
            said.push((by, decision.reason.sentence().into_owned()));
        }
    }
    let said: Vec<String> = said.into_iter().map(|(_, sentence)| sentence).collect();
    assert_eq!(
        said,
        [
            "0 requests at once over 60 s at 10 a replica: 0 replicas; one stays until it was active for a stable window, 60 s more",
            "0 requests at once over 60 s at 10 a replica: 0 replicas; first it is marked inactive, so that requests go through the activator",
            "0 requests at once over 60 s at 10 a replica: 0 replicas; the last replica is kept for 98 s more",
            "0 requests at once over 60 s at 10 a replica: 0 replicas",
        ]
    );
    assert_eq!(world.replicas, 0);
}

#[test]
fn bounds_and_the_first_replicas_are_kept() {
    let bounded = KpaSpec {
        min: Replicas(2),
        ..spec()
    };
    let mut world = World::new(bounded, 5);
    assert_eq!(world.run(0.0, 300).last().unwrap().0, 2);
    world.run(10_000.0, 10);
    assert_eq!(world.replicas, 20);

    let first = KpaSpec {
        initial_scale: 6,
        ..spec()
    };
    let mut world = World::new(first, 1);
    world.able = 5;
    let (decision, status) = world.step(1.0);
    assert_eq!(decision.verdict, Verdict::Scale(Replicas(6)));
    assert_eq!(decision.reason.clips.last().unwrap().by, "initial_scale");
    assert_eq!(status.conditions["Active"].reason, "Queued");
    world.run(1.0, 200);
    assert_eq!(world.replicas, 6, "five ready are not six");
    world.able = 6;
    world.run(1.0, 10);
    assert_eq!(world.replicas, 1, "once six were ready it is free");
}

#[test]
fn zero_that_is_switched_off_is_one() {
    let mut world = World::new(
        KpaSpec {
            scale_to_zero: false,
            ..spec()
        },
        3,
    );
    assert_eq!(world.run(0.0, 600).last().unwrap().0, 1);
}

#[test]
fn first_replicas_that_never_become_ready_are_given_up() {
    let mut world = World::new(spec(), 1);
    world.able = 0;
    assert_eq!(world.run(0.0, 620), [(1, 620)]);
    world.run(0.0, 20);
    assert_eq!(world.replicas, 0);
    let (_, status) = world.step(0.0);
    assert_eq!(status.conditions["Active"].reason, "NoTraffic");
}

#[test]
fn the_activator_leaves_the_path_only_with_room_for_a_burst() {
    let mut world = World::new(spec(), 2);
    let told = |decision: &Decision| {
        decision
            .reason
            .terms()
            .iter()
            .any(|t| t.name == "activator")
    };
    world.step(15.0);
    assert!(told(&world.step(15.0).0), "2 × 100 − 211 − 15 < 0");
    world.run(25.0, 80);
    assert!(!told(&world.step(25.0).0), "3 × 100 − 211 − 25 ≥ 0");
}

#[test]
fn no_data_and_no_scale_change_nothing_and_say_why() {
    let mut world = World::new(spec(), 4);
    world.step(40.0);
    let before = world.policy.save();
    world.now += 2;
    let mut seen = world.observation(1.0);
    seen.samples.clear();
    seen.scale = Reading::NoData(NoData::Unreachable("no route".into()));
    let decision = world.policy.decide(&seen);
    assert_eq!(decision.verdict, Verdict::Hold);
    let status = world.policy.settle(&WriteOutcome::Unchanged);
    assert!(status.error.unwrap().contains("no route"));
    assert_eq!(world.policy.save(), before);
    world.now += 120;
    seen = world.observation(1.0);
    seen.samples.clear();
    let decision = world.policy.decide(&seen);
    assert_eq!(decision.reason.because, "no_data");
    assert_eq!(
        decision.verdict,
        Verdict::Scale(Replicas(4)),
        "the last recommendation stands"
    );
}

#[test]
fn a_panic_is_told_with_what_it_rests_on() {
    let mut world = World::new(spec(), 2);
    world.run(15.0, 80);
    let (decision, _) = world.step(150.0);
    assert_eq!(
        decision.reason.sentence(),
        "panic: 60 requests at once over 6 s at 10 a replica: 6 replicas"
    );
    let (decision, _) = world.step(15.0);
    assert_eq!(decision.reason.clips.len(), 0, "{decision:?}");
    world.run(15.0, 10);
    let (decision, _) = world.step(15.0);
    let clip = decision.reason.clips.last().unwrap();
    assert_eq!((&*clip.by, clip.to), ("panic", Replicas(6)), "{decision:?}");
}

#[test]
fn a_saved_state_is_small() {
    let mut world = World::new(spec(), 4);
    world.run(12.345_678, 200);
    let bytes = serde_json::to_vec(&world.policy.save()).unwrap().len();
    assert!(bytes < 4096, "{bytes} bytes");
}
