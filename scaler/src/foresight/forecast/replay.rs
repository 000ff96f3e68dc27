//! What the last days would have missed at other prices: the price to begin with.
//!
//! A budget controller alone needs days to find out that a price is too careful: it must not take a few quiet hours for all
//! that can happen. The days that are kept are more than that. They are gone through in thought, a slice with each decision,
//! by fleets that differ in nothing but the price, with the forecast, the margins and the curve of today. The cheapest
//! price at which little enough would have been slow is the one to begin with.

use serde::{Deserialize, Serialize};

use super::super::budget::BELOW_REPLAYED;
use super::super::outlook::Outlook;
use super::super::plan::{Case, Terms};
use super::super::recent::{FURTHEST, SLOT};
use super::super::residuals::CELLS;
use super::fit::{Fit, Walk};
use super::past::{DAY, Past, minute_of};

/// Prices that are tried, as multiples of the one that a steady load implies, from the cheapest.
/// None is above it: it is reckoned with a curve that is careful where little was seen, and if too many are slow all the same,
/// the budget controller raises the price within hours.
const TRIED: [f64; 7] = [
    1.0 / 64.0,
    1.0 / 32.0,
    1.0 / 16.0,
    1.0 / 8.0,
    0.25,
    0.5,
    1.0,
];
/// Days that are gone through, and slots in a slice.
const DAYS: i64 = 3;
const SLOTS: usize = 96;
/// The first is done once so many seconds of decisions have shown what replicas take, the others each time that twice as
/// much is known, and once a day.
const FIRST: f64 = 900.0;
const DAILY: f64 = 86_400.0;
/// How far from the implied price it can lead, in logarithms.
const FURTHEST_PRICE: f64 = 4.2;

/// When days were gone through, and what came of it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(in super::super) struct Start {
    /// The logarithm of the price to begin with ÷ the one that a steady load implies.
    log: f64,
    /// The first decision, and the last time, in seconds.
    since: Option<f64>,
    last: Option<f64>,
}

impl Start {
    pub(in super::super) fn is_sound(&self) -> bool {
        let fine = |at: Option<f64>| at.is_none_or(f64::is_finite);
        self.log.abs() <= FURTHEST_PRICE && fine(self.since) && fine(self.last)
    }

    /// Whether days were gone through yet.
    pub(in super::super) const fn is_known(&self) -> bool {
        self.last.is_some()
    }

    /// How far the price may fall below where it begins, in logarithms.
    pub(in super::super) fn lowest(&self) -> f64 {
        if self.is_known() {
            BELOW_REPLAYED
        } else {
            f64::NEG_INFINITY
        }
    }

    /// What the implied price is multiplied by.
    pub(in super::super) fn factor(&self) -> f64 {
        libm::exp(self.log)
    }

    /// Whether it is time to go through the days again.
    pub(in super::super) fn is_due(&mut self, now: f64) -> bool {
        let since = *self.since.get_or_insert(now);
        match self.last {
            None => now - since >= FIRST,
            Some(last) => now - last >= (last - since).clamp(FIRST, DAILY),
        }
    }

    /// It came to this factor at `now`. Tells by how much the price's logarithm moves.
    pub(in super::super) fn take(&mut self, now: f64, factor: f64) -> f64 {
        let log = libm::log(factor).clamp(-FURTHEST_PRICE, FURTHEST_PRICE);
        let moved = log - self.log;
        (self.log, self.last) = (log, Some(now));
        moved
    }
}

/// What does not change while days are gone through.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct World<'a> {
    /// What replicas take, who is slow, and the price that a steady load implies.
    pub(in super::super) terms: Terms<'a>,
    /// Who waits longer is slow, in seconds.
    pub(in super::super) limit: f64,
    pub(in super::super) budget: f64,
    pub(in super::super) min: u32,
    pub(in super::super) max: u32,
    /// No rate beyond this is planned for, if it is not there.
    pub(in super::super) highest: f64,
    /// What may come on top of what is expected, and whether that is a forecast or the load that is there.
    pub(in super::super) offsets: [(f64, f64); CELLS],
    pub(in super::super) followed: bool,
}

/// The last values of something, a slot each.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Ring(Vec<u32>);

impl Ring {
    fn push(&mut self, slot: i64, value: u32) {
        let length = self.0.len() as i64;
        self.0[slot.rem_euclid(length) as usize] = value;
    }

