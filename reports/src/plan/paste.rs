//! What is pasted: a scenario's `scaling:`, and manifests.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Plan, ServicePlan};
use crate::words;

impl Plan {
    /// The `scaling:` part of a scenario: `--policy FILE` takes it.
    #[must_use]
    pub fn scaling_yaml(&self) -> String {
        let mut text = format!(
            "# The least capacity for {}: {}.\n# Made by: {}\nscaling:\n",
            comment(&self.scenario),
            comment(&self.slo),
            comment(&self.command)
        );
        for service in self.services.iter().filter(|s| s.scales) {
            let target = service.target.as_ref();
            let target = target.map_or_else(String::new, |t| format!(", {t}"));
            writeln!(
                text,
                "  {}: {{policy: {}, min: {}, max: {}{target}}}",
                plain(&service.service),
                plain(&service.policy),
                service.min,
                service.max
            )
            .expect("a String takes everything");
        }
        if !self.services.iter().any(|s| s.scales) {
            text += "  {}\n";
        }
        text
    }

    /// `HorizontalPodAutoscaler` manifests (`autoscaling/v2`), a document for each service with an HPA. They are JSON, which
    /// is YAML: whatever a name holds, it stays a name.
    #[must_use]
    pub fn manifests(&self) -> String {
        let mut text = format!(
            "# The least capacity for {}: {}.\n# Made by: {}\n",
            comment(&self.scenario),
            comment(&self.slo),
            comment(&self.command)
        );
        let of_pods = |metric: &Value| metric["type"] == "Pods";
        if self.services.iter().any(|s| s.metrics.iter().any(of_pods)) {
            text += "# Metrics of type Pods need an adapter that gives them to the custom metrics API.\n";
        }
        for service in self.services.iter().filter(|s| !s.metrics.is_empty()) {
            text += "---\n";
            yaml(&mut text, &manifest(service), 0);
        }
        text
    }
}

fn manifest(service: &ServicePlan) -> Value {
    let mut spec = json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": service.service},
        "minReplicas": service.min,
        "maxReplicas": service.max,
        "metrics": service.metrics,
    });
    if let (Some(behavior), Some(spec)) = (&service.behavior, spec.as_object_mut()) {
        spec.insert("behavior".into(), behavior.clone());
    }
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": service.service},
        "spec": spec,
    })
}

/// The order in which a reader of Kubernetes expects fields; others follow in that of their names.
const ORDER: [&str; 8] = [
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "type",
    "scaleTargetRef",
    "minReplicas",
    "maxReplicas",
];

/// Block YAML, with texts as JSON has them, which YAML reads.
fn yaml(text: &mut String, value: &Value, indent: usize) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let place = |name: &str| ORDER.iter().position(|n| *n == name).unwrap_or(ORDER.len());
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| (place(name), (*name).clone()));
            for (name, value) in sorted {
                if is_plain(value) {
                    writeln!(text, "{pad}{}: {}", plain(name), scalar(value))
                        .expect("a String takes everything");
                } else {
                    writeln!(text, "{pad}{}:", plain(name)).expect("a String takes everything");
                    yaml(text, value, indent + 2);
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                if is_plain(item) {
                    writeln!(text, "{pad}- {}", scalar(item)).expect("a String takes everything");
                    continue;
                }
                let mut inner = String::new();
                yaml(&mut inner, item, indent + 2);
                // The first line of the item stands beside its dash.
                let inner = inner.trim_start();
                write!(text, "{pad}- {inner}").expect("a String takes everything");
            }
        }
        other => writeln!(text, "{pad}{}", scalar(other)).expect("a String takes everything"),
    }
}

fn is_plain(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        other => other.to_string(),
    }
}

/// A text that cannot be taken for anything else: as it is if it is a plain word, or else in quotes.
fn plain(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if begins && text.chars().all(safe) && !reserved.contains(&text.to_lowercase().as_str()) {
        text.to_owned()
    } else {
        Value::String(text.to_owned()).to_string()
    }
}

/// A text as a comment may hold it: on one line.
fn comment(text: &str) -> String {
    words::cut(&words::terminal(&text.replace(['\n', '\r'], " ")), 1000)
}
