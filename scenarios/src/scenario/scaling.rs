//! How services scale, on what readings, and what is known beforehand.

use std::time::Duration;

use metrics::{Ratio, Replicas};
use serde::{Deserialize, Serialize};

use crate::Counts;

/// How often there is a decision, and on what readings.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Control {
    /// Between two decisions.
    pub period: Duration,
    /// How readings come about.
    pub scrape: Scrape,
}

/// How readings come about.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Scrape {
    /// Between two readings of the same replica.
    pub interval: Duration,
    /// The span that a reading averages over.
    pub window: Duration,
    /// How old a reading is when it can be seen.
    pub lag: Duration,
}

/// How a service scales.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Scaling {
    /// The policy.
    pub policy: Policy,
    /// The fewest replicas.
    pub min: Replicas,
    /// The most replicas.
    pub max: Replicas,
}

/// A policy and its parameters.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The replicas of the start, for ever.
    Static,
    /// Replicas by the clock.
    Schedule(Vec<ScheduleEntry>),
    /// At every instant as many as it takes to give each request that is there a slot, as functions-as-a-service do: a
    /// request that finds none starts a replica (up to the most), a replica without requests goes at once, and a start-up
    /// whose request was taken by another is called off. Only with [`Waiting::Gateway`](crate::Waiting::Gateway). It is
    /// no policy of the scaler, which decides from time to time: the world itself does it.
    PerRequest,
    /// Our own, without history: it learns what replicas can take.
    Reactive {
        /// The share of requests that may be slow; nothing: what the SLO leaves.
        budget: Option<Ratio>,
        /// How long a lower number waits; nothing: as long as replicas take to start.
        hold: Option<Duration>,
    },
    /// Our own: it also learns what days are like.
    Foresight {
        /// The share of requests that may be slow; nothing: what the SLO leaves.
        budget: Option<Ratio>,
        /// How long a lower number waits; nothing: as long as replicas take to start.
        hold: Option<Duration>,
        /// What it knows of the days before the start.
        history: Option<History>,
    },
    /// The Horizontal Pod Autoscaler with these targets.
    Hpa {
        /// Its targets; the largest proposal wins.
        targets: Vec<HpaTarget>,
        /// `spec.behavior` of `autoscaling/v2`, in its JSON form with every duration already in this scenario's time.
        behavior: Option<serde_json::Value>,
        /// The controller's downscale stabilisation.
        stabilization: Duration,
        /// The controller's tolerance.
        tolerance: Ratio,
        /// The controller's CPU initialisation period.
        cpu_initialization: Duration,
        /// The controller's initial readiness delay.
        initial_readiness_delay: Duration,
    },
    /// One of upstream's autoscalers as its own manifest or annotations say it, with every duration already in this
    /// scenario's time. Its bounds are those of the [`Scaling`] that it is of.
    Upstream(Box<scaler::PolicySpec>),
}

impl Policy {
    /// Its name, as scenarios have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Schedule(_) => "schedule",
            Self::PerRequest => "per_request",
            Self::Reactive { .. } => "reactive",
            Self::Foresight { .. } => "foresight",
            Self::Hpa { .. } => "hpa",
            Self::Upstream(spec) => spec.name(),
        }
    }

    /// How often it decides, if that is not at every control period.
    #[must_use]
    pub fn own_period(&self) -> Option<Duration> {
        match self {
            Self::Upstream(spec) => Some(spec.period()),
            _ => None,
        }
    }
}

/// What a policy knows of the days before the start.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// So many days in which the curves went on backwards.
    Days(u32),
    /// The service's own requests.
    Counted {
        /// What was counted.
        counts: Counts,
        /// How long before the start that ends.
        ended: Duration,
    },
}

/// One target of an HPA.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HpaTarget {
    /// Mean CPU ÷ request.
    Cpu(Ratio),
    /// Mean slots held ÷ slots, as the metric `pods/busy`.
    Busy(Ratio),
    /// Mean requests per second and replica, as the metric `pods/requests`.
    Requests(f64),
}

/// From an instant on, so many replicas.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ScheduleEntry {
    /// Since the start.
    pub at: Duration,
    /// That many.
    pub replicas: Replicas,
}

/// What is known beforehand.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct CalendarEvent {
    /// When, since the start.
    pub at: Duration,
    /// Whose load; nothing: that of all services.
    pub service: Option<String>,
    /// How many times the usual load.
    pub expect: f64,
    /// How uncertain that is, as a share of it.
    pub spread: Ratio,
    /// How long it lasts, if that is known.
    pub lasts: Option<Duration>,
}
