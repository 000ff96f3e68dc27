//! A scenario as meant: checked, complete, with every default filled in.
//!
//! Times are durations since the scenario's start. Everything is in the scenario's own time until
//! [`Scenario::at_speed`] compresses it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Gate, Phase, Quantity, Ratio, Replicas, Slo, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Curve, Distribution};

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

/// A journey's place in [`Scenario::journeys`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct JourneyIndex(pub u32);

/// A page's place in [`Journey::pages`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct PageIndex(pub u32);

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

/// A Markov chain of pages.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Journey {
    /// Its name.
    pub name: String,
    /// Its share among the journeys, relative to the others'.
    pub weight: f64,
    /// Where it starts, each with its chance; the chances add up to 1. Real visits begin on any page that a search
    /// engine or a message can lead to.
    pub start: Vec<(PageIndex, f64)>,
    /// Its pages.
    pub pages: Vec<Page>,
    /// Coefficient of variation of the length factor that each shopper draws (log-normal, mean 1): it divides the
    /// chances to leave, which makes session lengths heavy-tailed. Zero: a plain Markov chain.
    pub length_cv: f64,
    /// Variables that each shopper begins with, by name.
    pub variables: BTreeMap<String, Variable>,
}

/// How a shopper's variable begins.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// Always this text.
    Text(String),
    /// A whole number from 1 to `count`, the k-th with weight 1 ÷ k^`skew` (0: all alike).
    Number {
        /// How many there are.
        count: u32,
        /// How much the first are preferred.
        skew: f64,
    },
}

/// One page of a journey.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Page {
    /// Its name.
    pub name: String,
    /// How it is asked for.
    pub method: Method,
    /// Its path, beginning with `/`; `{name}` stands for a variable.
    pub path: String,
    /// Its body (JSON), if any; `{name}` stands for a variable.
    pub body: Option<String>,
    /// Headers beyond the usual ones; values may hold variables. A header whose variable is unset is left out.
    pub headers: BTreeMap<String, String>,
    /// What is taken from its answer.
    pub extract: Vec<Extract>,
    /// The operation that answers it, if the scenario describes services.
    pub operation: Option<OperationId>,
    /// What a shopper thinks after the answer.
    pub think: Distribution,
    /// Where the shopper goes next, with its chance; what is missing to 1 leaves.
    pub next: Vec<(PageIndex, f64)>,
    /// What the shopper does when it fails.
    pub on_failure: OnFailure,
}

/// How a page is asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// It only reads.
    Get,
    /// It changes something.
    Post,
    /// It replaces something.
    Put,
    /// It removes something.
    Delete,
}

/// A variable taken from an answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Extract {
    /// The variable that is set.
    pub variable: String,
    /// Where the value stands.
    pub from: Source,
}

/// Where a value stands in an answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// In the JSON body, at this pointer; a `*` stands for any element, drawn at random.
    Json(String),
    /// In this header.
    Header(String),
}

/// What a shopper does when a page fails.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OnFailure {
    /// How many times the page is asked for again.
    pub retry: u32,
    /// How long the shopper waits before each.
    pub after: Duration,
    /// Whether the shopper goes on as if all were well after the last try; otherwise the shopper leaves.
    pub go_on: bool,
}

/// A service and its replicas.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Service {
    /// Replicas at the start.
    pub replicas: Replicas,
    /// Requests that a replica works on at once.
    pub slots: u32,
    /// Requests that wait for a slot; one more is answered 503.
    pub queue: u32,
    /// From a replica's start to its readiness.
    pub start_up: Distribution,
    /// The limit of its own time, without the calls it makes.
    pub limit: Duration,
    /// CPU that a replica asks for; one slot in work is 1000 m.
    pub cpu: Quantity,
    /// Whether work is paced or burns CPU.
    pub work: WorkMode,
    /// How long a stopped replica may take to finish what it has.
    pub drain: Duration,
    /// What it can do, by name.
    pub operations: BTreeMap<String, Operation>,
}

/// How work is done in the local world.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkMode {
    /// A slot is held for exactly as long as the draw says.
    #[default]
    Paced,
    /// CPU time is really spent.
    Burn,
}

/// One thing that a service can do.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Operation {
    /// How it is reached from outside, if it is.
    pub route: Option<Route>,
    /// What it does, in order.
    pub steps: Vec<Step>,
}

/// A method and a path pattern.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path; a segment `{name}` matches anything.
    pub path: String,
}

/// One step of an operation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The slot and the CPU are busy.
    Work(Distribution),
    /// The slot is busy, the CPU is not.
    Wait(Distribution),
    /// Another service is asked.
    Call(Call),
    /// Several are asked at once.
    All(Vec<Call>),
}

