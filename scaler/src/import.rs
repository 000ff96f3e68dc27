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
pub use numbers::{ManifestNumber, manifest_numbers, with_numbers};
use tree::{Node, Place};

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

/// As [`import`], where each policy is also changed and checked by `check`: it gives mistakes by the manifest's fields.
///
/// # Errors
/// As [`import`], and what `check` found.
pub fn import_checked(
    text: &str,
    check: &mut dyn FnMut(&mut Imported) -> Vec<FieldError>,
) -> Result<Vec<Imported>, Vec<ImportError>> {
    let documents = tree::documents(text).map_err(|error| vec![error])?;
    let (mut policies, mut mistakes) = (Vec::new(), Vec::new());
    for document in &documents {
        match one(document) {
            None => {}
            Some(Ok(mut policy)) => {
                let found = check(&mut policy);
                mistakes.extend(placed(document, found));
                policies.push(policy);
            }
            Some(Err(found)) => mistakes.extend(found),
        }
    }
    if policies.is_empty() && mistakes.is_empty() {
        let known = "an HorizontalPodAutoscaler of autoscaling/v2, a ScaledObject of keda.sh/v1alpha1, or a Service, Configuration or Revision of serving.knative.dev/v1";
        let detail = format!("nothing in it says how something scales: {known} would");
        mistakes.push(ImportError::new(Place::default(), "", detail));
    }
    if mistakes.is_empty() {
        Ok(policies)
    } else {
        mistakes.sort();
        mistakes.dedup();
        Err(mistakes)
    }
}

fn one(document: &Node) -> Option<Result<Imported, Vec<ImportError>>> {
    let text = |key: &str| document.get(key).and_then(Node::text).unwrap_or_default();
    let (kind, version) = (text("kind"), text("apiVersion"));
    match (kind, version) {
        ("HorizontalPodAutoscaler", "autoscaling/v2") => Some(hpa::read(document)),
        ("HorizontalPodAutoscaler", _) => {
            let detail = format!(
                "`{}` is not read: use autoscaling/v2",
                version.escape_debug()
            );
            let at = document.place("apiVersion");
            Some(Err(vec![ImportError::new(at, "apiVersion", detail)]))
        }
        ("ScaledObject", "keda.sh/v1alpha1") => Some(keda::read(document)),
        ("Service" | "Configuration" | "Revision", "serving.knative.dev/v1") => {
            Some(knative::read(document, kind))
        }
        _ => None,
    }
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
