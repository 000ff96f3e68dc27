//! What a record says: computed once, for pages, files and terminal alike.
//!
//! All instants are seconds of scenario time since the start; latencies are in ms of the world's own time, which the
//! speed does not change. What was not measured is nothing, never zero.

mod breach;
mod cost;
mod decisions;
mod findings;
mod full;
mod gather;
mod honesty;
mod knee;
mod run;
mod service;
mod shortage;
mod steps;

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

use crate::gates::{self, GateResult, Verdict};
use crate::quality::Quality;
use crate::record::{Audit, Ending, Record, World};
use crate::words;

use gather::Gathered;

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
    /// How well the scaling did.
    #[serde(default)]
    pub quality: Quality,
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

/// What is to be known of a planner's result.
fn planned(overloaded: usize) -> String {
    let mut note = "This was planned in rough strokes: requests flowed as a fluid, and a sample of them made the latencies. It can show that a gate fails, not that it holds: for that, simulate it.".to_owned();
    if overloaded > 0 {
        note += &format!(
            " In {} more came than could be answered: what is said of {} is not to be trusted.",
            words::plural(overloaded as u64, "window"),
            if overloaded == 1 { "it" } else { "them" }
        );
    }
    note
}

impl Analysis {
    /// What a record says.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let gathered = Gathered::of(record);
        let about = About::of(record, gathered.ran_s);
        let services = service::services(record, &gathered);
        let decisions = Decisions::of(record);
        let breaches = Breach::all(&gathered.steps, &services, &decisions);
        let span = (0.0, gathered.ran_s);
        let pages = gathered.pages.iter();
        let phases = run::phases(record, &gathered);
        let mut analysis = Self {
            verdict: Verdict::Invalid,
            gates: Vec::new(),
            findings: Findings::default(),
            total: Group::of("all", span, &gathered.total),
            pages: pages
                .map(|(name, sum)| Group::of(name, span, sum))
                .collect(),
            windows: run::intervals(&gathered),
            percentile_curve: run::curve(&gathered.total),
            tightest: Tightest::of(&services),
            recovery_s: breach::recovery_s(&gathered.steps, &breaches),
            faults: decisions::faults(record),
            cost: Cost::of(&services, &gathered),
            quality: Quality::default(),
            honesty: Honesty::of(&gathered),
            noise: Noise::of(&about, &gathered),
            audit: record.audit.clone(),
            ending: record.end.as_ref().map(|e| e.how.clone()),
            notes: notes(record, &phases, gathered.overloaded),
            percentiles: gathered.steps,
            heatmap: gathered.heatmap,
            phases,
            services,
            decisions,
            breaches,
            about,
        };
        analysis.quality = Quality::of(&analysis);
        analysis.gates = gates::judge(&record.header.gates, &analysis);
        analysis.verdict = gates::verdict(record, &analysis);
        analysis.findings = Findings::of(&analysis);
        analysis
    }

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

/// The median of some numbers, which it puts in order; of an even count the mean of the two in the middle.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(match values.len() % 2 {
        0 => f64::midpoint(values[middle - 1], upper),
        _ => upper,
    })
}

fn notes(record: &Record, phases: &[Group], overloaded: usize) -> Vec<String> {
    let mut notes = record.notes.clone();
    if record.header.world == World::Planned {
        notes.push(planned(overloaded));
    }
    for phase in phases.iter().filter(|p| !p.joined.is_empty()) {
        notes.push(format!(
            "The phase {} holds {} too: alone there are too few requests for a p99.",
            phase.name,
            phase.joined.join(", ")
        ));
    }
    if let Some(Ending::Failed(why)) = record.end.as_ref().map(|e| &e.how) {
        notes.push(format!("The run could not go on: {why}"));
    }
    notes
}

#[cfg(test)]
mod tests;
