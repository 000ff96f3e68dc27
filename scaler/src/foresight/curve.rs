//! Which share of requests misses the limit at which utilisation, learned from what was slow.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::CapacityCurve;

/// Utilisations that are told apart: from 0.30 to 1.20, every fiftieth.
const BINS: usize = 46;
const FIRST: f64 = 0.30;
const STEP: f64 = 0.02;
/// Requests that what was known beforehand counts for, at each utilisation.
const PRIOR: f64 = 20_000.0;
/// Slow requests that what was known beforehand counts for, where it is judged by what was seen at other utilisations; slow
/// ones come in crowds, so that a few of them say little.
const DOUBT: f64 = 50.0;
/// What was seen counts by this factor less for the next utilisation, and so on.
const NEAR: f64 = 0.75;
/// What was learned counts half after so many seconds.
const HALF_LIFE: f64 = 86_400.0;
/// Above this utilisation the backlog decides who is slow, not the utilisation: nothing is learned.
const OVERLOAD: f64 = 0.97;

fn utilisation(bin: usize) -> f64 {
    FIRST + STEP * bin as f64
}

/// What was seen, by utilisation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Seen {
    slow: Vec<f64>,
    all: Vec<f64>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            slow: vec![0.0; BINS],
            all: vec![0.0; BINS],
        }
    }
}

impl Seen {
    /// Whether it has the shape that it must have; what was saved may be damaged.
    pub(super) fn is_sound(&self) -> bool {
        let fine =
            |list: &Vec<f64>| list.len() == BINS && list.iter().all(|x| (0.0..1e18).contains(x));
        fine(&self.slow) && fine(&self.all)
    }

    /// Of `requests`, a share `slow` missed at this utilisation; `dt` seconds have passed since the last time. It is put down
    /// for the nearest utilisation that is told apart, as the formula says that it differs there.
    pub(super) fn learn(&mut self, prior: &Prior, at: f64, slow: f64, requests: f64, dt: f64) {
        if !(FIRST - STEP / 2.0..=OVERLOAD).contains(&at)
            || !(0.0..=1.0).contains(&slow)
            || !(0.0..=1e12).contains(&requests)
        {
            return;
        }
        let keep = libm::exp2(-dt.max(0.0) / HALF_LIFE);
        for sum in self.slow.iter_mut().chain(&mut self.all) {
            *sum *= keep;
        }
        let bin = (((at - FIRST) / STEP).round().max(0.0) as usize).min(BINS - 1);
        self.slow[bin] += (slow * prior.differs(bin, at)).min(1.0) * requests;
        self.all[bin] += requests;
    }
}

/// The shares that are expected, by utilisation, as plans use them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Curve {
    share: [f64; BINS],
    /// The lower convex hull of utilisation × share: slow work per replica, in units of what it takes.
    work: [f64; BINS],
}

/// The shares that a formula expects, at the utilisations of a [`Curve`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prior([f64; BINS]);

impl Prior {
    /// M/M/k with so many slots; `full_rate` requests per second hold all of them.
    pub(super) fn of_slots(slots: u32, full_rate: f64, limit: Duration) -> Self {
        let mean = f64::from(slots) / full_rate.max(1e-9);
        let mean = Duration::try_from_secs_f64(mean).unwrap_or(Duration::MAX);
        let curve = CapacityCurve::of_slots(slots, mean, limit);
        Self(std::array::from_fn(|bin| curve.missed(utilisation(bin))))
    }

    /// How many times as many are slow at a bin's own utilisation as at `at`, which lies within half a step of it.
    fn differs(&self, bin: usize, at: f64) -> f64 {
        let away = (utilisation(bin) - at) / STEP;
        let other = if away > 0.0 {
            bin.saturating_sub(1)
        } else {
            bin + 1
        };
        let own = self.0[bin];
        let Some(beside) = self.0.get(other).filter(|share| **share > 0.0 && own > 0.0) else {
            return 1.0;
        };
        libm::pow(own / beside, away.abs()).clamp(0.5, 2.0)
    }

    /// The same, judged by what was seen at utilisations nearby: where the formula was wrong by a factor, it is expected to
    /// be wrong further up too, the less the nearer that is to full, where every queue is slow. In a queue the logarithm of
    /// the share falls about straight with 1 − utilisation, so the factor's logarithm does.
    fn judged(&self, seen: &Seen) -> [f64; BINS] {
        let around = Around::of(&self.0, seen);
        std::array::from_fn(|bin| {
            let (slow, expected, place) = around.0[bin];
            let free = 1.0 - utilisation(bin);
            if free <= 0.0 || expected <= 0.0 {
                return self.0[bin];
            }
            let wrong = libm::log((slow + DOUBT) / (expected + DOUBT));
            // Further down than where it was seen, it is not expected to be wronger.
            let share = (free / (1.0 - place / expected).max(free)).min(1.0);
            (self.0[bin] * libm::exp(wrong * share)).min(1.0)
        })
    }
}

