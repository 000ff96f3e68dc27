//! The rates of the last week, one for each slot of 15 seconds.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::super::recent::SLOT;
use super::packed;

/// Slots of a day.
pub(super) const DAY: i64 = 5760;
/// Days that are looked back.
pub(super) const DAYS: usize = 7;
/// Slots that are kept: those days, and as long as a refit may take to read them.
pub(super) const MOST: usize = DAYS * DAY as usize + 1440;
/// Nothing is known of this slot.
pub(super) const GAP: u16 = u16::MAX;
/// What is taken off the upper bits of an `f32`, so that codes begin at 2⁻¹⁷.
const OFFSET: u32 = 110 << 10;

/// Rates by slot. Each takes 16 bits, good to 0.05 %, of 8·10⁻⁶ to 7·10¹³ requests per second.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Past {
    /// The slot after the newest.
    end: i64,
    #[serde(with = "packed::codes")]
    codes: VecDeque<u16>,
}

/// A rate as a code; codes are in the order of rates.
pub(super) fn code(rate: f64) -> u16 {
    let rate = rate as f32;
    if rate.is_nan() || rate <= 0.0 {
        return 0;
    }
    let bits = (rate.to_bits() + (1 << 12)) >> 13;
    bits.saturating_sub(OFFSET)
        .clamp(1, u32::from(GAP) - 1)
        .try_into()
        .unwrap_or(GAP - 1)
}

/// The rate of a code.
pub(super) fn rate(code: u16) -> f64 {
    if code == 0 {
        return 0.0;
    }
    f64::from(f32::from_bits((u32::from(code) + OFFSET) << 13))
}

impl Past {
    /// Whether it has the shape that it must have; what was saved may be damaged.
    pub(super) fn is_sound(&self) -> bool {
        self.codes.len() <= MOST && (-(1 << 40)..1 << 40).contains(&self.end)
    }

    /// The slot after the newest.
    pub(super) const fn end(&self) -> i64 {
        self.end
    }

    /// The oldest slot that is kept.
    pub(super) fn begin(&self) -> i64 {
        self.end - self.codes.len() as i64
    }

    /// The rate of a slot, or that nothing is to be learned of it. Slots come in order; those left out are gaps.
    pub(super) fn push(&mut self, slot: i64, rate: Option<f64>) {
        let code = rate.map_or(GAP, code);
        if slot < self.end && !self.codes.is_empty() {
            if slot + 1 == self.end
                && let Some(last) = self.codes.back_mut()
            {
                *last = code;
            }
            return;
        }
        if slot - self.end >= MOST as i64 || self.codes.is_empty() {
            self.codes.clear();
            self.end = slot;
        }
        while self.end < slot {
            self.add(GAP);
        }
        self.add(code);
    }

    fn add(&mut self, code: u16) {
        if self.codes.len() >= MOST {
            self.codes.pop_front();
        }
        self.codes.push_back(code);
        self.end += 1;
    }

    /// The code of a slot; [`GAP`] outside of what is kept.
    pub(super) fn code(&self, slot: i64) -> u16 {
        let place = usize::try_from(slot - self.begin());
        place
            .ok()
            .and_then(|place| self.codes.get(place))
            .map_or(GAP, |code| *code)
    }

    /// The rate of a slot, if it is known.
    pub(super) fn rate(&self, slot: i64) -> Option<f64> {
        Some(self.code(slot)).filter(|code| *code != GAP).map(rate)
    }

    /// The mean of the known rates from a slot on, over `count` slots; nothing if more than half are unknown.
    pub(super) fn mean(&self, from: i64, count: i64) -> Option<f64> {
        let (mut sum, mut known) = (0.0, 0_i64);
        for slot in from..from + count {
            if let Some(rate) = self.rate(slot) {
                sum += rate;
                known += 1;
            }
        }
        (known > 0 && 2 * known >= count).then(|| sum / known as f64)
    }

    /// The highest known rate from a slot on, over `count` slots; nothing if more than a quarter are unknown.
    pub(super) fn highest(&self, from: i64, count: i64) -> Option<f64> {
        let (mut highest, mut known) = (0, 0_i64);
        for slot in from..from + count {
            let code = self.code(slot);
            if code != GAP {
                highest = highest.max(code);
                known += 1;
            }
        }
        (known > 0 && 4 * known >= 3 * count).then(|| rate(highest))
    }
}

/// The slot of an instant, in seconds.
pub(super) fn slot_of(now: f64) -> i64 {
    super::super::recent::slot_of(now)
}

/// The middle of a slot within its day, in minutes since midnight.
pub(super) fn minute_of(slot: i64) -> f64 {
    (slot.rem_euclid(DAY) as f64 + 0.5) * SLOT / 60.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_order_and_half_a_thousandth() {
        let mut last = 0;
        let mut x = 1e-5;
        while x < 1e13 {
            let code = code(x);
            assert!(code >= last, "{x}");
            assert!((rate(code) / x - 1.0).abs() <= 0.0005, "{x}");
            assert_eq!(super::code(rate(code)), code);
            last = code;
            x *= 1.0137;
        }
        for (absurd, at) in [
            (f64::NAN, 0),
            (-3.0, 0),
            (f64::INFINITY, GAP - 1),
            (1e-300, 0),
            (1e-9, 1),
        ] {
            assert_eq!(code(absurd), at, "{absurd}");
        }
    }

    #[test]
    fn gaps_stay_gaps_and_the_oldest_goes() {
        let mut past = Past::default();
        past.push(100, Some(10.0));
        past.push(100, Some(20.0));
        past.push(103, Some(40.0));
        past.push(50, Some(99.0));
        assert_eq!(past.rate(100), Some(20.0));
        assert_eq!(past.rate(101), None);
        assert_eq!(past.mean(100, 4), Some(30.0));
        assert_eq!(past.mean(101, 3), None, "mostly unknown");
        assert_eq!(past.highest(100, 4), None);
        past.push(104 + MOST as i64, Some(1.0));
        assert_eq!(
            (past.begin(), past.end()),
            (104 + MOST as i64, 105 + MOST as i64)
        );
        for slot in 0..2 * MOST as i64 {
            past.push(past.end(), Some(slot as f64));
        }
        assert_eq!(past.end() - past.begin(), MOST as i64);
    }

    #[test]
    fn it_survives_being_saved_and_a_week_is_small() {
        let mut past = Past::default();
        past.push(-7, Some(5.0));
        past.push(90_000, Some(0.0));
        let mut full = past.clone();
        for slot in 90_001..140_000 {
            full.push(slot, Some(1000.0 + (slot % 777) as f64));
        }
        past.push(98_000, None);
        for past in [Past::default(), past, full] {
            let text = serde_json::to_string(&past).unwrap();
            assert!(text.len() < 112 * 1024, "{}", text.len());
            assert_eq!(serde_json::from_str::<Past>(&text).unwrap(), past);
        }
        let bomb = r#"{"end": 9, "codes": "//////////////////////////////////////////8="}"#;
        assert!(serde_json::from_str::<Past>(bomb).is_err());
    }
}
