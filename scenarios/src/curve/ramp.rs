//! From one rate to another in a straight line.

use std::time::Duration;

use metrics::Rps;
use serde::{Deserialize, Serialize};

use super::faster;

/// λ(t) = `from` before `at`, `to` after `at` + `over`, and between them a straight line.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Ramp {
    /// The rate before.
    pub from: Rps,
    /// The rate after.
    pub to: Rps,
    /// When it begins.
    pub at: Duration,
    /// How long it takes; zero is a step.
    pub over: Duration,
}

impl Ramp {
    pub(super) fn rate(&self, t: f64) -> f64 {
        let (from, to) = (self.from.get(), self.to.get());
        let (x, over) = (t - self.at.as_secs_f64(), self.over.as_secs_f64());
        if x < 0.0 {
            from
        } else if x < over {
            from + (to - from) * (x / over)
        } else {
            to
        }
    }

    pub(super) fn count(&self, t: f64) -> f64 {
        let (from, to) = (self.from.get(), self.to.get());
        let (at, over) = (self.at.as_secs_f64(), self.over.as_secs_f64());
        let x = t - at;
        if x < 0.0 {
            from * t
        } else if x < over {
            from * at + area(from, to, over, x)
        } else {
            from * at + (from + to) / 2.0 * over + to * (x - over)
        }
    }

    pub(super) fn invert(&self, count: f64) -> Option<f64> {
        let (from, to) = (self.from.get(), self.to.get());
        let (at, over) = (self.at.as_secs_f64(), self.over.as_secs_f64());
        let before = from * at;
        if count <= before {
            return Some(count / from);
        }
        let rest = count - before;
        let during = (from + to) / 2.0 * over;
        if rest <= during {
            return Some(at + area_inverse(from, to, over, rest));
        }
        (to > 0.0).then(|| at + over + (rest - during) / to)
    }

    pub(super) fn corners(&self) -> Vec<f64> {
        vec![self.at.as_secs_f64(), (self.at + self.over).as_secs_f64()]
    }

    pub(super) fn compressed(&self, speed: f64) -> Self {
        Self {
            at: faster(self.at, speed),
            over: faster(self.over, speed),
            ..*self
        }
    }
}

/// The area under the line from `from` to `to` over `over` seconds, up to `x`.
pub(super) fn area(from: f64, to: f64, over: f64, x: f64) -> f64 {
    x * (from + (to - from) * (x / over) / 2.0)
}

/// The x at which [`area`] is `area`: the root of slope/2 · x² + from · x = area, in the form that does not cancel.
pub(super) fn area_inverse(from: f64, to: f64, over: f64, area: f64) -> f64 {
    let slope = (to - from) / over;
    let root = (from * from + 2.0 * slope * area).max(0.0).sqrt();
    if from + root > 0.0 {
        (2.0 * area / (from + root)).min(over)
    } else {
        over
    }
}
