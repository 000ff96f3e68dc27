//! Laws of our own policy, and what it does to a plant.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "policy_laws/cases.rs"]
mod cases;

use std::time::Duration;

use metrics::{NoData, Ratio, Reading, Replicas, Rps, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use scaler::{
    Clock, Decision, ExpectedEvent, Observation, Policy, Reactive, ReactiveSpec, Readiness,
    ReadyState, ReplicaObservation, Scale, Traffic, Verdict, WriteOutcome,
};

const PERIOD: u64 = 15;
/// Requests per second that hold all four slots of a replica.
const CAPACITY: f64 = 80.0;

fn spec() -> ReactiveSpec {
    ReactiveSpec {
        min: Replicas(2),
        max: Replicas(100),
        period: Duration::from_secs(PERIOD),
        slots: 4,
        limit: Duration::from_millis(500),
        budget: Ratio::new(0.001).unwrap(),
        price: None,
        hold: None,
        events: vec![],
        clock: Clock::default(),
    }
}

fn reading<T>(value: T, at: Timestamp) -> Reading<T> {
    Reading::over(value, at, Duration::from_secs(15))
}

/// A fluid plant: replicas that start late, a backlog, and latencies of M/M/4.
struct Plant {
    rate: fn(f64) -> f64,
    /// When each replica was asked for, oldest first, and is ready.
    replicas: Vec<(f64, f64)>,
    backlog: f64,
    start_up: f64,
    capacity: f64,
    slow: f64,
    all: f64,
    paid: f64,
}

impl Plant {
    fn new(rate: fn(f64) -> f64, replicas: usize) -> Self {
        Self {
            rate,
            replicas: vec![(-1000.0, -900.0); replicas],
            backlog: 0.0,
            start_up: 45.0,
            capacity: CAPACITY,
            slow: 0.0,
            all: 0.0,
            paid: 0.0,
        }
    }

    /// A period of seconds, and what is seen at its end.
    fn observe(&mut self, start: u64) -> Observation {
        let curve = scaler::CapacityCurve::of_slots(
            4,
            Duration::from_millis(50),
            Duration::from_millis(500),
        );
        let (mut offered, mut served, mut slow, mut busy, mut queued) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for second in start..start + PERIOD {
            let now = second as f64;
            let ready = self.replicas.iter().filter(|(_, at)| *at <= now).count() as f64;
            let (rate, full) = ((self.rate)(now), ready * self.capacity);
            let done = (rate + self.backlog).min(full);
            let waited = self.backlog / full.max(1.0);
            self.backlog = (rate + self.backlog - done).min(2.0 * full);
            let missed = if waited > 0.3 {
                1.0
            } else {
                curve.missed(rate / full)
            };
            offered += rate;
            served += done;
            slow += done * missed;
            busy += done / full.max(1.0);
            queued += self.backlog;
            self.slow += rate * missed;
            self.all += rate;
            self.paid += self.replicas.len() as f64;
        }
        let span = PERIOD as f64;
        let at = Timestamp::from_secs((start + PERIOD) as i64);
        let rps = |sum: f64| reading(Rps::new(sum / span).unwrap(), at);
        let mut seen = Observation {
            at,
            scale: Reading::now(scale(self.replicas.len() as u32), at),
            traffic: Traffic {
                offered: rps(offered),
                served: rps(served),
                failed: rps(0.0),
                shed: rps(0.0),
                slow: rps(slow),
                queued: reading(queued / span, at),
                busy: reading(Ratio::new((busy / span).min(1.0)).unwrap(), at),
                ..Traffic::default()
            },
            ..Observation::default()
        };
        for (i, (created, ready)) in self.replicas.iter().enumerate() {
            let there = *ready <= at.as_secs() as f64;
            let instant = |t: f64| Timestamp::from_millis((t * 1000.0) as i64);
            seen.replicas.push(ReplicaObservation {
                id: format!("r-{i}"),
                created: Some(instant(*created)),
                ready: Readiness {
                    state: if there {
                        ReadyState::True
                    } else {
                        ReadyState::False
                    },
                    since: Some(instant(if there { *ready } else { *created })),
                },
                ..ReplicaObservation::default()
            });
        }
        seen
    }

    fn scale(&mut self, now: u64, n: u32) {
        let fresh = (now as f64, now as f64 + self.start_up);
        self.replicas.resize(n as usize, fresh);
    }

    /// Runs until `end`; the replicas asked for, period by period.
    fn run(&mut self, policy: &mut Reactive, end: u64) -> Vec<u32> {
        let mut path = vec![];
        for start in (0..end).step_by(PERIOD as usize) {
            let seen = self.observe(start);
            let decision = policy.decide(&seen);
            settle(policy, &decision, &seen);
            if let Verdict::Scale(n) = decision.verdict {
                self.scale(start + PERIOD, n.get());
            }
            path.push(self.replicas.len() as u32);
        }
        path
    }
}

fn scale(spec: u32) -> Scale {
    Scale {
        spec: Replicas(spec),
        status: Replicas(spec),
        ..Scale::default()
    }
}

fn settle(policy: &mut Reactive, decision: &Decision, seen: &Observation) {
    let current = seen.scale.value().map(|s| s.spec);
    policy.settle(&match decision.verdict {
        Verdict::Scale(n) if Some(n) != current => WriteOutcome::Written,
        _ => WriteOutcome::Unchanged,
    });
}

/// A day in twelve hours, from 400 to 2,400 requests per second.
fn day(t: f64) -> f64 {
    1400.0 - 1000.0 * libm::cos(t / 43_200.0 * std::f64::consts::TAU)
}

/// Calm, then four times as much within half a minute, for ten minutes.
fn flash(t: f64) -> f64 {
    300.0 + 900.0 * ((t - 3600.0) / 30.0).clamp(0.0, 1.0) * ((4200.0 - t) / 120.0).clamp(0.0, 1.0)
}

#[test]
fn a_day_is_followed_closely_and_few_are_slow() {
    let mut plant = Plant::new(day, 8);
    let path = plant.run(&mut Reactive::new(spec()), 86_400);
    let missed = plant.slow / plant.all;
    let least = plant.all / CAPACITY;
    assert!(missed < 0.002, "{missed}");
    assert!(plant.paid / least < 1.6, "{}", plant.paid / least);
    let turns = path
        .windows(3)
        .filter(|w| (w[1] > w[0]) != (w[2] > w[1]) && w[1] != w[0] && w[2] != w[1]);
    assert!(turns.count() < 40, "it goes up and down all the time");
}

#[test]
fn a_flash_is_answered_at_once_and_an_announced_one_beforehand() {
    let missed = |events| {
        let mut plant = Plant::new(flash, 6);
        let path = plant.run(&mut Reactive::new(ReactiveSpec { events, ..spec() }), 7200);
        assert!(*path.iter().max().unwrap() >= 18, "{path:?}");
        assert!(*path.last().unwrap() <= 8, "it comes down again: {path:?}");
        plant.slow / plant.all
    };
    let surprised = missed(vec![]);
    let announced = missed(vec![ExpectedEvent {
        at: Timestamp::from_secs(3600),
        expect: 4.0,
        spread: Ratio::new(0.15).unwrap(),
        until: Some(Timestamp::from_secs(4200)),
    }]);
    assert!(surprised < 0.10, "{surprised}");
    assert!(announced < 0.002, "{announced}");
}

#[test]
fn a_constant_load_is_left_alone_after_settling() {
    for rate in [|_: f64| 3.0, |_: f64| 777.0, |_: f64| 2500.0] {
        let mut plant = Plant::new(rate, 40);
        let path = plant.run(&mut Reactive::new(spec()), 5 * 3600);
        let settled = &path[path.len() * 3 / 5..];
        assert!(settled.iter().all(|n| *n == settled[0]), "{settled:?}");
    }
}

/// It kept going one down and up again: the price fell until one fewer was wanted, and rose again with that.
#[test]
fn a_number_that_is_too_few_is_not_tried_again_and_again() {
    let in_vain = |rate: fn(f64) -> f64| {
        let mut plant = Plant::new(rate, 20);
        let path = plant.run(&mut Reactive::new(spec()), 3 * 86_400);
        let mut way = path[path.len() / 20..].to_vec();
        way.dedup();
        let back = |way: &&[u32]| way[1] < way[0] && way[2] > way[1];
        way.windows(3).filter(back).count()
    };
    let rates = [
        |_: f64| 489.0,
        |_: f64| 645.0,
        |_: f64| 845.0,
        |_: f64| 1022.0,
    ];
    let times = rates.map(in_vain);
    assert!(times.iter().sum::<usize>() <= 4, "{times:?}");
}

#[test]
fn slower_replicas_are_found_out() {
    let mut plant = Plant::new(|_| 1500.0, 26);
    let mut policy = Reactive::new(spec());
    let before = *plant.run(&mut policy, 7200).last().unwrap();
    plant.capacity = 60.0;
    let mut later = Plant { slow: 0.0, ..plant };
    // The plant's clock begins again, the policy's goes on.
    let mut after = 0;
    for start in (7200..14_400).step_by(PERIOD as usize) {
        let seen = later.observe(start);
        let decision = policy.decide(&seen);
        settle(&mut policy, &decision, &seen);
        if let Verdict::Scale(n) = decision.verdict {
            later.scale(start + PERIOD, n.get());
        }
        after = later.replicas.len() as u32;
    }
    assert!(
        f64::from(after) > 1.2 * f64::from(before),
        "{before} → {after}"
    );
}

#[test]
fn the_reason_says_what_it_rests_on() {
    let mut plant = Plant::new(day, 8);
    let mut policy = Reactive::new(spec());
    plant.run(&mut policy, 3600);
    let decision = policy.decide(&plant.observe(3600));
    let names: Vec<String> = decision
        .reason
        .terms()
        .into_iter()
        .map(|t| t.name)
        .collect();
    for name in [
        "rate now",
        "expected, 98 %",
        "full rate",
        "price",
        "slow at that number",
    ] {
        assert!(names.iter().any(|n| n == name), "{names:?}");
    }
    assert!(
        decision.reason.sentence().contains("req/s"),
        "{}",
        decision.reason.sentence()
    );
}

#[test]
fn speed_is_not_to_be_noticed() {
    // The same course of events, 20 times faster: the same numbers.
    let fast = ReactiveSpec {
        period: Duration::from_millis(750),
        clock: Clock {
            origin: Timestamp::EPOCH,
            speed: 20.0,
        },
        ..spec()
    };
    let shrink = |at: Timestamp| Timestamp::from_nanos(at.as_nanos() / 20);
    let (mut slow, mut fast) = (Reactive::new(spec()), Reactive::new(fast));
    let mut plant = Plant::new(flash, 6);
    for start in (0..7200).step_by(PERIOD as usize) {
        let seen = plant.observe(start);
        let mut text = serde_json::to_value(&seen).unwrap();
        compress(&mut text, 20);
        let quick: Observation = serde_json::from_value(text).unwrap();
        assert_eq!(quick.at, shrink(seen.at));
        let (a, b) = (slow.decide(&seen), fast.decide(&quick));
        assert_eq!(a.verdict, b.verdict, "at {start}");
        if let Verdict::Scale(n) = a.verdict {
            plant.scale(start + PERIOD, n.get());
        }
    }
}

/// Divides every instant of a JSON observation.
fn compress(value: &mut serde_json::Value, by: i64) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value.as_i64()) {
                    ("at" | "created" | "since" | "started", Some(nanos)) => {
                        *value = (nanos / by).into();
                    }
                    _ => compress(value, by),
                }
            }
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(|value| compress(value, by)),
        _ => {}
    }
}

