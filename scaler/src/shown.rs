//! Observations and decisions as people and scripts write them: a line of `rushhour decide`, an answer of a source.
//!
//! [`Shown`] says the same as an [`Observation`], with less to write: a reading may be a bare value, an instant a civil
//! time, an amount `450m`. Nothing is lost on the way in either direction.

mod reading;
mod units;

use std::collections::BTreeMap;
use std::fmt;

use metrics::{Quantity, Ratio, Reading, Replicas, Rps, Timestamp};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::observation::Resources;
use crate::{
    Clip, Container, ContainerKind, ContainerUsage, Decision, MetricId, Observation, Phase,
    Readiness, ReadySample, ReadyState, ReplicaObservation, ReplicaUsage, Sample, Scale, Selector,
    Term, Traffic, Verdict, Version, WriteOutcome,
};
use reading::{Reads, reads};
use units::{Amount, Instant, Span};

/// The container that stands for a replica whose usage is told as a whole.
const WHOLE: &str = "replica";

/// One workload at one instant.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The instant it is of; from one line to the next it never goes back.
    pub at: Instant,
    /// What really was there: the replicas asked for, as a bare number or with what else the target says of itself.
    #[serde(
        default,
        deserialize_with = "reads",
        skip_serializing_if = "Option::is_none"
    )]
    pub scale: Option<Reads<ShownScale>>,
    /// The replicas one by one, or only how many are ready and starting.
    #[serde(default, skip_serializing_if = "ShownReplicas::is_empty")]
    pub replicas: ShownReplicas,
    /// What replicas used, as the resource-metrics API tells it. It may stand with each replica instead.
    #[serde(
        default,
        deserialize_with = "reads",
        skip_serializing_if = "Option::is_none"
    )]
    pub usage: Option<Reads<Vec<ShownUsage>>>,
    /// Metrics by name: `pods/NAME`, `object/KIND/OBJECT/NAME` or `external/NAME`. A bare value, or one a series.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<MetricId, Reads<Series>>,
    /// What its requests were like.
    #[serde(default, skip_serializing_if = "is_default")]
    pub traffic: ShownTraffic,
    /// One-second readings since the last line, oldest first, for policies that keep such windows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<ShownSample>,
    /// What became of the decision before. Without it, it counts as written if the scale is now what was decided, and
    /// otherwise as one that nobody carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<WriteOutcome>,
}

/// A scale target's own account.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ShownScale {
    /// Replicas asked for, and there.
    Number(Replicas),
    /// More of it.
    Full(FullScale),
}

impl<'de> Deserialize<'de> for ShownScale {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScaleVisitor)
    }
}

/// Says what is wrong with a scale, where serde's untagged enums only say that something is.
struct ScaleVisitor;

impl<'de> Visitor<'de> for ScaleVisitor {
    type Value = ShownScale;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of replicas or `{\"replicas\": …, \"status\": …, \"version\": …}`")
    }

    fn visit_u64<E: de::Error>(self, n: u64) -> Result<ShownScale, E> {
        let most = u32::MAX;
        let fits = u32::try_from(n).map_err(|_| {
            E::custom(format!(
                "{n} replicas are more than the {most} there can be"
            ))
        });
        fits.map(|n| ShownScale::Number(Replicas(n)))
    }

    fn visit_i64<E: de::Error>(self, n: i64) -> Result<ShownScale, E> {
        match u64::try_from(n) {
            Ok(n) => self.visit_u64(n),
            Err(_) => Err(E::custom(format!("{n} replicas are fewer than none"))),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ShownScale, A::Error> {
        FullScale::deserialize(MapAccessDeserializer::new(map)).map(ShownScale::Full)
    }
}

/// A scale target's own account in full.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FullScale {
    /// Replicas asked for.
    pub replicas: Replicas,
    /// Replicas that exist, ready or not. Without it: those asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Replicas>,
    /// Whether the target says which replicas are its own.
    #[serde(default, skip_serializing_if = "is_default")]
    pub selector: Selector,
    /// What a write must name, to be refused if someone else wrote meanwhile. Without it nothing is compared.
    #[serde(default, skip_serializing_if = "is_default")]
    pub version: ShownVersion,
}

/// A version: a text, or a number that counts up.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(untagged, expecting = "a version is a text or a whole number")]
pub enum ShownVersion {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
}

impl Default for ShownVersion {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// The replicas.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "replicas are a list, each with `id`, or `{\"ready\": 5, \"starting\": 1}`"
)]
pub enum ShownReplicas {
    /// One by one.
    Each(Vec<ShownReplica>),
    /// Only how many.
    Counted(CountedReplicas),
}

