//! How long a Knative autoscaler takes for one decision with 100 replicas: `cargo run --release -p scaler --example kpa_speed`.
#![allow(clippy::print_stdout, reason = "an example")]
#![allow(clippy::disallowed_types, reason = "a benchmark reads a clock")]

use std::time::{Duration, Instant};

use metrics::{Reading, Replicas, Timestamp};
use scaler::{
    Kpa, KpaSpec, Observation, Policy, ReadySample, ReadyState, ReplicaObservation, Scale,
    WriteOutcome,
};

fn main() {
    let spec = KpaSpec::default();
    let metric = spec.metric_id();
    let mut policy = Kpa::new(spec);
    let mut replica = ReplicaObservation::default();
    replica.ready.state = ReadyState::True;
    let scale = Scale {
        spec: Replicas(100),
        status: Replicas(100),
        ..Scale::default()
    };
    let mut seen = Observation {
        scale: Reading::now(scale, Timestamp::EPOCH),
        replicas: vec![replica; 100],
        samples: vec![
            ReadySample {
                at: Timestamp::EPOCH,
                metric,
                value: 6_543.21,
            };
            2
        ],
        ..Observation::default()
    };
    let rounds = 500_000_u32;
    let mut spent = Duration::ZERO;
    for round in 0..rounds {
        seen.at = Timestamp::from_secs(1_000_000 + 2 * i64::from(round));
        seen.samples[0].at = seen.at.back(Duration::from_secs(1));
        seen.samples[1].at = seen.at;
        let start = Instant::now();
        let decision = policy.decide(&seen);
        std::hint::black_box(&decision);
        std::hint::black_box(policy.settle(&WriteOutcome::Unchanged));
        spent += start.elapsed();
    }
    let state = serde_json::to_vec(&policy.save()).map_or(0, |bytes| bytes.len());
    println!(
        "{} ns a decision, settled; {state} bytes of saved state",
        (spent / rounds).as_nanos()
    );
}
