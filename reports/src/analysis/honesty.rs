//! Whether the run can be believed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How well the load generator kept its own promise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Honesty {
    /// From the intended instant to the sending, the median in ms.
    pub lateness_p50_ms: Option<f64>,
    /// The 99th percentile in ms.
    pub lateness_p99_ms: Option<f64>,
    /// The longest in ms.
    pub lateness_max_ms: Option<f64>,
    /// Requests never sent.
    pub unsent: u64,
    /// Never sent, as a share of the offered.
    pub unsent_share: Option<f64>,
    /// The highest CPU share of the generator's busiest thread in a window.
    pub cpu_peak: Option<f64>,
    /// Requests that had to wait for a connection.
    pub queued: u64,
    /// The most connections open at once.
    pub connections: u64,
    /// The same over time, one for each window that has it.
    pub windows: Vec<HonestyInterval>,
    /// Why the run cannot be believed; empty if it can.
    pub objections: Vec<String>,
}

/// The generator in one window.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct HonestyInterval {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// Lateness, the 99th percentile in ms.
    pub lateness_p99_ms: Option<f64>,
    /// The CPU share of its busiest thread.
    pub cpu: Option<f64>,
}

/// How far one control period's rate may be off by chance alone.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Noise {
    /// One standard deviation ÷ the mean rate, of one control period at the run's mean rate: 1 ÷ √(requests).
    pub period_rate: f64,
    /// The same at speed 1.
    pub period_rate_at_speed_1: f64,
    /// What the speed does to the run, for people; nothing at speed 1.
    pub sentence: Option<String>,
}
