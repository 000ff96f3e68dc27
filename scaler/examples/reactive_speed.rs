//! How long our own policy takes for one decision with 100 replicas, and how large its state is:
//! `cargo run --profile max -p scaler --example reactive_speed`.
#![allow(clippy::print_stdout, reason = "an example")]
#![allow(clippy::disallowed_types, reason = "a benchmark reads a clock")]

use std::time::{Duration, Instant};

use metrics::{Ratio, Reading, Replicas, Rps, Timestamp};
use scaler::{
    Clock, Observation, Policy, Reactive, ReactiveSpec, Readiness, ReadyState, Reason,
    ReplicaObservation, Scale, Traffic, Verdict, WriteOutcome,
};

fn main() {
    let mut policy = Reactive::new(ReactiveSpec {
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
    });
    let mut seen = observation();
    let rounds = 100_000_u32;
    let mut spent = Duration::ZERO;
    for round in 0..rounds {
        show(&mut seen, round);
        let start = Instant::now();
        let decision = policy.decide(&seen);
        std::hint::black_box(policy.settle(&WriteOutcome::Unchanged));
        spent += start.elapsed();
        if round + 1 == rounds {
            println!("{}", decision.reason);
            words(&decision.reason);
            debug_assert_ne!(decision.verdict, Verdict::Scale(Replicas(0)));
        }
    }
    println!("{} ns a decision, settled", (spent / rounds).as_nanos());
    let state = serde_json::to_string(&policy.save()).unwrap_or_default();
    println!("{} bytes of state", state.len());
}

/// How long it takes to put a reason into words.
fn words(reason: &Reason) {
    let rounds = 10_000;
    let start = Instant::now();
    for _ in 0..rounds {
        std::hint::black_box((reason.sentence(), reason.terms()));
    }
    println!("{} ns for its words", (start.elapsed() / rounds).as_nanos());
}

/// The next reading: a load that goes up and down by a tenth.
fn show(seen: &mut Observation, round: u32) {
    seen.at = seen.at + Duration::from_secs(15);
    let at = seen.at;
    let rate = 5600.0 + 560.0 * libm::sin(f64::from(round) / 40.0);
    let rps = |rate: f64| {
        Reading::over(
            Rps::new(rate).unwrap_or_default(),
            at,
            Duration::from_secs(15),
        )
    };
    seen.scale = Reading::now(
        Scale {
            spec: Replicas(100),
            status: Replicas(100),
            ..Scale::default()
        },
        at,
    );
    seen.traffic = Traffic {
        offered: rps(rate),
        served: rps(rate),
        failed: rps(0.0),
        shed: rps(0.0),
        slow: rps(0.2),
        queued: Reading::now(0.1, at),
        busy: Reading::now(Ratio::new(rate / 8000.0).unwrap_or_default(), at),
        ..Traffic::default()
    };
}

fn observation() -> Observation {
    let replica = |i: u32| ReplicaObservation {
        id: format!("catalogue-7f9c8d-{i}"),
        created: Some(Timestamp::from_secs(999_000)),
        started: Some(Timestamp::from_secs(999_001)),
        ready: Readiness {
            state: ReadyState::True,
            since: Some(Timestamp::from_secs(999_040)),
        },
        ..ReplicaObservation::default()
    };
    Observation {
        at: Timestamp::from_secs(1_000_000),
        replicas: (0..100).map(replica).collect(),
        ..Observation::default()
    }
}
