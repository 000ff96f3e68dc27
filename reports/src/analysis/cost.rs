//! What it cost, and what of it was used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the run cost, in minutes of one replica, in scenario time.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Cost {
    /// All services together; nothing without replica data.
    pub paid_replica_min: Option<f64>,
    /// By service, in the order of names.
    pub services: Vec<ServiceCost>,
    /// The share of the run for which there is replica data.
    pub covered: f64,
}

/// What one service cost.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ServiceCost {
    /// Its name.
    pub service: String,
    /// Replicas that existed (starting, ready or draining) × time.
    pub paid_replica_min: f64,
    /// Of it, what the load needed; nothing without capacity. So with the others.
    pub used_replica_min: Option<f64>,
    /// Of it, what was not needed.
    pub wasted_replica_min: Option<f64>,
    /// What was needed and was not there.
    pub short_replica_min: Option<f64>,
}
