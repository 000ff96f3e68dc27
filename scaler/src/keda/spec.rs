//! What a `ScaledObject` says, and the HPA that KEDA makes of it.

use std::time::Duration;

use metrics::{Quantity, Replicas, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::formula::Formula;
use crate::field_error::Mistakes;
use crate::{
    ContainerResourceSource, ExternalSource, FieldError, FieldErrorKind, HpaController, HpaSpec,
    MetricId, MetricIdentifier, MetricSpec, MetricTarget, ObjectReference, ResourceSource,
};

/// KEDA's name for the one metric that a formula makes.
pub(super) const COMPOSITE: &str = "composite-metric";

/// A `ScaledObject`. The defaults are KEDA's own.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KedaSpec {
    /// Between two looks at whether anything is to be done at all.
    pub polling_interval: Duration,
    /// How long after the last activity it goes to zero (or to `idle`).
    pub cooldown_period: Duration,
    /// How long after it was made it may do so, if there never was activity.
    pub initial_cooldown_period: Duration,
    /// Replicas without activity, fewer than `min`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Replicas>,
    /// The fewest replicas; 0 if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Replicas>,
    /// The most replicas.
    pub max: Replicas,
    /// What is done when triggers fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<KedaFallback>,
    /// What it scales on.
    pub triggers: Vec<KedaTrigger>,
    /// One number made of several triggers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modifiers: Option<KedaModifiers>,
    /// `spec.behavior` of the HPA in its JSON form; its seconds may be fractions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behavior: Option<serde_json::Value>,
    /// The period of the policies that `behavior` leaves to their defaults: 15 s, divided by the scenario's speed.
    pub rate_period: Duration,
    /// The flags of the controller that runs the HPA.
    pub controller: HpaController,
    /// What its annotations stop or force.
    pub annotations: KedaAnnotations,
}

/// What is done when triggers fail.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KedaFallback {
    /// More failures than this in a row.
    pub failure_threshold: u32,
    /// So many replicas then.
    pub replicas: Replicas,
    /// How they meet those that are there.
    #[serde(default)]
    pub behavior: KedaFallbackBehavior,
}

/// How the replicas of a fallback meet those that are there.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum KedaFallbackBehavior {
    /// Those of the fallback.
    #[default]
    Static,
    /// Those that are there.
    CurrentReplicas,
    /// The more of both.
    CurrentReplicasIfHigher,
    /// The fewer of both.
    CurrentReplicasIfLower,
    /// The trigger is nil in the formula, and replicas count only if all of it is nil.
    ScalingModifiers,
}

/// One number made of several triggers.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KedaModifiers {
    /// The formula over the triggers' names.
    pub formula: String,
    /// What it should be.
    pub target: f64,
    /// Above it, there is activity.
    #[serde(default)]
    pub activation_target: f64,
    /// Whether the target is for each replica.
    #[serde(default)]
    pub metric_type: KedaMetricType,
}

/// What a target is of.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum KedaMetricType {
    /// Of each replica.
    #[default]
    AverageValue,
    /// Of the whole.
    Value,
}

/// One trigger.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KedaTrigger {
    /// Its name in formulas; empty: none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it reads.
    pub source: KedaSource,
}

/// What a trigger reads, and what that should be.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KedaSource {
    /// CPU of the replicas.
    Cpu(KedaResource),
    /// Memory of the replicas.
    Memory(KedaResource),
    /// A number from somewhere.
    Event(KedaEvent),
}

/// A resource of the replicas.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KedaResource {
    /// Of this container alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// What it should be.
    pub target: KedaResourceTarget,
}

/// What a resource should be.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KedaResourceTarget {
    /// Whole percents of the request.
    Utilization(i32),
    /// So much for each replica.
    AverageValue(Quantity),
}

/// A number from somewhere.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KedaEvent {
    /// Which.
    pub metric: KedaMetric,
    /// What it should be.
    pub threshold: Quantity,
    /// Above it, there is activity.
    #[serde(default)]
    pub activation: Quantity,
    /// Whether the threshold is for each replica.
    #[serde(default)]
    pub metric_type: KedaMetricType,
    /// Whether the HPA is given what the last poll read.
    #[serde(default)]
    pub cached: bool,
}