    fn is_sound(&self) -> bool {
        (1..=FURTHEST).contains(&self.0.len())
    }
}

/// A fleet in thought.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Fleet {
    /// What was wanted lately, and what was asked for: that is ready when it was asked for throughout.
    wanted: Ring,
    asked: Ring,
    /// Requests that wait, and those that were slow.
    backlog: f64,
    slow: f64,
}

impl Fleet {
    fn new(hold: usize, start: usize) -> Self {
        let ring = |length: usize, value| Ring(vec![value; length.clamp(1, FURTHEST)]);
        Self {
            wanted: ring(hold, 0),
            // What it begins with is enough.
            asked: ring(start, u32::MAX),
            backlog: 0.0,
            slow: 0.0,
        }
    }

    fn is_sound(&self) -> bool {
        let fine = |x: f64| (0.0..1e18).contains(&x);
        self.wanted.is_sound()
            && self.asked.is_sound()
            && [self.backlog, self.slow].into_iter().all(fine)
    }

    /// There is this rate for a slot, and `wanted` replicas are.
    fn live(&mut self, slot: i64, rate: f64, wanted: u32, world: &World<'_>) {
        self.wanted.push(slot, wanted);
        let held = self.wanted.0.iter().copied().fold(wanted, u32::max);
        self.asked.push(slot, held);
        let ready = self.asked.0.iter().copied().fold(held, u32::min);
        let full = f64::from(ready.max(1)) * world.terms.full_rate;
        self.backlog = (self.backlog + (rate - full) * SLOT).clamp(0.0, full * 60.0);
        let behind = self.backlog > full * world.limit;
        let share = if behind {
            1.0
        } else {
            world.terms.curve.missed(rate / full)
        };
        self.slow += share * rate * SLOT;
    }
}

/// Days that are gone through.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Replay {
    next: i64,
    end: i64,
    walk: Walk,
    fleets: Vec<Fleet>,
    all: f64,
}

