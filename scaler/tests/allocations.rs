//! In the steady state a decision allocates nothing, and neither does what follows from its outcome.
//!
//! Each policy lives through hours of a load that wanders, until what it remembers is as large as it gets. Then each decision is
//! counted, while its load goes on changing. A decision is dropped before the next one is made, as worlds do.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::hint::black_box;
use std::time::Duration;

use allocation_counter::measure;
use metrics::Timestamp;
use scaler::{Policy, PolicySpec, Verdict, WriteOutcome};

#[expect(dead_code, reason = "it is made for the laws")]
#[path = "policy_laws/world.rs"]
mod world;

const ALL: [&str; 12] = [
    "static",
    "schedule",
    "hpa",
    "hpa_rates",
    "hpa_manifest",
    "kpa",
    "keda",
    "step",
    "target_tracking",
    "reactive",
    "foresight",
    "guarded_reactive",
];

/// What becomes of what is decided.
#[derive(Clone, Copy, Debug, PartialEq)]
enum World {
    /// Nothing: the replicas stay.
    Stays,
    /// It is done, and all are ready at once.
    Follows,
}

/// A policy in its world.
struct Life {
    policy: Box<dyn Policy + Send>,
    draws: world::Draws,
    at: Timestamp,
    replicas: u32,
    rate: f64,
}

/// What one decision allocated, and what its outcome did.
#[derive(Clone, Copy, Debug)]
struct Counts {
    decided: u64,
    settled: u64,
    written: bool,
}

impl Life {
    fn new(spec: &PolicySpec) -> Self {
        Self {
            policy: spec.build().unwrap(),
            draws: world::Draws::new(1),
            at: Timestamp::from_secs(100_000),
            replicas: world::MAX,
            rate: 1400.0,
        }
    }

    fn step(&mut self, world: World) -> Counts {
        self.at = self.at + self.policy.wants().period;
        // It wanders, and comes back to what twenty replicas are just enough for.
        let by = 0.2 * (self.draws.share() - 0.5);
        self.rate = (self.rate * (1.0 + by) + 0.02 * (1400.0 - self.rate)).clamp(300.0, 2600.0);
        let seen = world::seen(self.policy.wants(), self.at, self.replicas, self.rate);
        let (policy, replicas) = (&mut self.policy, self.replicas);
        let mut verdict = Verdict::Hold;
        let decided = measure(|| {
            // Dropped here, before the next one.
            verdict = policy.decide(&seen).verdict;
        });
        let to = match verdict {
            Verdict::Scale(n) => n.get(),
            Verdict::Hold => replicas,
        };
        let outcome = match world {
            _ if to == replicas => WriteOutcome::Unchanged,
            World::Stays => WriteOutcome::DryRun,
            World::Follows => WriteOutcome::Written,
        };
        let settled = measure(|| {
            black_box(policy.settle(&outcome));
        });
        if outcome == WriteOutcome::Written {
            self.replicas = to;
        }
        Counts {
            decided: decided.count_total,
            settled: settled.count_total,
            written: outcome == WriteOutcome::Written,
        }
    }

    fn live(&mut self, span: Duration, world: World) {
        let until = self.at + span;
        while self.at < until {
            self.step(world);
        }
    }
}

/// Six hours, and then a thousand decisions.
fn counted(name: &'static str, world: World) -> Vec<Counts> {
    let mut life = Life::new(&world::subject(name).spec);
    life.live(Duration::from_secs(6 * 3600), world);
    (0..1000).map(|_| life.step(world)).collect()
}

fn sum(all: &[Counts], of: impl Fn(&Counts) -> u64) -> u64 {
    all.iter().map(of).sum()
}

#[test]
fn a_decision_allocates_nothing() {
    let mut some = 0;
    // What foresight may, the test after the next says.
    for name in ALL.into_iter().filter(|name| *name != "foresight") {
        for world in [World::Stays, World::Follows] {
            let all = counted(name, world);
            let (decided, settled) = (sum(&all, |c| c.decided), sum(&all, |c| c.settled));
            let written = all.iter().filter(|c| c.written).count();
            println!(
                "{name}, {world:?}: {decided} to decide, {settled} to settle, {written} written"
            );
            some += decided;
        }
    }
    assert_eq!(some, 0, "see above who allocates");
}

/// A number that is written has an event, which tells of it.
#[test]
fn an_outcome_allocates_nothing_unless_it_is_that_a_number_was_written() {
    for name in ALL {
        let stays = counted(name, World::Stays);
        assert_eq!(sum(&stays, |c| c.settled), 0, "{name}");
        for counts in counted(name, World::Follows) {
            assert!(counts.written || counts.settled == 0, "{name}: {counts:?}");
        }
    }
}

/// Learning anew and going through the last days in thought are spread over many decisions, each once a day; of those a few
/// begin or end one of their parts, and take room.
#[test]
fn foresight_with_days_behind_it_allocates_only_to_learn_them_anew() {
    let mut life = Life::new(&world::subject("foresight").spec);
    life.live(Duration::from_secs(3 * 86_400), World::Stays);
    let state = life.policy.save().state;
    assert!(
        state["history"]["fit"].is_object(),
        "it has learned nothing"
    );
    let day: Vec<Counts> = (0..5760).map(|_| life.step(World::Stays)).collect();
    let some = day.iter().enumerate().filter(|(_, c)| c.decided > 0);
    let some: Vec<(usize, u64)> = some.map(|(place, c)| (place, c.decided)).collect();
    assert!((1..=6).contains(&some.len()), "{some:?}");
}

/// Or else nothing above could fail.
#[test]
fn what_is_allocated_is_counted() {
    let mut policy = world::subject("reactive").spec.build().unwrap();
    let at = Timestamp::from_secs(100_000);
    let seen = world::seen(policy.wants(), at, 20, 1400.0);
    let first = measure(|| {
        black_box(policy.decide(&seen));
    });
    assert!(first.count_total > 0, "a first decision needs room");
    let kept = policy.decide(&seen);
    let second = measure(|| {
        black_box(policy.decide(&seen));
    });
    assert!(second.count_total > 0, "the last one is held by someone");
    let read = measure(|| {
        black_box(kept.reason.sentence());
    });
    assert!(read.count_total > 0, "words are made when they are read");
}
