//! What policies see of the local world.

use std::sync::Arc;
use std::time::Duration;

use metrics::{NoData, Quantity, Ratio, Reading, Replicas, Rps, Timestamp};
use scaler::{
    Container, ContainerKind, ContainerUsage, MetricId, MetricsSource, Observation, Phase,
    Readiness, ReadyState, ReplicaObservation, ReplicaUsage, Sample, Scale, ScaleTarget, Selector,
    Traffic, Version, Wants, WriteOutcome,
};

use super::readings::Average;
use super::state::{Shared, Workload};
use crate::supervisor::{Life, Member};

/// The readings of one workload.
#[derive(Clone, Debug)]
pub struct Source {
    pub(super) shared: Arc<Shared>,
    pub(super) service: String,
}

/// The scale of one workload.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) shared: Arc<Shared>,
    pub(super) service: String,
}

impl MetricsSource for Source {
    async fn observe(&mut self, now: Timestamp, wants: &Wants) -> Observation {
        self.shared.with(&self.service, |workload, blind| {
            look(workload, blind, now, wants)
        })
    }
}

impl ScaleTarget for Target {
    async fn read(&mut self, now: Timestamp) -> Reading<Scale> {
        self.shared.with(&self.service, |workload, _| {
            let scale = Scale {
                spec: workload.fleet.desired,
                status: Replicas(workload.fleet.staying()),
                selector: Selector::Valid,
                version: Version(workload.fleet.generation.to_string()),
            };
            Reading::now(scale, now)
        })
    }

    async fn write(&mut self, _: Timestamp, replicas: Replicas, seen: Version) -> WriteOutcome {
        let outcome = self.shared.with(&self.service, |workload, _| {
            let version = workload.fleet.generation.to_string();
            if !seen.0.is_empty() && seen.0 != version {
                return WriteOutcome::Lost;
            }
            workload.fleet.want(replicas);
            WriteOutcome::Written
        });
        self.shared.reconcile();
        outcome
    }
}

/// All that is to be seen of a workload. While metrics are out, replicas can still be seen: their phase comes from
/// elsewhere than their readings.
fn look(
    workload: &Workload,
    blind: super::state::Sight,
    now: Timestamp,
    wants: &Wants,
) -> Observation {
    let out = blind == super::state::Sight::Out;
    let averages: Vec<(&String, &Member, Option<Average>)> = workload
        .fleet
        .members
        .iter()
        .filter(|(_, m)| m.life != Life::Draining)
        .map(|(id, m)| {
            let scrapes = workload.scrapes.get(id).filter(|_| !out);
            (
                id,
                m,
                scrapes.and_then(|s| s.average(now, &workload.scrape)),
            )
        })
        .collect();
    let mut seen = Observation {
        at: now,
        ..Observation::default()
    };
    if wants.replicas {
        let members = workload.fleet.members.iter();
        seen.replicas = members.map(|(id, m)| replica(workload, id, m)).collect();
    }
    if wants.usage {
        seen.usage = usage(workload, &averages, now, out);
    }
    for id in &wants.metrics {
        seen.metrics
            .insert(id.clone(), metric(id, &averages, workload, now, out));
    }
    if wants.traffic {
        seen.traffic = traffic(workload, &averages, now, out);
    }
    seen
}

fn replica(workload: &Workload, id: &str, member: &Member) -> ReplicaObservation {
    let runs = member.address.is_some();
    let ready = match member.life {
        Life::Ready => ReadyState::True,
        Life::Starting | Life::Draining => ReadyState::False,
    };
    ReplicaObservation {
        id: id.to_owned(),
        phase: if runs { Phase::Running } else { Phase::Pending },
        created: Some(member.created),
        started: runs.then_some(member.created),
        ready: Readiness {
            state: ready,
            since: Some(member.since),
        },
        deleting: member.life == Life::Draining,
        containers: vec![Container {
            name: workload.service.clone(),
            kind: ContainerKind::Regular,
            requests: [("cpu".to_owned(), workload.cpu)].into(),
        }],
        requests: None,
    }
}

type Averages<'a> = [(&'a String, &'a Member, Option<Average>)];

/// Why there are no readings although they were asked for.
fn nothing(averages: &Averages, out: bool) -> NoData {
    if out {
        NoData::Unreachable("metrics are out".into())
    } else if averages.is_empty() {
        NoData::Empty
    } else {
        NoData::NotYet
    }
}

