//! A load that is suddenly gone and not expected to be: an outage, after which all come back at once.

use serde::{Deserialize, Serialize};

/// Below this share of what is usual at this time the load has dropped, from that share on it is back.
const DROPPED: f64 = 0.5;
const BACK: f64 = 0.7;
/// It is waited for so long, in seconds.
const LONGEST: f64 = 2700.0;
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
            && (self.away.is_none() || !self.begun.is_empty())
            && self.calm_until.is_none_or(f64::is_finite)
    }

    /// How far the log load was from the usual one when the drop that is on began; nothing while none is on.
    pub(super) const fn away(&self) -> Option<f64> {
        self.away
    }

    /// At `now` an announced event is on or near.
    pub(super) fn event(&mut self, now: f64) {
        self.calm_until = Some(now + AFTERMATH);
    }

    /// At `now` the load was this share of what was expected; `away` is how far it was from the usual one in the hour before.
    pub(super) fn learn(&mut self, now: f64, share: f64, away: f64) {
        self.begun.retain(|at| now - at < WEEK);
        if share >= BACK {
            (self.away, self.given_up) = (None, false);
            return;
        }
        if self.away.is_some() {
            if self.begun.last().is_none_or(|begun| now - begun > LONGEST) {
                (self.away, self.given_up) = (None, true);
            }
            return;
        }
        let calm = self.calm_until.is_some_and(|until| now < until);
        if share < DROPPED && !self.given_up && !calm {
            if self.begun.len() < RARE {
                self.begun.push(now);
                self.away = Some(away);
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
