//! What a policy decided, and why.

use std::fmt;

use metrics::{Replicas, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A policy's answer to one observation.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Decision {
    /// What to do.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// When the policy wants to be asked again.
    pub next: Timestamp,
}

/// What to do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Have so many replicas.
    Scale(Replicas),
    /// Leave everything as it is, and write nothing.
    Hold,
}

/// Why a decision is what it is: a sentence's worth of facts, and the terms behind them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Reason {
    /// One word for what bound: `metric`, `schedule`, `fixed`, `hold`, `no_data`, `above_max`, `below_min`, …
    pub because: String,
    /// One sentence for people: what was measured, against what, and what follows before anything clipped it.
    pub sentence: String,
    /// What the policy wanted before anything clipped it, if it got that far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Replicas>,
    /// The values it rests on, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
    /// What changed the number on the way, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clips: Vec<Clip>,
}

/// One value that a decision rests on.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Term {
    /// What it is.
    pub name: String,
    /// How much, with its unit, or why there is no value.
    pub value: String,
}

/// One rule that changed the number.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Clip {
    /// The rule: `min`, `max`, `stabilisation`, `rate`, `no_data`, …
    pub by: String,
    /// The number before.
    pub from: Replicas,
    /// The number after.
    pub to: Replicas,
}

impl Reason {
    /// A reason with its word and its sentence.
    #[must_use]
    pub fn new(because: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            because: because.into(),
            sentence: sentence.into(),
            ..Self::default()
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}
