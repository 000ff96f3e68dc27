//! Cost against the clairvoyant's at the price that just keeps misses to 0.1 %, found in hindsight, and with the price that the
//! policy finds itself, on made-up days: `cargo run --release -p scaler --example foresight_fluid [FAMILY [SEEDS]]`.
//!
//! The plant is a fluid in steps of 5 s: each replica is M/M/4 with 80 requests/s at most, start-ups take 30 to 90 s, readings are
//! those of 30 s. Quick and coarse: to tune parts with, not to judge by.
#![allow(clippy::print_stdout, reason = "an example")]

use std::time::Duration;

use metrics::{Ratio, Reading, Replicas, Rps, Timestamp};
use scaler::{
    CapacityCurve, Clock, ExpectedEvent, Foresight, ForesightSpec, History, Load, Observation,
    OracleTask, Policy, Reactive, ReactiveSpec, Readiness, ReadyState, ReplicaObservation, Scale,
    Traffic, Verdict, WriteOutcome,
};

const STEP: usize = 5;
const PERIOD: usize = 15;
const DAY: usize = 86_400;
const HISTORY: usize = 7;
const FULL: f64 = 80.0;
const BUDGET: f64 = 0.001;
const FAMILIES: [&str; 9] = [
    "diurnal",
    "campaign",
    "sale",
    "announced",
    "noisy",
    "onoff",
    "shift",
    "deploy",
    "weekly",
];

/// SplitMix64.
struct Luck(u64);

impl Luck {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// Requests per second in steps, and what each replica takes of its full rate.
struct World {
    rates: Vec<f64>,
    speed: Vec<f64>,
    events: Vec<ExpectedEvent>,
}

fn rise(since: f64, up: f64, hold: f64, down: f64) -> f64 {
    (since / up).clamp(0.0, 1.0) * ((up + hold + down - since) / down).clamp(0.0, 1.0)
}

/// The sale of every second day, at these shares of a day.
fn announced(at: &[f64]) -> Vec<ExpectedEvent> {
    let sale = |day: usize| {
        let start = ((day * DAY) as f64 + at[day] * DAY as f64) as i64;
        ExpectedEvent {
            at: Timestamp::from_secs(start),
            expect: 4.0,
            spread: Ratio::new(0.15).unwrap_or_default(),
            until: Some(Timestamp::from_secs(start + 930)),
        }
    };
    (1..=HISTORY).step_by(2).map(sale).collect()
}

/// A factor that wanders around 1, step after step.
fn wander(size: f64, memory: f64, luck: &mut Luck) -> Vec<f64> {
    let mut x = 0.0;
    let keep = libm::exp(-(STEP as f64) / memory);
    (0..(HISTORY + 1) * DAY / STEP)
        .map(|_| {
            x = x * keep + size * (1.0 - keep * keep).sqrt() * luck.normal();
            libm::exp(x)
        })
        .collect()
}

fn world(family: &str, seed: u64) -> World {
    let mut luck = Luck(seed.wrapping_mul(7919));
    let steps = (HISTORY + 1) * DAY / STEP;
    let slow = wander(0.06, 7200.0, &mut luck);
    let quick = wander(if family == "noisy" { 0.2 } else { 0.03 }, 120.0, &mut luck);
    let mut daily: Vec<f64> = (0..=HISTORY).map(|_| 1.0 + 0.6 * luck.next()).collect();
    let mut at: Vec<f64> = (0..=HISTORY).map(|_| luck.next()).collect();
    at[HISTORY] = 0.3 + 0.4 * at[HISTORY];
    daily[HISTORY] += 0.2;
    let mut events = Vec::new();
    let (mut on, mut until) = (false, 0.0);
    let shape = |t: f64| {
        let phase = t / DAY as f64 * std::f64::consts::TAU;
        1.0 - 0.55 * libm::cos(phase) - 0.15 * libm::cos(2.0 * phase + 1.0)
    };
    let mut rates = Vec::with_capacity(steps);
    for step in 0..steps {
        let t = (step * STEP) as f64;
        let day = (t / DAY as f64) as usize;
        let since = t - (day * DAY) as f64;
        let mut x = 1800.0 * shape(t) * slow[step] * quick[step];
        match family {
            "campaign" => {
                let since = since - at[day] * DAY as f64;
                x *= 1.0 + daily[day] * rise(since, 600.0, 3600.0, 3600.0);
            }
            "sale" => x *= 1.0 + 1.2 * daily[day] * rise(since - 43_200.0, 60.0, 900.0, 900.0),
            "announced" if day % 2 == 1 => {
                let since = since - at[day] * DAY as f64;
                x *= 1.0 + 3.0 * rise(since, 30.0, 300.0, 600.0);
            }
            "onoff" => {
                if t >= until {
                    on = !on;
                    until = t - libm::log(1.0 - luck.next()) * 1800.0;
                }
                x *= if on { 1.5 } else { 0.5 };
            }
            "shift" if day == HISTORY => {
                x = 1800.0 * shape(t - 10_800.0) * slow[step] * quick[step];
                if (50_000.0..51_200.0).contains(&since) {
                    x *= 0.1;
                } else if (51_200.0..51_800.0).contains(&since) {
                    x *= 1.5;
                }
            }
            "weekly" if day % 7 >= 5 => x = 1800.0 * 0.6 * slow[step] * quick[step],
            _ => {}
        }
        // Arrivals are counted.
        let noise = (x / STEP as f64).sqrt() * luck.normal();
        rates.push((x + noise).max(0.0));
    }
    if family == "announced" {
        events = announced(&at);
    }
    let deploy = (HISTORY * DAY + DAY / 2) / STEP;
    let slower = |step: usize| {
        if family == "deploy" && step >= deploy {
            0.78
        } else {
            1.0
        }
    };
    let speed = (0..steps)
        .map(|s| slower(s) * (1.0 + 0.02 * luck.normal()))
        .collect();
    World {
        rates,
        speed,
        events,
    }
}

struct Outcome {
    missed: f64,
    paid: f64,
    starts: u32,
}

struct Plant<'a> {
    world: &'a World,
    curve: CapacityCurve,
    luck: Luck,
    /// When each was made and is ready.
    replicas: Vec<(usize, usize)>,
    backlog: f64,
    outcome: Outcome,
    all: f64,
    /// By step: slow, done, busy, queued, ready.
    seen: Vec<[f64; 4]>,
}

