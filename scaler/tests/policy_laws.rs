//! Laws that every policy keeps, whatever it is shown. Cases are drawn from fixed seeds, one policy after the other.
//!
//! `RUSHHOUR_FULL=1` runs 100,000 cases of each law; without it a tenth of that, or fewer where a case is long.
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(dead_code, reason = "other laws use the rest")]

#[path = "policy_laws/cases.rs"]
mod cases;
#[path = "policy_laws/steps.rs"]
mod steps;
#[path = "policy_laws/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

use metrics::{NoData, Ratio, Reading, Replicas};
use scaler::{Observation, Policy, PolicyState, Verdict, WriteOutcome};
use steps::short_steps;
use world::broken::Fault;
use world::{CAPACITY, Draws, MAX, MIN, Subject, absurd, again, seen, start, subject, subjects};

/// All that take part, but for the oracle, which is shown the future and nothing else.
const ALL: [&str; 18] = [
    "static",
    "schedule",
    "hpa",
    "hpa_rates",
    "hpa_manifest",
    "kpa",
    "keda",
    "reactive",
    "foresight",
    "foresight_with_days",
    "guarded_hpa",
    "guarded_hpa_manifest",
    "guarded_kpa",
    "guarded_keda",
    "step",
    "target_tracking",
    "guarded_step",
    "guarded_target_tracking",
];
/// Ours. They keep learning what replicas take and what a slow request is worth, so that they may find out even after an hour that
/// one fewer does or does not. With the days before it in mind a constant load is no constant load: an expected rise does not come.
const OURS: [&str; 2] = ["reactive", "foresight"];
/// Those that learn nothing. Steps of AWS's have a law of their own.
const FIXED: [&str; 12] = [
    "static",
    "schedule",
    "hpa",
    "hpa_rates",
    "hpa_manifest",
    "kpa",
    "keda",
    "target_tracking",
    "guarded_hpa",
    "guarded_hpa_manifest",
    "guarded_kpa",
    "guarded_keda",
];
/// Those that never go down on what cannot be trusted: ours, and those of others with the guard around them. KPA asks for
/// one-second samples alone, which carry no coverage, and keeps its own rule: no samples, no decision. Others without the guard do
/// as they do upstream: an alarm of AWS's goes by the minutes before.
const TRUSTWORTHY: [&str; 8] = [
    "reactive",
    "foresight",
    "foresight_with_days",
    "guarded_hpa",
    "guarded_hpa_manifest",
    "guarded_keda",
    "guarded_step",
    "guarded_target_tracking",
];

/// Runs a law's cases over the subjects in turn, on all cores: all of 100,000, or a share of them.
fn each(share: f64, names: &[&'static str], law: impl Fn(&Subject, &mut Draws) + Sync) {
    let cases = cases::cases((100_000.0 * share) as u32) as usize;
    let (subjects, law) = (&subjects(names), &law);
    let threads = cases::threads();
    std::thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || {
                for case in (first..cases).step_by(threads) {
                    let subject = &subjects[case % subjects.len()];
                    law(subject, &mut Draws::new(case as u64));
                }
            });
        }
    });
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
    each(0.2, &ALL, within_bounds);
}

fn within_bounds(subject: &Subject, draws: &mut Draws) {
    let mut policy = subject.build();
    let mut at = start();
    let mut n = MIN + draws.below(u64::from(MAX - MIN)) as u32;
    for _ in 0..6 {
        at = at + Duration::from_secs(draws.below(40));
        let shown = absurd(draws, policy.wants(), at, n);
        n = step(&mut policy, &shown, n);
        let bounded = (MIN..=MAX).contains(&n);
        assert!(bounded, "{}: {n}", subject.name);
    }
}

#[test]
fn no_reading_panics_nor_makes_a_policy_flap_while_it_stays() {
    each(0.2, &ALL, no_flapping);
}

fn no_flapping(subject: &Subject, draws: &mut Draws) {
    let mut policy = subject.build();
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
}

#[test]
fn the_one_with_days_follows_its_forecast() {
    let mut policy = subject("foresight_with_days").build();
    let reason = policy
        .decide(&seen(policy.wants(), start(), 8, 400.0))
        .reason;
    let terms = reason.terms();
    let said = terms.iter().find(|term| term.name == "forecast");
    assert!(said.unwrap().value.starts_with("followed"), "{reason:?}");
}

