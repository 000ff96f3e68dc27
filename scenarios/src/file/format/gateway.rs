//! What stands before the services.

use super::super::units::{Count, OneOf, Rate, Share, Time};
use super::super::written::{Form, written};
use super::Spread;

/// How a replica is chosen: a word, or a mapping.
pub(crate) type BalanceForm = Form<OneOf<crate::Balance>, ChoicesFile>;

written! {
    /// What stands before the services. All calls go through it, between services too.
    GatewayFile, "a gateway" {
        /// How a replica is chosen: `power_of_two`, `round_robin`, `least_connections`, `random`, or
        /// `{choices: 3}`: of so many drawn at random the one with the fewest requests in flight. Default: `power_of_two`.
        balance: may BalanceForm,
        /// The time limit of a page, and of a call without its own. Range: above 0s to 366d. Default: 10s.
        time_limit: may Time,
        /// What it adds to each request by itself. Default: 0s.
        overhead: may Spread,
        /// How many retries there may be.
        retries: may RetriesFile,
        /// When a service is left alone.
        breaker: may BreakerFile,
        /// How many requests to one service may be in flight.
        bulkhead: may BulkheadFile,
        /// When a replica is left alone.
        ejection: may EjectionFile,
        /// How replicas are asked whether they are well.
        health: may HealthFile,
    }

    /// How many retries there may be.
    RetriesFile, "a retry budget" {
        /// Retries that each request earns. Default: 10%.
        ratio: may Share,
        /// Retries that are always there. Default: 3/s.
        floor: may Rate,
        /// What is waited before each retry. Default: uniform from nothing to 25 ms, doubled with each retry up to 250 ms.
        backoff: may Spread,
    }

    /// Of so many replicas drawn at random, the one with the fewest requests in flight.
    ChoicesFile, "a balance" {
        /// How many are drawn. Range: 1 to 100.
        choices: need Count,
    }

    /// What lies between the gateway and the services.
    NetworkFile, "a network" {
        /// How long a message takes, one way. A page takes two, a call between services four. Default: 0s.
        latency: may Spread,
    }

    /// When a service is left alone.
    BreakerFile, "a breaker" {
        /// The share of failures that opens it. Default: 50%.
        failures: may Share,
        /// How many answers it takes to judge. Default: 10.
        least: may Count,
        /// The span that is judged. Range: above 0s to 366d. Default: 10s.
        window: may Time,
        /// How long it stays open before one request may try. Default: 5s.
        open: may Time,
    }

    /// How many requests to one service may be in flight.
    BulkheadFile, "a bulkhead" {
        /// That many. Range: 1 to 1000000. Default: 2000.
        in_flight: may Count,
    }

    /// When a replica is left alone.
    EjectionFile, "an ejection" {
        /// After so many failures in a row. Range: 1 to 1000000. Default: 5.
        consecutive: may Count,
        /// For so long, times the ejections in a row. Default: 10s.
        time: may Time,
        /// At most this share of a service's replicas. Default: 50%.
        most: may Share,
    }

    /// How replicas are asked whether they are well.
    HealthFile, "a health check" {
        /// How often. Range: above 0s to 366d. Default: 500ms.
        interval: may Time,
        /// How long an answer may take. Default: 500ms.
        timeout: may Time,
        /// How many bad answers in a row make it unwell. Range: 1 to 1000. Default: 2.
        unwell: may Count,
    }
}
