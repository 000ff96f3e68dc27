//! How many requests are too slow at which utilisation.

use std::time::Duration;

use metrics::Replicas;

/// Utilisations that a curve made from a formula is given at: every hundredth.
const GRID: u32 = 100;

/// Beyond this many replicas none is looked for.
const MOST_REPLICAS: f64 = 1e6;

/// The share of requests that miss a limit, by utilisation: offered rate ÷ the rate at which all slots would be held.
///
/// Between its points it is straight; below the first it stays; from the last on, or from utilisation 1 on, all miss.
#[derive(Clone, Debug, PartialEq)]
pub struct CapacityCurve {
    /// (utilisation, share), both not falling.
    points: Vec<(f64, f64)>,
}

/// Points that are no capacity curve.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CapacityError {
    /// There is none.
    #[error("a capacity curve needs at least one point")]
    NoPoints,
    /// A utilisation is no such thing.
    #[error(
        "point {place}: utilisation {utilisation}, must be at least 0, finite, and above the one before it"
    )]
    Utilisation {
        /// Which point, from 1.
        place: usize,
        /// What was given.
        utilisation: f64,
    },
    /// A share is no such thing.
    #[error("point {place}: a share of {share}, must be from 0 to 1")]
    Share {
        /// Which point, from 1.
        place: usize,
        /// What was given.
        share: f64,
    },
}

impl CapacityCurve {
    /// That of replicas with so many `slots` which hold a request for `mean` on average, when a request must be answered
    /// within `limit`: the sojourn time of the queue M/M/k (Kleinrock, *Queueing Systems* I, 1975, chapter 3),
    ///
    /// P(T > L) = e^(−μL) · (1 + C · (1 − e^(−μL·(k − 1 − a))) ÷ (k − 1 − a)), with a = k·ρ and Erlang's C.
    ///
    /// Slots are at least 1 and counted up to a thousand; a `mean` of zero never misses below utilisation 1.
    #[must_use]
    pub fn of_slots(slots: u32, mean: Duration, limit: Duration) -> Self {
        let limit = if mean.is_zero() {
            f64::INFINITY
        } else {
            limit.as_secs_f64() / mean.as_secs_f64()
        };
        let point = |place: u32| {
            let utilisation = f64::from(place) / f64::from(GRID);
            (
                utilisation,
                slower(slots.clamp(1, 1000), utilisation, limit),
            )
        };
        Self {
            points: raised((0..=GRID).map(point).collect()),
        }
    }

    /// That of measured points, in the order of utilisation. A share below the one before it is raised to it: more load
    /// makes nobody faster.
    ///
    /// # Errors
    /// If there is no point, or one is out of order or range.
    pub fn from_points(points: Vec<(f64, f64)>) -> Result<Self, CapacityError> {
        if points.is_empty() {
            return Err(CapacityError::NoPoints);
        }
        let mut before = None;
        for (place, (utilisation, share)) in points.iter().copied().enumerate() {
            let place = place + 1;
            let in_order = before.is_none_or(|before| utilisation > before);
            if !utilisation.is_finite() || utilisation < 0.0 || !in_order {
                return Err(CapacityError::Utilisation { place, utilisation });
            }
            if !(0.0..=1.0).contains(&share) {
                return Err(CapacityError::Share { place, share });
            }
            before = Some(utilisation);
        }
        Ok(Self {
            points: raised(points),
        })
    }

    /// The share of requests that miss at this utilisation.
    #[must_use]
    pub fn missed(&self, utilisation: f64) -> f64 {
        let after = self.points.partition_point(|(at, _)| *at <= utilisation);
        match (
            after.checked_sub(1).map(|i| self.points[i]),
            self.points.get(after),
        ) {
            _ if utilisation >= 1.0 => 1.0,
            (None, Some((_, share))) => *share,
            (Some((from, low)), Some((to, high))) => {
                low + (high - low) * (utilisation - from) / (to - from)
            }
            (Some((from, low)), None) if utilisation <= from => low,
            (_, None) => 1.0,
        }
    }

    /// The utilisations above 0 at which it bends, from the highest down.
    pub(super) fn bends(&self) -> impl Iterator<Item = f64> {
        let points = self.points.iter().rev().map(|(at, _)| *at);
        points.filter(|at| *at > 0.0)
    }

    /// The share of requests that miss however many replicas there are.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.points.first().map_or(0.0, |(_, share)| *share)
    }

    /// The highest utilisation at which no more than `share` miss; nothing if even none does not help.
    #[must_use]
    pub fn safe(&self, share: f64) -> Option<f64> {
        if self.least() > share {
            return None;
        }
        let after = self.points.partition_point(|(_, missed)| *missed <= share);
        let (from, low) = self.points[after - 1];
        Some(match self.points.get(after) {
            Some((to, high)) => from + (to - from) * (share - low) / (high - low),
            None => from,
        })
    }

    /// The fewest replicas at which no more than `share` of the requests miss, when `rate` requests per second are
    /// offered and each replica can take `full_rate` with all its slots held; nothing if no number helps.
    #[must_use]
    pub fn replicas(&self, rate: f64, full_rate: f64, share: f64) -> Option<Replicas> {
        let safe = self.safe(share)?;
        if rate <= 0.0 {
            return Some(Replicas(0));
        }
        // The quotient may be off by a rounding in either direction.
        let guess = (rate / (full_rate * safe)).ceil();
        if guess.is_nan() || guess > MOST_REPLICAS {
            return None;
        }
        let enough = |n: f64| n > 0.0 && self.missed(rate / (n * full_rate)) <= share;
        let candidates = [guess - 1.0, guess, guess + 1.0];
        let fewest = candidates.into_iter().find(|n| enough(*n))?;
        Some(Replicas(fewest as u32))
    }
}

