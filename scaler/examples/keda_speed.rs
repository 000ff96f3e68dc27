//! How long KEDA takes for one decision with two triggers, a formula and 100 replicas:
//! `cargo run --release -p scaler --example keda_speed`.
#![allow(clippy::print_stdout, reason = "an example")]
#![allow(clippy::disallowed_types, reason = "a benchmark reads a clock")]

use std::time::{Duration, Instant};

use metrics::{Quantity, Reading, Replicas, Rps, Timestamp};
use scaler::{
    KedaEvent, KedaMetric, KedaMetricType, KedaModifiers, KedaSource, KedaSpec, KedaTrigger,
    Observation, Policy, ReadyState, ReplicaObservation, Scale, WriteOutcome,
};

fn main() {
    let trigger = |name: &str, metric| KedaTrigger {
        name: name.into(),
        source: KedaSource::Event(KedaEvent {
            metric,
            threshold: Quantity::from_milli(5_000),
            activation: Quantity::from_milli(0),
            metric_type: KedaMetricType::AverageValue,
            cached: false,
        }),
    };
    let spec = KedaSpec {
        triggers: vec![
            trigger("rate", KedaMetric::Requests),
            trigger("busy", KedaMetric::InFlight),
        ],
        modifiers: Some(KedaModifiers {
            formula: "max(rate, busy * 2) > 10 ? rate + busy : 0".into(),
            target: 7.0,
            activation_target: 0.0,
            metric_type: KedaMetricType::AverageValue,
        }),
        max: Replicas(200),
        ..KedaSpec::default()
    };
    let mut policy = match spec.build() {
        Ok(policy) => policy,
        Err(why) => return println!("{why}"),
    };
    let mut ready = ReplicaObservation::default();
    ready.ready.state = ReadyState::True;
    let scale = Scale {
        spec: Replicas(100),
        status: Replicas(100),
        ..Scale::default()
    };
    let mut seen = Observation {
        scale: Reading::now(scale, Timestamp::EPOCH),
        replicas: vec![ready; 100],
        ..Observation::default()
    };
    seen.traffic.offered = Reading::now(Rps::new(600.0).unwrap_or_default(), Timestamp::EPOCH);
    seen.traffic.in_flight = Reading::now(99.5, Timestamp::EPOCH);
    let rounds = 200_000_u32;
    let start = Instant::now();
    for _ in 0..rounds {
        seen.at = seen.at + Duration::from_secs(15);
        let decision = policy.decide(&seen);
        std::hint::black_box(&decision);
        std::hint::black_box(policy.settle(&WriteOutcome::Unchanged));
    }
    let state = serde_json::to_vec(&policy.save()).map_or(0, |bytes| bytes.len());
    println!(
        "{} ns a decision, settled; {state} bytes of saved state",
        (start.elapsed() / rounds).as_nanos()
    );
}
