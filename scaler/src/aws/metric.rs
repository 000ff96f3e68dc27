//! What is watched: the mean over a service's replicas, as AWS's services report it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use metrics::Reading;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figures::Trimmed;
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
    pub(super) const fn shown(self, value: f64) -> Shown {
        Shown {
            metric: self,
            value,
        }
    }
}

/// A value with its unit, with at most one decimal.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    metric: AwsMetric,
    value: f64,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.metric {
            AwsMetric::Cpu | AwsMetric::Busy => write!(f, "{} %", Trimmed(self.value * 100.0, 1)),
            AwsMetric::Requests => write!(f, "{}/s a replica", Trimmed(self.value, 1)),
            AwsMetric::Concurrency => write!(f, "{} a replica", Trimmed(self.value, 1)),
        }
    }
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
    let known = |r: &ReplicaObservation| {
        let running = r.phase == Phase::Running;
        running.then(|| asked(r)).flatten()
    };
    // Sources mostly list both in the same order: then no search is needed.
    let mut by_name: Option<BTreeMap<&str, (usize, i64)>> = None;
    let mut next = 0;
    let (mut used, mut of) = (0.0, 0.0);
    for sample in usage {
        let following = seen.replicas.get(next).filter(|r| r.id == sample.replica);
        let found = following.and_then(known).map(|request| (next, request));
        let found = found.or_else(|| {
            let by_name = by_name.get_or_insert_with(|| {
                let each = seen.replicas.iter().enumerate();
                each.filter_map(|(place, r)| Some((r.id.as_str(), (place, known(r)?))))
                    .collect()
            });
            by_name.get(sample.replica.as_str()).copied()
        });
        let Some((place, request)) = found else {
            continue;
        };
        next = place + 1;
        if seen.at.since(sample.at) > period {
            continue;
        }
        let containers = sample.containers.iter();
        let milli = containers.filter_map(|c| c.usage.get("cpu").map(|cpu| cpu.milli() as f64));
        let (sum, any) = milli.fold((0.0, false), |(sum, _), milli| (sum + milli, true));
        if any {
            used += sum;
            of += request as f64;
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
