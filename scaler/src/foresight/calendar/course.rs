//! How the event that is on goes: its crowd comes, is at its highest, and goes home.

use serde::{Deserialize, Serialize};

/// The crowd is there once the load has come this share of the way that it is expected to go.
const THERE: f64 = 0.5;
/// It still grows while its highest is exceeded by this factor within so many seconds.
const GROWS: f64 = 1.02;
const WITHIN: f64 = 120.0;
/// Once it does not, half of what is expected beyond the load that is there is given up in so many seconds.
const HALF: f64 = 60.0;

/// What is still expected of the event that is on.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Course {
    /// When the event began, in seconds.
    begun: f64,
    /// The highest load so far, and since when it is.
    highest: f64,
    since: f64,
    /// When this was last looked at, and the rate that is still expected then; nothing: all that was announced.
    seen: f64,
    left: Option<f64>,
}

impl Course {
    /// Of an event that began at `begun` and is first seen at `now`.
    pub(super) const fn new(begun: f64, now: f64) -> Self {
        Self {
            begun,
            highest: 0.0,
            since: now,
            seen: now,
            left: None,
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.begun.is_finite()
            && (0.0..=1e12).contains(&self.highest)
            && self.since.is_finite()
            && self.seen.is_finite()
            && self.left.is_none_or(|left| (0.0..=1e18).contains(&left))
    }

    /// Whether it is that of the event which began then.
    pub(super) fn is_of(&self, begun: f64) -> bool {
        self.begun.total_cmp(&begun).is_eq()
    }

    /// The load is `rate`, as a mean of a while; it came from `before`, and up to `expected` is expected.
    pub(super) fn learn(&mut self, now: f64, rate: f64, before: f64, expected: f64) {
        let passed = (now - self.seen).max(0.0);
        self.seen = now;
        let rate = rate.clamp(0.0, 1e12);
        if rate > GROWS * self.highest {
            (self.highest, self.since) = (rate, now);
        }
        let there = self.highest >= before + THERE * (expected - before);
        if !there || now - self.since < WITHIN {
            return;
        }
        let left = self.left.unwrap_or(expected).clamp(0.0, 1e18);
        let beyond = (left - rate).max(0.0) * libm::exp2(-passed / HALF);
        self.left = Some(left.min(rate + beyond));
    }

    /// What is still expected, of `expected` in all.
    pub(super) fn left(&self, expected: f64) -> f64 {
        self.left.map_or(expected, |left| left.min(expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of 600 after each quarter of a minute of these loads, which came from 100.
    fn left(loads: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut course = Course::new(0.0, 0.0);
        let left = |(i, load): (usize, f64)| {
            course.learn(15.0 * i as f64, load, 100.0, 600.0);
            assert!(course.is_sound());
            course.left(600.0)
        };
        loads.enumerate().map(left).collect()
    }

    #[test]
    fn all_is_expected_until_the_crowd_is_there_and_as_long_as_it_grows() {
        let late = left((0..100).map(|_| 110.0));
        let slowly = left((0..100).map(|i| 100.0 * libm::pow(1.015, f64::from(i))));
        assert!(late.iter().chain(&slowly).all(|left| *left >= 600.0));
    }

    #[test]
    fn the_load_that_is_there_takes_over_from_then_on_and_what_is_given_up_does_not_return() {
        let loads = (0..60).map(|i| if i < 20 { 450.0 } else { 200.0 });
        let left = left(loads);
        assert!(left[7] >= 600.0 && left[19] < 500.0, "{left:?}");
        assert!(left[59] < 202.0, "{left:?}");
        assert!(left.windows(2).all(|pair| pair[1] <= pair[0]));
    }

    #[test]
    fn the_absurd_does_no_harm() {
        let mut course = Course::new(0.0, 0.0);
        for rate in [f64::NAN, f64::INFINITY, -1.0, 1e308] {
            course.learn(1e9, rate, 0.0, rate);
            course.learn(2e9, 1.0, rate, 1e308);
            assert!(course.is_sound(), "{rate}: {course:?}");
        }
    }
}
