//! How the load goes on from where it is: a day's usual course and eight weights.

use serde::{Deserialize, Serialize};

use super::past::{DAY, minute_of};
use super::ridge::Row;
use super::season::Season;
use super::trail::Trail;

/// How far the forecast may be from the load that is there, in log load: down and up.
const FURTHEST: (f64, f64) = (-0.7, 1.2);
/// A jump that comes day by day: at least so much in log load.
const JUMP: f64 = 0.25;
/// Slots before now whose lowest load a jump goes from: if it has begun, it is not expected once more.
const JUMPED: usize = 12;
/// How far the last quarter of an hour counts as away from its usual load.
const AWAY: f64 = 0.5;

/// Where the load comes from, and its level against usual days.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Walk {
    pub(super) trail: Trail,
    /// The mean of log load less its usual one, over a day or so.
    level: f64,
    /// Slots that the level rests on, at most a day's.
    slots: f64,
}

impl Walk {
    pub(super) fn is_sound(&self) -> bool {
        self.trail.is_sound()
            && (-1000.0..=1000.0).contains(&self.level)
            && (0.0..=DAY as f64).contains(&self.slots)
    }

    /// The log load of a slot, if it is known, where `usual` is usual.
    pub(super) fn push(&mut self, slot: i64, log: Option<f64>, usual: f64) {
        self.trail.push(slot, log);
        if let Some(log) = log.filter(|log| log.is_finite()) {
            self.slots = (self.slots + 1.0).min(DAY as f64);
            self.level += (log.clamp(-900.0, 900.0) - usual - self.level) / self.slots;
        }
    }
}

/// What was learned of the last days.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Fit {
    /// What is added to rates before their logarithm is taken: below it, ups and downs are noise.
    pub(super) shift: f64,
    /// The lead that it was made for, in slots.
    pub(super) ahead: usize,
    pub(super) season: Season,
    /// Of: 1, the load against the last 2 minutes, those against 5, those against 15, those against 60, the usual rise, the
    /// usual rise of peaks, and how far the last quarter of an hour is from its usual load.
    pub(super) weights: Row,
    /// Whole days that it rests on.
    pub(super) days: u32,
    /// How much one day is like the next: their correlation, from −1 to 1.
    pub(super) repeats: f64,
}

/// A forecast of the highest log load within the lead, and its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) log: f64,
    /// What is usual for the highest of a lead against its first load.
    pub(super) highest: f64,
    /// What the time of day adds.
    pub(super) season: f64,
    /// What the course of the last hour adds.
    pub(super) trend: f64,
    /// What it would add if the load were that of the last two minutes: independent of the load that is there.
    pub(super) steady: f64,
}

impl Fit {
    pub(super) fn is_sound(&self) -> bool {
        (1e-9..1e13).contains(&self.shift)
            && (1..=super::super::recent::FURTHEST).contains(&self.ahead)
            && self.season.is_sound()
            && self.weights.iter().all(|w| w.abs() < 1e3)
            && (-1.0..=1.0).contains(&self.repeats)
    }

    /// The logarithm that it reckons in.
    pub(super) fn log(&self, rate: f64) -> f64 {
        libm::log(rate + self.shift)
    }

    /// The rate of a log load.
    pub(super) fn rate(&self, log: f64) -> f64 {
        (libm::exp(log) - self.shift).max(0.0)
    }

    /// What the weights are of, for the log load in a slot; nothing while too little is known of the last hour.
    pub(super) fn features(season: &Season, walk: &Walk, slot: i64, log: f64) -> Option<Row> {
        let [l2, l5, l15, l60] = walk.trail.means()?;
        let minute = minute_of(slot);
        let away = l15 - season.usual.at(minute) - walk.level;
        Some([
            1.0,
            log - l2,
            l2 - l5,
            l5 - l15,
            l15 - l60,
            season.rise.at(minute),
            season.rise_high.at(minute),
            away.clamp(-AWAY, AWAY),
        ])
    }

    /// The forecast from the log load in a slot.
    pub(super) fn point(&self, walk: &Walk, slot: i64, log: f64) -> Option<Point> {
        let x = Self::features(&self.season, walk, slot, log)?;
        let part =
            |from: usize, to: usize| -> f64 { (from..to).map(|i| x[i] * self.weights[i]).sum() };
        let bounded = |by: f64| by.clamp(FURTHEST.0, FURTHEST.1);
        let all = part(0, 8);
        Some(Point {
            log: log + bounded(all),
            highest: part(0, 1),
            season: part(5, 8),
            trend: part(1, 5),
            steady: bounded(all - part(1, 2)),
        })
    }

    /// The rate after a jump that came at this time on most days, if that is more than is expected `anyway`.
    pub(super) fn jump(
        &self,
        walk: &Walk,
        slot: i64,
        rate: f64,
        point: &Point,
        anyway: f64,
    ) -> Option<f64> {
        let jump = self.season.jump.at(minute_of(slot));
        // Neither side depends on the load that is there: more of it must not take the jump away.
        if jump <= JUMP || jump <= point.steady + anyway {
            return None;
        }
        let log = self.log(rate);
        let from = walk.trail.lowest(JUMPED).map_or(log, |low| low.min(log));
        Some(self.rate(from + jump))
    }
}
