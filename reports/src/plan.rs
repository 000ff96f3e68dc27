//! How much capacity a scenario needs: what `plan` found, and how to put it to use.

mod paste;
mod text;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the form. Within it, things are only added.
pub const SCHEMA_VERSION: u32 = 1;

/// How much capacity a scenario needs. It is for speed 1.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Plan {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// What it is about.
    pub about: String,
    /// The command that does it again.
    pub command: String,
    /// Whether what was found meets the SLO and every gate, in each of the runs.
    pub met: bool,
    /// Whether somebody stopped the search: then it is what was found so far.
    pub interrupted: bool,
    /// Why not, or what else a reader must know, in sentences.
    pub notes: Vec<String>,
    /// The SLO, in words: `99 % of the pages within 1.00 s`.
    pub slo: String,
    /// When the worst hour begins, in seconds of the scenario.
    pub from_s: f64,
    /// When it ends, in seconds of the scenario.
    pub to_s: f64,
    /// What was looked at on the way, in numbers of runs.
    pub tried: u64,
    /// The runs of the worst hour that confirm it.
    pub runs: Vec<Confirmed>,
    /// The services, in the order of names.
    pub services: Vec<ServicePlan>,
    /// What breaks first if more come; nothing if it was not found.
    pub breaks: Option<Breaks>,
    /// What it costs.
    pub cost: Cost,
}

/// One run that confirms a plan, or does not.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Confirmed {
    /// Its seed.
    pub seed: u64,
    /// Too slow or not served, as a share of the pages; nothing without pages.
    pub missed: Option<f64>,
    /// Its 99th percentile, in ms.
    pub p99_ms: Option<f64>,
    /// Whether it met the SLO and every gate.
    pub met: bool,
}

/// What one service needs.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ServicePlan {
    /// Its name.
    pub service: String,
    /// Its policy's name.
    pub policy: String,
    /// Whether it scales at all.
    pub scales: bool,
    /// What it has today: fewest, most.
    pub today: (u32, u32),
    /// The fewest replicas.
    pub min: u32,
    /// The most replicas.
    pub max: u32,
    /// Replicas without which the peak is not met, if they stand from the beginning to the end.
    pub peak: u32,
    /// The highest load of the worst hour, in requests per second; nothing if nobody asks for it.
    pub peak_rps: Option<f64>,
    /// Where the knee is: requests per second that one replica takes within its limit; nothing if nobody can say.
    pub knee_rps: Option<f64>,
    /// `max` ÷ `peak` − 1: by how much the most replicas are more than the peak needs; nothing for a service without need.
    pub headroom: Option<f64>,
    /// CPU that a replica asks for, in cores.
    pub cpu: f64,
    /// What an HPA of it holds, as `autoscaling/v2` has it; empty for other policies.
    pub metrics: Vec<serde_json::Value>,
    /// `spec.behavior` of `autoscaling/v2`, if the policy has one.
    pub behavior: Option<serde_json::Value>,
    /// What else the scenario says of its scaling, as a scenario has it: `target: {cpu: 70%}`.
    pub target: Option<String>,
}

/// What breaks first.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Breaks {
    /// The service.
    pub service: String,
    /// At so many times the load the SLO is no longer met.
    pub at: f64,
    /// What was seen of it then, in a sentence.
    pub how: String,
}

/// What a plan costs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Cost {
    /// Replicas at the minimum and at the maximum, all services together.
    pub replicas: (u32, u32),
    /// Mean replicas over the worst hour, over the runs; nothing without replica data.
    pub mean_replicas: Option<f64>,
    /// Nodes for the minimum and for the maximum; nothing if the scenario has no nodes.
    pub nodes: Option<(u32, u32)>,
    /// Money for an hour at the minimum and at the maximum; nothing without prices.
    pub per_hour: Option<(f64, f64)>,
    /// Money for the worst hour as it was run; nothing without prices.
    pub worst_hour: Option<f64>,
}

impl Plan {
    /// A service's.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&ServicePlan> {
        self.services.iter().find(|s| s.service == name)
    }
}

/// The JSON Schema of plan.json.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Plan).to_value()
}

#[cfg(test)]
mod tests;
