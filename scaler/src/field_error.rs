//! Mistakes in what a policy is told, by field, as Kubernetes reports them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One mistake in a spec.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct FieldError {
    /// Where, as in `spec.metrics[0].type`.
    pub field: String,
    /// Which sort of mistake.
    pub kind: FieldErrorKind,
    /// What is wrong with it.
    pub detail: String,
}

/// Sorts of mistakes, with Kubernetes' names.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
pub enum FieldErrorKind {
    /// It is missing.
    #[serde(rename = "FieldValueRequired")]
    Required,
    /// It has no meaning.
    #[serde(rename = "FieldValueInvalid")]
    Invalid,
    /// It must not be there.
    #[serde(rename = "FieldValueForbidden")]
    Forbidden,
    /// It is none of those that there are.
    #[serde(rename = "FieldValueNotSupported")]
    NotSupported,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() {
            write!(f, "{}: required", self.field)
        } else {
            write!(f, "{}: {}", self.field, self.detail)
        }
    }
}

/// Collects mistakes.
#[derive(Default)]
pub(crate) struct Mistakes(Vec<FieldError>);

impl Mistakes {
    pub(crate) fn add(
        &mut self,
        kind: FieldErrorKind,
        field: impl Into<String>,
        detail: impl Into<String>,
    ) {
        self.0.push(FieldError {
            field: field.into(),
            kind,
            detail: detail.into(),
        });
    }

    pub(crate) fn required(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.add(FieldErrorKind::Required, field, detail);
    }

    pub(crate) fn invalid(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.add(FieldErrorKind::Invalid, field, detail);
    }

    /// All of them, by field and detail.
    pub(crate) fn sorted(mut self) -> Vec<FieldError> {
        self.0
            .sort_by(|a, b| (&a.field, &a.detail).cmp(&(&b.field, &b.detail)));
        self.0
    }
}
