//! The time that a policy counts in.

use metrics::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From instants to the seconds that the policy counts in: those of the scenario. In a world that goes `speed` times faster,
/// they pass faster by as much.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Clock {
    /// The instant at which both agree: the start.
    pub origin: Timestamp,
    /// How many seconds pass in one; above 0.
    pub speed: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            origin: Timestamp::EPOCH,
            speed: 1.0,
        }
    }
}

impl Clock {
    /// Seconds since the epoch.
    pub(super) fn seconds(&self, at: Timestamp) -> f64 {
        let speed = if self.speed.is_finite() && self.speed > 0.0 {
            self.speed
        } else {
            1.0
        };
        let origin = self.origin.as_nanos() as f64 * 1e-9;
        let (at, from) = (at.as_nanos(), self.origin.as_nanos());
        // 64 bits do, unless instants are centuries apart.
        let since = match at.checked_sub(from) {
            Some(since) => since as f64,
            None => (i128::from(at) - i128::from(from)) as f64,
        };
        origin + since * speed * 1e-9
    }
}
