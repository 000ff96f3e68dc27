//! What is watched: the mean over a service's replicas, as AWS's services report it.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::Reading;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::figures::tenths;
use crate::{ContainerKind, Observation, Phase, ReadyState, ReplicaObservation, Wants};

/// What is watched.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AwsMetric {
    /// CPU used ÷ CPU asked for, as `ECSServiceAverageCPUUtilization`; 0.7 is 70 %.
    Cpu,
    /// Slots held ÷ slots.
    Busy,
    /// Requests per second that come for each ready replica, as `ALBRequestCountPerTarget` (which counts a minute's).
    Requests,
    /// Requests in each ready replica, waiting or worked on.
    Concurrency,
}

impl AwsMetric {
    /// Notes what it needs to be shown.
    pub(super) const fn want(self, wants: &mut Wants) {
        wants.replicas = true;
        match self {
            Self::Cpu => wants.usage = true,
            _ => wants.traffic = true,
        }
    }

    /// Its value, if there is one that is not older than a datapoint lasts.
    pub(super) fn read(self, seen: &Observation, period: Duration) -> Option<f64> {
        let traffic = &seen.traffic;
        match self {
            Self::Cpu => cpu(seen, period),
            Self::Busy => fresh(&traffic.busy, seen, period).map(|share| share.get()),
            Self::Requests => {
                let rate = fresh(&traffic.offered, seen, period)?;
                each(seen, rate.get())
            }
            Self::Concurrency => {
                let there = fresh(&traffic.in_flight, seen, period)?;
                each(seen, *there)
            }
        }
    }

    /// Its name in a sentence.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Busy => "busy",
            Self::Requests => "requests",
            Self::Concurrency => "concurrency",
        }
    }

    /// A value with its unit.
    pub(super) fn shown(self, value: f64) -> String {
        match self {
            Self::Cpu | Self::Busy => format!("{} %", short(value * 100.0)),
            Self::Requests => format!("{}/s a replica", short(value)),
            Self::Concurrency => format!("{} a replica", short(value)),
        }
    }
}

/// At most one decimal.
fn short(value: f64) -> String {
    let text = tenths(value).to_string();
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn fresh<'a, T>(reading: &'a Reading<T>, seen: &Observation, period: Duration) -> Option<&'a T> {
    match reading {
        Reading::Value { value, at, .. } => (seen.at.since(*at) <= period).then_some(value),
        Reading::NoData(_) => None,
    }
}

/// Of each ready replica. Without any there is nothing to divide by, and a load balancer reports nothing either.
fn each(seen: &Observation, sum: f64) -> Option<f64> {
    let takes = |r: &&ReplicaObservation| {
        r.phase == Phase::Running && r.ready.state == ReadyState::True && !r.deleting
    };
    let ready = seen.replicas.iter().filter(takes).count();
    (ready > 0 && sum.is_finite()).then(|| sum / ready as f64)
}

/// Used ÷ asked for, over all running replicas that say both.
fn cpu(seen: &Observation, period: Duration) -> Option<f64> {
    let usage = fresh(&seen.usage, seen, period)?;
    let running = seen.replicas.iter().filter(|r| r.phase == Phase::Running);
    let asked: BTreeMap<&str, i64> = running
        .filter_map(|r| Some((r.id.as_str(), asked(r)?)))
        .collect();
    let (mut used, mut of) = (0.0, 0.0);
    for sample in usage {
        let Some(request) = asked.get(sample.replica.as_str()) else {
            continue;
        };
        if seen.at.since(sample.at) > period {
            continue;
        }
        let containers = sample.containers.iter();
        let milli: Vec<i64> = containers
            .filter_map(|c| c.usage.get("cpu").map(|cpu| cpu.milli()))
            .collect();
        if !milli.is_empty() {
            used += milli.iter().map(|m| *m as f64).sum::<f64>();
            of += *request as f64;
        }
    }
    (of > 0.0).then(|| used / of)
}

/// CPU that a replica asks for, in milli-units; nothing if it asks for none.
fn asked(replica: &ReplicaObservation) -> Option<i64> {
    let whole = replica.requests.as_ref().and_then(|all| all.get("cpu"));
    let milli = match whole {
        Some(cpu) => cpu.milli(),
        None => {
            let stay = replica.containers.iter();
            stay.filter(|c| c.kind != ContainerKind::Init)
                .filter_map(|c| c.requests.get("cpu"))
                .fold(0_i64, |sum, cpu| sum.saturating_add(cpu.milli()))
        }
    };
    (milli > 0).then_some(milli)
}