impl Replay {
    /// Of the days before `past`'s end: replicas take `start` slots to be ready, and lower numbers wait for `hold` slots.
    pub(super) fn new(past: &Past, start: usize, hold: usize) -> Self {
        Self {
            next: past.begin().max(past.end() - DAYS * DAY),
            end: past.end(),
            walk: Walk::default(),
            fleets: TRIED.iter().map(|_| Fleet::new(hold, start)).collect(),
            all: 0.0,
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.walk.is_sound()
            && self.fleets.len() == TRIED.len()
            && self.fleets.iter().all(Fleet::is_sound)
            && (0.0..1e18).contains(&self.all)
    }

    /// Does another slice. At the end: by which factor the price that a steady load implies is to be multiplied.
    pub(super) fn go_on(&mut self, past: &Past, fit: &Fit, world: &World<'_>) -> Option<f64> {
        for _ in 0..SLOTS {
            if self.next >= self.end {
                return Some(self.cheapest(world.budget));
            }
            self.live(past.rate(self.next), fit, world);
            self.next += 1;
        }
        None
    }

    /// All fleets live through a slot.
    fn live(&mut self, rate: Option<f64>, fit: &Fit, world: &World<'_>) {
        let slot = self.next;
        if let Some(rate) = rate
            && let Some(outlook) = self.outlook(slot, rate, fit, world)
        {
            let now = [Case { weight: 1.0, rate }];
            let (cases, jump) = (outlook.cases(), outlook.jump.map(|j| outlook.with_jump(j)));
            for (fleet, factor) in self.fleets.iter_mut().zip(TRIED) {
                let terms = Terms {
                    price: world.terms.price * factor,
                    ..world.terms
                };
                let all = [
                    &now[..],
                    &cases[..],
                    jump.as_ref().map_or(&[][..], |j| &j[..]),
                ];
                let wanted = all.map(|cases| terms.replicas(cases, world.max));
                let wanted = wanted.into_iter().fold(world.min, u32::max);
                fleet.live(slot, rate, wanted, world);
            }
            self.all += rate * SLOT;
        }
        let usual = fit.season.usual.at(minute_of(slot));
        self.walk.push(slot, rate.map(|rate| fit.log(rate)), usual);
    }

    /// What was to be expected in a slot; nothing while too little is known of the hour before.
    fn outlook(&self, slot: i64, rate: f64, fit: &Fit, world: &World<'_>) -> Option<Outlook> {
        let log = fit.log(rate);
        let point = fit.point(&self.walk, slot, log)?;
        let anyway = world.offsets[CELLS - 2].0;
        let (from, jump) = if world.followed {
            (point.log, fit.jump(&self.walk, slot, rate, &point, anyway))
        } else {
            (log, None)
        };
        Some(Outlook::replayed(
            (from, fit.shift),
            world.offsets,
            (rate, world.highest),
            jump,
        ))
    }

    /// The cheapest price at which at most this share would have been slow; the highest if there is none.
    fn cheapest(&self, share: f64) -> f64 {
        let kept = |fleet: &Fleet| fleet.slow <= share * self.all;
        let first = self.fleets.iter().position(kept);
        match first {
            // Nothing is known, nothing is changed.
            _ if self.all <= 0.0 => 1.0,
            Some(place) => TRIED[place],
            None => TRIED[TRIED.len() - 1],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::curve::{Curve, Prior, Seen};
    use super::super::super::residuals::Residuals;
    use super::super::refit::Refit;
    use super::*;

    const FULL: f64 = 16.0;

    /// The factor that days of this course lead to: minutes of a day, and each slot's rate by day and slot of the day.
    fn found(seen: &Seen, surprised: f64, rate: impl Fn(i64, i64) -> f64) -> f64 {
        let mut past = Past::default();
        for slot in 0..4 * DAY {
            past.push(slot, Some(rate(slot / DAY, slot % DAY)));
        }
        let mut refit = Refit::new(&past, 6, 10.0);
        let (fit, _) = std::iter::repeat_with(|| refit.go_on(&past))
            .find_map(|end| end)
            .flatten()
            .unwrap();
        let prior = Prior::of_slots(4, FULL, Duration::from_millis(2500));
        let mut residuals = Residuals::default();
        for _ in 0..1000 {
            residuals.learn(surprised, 1440.0);
        }
        let world = World {
            terms: Terms {
                curve: &Curve::new(&prior, seen),
                full_rate: FULL,
                price: 2.4,
            },
            limit: 2.5,
            budget: 0.001,
            min: 2,
            max: 400,
            highest: 1e6,
            offsets: residuals.offsets(),
            followed: false,
        };
        let mut replay = Replay::new(&past, 5, 4);
        for _ in 0..1000 {
            assert!(replay.is_sound());
            if let Some(factor) = replay.go_on(&past, &fit, &world) {
                return factor;
            }
        }
        panic!("it comes to no end");
    }

    /// Replicas that hardly anybody is slow at until they are nearly full.
    fn good() -> Seen {
        let prior = Prior::of_slots(4, FULL, Duration::from_millis(2500));
        let mut seen = Seen::default();
        for percent in 70..96 {
            seen.learn(&prior, f64::from(percent) / 100.0, 0.0, 1e6, 15.0);
        }
        seen
    }

    #[test]
    fn quiet_days_allow_a_low_price_and_days_of_surprises_none() {
        let quiet = found(&good(), 0.02, |_, _| 300.0);
        let jumps = |day: i64, slot: i64| {
            let on = (slot + 977 * day) % 480 < 40;
            if on { 700.0 } else { 300.0 }
        };
        let wild = found(&good(), 0.02, jumps);
        assert!(quiet <= 0.1 && wild >= 1.0, "{quiet} {wild}");
    }

    #[test]
    fn what_was_seen_of_replicas_counts() {
        let learned = found(&good(), 0.02, |_, _| 300.0);
        let formula = found(&Seen::default(), 0.02, |_, _| 300.0);
        assert!(learned < formula, "{learned} {formula}");
    }

    #[test]
    fn it_is_done_when_twice_as_much_is_known_and_once_a_day() {
        let mut start = Start::default();
        let mut done = vec![];
        for step in 0..20_000 {
            let now = 1e6 + 15.0 * f64::from(step);
            if start.is_due(now) {
                start.take(now, 0.25);
                done.push(15 * step);
            }
        }
        assert_eq!(done[..4], [900, 1800, 3600, 7200]);
        assert_eq!(done[done.len() - 1] - done[done.len() - 2], 86_400);
        assert!(start.is_sound() && (start.factor() - 0.25).abs() < 1e-12);
        assert!((start.take(0.0, 0.5) - libm::log(2.0)).abs() < 1e-12);
    }
}
