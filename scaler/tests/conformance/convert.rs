//! From the vectors' form to the contracts' and back.

use std::time::Duration;

use metrics::{NoData, Quantity, Ratio, Reading, Replicas, Timestamp};
use scaler::{
    Container, ContainerKind, ContainerUsage, HpaController, MetricId, Observation, Phase,
    PolicyState, Readiness, ReadyState, ReplicaObservation, ReplicaUsage, Resources, Sample, Scale,
    Selector,
};
use serde_json::{Value, json};

/// 2000-01-01T00:00:00Z, the vectors' t = 0.
const ZERO_MS: i64 = 946_684_800_000;

pub(crate) fn at(ms: &Value) -> Option<Timestamp> {
    ms.as_i64().map(|ms| Timestamp::from_millis(ZERO_MS + ms))
}

pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_nanos() / 1_000_000 - ZERO_MS
}

pub(crate) fn list(of: &Value) -> &[Value] {
    of.as_array().map_or(&[], Vec::as_slice)
}

fn text(of: &Value) -> String {
    of.as_str().unwrap_or_default().to_owned()
}

pub(crate) fn secs(of: &Value) -> Duration {
    Duration::from_secs_f64(of.as_f64().unwrap())
}

pub(crate) fn controller(of: &Value) -> HpaController {
    HpaController {
        tolerance: of["tolerance"].as_f64().unwrap(),
        downscale_stabilization: secs(&of["downscale_stabilization_s"]),
        cpu_initialization: secs(&of["cpu_initialization_s"]),
        initial_readiness_delay: secs(&of["initial_readiness_delay_s"]),
        scale_to_zero: of["scale_to_zero_gate"].as_bool().unwrap(),
        ..HpaController::default()
    }
}

/// History from before the first step, as a saved state.
pub(crate) fn initial(of: &Value) -> PolicyState {
    let packed = |entries: &[Value], number: &str| {
        let mut last = 0;
        let mut steps = Vec::new();
        for entry in entries {
            let ms = entry["t_ms"].as_i64().unwrap();
            steps.extend([entry[number].as_i64().unwrap(), ms - last]);
            last = ms;
        }
        let outdated: Vec<usize> = (0..entries.len())
            .filter(|i| entries[*i]["outdated"] == true)
            .collect();
        json!({"unit": 1_000_000, "start": ZERO_MS * 1_000_000, "list": steps, "outdated": outdated})
    };
    let mut state = json!({
        "up": packed(list(&of["scale_up_events"]), "change"),
        "down": packed(list(&of["scale_down_events"]), "change"),
    });
    let recommendations = list(&of["recommendations"]);
    if !recommendations.is_empty() {
        state["recommendations"] = packed(recommendations, "replicas");
    }
    let mut conditions = serde_json::Map::new();
    for c in list(&of["conditions"]) {
        let condition = json!({"status": c["status"], "reason": c["reason"], "message": ""});
        conditions.insert(text(&c["type"]), condition);
    }
    state["conditions"] = conditions.into();
    PolicyState {
        kind: "hpa/1".into(),
        state,
    }
}

/// A saved state as sorted sets of entries.
pub(crate) fn state(of: &PolicyState) -> Value {
    let unpack = |packed: &Value, events: bool| {
        let mut ns = packed["start"].as_i64().unwrap_or(0);
        let unit = packed["unit"].as_i64().unwrap_or(1);
        let outdated = list(&packed["outdated"]);
        let mut all: Vec<Vec<i64>> = Vec::new();
        for (i, pair) in list(&packed["list"]).chunks(2).enumerate() {
            ns += pair[1].as_i64().unwrap() * unit;
            let mut entry = vec![pair[0].as_i64().unwrap(), ns / 1_000_000 - ZERO_MS];
            if events {
                entry.push(i64::from(
                    outdated.iter().any(|o| o.as_u64() == Some(i as u64)),
                ));
            }
            all.push(entry);
        }
        all.sort();
        all
    };
    json!([
        unpack(&of.state["recommendations"], false),
        unpack(&of.state["up"], true),
        unpack(&of.state["down"], true)
    ])
}

pub(crate) fn expected_state(of: &Value) -> Value {
    let sorted = |list: &Value| {
        let mut all: Vec<Vec<i64>> = serde_json::from_value(list.clone()).unwrap_or_default();
        all.sort();
        all
    };
    if of == "*" {
        return of.clone();
    }
    json!([
        sorted(&of["recommendations"]),
        sorted(&of["scale_up_events"]),
        sorted(&of["scale_down_events"])
    ])
}

fn resources(of: &Value) -> Resources {
    let Some(all) = of.as_object() else {
        return Resources::new();
    };
    all.iter()
        .map(|(name, v)| (name.clone(), quantity(v)))
        .collect()
}

fn quantity(of: &Value) -> Quantity {
    match of {
        Value::String(text) => text.parse().unwrap(),
        other => other.to_string().parse().unwrap(),
    }
}

