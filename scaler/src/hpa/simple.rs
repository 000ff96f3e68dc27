//! An HPA as scenarios write it: a few targets, bounds, and spans that need not be whole seconds.

use std::time::Duration;

use metrics::{Quantity, Ratio, Replicas};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spec::{
    Behavior, HpaSpec, MetricIdentifier, MetricSpec, MetricTarget, ObjectReference, PodsSource,
    ResourceSource,
};
use super::{Hpa, HpaController};
use crate::PolicyError;

/// One target.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HpaTarget {
    /// Mean CPU ÷ request. The HPA knows whole percents: it is rounded to one, and is at least 1 %.
    Cpu(Ratio),
    /// Mean slots held ÷ slots, as the metric `pods/busy`.
    Busy(Ratio),
    /// Mean requests per second and replica, as the metric `pods/requests`.
    Requests(f64),
}

/// An HPA with such targets.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SimpleHpa {
    /// The targets; the largest proposal wins. None: CPU at 80 %.
    pub targets: Vec<HpaTarget>,
    /// The fewest replicas.
    pub min: Replicas,
    /// The most replicas.
    pub max: Replicas,
    /// `spec.behavior` in its JSON form; its seconds may be fractions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<serde_json::Value>,
    /// The period of the policies that `behavior` leaves to their defaults: 15 s, divided by the scenario's speed.
    #[serde(default = "upstream_period")]
    pub rate_period: Duration,
    /// The controller's flags.
    #[serde(default)]
    pub controller: HpaController,
}

const fn upstream_period() -> Duration {
    Duration::from_secs(15)
}

impl SimpleHpa {
    /// The spec that says the same, without `behavior`.
    #[must_use]
    pub fn spec(&self) -> HpaSpec {
        let bound = |n: Replicas| i32::try_from(n.get()).unwrap_or(i32::MAX);
        HpaSpec {
            scale_target_ref: ObjectReference {
                api_version: "apps/v1".into(),
                kind: "Deployment".into(),
                name: "workload".into(),
            },
            min_replicas: Some(bound(self.min)),
            max_replicas: bound(self.max),
            metrics: self.targets.iter().map(HpaTarget::metric).collect(),
            behavior: None,
        }
    }

    /// The policy.
    ///
    /// # Errors
    /// If `behavior` cannot be read, or upstream's admission would refuse the whole.
    pub fn build(&self) -> Result<Hpa, PolicyError> {
        let spec = self.spec().defaulted();
        let behavior: Option<Behavior<f64>> = match &self.behavior {
            None => None,
            Some(json) => Some(
                Behavior::deserialize(json).map_err(|e| PolicyError::Behavior(e.to_string()))?,
            ),
        };
        let behavior = behavior.map(|written| written.defaulted(self.rate_period.as_secs_f64()));
        let mistakes = spec.validate();
        if !mistakes.is_empty() {
            return Err(PolicyError::Invalid(mistakes));
        }
        Ok(Hpa::compressed(
            &spec,
            behavior.as_ref(),
            self.controller.clone(),
        ))
    }
}

impl HpaTarget {
    fn metric(&self) -> MetricSpec {
        match *self {
            Self::Cpu(share) => MetricSpec {
                r#type: "Resource".into(),
                resource: Some(ResourceSource {
                    name: "cpu".into(),
                    target: MetricTarget {
                        r#type: "Utilization".into(),
                        average_utilization: Some(((share.get() * 100.0).round() as i32).max(1)),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            },
            Self::Busy(share) => Self::pods("busy", share.get()),
            Self::Requests(rate) => Self::pods("requests", rate),
        }
    }

    fn pods(name: &str, average: f64) -> MetricSpec {
        let milli = (average * 1000.0).round() as i64;
        MetricSpec {
            r#type: "Pods".into(),
            pods: Some(PodsSource {
                metric: MetricIdentifier {
                    name: name.to_owned(),
                    selector: None,
                },
                target: MetricTarget {
                    r#type: "AverageValue".into(),
                    average_value: Some(Quantity::from_milli(milli).into()),
                    ..MetricTarget::default()
                },
            }),
            ..MetricSpec::default()
        }
    }
}
