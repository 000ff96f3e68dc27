//! Where latency was above its limit, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Span;

/// A span in which the SLO's latency quantile was above its limit.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Breach {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// The worst latency in it, in ms.
    pub worst_ms: f64,
    /// When that was, in seconds of scenario time.
    pub worst_at_s: f64,
    /// Whether latency came back into its limit before the run's end.
    pub recovered: bool,
    /// Where the time went, if the record can say.
    pub split: Option<BreachSplit>,
}

/// Where the time of a shortage went, one span after the other.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct BreachSplit {
    /// The service that was short.
    pub service: String,
    /// Load was above capacity, and no decision had asked for more yet.
    pub not_seen: Span,
    /// More replicas were asked for, and were not ready yet.
    pub starting: Span,
    /// Capacity was above load again, and the queue was being worked off.
    pub clearing: Span,
}

/// The service that ran out first, or came closest to it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Tightest {
    /// Its name.
    pub service: String,
    /// When, in seconds of scenario time.
    pub at_s: f64,
    /// Its headroom then: (capacity − load) ÷ load.
    pub headroom: f64,
    /// For how long load was above capacity in a row then, in seconds; zero if it never was.
    pub short_s: f64,
}