/// How many replicas there are in which state.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CountedReplicas {
    /// Those that take requests. At most 100,000.
    #[schemars(range(max = 100_000))]
    pub ready: u32,
    /// Those that will. At most 100,000.
    #[serde(default)]
    #[schemars(range(max = 100_000))]
    pub starting: u32,
}

impl Default for ShownReplicas {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl ShownReplicas {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Each(list) if list.is_empty())
    }
}

/// One replica.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ShownReplica {
    /// Its name, unique within the workload for all time.
    pub id: String,
    /// Where it is in its life.
    #[serde(default, skip_serializing_if = "is_default")]
    pub phase: Phase,
    /// Whether it takes requests, and since when.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ready: ShownReady,
    /// When it was made, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Instant>,
    /// When it was started, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Instant>,
    /// Whether its end was ordered.
    #[serde(default, skip_serializing_if = "is_default")]
    pub deleting: bool,
    /// Its containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ShownContainer>,
    /// Requests made for the replica as a whole, if any: `{"cpu": "500m"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<BTreeMap<String, Amount>>,
    /// What it used at this instant as a whole: `{"cpu": "450m"}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<BTreeMap<String, Amount>>,
}

/// Whether a replica takes requests.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "`ready` is true, false, or `{\"state\": \"true\", \"since\": …}`"
)]
pub enum ShownReady {
    /// It does or does not.
    Known(bool),
    /// More of it.
    Full(FullReady),
}

/// Whether a replica takes requests, in full.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FullReady {
    /// The state.
    pub state: ReadyState,
    /// Its last change, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Instant>,
}

impl Default for ShownReady {
    fn default() -> Self {
        Self::Full(FullReady::default())
    }
}

/// One container of a replica.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ShownContainer {
    /// Its name.
    pub name: String,
    /// Its kind.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: ContainerKind,
    /// What it asks for, by resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, Amount>,
}

/// What one replica used.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ShownUsage {
    /// The replica's name.
    pub replica: String,
    /// The end of the sample's window. Without it: this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Instant>,
    /// The seconds it was averaged over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub window: Span,
    /// What each container used, by container and resource: `{"web": {"cpu": "450m"}}`.
    pub containers: Vec<ShownContainerUsage>,
}

/// What one container used.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ShownContainerUsage {
    /// The container's name.
    pub name: String,
    /// What it used, by resource.
    pub usage: BTreeMap<String, Amount>,
}

/// A metric's series.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "a metric is a number, an amount as `1500m`, or a list of `{\"replica\": …, \"value\": …}`"
)]
pub enum Series {
    /// One value.
    One(Amount),
    /// Several.
    Many(Vec<ShownSeries>),
}

/// One series' value.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ShownSeries {
    /// The replica it is of, for metrics of replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// The value.
    pub value: Amount,
}

/// A one-second reading.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ShownSample {
    /// The second it is of.
    pub at: Instant,
    /// Which metric.
    pub metric: MetricId,
    /// Its value, in the metric's own unit.
    pub value: f64,
}

macro_rules! traffic {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// What the workload's requests were like over the last scrape window. What is left out nobody asked for.
        #[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
        #[serde(deny_unknown_fields)]
        pub struct ShownTraffic {
            $($(#[$doc])*
            #[serde(default, deserialize_with = "reads", skip_serializing_if = "Option::is_none")]
            pub $name: Option<Reads<$type>>,)*
        }

        impl ShownTraffic {
            fn of(traffic: &Traffic, now: Timestamp) -> Self {
                Self { $($name: Reads::some(traffic.$name.clone(), now),)* }
            }

            fn traffic(self, now: Timestamp) -> Traffic {
                Traffic { $($name: Reads::reading(self.$name, now),)* }
            }
        }
    };
}

traffic! {
    /// Requests a second that came for it.
    offered: Rps,
    /// Requests a second that it answered well.
    served: Rps,
    /// Requests a second that it answered badly or not at all.
    failed: Rps,
    /// Requests a second that were turned away for want of room.
    shed: Rps,
    /// Of the served, those a second whose own time was above the service's limit.
    slow: Rps,
    /// Requests waiting for a slot, mean.
    queued: f64,
    /// Requests in its replicas, waiting or worked on, mean.
    in_flight: f64,
    /// Slots held ÷ slots of the ready replicas.
    busy: Ratio,
}

/// Replicas that are told only as numbers are made up to this many.
const MOST_COUNTED: u32 = 100_000;

