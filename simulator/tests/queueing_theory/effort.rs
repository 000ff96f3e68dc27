//! How much of a case is run.

use super::case::Case;
use super::draft::nanos;
use super::station::Spans;

/// How much is run, and with what luck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// The share of the requests that the tolerances are made for.
    pub(crate) share: f64,
    /// The most requests of a case.
    pub(crate) most: f64,
    pub(crate) seed: u64,
}

/// The share of a run that is left out before anything is counted, and how many batches the rest is cut into.
const WARM_UP: f64 = 0.05;
const BATCHES: usize = 30;

impl Effort {
    /// How many requests to run, of how many.
    pub(crate) fn requests(&self, case: &Case) -> (f64, f64) {
        let full = case.requests();
        ((full * self.share).min(self.most.max(full * 0.001)), full)
    }

    /// The spans of a run that counts so many seconds; `memory` is how many the model needs to forget that it began
    /// empty.
    pub(crate) fn spans(&self, seconds: f64, memory: f64) -> Spans {
        let warm = (seconds * WARM_UP).max(memory.min(seconds));
        Spans {
            warm: nanos(warm),
            batch: nanos(seconds / BATCHES as f64).max(1),
            batches: BATCHES,
        }
    }
}

/// A few times the relaxation time of a queue with this load: mean ÷ (1 − load), times thirty.
pub(crate) fn memory(mean: f64, load: f64) -> f64 {
    if load < 1.0 {
        30.0 * mean / (1.0 - load)
    } else {
        30.0 * mean
    }
}
