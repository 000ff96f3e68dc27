//! What our own policy makes of the days before, on a plant whose load repeats from day to day.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use metrics::{NoData, Ratio, Reading, Replicas, Rps, Timestamp};
use scaler::{
    CapacityCurve, Clock, Decision, ExpectedEvent, Foresight, ForesightSpec, History, Observation,
    Policy, PolicySpec, Reactive, ReactiveSpec, Readiness, ReadyState, ReplicaObservation, Scale,
    Traffic, Verdict, WriteOutcome,
};

const PERIOD: u64 = 15;
const DAY: u64 = 86_400;
/// Requests per second that hold all four slots of a replica.
const FULL: f64 = 80.0;
/// Replicas take so long to start, in seconds.
const START_UP: u64 = 60;

fn common() -> ReactiveSpec {
    ReactiveSpec {
        min: Replicas(2),
        max: Replicas(200),
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

fn spec(history: Option<History>) -> ForesightSpec {
    ForesightSpec {
        common: common(),
        workload: "catalogue".into(),
        history,
    }
}

type Load = fn(u64) -> f64;

/// Noise of a twentieth that differs from slot to slot and from day to day.
fn noisy(slot: u64) -> f64 {
    let mut x = slot.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let uniform = |x: u64| (x >> 40) as f64 / f64::from(1_u32 << 24);
    1.0 + 0.03 * (uniform(x) + uniform(x << 24) + uniform(x ^ (x >> 31)) - 1.5)
}

/// A day's rise and fall.
fn day(now: u64) -> f64 {
    let phase = now as f64 / DAY as f64 * std::f64::consts::TAU;
    1500.0 - 1000.0 * libm::cos(phase)
}

/// The same, with a sale each day at ten o'clock, that nobody announced: two and a half times as much within a minute.
fn sale(now: u64) -> f64 {
    let since = (now % DAY) as f64 - 36_000.0;
    let more = (since / 60.0).clamp(0.0, 1.0) * ((1800.0 - since) / 900.0).clamp(0.0, 1.0);
    day(now) * (1.0 + 1.5 * more)
}

fn rate(load: Load, now: u64) -> f64 {
    load(now) * noisy(now / PERIOD)
}

/// The days from `from` until `until`.
fn history(load: Load, from: u64, until: u64) -> History {
    let slots = (from / PERIOD)..(until / PERIOD);
    History {
        until: Timestamp::from_secs(until as i64),
        rates: slots.map(|slot| Some(rate(load, slot * PERIOD))).collect(),
        start_ups: vec![Duration::from_secs(START_UP); 30],
    }
}

/// A fluid plant: replicas that start late, and latencies of M/M/4.
struct Plant {
    load: Load,
    /// Whether the load is without any noise.
    even: bool,
    curve: CapacityCurve,
    /// When each replica is ready, oldest first.
    replicas: Vec<u64>,
    slow: f64,
    all: f64,
    paid: f64,
}

impl Plant {
    fn new(load: Load, replicas: usize) -> Self {
        let (mean, limit) = (Duration::from_millis(50), Duration::from_millis(500));
        Self {
            load,
            even: false,
            curve: CapacityCurve::of_slots(4, mean, limit),
            replicas: vec![0; replicas],
            slow: 0.0,
            all: 0.0,
            paid: 0.0,
        }
    }

    fn observe(&mut self, now: u64) -> Observation {
        let ready = self.replicas.iter().filter(|at| **at < now).count() as f64;
        let rate = if self.even {
            (self.load)(now - PERIOD)
        } else {
            rate(self.load, now - PERIOD)
        };
        let missed = self.curve.missed(rate / (ready * FULL));
        let seconds = PERIOD as f64;
        self.slow += rate * missed * seconds;
        self.all += rate * seconds;
        self.paid += self.replicas.len() as f64 * seconds;
        let at = Timestamp::from_secs(now as i64);
        let rps = |rate: f64| Reading::over(Rps::new(rate).unwrap(), at, Duration::from_secs(15));
        let busy = (rate / (ready * FULL)).min(1.0);
        Observation {
            at,
            scale: Reading::now(scale(self.replicas.len() as u32), at),
            traffic: Traffic {
                offered: rps(rate),
                served: rps(rate.min(ready * FULL)),
                failed: rps(0.0),
                shed: rps(0.0),
                slow: rps(rate * missed),
                queued: Reading::now(0.0, at),
                busy: Reading::now(Ratio::new(busy).unwrap(), at),
                ..Traffic::default()
            },
            replicas: self
                .replicas
                .iter()
                .map(|ready| replica(*ready, now))
                .collect(),
            ..Observation::default()
        }
    }

    /// From `from` until `until`; the decisions.
    fn run(&mut self, policy: &mut dyn Policy, from: u64, until: u64) -> Vec<Decision> {
        let mut decisions = vec![];
        for now in (from + PERIOD..=until).step_by(PERIOD as usize) {
            let seen = self.observe(now);
            decisions.push(self.follow(policy, &seen, now));
        }
        decisions
    }

    fn follow(&mut self, policy: &mut dyn Policy, seen: &Observation, now: u64) -> Decision {
        let decision = policy.decide(seen);
        let before = self.replicas.len();
        if let Verdict::Scale(n) = decision.verdict {
            self.replicas.resize(n.get() as usize, now + START_UP);
        }
        policy.settle(&if self.replicas.len() == before {
            WriteOutcome::Unchanged
        } else {
            WriteOutcome::Written
        });
        decision
    }

    fn missed(&self) -> f64 {
        self.slow / self.all
    }
}

fn scale(spec: u32) -> Scale {
    Scale {
        spec: Replicas(spec),
        status: Replicas(spec),
        ..Scale::default()
    }
}

fn replica(ready: u64, now: u64) -> ReplicaObservation {
    let there = ready < now;
    let at = |seconds: u64| Some(Timestamp::from_secs(seconds as i64));
    ReplicaObservation {
        created: at(ready.saturating_sub(START_UP)),
        ready: Readiness {
            state: if there {
                ReadyState::True
            } else {
                ReadyState::False
            },
            since: at(if there { ready } else { ready - START_UP }),
        },
        ..ReplicaObservation::default()
    }
}

fn term(decision: &Decision, name: &str) -> Option<String> {
    let mut terms = decision.reason.terms().into_iter();
    Some(terms.find(|term| term.name == name)?.value)
}

#[test]
fn until_two_days_are_known_it_is_reactive_to_the_letter() {
    let (mut reactive, mut foresight) = (Reactive::new(common()), Foresight::new(spec(None)));
    let (mut a, mut b) = (Plant::new(day, 20), Plant::new(day, 20));
    let one = a.run(&mut reactive, 0, 2 * DAY - 3600);
    let two = b.run(&mut foresight, 0, 2 * DAY - 3600);
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one.verdict, two.verdict);
        assert_eq!(
            term(two, "forecast").as_deref(),
            Some("none before two whole days are known")
        );
    }
}

