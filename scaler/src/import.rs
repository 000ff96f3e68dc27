//! Reads what people have: `autoscaling/v2` HPAs, KEDA's `ScaledObject`s and Knative's annotations, as YAML.
//!
//! What upstream's own validation refuses is refused here, with the same fields, and the line and column besides.

mod hpa;
mod keda;
mod knative;
mod numbers;
mod tree;
mod typed;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FieldError, PolicySpec};
pub use keda::thresholds as keda_thresholds;
pub use numbers::{ManifestNumber, manifest_numbers, with_numbers};
use tree::{Kind, Node, Place};

/// A policy that a manifest describes.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Imported {
    /// The manifest's kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it scales, by kind and name.
    pub target: String,
    /// The policy.
    pub policy: PolicySpec,
    /// Which object of the file says it.
    #[serde(skip)]
    pub object: ObjectPlace,
}

impl Imported {
    /// The one of a file that is for `service`: the only one, or else the only one that scales something of that name.
    #[must_use]
    pub fn choose<'a>(all: &'a [Self], service: &str) -> Option<&'a Self> {
        if let [only] = all {
            return Some(only);
        }
        let mut for_it = all
            .iter()
            .filter(|one| one.target.rsplit('/').next() == Some(service));
        for_it.next().filter(|_| for_it.next().is_none())
    }
}

/// Which object of a file: a document, or an item of one that is a list.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct ObjectPlace {
    /// The document, counted from 0.
    pub document: usize,
    /// The item, counted from 0.
    pub item: Option<usize>,
}

/// One mistake in a manifest.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ImportError {
    /// The line, counted from 1; 0 if it is of the whole file.
    pub line: u32,
    /// The column, counted from 1; 0 if it is of the whole file.
    pub column: u32,
    /// The field, as upstream names it; empty if it is of no field.
    pub field: String,
    /// What is wrong with it.
    pub detail: String,
}

impl ImportError {
    fn new(at: Place, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            line: at.line,
            column: at.column,
            field: field.into(),
            detail: detail.into(),
        }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ImportError {}

/// The policies of a file, which may hold several documents; those that say nothing of scaling are passed over.
///
/// # Errors
/// All that is wrong with it, in the order of the file; or that nothing in it says how something scales.
pub fn import(text: &str) -> Result<Vec<Imported>, Vec<ImportError>> {
    import_checked(text, &mut |_| Vec::new())
}

/// What is said of a file that is no YAML, with what to do if it is a chart's template.
fn told_of_helm(text: &str, mut error: ImportError) -> ImportError {
    if text.contains("{{") {
        error.detail += "; Helm fills in what stands in {{ }}: `helm template` writes the manifests that the cluster gets";
    }
    error
}

/// As [`import`], where each policy is also changed and checked by `check`: it gives mistakes by the manifest's fields.
///
/// # Errors
/// As [`import`], and what `check` found.
pub fn import_checked(
    text: &str,
    check: &mut dyn FnMut(&mut Imported) -> Vec<FieldError>,
) -> Result<Vec<Imported>, Vec<ImportError>> {
    let documents = tree::documents(text).map_err(|error| vec![told_of_helm(text, error)])?;
    let objects = objects(&documents);
    let (mut policies, mut mistakes) = (Vec::new(), Vec::new());
    for (place, object) in &objects {
        match one(object) {
            None => {}
            Some(Ok(mut policy)) => {
                policy.object = *place;
                let found = check(&mut policy);
                mistakes.extend(placed(object, found));
                policies.push(policy);
            }
            Some(Err(found)) => mistakes.extend(found),
        }
    }
    if policies.is_empty() && mistakes.is_empty() {
        mistakes.push(nothing(&objects));
    }
    if mistakes.is_empty() {
        Ok(policies)
    } else {
        mistakes.sort();
        mistakes.dedup();
        Err(mistakes)
    }
}

/// All objects of a file; those of a list one by one.
fn objects(documents: &[Node]) -> Vec<(ObjectPlace, &Node)> {
    let mut all = Vec::new();
    for (document, node) in documents.iter().enumerate() {
        let of = |item| ObjectPlace { document, item };
        let is_list = text(node, "kind").ends_with("List");
        match node.get("items").map(|items| &items.kind) {
            Some(Kind::List(items)) if is_list => {
                let items = items.iter().enumerate();
                all.extend(items.map(|(item, node)| (of(Some(item)), node)));
            }
            _ => all.push((of(None), node)),
        }
    }
    all
}

fn text<'a>(object: &'a Node, key: &str) -> &'a str {
    object.get(key).and_then(Node::text).unwrap_or_default()
}

