//! How long 10,000 workloads take for one decision each, a tenth of them by foresight with a week of history, the others by HPA,
//! KPA, KEDA and reactive in turn, and how large their saved states are:
//! `cargo run --profile max -p scaler --example many_speed`.
#![allow(clippy::print_stdout, reason = "an example")]
#![allow(clippy::disallowed_types, reason = "a benchmark reads a clock")]
#![allow(clippy::unwrap_used, reason = "an example")]
#![allow(dead_code, reason = "the laws use the rest")]

#[path = "../tests/policy_laws/world.rs"]
mod world;

use std::time::{Duration, Instant};

use metrics::Timestamp;
use scaler::{Foresight, ForesightSpec, History, Observation, Policy, PolicySpec, WriteOutcome};

const WORKLOADS: usize = 10_000;
const ROUNDS: usize = 41;
const REPLICAS: u32 = 10;
const DAY: usize = 5760;
const OTHERS: [&str; 4] = ["hpa", "kpa", "keda", "reactive"];

fn main() {
    let foresight = foresight();
    let mut groups: Vec<(&str, Vec<Box<dyn Policy + Send>>)> = OTHERS
        .iter()
        .map(|name| {
            let build = |_| world::subject(name).spec.build().unwrap();
            let count = WORKLOADS * 9 / 10 / OTHERS.len();
            (*name, (0..count).map(build).collect())
        })
        .collect();
    let copy = |_| -> Box<dyn Policy + Send> { Box::new(foresight.clone()) };
    let many = (0..WORKLOADS / 10).map(copy).collect();
    groups.push(("foresight", many));

    let mut times = vec![Vec::new(); groups.len()];
    let mut at = Timestamp::from_secs(7 * 86_400 + 3600);
    for round in 0..ROUNDS {
        at = at + Duration::from_secs(15);
        let rate = 700.0 + 70.0 * libm::sin(round as f64);
        for ((_, policies), times) in groups.iter_mut().zip(&mut times) {
            let shown = world::seen(policies[0].wants(), at, REPLICAS, rate);
            times.push(decide_all(policies, &shown));
        }
    }
    report(&groups, &times);
}

fn decide_all(policies: &mut [Box<dyn Policy + Send>], shown: &Observation) -> Duration {
    let begin = Instant::now();
    for policy in policies {
        std::hint::black_box(policy.decide(shown));
        std::hint::black_box(policy.settle(&WriteOutcome::Unchanged));
    }
    begin.elapsed()
}

fn report(groups: &[(&str, Vec<Box<dyn Policy + Send>>)], times: &[Vec<Duration>]) {
    let mut all: Vec<Duration> = (0..ROUNDS)
        .map(|round| times.iter().map(|times| times[round]).sum())
        .collect();
    all.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{WORKLOADS} decisions, settled: {:.1} ms at best, {:.1} in the middle, {:.1} at worst, of {ROUNDS} rounds",
        ms(all[0]),
        ms(all[ROUNDS / 2]),
        ms(all[ROUNDS - 1])
    );
    for ((name, policies), times) in groups.iter().zip(times) {
        let mut times = times.clone();
        times.sort_unstable();
        let each = times[ROUNDS / 2].as_secs_f64() * 1e6 / policies.len() as f64;
        let state = serde_json::to_vec(&policies[0].save()).unwrap().len();
        println!("{name}: {each:.2} µs a decision, {state} bytes of saved state");
    }
}

/// One that knows a week.
fn foresight() -> Foresight {
    let PolicySpec::Reactive(common) = world::subject("reactive").spec else {
        unreachable!("it is what its name says");
    };
    let rate = |slot: usize| {
        let phase = slot as f64 / DAY as f64 * std::f64::consts::TAU;
        Some(700.0 - 300.0 * libm::cos(phase) + 40.0 * libm::sin(slot as f64))
    };
    Foresight::new(ForesightSpec {
        common,
        workload: "web".into(),
        history: Some(History {
            until: Timestamp::from_secs(7 * 86_400),
            rates: (0..7 * DAY).map(rate).collect(),
            start_ups: vec![Duration::from_secs(60); 50],
        }),
    })
}
