//! A rate for a while, once or again and again.

use std::time::Duration;

use metrics::Rps;
use serde::{Deserialize, Serialize};

use super::{CurveError, faster};

/// λ(t) = `rate` for `lasts` from `at` on, and again `every` so often, if it is given; 0 otherwise.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Pulse(Fields);

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Fields {
    rate: Rps,
    at: Duration,
    lasts: Duration,
    every: Option<Duration>,
}

impl Pulse {
    /// `rate` from `at` for `lasts`, and again `every` so often.
    ///
    /// # Errors
    /// If a pulse does not end before the next, or `lasts` is 0.
    pub fn new(
        rate: Rps,
        at: Duration,
        lasts: Duration,
        every: Option<Duration>,
    ) -> Result<Self, CurveError> {
        if lasts.is_zero() {
            return Err(CurveError::Zero("lasts"));
        }
        match every {
            Some(every) if every < lasts => Err(CurveError::PulseOverlap { lasts, every }),
            _ => Ok(Self(Fields {
                rate,
                at,
                lasts,
                every,
            })),
        }
    }

    /// How many whole periods are over `x` seconds after the first began, and how long the current one has lasted.
    fn position(&self, x: f64) -> (f64, f64) {
        let Some(every) = self.0.every else {
            return (0.0, x);
        };
        let every = every.as_secs_f64();
        let periods = (x / every).floor();
        (periods, x - periods * every)
    }

    pub(super) fn rate(&self, t: f64) -> f64 {
        let x = t - self.0.at.as_secs_f64();
        if x < 0.0 {
            return 0.0;
        }
        let (_, since) = self.position(x);
        if since < self.0.lasts.as_secs_f64() {
            self.0.rate.get()
        } else {
            0.0
        }
    }

    /// The rate `back` seconds before the start, if pulses came then as they do later.
    pub(super) fn before(&self, back: f64) -> f64 {
        let Some(every) = self.0.every else {
            return 0.0;
        };
        let at = self.0.at.as_secs_f64();
        self.rate(at + super::before::ahead(back + at, every.as_secs_f64()))
    }

    pub(super) fn count(&self, t: f64) -> f64 {
        let x = t - self.0.at.as_secs_f64();
        if x <= 0.0 {
            return 0.0;
        }
        let lasts = self.0.lasts.as_secs_f64();
        let (periods, since) = self.position(x);
        self.0.rate.get() * (periods * lasts + since.min(lasts))
    }

    pub(super) fn invert(&self, count: f64) -> Option<f64> {
        let (at, lasts) = (self.0.at.as_secs_f64(), self.0.lasts.as_secs_f64());
        // Seconds of pulse, all pulses end to end.
        let inside = count / self.0.rate.get();
        if !inside.is_finite() {
            return None;
        }
        let Some(every) = self.0.every else {
            return (inside <= lasts).then_some(at + inside);
        };
        // A count that a pulse reaches at its very end is reached there, not at the next one's beginning.
        let periods = ((inside / lasts).ceil() - 1.0).max(0.0);
        Some(at + periods * every.as_secs_f64() + (inside - periods * lasts).min(lasts))
    }

    pub(super) fn corners(&self, until: f64) -> Vec<f64> {
        /// More corners than that are no phases, and all pulses are alike.
        const PULSES_MAX: usize = 10_000;
        let (at, lasts) = (self.0.at.as_secs_f64(), self.0.lasts.as_secs_f64());
        let every = self
            .0
            .every
            .map_or(f64::INFINITY, |every| every.as_secs_f64());
        std::iter::successors(Some(at), |begin| Some(begin + every))
            .take_while(|begin| *begin <= until)
            .take(PULSES_MAX)
            .flat_map(|begin| [begin, begin + lasts])
            .collect()
    }

    pub(super) fn compressed(&self, speed: f64) -> Self {
        Self(Fields {
            rate: self.0.rate,
            at: faster(self.0.at, speed),
            lasts: faster(self.0.lasts, speed),
            every: self.0.every.map(|every| faster(every, speed)),
        })
    }
}

impl TryFrom<Fields> for Pulse {
    type Error = CurveError;

    fn try_from(fields: Fields) -> Result<Self, CurveError> {
        Self::new(fields.rate, fields.at, fields.lasts, fields.every)
    }
}

impl From<Pulse> for Fields {
    fn from(pulse: Pulse) -> Self {
        pulse.0
    }
}