/// That nothing in a file says how something scales, and what there is instead.
fn nothing(objects: &[(ObjectPlace, &Node)]) -> ImportError {
    let mut kinds: Vec<String> = objects
        .iter()
        .map(|(_, object)| text(object, "kind").escape_debug().to_string())
        .filter(|kind| !kind.is_empty())
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds.truncate(9);
    let has = if kinds.is_empty() {
        String::new()
    } else {
        format!(" (it has: {})", kinds.join(", "))
    };
    let known = "an HorizontalPodAutoscaler of autoscaling/v2, a ScaledObject of keda.sh/v1alpha1, or a Service, Configuration or Revision of serving.knative.dev/v1";
    let detail = format!("nothing in it says how something scales{has}: {known} would");
    ImportError::new(Place::default(), "", detail)
}

fn one(object: &Node) -> Option<Result<Imported, Vec<ImportError>>> {
    let (kind, version) = (text(object, "kind"), text(object, "apiVersion"));
    let knative = version.strip_prefix("serving.knative.dev/");
    match (kind, version) {
        // Those of v2beta2 are called as in v2.
        ("HorizontalPodAutoscaler", "autoscaling/v2" | "autoscaling/v2beta2") => {
            Some(hpa::read(object))
        }
        ("HorizontalPodAutoscaler", "autoscaling/v1") => Some(hpa::read_v1(object)),
        ("HorizontalPodAutoscaler", _) => {
            let out =
                "use autoscaling/v2, as `kubectl get hpa.v2.autoscaling NAME -o yaml` writes it";
            Some(other_version(object, version, out))
        }
        ("ScaledObject", "keda.sh/v1alpha1") => Some(keda::read(object)),
        ("ScaledObject", _) => Some(other_version(object, version, "use keda.sh/v1alpha1")),
        ("Service" | "Configuration" | "Revision", _) => match knative? {
            "v1" => Some(knative::read(object, kind)),
            _ => Some(other_version(object, version, "use serving.knative.dev/v1")),
        },
        _ => None,
    }
}

fn other_version(object: &Node, version: &str, out: &str) -> Result<Imported, Vec<ImportError>> {
    let detail = format!("`{}` is not read: {out}", version.escape_debug());
    let at = object.place("apiVersion");
    Err(vec![ImportError::new(at, "apiVersion", detail)])
}

/// `metadata.name`, which every object needs.
fn name(document: &Node) -> Result<String, ImportError> {
    let node = document
        .get("metadata")
        .and_then(|metadata| metadata.get("name"));
    match node.and_then(Node::text).filter(|name| !name.is_empty()) {
        Some(name) => Ok(name.to_owned()),
        None => Err(ImportError::new(
            document.place("metadata"),
            "metadata.name",
            "required",
        )),
    }
}

/// Mistakes by field with the places of the fields.
fn placed(document: &Node, found: Vec<FieldError>) -> Vec<ImportError> {
    let each = found.into_iter().map(|error| {
        let detail = if error.detail.is_empty() {
            "required".into()
        } else {
            error.detail
        };
        ImportError::new(document.place(&error.field), error.field, detail)
    });
    each.collect()
}

#[cfg(test)]
mod tests;
