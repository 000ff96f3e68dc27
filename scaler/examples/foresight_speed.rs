//! How long a decision of `foresight` takes with 100 replicas and a week of history, what a refit adds in all, and how large the
//! state is: `cargo run --profile max -p scaler --example foresight_speed`.
#![allow(clippy::print_stdout, reason = "an example")]
#![allow(clippy::disallowed_types, reason = "a benchmark reads a clock")]

use std::time::{Duration, Instant};

use metrics::{Ratio, Reading, Replicas, Rps, Timestamp};
use scaler::{
    Clock, Foresight, ForesightSpec, History, Observation, Policy, ReactiveSpec, Readiness,
    ReadyState, ReplicaObservation, Scale, Traffic, WriteOutcome,
};

const DAY: usize = 5760;
const REPLICAS: u32 = 100;

fn main() {
    let start = Instant::now();
    let mut policy = Foresight::new(spec());
    println!(
        "{:.0} ms to learn a week",
        start.elapsed().as_secs_f64() * 1e3
    );
    let mut seen = observation();
    let (mut plain, mut refitting, mut last) = (vec![], vec![], String::new());
    for slot in 0..DAY {
        show(&mut seen, slot);
        let start = Instant::now();
        let decision = policy.decide(&seen);
        std::hint::black_box(policy.settle(&WriteOutcome::Unchanged));
        let took = start.elapsed();
        // Looking takes longer than deciding, and is not counted.
        let learns = slot % 8 == 0 && is_refitting(&policy);
        match (slot % 8, learns) {
            (0, true) => refitting.push(took),
            (0, false) => plain.push(took),
            _ => {}
        }
        if slot + 1 == DAY {
            last = decision.reason.sentence().into_owned();
        }
    }
    println!("{last}");
    let (usual, busy) = (median(&mut plain), median(&mut refitting));
    println!("{:.1} µs a decision, settled", usual * 1e6);
    let decisions = 8 * refitting.len();
    println!(
        "{:.1} µs amid a refit, which takes {decisions} decisions and so {:.2} ms in all",
        busy * 1e6,
        (busy - usual) * decisions as f64 * 1e3
    );
    let state = policy.save();
    let size = |value: &serde_json::Value| serde_json::to_string(value).unwrap_or_default().len();
    println!(
        "{} bytes of state, of which {} are the checkpoint",
        size(&state.state),
        size(&state.state["checkpoint"])
    );
}

fn is_refitting(policy: &Foresight) -> bool {
    !policy.save().state["history"]["refit"].is_null()
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times
        .get(times.len() / 2)
        .map_or(0.0, Duration::as_secs_f64)
}

/// A day's rise and fall, with noise.
fn rate(slot: usize) -> f64 {
    let phase = slot as f64 / DAY as f64 * std::f64::consts::TAU;
    let noise = libm::sin(slot as f64 * 12.9898) * 43_758.545;
    (4000.0 - 2000.0 * libm::cos(phase)) * (0.97 + 0.06 * (noise - noise.floor()))
}

fn spec() -> ForesightSpec {
    ForesightSpec {
        common: ReactiveSpec {
            min: Replicas(1),
            max: Replicas(1000),
            period: Duration::from_secs(15),
            slots: 4,
            limit: Duration::from_millis(500),
            budget: Ratio::new(0.001).unwrap_or_default(),
            price: None,
            hold: None,
            events: vec![],
            clock: Clock::default(),
        },
        workload: "catalogue".into(),
        history: Some(History {
            until: Timestamp::from_secs(7 * 86_400),
            rates: (0..7 * DAY).map(|slot| Some(rate(slot))).collect(),
            start_ups: vec![Duration::from_secs(60); 50],
        }),
    }
}

fn show(seen: &mut Observation, slot: usize) {
    seen.at = Timestamp::from_secs((7 * 86_400 + 15 * slot) as i64);
    let (at, rate) = (seen.at, rate(slot));
    let rps = |rate: f64| {
        let rate = Rps::new(rate).unwrap_or_default();
        Reading::over(rate, at, Duration::from_secs(15))
    };
    let scale = Scale {
        spec: Replicas(REPLICAS),
        status: Replicas(REPLICAS),
        ..Scale::default()
    };
    seen.scale = Reading::now(scale, at);
    let busy = Ratio::new(rate / (80.0 * f64::from(REPLICAS)));
    seen.traffic = Traffic {
        offered: rps(rate),
        served: rps(rate),
        failed: rps(0.0),
        shed: rps(0.0),
        slow: rps(0.2),
        queued: Reading::now(0.1, at),
        busy: Reading::now(busy.unwrap_or_default(), at),
        ..Traffic::default()
    };
}

fn observation() -> Observation {
    let replica = |i: u32| ReplicaObservation {
        id: format!("catalogue-7f9c8d-{i}"),
        created: Some(Timestamp::from_secs(500_000)),
        started: Some(Timestamp::from_secs(500_001)),
        ready: Readiness {
            state: ReadyState::True,
            since: Some(Timestamp::from_secs(500_040)),
        },
        ..ReplicaObservation::default()
    };
    Observation {
        replicas: (0..REPLICAS).map(replica).collect(),
        ..Observation::default()
    }
}