impl Plant<'_> {
    fn step(&mut self, step: usize) {
        let now = step * STEP;
        let ready = self.replicas.iter().filter(|(_, at)| *at <= now).count() as f64;
        let full = ready * FULL * self.world.speed[step];
        let rate = self.world.rates[step];
        let want = rate + self.backlog / STEP as f64;
        let done = want.min(full);
        let uneven = self.curve.missed(rate / full * 1.04);
        let waited = self.backlog / full.max(1.0);
        let missed = if waited > 0.3 {
            1.0
        } else {
            uneven.max((rate - done).max(0.0) / rate.max(1e-9))
        };
        self.backlog = ((want - done) * STEP as f64).min(2.0 * full);
        self.outcome.missed += rate * missed * STEP as f64;
        self.all += rate * STEP as f64;
        self.outcome.paid += (self.replicas.len() * STEP) as f64;
        self.seen
            .push([done * missed, done, done / full.max(1.0), self.backlog]);
    }

    fn observe(&self, step: usize) -> Observation {
        let now = step * STEP;
        let window = 30 / STEP;
        let recent = self.seen.len().saturating_sub(window);
        let mean = |i: usize| {
            let list = &self.seen[recent..];
            list.iter().map(|x| x[i]).sum::<f64>() / list.len().max(1) as f64
        };
        let offered = &self.world.rates[step.saturating_sub(window)..step];
        let offered = offered.iter().sum::<f64>() / offered.len().max(1) as f64;
        let at = Timestamp::from_secs(now as i64);
        let read = at.back(Duration::from_secs(1));
        let rps = |x: f64| {
            Reading::over(
                Rps::new(x).unwrap_or_default(),
                read,
                Duration::from_secs(30),
            )
        };
        let scale = Scale {
            spec: Replicas(self.replicas.len() as u32),
            status: Replicas(self.replicas.len() as u32),
            ..Scale::default()
        };
        let replica = |(created, ready): &(usize, usize)| ReplicaObservation {
            created: Some(Timestamp::from_secs(*created as i64)),
            ready: Readiness {
                state: if *ready <= now {
                    ReadyState::True
                } else {
                    ReadyState::False
                },
                since: Some(Timestamp::from_secs(*ready.min(&now) as i64)),
            },
            ..ReplicaObservation::default()
        };
        Observation {
            at,
            scale: Reading::now(scale, at),
            traffic: Traffic {
                offered: rps(offered),
                served: rps(mean(1)),
                failed: rps(0.0),
                shed: rps(0.0),
                slow: rps(mean(0)),
                queued: Reading::now(mean(3), read),
                busy: Reading::now(Ratio::new(mean(2).min(1.0)).unwrap_or_default(), read),
                ..Traffic::default()
            },
            replicas: self.replicas.iter().map(replica).collect(),
            ..Observation::default()
        }
    }

    fn scale(&mut self, n: usize, now: usize) {
        while self.replicas.len() < n {
            let slow = if self.luck.next() < 0.02 { 2.0 } else { 1.0 };
            let took = slow * (30.0 + 60.0 * self.luck.next());
            self.replicas.push((now, now + took as usize));
            self.outcome.starts += 1;
        }
        self.replicas.truncate(n);
    }
}

