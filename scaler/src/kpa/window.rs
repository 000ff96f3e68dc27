//! One-second readings in a ring, and their average as Knative takes it.
//!
//! After `pkg/autoscaler/aggregation/bucketing.go` of knative/serving 98e5ef90. Time is counted in buckets since the
//! epoch. Two things differ, on absurd values only: sums saturate, and what rounding left behind is dropped once a ring.

use serde::{Deserialize, Serialize};

/// The most buckets: an hour of 30 ms buckets, so that no specification makes it hold more than a megabyte.
const MOST: i64 = 120_000;
/// The share of the newest bucket of a very long weighted window.
const LEAST_WEIGHT: f64 = 0.2;
/// How much of all weight lies before the window. Upstream takes it from 0.9999, but in exact arithmetic.
const BEFORE: f64 = 0.0001;

/// A window of readings that averages over its buckets.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Window {
    buckets: Vec<f64>,
    /// The first and the last bucket that was written to, as numbers since the epoch.
    written: Option<(i64, i64)>,
    /// The sum of all buckets of the ring, also of those that are too old by now.
    total: f64,
    /// How much of the average is the newest bucket's: then older ones weigh ever less.
    weight: Option<f64>,
}

/// A [`Window`] as it is saved.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Saved {
    buckets: Vec<f64>,
    written: Option<(i64, i64)>,
    total: f64,
}

impl Window {
    /// An empty window of so many buckets, at least one.
    pub(super) fn new(buckets: i64, weighted: bool) -> Self {
        let buckets = buckets.clamp(1, MOST);
        let weight = 1.0 - libm::pow(BEFORE, 1.0 / buckets as f64);
        Self {
            buckets: vec![0.0; buckets as usize],
            written: None,
            total: 0.0,
            weight: weighted.then_some(weight.max(LEAST_WEIGHT)),
        }
    }

    fn len(&self) -> i64 {
        self.buckets.len() as i64
    }

    fn place(&self, bucket: i64) -> usize {
        bucket.rem_euclid(self.len()) as usize
    }

    /// Whether anything was ever written.
    pub(super) const fn is_new(&self) -> bool {
        self.written.is_none()
    }

    /// Whether nothing was written for more than the window before `now`.
    pub(super) fn is_stale(&self, now: i64) -> bool {
        self.written
            .is_none_or(|(_, last)| now.saturating_sub(last) > self.len())
    }

    /// Adds a reading to its bucket. One that is a window older than the newest is too late.
    pub(super) fn record(&mut self, bucket: i64, value: f64) {
        let (first, last) = match self.written {
            None => (bucket, bucket),
            Some((_, last)) if bucket.saturating_add(self.len()) <= last => return,
            Some((_, last)) if bucket.saturating_sub(last) >= self.len() => {
                self.buckets.fill(0.0);
                self.total = 0.0;
                (bucket, bucket)
            }
            Some((first, last)) => {
                self.clear(last, bucket);
                (first.min(bucket), last.max(bucket))
            }
        };
        self.written = Some((first, last));
        let place = self.place(bucket);
        self.buckets[place] = add(self.buckets[place], value);
        self.total = add(self.total, value);
    }

    /// Empties the buckets after `last` up to `bucket`, less than a ring further on.
    fn clear(&mut self, last: i64, bucket: i64) {
        for passed in last + 1..=bucket {
            let place = self.place(passed);
            self.total = add(self.total, -self.buckets[place]);
            self.buckets[place] = 0.0;
            if place == 0 {
                self.total = self.buckets.iter().fold(0.0, |sum, value| add(sum, *value));
            }
        }
    }

    /// The average at `now`; 0 if nothing was written within the window.
    pub(super) fn average(&self, now: i64) -> f64 {
        let Some((first, last)) = self.written else {
            return 0.0;
        };
        let silent = now.saturating_sub(last).max(0);
        match self.weight {
            Some(weight) => self.weighted(weight, last, silent),
            None => self.linear(first, last, silent),
        }
    }

    fn linear(&self, first: i64, last: i64, silent: i64) -> f64 {
        if silent >= self.len() {
            return 0.0;
        }
        let expired = (last + 1..=last.saturating_add(silent)).map(|b| self.buckets[self.place(b)]);
        let rest = expired.fold(self.total, |sum, value| add(sum, -value));
        let seconds = last.saturating_sub(first).saturating_add(1);
        let counted = seconds.min(self.len() - silent).max(1);
        let average = rest / counted as f64;
        // Beyond this there are no decimals to round.
        if average.abs() < 1e12 {
            (average * 1e6).round() / 1e6
        } else {
            average
        }
    }

