//! `autoscaling/v2` as users write it.
//!
//! Nothing is checked while it is read but its form: what upstream's admission would say is in
//! [`HpaSpec::validate`](super::HpaSpec::validate), and the policy copes with whatever was admitted or not.

mod lenient;

use std::collections::BTreeMap;
use std::fmt;

use metrics::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A `HorizontalPodAutoscalerSpec`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HpaSpec {
    /// What is scaled.
    #[serde(deserialize_with = "lenient::object")]
    pub scale_target_ref: ObjectReference,
    /// The fewest replicas; absent: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_replicas: Option<i32>,
    /// The most replicas.
    #[serde(deserialize_with = "lenient::or_default")]
    pub max_replicas: i32,
    /// What it scales on; absent: CPU at 80 % of the request.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "lenient::objects"
    )]
    pub metrics: Vec<MetricSpec>,
    /// How fast it may go; absent: the older rules, which are not the same as an empty one.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::maybe"
    )]
    pub behavior: Option<Behavior>,
}

/// A reference to an object.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectReference {
    /// Its group and version.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "lenient::or_default"
    )]
    pub api_version: String,
    /// Its kind.
    #[serde(deserialize_with = "lenient::or_default")]
    pub kind: String,
    /// Its name.
    #[serde(deserialize_with = "lenient::or_default")]
    pub name: String,
}

/// One metric. Exactly the block that its type names should be there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricSpec {
    /// `Resource`, `ContainerResource`, `Pods`, `Object` or `External`.
    #[serde(deserialize_with = "lenient::or_default")]
    pub r#type: String,
    /// CPU or memory of the pods.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::maybe"
    )]
    pub resource: Option<ResourceSource>,
    /// CPU or memory of one container of each pod.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::maybe"
    )]
    pub container_resource: Option<ContainerResourceSource>,
    /// A custom metric of each pod.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::maybe"
    )]
    pub pods: Option<PodsSource>,
    /// A metric of one object.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::maybe"
    )]
    pub object: Option<ObjectSource>,
    /// A metric from outside.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::maybe"
    )]
    pub external: Option<ExternalSource>,
}

/// A resource of the pods.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceSource {
    /// `cpu`, `memory`, …
    #[serde(deserialize_with = "lenient::or_default")]
    pub name: String,
    /// The target.
    #[serde(deserialize_with = "lenient::object")]
    pub target: MetricTarget,
}

/// A resource of one container.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerResourceSource {
    /// `cpu`, `memory`, …
    #[serde(deserialize_with = "lenient::or_default")]
    pub name: String,
    /// The container.
    #[serde(deserialize_with = "lenient::or_default")]
    pub container: String,
    /// The target.
    #[serde(deserialize_with = "lenient::object")]
    pub target: MetricTarget,
}

/// A custom metric of each pod.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodsSource {
    /// Which.
    #[serde(deserialize_with = "lenient::object")]
    pub metric: MetricIdentifier,
    /// The target.
    #[serde(deserialize_with = "lenient::object")]
    pub target: MetricTarget,
}

/// A metric of one object.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectSource {
    /// Whose.
    #[serde(deserialize_with = "lenient::object")]
    pub described_object: ObjectReference,
    /// Which.
    #[serde(deserialize_with = "lenient::object")]
    pub metric: MetricIdentifier,
    /// The target.
    #[serde(deserialize_with = "lenient::object")]
    pub target: MetricTarget,
}

/// A metric from outside.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExternalSource {
    /// Which.
    #[serde(deserialize_with = "lenient::object")]
    pub metric: MetricIdentifier,
    /// The target.
    #[serde(deserialize_with = "lenient::object")]
    pub target: MetricTarget,
}

/// A metric's name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricIdentifier {
    /// The name.
    #[serde(deserialize_with = "lenient::or_default")]
    pub name: String,
    /// Which of its series, if not all.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::maybe"
    )]
    pub selector: Option<LabelSelector>,
}

/// A choice by labels. It is handed on to the source, and not interpreted here.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels and their values.
    #[serde(
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "lenient::labels"
    )]
    pub match_labels: BTreeMap<String, String>,
    /// Expressions, all of which must hold.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "lenient::objects"
    )]
    pub match_expressions: Vec<LabelExpression>,
}

/// What a label must be.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelExpression {
    /// Which label.
    #[serde(deserialize_with = "lenient::or_default")]
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    #[serde(deserialize_with = "lenient::or_default")]
    pub operator: String,
    /// The values that the first two are of.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "lenient::or_default"
    )]
    pub values: Vec<String>,
}

/// What a metric should be.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricTarget {
    /// `Utilization`, `Value` or `AverageValue`.
    #[serde(deserialize_with = "lenient::or_default")]
    pub r#type: String,
    /// The whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<QuantityText>,
    /// The mean over the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_value: Option<QuantityText>,
    /// The mean over the pods as percent of their requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_utilization: Option<i32>,
}

