//! The prediction beside the measurement: how far the simulated world was from one that was measured.
//!
//! Both runs are of one scenario. They are compared window by window of the measured run, and what is said of many windows
//! is the median of their errors, with the span that holds eight of ten. Latency is said by utilisation, because near full
//! slots no model is good, and a mean over calm and full would hide it. A figure whose goal is missed is printed like any
//! other.

mod pairs;
mod text;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::Analysis;

/// What was predicted of a run.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The run, as predicted.
    pub run: Analysis,
    /// The same run in worlds that are hardly different: each pass through the gateway takes some tenths of a millisecond
    /// longer. Where they lie far from the prediction, chance decides, and no model can be near.
    pub nearby: Vec<Analysis>,
}

impl From<Analysis> for Prediction {
    fn from(run: Analysis) -> Self {
        Self {
            run,
            nearby: Vec::new(),
        }
    }
}

/// How far a prediction was from a measurement.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Comparison {
    /// The scenario's name, as measured.
    pub name: String,
    /// Figures of the whole run first, then of the services in the order of names.
    pub figures: Vec<Figure>,
    /// How many goals were met.
    pub met: usize,
    /// How many were missed.
    pub missed: usize,
    /// How many of these are no larger than what a hardly different world does to the prediction.
    #[serde(default)]
    pub chance: usize,
    /// What makes the two runs unlike, in sentences; empty if nothing does.
    pub unlike: Vec<String>,
}

/// One figure: the error of one measure.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Figure {
    /// The service, or nothing for the whole run.
    pub service: Option<String>,
    /// What is compared.
    pub measure: Measure,
    /// In windows of which utilisation; nothing for all.
    pub band: Option<Band>,
    /// How many windows both runs have a value for.
    pub windows: usize,
    /// The median over them of |predicted − measured| ÷ measured; nothing with fewer than five.
    pub error: Option<f64>,
    /// The 10th and the 90th percentile of the same.
    pub span: Option<(f64, f64)>,
    /// Of replicas: the median of |predicted − measured|.
    pub replicas: Option<f64>,
    /// The error that was to be kept.
    pub goal: Option<f64>,
    /// Whether it was.
    pub outcome: Outcome,
    /// The largest error of the nearby predictions, held against the prediction itself; nothing if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearby: Option<f64>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The median latency.
    P50,
    /// The 95th percentile of latency.
    P95,
    /// The 99th percentile of latency.
    P99,
    /// Requests served per second.
    Throughput,
    /// Ready replicas.
    Replicas,
}

/// Utilisation (slots held ÷ slots) of a window as measured; of the whole run, that of its fullest service.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Up to 70 %.
    Calm,
    /// Above 70 %, up to 85 %.
    Busy,
    /// Above 85 %.
    Full,
}

/// Whether a goal was met.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was.
    Met,
    /// It was not.
    Missed,
    /// There is none for this figure.
    NoGoal,
    /// Too few windows have the values of both.
    TooFew,
}

impl Measure {
    /// Its name, for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Throughput => "throughput",
            Self::Replicas => "replicas",
        }
    }

    /// The error that is to be kept. Above 85 % of the slots latency has no goal: there it is chaotic, and a few seconds'
    /// difference in a start-up decides.
    #[must_use]
    pub fn goal(self, band: Option<Band>) -> Option<f64> {
        match (self, band) {
            (Self::P50, Some(Band::Calm | Band::Busy)) | (Self::Replicas, None) => Some(0.10),
            (Self::P99, Some(Band::Calm)) => Some(0.15),
            (Self::P99, Some(Band::Busy)) => Some(0.25),
            (Self::Throughput, None) => Some(0.03),
            _ => None,
        }
    }
}

impl Band {
    /// All of them, from calm to full.
    pub const ALL: [Self; 3] = [Self::Calm, Self::Busy, Self::Full];

