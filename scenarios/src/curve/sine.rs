//! A rate that goes up and down evenly.

use std::f64::consts::TAU;
use std::time::Duration;

use metrics::{Ratio, Rps};
use serde::{Deserialize, Serialize};

use super::{CurveError, faster, solve};

/// λ(t) = `mean` · (1 + `amplitude` · sin(2π (t − `at`) ÷ `period`)).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Sine(Fields);

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Fields {
    mean: Rps,
    amplitude: Ratio,
    period: Duration,
    at: Duration,
}

impl Sine {
    /// A wave around `mean` that rises through it at `at`, and again every `period`. `amplitude` is how far it goes above
    /// and below, as a share of the mean.
    ///
    /// # Errors
    /// If the amplitude is above 1, or the period 0.
    pub fn new(
        mean: Rps,
        amplitude: Ratio,
        period: Duration,
        at: Duration,
    ) -> Result<Self, CurveError> {
        if amplitude.get() > 1.0 {
            return Err(CurveError::Amplitude(amplitude));
        }
        if period.is_zero() {
            return Err(CurveError::Zero("period"));
        }
        Ok(Self(Fields {
            mean,
            amplitude,
            period,
            at,
        }))
    }

    pub(super) fn period(&self) -> f64 {
        self.0.period.as_secs_f64()
    }

    /// The rate, and the integral of it from the rise at `at` on (before it, below 0).
    fn rate_and_count(&self, t: f64) -> (f64, f64) {
        let (mean, amplitude) = (self.0.mean.get(), self.0.amplitude.get());
        let period = self.period();
        let x = t - self.0.at.as_secs_f64();
        let whole = (x / period).floor();
        let inside = x - whole * period;
        let (sine, cosine) = libm::sincos(TAU * inside / period);
        let wave = period / TAU * amplitude * (1.0 - cosine);
        (
            mean * (1.0 + amplitude * sine),
            mean * (whole * period + (inside + wave)),
        )
    }

    pub(super) fn rate(&self, t: f64) -> f64 {
        self.rate_and_count(t).0
    }

    pub(super) fn count(&self, t: f64) -> f64 {
        self.rate_and_count(t).1 - self.rate_and_count(0.0).1
    }

    pub(super) fn invert(&self, count: f64, near: f64) -> Option<f64> {
        let mean = self.0.mean.get();
        let begin = count / mean;
        if !begin.is_finite() {
            return None;
        }
        // What the wave adds, or has yet to add, is at most a period's half-wave.
        let most = self.period() / TAU * self.0.amplitude.get() * 2.0;
        let bracket = ((begin - most).max(0.0), begin + most);
        let before = self.rate_and_count(0.0).1;
        let curve = |t| {
            let (rate, count) = self.rate_and_count(t);
            (rate, count - before)
        };
        Some(solve::between(curve, count, bracket, near))
    }

    pub(super) fn corners(&self, until: f64) -> Vec<f64> {
        // One top shows the height of all.
        let top = self.0.at.as_secs_f64() + self.period() / 4.0;
        let first = top.rem_euclid(self.period());
        if first <= until { vec![first] } else { vec![] }
    }

    pub(super) fn compressed(&self, speed: f64) -> Self {
        Self(Fields {
            period: faster(self.0.period, speed).max(Duration::from_nanos(1)),
            at: faster(self.0.at, speed),
            ..self.0
        })
    }
}

impl TryFrom<Fields> for Sine {
    type Error = CurveError;

    fn try_from(fields: Fields) -> Result<Self, CurveError> {
        Self::new(fields.mean, fields.amplitude, fields.period, fields.at)
    }
}

impl From<Sine> for Fields {
    fn from(sine: Sine) -> Self {
        sine.0
    }
}
