//! What the run says, in sentences: each computed, each supported by a test on the data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The titles of the sections, and the sentences beside the verdict.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Findings {
    /// The sentence under the verdict.
    pub verdict: String,
    /// Why a gate failed, if one did and the record can say why.
    pub why: Option<String>,
    /// What to do next, where that can be computed.
    pub advice: Option<Advice>,
    /// Of the hero: load, latency and capacity over time.
    pub hero: Finding,
    /// Of the breach, enlarged; nothing without a breach.
    pub breach: Option<Finding>,
    /// Of latency against load.
    pub knee: Finding,
    /// Of the percentile curve.
    pub percentiles: Finding,
    /// Of the heatmap.
    pub heatmap: Finding,
    /// Of the services.
    pub services: Finding,
    /// Of the decisions.
    pub decisions: Finding,
    /// Of the cost.
    pub cost: Finding,
    /// Of the generator's honesty.
    pub honesty: Finding,
}

/// A section's title and sentence.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Finding {
    /// The title: the finding itself, or a neutral one.
    pub title: String,
    /// More of it, in a sentence; may be empty.
    pub sentence: String,
}

/// What to do next.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Advice {
    /// The sentence.
    pub sentence: String,
    /// The command that tries it, if there is one.
    pub command: Option<String>,
}
