//! Rate curves: how many arrivals per second are meant to come, at every instant.
//!
//! Every curve has an exact integral ([`Curve::count_until`], in closed form) and its inverse ([`Curve::inverse`]). From
//! the two come arrivals without any step size: the n-th even arrival is where the integral reaches n + ½, and Poisson
//! arrivals are where it reaches the points of a Poisson process of rate 1.
//!
//! Rates cannot be negative, so neither can sums of them.

mod before;
mod counts;
mod diurnal;
mod flash;
mod pulse;
mod ramp;
mod recorded;
mod sine;
mod solve;
mod steps;

use std::time::Duration;

use metrics::{Ratio, Rps};
use serde::{Deserialize, Serialize};

pub use counts::Counts;
pub use diurnal::{DAY, Diurnal};
pub use flash::Flash;
pub use pulse::Pulse;
pub use ramp::Ramp;
pub use recorded::Recorded;
pub use sine::Sine;
pub use steps::Steps;

use crate::time::seconds;

/// A rate over time. All are exact: [`Curve::count_until`] is the integral of [`Curve::rate_at`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// Always the same.
    Constant {
        /// That much.
        rate: Rps,
    },
    /// From one rate to another in a straight line.
    Ramp(Ramp),
    /// A rate until the next step.
    Steps(Steps),
    /// A day's rise and fall, with a factor for each day of the week.
    Diurnal(Diurnal),
    /// A crowd that comes all at once and slowly goes.
    Flash(Flash),
    /// A rate for a while, once or again and again.
    Pulse(Pulse),
    /// Up and down evenly.
    Sine(Sine),
    /// Counts in bins of equal length, as measured.
    Trace(Counts),
    /// Instants, as measured.
    Recorded(Recorded),
    /// All of these together.
    Sum(Vec<Self>),
    /// Another, so many times as high.
    Scaled {
        /// So many times.
        factor: Ratio,
        /// The other.
        curve: Box<Self>,
    },
    /// Another, so much later; nothing before.
    Shifted {
        /// So much later.
        by: Duration,
        /// The other.
        curve: Box<Self>,
    },
    /// Another that began so long before the start: see [`Curve::begun`].
    Begun {
        /// So long before.
        before: Duration,
        /// The other.
        curve: Box<Self>,
    },
}

/// Why a curve cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CurveError {
    /// Steps need a first.
    #[error("steps need at least one")]
    NoSteps,
    /// Steps go forward.
    #[error("step {place} is at {at:?}, must be after the one before it ({before:?})")]
    StepsBack {
        /// Which step, from 1.
        place: usize,
        /// When it is.
        at: Duration,
        /// When the one before it is.
        before: Duration,
    },
    /// A day's swing is a share of its mean.
    #[error(
        "a day's peak is {peak}, must be from the mean ({mean}) to twice the mean: its night is as far below"
    )]
    Swing {
        /// What was given.
        peak: Rps,
        /// What was given.
        mean: Rps,
    },
    /// A wave's swing is a share of its mean.
    #[error("amplitude = {0}, must be at most 1: a rate cannot be negative")]
    Amplitude(Ratio),
    /// A length of zero.
    #[error("{0} = 0, must be above 0")]
    Zero(&'static str),
    /// A pulse that does not end before the next.
    #[error("a pulse lasts {lasts:?} and comes every {every:?}: it must end before the next")]
    PulseOverlap {
        /// How long one lasts.
        lasts: Duration,
        /// From one to the next.
        every: Duration,
    },
    /// Bins that are no counts.
    #[error("bin {place} holds {count}, must be finite and at least 0")]
    Count {
        /// Which bin, from 1.
        place: usize,
        /// What it holds.
        count: f64,
    },
    /// Too many bins or instants.
    #[error("{0} rows, must be at most {most}", most = crate::trace::ROWS_MAX)]
    TooLong(usize),
    /// Instants go forward.
    #[error("instant {0} is before the one before it")]
    InstantsBack(usize),
}

impl Curve {
    /// The rate at `t` after the start.
    #[must_use]
    pub fn rate_at(&self, t: Duration) -> Rps {
        rps(self.rate(t.as_secs_f64()))
    }

    /// How many arrivals are expected until `t`.
    #[must_use]
    pub fn count_until(&self, t: Duration) -> f64 {
        self.count(t.as_secs_f64())
    }

    /// The first instant at which [`Curve::count_until`] reaches `count`, to the nanosecond; nothing if it never does
    /// (within 317 years).
    #[must_use]
    pub fn inverse(&self, count: f64) -> Option<Duration> {
        if count <= 0.0 {
            return Some(Duration::ZERO);
        }
        self.invert(count, 0.0)
            .filter(|t| *t <= solve::END)
            .map(seconds)
    }

