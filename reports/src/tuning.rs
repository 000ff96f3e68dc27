//! A policy's parameters searched: what was tried, what the best settings cost and miss on runs that the search has not
//! seen, and which of them to take.

pub mod front;
mod text;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figures::{Figures, Measure};
use crate::trials::statistics::paired;
pub(crate) use text::HEAD;

/// The version of the form. Within it, things are only added.
pub const SCHEMA_VERSION: u32 = 1;

/// What a search for good parameters came to.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Tuning {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The name of the scenario, of the first if there are several.
    pub scenario: String,
    /// What it is about.
    pub about: String,
    /// The command that does it again.
    pub command: String,
    /// The share of the pages that may be missed.
    pub budget: f64,
    /// The runs that parameters were searched on, in rough strokes, and that the finalists were confirmed on.
    pub tuned_on: Vec<RunOf>,
    /// The runs that the finalists were scored on. None of them is among those that were tuned on.
    pub scored_on: Vec<RunOf>,
    /// The policies, in the order in which they were asked for.
    pub policies: Vec<Tuned>,
    /// What to take; nothing if no setting kept the budget.
    pub recommended: Option<Place>,
    /// Whether somebody stopped it: then it is what was found so far.
    pub interrupted: bool,
    /// What else a reader must know, in sentences.
    pub notes: Vec<String>,
}

/// One run, by what makes it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub struct RunOf {
    /// The scenario, or the trace that gives its traffic.
    pub day: String,
    /// The seed.
    pub seed: u64,
}

/// One policy and its parameters.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Tuned {
    /// What it was asked for as.
    pub policy: String,
    /// What was searched.
    pub parameters: Vec<Parameter>,
    /// All settings that were tried in rough strokes, in that order.
    pub tried: Vec<Tried>,
    /// The setting as it was written, and those that were simulated in full, from the cheapest up.
    pub settings: Vec<Setting>,
}

/// One parameter that was searched, for all services that have it alike.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its values, in order.
    pub values: Vec<String>,
    /// The one that it has as it was written.
    pub written: String,
    /// Where it stands: paths of the scenario, or fields of a manifest.
    pub places: Vec<String>,
}

/// One setting in rough strokes.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Tried {
    /// The value of each parameter.
    pub values: Vec<String>,
    /// What it came to.
    pub outcome: Outcome,
}

/// What a setting came to, over some runs.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Outcome {
    /// Pages too slow or not served, as a share of all pages of the runs.
    pub missed: f64,
    /// Replica-hours of a run, on average.
    pub replica_hours: f64,
}

/// One setting, simulated in full.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Setting {
    /// The value of each parameter.
    pub values: Vec<String>,
    /// Whether it is as it was written.
    pub as_written: bool,
    /// In rough strokes, on what was tuned on.
    pub planned: Option<Outcome>,
    /// In full, on what was tuned on.
    pub confirmed: Option<Outcome>,
    /// In full, on what it was scored on: a run each.
    pub runs: Vec<Figures>,
    /// What it missed there; nothing without runs.
    pub missed: Option<Span>,
    /// Its replica-hours there; nothing without runs.
    pub cost: Option<Span>,
    /// By how much its replica-hours differ there from those of the setting as written, run by run.
    pub saves: Option<Span>,
    /// Whether it kept the budget there.
    pub within: Within,
    /// Whether no other setting of any policy cost less and missed less there.
    pub on_front: bool,
    /// The `scaling:` part of a scenario with it: `--policy FILE` takes it. Empty where a manifest says it.
    pub yaml: String,
    /// The manifests with it, by file: changed in nothing but their numbers.
    pub manifests: BTreeMap<String, String>,
}

/// A mean over runs, and where it lies with 95 % (Student's t).
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Span {
    /// The mean.
    pub mean: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end of its interval.
    pub high: f64,
}

/// Whether a setting kept the budget.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// The whole interval is within it.
    Yes,
    /// The interval holds it, the mean is within.
    Perhaps,
    /// The mean is above it.
    No,
    /// It was not scored.
    #[default]
    NotScored,
}

/// A setting, by its place.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Place {
    /// Which of [`Tuning::policies`], from 0.
    pub policy: usize,
    /// Which of its [`Tuned::settings`], from 0.
    pub setting: usize,
}

impl Within {
    /// In a word or two.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Perhaps => "cannot tell",
            Self::No => "no",
            Self::NotScored => "not scored",
        }
    }
}

