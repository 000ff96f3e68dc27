//! What a day is usually like, by its minutes.

use serde::{Deserialize, Serialize};

use super::packed;

/// Minutes of a day.
pub(super) const MINUTES: usize = 1440;
/// Values are kept in units of this.
const UNIT: f64 = 4096.0;
/// Nothing is known of this minute.
const GAP: i16 = i16::MIN;
/// Usual loads are smoothed over so many minutes before and after.
const SMOOTH: usize = 5;

/// A value for each minute of a day, in log load, between −8 and 8.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Profile(#[serde(with = "packed::shorts")] Vec<i16>);

impl Default for Profile {
    fn default() -> Self {
        Self(vec![GAP; MINUTES])
    }
}

impl Profile {
    pub(super) fn is_sound(&self) -> bool {
        self.0.len() == MINUTES
    }

    pub(super) fn set(&mut self, minute: usize, value: f64) {
        if value.is_finite() {
            self.0[minute % MINUTES] = (value * UNIT).round().clamp(-32_767.0, 32_767.0) as i16;
        }
    }

    fn get(&self, minute: usize) -> Option<f64> {
        let value = self.0[minute % MINUTES];
        (value != GAP).then(|| f64::from(value) / UNIT)
    }

    /// At a minute of the day and its fraction, between the middles of minutes; 0 where nothing is known.
    pub(super) fn at(&self, minute: f64) -> f64 {
        let place = minute - 0.5 + MINUTES as f64;
        let (low, rest) = (place as usize, place - (place as usize) as f64);
        match (self.get(low), self.get(low + 1)) {
            (Some(a), Some(b)) => a + (b - a) * rest,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => 0.0,
        }
    }

    /// The means over [`SMOOTH`] minutes to both sides; where nothing is known, what was there before.
    fn smoothed(&self) -> Self {
        let mut smooth = Self::default();
        let mut last = (0..MINUTES).rev().find_map(|m| self.get(m)).unwrap_or(0.0);
        for minute in 0..MINUTES {
            let around = minute + MINUTES - SMOOTH..=minute + MINUTES + SMOOTH;
            let known = around.filter_map(|m| self.get(m));
            let (sum, count) = known.fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
            if count > 0.0 {
                last = sum / count;
            }
            smooth.set(minute, last);
        }
        smooth
    }

    /// By how much it rises from a quarter of a minute before until `ahead` minutes later, at most.
    fn rises(&self, ahead: f64) -> Self {
        let mut rises = Self::default();
        for minute in 0..MINUTES {
            let now = minute as f64 + 0.5;
            let whole = (0..=ahead as usize).map(|j| self.at(now + j as f64));
            let highest = whole.fold(self.at(now + ahead), f64::max);
            rises.set(minute, highest - self.at(now - 0.25));
        }
        rises
    }
}

/// What a day is usually like.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Season {
    /// The log load against the day's own mean: the middle one of the days.
    pub(super) usual: Profile,
    /// How much that rises within the lead.
    pub(super) rise: Profile,
    /// How much the highest loads of a minute or so rise within the lead, in the middle.
    pub(super) rise_high: Profile,
    /// By how much the load jumps within the lead, on several of the days.
    pub(super) jump: Profile,
}

impl Season {
    /// From medians minute by minute (of the load, and of its highest within three minutes), for a lead in minutes.
    pub(super) fn of(middle: &Profile, high: &Profile, jump: Profile, ahead: f64) -> Self {
        let usual = middle.smoothed();
        Self {
            rise: usual.rises(ahead),
            rise_high: high.rises(ahead),
            usual,
            jump,
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        [&self.usual, &self.rise, &self.rise_high, &self.jump]
            .iter()
            .all(|profile| profile.is_sound())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saw() -> Profile {
        let mut profile = Profile::default();
        for minute in 0..MINUTES {
            profile.set(minute, (minute % 100) as f64 / 100.0);
        }
        profile
    }

    #[test]
    fn between_the_middles_of_minutes_it_is_straight_and_midnight_is_no_edge() {
        let mut profile = Profile::default();
        profile.set(MINUTES - 1, 1.0);
        profile.set(0, 2.0);
        assert!((profile.at(0.0) - 1.5).abs() < 1e-9);
        assert!((profile.at(1440.0) - 1.5).abs() < 1e-9);
        assert!((profile.at(0.5) - 2.0).abs() < 1e-9);
        assert!((profile.at(700.0)).abs() < 1e-9, "nothing is known");
    }

    #[test]
    fn a_rise_is_seen_a_lead_before_and_no_longer() {
        let mut step = Profile::default();
        for minute in 0..MINUTES {
            step.set(minute, if minute >= 600 { 1.0 } else { 0.0 });
        }
        let rises = step.rises(2.0);
        let at = |minute: usize| rises.get(minute).unwrap();
        assert_eq!(at(597), 0.0);
        assert_eq!((at(598), at(599)), (1.0, 1.0));
        assert!(at(600) > 0.2 && at(601) == 0.0);
    }

    #[test]
    fn smoothing_fills_what_is_unknown() {
        let mut profile = saw();
        for minute in 300..330 {
            profile.0[minute] = GAP;
        }
        let smooth = profile.smoothed();
        assert!((smooth.get(50).unwrap() - 0.5).abs() < 1e-3);
        assert!(smooth.0.iter().all(|x| *x != GAP));
        assert_eq!(Profile::default().smoothed().get(7), Some(0.0));
    }

    #[test]
    fn the_absurd_is_clamped_or_left_out() {
        let mut profile = Profile::default();
        profile.set(1, f64::NAN);
        profile.set(2, 1e9);
        assert_eq!(profile.get(1), None);
        assert!((profile.get(2).unwrap() - 8.0).abs() < 0.01);
    }
}
