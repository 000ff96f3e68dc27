//! Whether a forecast has earned it to be followed.

use serde::{Deserialize, Serialize};

use super::super::residuals::Residuals;

/// The quantile that losses are measured at.
const QUANTILE: f64 = 0.985;
/// The quantile that must hold.
const HIGH: f64 = 0.98;
/// Slots after which losses and cover count half: 12 hours, and an hour and a half.
const LOSS: f64 = 2880.0;
const COVER: f64 = 360.0;
/// Its loss against that of the load as it is: above the first it is not followed, below the second it is again.
const RATIO: (f64, f64) = (1.1, 1.0);
/// The least share of highest loads that must be below its 98 % quantile.
const LEAST_COVER: f64 = 0.9;
/// Slots that must be known before it is followed at all, and for which it must be good after it was bad: 2 and 6 hours.
const FIRST: u32 = 480;
const AGAIN: u32 = 1440;
/// Samples after which half of the residuals is forgotten: two days.
const HALF_LIFE: f64 = 11_520.0;

/// How good the forecast was, beside the naive one: that the load stays as it is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Trust {
    pub(super) residuals: Residuals,
    naive: Residuals,
    loss: f64,
    naive_loss: f64,
    cover: f64,
    /// Slots that are known.
    known: u32,
    /// Slots until it may be followed.
    wait: u32,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            residuals: Residuals::default(),
            naive: Residuals::default(),
            loss: 0.0,
            naive_loss: 0.0,
            cover: HIGH,
            known: 0,
            wait: FIRST,
        }
    }
}

/// The loss of a quantile: (Koenker and Bassett, 1978) what is above it counts more, the higher the quantile.
fn pinball(above: f64) -> f64 {
    if above > 0.0 {
        QUANTILE * above
    } else {
        (QUANTILE - 1.0) * above
    }
}

impl Trust {
    pub(super) fn is_sound(&self) -> bool {
        self.residuals.is_sound()
            && self.naive.is_sound()
            && (0.0..1e3).contains(&self.loss)
            && (0.0..1e3).contains(&self.naive_loss)
            && (0.0..=1.0).contains(&self.cover)
            && self.wait <= AGAIN
    }

    /// The highest log load was `by` above the forecast, and `naive` above the load that was there.
    pub(super) fn learn(&mut self, by: f64, naive: f64) {
        if !by.is_finite() || !naive.is_finite() {
            return;
        }
        let (by, naive) = (by.clamp(-10.0, 10.0), naive.clamp(-10.0, 10.0));
        self.known = self.known.saturating_add(1);
        let young = 1.0 / f64::from(self.known);
        let weight = |half_life: f64| (1.0 - libm::exp2(-1.0 / half_life)).max(young);
        let above = by - self.residuals.at(QUANTILE);
        let naive_above = naive - self.naive.at(QUANTILE);
        self.loss += weight(LOSS) * (pinball(above) - self.loss);
        self.naive_loss += weight(LOSS) * (pinball(naive_above) - self.naive_loss);
        let covered = f64::from(u8::from(by <= self.residuals.at(HIGH)));
        let weight = 1.0 - libm::exp2(-1.0 / COVER);
        self.cover += weight * (covered - self.cover);
        self.residuals.learn(by, HALF_LIFE);
        self.naive.learn(naive, HALF_LIFE);
        self.judge();
    }

    fn judge(&mut self) {
        let ratio = self.ratio();
        let bad = ratio > RATIO.0 || self.cover < LEAST_COVER;
        if bad && self.known > FIRST {
            self.wait = AGAIN;
        } else if self.wait > 0 && (self.known <= FIRST || ratio <= RATIO.1) {
            self.wait -= 1;
        }
    }

    /// Whether it may be followed.
    pub(super) const fn is_open(&self) -> bool {
        self.wait == 0
    }

    /// Its loss ÷ that of the naive forecast: below 1 it is better.
    pub(super) fn ratio(&self) -> f64 {
        // Losses of a load that never changes say nothing of who is better.
        (self.loss + 1e-4) / (self.naive_loss + 1e-4)
    }

    /// The share of highest loads below the 98 % quantile, lately.
    pub(super) const fn cover(&self) -> f64 {
        self.cover
    }

    /// For how many slots more it is not followed, if all goes well.
    pub(super) const fn wait(&self) -> u32 {
        self.wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quarter of noise that differs from slot to slot.
    fn noise(i: u32) -> f64 {
        f64::from(i.wrapping_mul(2_654_435_761) >> 16) / 65_536.0 * 0.1
    }

    fn after(trust: &mut Trust, slots: u32, by: impl Fn(u32) -> f64, naive: impl Fn(u32) -> f64) {
        for i in 0..slots {
            trust.learn(by(i) + noise(i), naive(i) + noise(i));
        }
    }

    /// Up and down within two hours, which only one of both knows.
    fn wave(i: u32) -> f64 {
        0.3 * libm::sin(f64::from(i) / 480.0 * std::f64::consts::TAU)
    }

    #[test]
    fn it_is_followed_after_two_hours_of_being_no_worse() {
        let mut trust = Trust::default();
        after(&mut trust, FIRST - 1, |_| 0.0, wave);
        assert!(!trust.is_open());
        after(&mut trust, 1, |_| 0.0, wave);
        assert!(trust.is_open() && trust.ratio() < 1.0, "{}", trust.ratio());
    }

    #[test]
    fn one_that_is_worse_is_left_until_it_was_good_for_six_hours() {
        let mut trust = Trust::default();
        after(&mut trust, 4000, |_| 0.0, |_| 0.0);
        assert!(trust.is_open(), "no worse than the naive one");
        after(&mut trust, 2000, wave, |_| 0.0);
        assert!(!trust.is_open() && trust.ratio() > 1.1, "{}", trust.ratio());
        after(&mut trust, AGAIN - 1, |_| 0.0, wave);
        assert!(!trust.is_open());
        after(&mut trust, 20_000, |_| 0.0, wave);
        assert!(trust.is_open());
    }

    #[test]
    fn one_that_is_too_low_for_an_hour_is_left() {
        let mut trust = Trust::default();
        after(&mut trust, 4000, |_| 0.0, |_| 0.0);
        after(&mut trust, 120, f64::from, f64::from);
        assert!(trust.cover() < LEAST_COVER && !trust.is_open());
    }

    #[test]
    fn the_absurd_does_no_harm() {
        let mut trust = Trust::default();
        for by in [f64::NAN, f64::INFINITY, 1e308, -1e308] {
            trust.learn(by, 0.0);
            trust.learn(0.0, by);
            assert!(trust.is_sound());
        }
    }
}