/// Slow requests that were seen around each utilisation, those that the formula expected, and the sum of the utilisations of
/// these.
struct Around([(f64, f64, f64); BINS]);

impl Around {
    fn of(prior: &[f64; BINS], seen: &Seen) -> Self {
        let own = |bin: usize| {
            let expected = prior[bin] * seen.all[bin];
            (seen.slow[bin], expected, expected * utilisation(bin))
        };
        let mut sums = [(0.0, 0.0, 0.0); BINS];
        let mut pass = |bins: &mut dyn Iterator<Item = usize>, with_own: bool| {
            let mut sum = (0.0, 0.0, 0.0);
            for bin in bins {
                let (own, before) = (own(bin), sum);
                sum = (
                    before.0 * NEAR + own.0,
                    before.1 * NEAR + own.1,
                    before.2 * NEAR + own.2,
                );
                // Once is enough for its own.
                let added = if with_own {
                    sum
                } else {
                    (before.0 * NEAR, before.1 * NEAR, before.2 * NEAR)
                };
                sums[bin].0 += added.0;
                sums[bin].1 += added.1;
                sums[bin].2 += added.2;
            }
        };
        pass(&mut (0..BINS), true);
        pass(&mut (0..BINS).rev(), false);
        Self(sums)
    }
}

impl Curve {
    /// From what was known beforehand and what was seen since. More load makes nobody faster.
    pub(super) fn new(prior: &Prior, seen: &Seen) -> Self {
        let mut highest = 0.0_f64;
        let prior = prior.judged(seen);
        let share: [f64; BINS] = std::array::from_fn(|bin| {
            let (slow, all) = (seen.slow[bin], seen.all[bin]);
            let mean = (slow + prior[bin] * PRIOR) / (all + PRIOR);
            highest = highest.max(mean.clamp(0.0, 1.0));
            highest
        });
        Self {
            share,
            work: hull(&share),
        }
    }

    /// The share of requests that miss at this utilisation.
    pub(super) fn missed(&self, at: f64) -> f64 {
        if at <= FIRST {
            return self.share[0];
        }
        let place = (at - FIRST) / STEP;
        let bin = place as usize;
        match (self.share.get(bin), self.share.get(bin + 1)) {
            (Some(low), Some(high)) => low + (high - low) * (place - bin as f64),
            _ => 1.0,
        }
    }

    /// Slow work of one replica at this utilisation, in units of what it takes; convex, and 0 at 0. Beyond the last point
    /// it goes on straight.
    pub(super) fn work(&self, at: f64) -> f64 {
        if at <= FIRST {
            return self.work[0] * at.max(0.0) / FIRST;
        }
        let place = (at - FIRST) / STEP;
        let bin = (place as usize).min(BINS - 2);
        let (low, high) = (self.work[bin], self.work[bin + 1]);
        low + (high - low) * (place - bin as f64)
    }

    /// Up to this utilisation, slow work grows as the load does; 0 if even there half of all are slow.
    pub(super) fn straight(&self) -> f64 {
        if self.share[0] < 0.5 { FIRST } else { 0.0 }
    }

    /// What one more replica saves at this utilisation, in slow work: the slope of n · work(load ÷ n) in n.
    pub(super) fn saved(&self, at: f64) -> f64 {
        let slope = (self.work(at + STEP / 2.0) - self.work(at - STEP / 2.0)) / STEP;
        (slope * at - self.work(at)).max(0.0)
    }

    /// The highest utilisation at which at most `share` miss; the lowest known if none does.
    pub(super) fn safe(&self, share: f64) -> f64 {
        let within = self.share.iter().take_while(|s| **s <= share).count();
        let Some(bin) = within.checked_sub(1) else {
            return FIRST;
        };
        let (low, high) = (self.share[bin], self.share.get(bin + 1).copied());
        let rest = high.map_or(0.0, |high| (share - low) / (high - low));
        utilisation(bin) + STEP * rest.clamp(0.0, 1.0)
    }
}

