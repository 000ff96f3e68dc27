//! A service: its load, its replicas, what one replica takes, and where it ran out.

use metrics::Counts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One service.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its policy's name.
    pub policy: String,
    /// Requests that a replica works on at once.
    pub slots: u32,
    /// The limit of its own time, in ms.
    pub limit_ms: f64,
    /// The fewest replicas.
    pub min: u32,
    /// The most replicas.
    pub max: u32,
    /// From a replica's start to its readiness, the median in seconds of scenario time.
    pub start_up_s: f64,
    /// How many requests came to which end, calls between services included.
    pub counts: Counts,
    /// The 99th percentile as the gateway saw it, downstream calls included, in ms.
    pub p99_ms: Option<f64>,
    /// Over time, one for each window of the run.
    pub windows: Vec<ServiceInterval>,
    /// The 99th percentile over time, on the run's own percentile steps.
    pub p99_steps_ms: Vec<Option<f64>>,
    /// Replicas over time: only where they change.
    pub replicas: Vec<ReplicaStep>,
    /// The highest load, in requests per second.
    pub peak_rps: Option<f64>,
    /// The highest utilisation (slots held ÷ slots).
    pub peak_busy: Option<f64>,
    /// The most ready replicas.
    pub peak_ready: Option<u32>,
    /// What one replica takes within the limit, or why nobody can say.
    pub safe: SafeRate,
    /// Load against latency, a point for each percentile step.
    pub knee: Vec<KneePoint>,
    /// The curve through those points, if one fits.
    pub fit: Option<KneeFit>,
    /// The least headroom: (capacity − load) ÷ load, negative where load was above it; nothing without capacity.
    pub least_headroom: Option<Headroom>,
    /// Where load was above capacity.
    pub shortages: Vec<Span>,
    /// How ready capacity followed load.
    pub lag: Option<Lag>,
}

/// A service in one window. What was not measured is nothing, never zero.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ServiceInterval {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// Requests per second that came for it.
    pub load_rps: Option<f64>,
    /// Requests per second not served.
    pub failed_rps: Option<f64>,
    /// Slots held ÷ slots.
    pub busy: Option<f64>,
    /// Time in work ÷ (slots × time).
    pub cpu: Option<f64>,
    /// Ready replicas.
    pub ready: Option<u32>,
    /// Replicas wanted.
    pub desired: Option<u32>,
    /// Replicas started but not ready yet.
    pub starting: Option<u32>,
    /// Ready replicas × the safe rate of one, in requests per second.
    pub capacity_rps: Option<f64>,
}

/// Replicas from one instant to the next step.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ReplicaStep {
    /// Since when, in seconds of scenario time.
    pub at_s: f64,
    /// What they were; nothing where there is no data.
    pub count: Option<ReplicaCount>,
}

/// Replicas by state.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ReplicaCount {
    /// Wanted.
    pub desired: u32,
    /// Taking requests.
    pub ready: u32,
    /// Started but not ready yet.
    pub starting: u32,
    /// Finishing what they have.
    pub draining: u32,
}

/// The highest rate per replica that keeps the limit.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum SafeRate {
    /// Where the measured curve meets the limit.
    Measured {
        /// Requests per second and replica.
        rps: f64,
    },
    /// From the scenario's own work times.
    Model {
        /// Requests per second and replica.
        rps: f64,
    },
    /// Nobody can say.
    Unknown {
        /// Why.
        why: String,
    },
}

impl SafeRate {
    /// Requests per second and replica.
    #[must_use]
    pub fn rps(&self) -> Option<f64> {
        match self {
            Self::Measured { rps } | Self::Model { rps } => Some(*rps),
            Self::Unknown { .. } => None,
        }
    }
}

/// Load per ready replica and the latency it had.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct KneePoint {
    /// When, in seconds of scenario time.
    pub at_s: f64,
    /// Requests per second and ready replica.
    pub load_rps: f64,
    /// The 99th percentile, in ms.
    pub p99_ms: f64,
    /// Whether that is over the service's limit.
    pub over: bool,
}

/// latency(x) = floor + rise × x ÷ (full − x), x being load per ready replica.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct KneeFit {
    /// The latency without load, in ms.
    pub floor_ms: f64,
    /// How steep it rises, in ms.
    pub rise_ms: f64,
    /// Where it goes to infinity, in requests per second and replica: all slots busy.
    pub full_rps: f64,
    /// Where it meets the service's limit, in requests per second and replica.
    pub safe_rps: f64,
}

impl KneeFit {
    /// The curve's latency at a load per replica, in ms; infinite from `full_rps` on.
    #[must_use]
    pub fn at(&self, load_rps: f64) -> f64 {
        if load_rps >= self.full_rps {
            f64::INFINITY
        } else {
            self.floor_ms + self.rise_ms * load_rps / (self.full_rps - load_rps)
        }
    }
}

/// How much room there was.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Headroom {
    /// When, in seconds of scenario time.
    pub at_s: f64,
    /// (capacity − load) ÷ load.
    pub share: f64,
}

/// A span of scenario time.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Span {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
}

impl Span {
    /// Its length in seconds.
    #[must_use]
    pub fn length_s(&self) -> f64 {
        self.to_s - self.from_s
    }
}

/// The shift at which ready replicas resemble the load most.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Lag {
    /// How long replicas came after the load, in seconds of scenario time; negative: before it.
    pub by_s: f64,
    /// Pearson's coefficient at that shift, −1 to 1.
    pub coefficient: f64,
}
