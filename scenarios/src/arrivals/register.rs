//! The next arrival of one term of the rate.

use crate::draws::{Draws, Stream};
use crate::time::nanos;
use crate::{ArrivalProcess, Curve, Scenario};

/// The instant of what does not happen.
pub(super) const NEVER: u64 = u64::MAX;

/// One term's next arrival.
#[derive(Clone, Debug)]
pub(super) struct Register {
    /// When it is, in nanoseconds since the start; [`NEVER`] if there is none.
    pub(super) next: u64,
    process: ArrivalProcess,
    draws: Draws,
    /// How many arrivals there have been.
    count: u64,
    /// Where the curve's integral is at the next arrival.
    target: f64,
    /// Where it is at the scenario's end.
    total: f64,
}

impl Register {
    pub(super) fn new(scenario: &Scenario, term: usize) -> Self {
        let curve = &scenario.traffic.rate[term].curve;
        let mut register = Self {
            next: 0,
            process: scenario.traffic.arrivals,
            draws: Draws::new(scenario.seed, Stream::Arrivals { curve: term as u32 }),
            count: 0,
            target: 0.0,
            total: curve.count_until(scenario.duration),
        };
        register.advance(curve);
        register
    }

    /// Goes on to the next arrival.
    #[inline]
    pub(super) fn advance(&mut self, curve: &Curve) {
        let last = self.next;
        if last == NEVER {
            return;
        }
        self.next = match (self.process, curve) {
            (ArrivalProcess::Recorded, Curve::Recorded(recorded)) => {
                let next = recorded.instants().get(self.count as usize);
                next.copied().unwrap_or(NEVER)
            }
            // What has no recorded instants has even ones: a bin's count is kept exactly.
            (ArrivalProcess::Even | ArrivalProcess::Recorded, _) => {
                self.target = self.count as f64 + 0.5;
                self.reach(curve, last)
            }
            (ArrivalProcess::Poisson, _) => {
                // A Poisson process of rate 1 in the integral is one of the curve's rate in time.
                self.target += self.draws.exponential();
                self.reach(curve, last)
            }
        };
        self.count += 1;
    }

    /// The instant at which the integral reaches the target; never before the `last`.
    #[inline]
    fn reach(&self, curve: &Curve, last: u64) -> u64 {
        if self.target >= self.total {
            return NEVER;
        }
        curve
            .invert(self.target, last as i64 as f64 * 1e-9)
            .map_or(NEVER, |at| nanos(at).max(last))
    }
}
