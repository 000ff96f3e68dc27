//! All that a policy may know.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use metrics::{NoData, Quantity, Ratio, Reading, Replicas, Rps, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One workload at one instant.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Observation {
    /// The instant it is of. From one observation of a workload to the next it never goes back.
    pub at: Timestamp,
    /// What the scale target said of itself.
    pub scale: Reading<Scale>,
    /// The replicas that its selector finds, in the source's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<ReplicaObservation>,
    /// Resource usage as the resource-metrics API gives it: it may lack replicas, and may still hold some that are gone.
    #[serde(default, skip_serializing_if = "not_asked")]
    pub usage: Reading<Vec<ReplicaUsage>>,
    /// The metrics that [`Policy::wants`](crate::Policy::wants) named; several series of one metric stay several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<MetricId, Reading<Vec<Sample>>>,
    /// What the gateway and the replicas counted.
    #[serde(default)]
    pub traffic: Traffic,
    /// One-second readings since the last observation, oldest first, for policies that keep such windows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<ReadySample>,
}

impl Observation {
    /// Takes out the numbers that JSON has no word for, so that what a policy is shown is what a record can hold: an absurd
    /// reading is no data.
    pub fn make_finite(&mut self) {
        self.samples.retain(|sample| sample.value.is_finite());
        for reading in [&mut self.traffic.queued, &mut self.traffic.in_flight] {
            if let Some(value) = reading.value().copied().filter(|v| !v.is_finite()) {
                *reading = Reading::NoData(NoData::Absurd(value.to_string()));
            }
        }
    }
}

/// A one-second reading.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ReadySample {
    /// The instant it is of.
    pub at: Timestamp,
    /// Which metric.
    pub metric: MetricId,
    /// Its value, in the metric's own unit.
    pub value: f64,
}

/// A scale target's own account.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Scale {
    /// Replicas asked for.
    pub spec: Replicas,
    /// Replicas that exist, ready or not.
    pub status: Replicas,
    /// Whether the target says which replicas are its own.
    #[serde(default)]
    pub selector: Selector,
    /// What a write must name, to be refused if someone else wrote meanwhile.
    #[serde(default)]
    pub version: Version,
}

/// The state of a scale target's selector.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// It finds replicas.
    #[default]
    Valid,
    /// The target names none.
    Missing,
    /// It cannot be parsed.
    Unparsable,
    /// It also finds the replicas of another autoscaler's target.
    Ambiguous,
}

/// An opaque version for compare-and-set. Empty: do not compare.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Version(pub String);

/// One replica.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ReplicaObservation {
    /// Its name, unique within the workload for all time.
    pub id: String,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it was made, if known.
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// When it was started, if it was.
    #[serde(default)]
    pub started: Option<Timestamp>,
    /// Whether it takes requests.
    #[serde(default)]
    pub ready: Readiness,
    /// Whether its end was ordered.
    #[serde(default)]
    pub deleting: bool,
    /// Its containers.
    #[serde(default)]
    pub containers: Vec<Container>,
    /// Requests made for the replica as a whole, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<Resources>,
}

/// Amounts by resource name (`cpu`, `memory`).
pub type Resources = BTreeMap<String, Quantity>;

/// Where a replica is in its life.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Wanted, but not running yet.
    Pending,
    /// Running.
    #[default]
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Nobody knows.
    Unknown,
}

/// Whether a replica takes requests, and since when that is so.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Readiness {
    /// The state.
    pub state: ReadyState,
    /// Its last change, if known.
    pub since: Option<Timestamp>,
}

/// A readiness state.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadyState {
    /// It takes requests.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
    /// Nothing was ever said.
    #[default]
    Unset,
}

/// One container of a replica.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its kind.
    #[serde(default)]
    pub kind: ContainerKind,
    /// What it asks for, by resource.
    #[serde(default)]
    pub requests: Resources,
}

/// A container's kind.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerKind {
    /// It runs as long as the replica.
    #[default]
    Regular,
    /// It runs before the others, and ends.
    Init,
    /// Started before the others, it runs as long as the replica.
    Sidecar,
}

/// What one replica used, as one sample of the resource-metrics API says.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ReplicaUsage {
    /// The replica's name. It need not be among the observation's replicas any more.
    pub replica: String,
    /// The end of the sample's window.
    pub at: Timestamp,
    /// The span it was averaged over.
    pub window: Duration,
    /// What each container used.
    pub containers: Vec<ContainerUsage>,
}

