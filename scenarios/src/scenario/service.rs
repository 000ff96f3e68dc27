//! What the shop is made of.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Quantity, Ratio, Replicas};
use serde::{Deserialize, Serialize};

use super::{Balance, Method};
use crate::Distribution;

/// A service and its replicas.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Service {
    /// Replicas at the start.
    pub replicas: Replicas,
    /// Requests that a replica works on at once; nothing: without limit.
    pub slots: Option<u32>,
    /// Requests that wait for a slot, one more is answered 503; nothing: without limit.
    pub queue: Option<u32>,
    /// Where requests wait for a slot.
    pub waiting: Waiting,
    /// How work shares a replica's processor.
    pub discipline: Discipline,
    /// How long a request waits for a slot before it leaves, counted as timed out; nothing: until its time limit.
    pub patience: Option<Distribution>,
    /// From a replica's start to its readiness.
    pub start_up: Distribution,
    /// How much slower a replica works when it has just become ready; nothing: not at all.
    pub warm_up: Option<WarmUp>,
    /// The limit of its own time, without the calls it makes.
    pub limit: Duration,
    /// CPU that a replica asks for; one slot in work is 1000 m.
    pub cpu: Quantity,
    /// Whether work is paced or burns CPU.
    pub work: WorkMode,
    /// How long a stopped replica may take to finish what it has.
    pub drain: Duration,
    /// How a replica is chosen; nothing: as [`Gateway::balance`](crate::Gateway::balance) says.
    pub balance: Option<Balance>,
    /// What it can do, by name.
    pub operations: BTreeMap<String, Operation>,
}

/// Where requests wait for a slot.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// Each in the replica that was chosen for it, which has a waiting room of [`Service::queue`].
    #[default]
    Replica,
    /// All at the gateway, in one waiting room of [`Service::queue`]: the first of them gets the next slot that is free
    /// in any replica. A request that finds a free slot gets it at once.
    Gateway,
}

/// How work shares a replica's processor.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Discipline {
    /// First come, first served: each request in a slot works at full speed.
    #[default]
    Fifo,
    /// Processor sharing: all requests in service work at once and share the cores evenly, none faster than one core.
    Sharing {
        /// How many cores there are; above 0, and fractions count.
        cores: f64,
        /// What working side by side costs.
        contention: Contention,
    },
}

/// What working side by side costs, after the Universal Scalability Law (N. Gunther, *Guerrilla Capacity Planning*, 2007).
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Contention {
    /// The share of work that only one can do at a time; from 0 to 1.
    pub alpha: f64,
    /// What keeping each other informed costs, per pair; from 0 to 1.
    pub beta: f64,
}

impl Contention {
    /// The total rate of `working` requests on so many cores, in seconds of work per second:
    /// min(n, cores) ÷ (1 + α·(n − 1) + β·n·(n − 1)); 0 if nobody works.
    #[must_use]
    pub fn total_rate(&self, working: u32, cores: f64) -> f64 {
        if working == 0 {
            return 0.0;
        }
        let n = f64::from(working);
        n.min(cores) / (1.0 + self.alpha * (n - 1.0) + self.beta * n * (n - 1.0))
    }
}

/// How much slower a replica works when it has just become ready: caches are cold, code is not compiled yet.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct WarmUp {
    /// How long it takes to full speed, from readiness.
    #[serde(rename = "for")]
    pub lasts: Duration,
    /// Its speed at first, as a share of full speed; above 0. Work takes 1 ÷ this times as long.
    pub from: Ratio,
}

impl WarmUp {
    /// The speed of a replica that has been ready for so long, as a share of full speed: from [`WarmUp::from`] straight
    /// to 1.
    #[must_use]
    pub fn speed(&self, ready_for: Duration) -> f64 {
        if ready_for >= self.lasts {
            return 1.0;
        }
        let way = ready_for.as_secs_f64() / self.lasts.as_secs_f64();
        self.from.get() + (1.0 - self.from.get()) * way
    }
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
