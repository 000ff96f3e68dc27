//! The price of a slow request, so that in the long run no more are slow than may be.

use serde::{Deserialize, Serialize};

/// A step of the controller, in seconds.
const STEP: f64 = 15.0;
/// What is remembered from one step to the next: half is forgotten in 14 h.
const KEEP: f64 = 0.9998;
/// It begins as if the budget had been kept for so many steps.
const BEFOREHAND: f64 = 5000.0;
/// How fast the price's logarithm follows, and between which errors.
const GAIN: f64 = 0.003;
const ERRORS: (f64, f64) = (-0.5, 1.5);
/// Errors this small change nothing, so that a steady load is left alone.
const DEAD: f64 = 0.2;
/// The price falls only if with one replica fewer at most this multiple of the budget would be slow: to fall further would
/// lead to a number that has to be taken back.
const FEWER: f64 = 1.1;
/// It rises only while too many were slow lately as well, half of which is forgotten in twenty minutes: what was missed once and is
/// over would else be paid for until half a day has forgotten it (alerts on two windows: Google, *The Site Reliability
/// Workbook*, chapter 5).
const LATELY: f64 = 0.9914;
/// Below where the last days say that it may begin, it falls to a quarter at most: a few quiet hours are not all that can happen.
pub(super) const BELOW_REPLAYED: f64 = -1.5;
/// How far the price may go from where it began: 55 times up or down.
const FURTHEST: f64 = 4.0;

/// What was slow, what there was, and what follows for the price.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Budget {
    slow: f64,
    all: f64,
    /// The same of the last minutes.
    #[serde(default)]
    slow_lately: f64,
    #[serde(default)]
    all_lately: f64,
    /// The logarithm of price ÷ where it began.
    log_price: f64,
}

impl Budget {
    pub(super) fn is_sound(&self) -> bool {
        (0.0..1e18).contains(&self.slow)
            && (0.0..1e18).contains(&self.all)
            && (0.0..1e18).contains(&self.slow_lately)
            && (0.0..1e18).contains(&self.all_lately)
            && (-FURTHEST..=FURTHEST).contains(&self.log_price)
    }

    /// What the price that it began with is multiplied by.
    pub(super) fn factor(&self) -> f64 {
        libm::exp(self.log_price)
    }

    /// Where it began is moved by so much, in logarithms. If that is down, what it had given up itself is part of it; what was
    /// added because too many were slow stays.
    pub(super) fn begin_anew(&mut self, moved: f64) {
        if self.log_price < 0.0 && moved < 0.0 {
            self.log_price = (self.log_price - moved).clamp(-FURTHEST, 0.0);
        }
    }

    /// The share that was slow lately; nothing before the first requests.
    pub(super) fn used(&self) -> Option<f64> {
        (self.all > 0.0).then(|| self.slow / self.all)
    }

