//! What upstream's admission says of a spec: the same fields, types and details; all mistakes at once.

use super::labels;
use super::spec::{
    Behavior, HpaSpec, MetricIdentifier, MetricSpec, MetricTarget, ObjectReference, QuantityText,
    ScalingRules,
};
use crate::field_error::Mistakes;
use crate::{FieldError, FieldErrorKind};

const SOURCES: &str =
    r#"supported values: "ContainerResource", "External", "Object", "Pods", "Resource""#;

impl HpaSpec {
    /// All that upstream's admission finds wrong with a defaulted spec, sorted by field and detail.
    #[must_use]
    pub fn validate(&self) -> Vec<FieldError> {
        let mut found = Mistakes::default();
        self.bounds(&mut found);
        reference(
            &self.scale_target_ref,
            "spec.scaleTargetRef",
            true,
            &mut found,
        );
        for (i, metric) in self.metrics.iter().enumerate() {
            metric.validate(&format!("spec.metrics[{i}]"), &mut found);
        }
        let wakes = |m: &MetricSpec| m.r#type == "Object" || m.r#type == "External";
        if self.min_replicas == Some(0) && !self.metrics.iter().any(wakes) {
            found.add(
                FieldErrorKind::Forbidden,
                "spec.metrics",
                "must specify at least one Object or External metric to support scaling to zero replicas",
            );
        }
        if let Some(Behavior {
            scale_up,
            scale_down,
        }) = &self.behavior
        {
            let sides = [("scaleUp", scale_up), ("scaleDown", scale_down)];
            for (name, rules) in sides {
                if let Some(rules) = rules {
                    rules.validate(&format!("spec.behavior.{name}"), &mut found);
                }
            }
        }
        found.sorted()
    }

    fn bounds(&self, found: &mut Mistakes) {
        let min = self.min_replicas.unwrap_or(1);
        if min < 0 {
            found.invalid("spec.minReplicas", "must be greater than or equal to 0");
        }
        if self.max_replicas == 0 {
            found.required("spec.maxReplicas", "must be set and greater than 0");
        }
        if self.max_replicas < 0 {
            found.invalid("spec.maxReplicas", "must be greater than or equal to 1");
        }
        if self.max_replicas < min {
            found.invalid(
                "spec.maxReplicas",
                "must be greater than or equal to `minReplicas`",
            );
        }
    }
}

/// `needs_group`: of the scale target upstream wants an API group, of a described object it does not.
fn reference(it: &ObjectReference, at: &str, needs_group: bool, found: &mut Mistakes) {
    for (name, value) in [("kind", &it.kind), ("name", &it.name)] {
        if value.is_empty() {
            found.required(format!("{at}.{name}"), "");
        } else {
            path_segment(value, format!("{at}.{name}"), found);
        }
    }
    match group_of(&it.api_version) {
        Err(why) => found.invalid(format!("{at}.apiVersion"), why),
        Ok("") if needs_group && it.kind != "ReplicationController" => {
            found.invalid(
                format!("{at}.apiVersion"),
                "apiVersion must specify API group",
            );
        }
        Ok(_) => {}
    }
}

/// The group of an `apiVersion`; empty for the core group.
///
/// # Errors
/// If it has more than one slash.
pub(super) fn group_of(api_version: &str) -> Result<&str, String> {
    match api_version.split_once('/') {
        None => Ok(""),
        Some((_, rest)) if rest.contains('/') => {
            Err(format!("unexpected GroupVersion string: {api_version}"))
        }
        Some((group, _)) => Ok(group),
    }
}

fn path_segment(value: &str, field: String, found: &mut Mistakes) {
    if value == "." || value == ".." {
        found.invalid(field, format!("may not be '{value}'"));
        return;
    }
    for bad in ["/", "%"] {
        if value.contains(bad) {
            found.invalid(field.clone(), format!("may not contain '{bad}'"));
        }
    }
}

fn metric_name(it: &MetricIdentifier, at: &str, found: &mut Mistakes) {
    let field = format!("{at}.metric.name");
    if it.name.is_empty() {
        found.required(field, "must specify a metric name");
    } else {
        path_segment(&it.name, field, found);
    }
}

