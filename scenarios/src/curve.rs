//! Rate curves.

use std::time::Duration;

use metrics::Rps;
use serde::{Deserialize, Serialize};

/// A rate over time. All are exact: [`Curve::count_until`] is the integral of [`Curve::rate_at`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// Always the same.
    Constant {
        /// That much.
        rate: Rps,
    },
}

impl Curve {
    /// The rate at `t` after the start.
    #[must_use]
    pub fn rate_at(&self, t: Duration) -> Rps {
        let _ = t;
        todo!()
    }

    /// How many arrivals are expected until `t`.
    #[must_use]
    pub fn count_until(&self, t: Duration) -> f64 {
        let _ = t;
        todo!()
    }
}
