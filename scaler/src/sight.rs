//! What policies see of a world that scrapes its replicas itself.

use std::time::Duration;

use metrics::{NoData, Quantity, Ratio, Reading, Rps, Timestamp};

use crate::{
    Average, Container, ContainerKind, ContainerUsage, MetricId, Observation, Phase, Readiness,
    ReadyState, ReplicaObservation, ReplicaUsage, Sample, Second, Traffic, Wants,
};

/// The metrics of a workload that the worlds have, by name: `busy` (slots held ÷ slots), `concurrency` (requests there,
/// waiting or worked on), `queue` (those that wait for a slot) and `requests` (per second). Of each replica they are
/// `pods/NAME`; of the whole `external/NAME` or `object/KIND/OBJECT/NAME`.
pub const WORLD_METRICS: [&str; 4] = ["busy", "concurrency", "queue", "requests"];

/// The metric of a replica that is called so.
fn of_each(name: &str) -> Option<fn(&Average) -> f64> {
    Some(match name {
        "busy" => |a| a.busy,
        "concurrency" => |a| a.in_flight,
        "queue" => |a| a.queued,
        "requests" => Average::requests,
        _ => return None,
    })
}

/// One workload as its world knows it.
#[derive(Clone, Debug)]
pub struct Sight<'a> {
    /// The workload's name, which is also that of its replicas' only container.
    pub workload: &'a str,
    /// CPU that each replica asks for.
    pub cpu: Quantity,
    /// Its replicas, in the order in which they are to be seen.
    pub replicas: Vec<SeenReplica>,
    /// Requests per second that came for it: (the window's end, its length, the rate).
    pub offered: Option<(Timestamp, Duration, f64)>,
    /// Requests that wait at the gateway for a replica now.
    pub waiting: f64,
    /// One-second readings since it was looked at last, oldest first.
    pub seconds: Vec<Second>,
    /// Whether no metrics are to be had. Replicas can still be seen: their phase comes from elsewhere than their readings.
    pub out: bool,
}

/// One replica as its world knows it.
#[derive(Clone, Debug)]
pub struct SeenReplica {
    /// Its name.
    pub id: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it was wanted.
    pub created: Timestamp,
    /// When it was started, if it was.
    pub started: Option<Timestamp>,
    /// Whether it takes requests.
    pub ready: bool,
    /// Since when that is so.
    pub since: Timestamp,
    /// Whether it finishes what it has.
    pub draining: bool,
    /// What was scraped of it.
    pub average: Option<Average>,
}