#[test]
fn nothing_goes_down_on_what_cannot_be_trusted() {
    let would = Mutex::new(BTreeMap::new());
    each(0.2, &TRUSTWORTHY, |subject, draws| {
        if distrusts(subject, draws) {
            *would.lock().unwrap().entry(subject.name).or_insert(0) += 1;
        }
    });
    // With the same readings, trusted, each of them does.
    let would = would.into_inner().unwrap();
    assert_eq!(would.len(), TRUSTWORTHY.len(), "{would:?}");
}

/// Whether it was tried, and so, that it goes down on the same readings if they can be trusted.
fn distrusts(subject: &Subject, draws: &mut Draws) -> bool {
    let mut policy = subject.build();
    let (mut at, mut n, mut rate) = (start(), 8, 600.0);
    // An alarm of AWS's needs a quarter of an hour of minutes.
    let is_aws = ["guarded_step", "guarded_target_tracking"].contains(&subject.name);
    let (times, period) = if is_aws {
        rate *= draws.share();
        (12 + draws.below(6), 60)
    } else {
        (4 + draws.below(4), 15)
    };
    for _ in 0..times {
        at = at + Duration::from_secs(period);
        if !is_aws {
            rate = wander(draws, rate);
        }
        let shown = seen(policy.wants(), at, n, rate);
        n = step(&mut policy, &shown, n);
    }
    let longer = if is_aws { 0 } else { draws.below(600) };
    at = at + Duration::from_secs(period + longer);
    rate *= draws.share();
    let mut shown = seen(policy.wants(), at, n, rate);
    let would = draws.below(8) == 0 && {
        let mut trusting = subject.fresh();
        trusting.restore(&policy.save()).unwrap();
        step(&mut trusting, &shown, n) < n
    };
    distrust(draws, &mut shown);
    let to = step(&mut policy, &shown, n);
    assert!(to >= n, "{}: {n} to {to}", subject.name);
    would
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
    each(0.2, &ALL, monotone);
}

fn monotone(subject: &Subject, draws: &mut Draws) {
    let mut policy = subject.build();
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
        let mut policy = subject.fresh();
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
}

#[test]
fn a_restart_changes_no_decision() {
    each(0.1, &ALL, restarts);
}

fn restarts(subject: &Subject, draws: &mut Draws) {
    let (mut straight, mut restarted) = (subject.build(), subject.build());
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
        // A week is much to read.
        if subject.name == "foresight_with_days" && draws.below(8) > 0 {
            continue;
        }
        let text = serde_json::to_string(&restarted.save()).unwrap();
        let state: PolicyState = serde_json::from_str(&text).unwrap();
        restarted = subject.fresh();
        restarted.restore(&state).unwrap();
    }
}

/// How long a policy may take until its number stays under a constant load, and how long it is watched then, in seconds: longer than
/// it takes to go down and up again, by its windows and cooldowns.
fn spans(name: &str) -> (u64, u64) {
    match name.trim_start_matches("guarded_") {
        // A window of a minute, and one of six seconds.
        "kpa" => (180, 180),
        // A window of five minutes; with rates, 38 replicas go a tenth a minute.
        "hpa_rates" => (1500, 300),
        "static" | "schedule" | "hpa" | "hpa_manifest" | "keda" => (600, 600),
        // A quarter of an hour of datapoints, and cooldowns of five minutes.
        "target_tracking" => (1800, 1800),
        _ => (2700, 1800),
    }
}

/// The numbers that a policy goes through under a constant load, after the span in which it may settle.
fn settled(
    policy: &mut dyn Policy,
    (min, max): (u32, u32),
    (settling, watched): (u64, u64),
    draws: &mut Draws,
) -> (f64, Vec<u32>) {
    let rate = 20.0 + draws.share() * 60.0 * f64::from(MAX);
    let mut n = min + draws.below(u64::from(max - min)) as u32;
    let settled = start() + Duration::from_secs(settling);
    let (mut at, mut after) = (start(), Vec::new());
    let mut shown = seen(policy.wants(), at, n, rate);
    while at < settled + Duration::from_secs(watched) {
        at = at + policy.wants().period;
        again(&mut shown, at);
        let to = step(policy, &shown, n);
        if to != n {
            n = to;
            shown = seen(policy.wants(), at, n, rate);
        }
        if at >= settled && after.last() != Some(&n) {
            after.push(n);
        }
    }
    (rate, after)
}

