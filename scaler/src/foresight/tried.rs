//! Numbers that were tried and taken back: a way down that led up again is not gone twice.

use serde::{Deserialize, Serialize};

/// A load that has grown by no more than this factor is no reason to go up.
const GROWN: f64 = 1.005;
/// What was found out holds for loads from this share of the one at which it was, and is forgotten below the other share.
const HOLDS: f64 = 0.97;
const FORGOTTEN: f64 = 0.9;
/// And after so many seconds: a day.
const FOR: f64 = 86_400.0;

/// What became of the last way down. Loads are in replicas that they hold.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Tried {
    /// The last change, if it was down: from which load on.
    down: Option<f64>,
    too_few: Option<TooFew>,
}

/// So many replicas had to be taken back, although the load was no higher than when they were tried.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct TooFew {
    replicas: u32,
    load: f64,
    /// In seconds.
    until: f64,
}

impl Tried {
    /// Whether it is as it can be; what was saved may be damaged.
    pub(super) fn is_sound(&self) -> bool {
        let fine = |load: f64| (0.0..1e30).contains(&load);
        self.down.is_none_or(fine)
            && self
                .too_few
                .is_none_or(|few| fine(few.load) && few.until.is_finite())
    }

    /// The fewest to go down to from `spec` replicas under this load.
    pub(super) fn least(&self, now: f64, load: f64, spec: u32) -> u32 {
        let holds = |few: &TooFew| load >= HOLDS * few.load && now < few.until;
        let few = self.too_few.filter(holds);
        few.map_or(0, |few| spec.min(few.replicas.saturating_add(1)))
    }

    /// Under this load it goes from one number to another; `forced`: for something else than the load that is there.
    pub(super) fn learn(&mut self, now: f64, load: f64, (from, to): (u32, u32), forced: bool) {
        let over = |few: &TooFew| load < FORGOTTEN * few.load || now >= few.until;
        if self.too_few.as_ref().is_some_and(over) {
            self.too_few = None;
        }
        if to < from {
            self.down = Some(load);
        }
        if to > from
            && let Some(tried) = self.down.take()
            && !forced
            && load <= GROWN * tried
        {
            self.too_few = Some(TooFew {
                replicas: from,
                load,
                until: now + FOR,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_back_is_not_tried_again_while_the_load_stays() {
        let mut tried = Tried::default();
        tried.learn(0.0, 12.0, (16, 15), false);
        assert_eq!(tried.least(15.0, 12.0, 15), 0, "it may go on down");
        tried.learn(300.0, 12.01, (15, 16), false);
        assert_eq!(tried.least(600.0, 12.0, 16), 16);
        assert_eq!(tried.least(600.0, 12.0, 40), 16, "more may go");
        assert_eq!(
            tried.least(600.0, 11.5, 16),
            0,
            "a lower load may do with fewer"
        );
        assert_eq!(
            tried.least(90_000.0, 12.0, 16),
            0,
            "after a day it is tried again"
        );
        tried.learn(600.0, 11.5, (16, 16), false);
        assert_eq!(tried.least(615.0, 12.0, 16), 16);
        tried.learn(615.0, 10.0, (16, 16), false);
        assert_eq!(
            tried.least(630.0, 12.0, 16),
            0,
            "the load went away meanwhile"
        );
    }

    #[test]
    fn a_load_that_grew_or_is_expected_says_nothing_of_the_number() {
        for (load, forced) in [(13.0, false), (12.0, true)] {
            let mut tried = Tried::default();
            tried.learn(0.0, 12.0, (16, 15), false);
            tried.learn(300.0, load, (15, 16), forced);
            assert_eq!(tried.least(600.0, load, 16), 0);
        }
        let mut tried = Tried::default();
        tried.learn(0.0, 12.0, (15, 16), false);
        assert_eq!(tried.least(15.0, 12.0, 16), 0, "nothing was tried before");
    }
}