/// A call to another service's operation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Call {
    /// What is called.
    pub to: OperationId,
    /// Which call of its operation it is, counted from 0 over all steps: see [`child_hop`](crate::child_hop).
    pub index: u8,
    /// Its time limit, if it has one of its own.
    pub timeout: Option<Duration>,
    /// How many times it may be tried again.
    pub retries: u32,
}

/// An operation of a service.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct OperationId {
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
}

/// What stands before the services. All calls go through it, between services too.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Gateway {
    /// How a replica is chosen.
    pub balance: Balance,
    /// The time limit of a page, and of a call without its own.
    pub time_limit: Duration,
    /// How many retries there may be.
    pub retries: RetryBudget,
    /// When a service is left alone, per service.
    pub breaker: Breaker,
    /// How many requests may be in flight, per service.
    pub bulkhead: Bulkhead,
    /// When a replica is left alone.
    pub ejection: Ejection,
    /// How replicas are asked whether they are well.
    pub health: HealthCheck,
}

/// How a replica is chosen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Of two drawn at random, the one with fewer requests in flight.
    PowerOfTwo,
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests in flight.
    LeastConnections,
}

/// How many retries there may be, so that they cannot multiply an overload.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct RetryBudget {
    /// Retries that each request earns.
    pub ratio: Ratio,
    /// Retries a second that are always there.
    pub floor: f64,
}

/// When a service is left alone: after so many failures of the last so many, for so long.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Breaker {
    /// The share of failures that opens it.
    pub failures: Ratio,
    /// How many answers it takes to judge.
    pub least: u32,
    /// The span that is judged.
    pub window: Duration,
    /// How long it stays open before one request may try.
    pub open: Duration,
}

/// How many requests to one service may be in flight at once.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Bulkhead {
    /// That many; one more is answered 503.
    pub in_flight: u32,
}

/// When a replica is left alone.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Ejection {
    /// After so many failures in a row.
    pub consecutive: u32,
    /// For so long, times the number of ejections in a row.
    pub time: Duration,
    /// At most this share of a service's replicas.
    pub most: Ratio,
}

/// How replicas are asked whether they are well.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct HealthCheck {
    /// How often.
    pub interval: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// How many bad answers in a row make it unwell.
    pub unwell: u32,
}

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
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct CalendarEvent {
    /// When, since the start.
    pub at: Duration,
    /// How many times the usual load.
    pub expect: f64,
    /// How uncertain that is, as a share of it.
    pub spread: Ratio,
    /// How long it lasts, if that is known.
    pub lasts: Option<Duration>,
}

/// What breaks.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fault {
    /// When, since the start.
    pub at: Duration,
    /// How long it lasts; zero for what happens at once.
    pub lasts: Duration,
    /// What it is.
    pub kind: FaultKind,
}

/// What a fault is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Replicas end without a word.
    Kill {
        /// Whose.
        service: String,
        /// How many.
        replicas: u32,
    },
    /// The registry ends without a word, and is started again.
    KillRegistry,
    /// The gateway ends without a word, and is started again.
    KillGateway,
    /// Replicas work slower by a factor.
    Slow {
        /// Whose.
        service: String,
        /// How many; nothing: all.
        replicas: Option<u32>,
        /// How many times slower.
        factor: f64,
    },
    /// Waiting takes longer by a factor: the bank behind payment is slow.
    SlowWait {
        /// Whose.
        service: String,
        /// How many times slower.
        factor: f64,
    },
    /// Replicas answer only 500.
    Fail {
        /// Whose.
        service: String,
        /// How many; nothing: all.
        replicas: Option<u32>,
        /// The share of their answers.
        share: Ratio,
    },
    /// Replicas accept and never answer.
    Hang {
        /// Whose.
        service: String,
        /// How many; nothing: all.
        replicas: Option<u32>,
    },
    /// A bad deploy: replicas started from now on work slower and fail more, and all are replaced one by one.
    BadDeploy {
        /// Whose.
        service: String,
        /// How many times slower.
        factor: f64,
        /// The share of 500s.
        share: Ratio,
    },
    /// Replicas stop renewing their lease, but live.
    LoseLease {
        /// Whose.
        service: String,
        /// How many.
        replicas: u32,
    },
    /// No metrics are to be had.
    NoMetrics,
}

impl Scenario {
    /// The journey at `index`.
    ///
    /// # Panics
    /// If the index is not of this scenario.
    #[must_use]
    pub fn journey(&self, index: JourneyIndex) -> &Journey {
        &self.journeys[index.0 as usize]
    }

    /// The scenario behind a shared pointer, as arrivals and shoppers hold it.
    #[must_use]
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}

impl Journey {
    /// The page at `index`.
    ///
    /// # Panics
    /// If the index is not of this journey.
    #[must_use]
    pub fn page(&self, index: PageIndex) -> &Page {
        &self.pages[index.0 as usize]
    }
}