#[test]
fn a_constant_load_ends_in_a_number_that_stays() {
    each(0.005, &FIXED, settles);
}

fn settles(subject: &Subject, draws: &mut Draws) {
    let mut policy = subject.build();
    let (rate, after) = settled(&mut *policy, (MIN, MAX), spans(subject.name), draws);
    assert!(
        after.len() == 1,
        "{} at {rate} req/s: {after:?}",
        subject.name
    );
}

/// A step of AWS's changes so many replicas by a share or a number of them, whatever the load: one of three less is a third, and leads
/// from one alarm to the other and back. So a step policy settles only if each of its steps ends between its alarms, and if it waits
/// for what came of it.
#[test]
fn steps_that_end_between_the_alarms_settle_under_a_constant_load() {
    each(0.01, &["step"], |_, draws| {
        let spec = short_steps(draws);
        let bounds = (spec.target.min.get(), spec.target.max.get());
        // One replica each three minutes, from the most to the fewest.
        let (rate, after) = settled(&mut spec.build(), bounds, (7200, 1200), draws);
        assert!(after.len() == 1, "{rate} req/s: {after:?} by {spec:?}");
    });
}

/// Ours may find out that one fewer is too few, and only then; and no number is tried in vain twice.
#[test]
fn a_constant_load_does_not_make_ours_go_to_and_fro() {
    each(0.005, &OURS, not_to_and_fro);
}

fn not_to_and_fro(subject: &Subject, draws: &mut Draws) {
    let mut policy = subject.build();
    let (rate, after) = settled(&mut *policy, (MIN, MAX), spans(subject.name), draws);
    let back = |way: &&[u32]| way[1] < way[0] && way[2] > way[1];
    let in_vain: Vec<u32> = after.windows(3).filter(back).map(|way| way[1]).collect();
    let up_again = |way: &[u32]| way[1] > way[0] && way[2] < way[1];
    assert!(
        in_vain.len() <= 1 && !(in_vain.is_empty() && after.windows(3).any(up_again)),
        "{} at {rate} req/s: {after:?}",
        subject.name
    );
}

#[test]
fn the_rates_of_an_hpa_hold_over_every_minute() {
    each(0.1, &["hpa_rates"], within_rates);
}

fn within_rates(subject: &Subject, draws: &mut Draws) {
    let mut policy = subject.build();
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
}

type Law<'a> = &'a dyn Fn(&Subject, &mut Draws);

/// Each law finds the policy that breaks it, and has nothing to say of the same one unbroken.
#[test]
fn each_law_notices_who_breaks_it() {
    let distrusts = |subject: &Subject, draws: &mut Draws| {
        distrusts(subject, draws);
    };
    let laws: [(&str, &str, Law<'_>, Fault); 9] = [
        ("bounds", "hpa", &within_bounds, Fault::OutOfBounds),
        ("flapping", "hpa", &no_flapping, Fault::ToAndFro),
        ("distrust", "guarded_hpa", &distrusts, Fault::Trusting),
        ("monotone", "hpa", &monotone, Fault::Backwards),
        ("restart", "hpa", &restarts, Fault::Forgetful),
        ("settling", "hpa", &settles, Fault::ToAndFro),
        ("settling", "hpa", &settles, Fault::Forgetful),
        ("to and fro", "reactive", &not_to_and_fro, Fault::ToAndFro),
        ("rates", "hpa_rates", &within_rates, Fault::Leaps),
    ];
    for (what, name, law, fault) in laws {
        let holds = |fault: Option<Fault>| {
            let mut tried = subject(name);
            tried.fault = fault;
            let all = || (0..50).for_each(|case| law(&tried, &mut Draws::new(case)));
            catch_unwind(AssertUnwindSafe(all)).is_ok()
        };
        assert!(holds(None), "{what}");
        assert!(!holds(Some(fault)), "{what}: {fault:?} is not noticed");
    }
}
