//! Numbers that turned out to be too few: a way down that led up again is not gone twice, nor is a number gone back to that was
//! left although the load had stayed the same.

use serde::{Deserialize, Serialize};

/// A load that has grown by no more than this factor is no reason to go up.
const GROWN: f64 = 1.005;
/// What was found out holds for loads from this share of the one at which it was, and is forgotten below the other share.
const HOLDS: f64 = 0.97;
const FORGOTTEN: f64 = 0.9;
/// And after so many seconds: a day.
const FOR: f64 = 86_400.0;
/// A load that has stayed within [`HOLDS`] for so many seconds is the same: what then leads up is what was learned of replicas or
/// of the price. In less, a jump's own margin could be gone again.
const SAME: f64 = 600.0;

/// What became of the last numbers. Loads are in replicas that they hold.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Tried {
    /// The last change, if it was down: from which load on.
    down: Option<f64>,
    too_few: Option<TooFew>,
    /// The load that is still the same, and since when, in seconds.
    #[serde(default)]
    same: Option<(f64, f64)>,
}

/// So many replicas had to be added to, although the load was no higher than before.
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
            && self
                .same
                .is_none_or(|(load, since)| fine(load) && since.is_finite())
    }

    /// The fewest to go down to from `spec` replicas under this load.
    pub(super) fn least(&self, now: f64, load: f64, spec: u32) -> u32 {
        let holds = |few: &TooFew| load >= HOLDS * few.load && now < few.until;
        let few = self.too_few.filter(holds);
        few.map_or(0, |few| spec.min(few.replicas.saturating_add(1)))
    }

    /// Under this load it goes from one number to another, because of what its reason names.
    pub(super) fn learn(&mut self, now: f64, load: f64, (from, to): (u32, u32), because: &str) {
        let over = |few: &TooFew| load < FORGOTTEN * few.load || now >= few.until;
        if self.too_few.as_ref().is_some_and(over) {
            self.too_few = None;
        }
        let about = |(was, _): &(f64, f64)| (HOLDS * was..=was / HOLDS).contains(&load);
        let (_, since) = *self
            .same
            .insert(self.same.filter(about).unwrap_or((load, now)));
        // Whatever goes up for the future says nothing of the number; a backlog does not for long.
        let (for_load, behind) = (matches!(because, "load" | "expected"), because == "backlog");
        if to < from {
            self.down = Some(load);
        } else if to > from {
            let tried = self.down.take().is_some_and(|tried| load <= GROWN * tried);
            let same = for_load && now - since >= SAME;
            if same || tried && (for_load || behind) {
                self.too_few = Some(TooFew {
                    replicas: from,
                    load,
                    until: now + FOR,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_back_is_not_tried_again_while_the_load_stays() {
        let mut tried = Tried::default();
        tried.learn(0.0, 12.0, (16, 15), "load");
        assert_eq!(tried.least(15.0, 12.0, 15), 0, "it may go on down");
        tried.learn(300.0, 12.01, (15, 16), "load");
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
        tried.learn(600.0, 11.5, (16, 16), "load");
        assert_eq!(tried.least(615.0, 12.0, 16), 16);
        tried.learn(615.0, 10.0, (16, 16), "load");
        assert_eq!(
            tried.least(630.0, 12.0, 16),
            0,
            "the load went away meanwhile"
        );
    }

    #[test]
    fn a_load_that_grew_or_is_expected_says_nothing_of_the_number() {
        for (load, because) in [(13.0, "load"), (12.0, "event")] {
            let mut tried = Tried::default();
            tried.learn(0.0, 12.0, (16, 15), "load");
            tried.learn(300.0, load, (15, 16), because);
            assert_eq!(tried.least(600.0, load, 16), 0);
        }
        let mut tried = Tried::default();
        tried.learn(0.0, 12.0, (15, 16), "load");
        assert_eq!(tried.least(15.0, 12.0, 16), 0, "nothing was tried before");
    }

    #[test]
    fn a_number_that_was_left_under_the_same_load_is_not_gone_back_to() {
        let left_after = |seconds: f64, load: f64, because: &str| {
            let mut tried = Tried::default();
            tried.learn(0.0, 12.0, (15, 15), "load");
            tried.learn(seconds, load, (15, 16), because);
            tried.least(seconds + 600.0, load, 16)
        };
        assert_eq!(left_after(600.0, 12.0, "load"), 16);
        assert_eq!(left_after(600.0, 11.9, "expected"), 16);
        assert_eq!(
            left_after(585.0, 12.0, "load"),
            0,
            "a jump's margin goes again"
        );
        assert_eq!(left_after(600.0, 12.6, "load"), 0, "the load has grown");
        assert_eq!(left_after(600.0, 11.4, "load"), 0, "the load has changed");
        for because in ["backlog", "event", "recurring", "surge"] {
            assert_eq!(left_after(600.0, 12.0, because), 0, "{because}");
        }
    }
}