    /// The band of a utilisation.
    #[must_use]
    pub fn of(busy: f64) -> Self {
        match busy {
            _ if busy <= 0.70 => Self::Calm,
            _ if busy <= 0.85 => Self::Busy,
            _ => Self::Full,
        }
    }

    /// Its name, for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Calm => "up to 70 %",
            Self::Busy => "70 to 85 %",
            Self::Full => "above 85 %",
        }
    }
}

/// Fewer windows say nothing about a median.
const FEWEST_WINDOWS: usize = 5;
/// So many replicas off are within the goal, whatever share of all they are.
const REPLICAS_OFF: f64 = 1.0;

impl Comparison {
    /// Compares what was predicted with what was measured.
    #[must_use]
    pub fn new(prediction: &Prediction, measured: &Analysis) -> Self {
        let predicted = &prediction.run;
        let mut figures = figures(predicted, measured);
        for nearby in &prediction.nearby {
            let moved = self::figures(nearby, predicted);
            figures.iter_mut().for_each(|f| f.take_nearby(&moved));
        }
        let count = |outcome| figures.iter().filter(|f| f.outcome == outcome).count();
        Self {
            name: measured.about.name.clone(),
            met: count(Outcome::Met),
            missed: count(Outcome::Missed),
            chance: figures.iter().filter(|f| f.is_chance()).count(),
            unlike: unlike(predicted, measured),
            figures,
        }
    }

    /// The names of what is compared, the whole run (nothing) first.
    #[must_use]
    pub fn subjects(&self) -> Vec<Option<&str>> {
        let mut subjects: Vec<Option<&str>> = Vec::new();
        for figure in &self.figures {
            if !subjects.contains(&figure.service.as_deref()) {
                subjects.push(figure.service.as_deref());
            }
        }
        subjects
    }

    /// A figure.
    #[must_use]
    pub fn figure(
        &self,
        service: Option<&str>,
        measure: Measure,
        band: Option<Band>,
    ) -> Option<&Figure> {
        self.figures
            .iter()
            .find(|f| f.service.as_deref() == service && f.measure == measure && f.band == band)
    }
}

/// All figures: of the whole run, then of each service that was predicted.
fn figures(predicted: &Analysis, measured: &Analysis) -> Vec<Figure> {
    let mut figures = pairs::whole(predicted, measured).figures(None);
    for service in &measured.services {
        if let Some(pairs) = pairs::service(predicted, measured, service) {
            figures.extend(pairs.figures(Some(&service.name)));
        }
    }
    figures
}

impl Figure {
    /// Takes the error of the same figure of a nearby prediction, if it is the largest yet.
    fn take_nearby(&mut self, moved: &[Self]) {
        let same =
            |f: &&Self| (&f.service, f.measure, f.band) == (&self.service, self.measure, self.band);
        let error = moved.iter().find(same).and_then(|f| f.error);
        self.nearby = self.nearby.into_iter().chain(error).reduce(f64::max);
    }

    /// Whether its goal is missed by no more than what a hardly different world does to the prediction.
    fn is_chance(&self) -> bool {
        let far = self.error.zip(self.nearby);
        self.outcome == Outcome::Missed && far.is_some_and(|(error, nearby)| error <= nearby)
    }
}

/// What else than the world differs: then the errors are not the model's alone.
fn unlike(predicted: &Analysis, measured: &Analysis) -> Vec<String> {
    let (p, m) = (&predicted.about, &measured.about);
    let mut unlike = Vec::new();
    let mut differs = |what: &str, a: String, b: String| {
        if a != b {
            unlike.push(format!("The {what} differs: {a} predicted, {b} measured."));
        }
    };
    differs("scenario", p.name.clone(), m.name.clone());
    differs("seed", p.seed.to_string(), m.seed.to_string());
    differs("speed", p.speed.to_string(), m.speed.to_string());
    differs("version of the draws", p.draws.clone(), m.draws.clone());
    let span = crate::words::seconds;
    differs("length", span(p.ran_s), span(m.ran_s));
    unlike
}

#[cfg(test)]
mod tests;
