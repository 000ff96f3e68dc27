//! What a record says: computed once, for pages, files and terminal alike.
//!
//! All instants are seconds of scenario time since the start; latencies are in ms of the world's own time, which the
//! speed does not change. What was not measured is nothing, never zero.

mod breach;
mod cost;
mod decisions;
mod findings;
mod honesty;
mod run;
mod service;

use metrics::Counts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use breach::{Breach, BreachSplit, Tightest};
pub use cost::{Cost, ServiceCost};
pub use decisions::{DecisionGroup, DecisionStep, Decisions, Fault};
pub use findings::{Advice, Finding, Findings};
pub use honesty::{Honesty, HonestyInterval, Noise};
pub use run::{About, CurvePoint, Group, Heatmap, Interval, PercentileStep};
pub use service::{
    Headroom, KneeFit, KneePoint, Lag, ReplicaCount, ReplicaStep, SafeRate, Service,
    ServiceInterval, Span,
};

use crate::gates::{GateResult, Verdict};
use crate::record::{Audit, Ending};

/// Everything a report says.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Analysis {
    /// What was run.
    pub about: About,
    /// The verdict.
    pub verdict: Verdict,
    /// The gates, in the order of the scenario.
    pub gates: Vec<GateResult>,
    /// What the run says, in sentences.
    pub findings: Findings,
    /// The whole run.
    pub total: Group,
    /// By phase, in the order of time.
    pub phases: Vec<Group>,
    /// By page, in the order of names.
    pub pages: Vec<Group>,
    /// Over time, one for each window of the grid, gaps included.
    pub windows: Vec<Interval>,
    /// Percentiles over time.
    pub percentiles: Vec<PercentileStep>,
    /// The percentile curve of the whole run.
    pub percentile_curve: Vec<CurvePoint>,
    /// Latencies over time.
    pub heatmap: Heatmap,
    /// The services, in the order of names.
    pub services: Vec<Service>,
    /// Which service ran out first, or came closest; nothing without any capacity.
    pub tightest: Option<Tightest>,
    /// Where latency was above its limit, in the order of time.
    pub breaches: Vec<Breach>,
    /// The longest time from leaving the limit to being back in it, in seconds; zero if it never left, nothing if it
    /// never came back or there is no data.
    pub recovery_s: Option<f64>,
    /// What was decided.
    pub decisions: Decisions,
    /// What broke.
    pub faults: Vec<Fault>,
    /// What it cost.
    pub cost: Cost,
    /// Whether it can be believed.
    pub honesty: Honesty,
    /// How far a rate may be off by chance; nothing without requests.
    pub noise: Option<Noise>,
    /// What the audit found, if there was one.
    pub audit: Option<Audit>,
    /// How it ended; nothing if the record was cut off.
    pub ending: Option<Ending>,
    /// What else a reader must know, in sentences: what was joined, cut off or not recorded.
    pub notes: Vec<String>,
}

impl Analysis {
    /// The service of a name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|s| s.name == name)
    }

    /// The service that the hero shows: the one that ran out first or came closest, or else the one with most load.
    #[must_use]
    pub fn shown_service(&self) -> Option<&Service> {
        let tightest = self
            .tightest
            .as_ref()
            .and_then(|t| self.service(&t.service));
        tightest.or_else(|| self.services.iter().max_by_key(|s| s.counts.offered))
    }

    /// How many pages came to which end.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.total.counts
    }
}
