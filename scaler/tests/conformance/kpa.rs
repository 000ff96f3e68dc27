//! Knative's sequences: readings or averages in, recommendation out.

use metrics::{NoData, Reading, Replicas};
use scaler::{
    Kpa, KpaDecider, KpaMetric, KpaSpec, Observation, Policy, ReadySample, ReadyState,
    ReplicaObservation, Scale, WriteOutcome,
};
use serde_json::{Value, json};

use crate::convert;
use crate::tally::Tally;

fn spec(of: &Value) -> KpaSpec {
    let number = |key: &str| of[key].as_f64().unwrap();
    KpaSpec {
        metric: if of["metric"] == "rps" {
            KpaMetric::Rps
        } else {
            KpaMetric::Concurrency
        },
        target: number("target"),
        total: number("total"),
        target_burst_capacity: number("target_burst_capacity"),
        panic_threshold: number("panic_threshold"),
        stable_window: convert::secs(&of["stable_window_s"]),
        panic_window: convert::secs(&of["panic_window_s"]),
        max_scale_up_rate: number("max_scale_up_rate"),
        max_scale_down_rate: number("max_scale_down_rate"),
        scale_down_delay: convert::secs(&of["scale_down_delay_s"]),
        activation_scale: u32::try_from(of["activation_scale"].as_u64().unwrap()).unwrap(),
        reachable: of["reachable"].as_bool().unwrap(),
        weighted: of["weighted"].as_bool().unwrap(),
        ..KpaSpec::default()
    }
}

fn ready(of: &Value) -> u32 {
    u32::try_from(of.as_u64().unwrap()).unwrap()
}

fn invalid() -> Value {
    json!({"valid": false, "desired": 0, "excess_burst_capacity": 0, "stable": 0.0, "panic": 0.0})
}

/// The averages go straight to the decider.
fn averages(input: &Value) -> Vec<Value> {
    let mut decider = KpaDecider::new(
        spec(&input["spec"]),
        convert::at(&json!(0)).unwrap(),
        ready(&input["initial_ready"]),
    );
    let step = |step: &Value| {
        if let Some(new) = step.get("spec") {
            decider.update(spec(new));
        }
        if step["no_data"] == true || step["ready_error"] == true {
            return invalid();
        }
        let now = convert::at(&step["t_ms"]).unwrap();
        let (stable, panic) = (
            step["stable"].as_f64().unwrap(),
            step["panic"].as_f64().unwrap(),
        );
        let got = decider.decide(now, ready(&step["ready"]), stable, panic);
        json!({"valid": true, "desired": got.desired, "excess_burst_capacity": got.excess_burst_capacity,
            "stable": stable, "panic": panic})
    };
    convert::list(&input["steps"]).iter().map(step).collect()
}

fn observation(policy: &Kpa, step: &Value, count: u32, silent: bool) -> Observation {
    let at = convert::at(&step["t_ms"]).unwrap();
    let metric = policy.wants().samples.first().unwrap().clone();
    let scale = Scale {
        spec: Replicas(count),
        status: Replicas(count),
        ..Scale::default()
    };
    let replica = |i| {
        let mut replica = ReplicaObservation {
            id: format!("r-{i}"),
            ..ReplicaObservation::default()
        };
        replica.ready.state = ReadyState::True;
        replica
    };
    let sample = |stat: &Value| ReadySample {
        at: convert::at(&stat["t_ms"]).unwrap(),
        metric: metric.clone(),
        value: stat["value"].as_f64().unwrap(),
    };
    let mut seen = Observation {
        at,
        scale: if step["ready_error"] == true {
            Reading::NoData(NoData::Failed("lister".into()))
        } else {
            Reading::now(scale, at)
        },
        replicas: (0..count).map(replica).collect(),
        samples: convert::list(&step["stats"]).iter().map(sample).collect(),
        ..Observation::default()
    };
    if step["no_data"] == true || silent {
        seen.metrics.insert(metric, Reading::NoData(NoData::Empty));
    }
    seen
}

/// The readings go through the policy.
fn readings(input: &Value) -> Vec<Value> {
    let mut policy = Kpa::new(spec(&input["spec"]));
    // It is made before its first decision, with so many replicas ready and nothing read.
    let at_zero = json!({"t_ms": 0});
    let first = observation(&policy, &at_zero, ready(&input["initial_ready"]), true);
    policy.decide(&first);
    policy.settle(&WriteOutcome::DryRun);
    let mut steps = Vec::new();
    // Upstream's own client does not ask for readings while the activator is always in the path, so that it then never
    // lacks any; the client of the recording always asked.
    let mut newest: Option<i64> = None;
    let second = |ms: &Value| ms.as_i64().unwrap().div_euclid(1000);
    let window = input["spec"]["stable_window_s"].as_i64().unwrap();
    for step in convert::list(&input["steps"]) {
        let stats = convert::list(&step["stats"]).iter();
        newest = newest.max(stats.map(|stat| second(&stat["t_ms"])).max());
        let silent = newest.is_none_or(|at| second(&step["t_ms"]) - at > window);
        if let Some(new) = step.get("spec") {
            let state = policy.save();
            policy = Kpa::new(spec(new));
            policy.restore(&state).unwrap();
        }
        let count = step["ready"].as_u64().map_or(0, |_| ready(&step["ready"]));
        let decision = policy.decide(&observation(&policy, step, count, silent));
        policy.settle(&WriteOutcome::DryRun);
        let term = |name: &str| {
            let mut terms = decision.reason.terms().into_iter();
            let term = terms.find(|t| t.name == name)?;
            term.value.split(' ').next().unwrap().parse::<f64>().ok()
        };
        steps.push(match term("proposal") {
            None => invalid(),
            Some(desired) => json!({"valid": true, "desired": desired as i64,
                "excess_burst_capacity": term("excess burst capacity").unwrap() as i64,
                "stable": term("stable").unwrap(), "panic": term("panic").unwrap()}),
        });
    }
    steps
}

pub(crate) fn replay(tally: &mut Tally, input: &Value, expected: &Value, gate: bool) {
    let id = input["id"].as_str().unwrap();
    let got = if id.starts_with("ks-") {
        readings(input)
    } else {
        averages(input)
    };
    if !gate {
        return;
    }
    let mut all = true;
    let expected = convert::list(&expected["steps"]);
    assert_eq!(got.len(), expected.len(), "{id}");
    for (got, expected) in got.iter().zip(expected) {
        let at = format!("{id} at {}", expected["t_ms"]);
        for field in ["valid", "desired", "excess_burst_capacity"] {
            all &= tally.must(field, &at, &expected[field], &got[field]);
        }
        for field in ["stable", "panic"] {
            let (a, b) = (
                expected[field].as_f64().unwrap(),
                got[field].as_f64().unwrap(),
            );
            // Written with six decimals.
            let near = (a - b).abs() <= 2e-6_f64.max(a.abs() * 1e-12);
            let shown = if near { &expected[field] } else { &got[field] };
            all &= tally.must(field, &at, &expected[field], shown);
        }
    }
    tally.vector(all);
}
