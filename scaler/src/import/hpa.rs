//! `HorizontalPodAutoscaler` of `autoscaling/v2`.

use super::tree::Node;
use super::{ImportError, Imported, name, placed, typed};
use crate::{HpaController, HpaSpec, PolicySpec};

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
        Err(error) => {
            found.push(error);
            return Err(found);
        }
    };
    found.extend(placed(document, spec.clone().defaulted().validate()));
    if !found.is_empty() {
        return Err(found);
    }
    Ok(Imported {
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
