//! Where an integral reaches a count, for shapes without a closed form.

use super::Curve;

/// The last instant that is looked at, in seconds: 317 years.
pub(super) const END: f64 = 1e10;

/// A tenth of a nanosecond: as fine as a solution needs to be, in seconds.
const FINE: f64 = 1e-10;

/// The point of [`low`, `high`] at which the rising function `count` reaches `target`, which lies between its values
/// there. Newton's method from `near` inside a shrinking bracket, bisecting where Newton would leave it.
pub(super) fn between(
    count: impl Fn(f64) -> f64,
    rate: impl Fn(f64) -> f64,
    target: f64,
    (mut low, mut high): (f64, f64),
    near: f64,
) -> f64 {
    let mut t = if (low..=high).contains(&near) {
        near
    } else {
        low + (high - low) / 2.0
    };
    // Bisection alone needs log2(END / FINE) = 67 halvings.
    for _ in 0..200 {
        let error = count(t) - target;
        if error < 0.0 {
            low = t;
        } else {
            high = t;
        }
        let newton = t - error / rate(t);
        // NaN and infinity are outside every bracket.
        let next = if newton > low && newton < high {
            newton
        } else {
            low + (high - low) / 2.0
        };
        if high - low <= FINE || (next - t).abs() <= FINE {
            return next;
        }
        t = next;
    }
    t
}

/// Where the integral of `curve` reaches `count` > 0, if it does before [`END`].
pub(super) fn anywhere(curve: &Curve, count: f64, near: f64) -> Option<f64> {
    let mut low = 0.0;
    let mut high = near.max(1.0);
    while curve.count(high) < count {
        if high >= END {
            return None;
        }
        low = high;
        high = (high * 2.0).min(END);
    }
    Some(between(
        |t| curve.count(t),
        |t| curve.rate(t),
        count,
        (low, high),
        near,
    ))
}
