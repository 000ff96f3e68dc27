//! What the shop is made of.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Quantity, Replicas};
use serde::{Deserialize, Serialize};

use super::Method;
use crate::Distribution;

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
