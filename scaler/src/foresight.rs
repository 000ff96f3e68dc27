//! Our own policies. They put a price on a slow request, learn what a replica can take, and buy replicas until the next
//! one would save less than it costs.
//!
//! [`Reactive`] knows what is there: the load, how far it strayed lately within the time that replicas take to start, who
//! waits, and events that the operator announced. [`Foresight`] also knows the days before: what a day is usually like, how
//! the load goes on from where it is, and jumps that come day by day. Both are the same `engine`, made of small parts, each
//! tested alone and each visible in the reason: what a replica can take (`full_rate`), who is slow at which utilisation
//! (`curve`), what may come (`forecast`, `residuals`, `outlook`), the number that is worth its cost (`plan`), announced
//! events (`calendar`), what keeps a number safe (`envelope`, `holds`), and the price that keeps misses within their budget
//! (`budget`).
//!
//! None of it goes down on no data, stale readings or thin ones, and none of it learns from them.

mod budget;
mod calendar;
mod choice;
mod clock;
mod curve;
mod engine;
mod envelope;
mod explain;
mod forecast;
mod full_rate;
mod history;
mod holds;
mod inputs;
mod memory;
mod outlook;
mod peaks;
mod plan;
mod recent;
mod residuals;
mod start_up;
mod tried;

use std::time::Duration;

use metrics::{Ratio, Replicas};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use calendar::ExpectedEvent;
pub use clock::Clock;
pub(crate) use explain::Found;
pub use history::History;

use crate::{Decision, Observation, Policy, PolicyState, Status, Wants, WriteOutcome};
use engine::Engine;
use forecast::Forecast;

/// The parameters of [`Reactive`].
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ReactiveSpec {
    /// The fewest replicas.
    pub min: Replicas,
    /// The most replicas.
    pub max: Replicas,
    /// Between two decisions.
    pub period: Duration,
    /// Requests that a replica works on at once; at least 1.
    pub slots: u32,
    /// What is slower is slow.
    pub limit: Duration,
    /// The share of requests that may be slow.
    pub budget: Ratio,
    /// What one slow request is worth, in seconds of a replica; nothing: what keeps slow requests within the budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    /// How long a lower number waits, at most ten minutes; nothing: as long as half of the replicas take to start, at least
    /// a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Duration>,
    /// What is known beforehand.
    #[serde(default)]
    pub events: Vec<ExpectedEvent>,
    /// The time it counts in.
    #[serde(default)]
    pub clock: Clock,
}

/// The parameters of [`Foresight`].
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ForesightSpec {
    /// What it has in common with [`Reactive`].
    #[serde(flatten)]
    pub common: ReactiveSpec,
    /// The workload's name. It says at which minute of the day it learns anew, so that many do not do so at once.
    #[serde(default)]
    pub workload: String,
    /// What was before it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
}

/// Scales to what is there, with the margin and the price that it learned.
#[derive(Clone, Debug)]
pub struct Reactive(Engine);

/// Scales to what is there and to what the days before lead to expect.
///
/// It begins as [`Reactive`] does, and goes back to it whenever its forecast is no better than to expect that the load
/// stays: until two whole days are known, for a load whose days are not like each other, and after its forecasts were bad.
#[derive(Clone, Debug)]
pub struct Foresight(Engine);

impl Reactive {
    /// With these parameters. Bounds that contradict each other mean `max`.
    #[must_use]
    pub fn new(spec: ReactiveSpec) -> Self {
        Self(Engine::new("reactive/1", spec, None))
    }
}

impl Foresight {
    /// With these parameters; it learns from their history at once, which takes about 0.1 s for a week.
    #[must_use]
    pub fn new(spec: ForesightSpec) -> Self {
        let forecast = Forecast::new(&spec.workload);
        let mut foresight = Self(Engine::new("foresight/1", spec.common, Some(forecast)));
        if let Some(history) = &spec.history {
            foresight.remember(history);
        }
        foresight
    }

    /// Learns from days of which no decision was asked, before the first decision. What lies before what it knows already is
    /// left out.
    pub fn remember(&mut self, history: &History) {
        self.0.remember(history);
    }
}

macro_rules! policy {
    ($name:ty) => {
        impl Policy for $name {
            fn wants(&self) -> &Wants {
                self.0.wants()
            }

            fn decide(&mut self, seen: &Observation) -> Decision {
                self.0.decide(seen)
            }

            fn settle(&mut self, outcome: &WriteOutcome) -> Status {
                self.0.settle(outcome)
            }

            fn save(&self) -> PolicyState {
                self.0.save()
            }

            fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
                self.0.restore(state)
            }

            fn rules(&self) -> Vec<&'static str> {
                envelope::RULES.to_vec()
            }

            fn waive(&mut self, rule: &str) {
                self.0.waive(rule);
            }
        }
    };
}

policy!(Reactive);
policy!(Foresight);