fn run(world: &World, policy: &mut dyn Policy, start: usize) -> Outcome {
    watched(world, policy, start, false)
}

/// The same, with each minute's reason if wanted.
fn watched(world: &World, policy: &mut dyn Policy, start: usize, told: bool) -> Outcome {
    let first = HISTORY * DAY / STEP;
    let mut plant = Plant {
        world,
        curve: CapacityCurve::of_slots(4, Duration::from_millis(50), Duration::from_millis(500)),
        luck: Luck(11),
        replicas: vec![(HISTORY * DAY - 200, HISTORY * DAY - 100); start],
        backlog: 0.0,
        outcome: Outcome {
            missed: 0.0,
            paid: 0.0,
            starts: 0,
        },
        all: 0.0,
        seen: Vec::new(),
    };
    for step in first..world.rates.len() {
        if step > first && (step * STEP).is_multiple_of(PERIOD) {
            let decision = policy.decide(&plant.observe(step));
            let before = plant.replicas.len();
            if let Verdict::Scale(n) = decision.verdict {
                plant.scale(n.get() as usize, step * STEP);
            }
            if told && (step * STEP).is_multiple_of(60) {
                println!(
                    "{} {} missed {:.0} ({}) {}",
                    step * STEP - HISTORY * DAY,
                    before,
                    plant.outcome.missed,
                    decision.reason.because,
                    decision.reason.sentence()
                );
                for term in decision.reason.terms() {
                    println!("      {}: {}", term.name, term.value);
                }
            }
            let outcome = if plant.replicas.len() == before {
                WriteOutcome::Unchanged
            } else {
                WriteOutcome::Written
            };
            policy.settle(&outcome);
        }
        plant.step(step);
    }
    plant.outcome.missed /= plant.all;
    plant.outcome
}

fn history(world: &World) -> History {
    let per = PERIOD / STEP;
    let slot = |i: usize| {
        let end = (i + 1) * per;
        let window = &world.rates[end.saturating_sub(30 / STEP)..end];
        Some(window.iter().sum::<f64>() / window.len() as f64)
    };
    let mut luck = Luck(5);
    History {
        until: Timestamp::from_secs((HISTORY * DAY) as i64),
        rates: (0..HISTORY * DAY / PERIOD).map(slot).collect(),
        start_ups: (0..100)
            .map(|_| Duration::from_secs_f64(30.0 + 60.0 * luck.next()))
            .collect(),
    }
}