#[test]
fn a_sale_that_comes_every_day_is_ready_for_without_a_calendar() {
    let day = 7 * DAY;
    let (from, until) = (day + 9 * 3600, day + 11 * 3600);
    let missed = |policy: &mut dyn Policy| {
        let mut plant = Plant::new(sale, 45);
        let decisions = plant.run(policy, from, until);
        (plant.missed(), decisions)
    };
    let (surprised, _) = missed(&mut Reactive::new(common()));
    let (ready, decisions) = missed(&mut Foresight::new(spec(Some(history(sale, 0, from)))));
    assert!(surprised > 0.02, "{surprised}");
    assert!(ready < 0.002, "{ready}");
    let said = decisions.iter().filter(|d| d.reason.because == "recurring");
    assert!(said.count() > 2, "the reason says so");
}

#[test]
fn an_ordinary_day_costs_no_more_than_without_a_forecast_and_fewer_are_slow() {
    let (from, until) = (7 * DAY, 8 * DAY);
    let mut results = vec![];
    let own: Box<dyn Policy> = Box::new(Foresight::new(spec(Some(history(day, 0, from)))));
    for mut policy in [Box::new(Reactive::new(common())) as Box<dyn Policy>, own] {
        let mut plant = Plant::new(day, 10);
        let decisions = plant.run(&mut policy, from, until);
        results.push((plant.paid, plant.missed()));
        assert!(plant.missed() < 0.002, "{}", plant.missed());
        if let Some(forecast) = term(decisions.last().unwrap(), "forecast") {
            assert_eq!(forecast, "followed, from 7 days");
        }
    }
    assert!(results[1].0 < 1.01 * results[0].0, "{results:?}");
}