#[test]
fn what_is_saved_is_small_and_a_damaged_one_is_refused() {
    let mut plant = Plant::new(day, 8);
    let mut policy = Reactive::new(spec());
    plant.run(&mut policy, 86_400);
    let state = policy.save();
    let size = serde_json::to_string(&state).unwrap().len();
    assert!(size <= 8192, "{size} bytes");
    let mut other = Reactive::new(spec());
    for (path, value) in [
        ("/checkpoint/seen/all", serde_json::json!([1.0])),
        ("/checkpoint/budget/slow", serde_json::json!(-1.0)),
        ("/checkpoint/residuals/counts", serde_json::json!([])),
        ("/checkpoint/full_rate/rate", serde_json::json!(-5.0)),
    ] {
        let mut damaged = state.clone();
        *damaged.state.pointer_mut(path).unwrap() = value;
        assert!(other.restore(&damaged).is_err(), "{path}");
    }
    assert_eq!(
        other.save(),
        Reactive::new(spec()).save(),
        "a refusal changes nothing"
    );
    other.restore(&state).unwrap();
    assert_eq!(other.save(), state);
}

/// Any number, the absurd ones often.
fn absurd() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..3000.0_f64,
        1 => Just(0.0),
        1 => Just(1e308),
        1 => Just(1e-308),
        1 => any::<f64>(),
    ]
}

