//! Counting latencies as fast as it goes, to make a histogram of them later.

use std::time::Duration;

use super::{HIGHEST_US, Histogram, LOWEST_US, Precision};

/// Latencies that fall below a power of two are told apart one by one up to 2⁸ µs, and by their first eight binary digits
/// from there on: the buckets of an HdrHistogram with two decimal digits.
const DIGITS: u32 = 8;
const HALF: u32 = 1 << (DIGITS - 1);

/// Counts of latencies in the very buckets of a [`Histogram`] of [`Precision::Window`], for whoever records a thousand for
/// each histogram that is read: a record is a division and an addition.
#[derive(Clone, Debug, Default)]
pub struct LatencyCounts {
    /// By bucket, up to the longest latency so far.
    counts: Vec<u32>,
    clamped: u64,
}

impl LatencyCounts {
    /// Counts one latency of so many nanoseconds; one over 120 s counts as 120 s.
    #[inline]
    pub fn record(&mut self, nanos: u64) {
        let us = nanos / 1000;
        if us > HIGHEST_US {
            self.clamped += 1;
        }
        let bucket = bucket_of(us.clamp(LOWEST_US, HIGHEST_US));
        match self.counts.get_mut(bucket) {
            Some(count) if *count < u32::MAX => *count += 1,
            Some(_) => {}
            None => {
                self.counts.resize(bucket + 1, 0);
                self.counts[bucket] = 1;
            }
        }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// What was counted as a histogram.
    #[must_use]
    pub fn histogram(&self) -> Histogram {
        let mut histogram = Histogram::new(Precision::Window);
        for (bucket, count) in self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
        {
            let lowest = Duration::from_micros(lowest_of(bucket));
            histogram.record_many(lowest, u64::from(*count));
        }
        histogram.clamped = self.clamped;
        histogram
    }
}

/// The bucket of a latency in µs.
#[inline]
const fn bucket_of(us: u64) -> usize {
    let shift = u64::BITS - DIGITS - (us | ((1 << DIGITS) - 1)).leading_zeros();
    (shift * HALF) as usize + (us >> shift) as usize
}

/// The lowest latency of a bucket, in µs.
const fn lowest_of(bucket: usize) -> u64 {
    let half = HALF as usize;
    let shift = (bucket / half).saturating_sub(1);
    ((bucket - shift * half) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn both(nanos: &[u64]) -> (Histogram, Histogram) {
        let mut counts = LatencyCounts::default();
        let mut histogram = Histogram::new(Precision::Window);
        for nanos in nanos {
            counts.record(*nanos);
            histogram.record(Duration::from_nanos(*nanos));
        }
        (counts.histogram(), histogram)
    }

    #[test]
    fn each_bucket_is_one_of_the_histograms() {
        // Every border that there is, and its neighbours.
        let borders = (0..=bucket_of(HIGHEST_US)).map(lowest_of);
        let nanos: Vec<u64> = borders
            .flat_map(|us| [us * 1000, us * 1000 + 999, us * 1000 + 1000])
            .collect();
        let (counts, histogram) = both(&nanos);
        assert_eq!(counts, histogram);
        assert_eq!(counts.to_base64(), histogram.to_base64());
    }

    proptest! {
        #[test]
        fn it_is_the_histogram_of_what_was_recorded(all in prop::collection::vec((any::<u64>(), 24_u32..64), 0..100)) {
            let nanos: Vec<u64> = all.into_iter().map(|(number, shift)| number >> shift).collect();
            let (counts, histogram) = both(&nanos);
            prop_assert_eq!(counts.clamped(), histogram.clamped());
            prop_assert_eq!(counts.max(), histogram.max());
            prop_assert_eq!(counts.to_base64(), histogram.to_base64());
            prop_assert_eq!(counts, histogram);
        }
    }
}
