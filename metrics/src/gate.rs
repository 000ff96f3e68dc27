//! What good means, and what must hold at the end of a run.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Quantile;

/// What good means for one page, at the gateway.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Slo {
    /// A page is a miss if it takes longer than this, or is not served.
    pub within: Duration,
    /// The share of pages that must not be misses.
    pub share: Quantile,
}

/// Something that must hold at the end.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Gate {
    /// What is judged.
    pub metric: GateMetric,
    /// The bound: it must be below it (or, for metrics of which more is better, at least it).
    pub bound: Bound,
    /// Over what it is judged.
    pub per: GatePer,
    /// What a failure means.
    pub level: GateLevel,
    /// How it was written, for people.
    pub text: String,
}

/// What a gate judges.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateMetric {
    /// A latency quantile.
    Latency(Quantile),
    /// The share of pages too slow or not served.
    Misses,
    /// The share of pages not served.
    Errors,
    /// Replica-minutes.
    Cost,
    /// The longest time in a row that the latency quantile of the SLO was above its limit.
    TimeAboveLimit,
    /// The served rate.
    Throughput,
}

/// A gate's bound, in the unit of its metric.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// A time.
    Time(Duration),
    /// A share.
    Share(f64),
    /// A bare number.
    Number(f64),
}

/// Over what a gate judges.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GatePer {
    /// The whole run.
    #[default]
    Run,
    /// Each phase; the worst decides.
    Phase,
    /// Each page; the worst decides.
    Page,
}

/// What a failed gate means.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateLevel {
    /// The run has failed.
    #[default]
    Error,
    /// It is said.
    Warn,
}

/// A named span.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// When it begins, since the start.
    pub from: Duration,
    /// When it ends.
    pub to: Duration,
}
