//! KEDA's annotations, which pause and force.

use std::collections::BTreeMap;

use metrics::Replicas;

use super::super::tree::Node;
use super::super::{ImportError, typed};
use crate::KedaAnnotations;

pub(super) fn read(document: &Node, found: &mut Vec<ImportError>) -> KedaAnnotations {
    let path = "metadata.annotations";
    let Some(node) = document
        .get("metadata")
        .and_then(|metadata| metadata.get("annotations"))
    else {
        return KedaAnnotations::default();
    };
    let all: BTreeMap<String, String> = typed::read(node, path)
        .map_err(|all| found.extend(all))
        .unwrap_or_default();
    let get = |name: &str| all.get(&format!("autoscaling.keda.sh/{name}"));
    // As KEDA has it: what is neither true nor false is true.
    let flag = |name: &str| {
        let no = ["0", "f", "F", "false", "FALSE", "False"];
        get(name).is_some_and(|value| !no.contains(&value.as_str()))
    };
    let paused_replicas = get("paused-replicas").and_then(|value| {
        let count = value
            .parse::<i32>()
            .ok()
            .and_then(|n| u32::try_from(n).ok());
        if count.is_none() {
            let field = format!("{path}.autoscaling.keda.sh/paused-replicas");
            let what = format!("`{}` is no number of replicas", value.escape_debug());
            found.push(ImportError::new(document.place(&field), field, what));
        }
        count.map(Replicas)
    });
    KedaAnnotations {
        paused: flag("paused"),
        paused_replicas,
        paused_scale_in: flag("paused-scale-in"),
        paused_scale_out: flag("paused-scale-out"),
        force_activation: flag("force-activation"),
    }
}