/// Where a number comes from.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KedaMetric {
    /// Requests per second that come for the workload.
    Requests,
    /// Requests in its replicas, waiting or worked on.
    InFlight,
    /// Requests waiting for a slot.
    Queued,
    /// Replicas by the clock.
    Cron(KedaCron),
    /// An external metric; the trigger's place is put before its name, as in `external/s0-prometheus`.
    External(String),
}

/// Replicas by the clock, from each start to the next end.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KedaCron {
    /// When it begins, as cron writes it.
    pub start: String,
    /// When it ends, as cron writes it.
    pub end: String,
    /// The time zone that both are in.
    pub timezone: String,
    /// So many in between.
    pub replicas: Replicas,
    /// From when until when that is, in the time in which it decides. A policy has no calendar: whoever runs it works
    /// them out for as long as it runs.
    #[serde(default)]
    pub windows: Vec<(Timestamp, Timestamp)>,
}

impl KedaCron {
    /// Whether it is on.
    #[must_use]
    pub fn is_on(&self, at: Timestamp) -> bool {
        self.windows
            .iter()
            .any(|(from, to)| (*from..*to).contains(&at))
    }
}

/// What annotations stop or force.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KedaAnnotations {
    /// Nothing is done any more.
    pub paused: bool,
    /// So many replicas, and then nothing is done any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_replicas: Option<Replicas>,
    /// It never goes down.
    pub paused_scale_in: bool,
    /// It never goes up.
    pub paused_scale_out: bool,
    /// It is active whatever the triggers say.
    pub force_activation: bool,
}

impl KedaAnnotations {
    pub(super) const fn stops(&self) -> bool {
        self.paused || self.paused_replicas.is_some()
    }
}

impl Default for KedaSpec {
    fn default() -> Self {
        Self {
            polling_interval: Duration::from_secs(30),
            cooldown_period: Duration::from_secs(300),
            initial_cooldown_period: Duration::ZERO,
            idle: None,
            min: None,
            max: Replicas(100),
            fallback: None,
            triggers: Vec::new(),
            modifiers: None,
            behavior: None,
            rate_period: Duration::from_secs(15),
            controller: HpaController::default(),
            annotations: KedaAnnotations::default(),
        }
    }
}

impl KedaMetric {
    fn name(&self) -> &str {
        match self {
            Self::Requests => "requests",
            Self::InFlight => "in-flight",
            Self::Queued => "queued",
            Self::Cron(_) => "cron",
            Self::External(name) => name,
        }
    }
}

impl KedaEvent {
    /// Its name as the HPA knows it.
    pub(super) fn metric_name(&self, place: usize) -> String {
        format!("s{place}-{}", self.metric.name())
    }

    pub(super) fn metric_id(&self, place: usize) -> MetricId {
        MetricId::External {
            name: self.metric_name(place),
        }
    }
}

impl KedaSpec {
    /// The triggers that are not of a resource, with their places among all.
    pub(crate) fn events(&self) -> impl Iterator<Item = (usize, &KedaTrigger, &KedaEvent)> {
        let all = self.triggers.iter().enumerate();
        all.filter_map(|(place, trigger)| match &trigger.source {
            KedaSource::Event(event) => Some((place, trigger, event)),
            _ => None,
        })
    }

    /// The formula, over the names of the triggers in the order of [`events`](Self::events).
    pub(super) fn formula(&self) -> Option<Result<Formula, super::FormulaError>> {
        let modifiers = self.modifiers.as_ref()?;
        let names: Vec<&str> = self
            .events()
            .map(|(_, trigger, _)| trigger.name.as_str())
            .collect();
        Some(Formula::parse(&modifiers.formula, &names))
    }