    /// The same course in 1/`speed` of the time; rates stay. `speed` is finite and above 0; anything else changes nothing.
    ///
    /// Recorded instants are thinned to one in `speed` (each by a draw of its own); slower than real they cannot be
    /// multiplied, so that below 1 their rate falls.
    #[must_use]
    pub fn compressed(&self, speed: f64) -> Self {
        if !speed.is_finite() || speed <= 0.0 || speed == 1.0 {
            return self.clone();
        }
        match self {
            Self::Constant { rate } => Self::Constant { rate: *rate },
            Self::Ramp(ramp) => Self::Ramp(ramp.compressed(speed)),
            Self::Steps(steps) => Self::Steps(steps.compressed(speed)),
            Self::Diurnal(diurnal) => Self::Diurnal(diurnal.compressed(speed)),
            Self::Flash(flash) => Self::Flash(flash.compressed(speed)),
            Self::Pulse(pulse) => Self::Pulse(pulse.compressed(speed)),
            Self::Sine(sine) => Self::Sine(sine.compressed(speed)),
            Self::Trace(trace) => Self::Trace(trace.compressed(speed)),
            Self::Recorded(recorded) => Self::Recorded(recorded.compressed(speed)),
            Self::Sum(parts) => {
                Self::Sum(parts.iter().map(|part| part.compressed(speed)).collect())
            }
            Self::Scaled { factor, curve } => Self::Scaled {
                factor: *factor,
                curve: Box::new(curve.compressed(speed)),
            },
            Self::Shifted { by, curve } => Self::Shifted {
                by: faster(*by, speed),
                curve: Box::new(curve.compressed(speed)),
            },
            Self::Begun { before, curve } => Self::Begun {
                before: faster(*before, speed),
                curve: Box::new(curve.compressed(speed)),
            },
        }
    }

    /// The same course, begun so long before the start: what it was until then is left out.
    #[must_use]
    pub fn begun(&self, before: Duration) -> Self {
        match self {
            Self::Constant { rate } => Self::Constant { rate: *rate },
            Self::Recorded(recorded) => Self::Recorded(recorded.begun(before)),
            curve if before.is_zero() => curve.clone(),
            curve => Self::Begun {
                before,
                curve: Box::new(curve.clone()),
            },
        }
    }

    /// The same course, `factor` times as high.
    #[must_use]
    pub fn scaled(&self, factor: Ratio) -> Self {
        Self::Scaled {
            factor,
            curve: Box::new(self.clone()),
        }
    }

    /// The highest rate from the start to `until`. Exact for every curve but a sum, for which it is the highest at its
    /// parts' corners and at 4,096 instants between them.
    #[must_use]
    pub fn peak(&self, until: Duration) -> Rps {
        const NANOSECOND: f64 = 1e-9;
        const GRID: u32 = 4096;
        let end = until.as_secs_f64();
        let grid = matches!(self.innermost(), Self::Sum(_))
            .then_some(GRID)
            .unwrap_or_default();
        let between = (0..grid).map(|place| end * f64::from(place) / f64::from(GRID));
        let highest = self
            .corners(end)
            .into_iter()
            // A fall shows its height only just before it.
            .flat_map(|corner| [corner, corner - NANOSECOND])
            .chain([0.0, end - NANOSECOND])
            .chain(between)
            .filter(|t| (0.0..=end).contains(t))
            .map(|t| self.rate(t))
            .fold(0.0, f64::max);
        rps(highest)
    }