fn raised(mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut highest = 0.0_f64;
    for (_, share) in &mut points {
        highest = highest.max(*share);
        *share = highest;
    }
    points
}

/// The share slower than `limit`, in mean service times, of M/M/k at this utilisation.
fn slower(slots: u32, utilisation: f64, limit: f64) -> f64 {
    if utilisation >= 1.0 {
        return 1.0;
    }
    let a = f64::from(slots) * utilisation;
    let room = f64::from(slots) - 1.0 - a;
    let waits = erlang_c(slots, a);
    if limit.is_infinite() {
        return 0.0;
    }
    let beyond = if room.abs() < 1e-9 {
        limit
    } else {
        -libm::expm1(-limit * room) / room
    };
    (libm::exp(-limit) * (1.0 + waits * beyond)).clamp(0.0, 1.0)
}

/// The chance to wait in M/M/k with `a` Erlangs below k, from Erlang's B by its recursion.
fn erlang_c(slots: u32, a: f64) -> f64 {
    let blocked = (1..=slots).fold(1.0, |b, k| a * b / (f64::from(k) + a * b));
    let rho = a / f64::from(slots);
    blocked / (1.0 - rho * (1.0 - blocked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn one_slot_is_the_m_m_1_queue() {
        // P(T > t) = e^(−(μ − λ)t).
        let curve = CapacityCurve::of_slots(1, s(0.1), s(0.5));
        for (utilisation, expected) in [(0.0, -5.0), (0.5, -2.5), (0.8, -1.0), (0.99, -0.05)] {
            let expected: f64 = libm::exp(expected);
            let is = curve.missed(utilisation);
            assert!(
                (is / expected - 1.0).abs() < 1e-9,
                "{utilisation}: {is} {expected}"
            );
        }
        assert!((curve.missed(1.2) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn many_slots_wait_as_erlang_says() {
        // M/M/10 at 0.8: 40.918 % wait (queueing tables).
        assert!((erlang_c(10, 8.0) - 0.409_180_150_796_444).abs() < 1e-12);
        // Where a = k − 1 the formula has a limit, which the neighbours approach.
        let curve = |utilisation| slower(2, utilisation, 3.0);
        assert!((curve(0.5) - (curve(0.499_999) + curve(0.500_001)) / 2.0).abs() < 1e-9);
    }

    #[test]
    fn the_fewest_replicas_keep_the_share_and_one_less_does_not() {
        let curve = CapacityCurve::of_slots(4, s(0.05), s(0.3));
        for rate in [0.1, 3.0, 79.9, 80.0, 1234.5] {
            let n = curve.replicas(rate, 80.0, 0.01).unwrap().get();
            let missed = |n: u32| curve.missed(rate / (f64::from(n) * 80.0));
            assert!(missed(n) <= 0.01, "{rate}: {n}");
            assert!(n == 1 || missed(n - 1) > 0.01, "{rate}: {n}");
        }
        assert_eq!(curve.replicas(0.0, 80.0, 0.01), Some(Replicas(0)));
        assert_eq!(
            curve.replicas(10.0, 0.0, 0.01),
            None,
            "replicas that can do nothing"
        );
        let slow = CapacityCurve::of_slots(4, s(1.0), s(0.3));
        assert_eq!(
            slow.replicas(1.0, 4.0, 0.01),
            None,
            "too slow even when alone"
        );
    }

    #[test]
    fn measured_points_are_checked_and_never_fall() {
        let curve =
            CapacityCurve::from_points(vec![(0.2, 0.01), (0.5, 0.005), (0.7, 0.11)]).unwrap();
        for (utilisation, missed) in [
            (0.0, 0.01),
            (0.5, 0.01),
            (0.6, 0.06),
            (0.7, 0.11),
            (0.71, 1.0),
        ] {
            assert!(
                (curve.missed(utilisation) - missed).abs() < 1e-12,
                "{utilisation}"
            );
        }
        assert!((curve.safe(0.06).unwrap() - 0.6).abs() < 1e-12);
        assert_eq!(
            CapacityCurve::from_points(vec![]),
            Err(CapacityError::NoPoints)
        );
        for points in [
            vec![(0.5, 0.1), (0.5, 0.2)],
            vec![(f64::NAN, 0.1)],
            vec![(0.1, 1.5)],
        ] {
            assert!(
                CapacityCurve::from_points(points.clone()).is_err(),
                "{points:?}"
            );
        }
    }
}