impl MetricSpec {
    fn validate(&self, at: &str, found: &mut Mistakes) {
        let kind = self.r#type.as_str();
        let not_supported = |found: &mut Mistakes| {
            found.add(FieldErrorKind::NotSupported, format!("{at}.type"), SOURCES);
        };
        if kind.is_empty() {
            found.required(format!("{at}.type"), "must specify a metric source type");
        }
        let expected = match kind {
            "Object" => "object",
            "External" => "external",
            "Pods" => "pods",
            "Resource" => "resource",
            "ContainerResource" => "containerResource",
            _ => "",
        };
        if expected.is_empty() {
            not_supported(found);
        }
        let mut present = self.present();
        if let Some(first) = present.first() {
            self.validate_source(first, at, found);
        }
        if expected.is_empty() {
            // Upstream looks twice, and says it twice.
            not_supported(found);
        } else if !present.contains(&expected) {
            found.required(
                format!("{at}.{expected}"),
                "must populate information for the given metric source",
            );
        }
        if present.len() > 1 {
            present.retain(|name| *name != expected);
            for name in present {
                found.add(
                    FieldErrorKind::Forbidden,
                    format!("{at}.{name}"),
                    "must populate the given metric source only",
                );
            }
        }
    }

    /// The source blocks that are there, in the order in which upstream looks for them.
    fn present(&self) -> Vec<&'static str> {
        [
            ("object", self.object.is_some()),
            ("external", self.external.is_some()),
            ("pods", self.pods.is_some()),
            ("resource", self.resource.is_some()),
            ("containerResource", self.container_resource.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, there)| there.then_some(name))
        .collect()
    }

    fn validate_source(&self, name: &str, metric: &str, found: &mut Mistakes) {
        let at = format!("{metric}.{name}");
        if let (Some(it), "object") = (&self.object, name) {
            reference(
                &it.described_object,
                &format!("{at}.describedObject"),
                false,
                found,
            );
            metric_name(&it.metric, &at, found);
            it.target.validate(&at, found);
            if it.target.value.is_none() && it.target.average_value.is_none() {
                found.required(
                    format!("{at}.target.averageValue"),
                    "must set either a target value or averageValue",
                );
            }
        }
        if let (Some(it), "external") = (&self.external, name) {
            metric_name(&it.metric, &at, found);
            it.target.validate(&at, found);
            it.target.one_of_two(&at, found);
        }
        if let (Some(it), "pods") = (&self.pods, name) {
            metric_name(&it.metric, &at, found);
            it.target.validate(&at, found);
            if it.target.average_value.is_none() {
                found.required(
                    format!("{at}.target.averageValue"),
                    "must specify a positive target averageValue",
                );
            }
        }
        if let (Some(it), "resource") = (&self.resource, name) {
            if it.name.is_empty() {
                found.required(format!("{at}.name"), "must specify a resource name");
            }
            it.target.validate(&at, found);
            it.target.raw_or_utilization(&at, found);
        }
        if let (Some(it), "containerResource") = (&self.container_resource, name) {
            container_resource_name(&it.name, &at, found);
            container_name(&it.container, &at, found);
            it.target.validate(&at, found);
            it.target.raw_or_utilization(&at, found);
        }
    }
}

fn container_resource_name(name: &str, at: &str, found: &mut Mistakes) {
    let field = format!("{at}.name");
    if name.is_empty() {
        found.required(field, "must specify a resource name");
        return;
    }
    let wrong = labels::qualified_name(name);
    let qualified = name.contains('/');
    if !qualified && wrong.is_empty() && !is_standard(name) {
        let what = "must be a standard resource type or fully qualified";
        found.invalid(field.clone(), what);
    }
    for what in wrong {
        found.invalid(field.clone(), what);
    }
    let of_containers =
        ["cpu", "memory", "ephemeral-storage"].contains(&name) || name.starts_with("hugepages-");
    if !qualified && !of_containers {
        found.invalid(field, "must be a standard resource for containers");
    } else if qualified && !name.contains("kubernetes.io/") {
        let in_quotas = labels::qualified_name(&format!("requests.{name}"));
        if name.starts_with("requests.") || !in_quotas.is_empty() {
            found.invalid(field, "doesn't follow extended resource name standard");
        }
    }
}