    /// The instants up to `until` at which the shape changes, in order: what phases are made from. A day's rise and fall,
    /// and a trace, have none.
    #[must_use]
    pub fn edges(&self, until: Duration) -> Vec<Duration> {
        let mut edges: Vec<Duration> = self
            .edge_seconds(until.as_secs_f64())
            .into_iter()
            .map(seconds)
            .filter(|edge| *edge <= until)
            .collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    /// The curve inside scalings and shifts.
    fn innermost(&self) -> &Self {
        match self {
            Self::Scaled { curve, .. }
            | Self::Shifted { curve, .. }
            | Self::Begun { curve, .. } => curve.innermost(),
            other => other,
        }
    }

    pub(crate) fn rate(&self, t: f64) -> f64 {
        match self {
            Self::Constant { rate } => rate.get(),
            Self::Ramp(ramp) => ramp.rate(t),
            Self::Steps(steps) => steps.rate(t),
            Self::Diurnal(diurnal) => diurnal.rate(t),
            Self::Flash(flash) => flash.rate(t),
            Self::Pulse(pulse) => pulse.rate(t),
            Self::Sine(sine) => sine.rate(t),
            Self::Trace(trace) => trace.rate(t),
            Self::Recorded(recorded) => recorded.rate(t),
            Self::Sum(parts) => parts.iter().map(|part| part.rate(t)).sum(),
            Self::Scaled { factor, curve } => factor.get() * curve.rate(t),
            Self::Shifted { by, .. } if t < by.as_secs_f64() => 0.0,
            Self::Shifted { by, curve } => curve.rate(t - by.as_secs_f64()),
            Self::Begun { before, curve } => curve.rate(t + before.as_secs_f64()),
        }
    }

    pub(crate) fn count(&self, t: f64) -> f64 {
        match self {
            Self::Constant { rate } => rate.get() * t,
            Self::Ramp(ramp) => ramp.count(t),
            Self::Steps(steps) => steps.count(t),
            Self::Diurnal(diurnal) => diurnal.count(t),
            Self::Flash(flash) => flash.count(t),
            Self::Pulse(pulse) => pulse.count(t),
            Self::Sine(sine) => sine.count(t),
            Self::Trace(trace) => trace.count(t),
            Self::Recorded(recorded) => recorded.count(t),
            Self::Sum(parts) => parts.iter().map(|part| part.count(t)).sum(),
            Self::Scaled { factor, curve } => factor.get() * curve.count(t),
            Self::Shifted { by, .. } if t < by.as_secs_f64() => 0.0,
            Self::Shifted { by, curve } => curve.count(t - by.as_secs_f64()),
            Self::Begun { before, curve } => {
                let before = before.as_secs_f64();
                (curve.count(t + before) - curve.count(before)).max(0.0)
            }
        }
    }

    /// Seconds at which the integral reaches `count` > 0; `near` is a guess that only makes it faster.
    #[inline]
    pub(crate) fn invert(&self, count: f64, near: f64) -> Option<f64> {
        match self {
            Self::Constant { rate } => {
                let t = count / rate.get();
                t.is_finite().then_some(t)
            }
            Self::Ramp(ramp) => ramp.invert(count),
            Self::Steps(steps) => steps.invert(count),
            Self::Diurnal(diurnal) => diurnal.invert(count, near),
            Self::Flash(flash) => flash.invert(count),
            Self::Pulse(pulse) => pulse.invert(count),
            Self::Sine(sine) => sine.invert(count, near),
            Self::Trace(trace) => trace.invert(count, near),
            Self::Recorded(recorded) => recorded.invert(count, near),
            Self::Sum(_) => solve::anywhere(self, count, near),
            Self::Scaled { factor, curve } => {
                let count = count / factor.get();
                if count.is_finite() {
                    curve.invert(count, near)
                } else {
                    None
                }
            }
            Self::Shifted { by, curve } => {
                let by = by.as_secs_f64();
                curve.invert(count, near - by).map(|t| t + by)
            }
            Self::Begun { before, curve } => {
                let before = before.as_secs_f64();
                let t = curve.invert(count + curve.count(before), near + before)?;
                Some((t - before).max(0.0))
            }
        }
    }

    fn edge_seconds(&self, until: f64) -> Vec<f64> {
        match self {
            Self::Constant { .. }
            | Self::Diurnal(_)
            | Self::Sine(_)
            | Self::Trace(_)
            | Self::Recorded(_) => vec![],
            Self::Ramp(ramp) => ramp.corners(),
            Self::Steps(steps) => steps.corners(),
            Self::Flash(flash) => flash.corners(),
            Self::Pulse(pulse) => pulse.corners(until),
            Self::Sum(parts) => parts
                .iter()
                .flat_map(|part| part.edge_seconds(until))
                .collect(),
            Self::Scaled { curve, .. } => curve.edge_seconds(until),
            Self::Shifted { by, curve } => later(curve.edge_seconds(until), *by),
            Self::Begun { before, curve } => {
                let before = before.as_secs_f64();
                earlier(curve.edge_seconds(until + before), before)
            }
        }
    }

    /// Every instant at which the rate can be highest.
    fn corners(&self, until: f64) -> Vec<f64> {
        match self {
            Self::Diurnal(diurnal) => diurnal.corners(until),
            Self::Sine(sine) => sine.corners(until),
            Self::Trace(trace) => trace.corners(until),
            Self::Recorded(recorded) => recorded.corners(until),
            Self::Sum(parts) => parts.iter().flat_map(|part| part.corners(until)).collect(),
            Self::Scaled { curve, .. } => curve.corners(until),
            Self::Shifted { by, curve } => later(curve.corners(until), *by),
            Self::Begun { before, curve } => {
                let before = before.as_secs_f64();
                earlier(curve.corners(until + before), before)
            }
            shape => shape.edge_seconds(until),
        }
    }
}

fn later(mut instants: Vec<f64>, by: Duration) -> Vec<f64> {
    let by = by.as_secs_f64();
    for instant in &mut instants {
        *instant += by;
    }
    // A shifted curve begins all at once.
    instants.push(by);
    instants
}

fn earlier(instants: Vec<f64>, by: f64) -> Vec<f64> {
    let moved = instants.into_iter().map(|instant| instant - by);
    moved.filter(|instant| *instant >= 0.0).collect()
}

/// A duration at `speed` times the pace.
pub(crate) fn faster(duration: Duration, speed: f64) -> Duration {
    seconds(duration.as_secs_f64() / speed)
}

fn rps(rate: f64) -> Rps {
    Rps::new(rate.clamp(0.0, f64::MAX)).unwrap_or(Rps::ZERO)
}

#[cfg(test)]
mod tests;
