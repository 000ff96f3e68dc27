//! The load of the last quarter of an hour, by slots of 15 seconds.

use serde::{Deserialize, Serialize};

/// The length of a slot, in seconds.
pub(super) const SLOT: f64 = 15.0;
/// Slots that are kept.
const MOST: usize = 56;
/// The furthest that is looked ahead, in slots: ten minutes.
pub(super) const FURTHEST: usize = 40;

/// One slot: its number since the epoch, the last rate in it, the highest, and the log load that was then expected to come
/// (not a number: nothing was).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Slot(i64, f32, f32, Option<f64>);

/// The slots, oldest first; there may be gaps.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Recent(Vec<Slot>);

/// The slot of an instant.
pub(super) fn slot_of(now: f64) -> i64 {
    // An instant that is a rounding before a slot's begin belongs to it.
    (now / SLOT + 1e-6).floor() as i64
}

impl Recent {
    pub(super) fn is_sound(&self) -> bool {
        self.0.windows(2).all(|pair| pair[0].0 < pair[1].0)
            && self
                .0
                .iter()
                .all(|s| (0.0..1e13).contains(&s.1) && (0.0..1e13).contains(&s.2))
    }

    /// The rate at `now`, and the log load that is expected to come. Tells whether a new slot has begun.
    pub(super) fn push(&mut self, now: f64, rate: f64, expected: Option<f64>) -> bool {
        let slot = slot_of(now);
        let rate = rate as f32;
        if let Some(last) = self.0.last_mut()
            && last.0 >= slot
        {
            last.1 = rate;
            last.2 = last.2.max(rate);
            last.3 = expected.or(last.3);
            return false;
        }
        if self.0.capacity() < MOST {
            self.0.reserve_exact(MOST - self.0.len());
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(Slot(slot, rate, rate, expected));
        true
    }

    /// By how much the log load of the `ahead` slots after the one that is now due exceeded what was expected in it. Asked
    /// once, when a slot begins. Nothing if more than a quarter of those slots is missing.
    pub(super) fn surprise(&self, ahead: usize, log: impl Fn(f64) -> f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let due = self.0[last].0 - 1 - ahead as i64;
        let place = self.0.binary_search_by_key(&due, |s| s.0).ok()?;
        let expected = self.0[place].3?;
        let there = &self.0[place..last];
        if there.len() * 4 < (ahead + 1) * 3 {
            return None;
        }
        let highest = there.iter().map(|s| s.2).fold(0.0, f32::max);
        Some(log(f64::from(highest)) - expected)
    }

    /// The mean rate of the `seconds` before the slot of `now`; nothing if there is no slot in them.
    pub(super) fn mean(&self, now: f64, seconds: f64) -> Option<f64> {
        let slot = slot_of(now);
        let first = slot_of(now - seconds);
        let there = self.0.iter().rev().skip_while(|s| s.0 >= slot);
        let there = there.take_while(|s| s.0 >= first);
        let (sum, count) = there.fold((0.0, 0.0), |(sum, count), s| {
            (sum + f64::from(s.1), count + 1.0)
        });
        (count > 0.0).then(|| sum / count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surprise_is_known_when_its_time_is_over() {
        let mut recent = Recent::default();
        for (i, rate) in [10.0, 10.0, 30.0, 20.0, 10.0].into_iter().enumerate() {
            let new = recent.push(1500.0 + 15.0 * i as f64, rate, Some(10.0));
            assert!(new);
            let surprise = recent.surprise(2, |x| x);
            assert_eq!(
                surprise,
                [None, None, None, Some(20.0), Some(20.0)][i],
                "{i}"
            );
        }
        assert!(!recent.push(1561.0, 99.0, None));
        assert_eq!(recent.mean(1575.0, 30.0), Some(59.5));
        assert_eq!(recent.mean(1561.0, 30.0), Some(25.0));
        assert_eq!(recent.mean(9999.0, 30.0), None);
    }

    #[test]
    fn gaps_are_no_zeros() {
        let mut recent = Recent::default();
        recent.push(0.0, 10.0, Some(1.0));
        recent.push(75.0, 10.0, Some(1.0));
        assert_eq!(
            recent.surprise(4, |x| x),
            None,
            "too little is known of that time"
        );
    }
}