/// What one container used.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ContainerUsage {
    /// The container's name.
    pub name: String,
    /// What it used, by resource; a resource that was not measured is absent.
    pub usage: Resources,
}

/// One series' value of a metric.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Sample {
    /// The replica it is of, for metrics of replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// The value.
    pub value: Quantity,
}

/// Which metric. Written `pods/NAME`, `object/KIND/OBJECT/NAME` or `external/NAME`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum MetricId {
    /// A custom metric of each replica.
    Pods {
        /// The metric's name.
        name: String,
    },
    /// A metric of one object.
    Object {
        /// The object's kind.
        kind: String,
        /// The object's name.
        object: String,
        /// The metric's name.
        name: String,
    },
    /// A metric from outside.
    External {
        /// The metric's name.
        name: String,
    },
}

/// A text that is no [`MetricId`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` names no metric: use `pods/NAME`, `object/KIND/OBJECT/NAME` or `external/NAME`")]
pub struct ParseMetricIdError(pub String);

impl fmt::Display for MetricId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pods { name } => write!(f, "pods/{name}"),
            Self::Object { kind, object, name } => write!(f, "object/{kind}/{object}/{name}"),
            Self::External { name } => write!(f, "external/{name}"),
        }
    }
}

impl FromStr for MetricId {
    type Err = ParseMetricIdError;

    fn from_str(text: &str) -> Result<Self, ParseMetricIdError> {
        let unknown = || ParseMetricIdError(text.to_owned());
        let (kind, rest) = text.split_once('/').ok_or_else(unknown)?;
        match kind {
            "pods" => Ok(Self::Pods {
                name: rest.to_owned(),
            }),
            "external" => Ok(Self::External {
                name: rest.to_owned(),
            }),
            "object" => {
                let mut parts = rest.splitn(3, '/').map(str::to_owned);
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(kind), Some(object), Some(name)) => {
                        Ok(Self::Object { kind, object, name })
                    }
                    _ => Err(unknown()),
                }
            }
            _ => Err(unknown()),
        }
    }
}

impl Serialize for MetricId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MetricId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for MetricId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MetricId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(pods/.*|external/.*|object/[^/]*/[^/]*/.*)$",
            "description": "`pods/NAME`, `object/KIND/OBJECT/NAME` or `external/NAME`"
        })
    }
}

/// What the workload's requests were like over the last scrape window. Each reading stands for itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Traffic {
    /// Requests that came for it.
    #[serde(skip_serializing_if = "not_asked")]
    pub offered: Reading<Rps>,
    /// Requests that it answered well.
    #[serde(skip_serializing_if = "not_asked")]
    pub served: Reading<Rps>,
    /// Requests that it answered badly or not at all.
    #[serde(skip_serializing_if = "not_asked")]
    pub failed: Reading<Rps>,
    /// Requests that were turned away for want of room.
    #[serde(skip_serializing_if = "not_asked")]
    pub shed: Reading<Rps>,
    /// Of the served, those whose own time was above the service's limit.
    #[serde(skip_serializing_if = "not_asked")]
    pub slow: Reading<Rps>,
    /// Requests waiting for a slot, mean.
    #[serde(skip_serializing_if = "not_asked")]
    pub queued: Reading<f64>,
    /// Requests in its replicas, waiting or worked on, mean.
    #[serde(skip_serializing_if = "not_asked")]
    pub in_flight: Reading<f64>,
    /// Slots held ÷ slots of the ready replicas.
    #[serde(skip_serializing_if = "not_asked")]
    pub busy: Reading<Ratio>,
}

fn not_asked<T>(reading: &Reading<T>) -> bool {
    matches!(reading, Reading::NoData(NoData::NotAsked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_ids_survive_the_trip_through_text() {
        for text in [
            "pods/http_requests",
            "object/Ingress/main/hits/s",
            "external/queue",
        ] {
            assert_eq!(text.parse::<MetricId>().unwrap().to_string(), text);
        }
        for text in ["", "pods", "object/Ingress/main", "node/x"] {
            assert!(text.parse::<MetricId>().is_err(), "{text}");
        }
    }
}
