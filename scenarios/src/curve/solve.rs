//! Where an integral reaches a count, for shapes without a closed form.

use super::Curve;

/// The last instant that is looked at, in seconds: 317 years.
pub(super) const END: f64 = 1e10;

/// A tenth of a nanosecond: as fine as a solution needs to be, in seconds.
const FINE: f64 = 1e-10;

/// The point of [`low`, `high`] at which a rising function reaches `target`, which lies between its values there; `curve`
/// gives its slope and its value. Newton's method from `near` inside a shrinking bracket, bisecting where Newton would
/// leave it.
pub(super) fn between(
    curve: impl Fn(f64) -> (f64, f64),
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
        let (rate, count) = curve(t);
        let error = count - target;
        if error < 0.0 {
            low = t;
        } else {
            high = t;
        }
        let newton = t - error / rate;
        if (newton - t).abs() <= FINE {
            return newton.clamp(low, high);
        }
        // NaN and infinity are outside every bracket.
        let next = if newton > low && newton < high {
            newton
        } else {
            low + (high - low) / 2.0
        };
        if high - low <= FINE {
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
    let rate_and_count = |t| (curve.rate(t), curve.count(t));
    Some(between(rate_and_count, count, (low, high), near))
}