    /// For `dt` seconds, of `rate` requests per second a share `slow` was slow; a share `budget` may be. With one replica
    /// fewer it would have been a share `fewer`. The price's logarithm does not fall below `lowest`.
    pub(super) fn learn(
        &mut self,
        rate: f64,
        slow: f64,
        budget: f64,
        dt: f64,
        (fewer, lowest): (f64, f64),
    ) {
        let sane = (0.0..=1e12).contains(&rate) && (0.0..=1.0).contains(&slow) && budget > 0.0;
        if !sane || dt <= 0.0 || rate <= 0.0 {
            return;
        }
        if self.all <= 0.0 {
            self.all = BEFOREHAND * rate;
            self.slow = budget * self.all;
        }
        let steps = dt.min(4.0 * STEP) / STEP;
        let keep = libm::pow(KEEP, steps);
        self.slow = self.slow * keep + slow * rate * steps;
        self.all = self.all * keep + rate * steps;
        let keep = libm::pow(LATELY, steps);
        self.slow_lately = self.slow_lately * keep + slow * rate * steps;
        self.all_lately = self.all_lately * keep + rate * steps;
        let has_passed = self.slow_lately <= budget * self.all_lately;
        let error = libm::log((self.slow / self.all / budget).max(1e-9));
        let enough = error < 0.0 && fewer > FEWER * budget;
        if error.abs() > DEAD && !enough && !(error > 0.0 && has_passed) {
            let lowest = lowest.max(-FURTHEST).min(self.log_price);
            let moved = self.log_price + GAIN * steps * error.clamp(ERRORS.0, ERRORS.1);
            self.log_price = moved.clamp(lowest, FURTHEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: u32, slow: f64) -> f64 {
        let mut budget = Budget::default();
        for _ in 0..steps {
            budget.learn(500.0, slow, 0.001, 15.0, (0.0, -FURTHEST));
        }
        budget.factor()
    }

    #[test]
    fn it_tightens_quickly_relaxes_slowly_and_stays_within_bounds() {
        assert!(after(240, 0.02) > 1.2);
        assert!(after(900, 0.0).to_bits() == 1.0_f64.to_bits(), "no hurry");
        assert!(after(8000, 0.0) < 0.1);
        assert!((after(100_000, 0.5) - libm::exp(4.0)).abs() < 1e-9);
        assert!(
            after(900, 0.001).to_bits() == 1.0_f64.to_bits(),
            "on budget"
        );
    }

    #[test]
    fn a_lower_beginning_takes_up_what_was_given_up_and_keeps_what_was_added() {
        let moved = |log_price: f64, moved: f64| {
            let mut budget = Budget {
                log_price,
                ..Budget::default()
            };
            budget.begin_anew(moved);
            budget.log_price
        };
        for (before, by, after) in [
            (-1.0, -3.0, 0.0),
            (-3.0, -1.0, -2.0),
            (-1.0, 2.0, -1.0),
            (1.0, -3.0, 1.0),
            (0.0, -3.0, 0.0),
        ] {
            assert!((moved(before, by) - after).abs() < 1e-12, "{before} {by}");
        }
    }

    #[test]
    fn it_does_not_relax_where_one_fewer_would_be_too_few() {
        let mut budget = Budget::default();
        for _ in 0..8000 {
            budget.learn(500.0, 0.0, 0.001, 15.0, (0.002, -FURTHEST));
        }
        assert!(budget.factor().to_bits() == 1.0_f64.to_bits());
    }

    #[test]
    fn what_was_missed_once_is_not_paid_for_all_day() {
        let mut budget = Budget::default();
        let mut hours = |hours: u32, slow: f64| {
            for _ in 0..hours * 240 {
                budget.learn(500.0, slow, 0.001, 15.0, (0.0, -FURTHEST));
            }
            budget.factor()
        };
        let during = hours(1, 0.05);
        let soon = hours(2, 0.0);
        let later = hours(3, 0.0);
        assert!(during > 1.5 && soon > 1.5 * during, "{during} {soon}");
        assert!(later.to_bits() == soon.to_bits(), "{soon} {later}");
        assert!(budget.used() > Some(0.001), "half a day still remembers it");
    }

    #[test]
    fn it_falls_no_further_than_it_may_and_is_not_thrown_up_to_there() {
        let mut budget = Budget::default();
        for _ in 0..8000 {
            budget.learn(500.0, 0.0, 0.001, 15.0, (0.0, BELOW_REPLAYED));
        }
        assert!((budget.factor() - libm::exp(BELOW_REPLAYED)).abs() < 1e-9);
        budget.log_price = -3.0;
        budget.learn(500.0, 0.0, 0.001, 15.0, (0.0, BELOW_REPLAYED));
        assert!((budget.log_price + 3.0).abs() < 1e-9);
    }

    #[test]
    fn absurd_readings_do_no_harm() {
        let mut budget = Budget::default();
        for (rate, slow, dt) in [
            (f64::NAN, 0.1, 15.0),
            (1e308, 0.1, 15.0),
            (10.0, f64::NAN, 15.0),
            (10.0, 0.1, f64::NAN),
            (10.0, 0.1, -1.0),
        ] {
            budget.learn(rate, slow, 0.001, dt, (0.0, -FURTHEST));
            assert!(budget.is_sound(), "{budget:?}");
        }
    }
}
