//! Between durations and seconds as floating-point numbers, to the nearest nanosecond.

use std::time::Duration;

/// Seconds as nanoseconds; negative or not a number is 0, and 584 years is the end.
#[inline]
pub(crate) fn nanos(seconds: f64) -> u64 {
    // `as` saturates, and takes NaN as 0.
    (seconds * 1e9 + 0.5) as u64
}

/// Seconds as a duration.
#[inline]
pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_nanos(nanos(seconds))
}
