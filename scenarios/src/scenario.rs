//! A scenario as meant: checked, complete, with every default filled in.
//!
//! Times are durations since the scenario's start. Everything is in the scenario's own time until
//! [`Scenario::at_speed`] compresses it.

mod fault;
mod gateway;
mod journey;
mod nodes;
mod scaling;
mod service;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Gate, Phase, Slo, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Curve;
pub use fault::{Fault, FaultKind};
pub use gateway::{
    Balance, Breaker, Bulkhead, Ejection, Gateway, HealthCheck, Network, RetryBudget,
};
pub use journey::{
    Extract, Journey, JourneyIndex, Method, OnFailure, Page, PageIndex, Source, Variable,
};
pub use nodes::{NodeSize, Nodes, Prices};
pub use scaling::{
    CalendarEvent, Control, History, HpaTarget, Policy, Scaling, ScheduleEntry, Scrape,
};
pub use service::{
    Call, Contention, Discipline, Operation, OperationId, Route, Service, Step, Waiting, WarmUp,
    WorkMode,
};

/// A checked scenario.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Scenario {
    /// Its name: `[A-Za-z0-9._-]{1,63}`.
    pub name: String,
    /// What it is about, in a sentence.
    pub about: String,
    /// The instant of its start.
    pub starts: Timestamp,
    /// The time zone it is told in, as in `Europe/Paris`.
    pub zone: String,
    /// How long it lasts.
    pub duration: Duration,
    /// The seed of all its luck.
    pub seed: u64,
    /// How many times faster than written it runs; 1 until [`Scenario::at_speed`].
    pub speed: f64,
    /// Who comes, and when.
    pub traffic: Traffic,
    /// What shoppers do, in the order of their names.
    pub journeys: Vec<Journey>,
    /// What the shop is made of, by name.
    pub services: BTreeMap<String, Service>,
    /// What stands before the services.
    pub gateway: Gateway,
    /// What lies between the gateway and the services.
    pub network: Network,
    /// What replicas run on; nothing: there is always room.
    pub nodes: Option<Nodes>,
    /// How often there is a decision, and on what readings.
    pub control: Control,
    /// How services scale, by service. One that is not here keeps its replicas.
    pub scaling: BTreeMap<String, Scaling>,
    /// What is known beforehand.
    pub calendar: Vec<CalendarEvent>,
    /// What breaks, in the order of time.
    pub faults: Vec<Fault>,
    /// What good means for one page.
    pub slo: Slo,
    /// What must hold at the end.
    pub gates: Vec<Gate>,
    /// What things cost.
    pub prices: Prices,
    /// Named spans, in order, without gaps from the start to the end.
    pub phases: Vec<Phase>,
}

/// Who comes, and when.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Traffic {
    /// What an arrival is.
    pub unit: Unit,
    /// How arrivals are drawn around the rate.
    pub arrivals: ArrivalProcess,
    /// Who is inside at the start.
    pub begin: Begin,
    /// The rate: the sum of these.
    pub rate: Vec<Term>,
    /// For `requests` and `shoppers`: how many shoppers make up the standing crowd.
    pub crowd: u32,
}

/// One term of the rate.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Term {
    /// Its curve.
    pub curve: Curve,
    /// Whose arrivals they are; nothing: of all journeys, by their weights.
    pub journey: Option<JourneyIndex>,
}

/// What an arrival is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A shopper who begins a journey.
    Journeys,
    /// A request: the next page of shopper k mod N of a standing crowd.
    Requests,
    /// Nobody arrives: a fixed crowd walks on and on (a closed model, for comparison only).
    Shoppers,
}

/// How arrivals are drawn around the rate.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalProcess {
    /// Independent of each other.
    Poisson,
    /// At equal steps of the rate's integral.
    Even,
    /// At the very instants of a recorded trace.
    Recorded,
}

/// Who is inside at the start.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    /// Those who came before the start and are not done yet.
    Stationary,
    /// Nobody.
    Empty,
}

impl Scenario {
    /// A second of what it says, in the time that it runs in.
    #[must_use]
    pub fn second(&self) -> Duration {
        Duration::from_secs(1).div_f64(self.speed)
    }

    /// The journey at `index`.
    ///
    /// # Panics
    /// If the index is not of this scenario.
    #[must_use]
    #[inline]
    pub fn journey(&self, index: JourneyIndex) -> &Journey {
        &self.journeys[index.0 as usize]
    }

    /// The rate of pages per second that the arrivals of this instant lead to: each term's rate × the mean number of
    /// pages of its journey. What is really asked for comes later and flatter, by what shoppers think. In units that are
    /// no arrivals of shoppers: the rate itself.
    #[must_use]
    pub fn page_rate_at(&self, at: Duration) -> f64 {
        let weights: f64 = self.journeys.iter().map(|journey| journey.weight).sum();
        let pages = |index: Option<JourneyIndex>| match (self.traffic.unit, index) {
            (Unit::Requests | Unit::Shoppers, _) => 1.0,
            (Unit::Journeys, Some(index)) => self.journey(index).mean_pages(),
            (Unit::Journeys, None) => {
                let weighed = self.journeys.iter().filter(|journey| journey.weight > 0.0);
                let sum: f64 = weighed.map(|j| j.weight * j.mean_pages()).sum();
                sum / weights
            }
        };
        let terms = self.traffic.rate.iter();
        let rates = terms.map(|term| (term.curve.rate_at(at).get(), term.journey));
        rates
            .filter(|(rate, _)| *rate > 0.0)
            .map(|(rate, journey)| rate * pages(journey))
            .sum()
    }

    /// How a replica of `service` is chosen: as the service says, otherwise as the gateway does.
    #[must_use]
    pub fn balance_of(&self, service: &str) -> Balance {
        let own = self.services.get(service).and_then(|s| s.balance);
        own.unwrap_or(self.gateway.balance)
    }

    /// The scenario behind a shared pointer, as arrivals and shoppers hold it.
    #[must_use]
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

#[cfg(test)]
mod tests;
