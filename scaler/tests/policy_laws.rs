//! Laws that every policy keeps, whatever it is shown. Cases are drawn from fixed seeds, one policy after the other.
//!
//! `RUSHHOUR_FULL=1` runs 100,000 cases of each law; without it a tenth of that, or fewer where a case is long.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "policy_laws/world.rs"]
mod world;

use std::time::Duration;

use metrics::{NoData, Ratio, Reading, Replicas, Timestamp};
use scaler::{Observation, Policy, PolicySpec, PolicyState, Verdict, WriteOutcome};
use world::{CAPACITY, Draws, MAX, MIN, Subject, absurd, seen, subjects};

/// All that take part, but for the oracle, which is shown the future and nothing else.
const ALL: [&str; 17] = [
    "static",
    "schedule",
    "hpa",
    "hpa_rates",
    "hpa_manifest",
    "kpa",
    "keda",
    "reactive",
    "foresight",
    "guarded_hpa",
    "guarded_hpa_manifest",
    "guarded_kpa",
    "guarded_keda",
    "step",
    "target_tracking",
    "guarded_step",
    "guarded_target_tracking",
];
/// Those that scale by what they are shown.
const SCALING: [&str; 9] = [
    "hpa",
    "hpa_rates",
    "hpa_manifest",
    "kpa",
    "keda",
    "step",
    "target_tracking",
    "reactive",
    "foresight",
];
/// Ours. They keep learning what replicas take and what a slow request is worth.
const OURS: [&str; 2] = ["reactive", "foresight"];
/// Those that learn nothing. Steps are of whole replicas: one of three less is a third, and may lead from one alarm to the
/// other and back, as it does at AWS.
const FIXED: [&str; 6] = [
    "hpa",
    "hpa_rates",
    "hpa_manifest",
    "kpa",
    "keda",
    "target_tracking",
];
/// Those that never go down on what cannot be trusted: ours, and those of others with the guard around them. KPA asks for
/// one-second samples alone, which carry no coverage, and keeps its own rule: no samples, no decision.
const TRUSTWORTHY: [&str; 8] = [
    "reactive",
    "foresight",
    "guarded_hpa",
    "guarded_hpa_manifest",
    "guarded_keda",
    "target_tracking",
    "guarded_step",
    "guarded_target_tracking",
];

