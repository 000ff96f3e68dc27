//! Counts and latencies of one series in one window, where one request may stand for many.

use std::time::Duration;

use metrics::{Counts, Histogram, Precision, Series};

use crate::span::End;

/// Buckets of each octave: finer than a window's histogram.
const FINENESS: u32 = 8;
/// From a microsecond to over two minutes.
const OCTAVES: usize = 27;
const BUCKETS: usize = OCTAVES << FINENESS;
/// The bucket of a double by its highest bits, from 1 on.
const SHIFT: u32 = 52 - FINENESS;
const FIRST: u64 = 1.0_f64.to_bits() >> SHIFT;

/// A series that is still counted.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    counts: Counts,
    buckets: Vec<u64>,
    /// From the lowest bucket that was used to after the highest.
    used: (usize, usize),
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            counts: Counts::default(),
            buckets: vec![0; BUCKETS],
            used: (BUCKETS, 0),
        }
    }

    /// Counts `weight` requests that came to this end after so many seconds; served above `within` seconds is slow.
    #[inline]
    pub(super) fn add(&mut self, end: End, seconds: f64, within: f64, weight: u64) {
        let counts = &mut self.counts;
        counts.offered += weight;
        match end {
            End::Served => counts.served += weight,
            End::Failed => counts.failed += weight,
            End::Shed => counts.shed += weight,
            End::TimedOut => counts.timed_out += weight,
        }
        if end == End::Served && seconds > within {
            counts.slow += weight;
        }
        // What failed at once has no latency, lest a broken shop look fast.
        if matches!(end, End::Served | End::TimedOut) {
            let bits = (seconds * 1e6).max(1.0).to_bits() >> SHIFT;
            let bucket = ((bits - FIRST) as usize).min(BUCKETS - 1);
            self.buckets[bucket] += weight;
            self.used = (self.used.0.min(bucket), self.used.1.max(bucket + 1));
        }
    }

    /// Counts tries beyond the first.
    pub(super) fn retried(&mut self, retries: u64) {
        self.counts.retries += retries;
    }

    /// What was counted, but for the service time, which is the latency: nobody is late, and nobody asks again. Counting
    /// begins anew.
    pub(super) fn take(&mut self) -> Series {
        let counts = std::mem::take(&mut self.counts);
        let (first, last) = std::mem::replace(&mut self.used, (BUCKETS, 0));
        if first >= last {
            return Series {
                counts,
                ..Series::default()
            };
        }
        let mut latency = Histogram::new(Precision::Window);
        for (bucket, count) in self.buckets[first..last].iter_mut().enumerate() {
            if *count > 0 {
                latency.record_many(middle(first + bucket), std::mem::take(count));
            }
        }
        Series {
            counts,
            latency: Some(latency),
            ..Series::default()
        }
    }
}

fn middle(bucket: usize) -> Duration {
    let bits = (((bucket as u64) + FIRST) << SHIFT) | (1 << (SHIFT - 1));
    Duration::from_nanos((f64::from_bits(bits) * 1e3) as u64)
}

#[cfg(test)]
mod tests {
    use metrics::Quantile;

    use super::*;

    #[test]
    fn latencies_come_out_as_they_went_in() {
        let mut tally = Tally::new();
        for ms in 1..=1000_u32 {
            tally.add(End::Served, f64::from(ms) / 1e3, 0.9, 3);
        }
        tally.add(End::Shed, 0.0, 0.9, 5);
        tally.add(End::TimedOut, 5.0, 0.9, 1);
        let series = tally.take();
        assert_eq!(series.counts.offered, 3006);
        assert_eq!((series.counts.served, series.counts.slow), (3000, 300));
        assert_eq!((series.counts.shed, series.counts.timed_out), (5, 1));
        let latency = series.latency.unwrap();
        assert_eq!(latency.len(), 3001);
        let p50 = latency.quantile(Quantile::P50).unwrap().as_secs_f64();
        assert!((p50 / 0.5 - 1.0).abs() < 0.01, "{p50}");
        assert_eq!(tally.take(), Series::default(), "counting begins anew");
    }

    #[test]
    fn the_shortest_and_the_longest_have_a_bucket() {
        let mut tally = Tally::new();
        tally.add(End::Served, 0.0, 1.0, 1);
        tally.add(End::Served, 1e9, 1.0, 1);
        let latency = tally.take().latency.unwrap();
        assert_eq!(latency.len(), 2);
        assert!(latency.max().unwrap() >= Duration::from_secs(119));
    }
}
