//! A circuit breaker: a service that fails too often is left alone for a while.
//!
//! Closed, it counts good and bad answers over a trailing window; at a share of bad ones it opens, and turns everything
//! away. After a time it is half open: one request may try. If that is answered well it closes, else it opens again.

use metrics::Timestamp;
use scenarios::Breaker;

use crate::Verdict;
use crate::rolling::Rolling;

/// Whether requests may pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BreakerState {
    /// They may.
    Closed,
    /// They may not, until then.
    Open {
        /// When one may try.
        until: Timestamp,
    },
    /// One is trying, or may.
    HalfOpen {
        /// Until when the one that tries has to have come back, if one does; then another may.
        trying: Option<Timestamp>,
    },
}

/// The circuit breaker of one service.
#[derive(Clone, Debug)]
pub struct CircuitBreaker {
    settings: Breaker,
    state: BreakerState,
    /// Goes up with each change of state, so that answers from before do not count after it.
    life: u32,
    /// (good, bad).
    answers: Rolling,
}

/// A request's leave to pass, which comes back with its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Permit {
    life: u32,
}

impl CircuitBreaker {
    /// Closed, with nothing counted.
    #[must_use]
    pub fn new(settings: Breaker) -> Self {
        Self {
            settings,
            state: BreakerState::Closed,
            life: 0,
            answers: Rolling::new(settings.window),
        }
    }

    /// Takes new settings. The state stays; if the window changes, counting begins anew.
    pub fn configure(&mut self, settings: Breaker) {
        if settings.window != self.settings.window {
            self.answers = Rolling::new(settings.window);
        }
        self.settings = settings;
    }

    /// The state at `now`.
    #[must_use]
    #[inline]
    pub fn state(&self, now: Timestamp) -> BreakerState {
        match self.state {
            BreakerState::Open { until } if now >= until => BreakerState::HalfOpen { trying: None },
            BreakerState::HalfOpen {
                trying: Some(until),
            } if now >= until => BreakerState::HalfOpen { trying: None },
            state => state,
        }
    }

    /// Lets a request pass.
    ///
    /// # Errors
    /// If it may not: with the instant from which it is worth trying again.
    #[inline]
    pub fn admit(&mut self, now: Timestamp) -> Result<Permit, Timestamp> {
        match self.state(now) {
            BreakerState::Closed => Ok(Permit { life: self.life }),
            BreakerState::Open { until } => Err(until),
            BreakerState::HalfOpen {
                trying: Some(until),
            } => Err(until),
            BreakerState::HalfOpen { trying: None } => {
                let until = now + self.settings.open;
                self.enter(BreakerState::HalfOpen {
                    trying: Some(until),
                });
                Ok(Permit { life: self.life })
            }
        }
    }

    /// Takes a request's answer. What passed before the last change of state no longer counts.
    #[inline(always)]
    pub fn record(&mut self, now: Timestamp, permit: Permit, verdict: Verdict) {
        if permit.life != self.life {
            return;
        }
        let probing = matches!(self.state, BreakerState::HalfOpen { .. });
        match verdict {
            Verdict::Good if probing => self.enter(BreakerState::Closed),
            Verdict::Bad if probing => self.open(now),
            Verdict::Neutral if probing => {
                self.enter(BreakerState::HalfOpen { trying: None });
            }
            Verdict::Good => self.answers.add(now, 1, 0),
            Verdict::Bad => {
                self.answers.add(now, 0, 1);
                if self.fails_too_often(now) {
                    self.open(now);
                }
            }
            Verdict::Neutral => {}
        }
    }

    fn fails_too_often(&mut self, now: Timestamp) -> bool {
        let (good, bad) = self.answers.sums(now);
        let all = good + bad;
        all >= u64::from(self.settings.least.max(1))
            && bad as f64 >= self.settings.failures.get() * all as f64
    }

    fn open(&mut self, now: Timestamp) {
        self.enter(BreakerState::Open {
            until: now + self.settings.open,
        });
    }

    fn enter(&mut self, state: BreakerState) {
        self.state = state;
        self.life = self.life.wrapping_add(1);
        self.answers = Rolling::new(self.settings.window);
    }
}

#[cfg(test)]
mod tests;