    fn weighted(&self, weight: f64, last: i64, silent: i64) -> f64 {
        let counted = self.len().saturating_sub(silent);
        let mut share = weight * libm::pow(1.0 - weight, silent as f64);
        let mut average = 0.0;
        for age in 0..counted {
            let bucket = self.buckets[self.place(last.saturating_sub(age))];
            average = add(average, bucket * share);
            share *= 1.0 - weight;
        }
        average
    }

    pub(super) fn save(&self) -> Saved {
        Saved {
            buckets: self.buckets.clone(),
            written: self.written,
            total: self.total,
        }
    }

    /// Takes back what was saved. A window of another length keeps the newest of it, as upstream does when it resizes.
    pub(super) fn restore(&mut self, saved: Saved) {
        let old = saved.buckets.len() as i64;
        let Some((first, last)) = saved
            .written
            .filter(|(first, last)| old > 0 && first <= last)
        else {
            self.written = None;
            self.total = 0.0;
            self.buckets.fill(0.0);
            return;
        };
        if old == self.len() {
            self.buckets = saved.buckets;
            self.total = saved.total;
            self.written = Some((first, last));
            return;
        }
        self.buckets.fill(0.0);
        self.total = 0.0;
        for age in 0..old.min(self.len()) {
            let bucket = last.saturating_sub(age);
            let value = saved.buckets[bucket.rem_euclid(old) as usize];
            let place = self.place(bucket);
            self.buckets[place] = value;
            self.total = add(self.total, value);
        }
        self.written = Some((last.saturating_sub(old - 1), last));
    }
}

/// A sum that never becomes infinite.
fn add(a: f64, b: f64) -> f64 {
    (a + b).clamp(f64::MIN, f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(buckets: i64, readings: &[(i64, f64)]) -> Window {
        let mut window = Window::new(buckets, false);
        for (bucket, value) in readings {
            window.record(*bucket, *value);
        }
        window
    }

    #[test]
    fn averages_count_from_the_first_write_to_the_last() {
        let half = window(10, &[(100, 4.0), (101, 8.0)]);
        assert_eq!(half.average(101), 6.0);
        let gap = window(10, &[(100, 4.0), (103, 8.0)]);
        assert_eq!(gap.average(103), 3.0, "missing seconds are nothing");
        let same = window(10, &[(100, 4.0), (100, 8.0)]);
        assert_eq!(same.average(100), 12.0, "values of one second add up");
        let late = window(10, &[(100, 4.0), (99, 8.0), (90, 1000.0)]);
        assert_eq!(
            late.average(100),
            6.0,
            "late ones count, too late ones do not"
        );
    }

    #[test]
    fn silence_divides_by_what_is_left_of_the_window() {
        let full: Vec<_> = (100..110).map(|b| (b, 1.0)).collect();
        let full = window(10, &full);
        assert_eq!(full.average(109), 1.0);
        assert_eq!(full.average(114), 1.0, "five left, five seconds");
        assert_eq!(full.average(119), 0.0);
        assert!(!full.is_stale(119));
        assert!(full.is_stale(120));
        let mut full = full;
        full.record(119, 7.0);
        assert_eq!(full.average(119), 7.0, "a gap of a window begins anew");
    }

    #[test]
    fn newer_readings_weigh_more_in_a_weighted_window() {
        let mut window = Window::new(60, true);
        window.record(100, 0.0);
        for bucket in 101..140 {
            window.record(bucket, 10.0);
        }
        let now = window.average(139);
        assert!((9.99..10.0).contains(&now), "{now}");
        assert!((window.average(140) - now * 0.8).abs() < 1e-3);
    }

    #[test]
    fn what_a_huge_reading_left_behind_is_gone_after_a_ring() {
        let mut window = window(4, &[(100, 1e308), (100, 1e308)]);
        for bucket in 101..110 {
            window.record(bucket, 3.0);
        }
        assert_eq!(window.average(109), 3.0);
    }

    #[test]
    fn another_length_keeps_the_newest() {
        let long: Vec<_> = (100..160).map(|b| (b, (b - 100) as f64)).collect();
        let mut short = Window::new(6, false);
        short.restore(window(60, &long).save());
        assert_eq!(short.average(159), 56.5);
    }
}