#[test]
fn what_is_saved_is_small_and_its_checkpoint_alone_is_enough() {
    let from = 7 * DAY;
    let mut policy = Foresight::new(spec(Some(history(sale, 0, from))));
    Plant::new(sale, 10).run(&mut policy, from, from + DAY);
    let mut state = policy.save();
    let size = |value: &serde_json::Value| serde_json::to_string(value).unwrap().len();
    assert!(size(&state.state) <= 192 * 1024, "{}", size(&state.state));
    let checkpoint = size(&state.state["checkpoint"]);
    assert!(checkpoint <= 8192, "{checkpoint}");

    let mut other = Foresight::new(spec(None));
    other.restore(&state).unwrap();
    assert_eq!(other.save(), state);
    state.state.as_object_mut().unwrap().remove("history");
    let mut poor = Foresight::new(spec(None));
    poor.restore(&state).unwrap();
    let decision = poor.decide(&Plant::new(sale, 30).observe(from + DAY + PERIOD));
    assert_eq!(
        term(&decision, "forecast").as_deref(),
        Some("none before two whole days are known")
    );
}

#[test]
fn a_restart_amid_a_refit_changes_nothing() {
    let from = 3 * DAY;
    let mut straight = Foresight::new(spec(Some(history(day, 0, from))));
    let mut restarted = straight.clone();
    let mut plant = Plant::new(day, 10);
    let mut refits = 0;
    for now in (from + PERIOD..from + DAY).step_by(PERIOD as usize) {
        let seen = plant.observe(now);
        let before = plant.replicas.len();
        let decision = plant.follow(&mut straight, &seen, now);
        assert_eq!(restarted.decide(&seen), decision);
        restarted.settle(&if plant.replicas.len() == before {
            WriteOutcome::Unchanged
        } else {
            WriteOutcome::Written
        });
        if now % 600 == 0 {
            let state = straight.save();
            refits += u32::from(!state.state["history"]["refit"].is_null());
            let text = serde_json::to_string(&state).unwrap();
            restarted = Foresight::new(spec(None));
            restarted
                .restore(&serde_json::from_str(&text).unwrap())
                .unwrap();
        }
    }
    assert!(refits > 0, "one was under way");
}

#[test]
fn without_readings_it_goes_up_to_what_is_usual_and_never_down() {
    let from = 7 * DAY;
    let mut policy = Foresight::new(spec(Some(history(day, 0, from))));
    let mut plant = Plant::new(day, 10);
    plant.run(&mut policy, from, from + 6 * 3600);
    let begun = plant.replicas.len();
    let mut last = begun;
    // The load of the next two hours is not seen.
    for now in (from + 6 * 3600 + PERIOD..from + 8 * 3600).step_by(PERIOD as usize) {
        let mut seen = plant.observe(now);
        seen.traffic.offered = Reading::NoData(NoData::Stale);
        let decision = plant.follow(&mut policy, &seen, now);
        assert!(
            plant.replicas.len() >= last,
            "{}",
            decision.reason.sentence()
        );
        last = plant.replicas.len();
    }
    let needed = day(from + 8 * 3600) / FULL;
    assert!(
        last as f64 >= needed && last > begun,
        "{begun} → {last} of {needed}"
    );
}

#[test]
fn an_outage_is_waited_for_and_a_quiet_night_is_not() {
    let from = 7 * DAY;
    let mut policy = Foresight::new(spec(Some(history(day, 0, from))));
    let noon = from + 12 * 3600;
    let outage: Load = |now| {
        let out = (7 * DAY + 12 * 3600..7 * DAY + 12 * 3600 + 1200).contains(&now);
        if out { 20.0 } else { day(now) }
    };
    let mut plant = Plant::new(outage, 10);
    plant.run(&mut policy, from, noon);
    let before = plant.replicas.len();
    let during = plant.run(&mut policy, noon, noon + 1200);
    assert!(
        plant.replicas.len() + 2 >= before,
        "{before} → {}",
        plant.replicas.len()
    );
    assert!(during.iter().any(|d| d.reason.because == "return"));
    let after = plant.run(&mut policy, noon + 1200, 8 * DAY);
    assert!(plant.replicas.len() < 12, "it comes down at night");
    assert!(after.iter().skip(60).all(|d| d.reason.because != "return"));
}