    /// The same in a world that goes `speed` times faster from `origin` on: all its spans are so much shorter, and its
    /// instants so much nearer.
    #[must_use]
    pub fn at_speed(&self, speed: f64, origin: Timestamp) -> Self {
        let faster = |span: Duration| span.div_f64(speed);
        let nearer = |at: Timestamp| origin + faster(at.since(origin));
        let behavior = self.behavior.clone();
        let mut triggers = self.triggers.clone();
        for trigger in &mut triggers {
            if let KedaSource::Event(event) = &mut trigger.source
                && let KedaMetric::Cron(cron) = &mut event.metric
            {
                for (from, to) in &mut cron.windows {
                    (*from, *to) = (nearer(*from), nearer(*to));
                }
            }
        }
        Self {
            triggers,
            polling_interval: faster(self.polling_interval),
            cooldown_period: faster(self.cooldown_period),
            initial_cooldown_period: faster(self.initial_cooldown_period),
            rate_period: faster(self.rate_period),
            controller: self.controller.at_speed(speed),
            behavior: behavior.map(|b| crate::policy_spec::faster_seconds(b, speed)),
            ..self.clone()
        }
    }

    /// The HPA that KEDA makes of it, without its `behavior`.
    #[must_use]
    pub fn hpa(&self) -> HpaSpec {
        let bound = |n: Replicas| i32::try_from(n.get()).unwrap_or(i32::MAX);
        HpaSpec {
            scale_target_ref: ObjectReference {
                api_version: "apps/v1".into(),
                kind: "Deployment".into(),
                name: "workload".into(),
            },
            min_replicas: Some(bound(self.min.unwrap_or_default()).max(1)),
            max_replicas: bound(self.max),
            metrics: self.metrics(),
            behavior: None,
        }
    }

    /// By type; a formula takes the place of all that are not of a resource, and of those of one container.
    fn metrics(&self) -> Vec<MetricSpec> {
        let of = |wanted: fn(&MetricSpec) -> bool| {
            let all = self.triggers.iter().enumerate();
            all.map(|(place, trigger)| metric(place, &trigger.source))
                .filter(wanted)
                .collect::<Vec<_>>()
        };
        let resources = of(|metric| metric.resource.is_some());
        if let Some(modifiers) = &self.modifiers {
            let milli = (modifiers.target * 1000.0) as i64;
            let composite = external(COMPOSITE.into(), modifiers.metric_type, milli);
            return resources.into_iter().chain([composite]).collect();
        }
        let mut all = of(|metric| metric.container_resource.is_some());
        all.extend(of(|metric| metric.external.is_some()));
        all.extend(resources);
        all
    }

    /// What KEDA's admission and its controller find wrong with it, by the fields of a `ScaledObject`.
    #[must_use]
    pub fn validate(&self) -> Vec<FieldError> {
        let mut found = Mistakes::default();
        self.bounds(&mut found);
        self.check_triggers(&mut found);
        if let Some(fallback) = &self.fallback {
            let scales = fallback.behavior == KedaFallbackBehavior::ScalingModifiers;
            if scales && self.modifiers.is_none() {
                let what = "scalingModifiers fallback behavior requires scalingModifiers.formula to be defined";
                found.invalid("spec.fallback.behavior", what);
            }
            if self.modifiers.is_none() && self.events().next().is_none() {
                let what = "at least one trigger (that is not cpu or memory) has to have the `AverageValue` type for the fallback to be enabled";
                found.invalid("spec.fallback", what);
            }
        }
        self.check_modifiers(&mut found);
        found.sorted()
    }

    fn bounds(&self, found: &mut Mistakes) {
        let (min, max) = (self.min.unwrap_or_default(), self.max);
        if max.get() == 0 {
            found.invalid(
                "spec.maxReplicaCount",
                "should be greater than or equal to 1",
            );
        }
        if min > max {
            let what = "minReplicaCount must be less than or equal to maxReplicaCount";
            found.invalid("spec.minReplicaCount", what);
        }
        // One that says none itself is held against the HPA's minimum, which is at least one.
        let least = self.min.map_or(Replicas::ZERO, |min| min.max(Replicas(1)));
        if let Some(idle) = self.idle
            && idle >= least
        {
            let min = least;
            let what = format!("IdleReplicaCount={idle} must be less than MinReplicaCount={min}");
            found.invalid("spec.idleReplicaCount", what);
        }
        if self.polling_interval.is_zero() {
            found.invalid(
                "spec.pollingInterval",
                "should be greater than or equal to 1",
            );
        }
        if !self.triggers.is_empty() && self.events().next().is_none() && min.get() == 0 {
            let what = "scaledobject has only cpu/memory triggers AND minReplica is 0 (scale to zero doesn't work in this case)";
            found.invalid("spec.minReplicaCount", what);
        }
    }

