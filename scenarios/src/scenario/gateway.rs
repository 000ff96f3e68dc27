//! What stands before the services.

use std::time::Duration;

use metrics::Ratio;
use serde::{Deserialize, Serialize};

use crate::Distribution;

/// What stands before the services. All calls go through it, between services too.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Gateway {
    /// How a replica is chosen.
    pub balance: Balance,
    /// The time limit of a page, and of a call without its own.
    pub time_limit: Duration,
    /// What it adds to each request by itself, before a replica is chosen.
    pub overhead: Distribution,
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

/// What lies between the gateway and the services.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Network {
    /// How long a message takes, one way: from the gateway to a replica, or back. A call between services goes through
    /// the gateway, and so takes four.
    pub latency: Distribution,
}

/// How a replica is chosen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// Of two drawn at random, the one with fewer requests in flight.
    PowerOfTwo,
    /// One after the other.
    RoundRobin,
    /// The one with the fewest requests in flight; of several such, one at random.
    LeastConnections,
    /// Any, each alike.
    Random,
    /// Of so many drawn at random (at least three), the one with the fewest requests in flight.
    Choices(u32),
}

/// How many retries there may be, so that they cannot multiply an overload.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RetryBudget {
    /// Retries that each request earns.
    pub ratio: Ratio,
    /// Retries a second that are always there.
    pub floor: f64,
    /// What is waited before each retry; nothing: uniform from nothing to 25 ms × 2^(retry − 1), at most 250 ms.
    pub backoff: Option<Distribution>,
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
