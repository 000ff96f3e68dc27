//! What is expected of the load, learned from the days before.
//!
//! A week of rates is kept (`past`). Once a day, at a minute of its own, a workload learns from it what a day is usually like
//! (`season`) and how the load goes on from where it is (`fit`, by `ridge`), a slice with each decision (`refit`). From then on there
//! is a forecast of the highest load until replicas ordered now are ready. How far the load went beyond it is counted, beside how far
//! it went beyond the load that was there; only while the forecast is the better of both is it followed (`trust`). A load that is
//! suddenly gone is waited for (`drop`). The last days also say which price would have done in them (`replay`).

mod drop;
mod fit;
mod packed;
mod past;
mod refit;
mod replay;
mod ridge;
mod season;
mod trail;
mod trust;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::recent::{FURTHEST, SLOT};
use super::residuals::CELLS;
use drop::Drop;
use fit::{Fit, Point, Walk};
use past::{DAY, Past, minute_of, slot_of};
use refit::Refit;
use replay::Replay;
use trust::Trust;

pub(super) use replay::{Start, World};

/// Days that must be known, and how much they must be like each other, before there is a season to follow.
const LEAST_DAYS: u32 = 2;
const LEAST_LIKENESS: f64 = 0.2;
/// How likely a jump that comes day by day is to come again.
pub(super) const JUMP_WEIGHT: f64 = 0.5;
/// If the lead has changed by so many slots, or the noise by this factor, it is learned anew before the day is over, but not
/// within an hour.
const LEAD_CHANGED: usize = 2;
const NOISE_CHANGED: f64 = 1.5;
const NOT_AGAIN: i64 = 240;

/// What a forecast is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Purpose {
    /// The lead, in slots: until what is ordered with the next decision is ready.
    pub(super) ahead: usize,
    /// Below this rate, ups and downs are noise.
    pub(super) shift: f64,
    /// Slots without a reading that lie between two decisions.
    pub(super) between: i64,
}

/// A forecast of the highest log load within the lead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) log: f64,
    pub(super) shift: f64,
    pub(super) parts: Parts,
    /// What may come on top, and how likely.
    pub(super) offsets: [(f64, f64); CELLS],
    /// The rate after a jump that comes about now, on most days.
    pub(super) jump: Option<f64>,
}

/// What a forecast adds to the load that is there, in log load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Parts {
    /// By the time of day.
    pub(super) season: f64,
    /// By the course of the last hour.
    pub(super) trend: f64,
    /// Because the highest of a while is above its first.
    pub(super) highest: f64,
}

/// What is known of the forecast itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Standing {
    /// Whole days that it rests on; 0 before the first.
    pub(super) days: u32,
    pub(super) repeats: f64,
    pub(super) loss_ratio: f64,
    pub(super) cover: f64,
    /// Seconds for which it is not yet followed, if all goes well.
    pub(super) wait: f64,
    pub(super) followed: bool,
}

/// The history and what was learned from it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Forecast {
    /// The slot of the day in which it is learned anew.
    own: i64,
    past: Past,
    /// The slot that is not over, and its last rate.
    current: Option<(i64, f64)>,
    walk: Walk,
    fit: Option<Box<Fit>>,
    refit: Option<Box<Refit>>,
    /// The slot of the last refit.
    learned: Option<i64>,
    /// What was expected in the last slots.
    made: VecDeque<(i64, f64)>,
    trust: Trust,
    drop: Drop,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replay: Option<Box<Replay>>,
}