#[derive(Clone, Debug)]
struct Shown {
    gap: u64,
    numbers: [f64; 6],
    coverage: f64,
    age: u64,
    missing: u8,
    external: Option<u32>,
    ready: u32,
    restarts: bool,
}

fn shown() -> impl Strategy<Value = Shown> {
    let gap = prop_oneof![1 => Just(0), 5 => Just(PERIOD), 1 => Just(7), 1 => Just(100_000)];
    let coverage = prop_oneof![3 => Just(1.0), 1 => 0.0..1.0_f64];
    let age = prop_oneof![5 => 0_u64..20, 1 => 0_u64..400];
    let missing = prop_oneof![6 => Just(255_u8), 1 => 0_u8..8];
    let external = proptest::option::weighted(0.05, 0_u32..200);
    let numbers = proptest::array::uniform6(absurd());
    let restarts = proptest::bool::weighted(0.25);
    (
        gap,
        numbers,
        coverage,
        age,
        missing,
        external,
        0_u32..60,
        restarts,
    )
        .prop_map(
            |(gap, numbers, coverage, age, missing, external, ready, restarts)| Shown {
                gap,
                numbers,
                coverage,
                age,
                missing,
                external,
                ready,
                restarts,
            },
        )
}

fn observation(shown: &Shown, now: u64, spec: u32) -> Observation {
    let at = Timestamp::from_secs(now as i64);
    let read = at.back(Duration::from_secs(shown.age));
    let rate = |i: usize| match Rps::new(shown.numbers[i]) {
        _ if usize::from(shown.missing) == i => Reading::NoData(NoData::Stale),
        Ok(value) => Reading::Value {
            value,
            at: read,
            window: Duration::from_secs(15),
            coverage: Ratio::new(shown.coverage).unwrap(),
        },
        Err(e) => Reading::NoData(NoData::Absurd(e.to_string())),
    };
    let busy = shown.numbers[5].abs() % 1.0;
    let mut seen = Observation {
        at,
        scale: if shown.missing == 7 {
            Reading::NoData(NoData::Empty)
        } else {
            Reading::now(scale(spec), at)
        },
        traffic: Traffic {
            offered: rate(0),
            served: rate(1),
            failed: reading(Rps::ZERO, read),
            slow: rate(2),
            shed: rate(3),
            queued: reading(shown.numbers[4], read),
            busy: reading(
                Ratio::new(if busy.is_finite() { busy } else { 0.5 }).unwrap(),
                read,
            ),
            ..Traffic::default()
        },
        ..Observation::default()
    };
    for i in 0..shown.ready {
        seen.replicas.push(ReplicaObservation {
            id: i.to_string(),
            created: Some(read),
            ready: Readiness {
                state: if i % 9 == 8 {
                    ReadyState::False
                } else {
                    ReadyState::True
                },
                since: Some(at),
            },
            ..ReplicaObservation::default()
        });
    }
    seen
}