/// The lower convex hull, through 0, of utilisation × share, at all utilisations.
fn hull(share: &[f64; BINS]) -> [f64; BINS] {
    let point = |i: usize| match i.checked_sub(1) {
        None => (0.0, 0.0),
        Some(bin) => (utilisation(bin), utilisation(bin) * share[bin]),
    };
    let mut corners = [0_usize; BINS + 1];
    let mut count = 0;
    for i in 0..=BINS {
        let (x, y) = point(i);
        while count >= 2 {
            let (a, b) = (point(corners[count - 2]), point(corners[count - 1]));
            if (b.1 - a.1) * (x - b.0) < (y - b.1) * (b.0 - a.0) {
                break;
            }
            count -= 1;
        }
        corners[count] = i;
        count += 1;
    }
    let mut work = [0.0; BINS];
    for pair in corners[..count].windows(2) {
        let (a, b) = (point(pair[0]), point(pair[1]));
        for (bin, value) in work.iter_mut().enumerate().take(pair[1]).skip(pair[0]) {
            *value = a.1 + (b.1 - a.1) * (utilisation(bin) - a.0) / (b.0 - a.0);
        }
    }
    work
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prior() -> Prior {
        Prior::of_slots(4, 80.0, Duration::from_millis(500))
    }

    #[test]
    fn it_begins_as_the_formula_and_never_falls() {
        let curve = Curve::new(&prior(), &Seen::default());
        let exact =
            CapacityCurve::of_slots(4, Duration::from_millis(50), Duration::from_millis(500));
        for percent in (30..=120).step_by(2) {
            let at = f64::from(percent) / 100.0;
            assert!((curve.missed(at) - exact.missed(at)).abs() < 1e-6, "{at}");
            assert!(curve.missed(at + 0.01) >= curve.missed(at));
        }
        assert!((curve.missed(9.0) - 1.0).abs() < 1e-12);
        assert!(curve.missed(curve.safe(0.001)) <= 0.001 + 1e-9);
    }

    #[test]
    fn slow_work_is_convex_and_below_what_it_stands_for() {
        let mut seen = Seen::default();
        seen.learn(&prior(), 0.5, 0.3, 1e6, 15.0);
        let curve = Curve::new(&prior(), &seen);
        let at = |i: i32| f64::from(i) * 0.01;
        for i in 1..150 {
            let (a, b, c) = (
                curve.work(at(i - 1)),
                curve.work(at(i)),
                curve.work(at(i + 1)),
            );
            assert!(a + c >= 2.0 * b - 1e-12, "{}", at(i));
            assert!(
                i % 2 == 1 || at(i) > 1.2 || b <= at(i) * curve.missed(at(i)) + 1e-12,
                "{}",
                at(i)
            );
        }
    }

    #[test]
    fn what_is_seen_often_outweighs_the_formula_and_is_forgotten_in_days() {
        let mut seen = Seen::default();
        seen.learn(&prior(), 0.7, 0.05, 1e6, 15.0);
        let learned = Curve::new(&prior(), &seen).missed(0.7);
        assert!((0.045..0.05).contains(&learned), "{learned}");
        seen.learn(&prior(), 0.4, 0.0, 0.0, 20.0 * 86_400.0);
        assert!(Curve::new(&prior(), &seen).missed(0.7) < 0.001);
    }

    #[test]
    fn a_formula_that_was_too_careful_or_too_bold_is_expected_to_be_so_further_up_but_not_where_it_is_full()
     {
        let formula = Curve::new(&prior(), &Seen::default());
        let after = |slow: f64, requests: f64| {
            let mut seen = Seen::default();
            seen.learn(&prior(), 0.86, slow, requests, 15.0);
            Curve::new(&prior(), &seen)
        };
        let (good, bad) = (after(0.0, 1e6), after(0.2, 1e6));
        for at in [0.88, 0.9, 0.94] {
            let (before, good, bad) = (formula.missed(at), good.missed(at), bad.missed(at));
            assert!(
                good < 0.5 * before && bad > 1.1 * before,
                "{at}: {good} {before} {bad}"
            );
        }
        // Less so, the further away and the nearer to full.
        let better = |at: f64| good.missed(at) / formula.missed(at);
        assert!(better(0.88) < 0.5 * better(0.94) && better(0.94) < better(0.98));
        assert!((good.missed(1.0) - formula.missed(1.0)).abs() < 1e-9);
        // A few minutes of luck are no proof.
        let lucky = after(0.0, 2000.0).missed(0.9);
        assert!(lucky > 0.5 * formula.missed(0.9), "{lucky}");
    }

    #[test]
    fn absurd_shares_and_overload_teach_nothing() {
        let mut seen = Seen::default();
        for (at, slow, requests) in [
            (f64::NAN, 0.5, 1.0),
            (0.5, f64::NAN, 1.0),
            (0.5, 0.5, f64::INFINITY),
            (1.1, 1.0, 1e6),
            (0.5, -1.0, 1.0),
        ] {
            seen.learn(&prior(), at, slow, requests, 15.0);
        }
        assert_eq!(seen, Seen::default());
    }
}