/// Twenty minutes at a twentieth of the load, then half as many again as usual, who go home within a quarter of an hour.
fn back_with_a_crowd(now: u64) -> f64 {
    match now.saturating_sub(7 * DAY + 12 * 3600) {
        1..1200 => day(now) * 0.05,
        since @ 1200..4800 => day(now) * (1.0 + 0.5 * libm::exp((1200.0 - since as f64) / 900.0)),
        _ => day(now),
    }
}

#[test]
fn those_whom_an_outage_kept_away_are_expected_with_the_others() {
    let from = 7 * DAY;
    let mut policy = Foresight::new(spec(Some(history(day, 0, from))));
    let noon = from + 12 * 3600;
    let mut plant = Plant::new(back_with_a_crowd, 10);
    plant.run(&mut policy, from, noon);
    let before = plant.replicas.len();
    let during = plant.run(&mut policy, noon, noon + 1200);
    let last = during.last().unwrap();
    assert_eq!(last.reason.because, "return");
    assert!(
        last.reason.sentence().contains("those whom it kept away"),
        "{}",
        last.reason.sentence()
    );
    let ready = plant.replicas.len();
    assert!(ready * 2 >= before * 3, "{before} → {ready}");
    (plant.slow, plant.all) = (0.0, 0.0);
    plant.run(&mut policy, noon + 1200, noon + 4800);
    assert!(plant.missed() < 0.001, "{}", plant.missed());
}

/// Cost and misses of half a day in which the saved state is spoilt each hour.
fn spoilt(spoil: impl Fn(&mut serde_json::Value)) -> (f64, f64) {
    let from = 7 * DAY;
    let mut policy = Foresight::new(spec(Some(history(day, 0, from))));
    let mut plant = Plant::new(day, 10);
    plant.run(&mut policy, from, from + 3600);
    (plant.paid, plant.slow, plant.all) = (0.0, 0.0, 0.0);
    for hour in 1..13 {
        let mut state = policy.save();
        spoil(&mut state.state["history"]["fit"]);
        policy = Foresight::new(spec(None));
        policy.restore(&state).unwrap();
        plant.run(&mut policy, from + hour * 3600, from + (hour + 1) * 3600);
    }
    (plant.paid, plant.missed())
}

/// Turns a profile by half a day.
fn turn(profile: &mut serde_json::Value) {
    let mut bytes = STANDARD.decode(profile.as_str().unwrap()).unwrap();
    let half = bytes.len() / 2;
    bytes.rotate_left(half);
    *profile = STANDARD.encode(bytes).into();
}

#[test]
fn a_useless_season_and_a_biased_forecast_do_little_harm() {
    let (cost, missed) = spoilt(|_| {});
    assert!(missed < 0.001, "{missed}");
    // Only once: a second time it would be right again.
    let turned = std::cell::Cell::new(false);
    let (poisoned, more) = spoilt(|fit| {
        if !turned.replace(true) {
            for name in ["usual", "rise", "rise_high", "jump"] {
                turn(&mut fit["season"][name]);
            }
        }
    });
    assert!(
        poisoned < 1.05 * cost && more < 2.0 * missed + 0.0005,
        "{poisoned} {more}"
    );
    let bias = |by: f64| {
        spoilt(move |fit| {
            let weight = fit["weights"][0].as_f64().unwrap();
            // It is put back to where it was wrong, not further each hour.
            let wrong = if weight.abs() < 0.2 {
                weight + by
            } else {
                weight
            };
            fit["weights"][0] = wrong.into();
        })
    };
    let (dearer, _) = bias(libm::log(1.6));
    assert!(dearer < 1.15 * cost, "{dearer} against {cost}");
    let (_, more) = bias(-libm::log(1.6));
    assert!(more < 2.0 * missed + 0.0005, "{more} against {missed}");
}