/// Bounds, rates, no way down on what cannot be trusted, a restart that nobody notices, and more replicas for more load:
/// whatever it is shown.
#[test]
fn laws_hold_whatever_it_is_shown() {
    let strategy = || (proptest::collection::vec(shown(), 1..40), 1.0..100.0_f64);
    cases::try_all(cases::cases(500), strategy, |(steps, more)| {
        laws_hold(&steps, more)
    });
}

fn laws_hold(steps: &[Shown], more: f64) -> TestCaseResult {
    let mut policy = Reactive::new(spec());
    let (mut now, mut current) = (100_000_u64, 20_u32);
    let mut path: Vec<(u64, u32)> = vec![(now, current)];
    for shown in steps {
        now += shown.gap;
        if let Some(n) = shown.external {
            current = n;
            path = vec![(now, current)];
        }
        let seen = observation(shown, now, current);
        let before = policy.clone();
        let decision = policy.decide(&seen);
        prop_assert!(serde_json::to_string(&decision).is_ok());
        if shown.restarts {
            let saved = serde_json::from_str(&serde_json::to_string(&before.save()).unwrap());
            let mut restarted = Reactive::new(spec());
            restarted.restore(&saved.unwrap()).unwrap();
            prop_assert_eq!(&restarted.decide(&seen), &decision, "a restart");
            prop_assert_eq!(restarted.save(), policy.save());
        }

        let mut heavier = seen.clone();
        if let Reading::Value { value, .. } = &mut heavier.traffic.offered {
            *value = Rps::new((value.get() * more).min(1e300)).unwrap();
        }
        let mut loaded = before;
        let (least, most) = (
            to(&decision, current),
            to(&loaded.decide(&heavier), current),
        );
        prop_assert!(most >= least, "{least} replicas, but {most} for more load");

        if let Verdict::Scale(n) = decision.verdict {
            let begin = path.iter().rev().find(|(at, _)| at + 15 <= now);
            within_limits(
                &decision,
                (begin.unwrap_or(&path[0]).1, current),
                trusted(&seen),
            )?;
            current = n.get();
            path.push((now, current));
        }
        settle(&mut policy, &decision, &seen);
    }
    Ok(())
}