/// Runs a law's cases over the subjects in turn: all of 100,000, or a share of them.
fn each(share: f64, names: &[&'static str], law: impl Fn(&Subject, &mut Draws)) {
    let full = std::env::var_os("RUSHHOUR_FULL").is_some_and(|value| value == "1");
    let cases = if full {
        100_000
    } else {
        (100_000.0 * share) as usize
    };
    let subjects = subjects(names);
    for case in 0..cases {
        let subject = &subjects[case % subjects.len()];
        law(subject, &mut Draws::new(case as u64));
    }
}

fn build(spec: &PolicySpec) -> Box<dyn Policy + Send> {
    spec.build().unwrap()
}

fn start() -> Timestamp {
    Timestamp::from_secs(100_000)
}

/// Decides, and lets the world follow. Gives how many replicas there are then.
fn step(policy: &mut dyn Policy, seen: &Observation, replicas: u32) -> u32 {
    let to = match policy.decide(seen).verdict {
        Verdict::Scale(n) => n.get(),
        Verdict::Hold => replicas,
    };
    policy.settle(&if to == replicas {
        WriteOutcome::Unchanged
    } else {
        WriteOutcome::Written
    });
    to
}

/// A load that wanders, jumps and falls.
fn wander(draws: &mut Draws, rate: f64) -> f64 {
    let by = draws.one(&[1.0, 1.0, 1.02, 0.97, 1.3, 0.6, 2.5, 0.1]);
    (rate * by).clamp(1.0, 1.5 * CAPACITY * f64::from(MAX))
}

#[test]
fn whatever_is_shown_numbers_stay_within_the_bounds() {
    each(0.2, &ALL, |subject, draws| {
        let mut policy = build(&subject.spec);
        let mut at = start();
        let mut n = MIN + draws.below(u64::from(MAX - MIN)) as u32;
        for _ in 0..6 {
            at = at + Duration::from_secs(draws.below(40));
            let shown = absurd(draws, policy.wants(), at, n);
            n = step(&mut policy, &shown, n);
            let bounded = (MIN..=MAX).contains(&n);
            assert!(bounded, "{}: {n}", subject.name);
        }
    });
}

#[test]
fn no_reading_panics_nor_makes_a_policy_flap_while_it_stays() {
    each(0.2, &ALL, |subject, draws| {
        let mut policy = build(&subject.spec);
        let mut at = start();
        let mut n = draws.one(&[MIN, MAX, 7, 0, 1, 1000]);
        for _ in 0..draws.below(3) {
            at = at + Duration::from_secs(draws.below(40));
            let shown = absurd(draws, policy.wants(), at, n);
            n = step(&mut policy, &shown, n);
        }
        // The same again, at the same instant: it may still go on, but never turns.
        let shown = absurd(draws, policy.wants(), at, n);
        let mut way = Vec::from([n]);
        for time in 0..5 {
            let again = Observation {
                // One-second readings are those since the last time: now there are none.
                samples: if time == 0 {
                    shown.samples.clone()
                } else {
                    Vec::new()
                },
                scale: shown.scale.clone().map(|scale| scaler::Scale {
                    spec: Replicas(n),
                    ..scale
                }),
                ..shown.clone()
            };
            n = step(&mut policy, &again, n);
            way.push(n);
        }
        let up = way.windows(2).any(|pair| pair[1] > pair[0]);
        let down = way.windows(2).any(|pair| pair[1] < pair[0]);
        // Those that lie outside the bounds are brought back first.
        let inside = (MIN..=MAX).contains(&way[0]);
        assert!(!(up && down && inside), "{}: {way:?}", subject.name);
    });
}

#[test]
fn nothing_goes_down_on_what_cannot_be_trusted() {
    each(0.2, &TRUSTWORTHY, |subject, draws| {
        let mut policy = build(&subject.spec);
        let (mut at, mut n, mut rate) = (start(), 8, 600.0);
        for _ in 0..4 + draws.below(4) {
            at = at + Duration::from_secs(15);
            rate = wander(draws, rate);
            let shown = seen(policy.wants(), at, n, rate);
            n = step(&mut policy, &shown, n);
        }
        at = at + Duration::from_secs(15 + draws.below(600));
        rate *= draws.share();
        let mut shown = seen(policy.wants(), at, n, rate);
        distrust(draws, &mut shown);
        let to = step(&mut policy, &shown, n);
        assert!(to >= n, "{}: {n} to {to}", subject.name);
    });
}

/// Makes all that the observation says of load missing, old or thin.
fn distrust(draws: &mut Draws, seen: &mut Observation) {
    let way = draws.below(3);
    let age = Duration::from_secs(61 + draws.below(5000));
    let thin = Ratio::new(0.799 * draws.share()).unwrap();
    spoil(&mut seen.usage, way, age, thin);
    for reading in seen.metrics.values_mut() {
        spoil(reading, way, age, thin);
    }
    let traffic = &mut seen.traffic;
    spoil(&mut traffic.offered, way, age, thin);
    spoil(&mut traffic.served, way, age, thin);
    spoil(&mut traffic.queued, way, age, thin);
    spoil(&mut traffic.in_flight, way, age, thin);
    spoil(&mut traffic.busy, way, age, thin);
}

fn spoil<T: Clone>(reading: &mut Reading<T>, way: u64, age: Duration, thin: Ratio) {
    let Reading::Value {
        value, at, window, ..
    } = reading.clone()
    else {
        return;
    };
    *reading = match way {
        0 => Reading::NoData(NoData::Unreachable("away".into())),
        1 => Reading::Value {
            value,
            at: at.back(age),
            window,
            coverage: Ratio::ONE,
        },
        _ => Reading::Value {
            value,
            at,
            window,
            coverage: thin,
        },
    };
}

#[test]
fn more_load_never_means_fewer_replicas() {
    each(0.2, &SCALING, |subject, draws| {
        let mut policy = build(&subject.spec);
        let period = policy.wants().period;
        let (mut at, mut n, mut rate) = (start(), 8, 600.0);
        for _ in 0..draws.below(8) {
            at = at + period;
            rate = wander(draws, rate);
            let shown = seen(policy.wants(), at, n, rate);
            n = step(&mut policy, &shown, n);
        }
        at = at + period;
        let less = wander(draws, rate);
        let more = less * (1.0 + draws.share() * draws.one(&[0.01, 0.2, 3.0]));
        let state = policy.save();
        let to = [less, more].map(|rate| {
            let mut policy = build(&subject.spec);
            policy.restore(&state).unwrap();
            let mut shown = seen(policy.wants(), at, n, rate);
            // What replicas can take is not what this is about.
            shown.traffic.served = seen(policy.wants(), at, n, less).traffic.served;
            shown.traffic.busy = seen(policy.wants(), at, n, less).traffic.busy;
            shown.traffic.slow = seen(policy.wants(), at, n, less).traffic.slow;
            step(&mut policy, &shown, n)
        });
        assert!(
            to[0] <= to[1],
            "{}: {less} req/s: {}, {more} req/s: {}",
            subject.name,
            to[0],
            to[1]
        );
    });
}

#[test]
fn a_restart_changes_no_decision() {
    each(0.1, &ALL, |subject, draws| {
        let (mut straight, mut restarted) = (build(&subject.spec), build(&subject.spec));
        let period = straight.wants().period;
        let (mut at, mut n, mut rate) = (start(), 8, 600.0);
        for _ in 0..8 {
            at = at + draws.one(&[period, period, period, Duration::from_secs(70)]);
            rate = wander(draws, rate);
            let shown = if draws.below(6) == 0 {
                absurd(draws, straight.wants(), at, n)
            } else {
                seen(straight.wants(), at, n, rate)
            };
            let decision = straight.decide(&shown);
            assert_eq!(restarted.decide(&shown), decision, "{}", subject.name);
            let outcome = match decision.verdict {
                Verdict::Scale(to) if to.get() != n && draws.below(8) == 0 => {
                    WriteOutcome::Failed("no".into())
                }
                Verdict::Scale(to) if to.get() != n => {
                    n = to.get();
                    WriteOutcome::Written
                }
                _ => WriteOutcome::Unchanged,
            };
            assert_eq!(
                restarted.settle(&outcome),
                straight.settle(&outcome),
                "{}",
                subject.name
            );
            let text = serde_json::to_string(&restarted.save()).unwrap();
            let state: PolicyState = serde_json::from_str(&text).unwrap();
            restarted = build(&subject.spec);
            restarted.restore(&state).unwrap();
        }
    });
}

/// The numbers that a policy goes through under a constant load, after the first three quarters of an hour, for half an hour.
fn settled(subject: &Subject, draws: &mut Draws) -> (f64, Vec<u32>) {
    let mut policy = build(&subject.spec);
    let rate = 20.0 + draws.share() * 60.0 * f64::from(MAX);
    let mut n = MIN + draws.below(u64::from(MAX - MIN)) as u32;
    let mut at = start();
    let settled = start() + Duration::from_secs(2700);
    let mut after = Vec::new();
    while at < settled + Duration::from_secs(1800) {
        at = at + policy.wants().period;
        let shown = seen(policy.wants(), at, n, rate);
        n = step(&mut policy, &shown, n);
        if at >= settled && after.last() != Some(&n) {
            after.push(n);
        }
    }
    (rate, after)
}

#[test]
fn a_constant_load_ends_in_a_number_that_stays() {
    each(0.005, &FIXED, |subject, draws| {
        let (rate, after) = settled(subject, draws);
        assert!(
            after.len() == 1,
            "{} at {rate} req/s: {after:?}",
            subject.name
        );
    });
}

/// Ours may find out that one fewer is too few, and only then; and no number is tried in vain twice.
#[test]
fn a_constant_load_does_not_make_ours_go_to_and_fro() {
    each(0.005, &OURS, |subject, draws| {
        let (rate, after) = settled(subject, draws);
        let back = |way: &&[u32]| way[1] < way[0] && way[2] > way[1];
        let in_vain: Vec<u32> = after.windows(3).filter(back).map(|way| way[1]).collect();
        let up_again = |way: &[u32]| way[1] > way[0] && way[2] < way[1];
        assert!(
            in_vain.len() <= 1 && !(in_vain.is_empty() && after.windows(3).any(up_again)),
            "{} at {rate} req/s: {after:?}",
            subject.name
        );
    });
}

#[test]
fn the_rates_of_an_hpa_hold_over_every_minute() {
    each(0.1, &["hpa_rates"], |subject, draws| {
        let mut policy = build(&subject.spec);
        let mut at = start();
        let mut n = MIN + draws.below(u64::from(MAX - MIN)) as u32;
        let mut way = Vec::from([(at, n)]);
        let mut rate = 600.0;
        for _ in 0..24 {
            at = at + Duration::from_secs(draws.one(&[15, 15, 14, 16, 30, 1]));
            rate = wander(draws, rate);
            let shown = seen(policy.wants(), at, n, rate);
            n = step(&mut policy, &shown, n);
            way.push((at, n));
            // What was in force a minute ago: an event exactly as old no longer counts.
            let ago = at.back(Duration::from_secs(60));
            let before = way.iter().rev().find(|(then, _)| *then <= ago);
            let before = before.unwrap_or(&way[0]).1;
            let lowest = (f64::from(before) * 0.9).floor() as u32;
            assert!(n <= before + 4 || n <= way[way.len() - 2].1, "up: {way:?}");
            assert!(
                n >= lowest.min(before) || n >= way[way.len() - 2].1,
                "down: {way:?}"
            );
        }
    });
}