/// FNV-1a: the same for the same name, on every machine.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Forecast {
    /// Without any history, for the workload of this name, which says when in the day it is learned anew.
    pub(super) fn new(workload: &str) -> Self {
        Self {
            own: (hash(workload) % DAY as u64) as i64,
            past: Past::default(),
            current: None,
            walk: Walk::default(),
            fit: None,
            refit: None,
            learned: None,
            made: VecDeque::with_capacity(FURTHEST + 2),
            trust: Trust::default(),
            drop: Drop::default(),
            replay: None,
        }
    }

    /// Whether every part is as that part can be; what was saved may be damaged.
    pub(super) fn is_sound(&self) -> bool {
        (0..DAY).contains(&self.own)
            && self.past.is_sound()
            && self.walk.is_sound()
            && self.fit.as_ref().is_none_or(|fit| fit.is_sound())
            && self.refit.as_ref().is_none_or(|refit| refit.is_sound())
            && self.made.len() <= FURTHEST + 2
            && self.made.iter().all(|(_, log)| log.is_finite())
            && self.trust.is_sound()
            && self.drop.is_sound()
            && self.replay.as_ref().is_none_or(|replay| replay.is_sound())
    }

    /// A reading of `now` is there: what was before its slot is over is learned, and a slice of a refit is done.
    pub(super) fn advance(&mut self, now: f64, purpose: Purpose) {
        self.finish_slot(slot_of(now), purpose);
        self.slice(purpose);
    }

    /// Takes what was in the slots before this one.
    fn finish_slot(&mut self, slot: i64, purpose: Purpose) {
        let Some((last, rate)) = self.current.filter(|(last, _)| *last < slot) else {
            return;
        };
        self.current = None;
        // One reading stands for the slots until the next one is due.
        let until = slot.min(last + 1 + purpose.between);
        let masked = self.past.code(last) == past::GAP;
        for slot in last..until {
            if slot > last && !masked {
                self.past.push(slot, Some(rate));
            }
            let Some(fit) = &self.fit else { continue };
            let (log, usual) = (fit.log(rate), fit.season.usual.at(minute_of(slot)));
            self.walk.push(slot, Some(log), usual);
            self.compare(slot - purpose.ahead as i64, purpose.ahead);
        }
    }

    /// What was forecast in slot `due`, against what came in it and the `ahead` ones after it.
    fn compare(&mut self, due: i64, ahead: usize) {
        while self.made.front().is_some_and(|(slot, _)| *slot < due) {
            self.made.pop_front();
        }
        let made = self.made.front().filter(|(slot, _)| *slot == due);
        if let (Some((_, expected)), Some(fit)) = (made, &self.fit)
            && let Some(highest) = self.past.highest(due, ahead as i64 + 1)
            && let Some(there) = self.past.rate(due)
        {
            let came = fit.log(highest);
            self.trust.learn(came - expected, came - fit.log(there));
        }
    }

    /// Goes on with a refit, or begins one if it is time.
    fn slice(&mut self, purpose: Purpose) {
        if self.refit.is_none() && self.is_due(purpose) {
            self.learned = Some(self.past.end());
            let refit = Refit::new(&self.past, purpose.ahead, purpose.shift);
            self.refit = Some(Box::new(refit));
        }
        if let Some(refit) = &mut self.refit
            && let Some(learned) = refit.go_on(&self.past)
        {
            self.refit = None;
            if let Some((fit, walk)) = learned {
                (self.fit, self.walk) = (Some(Box::new(fit)), walk);
                // They were made with other logarithms.
                self.made.clear();
                self.replay = None;
            }
        }
    }

    /// Once a day at its own time, as soon as there are two days, and when what it is for has changed.
    fn is_due(&self, purpose: Purpose) -> bool {
        let end = self.past.end();
        if end - self.past.begin() < i64::from(LEAST_DAYS) * DAY {
            return false;
        }
        let Some(learned) = self.learned else {
            return true;
        };
        let day = |slot: i64| (slot - self.own).div_euclid(DAY);
        if day(end) > day(learned) {
            return true;
        }
        let changed = |fit: &Fit| {
            fit.ahead.abs_diff(purpose.ahead) >= LEAD_CHANGED
                || purpose.shift > NOISE_CHANGED * fit.shift
                || fit.shift > NOISE_CHANGED * purpose.shift
        };
        end - learned >= NOT_AGAIN && self.fit.as_ref().is_some_and(|fit| changed(fit))
    }

    /// Does a refit as a whole, for histories: no decision waits for it.
    pub(super) fn learn_all(&mut self, purpose: Purpose) {
        self.finish_slot(
            i64::MAX / 4,
            Purpose {
                between: 0,
                ..purpose
            },
        );
        self.learned = None;
        self.refit = None;
        self.slice(purpose);
        self.go_through();
    }

    /// Finishes the refit that is under way.
    pub(super) fn go_through(&mut self) {
        while self.refit.is_some() {
            self.slice(Purpose {
                ahead: 1,
                shift: 1.0,
                between: 0,
            });
        }
    }

    /// There is this rate at `now`; `masked` if it says nothing of usual days.
    pub(super) fn learn(&mut self, now: f64, rate: f64, masked: bool) {
        let slot = slot_of(now);
        if self.current.is_some_and(|(current, _)| current > slot) {
            return;
        }
        self.past.push(slot, (!masked).then_some(rate));
        self.current = Some((slot, rate));
        if masked {
            self.drop.event(now);
            return;
        }
        if let Some(point) = self.point(now, rate) {
            if self.made.back().is_some_and(|(last, _)| *last >= slot) {
                self.made.pop_back();
            }
            if self.made.len() > FURTHEST {
                self.made.pop_front();
            }
            self.made.push_back((slot, point.log));
        }
        self.learn_drop(now, rate);
    }

    fn learn_drop(&mut self, now: f64, rate: f64) {
        if !self.is_ready() {
            return;
        }
        let Some(expected) = self.usual_rate(now) else {
            return;
        };
        let Some(away) = self.away() else { return };
        self.drop.learn(now, rate / expected.max(1e-9), away);
    }

    fn point(&self, now: f64, rate: f64) -> Option<Point> {
        let fit = self.fit.as_ref()?;
        fit.point(&self.walk, slot_of(now), fit.log(rate))
    }

    /// Whether there is a season at all.
    fn is_ready(&self) -> bool {
        self.fit
            .as_ref()
            .is_some_and(|fit| fit.days >= LEAST_DAYS && fit.repeats >= LEAST_LIKENESS)
    }

    /// What is expected within the lead if there is this rate at `now`; nothing while there is no forecast that may be followed.
    pub(super) fn expected(&self, now: f64, rate: f64) -> Option<Expected> {
        if !self.is_ready() || !self.trust.is_open() {
            return None;
        }
        let fit = self.fit.as_ref()?;
        let point = self.point(now, rate)?;
        let offsets = self.trust.residuals.offsets();
        Some(Expected {
            log: point.log,
            shift: fit.shift,
            parts: Parts {
                season: point.season,
                trend: point.trend,
                highest: point.highest,
            },
            offsets,
            jump: fit.jump(&self.walk, slot_of(now), rate, &point, offsets[CELLS - 2].0),
        })
    }

    /// Whether a replay may be begun: there is something to go through, and nothing else is being done.
    pub(super) fn can_replay(&self) -> bool {
        self.fit.is_some() && self.refit.is_none()
    }

    pub(super) const fn is_replaying(&self) -> bool {
        self.replay.is_some()
    }

    /// Begins to go through the last days, in which replicas take `start` slots to be ready and lower numbers wait for `hold`
    /// slots.
    pub(super) fn begin_replay(&mut self, start: usize, hold: usize) {
        self.replay = Some(Box::new(Replay::new(&self.past, start, hold)));
    }

    /// Goes on with it. At the end: the price that would have done, ÷ the one that a steady load implies.
    pub(super) fn go_on_replaying(&mut self, world: &World<'_>) -> Option<f64> {
        let replay = self.replay.as_mut()?;
        let found = replay.go_on(&self.past, self.fit.as_ref()?, world)?;
        self.replay = None;
        Some(found)
    }

    /// What may come on top of the forecast, if that is followed.
    pub(super) fn margins(&self) -> Option<[(f64, f64); CELLS]> {
        (self.is_ready() && self.trust.is_open()).then(|| self.trust.residuals.offsets())
    }

    /// How far the log load was from the usual one: in the last hour, or before the drop that is on.
    fn away(&self) -> Option<f64> {
        let fit = self.fit.as_ref()?;
        if let Some(away) = self.drop.away() {
            return Some(away);
        }
        let (before, middle) = self.walk.trail.before()?;
        Some(before - fit.season.usual.at(minute_of(middle)))
    }

    /// The rate that is usual now, if it is as far from the usual one as it was.
    fn usual_rate(&self, now: f64) -> Option<f64> {
        let fit = self.fit.as_ref()?;
        let usual = fit.season.usual.at(minute_of(slot_of(now)));
        Some(fit.rate(usual + self.away()?))
    }

    /// The rate to be ready for although it is not there: the usual one and those who were kept away. Nothing if the load has
    /// not dropped.
    pub(super) fn waited_for(&self, now: f64) -> Option<f64> {
        self.drop.away()?;
        Some(self.usual_rate(now)? * self.drop.return_factor())
    }

    /// The rate to be expected at `now` if nothing is known of it.
    pub(super) fn unseen(&self, now: f64) -> Option<f64> {
        (self.is_ready() && self.trust.is_open()).then(|| self.usual_rate(now))?
    }

    pub(super) fn standing(&self) -> Standing {
        let fit = self.fit.as_ref();
        Standing {
            days: fit.map_or(0, |fit| fit.days),
            repeats: fit.map_or(0.0, |fit| fit.repeats),
            loss_ratio: self.trust.ratio(),
            cover: self.trust.cover(),
            wait: f64::from(self.trust.wait()) * SLOT,
            followed: self.is_ready() && self.trust.is_open(),
        }
    }
}
