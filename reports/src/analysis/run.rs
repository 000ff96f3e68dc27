//! The run as a whole: what it was, its totals, its windows, its phases and pages.

use metrics::{Counts, Histogram, Quantile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::World;

/// What was run.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct About {
    /// The scenario's name.
    pub name: String,
    /// What the scenario is about.
    pub about: String,
    /// In which world.
    pub world: World,
    /// The program's version.
    pub version: String,
    /// The seed.
    pub seed: u64,
    /// The algorithm of the draws, and its version.
    pub draws: String,
    /// How many times faster than the scenario's time the world ran.
    pub speed: f64,
    /// The command that does it again.
    pub command: String,
    /// The policies' names, each once, in the order of the services.
    pub policies: Vec<String>,
    /// How long it was to last, in seconds of scenario time.
    pub duration_s: f64,
    /// How long it did last, in seconds of scenario time.
    pub ran_s: f64,
    /// The length of a window, in seconds of scenario time.
    pub window_s: f64,
    /// Between two decisions, in seconds of scenario time.
    pub period_s: f64,
    /// A page slower than this is a miss, in ms.
    pub limit_ms: f64,
    /// The share of pages that must not be misses.
    pub share: f64,
    /// What the host was, if the run had one.
    pub host: Option<String>,
    /// When it was started, in seconds since the Unix epoch, if the run had a wall clock.
    pub started_unix_s: Option<f64>,
}

/// A set of requests: a phase, a page, or the whole run.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Group {
    /// Its name: the phase's, or `journey/page`, or `all`.
    pub name: String,
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// How many came to which end.
    pub counts: Counts,
    /// Too slow or not served, as a share of the offered; nothing if nothing was offered.
    pub missed: Option<f64>,
    /// Not served, as a share of the offered; nothing if nothing was offered.
    pub errors: Option<f64>,
    /// The mean latency, in ms.
    pub mean_ms: Option<f64>,
    /// The median, in ms; nothing with fewer samples than it needs. So with the others.
    pub p50_ms: Option<f64>,
    /// The 95th percentile, in ms.
    pub p95_ms: Option<f64>,
    /// The 99th percentile, in ms.
    pub p99_ms: Option<f64>,
    /// The 99.9th percentile, in ms.
    pub p999_ms: Option<f64>,
    /// The longest, in ms.
    pub max_ms: Option<f64>,
    /// The phases that joined this one because they had too few samples for p99 on their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<String>,
    /// All latencies: HdrHistogram V2 deflate in base64, in µs.
    pub latency_us: Option<Histogram>,
}

/// One window. What was not measured is nothing, never zero.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Interval {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// Pages per second that were due; nothing if there is no data. So with the others.
    pub offered_rps: Option<f64>,
    /// Pages per second answered well.
    pub served_rps: Option<f64>,
    /// Pages per second answered badly, never sent, or still open at the end.
    pub failed_rps: Option<f64>,
    /// Pages per second turned away.
    pub shed_rps: Option<f64>,
    /// Pages per second that ran into the time limit.
    pub timed_out_rps: Option<f64>,
    /// Too slow or not served, as a share of the offered; nothing if nothing was offered.
    pub missed: Option<f64>,
}

/// Percentiles of windows merged until there are enough requests to say them.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PercentileStep {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// How many latencies it rests on.
    pub samples: u64,
    /// The median, in ms; nothing with fewer than 2 ÷ (1 − q) samples. So with the others.
    pub p50_ms: Option<f64>,
    /// The 95th percentile, in ms.
    pub p95_ms: Option<f64>,
    /// The 99th percentile, in ms.
    pub p99_ms: Option<f64>,
    /// The quantile that the SLO names, in ms.
    pub slo_ms: Option<f64>,
}

/// A point of the percentile curve.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CurvePoint {
    /// −log10(1 − q): 1 is p90, 2 is p99, 3 is p99.9.
    pub nines: f64,
    /// The quantile.
    pub quantile: f64,
    /// The latency, in ms.
    pub latency_ms: f64,
}

/// Latencies over time: how many requests of each column took how long.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Heatmap {
    /// The columns' edges, in seconds of scenario time: one more than there are columns; at most 120 columns.
    pub edges_s: Vec<f64>,
    /// The rows' edges, in ms, rising on a log scale: one more than there are rows; at most 40 rows.
    pub edges_ms: Vec<f64>,
    /// By column, then by row from fast to slow: how many requests. A column without data is empty.
    pub counts: Vec<Vec<u64>>,
}

impl Group {
    /// Its latency at a quantile, in ms, if it has enough samples to say so: 5 ÷ (1 − q).
    #[must_use]
    pub fn certain_ms(&self, quantile: Quantile) -> Option<f64> {
        let latency = self.latency_us.as_ref()?;
        latency
            .certain_quantile(quantile)
            .map(|d| d.as_secs_f64() * 1e3)
    }
}
