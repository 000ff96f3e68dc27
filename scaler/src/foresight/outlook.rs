//! What may come until what is ordered now is ready.

use super::forecast::{Forecast, JUMP_WEIGHT, Parts};
use super::memory::Memory;
use super::plan::Case;
use super::residuals::CELLS;

/// A rate that differs by less than this share of a replica's full rate, or of the highest load, is noise.
pub(super) const NOISE: f64 = 0.25;
const NOISE_OF_PEAK: f64 = 0.05;
/// No load beyond this multiple of the highest of the last days is planned for, but at least this much more in log load
/// than there is.
const CAP: (f64, f64) = (1.5, 0.2);
/// The cell whose load is not exceeded with 98 %.
const HIGH: usize = 11;

/// The loads that may come, and what they rest on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outlook {
    /// The log load that is expected before any surprise, and the shift of the logarithm.
    pub(super) point: f64,
    pub(super) shift: f64,
    /// What may come on top, and how likely.
    offsets: [(f64, f64); CELLS],
    /// The highest log load that is planned for.
    highest: f64,
    /// The rate after a jump that comes on most days at this time.
    pub(super) jump: Option<f64>,
    /// The rate to stay ready for although it is not there.
    pub(super) waited_for: Option<f64>,
    /// What is added to the load that is there, if there is a forecast.
    pub(super) forecast: Option<Parts>,
}

/// The highest rate that is planned for, if there is not as much already.
pub(super) fn highest(memory: &Memory) -> f64 {
    CAP.0 * memory.peaks.highest()
}

/// What is added to rates before their logarithm is taken.
pub(super) fn shift(memory: &Memory, full_rate: f64) -> f64 {
    (NOISE * full_rate).max(NOISE_OF_PEAK * memory.peaks.highest())
}

impl Outlook {
    /// With a forecast, or without: then what is there stays, and strays as it did lately.
    pub(super) fn of(
        forecast: Option<&Forecast>,
        now: f64,
        rate: f64,
        memory: &Memory,
        full_rate: f64,
    ) -> Self {
        let expected = forecast.and_then(|forecast| forecast.expected(now, rate));
        let waited_for = forecast.and_then(|forecast| forecast.waited_for(now));
        let shift = match &expected {
            Some(expected) => expected.shift,
            None => shift(memory, full_rate),
        };
        let log = |rate: f64| libm::log(rate + shift);
        let there = log(rate);
        let highest = log(highest(memory)).max(there + CAP.1);
        match expected {
            Some(expected) => Self {
                point: expected.log,
                shift,
                offsets: expected.offsets,
                highest,
                jump: expected.jump,
                waited_for,
                forecast: Some(expected.parts),
            },
            None => Self {
                point: there,
                shift,
                offsets: memory.residuals.offsets(),
                highest,
                jump: None,
                waited_for,
                forecast: None,
            },
        }
    }

    /// As it was to be seen some day: from this log load (with its shift), while there was this rate and, but for it, none
    /// beyond `highest` was planned for.
    pub(super) fn replayed(
        (point, shift): (f64, f64),
        offsets: [(f64, f64); CELLS],
        (rate, highest): (f64, f64),
        jump: Option<f64>,
    ) -> Self {
        let log = |rate: f64| libm::log(rate + shift);
        Self {
            point,
            shift,
            offsets,
            highest: log(highest).max(log(rate) + CAP.1),
            jump,
            waited_for: None,
            forecast: None,
        }
    }

    fn rate(&self, log: f64) -> f64 {
        (libm::exp(log.min(self.highest)) - self.shift).max(0.0)
    }

    /// The rate that is expected.
    pub(super) fn expected(&self) -> f64 {
        self.rate(self.point)
    }

    /// The rate that is not exceeded with 98 %.
    pub(super) fn high(&self) -> f64 {
        self.rate(self.point + self.offsets[HIGH].0)
    }

    /// All loads that may come but for the jump, whose weights are a whole.
    pub(super) fn cases(&self) -> [Case; CELLS] {
        self.offsets.map(|(offset, weight)| Case {
            weight,
            rate: self.rate(self.point + offset),
        })
    }

    /// The same with the jump.
    pub(super) fn with_jump(&self, jump: f64) -> [Case; CELLS + 1] {
        let cases = self.cases();
        std::array::from_fn(|i| match cases.get(i) {
            Some(case) => Case {
                weight: case.weight * (1.0 - JUMP_WEIGHT),
                rate: case.rate,
            },
            None => Case {
                weight: JUMP_WEIGHT,
                rate: jump.min(self.rate(f64::MAX)),
            },
        })
    }
}