/// A reading made of the replicas' averages: its coverage falls with each ready replica that has none.
fn reading<T>(
    averages: &Averages,
    now: Timestamp,
    out: bool,
    make: impl FnOnce(Vec<(&String, Average)>) -> T,
) -> Reading<T> {
    let there: Vec<(&String, Average)> = averages
        .iter()
        .filter_map(|(id, _, average)| Some((*id, (*average)?)))
        .collect();
    if there.is_empty() {
        return Reading::NoData(nothing(averages, out));
    }
    let at = there.iter().map(|(_, a)| a.at).min().unwrap_or(now);
    let window = there
        .iter()
        .map(|(_, a)| a.window)
        .max()
        .unwrap_or(Duration::ZERO);
    let ready = averages
        .iter()
        .filter(|(_, m, _)| m.life == Life::Ready)
        .count()
        .max(1);
    let seen: f64 = averages
        .iter()
        .filter(|(_, m, _)| m.life == Life::Ready)
        .filter_map(|(_, _, average)| Some(average.as_ref()?.coverage.get()))
        .sum();
    let coverage = Ratio::new((seen / ready as f64).min(1.0)).unwrap_or_default();
    Reading::Value {
        value: make(there),
        at,
        window,
        coverage,
    }
}

fn usage(
    workload: &Workload,
    averages: &Averages,
    now: Timestamp,
    out: bool,
) -> Reading<Vec<ReplicaUsage>> {
    reading(averages, now, out, |there| {
        let usage = |(id, average): (&String, Average)| ReplicaUsage {
            replica: id.clone(),
            at: average.at,
            window: average.window,
            containers: vec![ContainerUsage {
                name: workload.service.clone(),
                usage: [("cpu".to_owned(), milli(average.cpu))].into(),
            }],
        };
        there.into_iter().map(usage).collect()
    })
}

/// The metrics that the local world has: `pods/busy` (slots held ÷ slots) and `pods/requests` (per second), of each
/// replica, and `external/in_flight`, the requests in all replicas.
fn metric(
    id: &MetricId,
    averages: &Averages,
    workload: &Workload,
    now: Timestamp,
    out: bool,
) -> Reading<Vec<Sample>> {
    let of_each = |value: fn(&Average) -> f64| {
        reading(averages, now, out, |there| {
            let sample = |(id, average): (&String, Average)| Sample {
                replica: Some(id.clone()),
                value: milli(value(&average)),
            };
            there.into_iter().map(sample).collect()
        })
    };
    match id {
        MetricId::Pods { name } if name == "busy" => of_each(|a| a.busy),
        MetricId::Pods { name } if name == "requests" => of_each(Average::requests),
        MetricId::External { name } if name == "in_flight" => {
            reading(averages, now, out, |there| {
                let sum = there.iter().map(|(_, a)| a.in_flight).sum();
                vec![Sample {
                    replica: None,
                    value: milli(sum),
                }]
            })
        }
        _ => Reading::NoData(NoData::Failed(format!(
            "the local world has no metric `{id}` of {}",
            workload.service
        ))),
    }
}

fn traffic(workload: &Workload, averages: &Averages, now: Timestamp, out: bool) -> Traffic {
    let rate = |value: fn(&Average) -> f64| {
        let sum = reading(averages, now, out, |there| {
            there.iter().map(|(_, a)| value(a)).sum::<f64>()
        });
        checked(sum, Rps::new)
    };
    let mean_of = |value: fn(&Average) -> f64| {
        reading(averages, now, out, |there| {
            there.iter().map(|(_, a)| value(a)).sum::<f64>()
        })
    };
    let offered = if out {
        None
    } else {
        workload.offered.average(now, &workload.scrape)
    };
    Traffic {
        offered: offered.map_or(
            Reading::NoData(nothing(averages, out)),
            |(at, window, rate)| checked(Reading::over(rate, at, window), Rps::new),
        ),
        served: rate(|a| a.served),
        failed: rate(|a| a.failed),
        shed: rate(|a| a.shed),
        slow: rate(|a| a.slow),
        queued: mean_of(|a| a.queued),
        in_flight: mean_of(|a| a.in_flight),
        busy: checked(
            reading(averages, now, out, |there| {
                there.iter().map(|(_, a)| a.busy).sum::<f64>() / there.len() as f64
            }),
            Ratio::new,
        ),
    }
}

/// The reading in its unit, or no data if it is absurd.
fn checked<T, E: std::fmt::Display>(
    reading: Reading<f64>,
    unit: impl FnOnce(f64) -> Result<T, E>,
) -> Reading<T> {
    match reading {
        Reading::Value {
            value,
            at,
            window,
            coverage,
        } => match unit(value) {
            Ok(value) => Reading::Value {
                value,
                at,
                window,
                coverage,
            },
            Err(e) => Reading::NoData(NoData::Absurd(e.to_string())),
        },
        Reading::NoData(why) => Reading::NoData(why),
    }
}

/// In milli-units, saturating.
fn milli(value: f64) -> Quantity {
    Quantity::from_milli((value * 1000.0).round() as i64)
}