fn oracle(world: &World) -> Outcome {
    let per = PERIOD / STEP;
    let first = HISTORY * DAY / STEP;
    let load = |i: usize| {
        let from = first + i * per;
        let mean = |list: &[f64]| list[from..from + per].iter().sum::<f64>() / per as f64;
        Load {
            rate: mean(&world.rates) * 1.04,
            full_rate: FULL * mean(&world.speed),
        }
    };
    let loads: Vec<Load> = (0..DAY / PERIOD).map(load).collect();
    let task = OracleTask {
        step: Duration::from_secs(PERIOD as u64),
        curve: CapacityCurve::of_slots(4, Duration::from_millis(50), Duration::from_millis(500)),
        start_up: Duration::from_secs(60),
        min: Replicas(2),
        max: Replicas(300),
        replicas: Replicas(20),
        loads,
    };
    let plan = task.plan_within(Ratio::new(BUDGET).unwrap_or_default());
    Outcome {
        missed: plan.share_missed(),
        paid: plan.cost.as_secs_f64(),
        starts: plan.starts as u32,
    }
}

fn common(world: &World, price: Option<f64>) -> ReactiveSpec {
    ReactiveSpec {
        min: Replicas(2),
        max: Replicas(300),
        period: Duration::from_secs(PERIOD as u64),
        slots: 4,
        limit: Duration::from_millis(500),
        budget: Ratio::new(BUDGET).unwrap_or_default(),
        price,
        hold: None,
        events: world.events.clone(),
        clock: Clock::default(),
    }
}

/// The cheapest fixed price that keeps misses to the budget.
fn hindsight(
    world: &World,
    start: usize,
    policy: &dyn Fn(Option<f64>) -> Box<dyn Policy>,
) -> (f64, Outcome) {
    let (mut low, mut high) = (libm::log(0.003), libm::log(300.0));
    let mut best = (high, run(world, &mut policy(Some(libm::exp(high))), start));
    for _ in 0..8 {
        let middle = (low + high) / 2.0;
        let outcome = run(world, &mut policy(Some(libm::exp(middle))), start);
        if outcome.missed <= BUDGET {
            if outcome.paid < best.1.paid || best.1.missed > BUDGET {
                best = (middle, outcome);
            }
            high = middle;
        } else {
            low = middle;
        }
    }
    (libm::exp(best.0), best.1)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let seeds: u64 = arguments.get(2).and_then(|n| n.parse().ok()).unwrap_or(3);
    for family in FAMILIES {
        if arguments
            .get(1)
            .is_some_and(|only| only != "all" && only != family)
        {
            continue;
        }
        for seed in 1..=seeds {
            let world = world(family, seed);
            let bound = oracle(&world);
            let start = (world.rates[HISTORY * DAY / STEP] / FULL * 1.5) as usize + 2;
            let mut learned = Foresight::new(ForesightSpec {
                common: common(&world, None),
                workload: "w".into(),
                history: Some(history(&world)),
            });
            let state = learned.save();
            let foresight = |price: Option<f64>| -> Box<dyn Policy> {
                let mut policy = Foresight::new(ForesightSpec {
                    common: common(&world, price),
                    workload: "w".into(),
                    history: None,
                });
                if policy.restore(&state).is_err() {
                    println!("not restored");
                }
                Box::new(policy)
            };
            let reactive = |price: Option<f64>| -> Box<dyn Policy> {
                Box::new(Reactive::new(common(&world, price)))
            };
            print!("{family:>9} {seed}:");
            for (name, policy) in [
                (
                    "foresight",
                    &foresight as &dyn Fn(Option<f64>) -> Box<dyn Policy>,
                ),
                ("reactive", &reactive),
            ] {
                let (price, found) = hindsight(&world, start, policy);
                let own = run(&world, &mut policy(None), start);
                print!(
                    "  {name} {:.3} at {:.3} % (price {price:.2}, {} starts), own price {:.3} at {:.3} %;",
                    found.paid / bound.paid,
                    100.0 * found.missed,
                    found.starts,
                    own.paid / bound.paid,
                    100.0 * own.missed
                );
            }
            println!("  floor {:.1} replicas", bound.paid / DAY as f64);
            if std::env::var_os("FLUID_TRACE").is_some() {
                watched(&world, &mut learned, start, true);
            }
        }
    }
}
