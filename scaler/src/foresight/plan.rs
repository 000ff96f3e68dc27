//! How many replicas a load is worth: the next one would save less than it costs.

use super::curve::Curve;

/// One load that may come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Case {
    /// How likely, as a share of all.
    pub(super) weight: f64,
    /// Requests per second.
    pub(super) rate: f64,
}

/// What a replica can do, and what a slow request is worth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    pub(super) curve: &'a Curve,
    /// Requests per second that hold all slots of a replica.
    pub(super) full_rate: f64,
    /// Seconds of a replica that one slow request is worth.
    pub(super) price: f64,
}

impl Terms<'_> {
    /// The fewest replicas, up to `max`, at which one more would save less than it costs, and at which fewer than half of
    /// the requests are expected to be slow.
    ///
    /// Never fewer for a higher rate: what is slow is convex in utilisation (see [`Curve::work`]), so what one more saves
    /// falls with their number and grows with the load.
    pub(super) fn replicas(&self, cases: &[Case], max: u32) -> u32 {
        // Most end where they are about three quarters full; surely enough is what is less than a third full.
        self.replicas_near(cases, max, self.enough(cases) / 5 * 2)
    }

    /// The same, found sooner if it is not far from `near`.
    pub(super) fn replicas_near(&self, cases: &[Case], max: u32, near: u32) -> u32 {
        if cases.iter().all(|case| case.rate <= 0.0) {
            return 0;
        }
        let top = self.enough(cases).clamp(1, max.max(1));
        let is_enough = |n: u32| {
            n >= top || (self.saved(cases, n) * self.price < 1.0 && self.missed(cases, n) < 0.5)
        };
        // Too few is below `low`, enough is `high`: they move apart from `near` in ever longer steps.
        let (mut low, mut high, mut step) = (near.clamp(1, top), near.clamp(1, top), 1_u32);
        if is_enough(high) {
            low = 1;
            while high > 1 {
                let lower = high.saturating_sub(step).max(1);
                if !is_enough(lower) {
                    low = lower + 1;
                    break;
                }
                (high, step) = (lower, step.saturating_mul(2));
            }
        } else {
            while !is_enough(high) {
                low = high + 1;
                high = high.saturating_add(step).min(top);
                step = step.saturating_mul(2);
            }
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if is_enough(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        high
    }

    /// A number that is surely enough: with it, and with any more, all cases lie on the curve's first straight, where one
    /// more replica saves nothing.
    fn enough(&self, cases: &[Case]) -> u32 {
        let highest = cases.iter().map(|case| case.rate).fold(0.0, f64::max);
        let most = highest / (self.full_rate * self.curve.straight());
        if most < f64::from(u32::MAX) {
            most.ceil() as u32 + 1
        } else {
            u32::MAX
        }
    }

    /// Slow requests per second that one more than `replicas` would save.
    pub(super) fn saved(&self, cases: &[Case], replicas: u32) -> f64 {
        let slow =
            |rate: f64, n: f64| n * self.full_rate * self.curve.work(rate / (n * self.full_rate));
        let n = f64::from(replicas.max(1));
        let saved = |case: &Case| case.weight * (slow(case.rate, n) - slow(case.rate, n + 1.0));
        cases.iter().map(saved).sum()
    }

    /// The share of requests expected to be slow, each case weighed as it is likely.
    pub(super) fn missed(&self, cases: &[Case], replicas: u32) -> f64 {
        let full = f64::from(replicas.max(1)) * self.full_rate;
        let missed = |case: &Case| case.weight * self.curve.missed(case.rate / full);
        cases.iter().map(missed).sum()
    }
}

/// The price at which a steady load would be given just enough replicas for a share `budget` to be slow: where a budget
/// controller starts. In seconds of a replica for one slow request.
pub(super) fn implied_price(curve: &Curve, full_rate: f64, budget: f64) -> f64 {
    let saved = curve.saved(curve.safe(budget)) * full_rate;
    (1.0 / saved.max(1e-9)).clamp(0.01, 1000.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::curve::{Prior, Seen};
    use super::*;

    fn curve() -> Curve {
        let prior = Prior::of_slots(4, 80.0, Duration::from_millis(500));
        Curve::new(&prior, &Seen::default())
    }

    fn planned(price: f64, cases: &[(f64, f64)]) -> u32 {
        let curve = curve();
        let cases: Vec<Case> = cases
            .iter()
            .map(|(weight, rate)| Case {
                weight: *weight,
                rate: *rate,
            })
            .collect();
        let terms = Terms {
            curve: &curve,
            full_rate: 80.0,
            price,
        };
        terms.replicas(&cases, 1000)
    }

    #[test]
    fn a_steady_load_at_the_implied_price_uses_the_budget() {
        let curve = curve();
        let price = implied_price(&curve, 80.0, 0.001);
        assert!((0.2..1.0).contains(&price), "{price}");
        let n = planned(price, &[(1.0, 2400.0)]);
        let missed = curve.missed(2400.0 / (f64::from(n) * 80.0));
        assert!((0.000_3..0.003).contains(&missed), "{n}: {missed}");
    }

    #[test]
    fn never_fewer_for_more_load_a_higher_price_or_a_likelier_peak() {
        let mut last = 0;
        for rate in 0..400 {
            let n = planned(0.5, &[(1.0, f64::from(rate) * 17.0)]);
            assert!(n >= last, "{rate}");
            last = n;
        }
        let mut last = 0;
        for exponent in -10..20 {
            let n = planned(
                libm::exp2(f64::from(exponent)),
                &[(0.9, 2400.0), (0.1, 3000.0)],
            );
            assert!(n >= last, "{exponent}");
            last = n;
        }
        let likely = |w: f64| planned(1.0, &[(1.0 - w, 1000.0), (w, 3000.0)]);
        assert!(likely(0.001) < likely(0.05) && likely(0.05) <= likely(0.5));
    }

    #[test]
    fn wherever_it_is_begun_the_search_ends_at_the_same_number() {
        let curve = curve();
        let terms = Terms {
            curve: &curve,
            full_rate: 80.0,
            price: 0.5,
        };
        for rate in [1.0, 700.0, 2400.0, 79_999.0, 1e9] {
            let cases = [Case { weight: 1.0, rate }];
            for max in [1, 7, 40, 100_000] {
                let found = terms.replicas(&cases, max);
                for near in [0, 1, 2, 7, 30, 31, 32, 33, 40, 1000, u32::MAX] {
                    assert_eq!(
                        terms.replicas_near(&cases, max, near),
                        found,
                        "{rate} {max} {near}"
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_to_do_needs_nobody_and_the_absurd_needs_all() {
        assert_eq!(planned(0.5, &[(1.0, 0.0)]), 0);
        assert_eq!(planned(0.5, &[(1.0, 1e12)]), 1000);
        assert_eq!(
            planned(1e-12, &[(1.0, 2400.0)]),
            31,
            "half of all slow is never fine"
        );
    }
}
