//! `HorizontalPodAutoscaler` of `autoscaling/v2`, and of `autoscaling/v1`, which has one target.

use super::tree::{Kind, Node, Place};
use super::{ImportError, Imported, ObjectPlace, name, placed, typed};
use crate::{HpaController, HpaSpec, PolicySpec};

/// The target of `autoscaling/v1`.
const TARGET: &str = "targetCPUUtilizationPercentage";

/// Of `autoscaling/v1`: its target is the one metric that it has in v2, and so it is validated upstream.
pub(super) fn read_v1(object: &Node) -> Result<Imported, Vec<ImportError>> {
    let mut found = Vec::new();
    for field in ["metrics", "behavior"] {
        let path = format!("spec.{field}");
        if object
            .get("spec")
            .is_some_and(|spec| spec.get(field).is_some())
        {
            let what = "unknown field in autoscaling/v1: use autoscaling/v2";
            found.push(ImportError::new(object.place(&path), path, what));
        }
        let path = format!("metadata.annotations.autoscaling.alpha.kubernetes.io/{field}");
        let annotation = format!("autoscaling.alpha.kubernetes.io/{field}");
        let annotations = object.get("metadata").and_then(|m| m.get("annotations"));
        if annotations.is_some_and(|all| all.get(&annotation).is_some()) {
            let what = "not read: use autoscaling/v2, as `kubectl get hpa.v2.autoscaling NAME -o yaml` writes it";
            found.push(ImportError::new(object.place(&path), path, what));
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    let mut object = object.clone();
    if let Kind::Map(fields) = &mut object.kind
        && let Some((_, _, spec)) = fields.iter_mut().find(|(key, _, _)| key == "spec")
        && let Kind::Map(spec) = &mut spec.kind
        && let Some(place) = spec.iter().position(|(key, _, _)| key == TARGET)
    {
        let (_, at, target) = spec.remove(place);
        if !target.is_nothing() {
            spec.insert(place, ("metrics".into(), at, as_metrics(target, at)));
        }
    }
    read(&object)
}

/// `metrics` of v2 with this target of CPU, all of it where the target stands.
fn as_metrics(target: Node, at: Place) -> Node {
    let map = |entries: Vec<(&str, Node)>| {
        let entries = entries.into_iter();
        let kind = Kind::Map(entries.map(|(key, node)| (key.into(), at, node)).collect());
        Node { kind, at }
    };
    let word = |text: &str| {
        let (text, plain) = (text.to_owned(), true);
        let kind = Kind::Scalar { text, plain };
        Node { kind, at }
    };
    let target = map(vec![
        ("type", word("Utilization")),
        ("averageUtilization", target),
    ]);
    let resource = map(vec![("name", word("cpu")), ("target", target)]);
    let metric = map(vec![("type", word("Resource")), ("resource", resource)]);
    Node {
        kind: Kind::List(vec![metric]),
        at,
    }
}

pub(super) fn read(document: &Node) -> Result<Imported, Vec<ImportError>> {
    let mut found = Vec::new();
    let name = name(document)
        .map_err(|error| found.push(error))
        .unwrap_or_default();
    let Some(spec) = document.get("spec") else {
        found.push(ImportError::new(document.at, "spec", "required"));
        return Err(found);
    };
    let spec: HpaSpec = match typed::read(spec, "spec") {
        Ok(spec) => spec,
        Err(all) => {
            found.extend(all);
            return Err(found);
        }
    };
    found.extend(placed(document, spec.clone().defaulted().validate()));
    if !found.is_empty() {
        return Err(found);
    }
    Ok(Imported {
        object: ObjectPlace::default(),
        kind: "HorizontalPodAutoscaler".into(),
        name,
        target: format!(
            "{}/{}",
            spec.scale_target_ref.kind, spec.scale_target_ref.name
        ),
        policy: PolicySpec::HpaManifest {
            spec: Box::new(spec),
            controller: HpaController::default(),
            speed: 1.0,
        },
    })
}
