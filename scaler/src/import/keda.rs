//! `ScaledObject` of `keda.sh/v1alpha1`.

mod annotations;
mod types;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Quantity, Replicas};
use serde::Deserialize;

use self::types::Thresholds;
use super::tree::Node;
use super::{ImportError, Imported, ObjectPlace, name, placed, typed};
use crate::field_error::Mistakes;
use crate::{
    Behavior, HpaSpec, KedaAnnotations, KedaCron, KedaEvent, KedaFallback, KedaFallbackBehavior,
    KedaMetric, KedaMetricType, KedaModifiers, KedaResource, KedaResourceTarget, KedaSource,
    KedaSpec, KedaTrigger, PolicySpec, QuantityText,
};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    scale_target_ref: Target,
    polling_interval: Option<i32>,
    initial_cooldown_period: Option<i32>,
    cooldown_period: Option<i32>,
    idle_replica_count: Option<i32>,
    min_replica_count: Option<i32>,
    max_replica_count: Option<i32>,
    advanced: Advanced,
    triggers: Vec<Trigger>,
    fallback: Option<Fallback>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Target {
    name: String,
    api_version: String,
    kind: String,
    env_source_container_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Advanced {
    horizontal_pod_autoscaler_config: HpaConfig,
    restore_to_original_replica_count: bool,
    scaling_modifiers: Option<Modifiers>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct HpaConfig {
    name: String,
    behavior: Option<Behavior>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Modifiers {
    formula: String,
    target: String,
    activation_target: String,
    metric_type: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Fallback {
    failure_threshold: i32,
    replicas: i32,
    behavior: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Trigger {
    r#type: String,
    name: String,
    use_cached_metrics: bool,
    metadata: BTreeMap<String, String>,
    authentication_ref: Option<AuthenticationRef>,
    metric_type: String,
}

/// Who may ask. It is nothing to a policy.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AuthenticationRef {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "kind")]
    _kind: String,
}

/// The names of the thresholds that a trigger of KEDA of this type has; none if it is not known.
pub fn thresholds(kind: &str) -> impl Iterator<Item = &'static str> {
    types::of(kind).into_iter().flat_map(Thresholds::names)
}

pub(super) fn read(document: &Node) -> Result<Imported, Vec<ImportError>> {
    let mut found = Vec::new();
    let name = name(document)
        .map_err(|error| found.push(error))
        .unwrap_or_default();
    let annotations = annotations::read(document, &mut found);
    let Some(spec) = document.get("spec") else {
        found.push(ImportError::new(document.at, "spec", "required"));
        return Err(found);
    };
    let written: Spec = match typed::read(spec, "spec") {
        Ok(written) => written,
        Err(all) => {
            found.extend(all);
            return Err(found);
        }
    };
    let mut mistakes = Mistakes::default();
    names(&name, &written, &mut mistakes);
    let policy = meaning(&written, annotations, &mut mistakes);
    let mut mistakes = mistakes.sorted();
    let unread = mistakes
        .iter()
        .any(|error| error.field.starts_with("spec.triggers"));
    for error in policy.validate() {
        // Nor is a formula that names a trigger which could not be read.
        if unread && error.field.ends_with(".formula") {
            continue;
        }
        // What could not be read is not also said to be wrong.
        if !mistakes
            .iter()
            .any(|known| known.field.starts_with(&error.field))
        {
            mistakes.push(error);
        }
    }
    found.extend(placed(document, mistakes));
    if !found.is_empty() {
        return Err(found);
    }
    let target = &written.scale_target_ref;
    let kind = if target.kind.is_empty() {
        "Deployment"
    } else {
        &target.kind
    };
    Ok(Imported {
        object: ObjectPlace::default(),
        kind: "ScaledObject".into(),
        name,
        target: format!("{kind}/{}", target.name),
        policy: PolicySpec::Keda(Box::new(policy)),
    })
}

fn names(name: &str, written: &Spec, found: &mut Mistakes) {
    let what = "must be no more than 63 characters because it is used as a label value";
    if name.len() > 63 {
        found.invalid("metadata.name", what);
    }
    let own = &written.advanced.horizontal_pod_autoscaler_config.name;
    let hpa = if own.is_empty() {
        format!("keda-hpa-{name}")
    } else {
        own.clone()
    };
    if hpa.len() > 63 && name.len() <= 63 {
        let field = if own.is_empty() {
            "metadata.name"
        } else {
            "spec.advanced.horizontalPodAutoscalerConfig.name"
        };
        found.invalid(field, format!("the HPA's name `{hpa}` {what}"));
    }
    let target = &written.scale_target_ref;
    if target.name.is_empty() {
        found.required("spec.scaleTargetRef.name", "");
    }
    // Read so that they are known, and of no meaning to a policy.
    let _ = (
        &target.api_version,
        &target.env_source_container_name,
        written.advanced.restore_to_original_replica_count,
    );
}

fn meaning(written: &Spec, annotations: KedaAnnotations, found: &mut Mistakes) -> KedaSpec {
    let mut at_least = |value: Option<i32>, least: i32, field: &str| {
        let value = value?;
        if value < least {
            found.invalid(
                format!("spec.{field}"),
                format!("should be greater than or equal to {least}"),
            );
        }
        Some(value.max(least).unsigned_abs())
    };
    let seconds =
        |value: Option<u32>, other: u64| Duration::from_secs(value.map_or(other, u64::from));
    let polling = at_least(written.polling_interval, 1, "pollingInterval");
    let initial = at_least(written.initial_cooldown_period, 0, "initialCooldownPeriod");
    let cooldown = at_least(written.cooldown_period, 0, "cooldownPeriod");
    let idle = at_least(written.idle_replica_count, 0, "idleReplicaCount");
    let min = at_least(written.min_replica_count, 0, "minReplicaCount");
    let max = at_least(written.max_replica_count, 1, "maxReplicaCount");
    KedaSpec {
        polling_interval: seconds(polling, 30),
        cooldown_period: seconds(cooldown, 300),
        initial_cooldown_period: seconds(initial, 0),
        idle: idle.map(Replicas),
        min: min.map(Replicas),
        max: Replicas(max.unwrap_or(100)),
        fallback: written
            .fallback
            .as_ref()
            .map(|fallback| fallback.meaning(found)),
        triggers: triggers(written, found),
        modifiers: written
            .advanced
            .scaling_modifiers
            .as_ref()
            .filter(|modifiers| modifiers.are_used())
            .map(|m| m.meaning(found)),
        behavior: behavior(written, found),
        annotations,
        ..KedaSpec::default()
    }
}

impl Fallback {
    fn meaning(&self, found: &mut Mistakes) -> KedaFallback {
        for (name, value) in [
            ("failureThreshold", self.failure_threshold),
            ("replicas", self.replicas),
        ] {
            if value < 0 {
                let what = format!(
                    "FailureThreshold={} & Replicas={} must both be greater than or equal to 0",
                    self.failure_threshold, self.replicas
                );
                found.invalid(format!("spec.fallback.{name}"), what);
            }
        }
        KedaFallback {
            failure_threshold: self.failure_threshold.max(0).unsigned_abs(),
            replicas: Replicas(self.replicas.max(0).unsigned_abs()),
            behavior: match self.behavior.as_str() {
                "" | "static" => KedaFallbackBehavior::Static,
                "currentReplicas" => KedaFallbackBehavior::CurrentReplicas,
                "currentReplicasIfHigher" => KedaFallbackBehavior::CurrentReplicasIfHigher,
                "currentReplicasIfLower" => KedaFallbackBehavior::CurrentReplicasIfLower,
                "scalingModifiers" => KedaFallbackBehavior::ScalingModifiers,
                _ => {
                    let what = r#"supported values: "static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower", "scalingModifiers""#;
                    found.invalid("spec.fallback.behavior", what);
                    KedaFallbackBehavior::Static
                }
            },
        }
    }
}

impl Modifiers {
    /// As KEDA has it: an empty block says nothing.
    fn are_used(&self) -> bool {
        let all = [
            &self.formula,
            &self.target,
            &self.activation_target,
            &self.metric_type,
        ];
        all.iter().any(|text| !text.is_empty())
    }

    fn meaning(&self, found: &mut Mistakes) -> KedaModifiers {
        let at = "spec.advanced.scalingModifiers";
        if self.target.is_empty() {
            found.required(
                format!("{at}.target"),
                "formula is given but target is empty",
            );
        }
        let activation = if self.activation_target.is_empty() {
            "0"
        } else {
            &self.activation_target
        };
        let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
        KedaModifiers {
            formula: self.formula.clone(),
            target: number(&self.target),
            activation_target: number(activation),
            metric_type: match self.metric_type.as_str() {
                "" | "AverageValue" => KedaMetricType::AverageValue,
                "Value" => KedaMetricType::Value,
                _ => {
                    let what = r#"supported values: "AverageValue", "Value""#;
                    found.invalid(format!("{at}.metricType"), what);
                    KedaMetricType::AverageValue
                }
            },
        }
    }
}

/// Its JSON form, checked as the HPA's admission checks it.
fn behavior(written: &Spec, found: &mut Mistakes) -> Option<serde_json::Value> {
    let behavior = written
        .advanced
        .horizontal_pod_autoscaler_config
        .behavior
        .as_ref()?;
    let hpa = HpaSpec {
        max_replicas: 1,
        behavior: Some(behavior.clone()),
        ..HpaSpec::default()
    };
    for error in hpa.defaulted().validate() {
        if let Some(rest) = error.field.strip_prefix("spec.behavior") {
            let field = format!("spec.advanced.horizontalPodAutoscalerConfig.behavior{rest}");
            found.add(error.kind, field, error.detail);
        }
    }
    serde_json::to_value(behavior).ok()
}

fn triggers(written: &Spec, found: &mut Mistakes) -> Vec<KedaTrigger> {
    let mut triggers = Vec::new();
    for (place, trigger) in written.triggers.iter().enumerate() {
        let at = format!("spec.triggers[{place}]");
        if let Some(source) = trigger.source(&at, found) {
            triggers.push(KedaTrigger {
                name: trigger.name.clone(),
                source,
            });
        }
    }
    triggers
}

impl Trigger {
    fn source(&self, at: &str, found: &mut Mistakes) -> Option<KedaSource> {
        let _ = &self.authentication_ref;
        if self.use_cached_metrics && ["cpu", "memory", "cron"].contains(&self.r#type.as_str()) {
            let what = format!(
                "property \"useCachedMetrics\" is not supported for {:?} scaler",
                self.r#type
            );
            found.invalid(format!("{at}.useCachedMetrics"), what);
        }
        match self.r#type.as_str() {
            "" => {
                found.required(format!("{at}.type"), "");
                None
            }
            "cpu" => self.resource(at, found).map(KedaSource::Cpu),
            "memory" => self.resource(at, found).map(KedaSource::Memory),
            "cron" => self.cron(at, found),
            kind => match types::of(kind) {
                Some(thresholds) => self.event(at, found, thresholds),
                None => {
                    let what = format!(
                        "a trigger of type `{}` is not read: what its target is does not stand in the manifest or is not known; take it out, or say \
                         the same with a trigger of another type, such as prometheus",
                        kind.escape_debug()
                    );
                    found.invalid(format!("{at}.type"), what);
                    None
                }
            },
        }
    }

    fn resource(&self, at: &str, found: &mut Mistakes) -> Option<KedaResource> {
        let field = format!("{at}.metadata.value");
        let Some(value) = self.metadata.get("value") else {
            found.required(format!("{at}.metadata"), "`value` is missing");
            return None;
        };
        let kind = if self.metric_type.is_empty() {
            self.metadata.get("type").map_or("", String::as_str)
        } else {
            &self.metric_type
        };
        let target = match kind {
            "Utilization" => value.parse().ok().map(KedaResourceTarget::Utilization),
            "AverageValue" => {
                let quantity = QuantityText::new(value.as_str()).ok();
                quantity.map(|q| KedaResourceTarget::AverageValue(Quantity::from_milli(q.milli())))
            }
            other => {
                let what = format!(
                    "unknown metric type: {other}, allowed values are 'Utilization' or 'AverageValue'"
                );
                let field = if self.metric_type.is_empty() {
                    at.to_owned()
                } else {
                    format!("{at}.metricType")
                };
                found.invalid(field, what);
                return None;
            }
        };
        if target.is_none() {
            found.invalid(field, format!("`{}` is no {kind}", value.escape_debug()));
        }
        Some(KedaResource {
            container: self.metadata.get("containerName").cloned(),
            target: target?,
        })
    }

    /// Its times are read by whoever has a calendar.
    fn cron(&self, at: &str, found: &mut Mistakes) -> Option<KedaSource> {
        let mut get = |key: &str| {
            let value = self.metadata.get(key).filter(|value| !value.is_empty());
            if value.is_none() {
                found.required(format!("{at}.metadata"), format!("`{key}` is missing"));
            }
            value.cloned()
        };
        let (timezone, start, end) = (get("timezone"), get("start"), get("end"));
        let text = get("desiredReplicas")?;
        let Some(replicas) = text.parse::<u32>().ok().filter(|n| *n > 0) else {
            let what = format!("`{}` is no number of replicas", text.escape_debug());
            found.invalid(format!("{at}.metadata.desiredReplicas"), what);
            return None;
        };
        Some(KedaSource::Event(KedaEvent {
            metric: KedaMetric::Cron(KedaCron {
                start: start?,
                end: end?,
                timezone: timezone?,
                replicas: Replicas(replicas),
                windows: Vec::new(),
            }),
            threshold: Quantity::from_milli(1000),
            activation: Quantity::from_milli(0),
            metric_type: KedaMetricType::AverageValue,
            cached: false,
        }))
    }

    fn event(&self, at: &str, found: &mut Mistakes, thresholds: Thresholds) -> Option<KedaSource> {
        let activation = thresholds.activation;
        let first = thresholds.names().next().unwrap_or_default();
        let written = thresholds
            .names()
            .find_map(|key| Some((key, self.metadata.get(key)?.as_str())));
        let Some((key, threshold)) = written.or(thresholds.default.map(|value| (first, value)))
        else {
            let what = format!("`{first}` is missing");
            found.required(format!("{at}.metadata"), what);
            return None;
        };
        let activated = self.metadata.get(activation).map_or("0", String::as_str);
        let mut number = |key: &str, text: &str| match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Some(Quantity::from_milli((value * 1000.0) as i64)),
            _ => {
                let what = format!("`{}` is no number", text.escape_debug());
                found.invalid(format!("{at}.metadata.{key}"), what);
                None
            }
        };
        let (threshold, activated) = (number(key, threshold), number(activation, activated));
        let metric_type = match self.metric_type.as_str() {
            "" | "AverageValue" => KedaMetricType::AverageValue,
            "Value" => KedaMetricType::Value,
            _ => {
                let what = "'Utilization' metric type is unsupported for external metrics, allowed values are 'Value' or 'AverageValue'";
                found.invalid(format!("{at}.metricType"), what);
                KedaMetricType::AverageValue
            }
        };
        Some(KedaSource::Event(KedaEvent {
            metric: KedaMetric::External(self.r#type.clone()),
            threshold: threshold?,
            activation: activated?,
            metric_type,
            cached: self.use_cached_metrics,
        }))
    }
}