    fn check_triggers(&self, found: &mut Mistakes) {
        if self.triggers.is_empty() {
            found.required(
                "spec.triggers",
                "no triggers defined in the ScaledObject/ScaledJob",
            );
        }
        for (place, trigger) in self.triggers.iter().enumerate() {
            let at = format!("spec.triggers[{place}]");
            let name = &trigger.name;
            if !name.is_empty() && self.triggers[..place].iter().any(|t| t.name == *name) {
                let what = format!(
                    "triggerName {name:?} is defined multiple times in the ScaledObject/ScaledJob, but it must be unique"
                );
                found.invalid(format!("{at}.name"), what);
            }
            let positive = match &trigger.source {
                KedaSource::Event(event) => event.threshold.milli() > 0,
                KedaSource::Cpu(it) | KedaSource::Memory(it) => match it.target {
                    KedaResourceTarget::Utilization(percent) => percent > 0,
                    KedaResourceTarget::AverageValue(value) => value.milli() > 0,
                },
            };
            if !positive {
                found.invalid(format!("{at}.metadata"), "the target must be positive");
            }
        }
    }

    fn check_modifiers(&self, found: &mut Mistakes) {
        let Some(modifiers) = &self.modifiers else {
            return;
        };
        let at = "spec.advanced.scalingModifiers";
        if modifiers.formula.is_empty() {
            found.required(
                format!("{at}.formula"),
                "error ScalingModifiers.Formula is mandatory",
            );
        } else if let Some(Err(error)) = self.formula() {
            found.invalid(format!("{at}.formula"), error.to_string());
        }
        if !(modifiers.target.is_finite() && modifiers.target > 0.0) {
            found.invalid(format!("{at}.target"), "must be a number greater than 0");
        }
        if !modifiers.activation_target.is_finite() {
            found.invalid(format!("{at}.activationTarget"), "must be a number");
        }
        for (place, trigger, _) in self.events() {
            if trigger.name.is_empty() {
                found.add(
                    FieldErrorKind::Required,
                    format!("spec.triggers[{place}].name"),
                    "trigger name not given with compositeScaler",
                );
            }
        }
    }
}

fn metric(place: usize, source: &KedaSource) -> MetricSpec {
    match source {
        KedaSource::Cpu(of) => resource("cpu", of),
        KedaSource::Memory(of) => resource("memory", of),
        KedaSource::Event(event) => external(
            event.metric_name(place),
            event.metric_type,
            event.threshold.milli(),
        ),
    }
}

fn external(name: String, kind: KedaMetricType, milli: i64) -> MetricSpec {
    let quantity = Quantity::from_milli(milli);
    let target = match kind {
        KedaMetricType::AverageValue => MetricTarget {
            r#type: "AverageValue".into(),
            average_value: Some(quantity.into()),
            ..MetricTarget::default()
        },
        KedaMetricType::Value => MetricTarget {
            r#type: "Value".into(),
            value: Some(quantity.into()),
            ..MetricTarget::default()
        },
    };
    MetricSpec {
        r#type: "External".into(),
        external: Some(ExternalSource {
            metric: MetricIdentifier {
                name,
                selector: None,
            },
            target,
        }),
        ..MetricSpec::default()
    }
}

fn resource(name: &str, of: &KedaResource) -> MetricSpec {
    let target = match of.target {
        KedaResourceTarget::Utilization(percent) => MetricTarget {
            r#type: "Utilization".into(),
            average_utilization: Some(percent),
            ..MetricTarget::default()
        },
        KedaResourceTarget::AverageValue(value) => MetricTarget {
            r#type: "AverageValue".into(),
            average_value: Some(value.into()),
            ..MetricTarget::default()
        },
    };
    match &of.container {
        Some(container) => MetricSpec {
            r#type: "ContainerResource".into(),
            container_resource: Some(ContainerResourceSource {
                name: name.into(),
                container: container.clone(),
                target,
            }),
            ..MetricSpec::default()
        },
        None => MetricSpec {
            r#type: "Resource".into(),
            resource: Some(ResourceSource {
                name: name.into(),
                target,
            }),
            ..MetricSpec::default()
        },
    }
}