#[test]
fn more_load_never_means_fewer_whatever_was_learned() {
    let from = 7 * DAY + 9 * 3600;
    let mut policy = Foresight::new(spec(Some(history(sale, 0, from))));
    let mut plant = Plant::new(sale, 40);
    for now in (from + PERIOD..from + 2 * 3600).step_by(PERIOD as usize) {
        let seen = plant.observe(now);
        let number = |more: f64| {
            let mut seen = seen.clone();
            if let Reading::Value { value, .. } = &mut seen.traffic.offered {
                *value = Rps::new(value.get() * more).unwrap();
            }
            match policy.clone().decide(&seen).verdict {
                Verdict::Scale(n) => n.get(),
                Verdict::Hold => plant.replicas.len() as u32,
            }
        };
        let numbers = [0.5, 0.8, 1.0, 1.1, 1.5, 3.0].map(number);
        assert!(numbers.is_sorted(), "{now}: {numbers:?}");
        plant.follow(&mut policy, &seen, now);
    }
}

#[test]
fn a_constant_load_is_left_alone() {
    let even: Load = |_| 1234.0;
    let from = 3 * DAY;
    let mut known = history(even, 0, from);
    known.rates.iter_mut().for_each(|rate| *rate = Some(1234.0));
    let mut policy = Foresight::new(spec(Some(known)));
    let mut plant = Plant::new(even, 30);
    plant.even = true;
    let mut counts = vec![];
    for now in (from + PERIOD..from + DAY).step_by(PERIOD as usize) {
        let seen = plant.observe(now);
        plant.follow(&mut policy, &seen, now);
        counts.push(plant.replicas.len());
    }
    let settled = &counts[2000..];
    assert!(settled.iter().all(|n| *n == settled[0]), "{settled:?}");
}

/// Replicas are replaced one by one by ones that take 22 % less, so that there is always one that starts. Readings count that one
/// as idle.
#[test]
fn a_slower_version_is_believed_while_it_is_rolled_out() {
    let mut policy = Reactive::new(common());
    let mut plant = Plant::new(|_| 720.0, 14);
    plant.even = true;
    let begin = DAY + 7200;
    plant.run(&mut policy, DAY, begin);
    for minute in 0..14_u32 {
        let full = FULL * (1.0 - 0.22 * f64::from(minute) / 13.0);
        let mut told = String::new();
        for step in 1..=4 {
            let now = begin + 60 * u64::from(minute) + PERIOD * step;
            let mut seen = plant.observe(now);
            let ready = seen
                .replicas
                .iter()
                .filter(|r| r.ready.state == ReadyState::True);
            let (of, held) = (ready.count() as f64 + 1.0, 4.0 * 720.0 / full);
            seen.replicas.push(replica(now + 30, now));
            let busy = Ratio::new(held / (4.0 * of)).unwrap();
            seen.traffic.busy = Reading::now(busy, seen.at);
            seen.traffic.in_flight = Reading::now(held, seen.at);
            let decision = plant.follow(&mut policy, &seen, now);
            told = term(&decision, "full rate").unwrap().to_owned();
        }
        let believed: f64 = told.split(' ').next().unwrap().parse().unwrap();
        assert!(
            (0.98..1.06).contains(&(believed / full)),
            "{minute}: {believed}, not {full}"
        );
    }
}

#[test]
fn what_was_announced_is_not_taken_for_usual() {
    let from = 7 * DAY + 9 * 3600;
    let said = |events: Vec<ExpectedEvent>| {
        let mut spec = spec(Some(history(sale, 0, from)));
        spec.common.events = events;
        let mut policy = Foresight::new(spec);
        // Today there is none.
        let decisions = Plant::new(day, 45).run(&mut policy, from, from + 2 * 3600);
        decisions
            .iter()
            .filter(|d| d.reason.because == "recurring")
            .count()
    };
    let sales = (0..7).map(|day| ExpectedEvent {
        at: Timestamp::from_secs((day * DAY + 36_000) as i64),
        expect: 2.5,
        spread: Ratio::new(0.15).unwrap(),
        until: Some(Timestamp::from_secs((day * DAY + 37_800) as i64)),
    });
    assert!(said(vec![]) > 2);
    assert_eq!(said(sales.collect()), 0);
}

#[test]
fn it_is_a_policy_like_any_other_as_data() {
    let text = serde_json::to_string(&PolicySpec::Foresight(Box::new(spec(Some(history(
        day, 0, 600,
    ))))))
    .unwrap();
    let read: PolicySpec = serde_json::from_str(&text).unwrap();
    assert!(read.build().is_ok());
    let _schema = schemars::schema_for!(PolicySpec);
}