/// How fast it may go. `S` is the type of spans in seconds: whole in a manifest, fractions in a compressed scenario.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(
    rename_all = "camelCase",
    bound(deserialize = "S: Deserialize<'de> + Default")
)]
#[schemars(bound = "S: JsonSchema + Default")]
pub struct Behavior<S = i32> {
    /// Upwards.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::maybe"
    )]
    pub scale_up: Option<ScalingRules<S>>,
    /// Downwards.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::maybe"
    )]
    pub scale_down: Option<ScalingRules<S>>,
}

/// The rules of one direction.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(
    rename_all = "camelCase",
    bound(deserialize = "S: Deserialize<'de> + Default")
)]
#[schemars(bound = "S: JsonSchema + Default")]
pub struct ScalingRules<S = i32> {
    /// How far back recommendations count, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stabilization_window_seconds: Option<S>,
    /// `Max`, `Min` or `Disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select_policy: Option<String>,
    /// How much in which span. Absent and empty are not the same.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "lenient::maybe_objects"
    )]
    pub policies: Option<Vec<ScalingPolicy<S>>>,
    /// How far from the target is near enough, as a share; absent: the controller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<QuantityText>,
}

/// So much in such a span.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(
    rename_all = "camelCase",
    bound(deserialize = "S: Deserialize<'de> + Default")
)]
#[schemars(bound = "S: JsonSchema + Default")]
pub struct ScalingPolicy<S = i32> {
    /// `Pods` or `Percent`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub r#type: String,
    /// How many of them.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub value: i32,
    /// In how many seconds.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub period_seconds: S,
}

impl<S> Default for Behavior<S> {
    fn default() -> Self {
        Self {
            scale_up: None,
            scale_down: None,
        }
    }
}

impl<S: Default> Default for ScalingPolicy<S> {
    fn default() -> Self {
        Self {
            r#type: String::new(),
            value: 0,
            period_seconds: S::default(),
        }
    }
}

impl<S> Default for ScalingRules<S> {
    fn default() -> Self {
        Self {
            stabilization_window_seconds: None,
            select_policy: None,
            policies: None,
            tolerance: None,
        }
    }
}

/// A quantity that keeps how it was written.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
pub struct QuantityText(String);

impl QuantityText {
    /// Checks the form.
    ///
    /// # Errors
    /// If it is no quantity.
    pub fn new(text: impl Into<String>) -> Result<Self, metrics::ParseQuantityError> {
        let text = text.into();
        text.parse::<Quantity>()?;
        Ok(Self(text))
    }

    /// The amount in milli-units, rounded away from zero.
    #[must_use]
    pub fn milli(&self) -> i64 {
        self.0.parse::<Quantity>().map_or(0, Quantity::milli)
    }

    /// The amount as upstream's approximate float: the digits times a power of ten.
    #[must_use]
    pub fn approximate(&self) -> f64 {
        Quantity::approximate(&self.0).unwrap_or(0.0)
    }
}

impl From<Quantity> for QuantityText {
    fn from(quantity: Quantity) -> Self {
        Self(quantity.to_string())
    }
}

impl fmt::Display for QuantityText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for QuantityText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// Kubernetes takes bare numbers too.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Number(serde_json::Number),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Text(text) => text.trim().to_owned(),
            Written::Number(number) => number.to_string(),
        };
        Self::new(text).map_err(serde::de::Error::custom)
    }
}

impl HpaSpec {
    /// The spec with upstream's defaults filled in, as its API server does before anything else.
    ///
    /// The stabilisation window downwards stays open: the controller puts its own in.
    #[must_use]
    pub fn defaulted(mut self) -> Self {
        self.min_replicas.get_or_insert(1);
        if self.metrics.is_empty() {
            self.metrics.push(MetricSpec {
                r#type: "Resource".into(),
                resource: Some(ResourceSource {
                    name: "cpu".into(),
                    target: MetricTarget {
                        r#type: "Utilization".into(),
                        average_utilization: Some(80),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            });
        }
        self.behavior = self.behavior.map(|written| written.defaulted(15));
        self
    }
}

impl<S: Copy + Default> Behavior<S> {
    /// Both directions with all fields, `period` being the period of the policies that are filled in (15 s upstream).
    #[must_use]
    pub fn defaulted(self, period: S) -> Self {
        let policy = |kind: &str, value| ScalingPolicy {
            r#type: kind.to_owned(),
            value,
            period_seconds: period,
        };
        let mut up = self.scale_up.unwrap_or_default();
        up.stabilization_window_seconds.get_or_insert_default();
        up.select_policy.get_or_insert_with(|| "Max".into());
        up.policies
            .get_or_insert_with(|| vec![policy("Pods", 4), policy("Percent", 100)]);
        let mut down = self.scale_down.unwrap_or_default();
        down.select_policy.get_or_insert_with(|| "Max".into());
        down.policies
            .get_or_insert_with(|| vec![policy("Percent", 100)]);
        Self {
            scale_up: Some(up),
            scale_down: Some(down),
        }
    }
}
