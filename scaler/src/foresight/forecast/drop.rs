//! A load that is suddenly gone and not expected to be: an outage, after which all come back at once, and those it kept away with
//! them.

use serde::{Deserialize, Serialize};

/// Below this share of what is usual at this time the load has dropped, from that share on it is back.
const DROPPED: f64 = 0.5;
const BACK: f64 = 0.7;
/// It is waited for so long, in seconds.
const LONGEST: f64 = 2700.0;
/// Those whom an outage keeps away come on top of the others, within so many seconds; no more than so many times the usual load.
const RETURN: f64 = 900.0;
const MOST: f64 = 1.0;
/// A time without a reading counts for so many seconds at most.
const GAP: f64 = 60.0;
/// So many drops in a week are outages; if there are more, it is how the load is.
const RARE: usize = 2;
const WEEK: f64 = 604_800.0;
/// So long after an announced event, in seconds, the hour before says nothing of the load that is missed: the crowd has gone
/// home, and it is no outage.
const AFTERMATH: f64 = 3600.0;

/// Whether the load is waited for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Drop {
    /// When drops began lately, oldest first.
    begun: Vec<f64>,
    /// The log load against the usual one before the drop that is on.
    away: Option<f64>,
    /// For how many seconds of the usual load people were kept away by the drop that is on, and until when that is counted.
    #[serde(default)]
    kept_away: f64,
    #[serde(default)]
    counted: Option<f64>,
    /// A drop that was waited for long enough, and is not over.
    given_up: bool,
    /// Until when no drop begins, in seconds: there was an announced event.
    #[serde(default)]
    calm_until: Option<f64>,
}

impl Drop {
    pub(super) fn is_sound(&self) -> bool {
        self.begun.len() <= RARE + 1
            && self.begun.iter().all(|at| at.is_finite())
            && self.away.is_none_or(f64::is_finite)
            && self.kept_away.is_finite()
            && self.counted.is_none_or(f64::is_finite)
            && (self.away.is_none() || !self.begun.is_empty())
            && self.calm_until.is_none_or(f64::is_finite)
    }

    /// How far the log load was from the usual one when the drop that is on began; nothing while none is on.
    pub(super) const fn away(&self) -> Option<f64> {
        self.away
    }

    /// How many times the usual load comes when the drop that is on is over; 1 while none is on.
    pub(super) fn return_factor(&self) -> f64 {
        1.0 + (self.kept_away / RETURN).clamp(0.0, MOST)
    }

    /// A load of half of the usual one may be a quiet day; the less there is, the likelier it is that people cannot come.
    fn keep_away(&mut self, now: f64, share: f64) {
        let since = self
            .counted
            .map_or(0.0, |last| (now - last).clamp(0.0, GAP));
        self.kept_away += since * (1.0 - share / DROPPED).clamp(0.0, 1.0);
        self.counted = Some(now);
    }

    /// It is over, or waited for no longer.
    fn end(&mut self, given_up: bool) {
        (self.away, self.given_up) = (None, given_up);
        (self.kept_away, self.counted) = (0.0, None);
    }

    /// At `now` an announced event is on or near.
    pub(super) fn event(&mut self, now: f64) {
        self.calm_until = Some(now + AFTERMATH);
    }

    /// At `now` the load was this share of what was expected; `away` is how far it was from the usual one in the hour before.
    pub(super) fn learn(&mut self, now: f64, share: f64, away: f64) {
        self.begun.retain(|at| now - at < WEEK);
        if share >= BACK {
            self.end(false);
            return;
        }
        if self.away.is_some() {
            self.keep_away(now, share);
            if self.begun.last().is_none_or(|begun| now - begun > LONGEST) {
                self.end(true);
            }
            return;
        }
        let calm = self.calm_until.is_some_and(|until| now < until);
        if share < DROPPED && !self.given_up && !calm {
            if self.begun.len() < RARE {
                self.begun.push(now);
                self.away = Some(away);
                self.keep_away(now, share);
            } else {
                // As often as this it is no accident; the last one is remembered, so that the rule holds for a week.
                self.begun.truncate(RARE);
                self.begun.push(now);
                self.given_up = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_is_waited_for_and_no_longer_than_45_minutes() {
        let mut drop = Drop::default();
        drop.learn(0.0, 0.9, 0.1);
        assert_eq!(drop.away(), None);
        drop.learn(15.0, 0.4, 0.1);
        assert_eq!(drop.away(), Some(0.1));
        drop.learn(30.0, 0.6, 0.0);
        assert_eq!(drop.away(), Some(0.1), "not back yet");
        drop.learn(45.0, 0.8, 0.0);
        assert_eq!(drop.away(), None);
        drop.learn(100.0, 0.1, 0.2);
        drop.learn(100.0 + 2700.0, 0.1, 0.2);
        assert!(drop.away().is_some());
        drop.learn(100.0 + 2715.0, 0.1, 0.2);
        assert_eq!(drop.away(), None, "given up");
        drop.learn(100.0 + 2730.0, 0.1, 0.2);
        assert_eq!(drop.away(), None, "the same drop is not waited for again");
        assert!(drop.is_sound());
    }

    #[test]
    fn those_who_were_kept_away_come_on_top() {
        // So many minutes at this share of the usual load.
        let after = |minutes: u32, share: f64| {
            let mut drop = Drop::default();
            drop.learn(0.0, 1.0, 0.0);
            for slot in 0..=minutes * 4 {
                drop.learn(15.0 + f64::from(slot) * 15.0, share, 0.0);
            }
            assert!(drop.is_sound());
            let factor = drop.return_factor();
            drop.learn(1e5, 1.0, 0.0);
            assert_eq!(drop.return_factor(), 1.0, "they are back");
            factor
        };
        assert_eq!(after(0, 0.0), 1.0);
        assert!((after(3, 0.0) - 1.2).abs() < 1e-9, "{}", after(3, 0.0));
        assert!((after(12, 0.1) - 1.64).abs() < 1e-9);
        assert!(
            (after(12, 0.45) - 1.08).abs() < 1e-9,
            "a quiet day keeps few away"
        );
        assert_eq!(after(40, 0.0), 2.0, "no more than twice the usual");
        assert_eq!(after(60, 0.0), 1.0, "given up");
        let mut unread = Drop::default();
        unread.learn(0.0, 0.0, 0.0);
        unread.learn(2000.0, 0.0, 0.0);
        assert!(
            (unread.return_factor() - 1.0 - 60.0 / 900.0).abs() < 1e-9,
            "a gap says little"
        );
    }

    #[test]
    fn a_crowd_that_goes_home_is_no_outage() {
        let mut drop = Drop::default();
        drop.event(0.0);
        drop.learn(15.0, 0.3, 1.5);
        drop.learn(AFTERMATH - 15.0, 0.3, 1.5);
        assert_eq!(drop.away(), None);
        drop.learn(AFTERMATH, 0.3, 0.1);
        assert_eq!(drop.away(), Some(0.1), "an hour later it is one");
    }

    #[test]
    fn what_happens_often_is_no_outage() {
        let mut drop = Drop::default();
        for i in 0..50 {
            let now = f64::from(i) * 40_000.0;
            drop.learn(now, 0.1, 0.0);
            let there = drop.away().is_some();
            assert!(there == (i < 2), "{i}");
            drop.learn(now + 60.0, 1.0, 0.0);
            assert!(drop.is_sound());
        }
        drop.learn(1e9, 0.1, 0.0);
        assert!(drop.away().is_some(), "a week without any later");
    }
}
