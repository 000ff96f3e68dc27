//! What was decided, and what broke.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use scaler::{Clip, Term};

/// All decisions.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Decisions {
    /// Those that changed something, in the order of time, runs of the same direction in one.
    pub groups: Vec<DecisionGroup>,
    /// How many changed something.
    pub changes: u64,
    /// How many changed nothing.
    pub unchanged: u64,
    /// How many went up.
    pub ups: u64,
    /// How many went down.
    pub downs: u64,
    /// How many could not be written.
    pub failed_writes: u64,
    /// How many rested on missing data.
    pub without_data: u64,
}

/// Decisions of one workload that follow each other in the same direction: "24 → 4 in 11 steps".
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct DecisionGroup {
    /// The workload.
    pub workload: String,
    /// Replicas before the first.
    pub from: u32,
    /// Replicas after the last.
    pub to: u32,
    /// The decisions; never empty.
    pub steps: Vec<DecisionStep>,
}

/// One decision that changed something.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct DecisionStep {
    /// When, in seconds of scenario time.
    pub at_s: f64,
    /// Replicas before.
    pub from: u32,
    /// Replicas after.
    pub to: u32,
    /// One word for what bound.
    pub because: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// The values it rests on.
    pub terms: Vec<Term>,
    /// What changed the number on the way.
    pub clips: Vec<Clip>,
    /// What went wrong with writing it, if anything did.
    pub error: Option<String>,
}

/// Something that broke.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Fault {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time; the same for what happens at once.
    pub to_s: f64,
    /// The service it hit, if it hit one.
    pub service: Option<String>,
    /// What happened.
    pub what: String,
}
