//! Between durations and seconds as floating-point numbers, to the nearest nanosecond.

use std::time::Duration;

/// The nearest whole number; negative or not a number is 0, and 2⁶³ − 1 is the end.
#[inline]
pub(crate) fn whole(number: f64) -> u64 {
    // `as` saturates, and takes NaN as 0. Processors know how to make signed numbers.
    ((number + 0.5) as i64).max(0) as u64
}

/// Seconds as nanoseconds; negative or not a number is 0, and 292 years is the end.
#[inline]
pub(crate) fn nanos(seconds: f64) -> u64 {
    whole(seconds * 1e9)
}

/// Seconds as a duration.
#[inline]
pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_nanos(nanos(seconds))
}

/// A duration in nanoseconds; what is over 584 years, which no distribution is built from, wraps round.
#[inline]
pub(crate) const fn whole_nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .wrapping_mul(1_000_000_000)
        .wrapping_add(duration.subsec_nanos() as u64)
}