#[test]
fn what_is_saved_before_anything_is_known_of_replicas_can_be_read_again() {
    let shown = Shown {
        gap: 0,
        numbers: [0.0, 2000.0, 0.0, 0.0, 0.0, 0.0],
        coverage: 1.0,
        age: 0,
        missing: 255,
        external: None,
        ready: 9,
        restarts: false,
    };
    let mut policy = Reactive::new(spec());
    policy.decide(&observation(&shown, 100_000, 1));
    let text = serde_json::to_string(&policy.save()).unwrap();
    let state = serde_json::from_str(&text).unwrap();
    assert_eq!(Reactive::new(spec()).restore(&state), Ok(()));
}

/// A decision is within the bounds and the rates, from how many there were 15 s ago and are now.
fn within_limits(
    decision: &Decision,
    (begin, current): (u32, u32),
    trusted: bool,
) -> TestCaseResult {
    let n = to(decision, current);
    prop_assert!((2..=100).contains(&n), "{n}");
    if n < current {
        prop_assert!(trusted, "down on what cannot be trusted");
        let slowest = begin - (begin / 10).max(1);
        prop_assert!(n >= slowest.min(100), "{begin} → {n}");
    }
    let surge = decision.reason.terms().iter().any(|t| t.name == "surge");
    if n > current && !surge {
        prop_assert!(
            n <= (2 * begin.max(2)).max(begin.max(2) + 10),
            "{begin} → {n}"
        );
    }
    Ok(())
}

fn to(decision: &Decision, current: u32) -> u32 {
    match decision.verdict {
        Verdict::Scale(n) => n.get(),
        Verdict::Hold => current,
    }
}

/// Whether every reading is there, fresh and well covered.
fn trusted(seen: &Observation) -> bool {
    let t = &seen.traffic;
    let rates = [&t.offered, &t.served, &t.failed, &t.slow, &t.shed];
    let least = Ratio::new(0.8).unwrap();
    let fresh = Duration::from_secs(3 * PERIOD);
    rates
        .iter()
        .all(|r| r.trusted(seen.at, fresh, least).is_some())
        && t.queued.trusted(seen.at, fresh, least).is_some()
        && t.busy.trusted(seen.at, fresh, least).is_some()
}
