//! How high the load was on the last days.

use serde::{Deserialize, Serialize};

/// Days that are kept.
const DAYS: usize = 7;
const DAY: f64 = 86_400.0;
/// The highest rates of a day that are kept; the lowest of these counts, so that a few lies count for nothing. Of readings 15 s
/// apart it is the quantile 99.9 % of the day.
const HIGHEST: usize = 6;

/// The highest rates of the last days, each day's from the highest down, by the day's number.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Peaks(Vec<(i64, [f32; HIGHEST])>);

impl Default for Peaks {
    fn default() -> Self {
        Self(Vec::with_capacity(DAYS + 1))
    }
}

impl Peaks {
    pub(super) fn is_sound(&self) -> bool {
        let mut rates = self.0.iter().flat_map(|(_, rates)| rates);
        self.0.len() <= DAYS && rates.all(|rate| (0.0..1e13).contains(rate))
    }

    /// The highest rate of the last days, but for those that were as high only for moments; 0 before the first.
    pub(super) fn highest(&self) -> f64 {
        let of_day = |(_, rates): &(i64, [f32; HIGHEST])| {
            // A day that has only begun has fewer.
            rates
                .iter()
                .copied()
                .filter(|rate| *rate > 0.0)
                .fold(f32::MAX, f32::min)
        };
        let highest = self.0.iter().map(of_day).filter(|rate| *rate < f32::MAX);
        f64::from(highest.fold(0.0, f32::max))
    }

    /// There was this rate at `now`.
    pub(super) fn learn(&mut self, now: f64, rate: f64) {
        let day = (now / DAY).floor() as i64;
        if self.0.last().is_none_or(|(last, _)| *last < day) {
            self.0.push((day, [0.0; HIGHEST]));
        }
        if self.0.len() > DAYS {
            self.0.remove(0);
        }
        let Some((_, rates)) = self.0.last_mut() else {
            return;
        };
        let mut rate = rate.clamp(0.0, 1e12) as f32;
        for kept in rates {
            if rate > *kept {
                std::mem::swap(kept, &mut rate);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_for_a_while_counts_and_a_lie_does_not() {
        let mut peaks = Peaks::default();
        assert!(peaks.highest().abs() < 1e-9);
        peaks.learn(0.0, 10.0);
        assert!(
            (peaks.highest() - 10.0).abs() < 1e-6,
            "it is all that is known"
        );
        for i in 0..10 {
            peaks.learn(f64::from(i), 40.0);
        }
        peaks.learn(20.0, 1e12);
        assert!((peaks.highest() - 40.0).abs() < 1e-6);
        peaks.learn(86_400.0, 20.0);
        assert!((peaks.highest() - 40.0).abs() < 1e-6, "yesterday counts");
        peaks.learn(7.0 * 86_400.0, 20.0);
        assert!(
            (peaks.highest() - 40.0).abs() < 1e-6,
            "by days that were seen"
        );
        for day in 8..15 {
            peaks.learn(f64::from(day) * 86_400.0, 20.0);
        }
        assert!((peaks.highest() - 20.0).abs() < 1e-6 && peaks.is_sound());
    }

    #[test]
    fn the_absurd_does_no_harm() {
        let mut peaks = Peaks::default();
        for rate in [f64::NAN, f64::INFINITY, -1.0, 1e308] {
            peaks.learn(5.0, rate);
            assert!(peaks.is_sound(), "{peaks:?}");
        }
    }
}
