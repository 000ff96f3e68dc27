//! Instants, as measured.

use std::sync::Arc;
use std::time::Duration;

use metrics::Ratio;
use serde::{Deserialize, Serialize};

use super::{Counts, CurveError};
use crate::draws::{Draws, Stream};
use crate::time::nanos;

/// The bins in which recorded instants are counted for the rate and its integral.
const BIN: Duration = Duration::from_secs(1);

/// Arrivals at known instants. Its rate and integral are those of the counts per second; the process `recorded` takes
/// the instants themselves.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Vec<u64>", into = "Vec<u64>")]
pub struct Recorded {
    /// Nanoseconds since the start, in order.
    instants: Arc<[u64]>,
    bins: Counts,
}

impl Recorded {
    /// Arrivals at `instants`, in nanoseconds since the start.
    ///
    /// # Errors
    /// If there are more than 4 million of them, they span more seconds than that, or one is before the one before it.
    pub fn new(instants: Vec<u64>) -> Result<Self, CurveError> {
        if instants.len() > crate::trace::ROWS_MAX {
            return Err(CurveError::TooLong(instants.len()));
        }
        if let Some(place) = instants.windows(2).position(|pair| pair[1] < pair[0]) {
            return Err(CurveError::InstantsBack(place + 2));
        }
        let bin = BIN.as_nanos() as u64;
        let seconds = instants.last().map_or(0, |last| last / bin + 1) as usize;
        if seconds > crate::trace::ROWS_MAX {
            return Err(CurveError::TooLong(seconds));
        }
        let mut counts = vec![0.0; seconds];
        for instant in &instants {
            counts[(instant / bin) as usize] += 1.0;
        }
        let bins = Counts::new(BIN, counts, Ratio::ONE)?;
        Ok(Self {
            instants: instants.into(),
            bins,
        })
    }

    /// The instants, in nanoseconds since the start.
    #[must_use]
    pub fn instants(&self) -> &[u64] {
        &self.instants
    }

    /// Those from `before` on, so much earlier.
    pub(super) fn begun(&self, before: Duration) -> Self {
        let before = nanos(before.as_secs_f64());
        let first = self.instants.partition_point(|instant| *instant < before);
        let instants = self.instants[first..].iter().map(|i| i - before).collect();
        Self::new(instants).unwrap_or_else(|_| self.clone())
    }

    pub(super) fn rate(&self, t: f64) -> f64 {
        self.bins.rate(t)
    }

    pub(super) fn rate_before(&self, back: f64, day: f64) -> f64 {
        self.bins.rate_before(back, day)
    }

    pub(super) fn count(&self, t: f64) -> f64 {
        self.bins.count(t)
    }

    pub(super) fn invert(&self, count: f64, near: f64) -> Option<f64> {
        self.bins.invert(count, near)
    }

    pub(super) fn corners(&self, until: f64) -> Vec<f64> {
        self.bins.corners(until)
    }

    pub(super) fn compressed(&self, speed: f64) -> Self {
        let kept = |place: usize| {
            // One stream for all scenarios: which arrivals stay does not depend on the seed of a run.
            Draws::new(
                0,
                Stream::Thin {
                    arrival: place as u64,
                },
            )
            .uniform()
                * speed
                < 1.0
        };
        let instants = self
            .instants
            .iter()
            .enumerate()
            .filter(|(place, _)| kept(*place))
            .map(|(_, instant)| nanos(*instant as f64 / 1e9 / speed))
            .collect();
        Self::new(instants).unwrap_or_else(|_| self.clone())
    }
}

impl TryFrom<Vec<u64>> for Recorded {
    type Error = CurveError;

    fn try_from(instants: Vec<u64>) -> Result<Self, CurveError> {
        Self::new(instants)
    }
}

impl From<Recorded> for Vec<u64> {
    fn from(recorded: Recorded) -> Self {
        recorded.instants.to_vec()
    }
}
