//! How many retries there may be, so that they cannot multiply an overload.

use std::time::Duration;

use metrics::Timestamp;
use rand::Rng;
use scenarios::Distribution;

use crate::rolling::Rolling;

/// The span over which the budget is kept.
const SPAN: Duration = Duration::from_secs(10);
/// The mean wait before the first retry is half of this.
const FIRST_WAIT: Duration = Duration::from_millis(25);
/// No wait before a retry is longer.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// A retry budget: over the last ten seconds, at most `floor` × 10 s + `ratio` × requests retries.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    settings: scenarios::RetryBudget,
    /// (requests, retries).
    counts: Rolling,
}

impl RetryBudget {
    /// A budget of which nothing is spent.
    #[must_use]
    pub fn new(settings: scenarios::RetryBudget) -> Self {
        Self {
            settings,
            counts: Rolling::new(SPAN),
        }
    }

    /// Takes new settings; what is spent stays spent.
    pub fn configure(&mut self, settings: scenarios::RetryBudget) {
        self.settings = settings;
    }

    /// Counts a request, which earns its share of a retry.
    #[inline]
    pub fn earn(&mut self, now: Timestamp) {
        self.counts.add(now, 1, 0);
    }

    /// Spends a retry, if there is one left.
    #[must_use]
    pub fn spend(&mut self, now: Timestamp) -> bool {
        let (requests, retries) = self.counts.sums(now);
        let allowed =
            self.settings.floor * SPAN.as_secs_f64() + self.settings.ratio.get() * requests as f64;
        let granted = retries as f64 + 1.0 <= allowed;
        if granted {
            self.counts.add(now, 0, 1);
        }
        granted
    }
}

/// How long to wait before retry `retry` (from 1): a draw from `own`, if there is one; otherwise uniform between nothing
/// and 25 ms × 2^(retry − 1), at most 250 ms ("full jitter": retries of requests that failed together do not come back
/// together).
#[must_use]
pub fn backoff(own: Option<&Distribution>, retry: u32, draws: &mut impl Rng) -> Duration {
    if let Some(own) = own {
        return own.sample(draws);
    }
    let doublings = retry.saturating_sub(1).min(16);
    let longest = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(((u128::from(draws.next_u64()) * u128::from(nanos)) >> 64) as u64)
}

/// The attempt number that the gateway's retry `retry` (0: none) of a request with `attempt` carries. A shopper's own
/// tries count in ones and the gateway's in 256s, so that each draws its own luck.
#[must_use]
pub fn retried(attempt: u32, retry: u32) -> u32 {
    attempt.wrapping_add(retry.wrapping_mul(256))
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::Ratio;
    use proptest::prelude::*;
    use scenarios::{Draws, Stream};

    fn budget(ratio: f64, floor: f64) -> RetryBudget {
        RetryBudget::new(scenarios::RetryBudget {
            ratio: Ratio::new(ratio).unwrap(),
            floor,
            backoff: None,
        })
    }

    #[test]
    fn a_back_off_of_its_own_is_drawn_as_it_is_said() {
        let mut draws = Draws::new(1, Stream::Fault { fault: 0 });
        let own = Distribution::Constant(Duration::from_secs(2));
        assert_eq!(backoff(Some(&own), 9, &mut draws), Duration::from_secs(2));
    }

    #[test]
    fn the_floor_is_there_without_requests() {
        let mut budget = budget(0.2, 0.3);
        let now = Timestamp::from_secs(7);
        let granted = (0..10).filter(|_| budget.spend(now)).count();
        assert_eq!(granted, 3, "0.3/s over ten seconds");
        assert!(!budget.spend(Timestamp::from_secs(16)));
        assert!(budget.spend(Timestamp::from_secs(17)));
    }

    proptest! {
        #[test]
        fn no_retry_is_granted_that_was_not_earned(
            steps in prop::collection::vec((0_i64..2_000, any::<bool>()), 0..400),
            ratio in 0.0..1.0_f64,
            floor in 0.0..5.0_f64,
        ) {
            let mut budget = budget(ratio, floor);
            let (mut at, mut requests, mut retries) = (0, Vec::new(), Vec::new());
            for (step, request) in steps {
                at += step;
                let now = Timestamp::from_millis(at);
                let from = at.div_euclid(1000) * 1000 - 9_000;
                let recent = |times: &[i64]| times.iter().filter(|t| **t >= from).count() as f64;
                if request {
                    budget.earn(now);
                    requests.push(at);
                } else {
                    let allowed = floor * 10.0 + ratio * recent(&requests);
                    let granted = budget.spend(now);
                    prop_assert_eq!(granted, recent(&retries) + 1.0 <= allowed);
                    if granted {
                        retries.push(at);
                    }
                }
            }
        }

        #[test]
        fn a_wait_is_within_its_bounds(retry in any::<u32>(), seed in any::<u64>()) {
            let mut draws = Draws::new(seed, Stream::Fault { fault: 0 });
            let longest = if retry <= 1 { FIRST_WAIT } else { LONGEST_WAIT };
            prop_assert!(backoff(None, retry, &mut draws) < longest);
        }
    }
}
