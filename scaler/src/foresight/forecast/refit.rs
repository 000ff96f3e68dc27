//! Learning a day's usual course and the weights anew, a little at a time.
//!
//! A refit reads the last seven days twice by minutes (their levels, then what is usual against these), and once by slots
//! (the weights). It goes on by a slice with each decision, so that none of them takes long, and what is used meanwhile is what
//! was learned before.

use serde::{Deserialize, Serialize};

use super::fit::{Fit, Walk};
use super::past::{DAY, DAYS, Past, minute_of};
use super::ridge::{Equations, FEATURES};
use super::season::{MINUTES, Profile, Season};

/// Minutes that are read in a slice, the first and the second time, and slots.
const LEVELS: usize = 64;
const PROFILES: usize = 24;
const SLOTS: i64 = 160;
/// Slots of a minute.
const MINUTE: i64 = 4;
/// A day of which less than this share is known teaches nothing.
const WHOLE: f64 = 0.8;
/// The highest growth that a weight is learned from, in log load.
const GROWTH: f64 = 0.7;
/// How hard weights are pulled towards zero: the first, and the others for each row.
const PULL: (f64, f64) = (1e-6, 1e-4);

/// Values of one minute, or of a day, day by day.
type ByDay = [f64; DAYS];

/// What one day's minutes have in common with those of the next.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Likeness {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Likeness {
    fn add(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.yy += y * y;
        self.xy += x * y;
    }

    /// Pearson's correlation; 0 where there is no telling.
    fn correlation(&self) -> f64 {
        let spread = |square: f64, sum: f64| self.count * square - sum * sum;
        let (x, y) = (spread(self.xx, self.x), spread(self.yy, self.y));
        let both = self.count * self.xy - self.x * self.y;
        // What rounding leaves of a load that never changes is no likeness.
        if x <= 1e-9 * self.count * self.xx || y <= 1e-9 * self.count * self.yy {
            return 0.0;
        }
        (both / (x * y).sqrt()).clamp(-1.0, 1.0)
    }
}

/// Where it is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
enum Stage {
    Levels,
    Profiles,
    Season,
    Weights,
}

/// A refit that is under way.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Refit {
    /// The first slot that is not read.
    end: i64,
    ahead: usize,
    shift: f64,
    stage: Stage,
    /// The next minute or slot.
    next: i64,
    /// Sums of each day's log loads, newest day first, then their means.
    levels: ByDay,
    counts: ByDay,
    likeness: Likeness,
    middle: Profile,
    high: Profile,
    jump: Profile,
    /// The last two minutes' loads and growths of each day; nothing is known: not a number is none of JSON, so very low.
    loads: [ByDay; 2],
    growths: [ByDay; 2],
    season: Option<Season>,
    equations: Equations,
    walk: Walk,
}

/// What is not known.
const NONE: f64 = -1e9;

