//! A mergeable histogram of latencies.

mod counting;
mod unpack;

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Quantile;

pub use counting::LatencyCounts;

/// The smallest latency told apart from its neighbours, in µs.
const LOWEST_US: u64 = 1;
/// The largest latency held, in µs: 120 s. What is longer counts as this, and [`Histogram::clamped`] says how often.
const HIGHEST_US: u64 = 120_000_000;
/// The longest text read as a histogram, in bytes: far above what 3 digits need.
const LONGEST_TEXT: usize = 1 << 20;

/// How many decimal digits of a latency are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Precision {
    /// Two digits, at most 31 KiB: windows.
    Window,
    /// Three digits, at most 144 KiB: phases and whole runs.
    Whole,
}

/// A text that is no histogram of ours.
#[derive(Debug, thiserror::Error)]
#[error("not a histogram (HdrHistogram V2 deflate, base64): {0}")]
pub struct HistogramError(String);

/// Latencies from 1 µs to 120 s in fixed buckets, so that any two can be added without loss.
///
/// Serialised as the base64 text of the HdrHistogram V2 deflate form, which other tools read as well.
#[derive(Clone, JsonSchema, PartialEq)]
#[schemars(with = "String")]
pub struct Histogram {
    inner: hdrhistogram::Histogram<u64>,
    clamped: u64,
}

impl Histogram {
    /// An empty histogram.
    #[must_use]
    pub fn new(precision: Precision) -> Self {
        let digits = match precision {
            Precision::Window => 2,
            Precision::Whole => 3,
        };
        let inner = hdrhistogram::Histogram::new_with_bounds(LOWEST_US, HIGHEST_US, digits)
            .expect("the bounds are constants and valid");
        Self { inner, clamped: 0 }
    }

    /// Counts one latency; one over 120 s counts as 120 s.
    #[inline]
    pub fn record(&mut self, latency: Duration) {
        self.record_many(latency, 1);
    }

    /// Counts the same latency so many times.
    #[inline]
    pub fn record_many(&mut self, latency: Duration, count: u64) {
        let seconds = latency.as_secs().saturating_mul(1_000_000);
        let us = seconds.saturating_add(latency.subsec_micros().into());
        if us > HIGHEST_US {
            self.clamped += count;
        }
        self.inner
            .saturating_record_n(us.clamp(LOWEST_US, HIGHEST_US), count);
    }

    /// Adds all that `other` holds. Its digits beyond this one's precision are lost.
    pub fn add(&mut self, other: &Self) {
        self.inner
            .add(&other.inner)
            .expect("all histograms have the same bounds");
        self.clamped += other.clamped;
    }

    /// How many latencies it holds.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.inner.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// How many of them were longer than 120 s and count as 120 s.
    #[must_use]
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// The latency that a share `quantile` of all are at most, if there are any.
    #[must_use]
    pub fn quantile(&self, quantile: Quantile) -> Option<Duration> {
        (!self.is_empty())
            .then(|| Duration::from_micros(self.inner.value_at_quantile(quantile.get())))
    }

    /// As [`Histogram::quantile`], but only with enough samples to say so: see [`Quantile::samples_needed`].
    #[must_use]
    pub fn certain_quantile(&self, quantile: Quantile) -> Option<Duration> {
        (self.len() >= quantile.samples_needed())
            .then(|| self.quantile(quantile))
            .flatten()
    }

    /// The mean, if there are any.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_nanos((self.inner.mean() * 1000.0) as u64))
    }

    /// The longest, if there are any.
    #[must_use]
    pub fn max(&self) -> Option<Duration> {
        (!self.is_empty()).then(|| Duration::from_micros(self.inner.max()))
    }

    /// How many were longer than `limit`, to the precision of the buckets: those in `limit`'s own bucket do not count.
    #[must_use]
    pub fn count_above(&self, limit: Duration) -> u64 {
        let us = u64::try_from(limit.as_micros())
            .unwrap_or(u64::MAX)
            .clamp(LOWEST_US, HIGHEST_US);
        let within = self.inner.count_between(0, us);
        self.len().saturating_sub(within)
    }

    /// The filled buckets in rising order: (their highest latency, how many).
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.inner.iter_recorded().map(|v| {
            (
                Duration::from_micros(v.value_iterated_to()),
                v.count_at_value(),
            )
        })
    }

    /// The HdrHistogram V2 deflate form in base64.
    #[must_use]
    pub fn to_base64(&self) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&self.inner, &mut bytes)
            .expect("writing to memory does not fail");
        STANDARD.encode(bytes)
    }

    /// Reads what [`Histogram::to_base64`] wrote.
    ///
    /// # Errors
    /// If it is not such a text, or has other bounds.
    pub fn from_base64(text: &str) -> Result<Self, HistogramError> {
        let inner = unpack::unpack(text)?;
        Ok(Self { inner, clamped: 0 })
    }

    /// Whether [`Histogram::from_base64`] can read it, in half the time.
    ///
    /// # Errors
    /// As there.
    pub fn check_base64(text: &str) -> Result<(), HistogramError> {
        unpack::check(text)
    }

    /// The histogram underneath, for tools that write other forms of it.
    #[must_use]
    pub fn as_hdr(&self) -> &hdrhistogram::Histogram<u64> {
        &self.inner
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Histogram({} samples, p50 {:?}, max {:?})",
            self.len(),
            self.quantile(Quantile::P50),
            self.max()
        )
    }
}

impl Serialize for Histogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64())
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

/// Takes a text as it stands in the input, without a copy of it.
struct Text;

impl serde::de::Visitor<'_> for Text {
    type Value = Histogram;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a histogram's text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Histogram, E> {
        Histogram::from_base64(text).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values_us: &[u64], precision: Precision) -> Histogram {
        let mut h = Histogram::new(precision);
        for us in values_us {
            h.record(Duration::from_micros(*us));
        }
        h
    }

    proptest! {
        #[test]
        fn adding_is_recording_both(a in prop::collection::vec(0_u64..200_000_000, 0..50), b in prop::collection::vec(0_u64..200_000_000, 0..50)) {
            let mut sum = of(&a, Precision::Window);
            sum.add(&of(&b, Precision::Window));
            let all: Vec<u64> = a.iter().chain(&b).copied().collect();
            prop_assert_eq!(sum, of(&all, Precision::Window));
        }

        #[test]
        fn survives_the_trip_through_text(a in prop::collection::vec(0_u64..120_000_000, 0..50)) {
            let h = of(&a, Precision::Whole);
            prop_assert!(Histogram::check_base64(&h.to_base64()).is_ok());
            prop_assert_eq!(Histogram::from_base64(&h.to_base64()).unwrap(), h);
        }

        #[test]
        fn any_text_is_an_error_and_no_panic(text in ".{0,200}") {
            prop_assert!(Histogram::from_base64(&text).is_err());
            prop_assert!(Histogram::check_base64(&text).is_err());
        }
    }

    #[test]
    fn a_quantile_without_enough_samples_is_not_said() {
        let h = of(&[1000; 499], Precision::Window);
        assert_eq!(h.certain_quantile(Quantile::P99), None);
        assert!(h.quantile(Quantile::P99).is_some());
    }

    #[test]
    fn counts_above_a_limit() {
        let h = of(
            &[100, 200, 300_000, 300_001, 500_000, 200_000_000],
            Precision::Whole,
        );
        assert_eq!(h.count_above(Duration::from_millis(300)), 2);
        assert_eq!(h.clamped(), 1);
    }
}
