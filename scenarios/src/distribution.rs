//! Distributions of durations, and the one sampler that all worlds use.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use serde::{Deserialize, Serialize};

/// A distribution of a duration.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Always the same.
    Constant(Duration),
    /// Log-normal: exp(`mu` + `sigma` · Z) seconds, Z standard normal.
    LogNormal {
        /// The logarithm of the median in seconds.
        mu: f64,
        /// The spread of the logarithm; above 0.
        sigma: f64,
        /// Every draw is multiplied by this (time compression keeps the shape).
        scale: f64,
    },
    /// Exponential.
    Exponential {
        /// Its mean.
        mean: Duration,
    },
    /// One of these, each with the same chance.
    Empirical(Arc<[Duration]>),
}

impl Distribution {
    /// Draws a duration.
    pub fn sample(&self, draws: &mut impl Rng) -> Duration {
        let _ = draws;
        todo!()
    }

    /// Its mean.
    #[must_use]
    pub fn mean(&self) -> Duration {
        todo!()
    }
}
