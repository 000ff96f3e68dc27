//! What was before a policy begins.

use std::time::Duration;

use metrics::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of the days before a policy's first decision, without its having decided anything then.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct History {
    /// When the last of the rates ends: usually the start.
    pub until: Timestamp,
    /// Requests that came per second, in spans of 15 seconds of the policy's time that end at `until`, oldest first; nothing
    /// where none is known. Seven days, 40,320 of them, are all that matters.
    pub rates: Vec<Option<f64>>,
    /// How long replicas took to start in those days, in the policy's time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub start_ups: Vec<Duration>,
}