impl Span {
    /// The mean of these values with its interval; with one value the interval has no width. Nothing of nothing, or if a
    /// value is missing.
    fn of(values: Option<Vec<f64>>) -> Option<Self> {
        let values = values.filter(|values| !values.is_empty())?;
        let zeros = vec![0.0; values.len()];
        Some(match paired(&zeros, &values) {
            Some(p) => Self {
                mean: p.mean,
                low: p.low,
                high: p.high,
            },
            None => Self {
                mean: values[0],
                low: values[0],
                high: values[0],
            },
        })
    }
}

impl Outcome {
    /// Of several runs; nothing without pages or replica data.
    #[must_use]
    pub fn of(runs: &[Figures]) -> Option<Self> {
        let pages: u64 = runs.iter().map(|run| run.pages).sum();
        let missed = |run: &Figures| Some(run.missed? * run.pages as f64);
        let missed = runs.iter().map(missed).sum::<Option<f64>>()?;
        let hours = runs
            .iter()
            .map(|run| run.replica_hours)
            .sum::<Option<f64>>()?;
        (pages > 0).then(|| Self {
            missed: missed / pages as f64,
            replica_hours: hours / runs.len() as f64,
        })
    }
}

impl Setting {
    /// Works out what its runs say; `written` are those of the setting as written, with the same luck.
    fn judge(&mut self, written: &[Figures], budget: f64) {
        let all = |measure: Measure| self.runs.iter().map(|r| r.get(measure)).collect();
        self.missed = Span::of(all(Measure::Missed)).map(|span| Span {
            low: span.low.max(0.0),
            ..span
        });
        self.cost = Span::of(all(Measure::Cost));
        let saved = |(own, other): (&Figures, &Figures)| {
            Some(own.get(Measure::Cost)? - other.get(Measure::Cost)?)
        };
        let pairs = self.runs.iter().zip(written).map(saved);
        self.saves = (self.runs.len() == written.len())
            .then(|| Span::of(pairs.collect()))
            .flatten();
        self.within = match self.missed {
            None => Within::NotScored,
            Some(span) if span.high <= budget => Within::Yes,
            Some(span) if span.mean <= budget => Within::Perhaps,
            Some(_) => Within::No,
        };
    }

    fn point(&self) -> Option<(f64, f64)> {
        Some((self.missed?.mean, self.cost?.mean))
    }
}

impl Tuning {
    /// Works out from the runs what each setting missed and cost, the front, and what to take: the cheapest whose whole
    /// interval is within the budget, or else the cheapest whose mean is.
    #[must_use]
    pub fn judged(mut self) -> Self {
        self.schema_version = SCHEMA_VERSION;
        for policy in &mut self.policies {
            let written = policy.settings.iter().find(|s| s.as_written);
            let written = written.map(|s| s.runs.clone()).unwrap_or_default();
            for setting in &mut policy.settings {
                setting.judge(&written, self.budget);
            }
            policy.settings.sort_by(by_cost);
        }
        let points: Vec<(f64, f64)> = self.settings().filter_map(|(_, s)| s.point()).collect();
        for setting in self.policies.iter_mut().flat_map(|p| &mut p.settings) {
            let point = setting.point();
            setting.on_front = point.is_some_and(|p| front::is_on(p, &points));
        }
        let best = |within: Within| {
            let kept = self.settings().filter(|(_, s)| s.within == within);
            kept.min_by(|(_, a), (_, b)| by_cost(a, b))
                .map(|(place, _)| place)
        };
        self.recommended = best(Within::Yes).or_else(|| best(Within::Perhaps));
        self
    }

    /// All settings with their places, policy by policy.
    pub fn settings(&self) -> impl Iterator<Item = (Place, &Setting)> {
        let policies = self.policies.iter().enumerate();
        policies.flat_map(|(policy, tuned)| {
            let settings = tuned.settings.iter().enumerate();
            settings.map(move |(setting, s)| (Place { policy, setting }, s))
        })
    }

    /// What to take.
    #[must_use]
    pub fn taken(&self) -> Option<(&Tuned, &Setting)> {
        let place = self.recommended?;
        let policy = self.policies.get(place.policy)?;
        Some((policy, policy.settings.get(place.setting)?))
    }
}

/// The cheaper first; what has no cost last.
fn by_cost(a: &Setting, b: &Setting) -> std::cmp::Ordering {
    let cost = |s: &Setting| s.cost.map_or(f64::INFINITY, |span| span.mean);
    cost(a).total_cmp(&cost(b))
}

/// The JSON Schema of tune.json.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Tuning).to_value()
}

#[cfg(test)]
pub(crate) mod tests;