/// One entry for each that it stands for.
fn names(of: &Value, key: &str) -> Vec<String> {
    let name = text(&of[key]);
    match of["replicate"].as_u64() {
        Some(k) if k > 0 => (0..k).map(|i| format!("{name}-{i}")).collect(),
        _ => vec![name],
    }
}

fn containers(of: &Value) -> Vec<Container> {
    list(of)
        .iter()
        .map(|c| Container {
            name: text(&c["name"]),
            kind: match c["init"].as_str() {
                Some("init") => ContainerKind::Init,
                Some("sidecar") => ContainerKind::Sidecar,
                _ => ContainerKind::Regular,
            },
            requests: resources(&c["requests"]),
        })
        .collect()
}

fn replica(pod: &Value, id: String, defaults: &Value) -> ReplicaObservation {
    let own = pod.get("containers").unwrap_or(&defaults["containers"]);
    ReplicaObservation {
        id,
        phase: match pod["phase"].as_str().unwrap_or_default() {
            "Pending" => Phase::Pending,
            "Failed" => Phase::Failed,
            "Succeeded" => Phase::Succeeded,
            "Unknown" => Phase::Unknown,
            _ => Phase::Running,
        },
        created: None,
        started: at(&pod["start_ms"]),
        ready: Readiness {
            state: match pod["ready"].as_str().unwrap_or_default() {
                "True" => ReadyState::True,
                "False" => ReadyState::False,
                "Unknown" => ReadyState::Unknown,
                _ => ReadyState::Unset,
            },
            since: at(&pod["ready_since_ms"]),
        },
        deleting: pod["deleted"] == true,
        containers: containers(own),
        requests: pod.get("pod_requests").map(resources),
    }
}

fn usage(step: &Value, now: Timestamp) -> Reading<Vec<ReplicaUsage>> {
    if let Some(why) = step.get("pod_metrics_error") {
        return Reading::NoData(NoData::Failed(text(why)));
    }
    let mut all = Vec::new();
    for sample in list(&step["pod_metrics"]) {
        for replica in names(sample, "pod") {
            all.push(ReplicaUsage {
                replica,
                at: at(&sample["t_ms"]).unwrap(),
                window: secs(&sample["window_s"]),
                containers: list(&sample["containers"])
                    .iter()
                    .map(|c| ContainerUsage {
                        name: text(&c["name"]),
                        usage: resources(&c["usage"]),
                    })
                    .collect(),
            });
        }
    }
    Reading::now(all, now)
}

fn metrics_of(step: &Value, now: Timestamp, seen: &mut Observation) {
    let families = [
        ("pods_metrics", "pods"),
        ("object_metrics", "object"),
        ("external_metrics", "external"),
    ];
    for (key, prefix) in families {
        let Some(all) = step[key].as_object() else {
            continue;
        };
        for (name, answer) in all {
            let id: MetricId = format!("{prefix}/{name}").parse().unwrap();
            let reading = match answer.get("error") {
                Some(why) => Reading::NoData(NoData::Failed(text(why))),
                None => Reading::Value {
                    value: series(answer),
                    at: now,
                    window: Duration::ZERO,
                    coverage: Ratio::ONE,
                },
            };
            seen.metrics.insert(id, reading);
        }
    }
}

fn series(answer: &Value) -> Vec<Sample> {
    let sample = |replica, value| Sample {
        replica,
        value: quantity(value),
    };
    if let Some(value) = answer.get("value") {
        return vec![sample(None, value)];
    }
    if let Some(values) = answer.get("values") {
        return list(values)
            .iter()
            .map(|value| sample(None, value))
            .collect();
    }
    list(&answer["items"])
        .iter()
        .flat_map(|item| {
            let of = names(item, "pod").into_iter();
            of.map(move |pod| sample(Some(pod), &item["value"]))
        })
        .collect()
}

pub(crate) fn observation(step: &Value, defaults: &Value) -> Observation {
    let now = at(&step["t_ms"]).unwrap();
    let scale = &step["scale"];
    let number = |key: &str| Replicas(u32::try_from(scale[key].as_i64().unwrap()).unwrap());
    let mut seen = Observation {
        at: now,
        scale: match step.get("scale_error") {
            Some(why) => Reading::NoData(NoData::Failed(text(why))),
            None => Reading::now(
                Scale {
                    spec: number("spec"),
                    status: number("status"),
                    selector: match scale["selector"].as_str() {
                        None | Some("") => Selector::Missing,
                        Some(s) if s.contains("((") => Selector::Unparsable,
                        Some(_) => Selector::Valid,
                    },
                    ..Scale::default()
                },
                now,
            ),
        },
        usage: usage(step, now),
        ..Observation::default()
    };
    for pod in list(&step["pods"]) {
        for id in names(pod, "name") {
            seen.replicas.push(replica(pod, id, defaults));
        }
    }
    metrics_of(step, now, &mut seen);
    seen
}
