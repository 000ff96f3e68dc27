//! A crowd that comes all at once and slowly goes.

use std::time::Duration;

use metrics::Rps;
use serde::{Deserialize, Serialize};

use super::{faster, ramp};

/// How many time constants make up [`Flash::decay`]: e⁻³, a twentieth, is left at its end.
const DECAY_CONSTANTS: f64 = 3.0;

/// λ(t) rises in a straight line from 0 at `at` to `peak` over `rise`, stays for `hold`, and then falls as
/// peak · exp(−3 x ÷ `decay`): after `decay` a twentieth is left, and that fades too.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Flash {
    /// When it begins.
    pub at: Duration,
    /// What it adds at its height.
    pub peak: Rps,
    /// From its beginning to its height; zero is a cliff.
    pub rise: Duration,
    /// How long the height lasts.
    pub hold: Duration,
    /// From the end of the height until a twentieth is left; zero is a cliff.
    pub decay: Duration,
}

impl Flash {
    /// The time constant of the decay, in seconds.
    fn constant(&self) -> f64 {
        self.decay.as_secs_f64() / DECAY_CONSTANTS
    }

    pub(super) fn rate(&self, t: f64) -> f64 {
        let peak = self.peak.get();
        let (rise, hold) = (self.rise.as_secs_f64(), self.hold.as_secs_f64());
        let x = t - self.at.as_secs_f64();
        if x < 0.0 {
            0.0
        } else if x < rise {
            peak * (x / rise)
        } else if x < rise + hold {
            peak
        } else if self.decay.is_zero() {
            0.0
        } else {
            peak * libm::exp(-(x - rise - hold) / self.constant())
        }
    }

    pub(super) fn count(&self, t: f64) -> f64 {
        let peak = self.peak.get();
        let (rise, hold) = (self.rise.as_secs_f64(), self.hold.as_secs_f64());
        let x = t - self.at.as_secs_f64();
        if x <= 0.0 {
            0.0
        } else if x < rise {
            ramp::area(0.0, peak, rise, x)
        } else if x < rise + hold {
            peak * (x - rise / 2.0)
        } else {
            let height = peak * (rise / 2.0 + hold);
            let constant = self.constant();
            if constant == 0.0 {
                return height;
            }
            height - peak * constant * libm::expm1(-(x - rise - hold) / constant)
        }
    }

    pub(super) fn invert(&self, count: f64) -> Option<f64> {
        let peak = self.peak.get();
        let (at, rise, hold) = (
            self.at.as_secs_f64(),
            self.rise.as_secs_f64(),
            self.hold.as_secs_f64(),
        );
        let rising = peak * rise / 2.0;
        if count <= rising {
            return Some(at + ramp::area_inverse(0.0, peak, rise, count));
        }
        let holding = peak * hold;
        if count <= rising + holding {
            return Some(at + rise + (count - rising) / peak);
        }
        let constant = self.constant();
        let share = (count - rising - holding) / (peak * constant);
        (share < 1.0).then(|| at + rise + hold - constant * libm::log1p(-share))
    }

    pub(super) fn corners(&self) -> Vec<f64> {
        let top = self.at + self.rise;
        let end = top + self.hold;
        [self.at, top, end, end + self.decay]
            .map(|corner| corner.as_secs_f64())
            .to_vec()
    }

    pub(super) fn compressed(&self, speed: f64) -> Self {
        Self {
            at: faster(self.at, speed),
            peak: self.peak,
            rise: faster(self.rise, speed),
            hold: faster(self.hold, speed),
            decay: faster(self.decay, speed),
        }
    }
}
