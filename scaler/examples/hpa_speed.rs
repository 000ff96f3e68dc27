//! How long an HPA takes for one decision with 100 pods: `cargo run -p scaler --example hpa_speed`.
#![allow(clippy::print_stdout, reason = "an example")]
#![allow(clippy::disallowed_types, reason = "a benchmark reads a clock")]

use std::time::{Duration, Instant};

use metrics::{Quantity, Ratio, Reading, Replicas, Timestamp};
use scaler::{
    Container, ContainerUsage, HpaController, HpaTarget, Observation, Policy, Readiness,
    ReadyState, ReplicaObservation, ReplicaUsage, Scale, SimpleHpa, WriteOutcome,
};

fn main() {
    let simple = SimpleHpa {
        targets: Ratio::new(0.7).map(HpaTarget::Cpu).into_iter().collect(),
        min: Replicas(1),
        max: Replicas(200),
        behavior: None,
        rate_period: Duration::from_secs(15),
        controller: HpaController::default(),
    };
    let mut policy = match simple.build() {
        Ok(policy) => policy,
        Err(why) => return println!("{why}"),
    };
    let mut seen = observation();
    let rounds = 100_000_u32;
    let start = Instant::now();
    for _ in 0..rounds {
        seen.at = seen.at + Duration::from_secs(15);
        let decision = policy.decide(&seen);
        std::hint::black_box(&decision);
        std::hint::black_box(policy.settle(&WriteOutcome::Unchanged));
    }
    println!(
        "{} ns a decision, settled",
        (start.elapsed() / rounds).as_nanos()
    );
}

fn observation() -> Observation {
    let at = Timestamp::from_secs(1_000_000);
    let amount = |milli| [("cpu".to_owned(), Quantity::from_milli(milli))].into();
    let replica = |i| ReplicaObservation {
        id: format!("catalogue-7f9c8d-{i}"),
        started: Some(Timestamp::EPOCH),
        ready: Readiness {
            state: ReadyState::True,
            since: Some(Timestamp::EPOCH),
        },
        containers: vec![Container {
            name: "app".into(),
            requests: amount(1000),
            ..Container::default()
        }],
        ..ReplicaObservation::default()
    };
    let usage = |of: &ReplicaObservation| ReplicaUsage {
        replica: of.id.clone(),
        at,
        window: Duration::from_secs(15),
        containers: vec![ContainerUsage {
            name: "app".into(),
            usage: amount(690),
        }],
    };
    let replicas: Vec<_> = (0..100).map(replica).collect();
    let scale = Scale {
        spec: Replicas(100),
        status: Replicas(100),
        ..Scale::default()
    };
    Observation {
        at,
        scale: Reading::now(scale, at),
        usage: Reading::now(replicas.iter().map(usage).collect(), at),
        replicas,
        ..Observation::default()
    }
}