impl Refit {
    /// Of the days before `past`'s end, for a lead of `ahead` slots.
    pub(super) fn new(past: &Past, ahead: usize, shift: f64) -> Self {
        Self {
            // Whole minutes, so that they are those of the day.
            end: past.end() - past.end().rem_euclid(MINUTE),
            ahead,
            shift: shift.clamp(1e-9, 1e12),
            stage: Stage::Levels,
            next: 0,
            levels: [0.0; DAYS],
            counts: [0.0; DAYS],
            likeness: Likeness::default(),
            middle: Profile::default(),
            high: Profile::default(),
            jump: Profile::default(),
            loads: [[NONE; DAYS]; 2],
            growths: [[NONE; DAYS]; 2],
            season: None,
            equations: Equations::default(),
            walk: Walk::default(),
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        (1e-9..1e13).contains(&self.shift)
            && (1..=super::super::recent::FURTHEST).contains(&self.ahead)
            && (self.stage != Stage::Weights || self.season.is_some())
            && self.season.as_ref().is_none_or(Season::is_sound)
            && [&self.middle, &self.high, &self.jump]
                .iter()
                .all(|p| p.is_sound())
            && self.equations.is_sound()
            && self.walk.is_sound()
    }

    /// Does another slice. At the end: what was learned, and the walk to the newest slot; nothing was learned if there are
    /// fewer than two whole days.
    pub(super) fn go_on(&mut self, past: &Past) -> Option<Option<(Fit, Walk)>> {
        match self.stage {
            Stage::Levels => self.read_levels(past),
            Stage::Profiles => self.read_profiles(past),
            Stage::Season => {
                let ahead = self.ahead as f64 / MINUTE as f64;
                let jump = std::mem::take(&mut self.jump);
                self.season = Some(Season::of(&self.middle, &self.high, jump, ahead));
                self.next = past.begin().max(self.end - DAYS as i64 * DAY);
                self.stage = Stage::Weights;
                None
            }
            Stage::Weights => self.read_slots(past),
        }
    }

    /// The log of the mean load in a minute of the time that is read, day by day, newest first.
    fn minute(&self, past: &Past, minute: i64) -> ByDay {
        std::array::from_fn(|day| {
            let from = self.first(day, minute);
            let mean = past.mean(from, MINUTE);
            mean.map_or(NONE, |mean| libm::log(mean + self.shift))
        })
    }

    fn first(&self, day: usize, minute: i64) -> i64 {
        self.end - (day as i64 + 1) * DAY + MINUTE * minute
    }

    fn read_levels(&mut self, past: &Past) -> Option<Option<(Fit, Walk)>> {
        for _ in 0..LEVELS {
            let logs = self.minute(past, self.next);
            for (day, log) in logs.iter().enumerate() {
                if *log > NONE {
                    self.levels[day] += log;
                    self.counts[day] += 1.0;
                }
            }
            for pair in logs.windows(2) {
                if pair[0] > NONE && pair[1] > NONE {
                    self.likeness.add(pair[1], pair[0]);
                }
            }
            self.next += 1;
            if self.next >= MINUTES as i64 {
                return self.level();
            }
        }
        None
    }

    /// From sums to means.
    fn level(&mut self) -> Option<Option<(Fit, Walk)>> {
        for (level, count) in self.levels.iter_mut().zip(&self.counts) {
            *level = if *count >= WHOLE * MINUTES as f64 {
                *level / count
            } else {
                NONE
            };
        }
        if self.whole_days() < 2 {
            return Some(None);
        }
        // Two minutes before the first, so that the highest of three are known from there on.
        self.next = -2;
        self.stage = Stage::Profiles;
        None
    }

    fn whole_days(&self) -> u32 {
        self.levels
            .iter()
            .map(|level| u32::from(*level > NONE))
            .sum()
    }

    fn read_profiles(&mut self, past: &Past) -> Option<Option<(Fit, Walk)>> {
        for _ in 0..PROFILES {
            if self.next > MINUTES as i64 {
                self.stage = Stage::Season;
                return None;
            }
            self.read_minute(past);
            self.next += 1;
        }
        None
    }

    /// What is usual in a minute, and, a minute later, around it.
    fn read_minute(&mut self, past: &Past) {
        let minute = self.next;
        let logs = self.minute(past, minute);
        let span = MINUTE + self.ahead as i64;
        let growths: ByDay =
            std::array::from_fn(|day| match past.highest(self.first(day, minute), span) {
                Some(highest) if logs[day] > NONE => libm::log(highest + self.shift) - logs[day],
                _ => NONE,
            });
        let loads: ByDay = std::array::from_fn(|day| {
            if logs[day] > NONE && self.levels[day] > NONE {
                logs[day] - self.levels[day]
            } else {
                NONE
            }
        });
        let around = |last: &[ByDay; 2], now: &ByDay| -> ByDay {
            std::array::from_fn(|day| last[0][day].max(last[1][day]).max(now[day]))
        };
        let (high, most) = (around(&self.loads, &loads), around(&self.growths, &growths));
        let origin = (self.end.rem_euclid(DAY) / MINUTE) as usize;
        let place = |minute: i64| origin + (minute + MINUTES as i64) as usize;
        if (0..MINUTES as i64).contains(&minute) {
            let (sorted, known) = sorted(loads);
            if known > 0 {
                self.middle.set(place(minute), median(&sorted, known));
            }
        }
        if (0..MINUTES as i64).contains(&(minute - 1)) {
            let (sorted_high, known) = sorted(high);
            if known > 0 {
                self.high
                    .set(place(minute - 1), median(&sorted_high, known));
            }
            let (sorted_most, known) = sorted(most);
            // It has to have happened on three days of a week, on two of fewer days.
            let third = if known >= 5 { 2 } else { 1 };
            let jump = if known > 1 { sorted_most[third] } else { 0.0 };
            self.jump.set(place(minute - 1), jump);
        }
        self.loads = [self.loads[1], loads];
        self.growths = [self.growths[1], growths];
    }

    fn read_slots(&mut self, past: &Past) -> Option<Option<(Fit, Walk)>> {
        let season = self.season.as_ref()?;
        for _ in 0..SLOTS {
            let slot = self.next;
            if slot >= past.end() {
                return Some(self.solve());
            }
            let log = past.rate(slot).map(|rate| libm::log(rate + self.shift));
            // Neighbours are much the same: every second one is enough.
            if slot % 2 == 0
                && slot + (self.ahead as i64) < self.end
                && let Some(log) = log
                && let Some(x) = Fit::features(season, &self.walk, slot, log)
                && let Some(highest) = past.highest(slot, self.ahead as i64 + 1)
            {
                let growth = libm::log(highest + self.shift) - log;
                self.equations.add(&x, growth.clamp(-GROWTH, GROWTH));
            }
            let usual = season.usual.at(minute_of(slot));
            self.walk.push(slot, log, usual);
            self.next += 1;
        }
        None
    }

    fn solve(&mut self) -> Option<(Fit, Walk)> {
        let mut pull = [PULL.1 * self.equations.rows().max(1.0); FEATURES];
        pull[0] = PULL.0;
        let mut weights = self.equations.solve(&pull)?;
        // More load must never mean that less is expected.
        weights[1] = weights[1].clamp(-1.0, 1.0);
        let fit = Fit {
            shift: self.shift,
            ahead: self.ahead,
            season: self.season.take()?,
            weights,
            days: self.whole_days(),
            repeats: self.likeness.correlation(),
        };
        fit.is_sound()
            .then(|| (fit, std::mem::take(&mut self.walk)))
    }
}

/// Known values from the highest down, and how many there are.
fn sorted(mut values: ByDay) -> (ByDay, usize) {
    values.sort_by(|a, b| b.total_cmp(a));
    let known = values.iter().take_while(|value| **value > NONE).count();
    (values, known)
}

fn median(sorted: &ByDay, known: usize) -> f64 {
    (sorted[(known - 1) / 2] + sorted[known / 2]) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days of which the last slot is `end`; each slot's rate by day and slot of the day.
    fn past(days: i64, rate: impl Fn(i64, i64) -> f64) -> Past {
        let mut past = Past::default();
        for slot in 0..days * DAY {
            past.push(slot, Some(rate(slot / DAY, slot % DAY)));
        }
        past
    }

    fn learned(past: &Past, ahead: usize) -> Option<(Fit, Walk)> {
        let mut refit = Refit::new(past, ahead, 10.0);
        for _ in 0..5000 {
            if let Some(learned) = refit.go_on(past) {
                return learned;
            }
            assert!(refit.is_sound());
        }
        panic!("it comes to no end");
    }

    /// Twice as much in the second half of the day.
    fn halves(slot: i64) -> f64 {
        if slot < DAY / 2 { 100.0 } else { 200.0 }
    }

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() < 0.01, "{value} {expected}");
    }

    #[test]
    fn what_is_usual_is_the_middle_of_the_days_against_their_own_level() {
        // Each day is higher than the one before, and one of them is upside down.
        let past = past(7, |day, slot| {
            let slot = if day == 3 { DAY - 1 - slot } else { slot };
            (halves(slot) + 10.0) * (1.0 + 0.2 * day as f64) - 10.0
        });
        let (fit, _) = learned(&past, 8).unwrap();
        let step = libm::log(210.0 / 110.0);
        close(fit.season.usual.at(300.0), -step / 2.0);
        close(fit.season.usual.at(1000.0), step / 2.0);
        assert_eq!(fit.days, 7);
        assert!(fit.repeats > 0.2, "{}", fit.repeats);
    }

    #[test]
    fn a_rise_is_known_a_lead_before() {
        let past = past(7, |_, slot| halves(slot));
        let (fit, walk) = learned(&past, 8).unwrap();
        let at = |minute: i64| {
            let slot = 7 * DAY + MINUTE * minute;
            let mut walk = walk.clone();
            for back in (0..240).rev() {
                let slot = slot - 1 - back;
                let log = fit.log(halves(slot.rem_euclid(DAY)));
                walk.push(slot, Some(log), fit.season.usual.at(minute_of(slot)));
            }
            let log = fit.log(100.0);
            fit.point(&walk, slot, log).unwrap().log - log
        };
        let step = libm::log(210.0 / 110.0);
        // Smoothed over minutes; what is sharper is a jump.
        assert!(at(719) > step / 3.0, "{}", at(719));
        assert!(at(600).abs() < 0.1 * step, "{}", at(600));
    }

    #[test]
    fn a_jump_counts_if_it_came_on_three_of_seven_days() {
        let jumps = |days: i64| {
            past(7, |day, slot| {
                let jumped = day < days && (2880..2940).contains(&slot);
                if jumped { 400.0 } else { 100.0 }
            })
        };
        let step = libm::log(410.0 / 110.0);
        let (fit, _) = learned(&jumps(3), 8).unwrap();
        close(fit.season.jump.at(719.5), step);
        close(fit.season.jump.at(710.0), 0.0);
        let (fit, _) = learned(&jumps(2), 8).unwrap();
        close(fit.season.jump.at(719.5), 0.0);
    }

    #[test]
    fn fewer_than_two_days_teach_nothing_and_noise_is_no_season() {
        assert!(learned(&past(1, |_, slot| halves(slot)), 8).is_none());
        let mut holes = past(2, |_, slot| halves(slot));
        for slot in 2 * DAY..3 * DAY {
            holes.push(slot, (slot % 3 == 0).then_some(100.0));
        }
        let (fit, _) = learned(&holes, 8).unwrap();
        assert_eq!(fit.days, 2, "a day of holes is none");
        let noise = |day: i64, slot: i64| 100.0 + ((day * DAY + slot) * 7919 % 101) as f64;
        let (fit, _) = learned(&past(7, noise), 8).unwrap();
        assert!(fit.repeats.abs() < 0.2, "{}", fit.repeats);
        let (flat, _) = learned(&past(7, |_, _| 100.0), 8).unwrap();
        assert!(flat.repeats.abs() < 0.2, "{}", flat.repeats);
    }

    #[test]
    fn more_load_never_lowers_what_is_expected() {
        let past = past(7, |day, slot| {
            halves(slot) * (1.0 + ((day + slot) % 5) as f64 * 0.2)
        });
        let (fit, walk) = learned(&past, 8).unwrap();
        assert!(fit.weights[1] >= -1.0);
        let mut last = f64::MIN;
        for rate in 0..500 {
            let point = fit.point(&walk, 7 * DAY, fit.log(f64::from(rate))).unwrap();
            assert!(point.log >= last - 1e-12, "{rate}");
            last = point.log;
        }
    }
}
