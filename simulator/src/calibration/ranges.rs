//! How sure a fit is.

use super::bench::{Judge, Work};
use super::fit::{Free, Guessed, searched};
use super::model::Guess;
use super::noise::{Triangle, dot};
use super::result::{Interval, Kind};

/// Nine of ten: so much more unlikely than the best a value may be (χ² with one degree of freedom) …
const UNLIKELY: f64 = 2.706;
/// … which is so many standard errors.
const ERRORS: f64 = 1.645;
/// With a larger standard error, on the axis that it is searched on, nothing is known of a value.
const UNKNOWN: f64 = 3.0;
/// The least that is known of a value: as if its standard error were ten.
const NOTHING: f64 = 0.01;
/// The first step away from the best width, as a logarithm; the factor from one step to the next; the most steps.
const AWAY: (f64, f64, u32) = (0.03, 1.6, 9);
/// Tries of the search at each, for each of what is searched.
const TRIES: u32 = 10;
/// What is better by less than this is no reason to begin anew, …
const BETTER: f64 = 0.2;
/// … which is done so often at the most.
const ROUNDS: u32 = 5;

/// The best of a kind that is found on the way, and how far its width may lie to both sides: outwards until even the best
/// that goes with it is too unlikely. `excess` is by how much everything is further off than chance explains.
pub(super) fn width(
    work: &mut Work<'_>,
    best: Guessed,
    others: &[Free],
    judge: &Judge<'_>,
    excess: f64,
) -> (Guessed, Interval) {
    let mut best = best;
    let mut ends = [None; 2];
    // A better one that is met on the way out is where to begin from anew; each time there is less to be found.
    'again: for _ in 0..ROUNDS {
        ends = [None; 2];
        for (end, way) in ends.iter_mut().zip([-1.0, 1.0]) {
            let walk = Walk { best, excess, way };
            let better;
            (*end, better) = walk.out(work, others, judge);
            if let Some(found) = better {
                best = found;
                continue 'again;
            }
        }
        break;
    }
    let [low, high] = ends;
    let value = best.guess.width;
    (best, Interval { value, low, high })
}

/// Outwards from the best width to one side.
struct Walk {
    best: Guessed,
    excess: f64,
    way: f64,
}

impl Walk {
    /// Where the limit is met, if it is; or something better than the best.
    fn out(
        &self,
        work: &mut Work<'_>,
        others: &[Free],
        judge: &Judge<'_>,
    ) -> (Option<f64>, Option<Guessed>) {
        let (mut away, factor, most) = AWAY;
        let mut last = self.best;
        for _ in 0..most {
            let Some(width) = self.next(last.guess.width, away) else {
                // There are no fewer slots than one.
                return (Some(last.guess.width), None);
            };
            let guess = Guess {
                width,
                ..last.guess
            };
            let found = searched(work, guess, others, TRIES, judge);
            if work.is_stopped() {
                return (None, None);
            }
            if found.loss < self.best.loss - BETTER * self.excess {
                return (None, Some(found));
            }
            if found.loss > self.limit() {
                return (Some(self.between(&last, &found)), None);
            }
            last = found;
            away *= factor;
        }
        (None, None)
    }

    /// What is more unlikely than this is out of range.
    fn limit(&self) -> f64 {
        self.best.loss + UNLIKELY * self.excess
    }

    fn next(&self, width: f64, away: f64) -> Option<f64> {
        let next = width * libm::exp(self.way * away);
        match self.best.guess.kind {
            Kind::Sharing => Some(next),
            Kind::Fifo => {
                let step = (next - width).abs().round().max(1.0);
                let next = width + self.way * step;
                (next >= 1.0).then_some(next)
            }
        }
    }

    /// Between two widths, the first within the limit and the other beyond, where it is met. Near its best a likelihood is
    /// a square, so its root is even.
    fn between(&self, within: &Guessed, beyond: &Guessed) -> f64 {
        let root = |loss: f64| (loss - self.best.loss).max(0.0).sqrt();
        let (a, b, at) = (root(within.loss), root(beyond.loss), root(self.limit()));
        let share = if b.is_finite() && b > a {
            (at - a) / (b - a)
        } else {
            0.0
        };
        let (from, to) = (within.guess.width, beyond.guess.width);
        let met = from + share * (to - from);
        match self.best.guess.kind {
            Kind::Sharing => met,
            Kind::Fifo if self.way > 0.0 => met.floor(),
            Kind::Fifo => met.ceil(),
        }
    }
}

/// The ranges of what is free, from how much each changes the figures (Gauss and Newton's way, linear near the best). Where
/// they cannot be told from each other there are none.
pub(super) fn others(
    work: &mut Work<'_>,
    best: &Guess,
    free: &[Free],
    judge: &Judge<'_>,
    excess: f64,
) -> Vec<Interval> {
    let alone = |free: &Free| Interval {
        value: free.of(best),
        ..Interval::default()
    };
    let errors = errors(work, best, free, judge);
    let Some(errors) = errors else {
        return free.iter().map(alone).collect();
    };
    let range = |(free, error): (&Free, f64)| {
        if error > UNKNOWN {
            return alone(free);
        }
        let at = free.place(best);
        let away = ERRORS * error * excess.sqrt();
        let value = |at: f64| free.of(&free.set(best, at));
        Interval {
            value: free.of(best),
            // The square of what may lie to both sides of nothing begins at nothing.
            low: Some(if at - away < 0.0 && free.is_square() {
                0.0
            } else {
                value(at - away)
            }),
            high: Some(value(at + away)),
        }
    };
    free.iter().zip(errors).map(range).collect()
}

fn errors(work: &mut Work<'_>, best: &Guess, free: &[Free], judge: &Judge<'_>) -> Option<Vec<f64>> {
    let mut changes = Vec::new();
    for one in free {
        let (at, step) = (one.place(best), 0.5 * one.step());
        let mut at_end = |way: f64| work.off(&one.set(best, at + way * step), judge);
        let (high, low) = (at_end(1.0)?, at_end(-1.0)?);
        let change: Vec<f64> = high
            .iter()
            .zip(&low)
            .map(|(a, b)| (a - b) / (2.0 * step))
            .collect();
        changes.push(judge.noise.scatter.whiten(&change));
    }
    let row = |a: &Vec<f64>| changes.iter().map(|b| dot(a, b)).collect::<Vec<f64>>();
    let mut normal: Vec<Vec<f64>> = changes.iter().map(row).collect();
    // What changes nothing, such as a waiting room that is never full, is unknown and leaves the others as they are.
    for (place, row) in normal.iter_mut().enumerate() {
        row[place] += NOTHING;
    }
    let triangle = Triangle::of(&normal)?;
    // A variance is a diagonal of the inverse: the length of a whitened unit.
    let variance = |place: usize| {
        let unit: Vec<f64> = (0..free.len())
            .map(|i| f64::from(u8::from(i == place)))
            .collect();
        let white = triangle.whiten(&unit);
        dot(&white, &white)
    };
    Some(
        (0..free.len())
            .map(|place| variance(place).sqrt())
            .collect(),
    )
}