impl Shown {
    /// The observation that it says.
    #[must_use]
    pub fn observation(self) -> Observation {
        let at = self.at.0;
        let (replicas, own_usage) = match self.replicas {
            ShownReplicas::Each(list) => each(list, at),
            ShownReplicas::Counted(counted) => (counted.replicas(), Vec::new()),
        };
        let usage = match (self.usage, own_usage) {
            (None, own) if !own.is_empty() => Reading::now(own, at),
            (told, _) => Reads::reading(told, at)
                .map(|list| list.into_iter().map(|usage| usage.usage(at)).collect()),
        };
        let metrics = self.metrics.into_iter().map(|(id, reads)| {
            let reading = Reads::reading(Some(reads), at);
            (id, reading.map(Series::samples))
        });
        Observation {
            at,
            scale: Reads::reading(self.scale, at).map(ShownScale::scale),
            replicas,
            usage,
            metrics: metrics.collect(),
            traffic: self.traffic.traffic(at),
            samples: self.samples.into_iter().map(ShownSample::sample).collect(),
        }
    }

    /// How an observation is written.
    #[must_use]
    pub fn of(seen: &Observation) -> Self {
        let now = seen.at;
        let scale = seen.scale.clone().map(|scale| ShownScale::of(&scale));
        let usage = seen.usage.clone();
        let usage = usage.map(|list| list.iter().map(|of| ShownUsage::of(of, now)).collect());
        let metrics = seen.metrics.iter().map(|(id, reading)| {
            let series = reading.clone().map(|samples| Series::of(&samples));
            (id.clone(), Reads::of(series, now))
        });
        Self {
            at: Instant(now),
            scale: Reads::some(scale, now),
            replicas: ShownReplicas::Each(seen.replicas.iter().map(ShownReplica::of).collect()),
            usage: Reads::some(usage, now),
            metrics: metrics.collect(),
            traffic: ShownTraffic::of(&seen.traffic, now),
            samples: seen.samples.iter().map(ShownSample::of).collect(),
            outcome: None,
        }
    }
}

fn each(list: Vec<ShownReplica>, now: Timestamp) -> (Vec<ReplicaObservation>, Vec<ReplicaUsage>) {
    let mut usage = Vec::new();
    let mut replicas = Vec::with_capacity(list.len());
    for mut shown in list {
        if let Some(used) = shown.usage.take() {
            usage.push(ReplicaUsage {
                replica: shown.id.clone(),
                at: now,
                window: std::time::Duration::ZERO,
                containers: vec![ContainerUsage {
                    name: WHOLE.into(),
                    usage: amounts(used),
                }],
            });
        }
        replicas.push(shown.replica());
    }
    (replicas, usage)
}

impl CountedReplicas {
    fn replicas(self) -> Vec<ReplicaObservation> {
        let replica = |kind: &str, number: u32, state| ReplicaObservation {
            id: format!("{kind}-{number}"),
            ready: Readiness { state, since: None },
            ..ReplicaObservation::default()
        };
        let ready = self.ready.min(MOST_COUNTED);
        let starting = self.starting.min(MOST_COUNTED);
        let ready = (1..=ready).map(|n| replica("ready", n, ReadyState::True));
        let starting = (1..=starting).map(|n| replica("starting", n, ReadyState::False));
        ready.chain(starting).collect()
    }
}

impl ShownScale {
    /// The account that it gives.
    #[must_use]
    pub fn scale(self) -> Scale {
        match self {
            Self::Number(spec) => Scale {
                spec,
                status: spec,
                ..Scale::default()
            },
            Self::Full(full) => Scale {
                spec: full.replicas,
                status: full.status.unwrap_or(full.replicas),
                selector: full.selector,
                version: match full.version {
                    ShownVersion::Text(text) => Version(text),
                    ShownVersion::Number(number) => Version(number.to_string()),
                },
            },
        }
    }

    fn of(scale: &Scale) -> Self {
        if scale.status == scale.spec
            && scale.selector == Selector::Valid
            && is_default(&scale.version)
        {
            return Self::Number(scale.spec);
        }
        Self::Full(FullScale {
            replicas: scale.spec,
            status: (scale.status != scale.spec).then_some(scale.status),
            selector: scale.selector.clone(),
            version: ShownVersion::Text(scale.version.0.clone()),
        })
    }
}

impl ShownReplica {
    fn of(replica: &ReplicaObservation) -> Self {
        Self {
            id: replica.id.clone(),
            phase: replica.phase,
            ready: ShownReady::of(replica.ready),
            created: replica.created.map(Instant),
            started: replica.started.map(Instant),
            deleting: replica.deleting,
            containers: replica.containers.iter().map(ShownContainer::of).collect(),
            requests: replica.requests.as_ref().map(shown_amounts),
            usage: None,
        }
    }

    fn replica(self) -> ReplicaObservation {
        ReplicaObservation {
            id: self.id,
            phase: self.phase,
            created: self.created.map(|at| at.0),
            started: self.started.map(|at| at.0),
            ready: self.ready.readiness(),
            deleting: self.deleting,
            containers: self
                .containers
                .into_iter()
                .map(ShownContainer::container)
                .collect(),
            requests: self.requests.map(amounts),
        }
    }
}