impl Sight<'_> {
    /// All that is to be seen, but for the scale.
    #[must_use]
    pub fn observation(&self, now: Timestamp, wants: &Wants) -> Observation {
        let mut seen = Observation {
            at: now,
            ..Observation::default()
        };
        if wants.replicas {
            seen.replicas = self.replicas.iter().map(|r| self.replica(r)).collect();
        }
        if wants.usage {
            seen.usage = self.usage(now);
        }
        for id in &wants.metrics {
            seen.metrics.insert(id.clone(), self.metric(id, now));
        }
        if wants.traffic {
            seen.traffic = self.traffic(now);
        }
        for second in self.seconds.iter().filter(|_| !self.out) {
            let samples = wants.samples.iter().filter_map(|id| second.sample(id));
            seen.samples.extend(samples);
        }
        seen
    }

    fn replica(&self, replica: &SeenReplica) -> ReplicaObservation {
        ReplicaObservation {
            id: replica.id.clone(),
            phase: replica.phase,
            created: Some(replica.created),
            started: replica.started,
            ready: Readiness {
                state: if replica.ready {
                    ReadyState::True
                } else {
                    ReadyState::False
                },
                since: Some(replica.since),
            },
            deleting: replica.draining,
            containers: vec![Container {
                name: self.workload.to_owned(),
                kind: ContainerKind::Regular,
                requests: [("cpu".to_owned(), self.cpu)].into(),
            }],
            requests: None,
        }
    }

    /// Those whose readings count: a replica that finishes what it has is none of them.
    fn staying(&self) -> impl Iterator<Item = &SeenReplica> {
        self.replicas.iter().filter(|r| !r.draining)
    }

    /// Why there are no readings although they were asked for.
    fn nothing(&self) -> NoData {
        if self.out {
            NoData::Unreachable("metrics are out".into())
        } else if self.staying().next().is_none() {
            NoData::Empty
        } else {
            NoData::NotYet
        }
    }

    /// A reading made of the replicas' averages: its coverage falls with each ready replica that has none.
    fn reading<T>(
        &self,
        now: Timestamp,
        make: impl FnOnce(Vec<(&str, Average)>) -> T,
    ) -> Reading<T> {
        let there: Vec<(&str, Average)> = self
            .staying()
            .filter_map(|r| Some((r.id.as_str(), r.average?)))
            .collect();
        if self.out || there.is_empty() {
            return Reading::NoData(self.nothing());
        }
        let at = there.iter().map(|(_, a)| a.at).min().unwrap_or(now);
        let window = there.iter().map(|(_, a)| a.window).max();
        let ready = || self.staying().filter(|r| r.ready);
        let seen: f64 = ready()
            .filter_map(|r| Some(r.average?.coverage.get()))
            .sum();
        let coverage = (seen / ready().count().max(1) as f64).min(1.0);
        Reading::Value {
            value: make(there),
            at,
            window: window.unwrap_or(Duration::ZERO),
            coverage: Ratio::new(coverage).unwrap_or_default(),
        }
    }

    fn usage(&self, now: Timestamp) -> Reading<Vec<ReplicaUsage>> {
        self.reading(now, |there| {
            let usage = |(id, average): (&str, Average)| ReplicaUsage {
                replica: id.to_owned(),
                at: average.at,
                window: average.window,
                containers: vec![ContainerUsage {
                    name: self.workload.to_owned(),
                    usage: [("cpu".to_owned(), milli(average.cpu))].into(),
                }],
            };
            there.into_iter().map(usage).collect()
        })
    }

    /// One of [`WORLD_METRICS`], of each replica or of the whole. An object's are those of the workload, whatever object it
    /// is.
    fn metric(&self, id: &MetricId, now: Timestamp) -> Reading<Vec<Sample>> {
        let found = match id {
            MetricId::Pods { name } => of_each(name).map(|value| self.each(value, now)),
            MetricId::Object { name, .. } | MetricId::External { name } => self.whole(name, now),
        };
        found.unwrap_or_else(|| {
            Reading::NoData(NoData::Failed(format!(
                "this world has no metric `{id}` of {}: it has {}",
                self.workload,
                WORLD_METRICS.join(", ")
            )))
        })
    }

    fn each(&self, value: fn(&Average) -> f64, now: Timestamp) -> Reading<Vec<Sample>> {
        self.reading(now, |there| {
            let sample = |(id, average): (&str, Average)| Sample {
                replica: Some(id.to_owned()),
                value: milli(value(&average)),
            };
            there.into_iter().map(sample).collect()
        })
    }

    fn whole(&self, name: &str, now: Timestamp) -> Option<Reading<Vec<Sample>>> {
        let one = |reading: Reading<f64>| {
            reading.map(|value| {
                vec![Sample {
                    replica: None,
                    value: milli(value),
                }]
            })
        };
        Some(one(match name {
            "busy" => self.busy(now),
            "concurrency" | "in_flight" => self.there(now, |a| a.in_flight),
            "queue" => self.there(now, |a| a.queued),
            "requests" => self.came(),
            _ => return None,
        }))
    }

    fn busy(&self, now: Timestamp) -> Reading<f64> {
        self.reading(now, |there| {
            there.iter().map(|(_, a)| a.busy).sum::<f64>() / there.len() as f64
        })
    }

    fn came(&self) -> Reading<f64> {
        match self.offered.filter(|_| !self.out) {
            Some((at, window, rate)) => Reading::over(rate, at, window),
            None => Reading::NoData(self.nothing()),
        }
    }

    /// Requests in all replicas and at the gateway; those at the gateway are known without any replica.
    fn there(&self, now: Timestamp, value: fn(&Average) -> f64) -> Reading<f64> {
        if !self.out && self.staying().next().is_none() {
            return Reading::now(self.waiting, now);
        }
        self.reading(now, |there| {
            self.waiting + there.iter().map(|(_, a)| value(a)).sum::<f64>()
        })
    }

    fn traffic(&self, now: Timestamp) -> Traffic {
        let sum = |value: fn(&Average) -> f64| {
            self.reading(now, |there| {
                there.iter().map(|(_, a)| value(a)).sum::<f64>()
            })
        };
        let rate = |value| checked(sum(value), Rps::new);
        Traffic {
            offered: checked(self.came(), Rps::new),
            served: rate(|a| a.served),
            failed: rate(|a| a.failed),
            shed: rate(|a| a.shed),
            slow: rate(|a| a.slow),
            queued: self.there(now, |a| a.queued),
            in_flight: self.there(now, |a| a.in_flight),
            busy: checked(self.busy(now), Ratio::new),
        }
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