/// A resource of containers, of quotas or of something else that Kubernetes knows.
fn is_standard(name: &str) -> bool {
    let known = [
        "cpu",
        "memory",
        "ephemeral-storage",
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "storage",
        "requests.storage",
        "services.nodeports",
        "services.loadbalancers",
    ];
    known.contains(&name)
        || name.starts_with("hugepages-")
        || name.starts_with("requests.hugepages-")
}

fn container_name(name: &str, at: &str, found: &mut Mistakes) {
    let field = format!("{at}.container");
    if name.is_empty() {
        found.required(field, "must specify a container");
        return;
    }
    for what in labels::dns_label(name) {
        found.invalid(field.clone(), what);
    }
}

impl MetricTarget {
    fn validate(&self, at: &str, found: &mut Mistakes) {
        let at = format!("{at}.target");
        if self.r#type.is_empty() {
            found.required(format!("{at}.type"), "must specify a metric target type");
        }
        if !["Utilization", "Value", "AverageValue"].contains(&self.r#type.as_str()) {
            found.invalid(
                format!("{at}.type"),
                "must be either Utilization, Value, or AverageValue",
            );
        }
        for (name, value) in [
            ("value", &self.value),
            ("averageValue", &self.average_value),
        ] {
            if value.as_ref().is_some_and(|v| v.milli() <= 0) {
                found.invalid(format!("{at}.{name}"), "must be positive");
            }
        }
        if self.average_utilization.is_some_and(|v| v < 1) {
            found.invalid(format!("{at}.averageUtilization"), "must be greater than 0");
        }
    }

    fn one_of_two(&self, at: &str, found: &mut Mistakes) {
        match (&self.value, &self.average_value) {
            (None, None) => found.required(
                format!("{at}.target.averageValue"),
                "must set either a target value for metric or a per-pod target",
            ),
            (Some(_), Some(_)) => found.add(
                FieldErrorKind::Forbidden,
                format!("{at}.target.value"),
                "may not set both a target value for metric and a per-pod target",
            ),
            _ => {}
        }
    }

    fn raw_or_utilization(&self, at: &str, found: &mut Mistakes) {
        match (&self.average_utilization, &self.average_value) {
            (None, None) => found.required(
                format!("{at}.target.averageUtilization"),
                "must set either a target raw value or a target utilization",
            ),
            (Some(_), Some(_)) => found.add(
                FieldErrorKind::Forbidden,
                format!("{at}.target.averageValue"),
                "may not set both a target raw value and a target utilization",
            ),
            _ => {}
        }
    }
}

impl ScalingRules {
    fn validate(&self, at: &str, found: &mut Mistakes) {
        let window = format!("{at}.stabilizationWindowSeconds");
        match self.stabilization_window_seconds {
            Some(w) if w < 0 => found.invalid(window, "must be greater than or equal to zero"),
            Some(w) if w > 3600 => found.invalid(window, "must be less than or equal to 3600"),
            _ => {}
        }
        let known = |p: &String| ["Max", "Min", "Disabled"].contains(&p.as_str());
        if !self.select_policy.as_ref().is_some_and(known) {
            found.add(
                FieldErrorKind::NotSupported,
                format!("{at}.selectPolicy"),
                r#"supported values: "Disabled", "Max", "Min""#,
            );
        }
        let policies = self.policies.as_deref().unwrap_or_default();
        if policies.is_empty() {
            found.required(format!("{at}.policies"), "must specify at least one Policy");
        }
        for (i, policy) in policies.iter().enumerate() {
            let at = format!("{at}.policies[{i}]");
            if policy.r#type != "Pods" && policy.r#type != "Percent" {
                found.add(
                    FieldErrorKind::NotSupported,
                    format!("{at}.type"),
                    r#"supported values: "Percent", "Pods""#,
                );
            }
            if policy.value <= 0 {
                found.invalid(format!("{at}.value"), "must be greater than zero");
            }
            match policy.period_seconds {
                s if s <= 0 => {
                    found.invalid(format!("{at}.periodSeconds"), "must be greater than zero");
                }
                s if s > 1800 => found.invalid(
                    format!("{at}.periodSeconds"),
                    "must be less than or equal to 1800",
                ),
                _ => {}
            }
        }
        if self
            .tolerance
            .as_ref()
            .is_some_and(|t| QuantityText::milli(t) < 0)
        {
            found.invalid(
                format!("{at}.tolerance"),
                "must be greater than or equal to 0",
            );
        }
    }
}