impl ShownReady {
    fn of(ready: Readiness) -> Self {
        match (ready.state, ready.since) {
            (ReadyState::True, None) => Self::Known(true),
            (ReadyState::False, None) => Self::Known(false),
            (state, since) => Self::Full(FullReady {
                state,
                since: since.map(Instant),
            }),
        }
    }

    fn readiness(self) -> Readiness {
        match self {
            Self::Known(ready) => Readiness {
                state: if ready {
                    ReadyState::True
                } else {
                    ReadyState::False
                },
                since: None,
            },
            Self::Full(full) => Readiness {
                state: full.state,
                since: full.since.map(|at| at.0),
            },
        }
    }
}

impl ShownContainer {
    fn of(container: &Container) -> Self {
        Self {
            name: container.name.clone(),
            kind: container.kind,
            requests: shown_amounts(&container.requests),
        }
    }

    fn container(self) -> Container {
        Container {
            name: self.name,
            kind: self.kind,
            requests: amounts(self.requests),
        }
    }
}

impl ShownUsage {
    fn of(usage: &ReplicaUsage, now: Timestamp) -> Self {
        let container = |of: &ContainerUsage| ShownContainerUsage {
            name: of.name.clone(),
            usage: shown_amounts(&of.usage),
        };
        Self {
            replica: usage.replica.clone(),
            at: (usage.at != now).then_some(Instant(usage.at)),
            window: Span(usage.window),
            containers: usage.containers.iter().map(container).collect(),
        }
    }

    fn usage(self, now: Timestamp) -> ReplicaUsage {
        let container = |of: ShownContainerUsage| ContainerUsage {
            name: of.name,
            usage: amounts(of.usage),
        };
        ReplicaUsage {
            replica: self.replica,
            at: self.at.map_or(now, |at| at.0),
            window: self.window.0,
            containers: self.containers.into_iter().map(container).collect(),
        }
    }
}

impl Series {
    fn of(samples: &[Sample]) -> Self {
        if let [
            Sample {
                replica: None,
                value,
            },
        ] = samples
        {
            return Self::One(Amount(*value));
        }
        let series = |sample: &Sample| ShownSeries {
            replica: sample.replica.clone(),
            value: Amount(sample.value),
        };
        Self::Many(samples.iter().map(series).collect())
    }

    fn samples(self) -> Vec<Sample> {
        let sample = |(replica, value): (Option<String>, Quantity)| Sample { replica, value };
        match self {
            Self::One(value) => vec![sample((None, value.0))],
            Self::Many(list) => {
                let each = list.into_iter().map(|of| (of.replica, of.value.0));
                each.map(sample).collect()
            }
        }
    }
}

impl ShownSample {
    fn of(sample: &ReadySample) -> Self {
        Self {
            at: Instant(sample.at),
            metric: sample.metric.clone(),
            value: sample.value,
        }
    }

    fn sample(self) -> ReadySample {
        ReadySample {
            at: self.at.0,
            metric: self.metric,
            value: self.value,
        }
    }
}

fn amounts(shown: BTreeMap<String, Amount>) -> Resources {
    shown
        .into_iter()
        .map(|(name, amount)| (name, amount.0))
        .collect()
}

fn shown_amounts(resources: &Resources) -> BTreeMap<String, Amount> {
    let amount = |(name, amount): (&String, &Quantity)| (name.clone(), Amount(*amount));
    resources.iter().map(amount).collect()
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A decision as a line.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ShownDecision {
    /// The observation's instant.
    pub at: Instant,
    /// Replicas asked for when it was made; nothing if that could not be read.
    pub from: Option<Replicas>,
    /// Have so many replicas; nothing: leave everything as it is, and write nothing.
    pub replicas: Option<Replicas>,
    /// One word for what bound.
    pub because: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// What it wanted before anything clipped it, if it got that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Replicas>,
    /// The values it rests on.
    pub terms: Vec<Term>,
    /// What changed the number on the way, in order.
    pub clips: Vec<Clip>,
    /// When it wants to be asked again.
    pub next: Instant,
}

impl ShownDecision {
    /// How a decision on `seen` is written.
    #[must_use]
    pub fn of(decision: Decision, seen: &Observation) -> Self {
        let Decision {
            verdict,
            reason,
            next,
        } = decision;
        Self {
            at: Instant(seen.at),
            from: seen.scale.value().map(|scale| scale.spec),
            replicas: match verdict {
                Verdict::Scale(n) => Some(n),
                Verdict::Hold => None,
            },
            because: reason.because.clone().into_owned(),
            sentence: reason.sentence().into_owned(),
            wanted: reason.wanted,
            terms: reason.terms(),
            clips: reason.clips.clone(),
            next: Instant(next),
        }
    }
}

#[cfg(test)]
mod tests;
