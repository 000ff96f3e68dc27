//! A `HorizontalPodAutoscaler` manifest as a service's scaling: the one that runs in the cluster today.

use super::super::format::{BehaviorFile, ScalingEntry, TargetFile};
use super::super::mistake::{Source, Span};
use super::super::tree::{Kind, Node, parse};
use super::super::units::{Count, OneOf, Part, Rate};
use super::super::words::PolicyName;
use super::super::written::{Field, Written};
use super::Meaning;

impl Meaning<'_> {
    /// The scaling that the manifest in the file `name` says, with what else `entry` says beside it. Mistakes in it point into that file.
    pub(super) fn manifest(
        &mut self,
        entry: &ScalingEntry,
        name: &str,
        at: Span,
    ) -> Option<ScalingEntry> {
        let before = self.found.count();
        let text = self.side_file(name, at)?;
        let source = self.sources.len();
        self.sources.push(Source {
            name: name.to_owned(),
            text: text.clone(),
        });
        let root = parse(source, 0, &text, self.found)?;
        let kind = get(&root, "kind").and_then(scalar);
        let version = get(&root, "apiVersion").and_then(scalar);
        if kind != Some("HorizontalPodAutoscaler") || version != Some("autoscaling/v2") {
            self.found.add(
                root.at,
                "this is no HorizontalPodAutoscaler",
                "",
                "`apiVersion: autoscaling/v2` and `kind: HorizontalPodAutoscaler`",
            );
            return None;
        }
        let Some(spec) = get(&root, "spec") else {
            self.found
                .add(root.at, "a HorizontalPodAutoscaler without `spec`", "", "");
            return None;
        };
        let field = |node: Option<&Node>, found: &mut _| {
            node.map_or_else(Field::<Count>::default, |node| Field::read(node, 0, found))
        };
        let mut min = field(get(spec, "minReplicas"), self.found);
        if !min.is_there() {
            min = Field::of(Count(1), spec.at);
        }
        let max = field(get(spec, "maxReplicas"), self.found);
        if !max.is_there() {
            self.found.add(
                spec.at,
                "a HorizontalPodAutoscaler without `maxReplicas`",
                "",
                "",
            );
        }
        let behavior = get(spec, "behavior").map_or_else(Field::default, |node| {
            Field::<BehaviorFile>::read(node, 0, self.found)
        });
        let target = Field::of(self.metrics(spec), spec.at);
        if self.found.count() > before {
            return None;
        }
        Some(ScalingEntry {
            policy: Field::of(OneOf(PolicyName::Hpa), root.at),
            min,
            max,
            target,
            behavior,
            ..entry.clone()
        })
    }

    /// `spec.metrics`; 80 % CPU where there are none, as in Kubernetes.
    fn metrics(&mut self, spec: &Node) -> TargetFile {
        let mut target = TargetFile::default();
        let Some(Node {
            kind: Kind::List(items),
            ..
        }) = get(spec, "metrics")
        else {
            target.cpu = Field::of(Part(0.8), spec.at);
            return target;
        };
        for item in items {
            self.metric(item, &mut target);
        }
        target
    }

    fn metric(&mut self, item: &Node, target: &mut TargetFile) {
        let goal = |path: [&str; 3]| path.iter().try_fold(item, |node, key| get(node, key));
        let kind = get(item, "type").and_then(scalar);
        let resource = get(item, "resource")
            .and_then(|r| get(r, "name"))
            .and_then(scalar);
        let named = get(item, "pods")
            .and_then(|p| get(p, "metric"))
            .and_then(|m| get(m, "name"))
            .and_then(scalar);
        match (kind, resource, named) {
            (Some("Resource"), Some("cpu"), _) => {
                if let Some(node) = goal(["resource", "target", "averageUtilization"])
                    && let Some(Count(percent)) = Count::read(node, self.found)
                {
                    let share = Part(f64::from(percent) / 100.0);
                    target.cpu = Field::of(share, node.at);
                    return;
                }
            }
            (Some("Pods"), _, Some(name @ ("busy" | "requests"))) => {
                let node = goal(["pods", "target", "averageValue"]);
                let value = node
                    .and_then(scalar)
                    .and_then(|text| text.parse::<metrics::Quantity>().ok());
                if let (Some(node), Some(value)) = (node, value) {
                    let value = value.milli() as f64 / 1000.0;
                    if name == "busy" {
                        target.busy = Field::of(Part(value), node.at);
                    } else {
                        target.requests = Field::of(Rate(value), node.at);
                    }
                    return;
                }
            }
            _ => {}
        }
        self.found.add(
            item.at,
            "a metric that a scenario cannot give",
            "",
            "Resource cpu with averageUtilization; Pods busy or requests with averageValue",
        );
    }
}

fn get<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .find(|(k, _)| k.name == key)
            .map(|(_, node)| node),
        _ => None,
    }
}

fn scalar(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Scalar { text, .. } => Some(text),
        _ => None,
    }
}
