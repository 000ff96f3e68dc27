//! The staircase, and how far a guess is from what was measured on it.

use std::time::Duration;

use super::measured::Measured;
use super::model::{Guess, Model, Stretch, Times};
use super::noise::{Chance, Drawn, Noise, Scattered};
use super::shape::{Compared, Shape};

/// Luck that the searched guesses share; that of the scatter is other.
const SHARED: u64 = 0x5eed;
/// Luck of the staircases that the scatter is seen from.
const OTHER: u64 = 0x0dd5;

/// The staircase as it is fitted: the foot, and all steps but the top.
#[derive(Clone, Debug)]
pub(super) struct Bench {
    model: Model,
    stretches: Vec<(Stretch, Compared)>,
    /// All figures in order.
    measured: Vec<f64>,
    times: Times,
    /// How many figures each stretch has.
    blocks: Vec<usize>,
    floors: Vec<f64>,
}

impl Bench {
    pub(super) fn new(model: Model, measured: &Measured) -> Self {
        let count = measured
            .pages
            .iter()
            .map(|page| page.times.len())
            .sum::<usize>();
        let foot = Stretch {
            rate: measured.foot,
            skipped: Duration::ZERO,
            counts: Duration::from_secs_f64(count as f64 / measured.foot.max(1e-3)),
        };
        let at_foot = Shape {
            mean: measured.mean_time(),
            ..Shape::default()
        };
        let mut all = vec![(foot, Compared::Mean, at_foot)];
        let fitted = measured.steps.len() - 1;
        for step in &measured.steps[..fitted] {
            let shape = step.shape();
            let compared = if step.is_overloaded() {
                Compared::Answered
            } else {
                Compared::All(shape.certain)
            };
            all.push((stretch(measured, step), compared, shape));
        }
        let figures = |of: fn(&Compared, &Shape) -> Vec<f64>| -> Vec<Vec<f64>> {
            all.iter().map(|(_, c, shape)| of(c, shape)).collect()
        };
        let values = figures(|c, shape| c.figures(shape).collect());
        Self {
            times: model.times(),
            model,
            blocks: values.iter().map(Vec::len).collect(),
            measured: values.concat(),
            floors: figures(|c, _| c.floors().collect()).concat(),
            stretches: all.into_iter().map(|(s, c, _)| (s, c)).collect(),
        }
    }

    /// How many figures are compared.
    pub(super) fn figures(&self) -> usize {
        self.measured.len()
    }

    /// How much the figures scatter before anything is known.
    pub(super) fn rough(&self) -> Noise {
        let scatters = self.stretches.iter().flat_map(|(_, c)| c.scatters());
        Noise::guessed(&scatters.collect::<Vec<f64>>()).expect("all of them are above 0")
    }

    /// What a step comes to with this guess, over so many repetitions.
    pub(super) fn shapes(&self, guess: &Guess, stretch: &Stretch, repeats: u32) -> Vec<Shape> {
        let one = |repeat| {
            let seed = seed(SHARED, repeat, u32::MAX);
            self.model.shape(guess, &self.times, stretch, seed)
        };
        (0..repeats).filter_map(one).collect()
    }

    /// One staircase; nothing if the guess cannot be simulated.
    fn drawn(&self, guess: &Guess, times: &Times, luck: u64, repeat: u32) -> Option<Drawn> {
        let mut drawn = Drawn {
            figures: Vec::with_capacity(self.measured.len()),
            more: Vec::with_capacity(self.measured.len()),
        };
        for (place, (stretch, compared)) in (0..).zip(&self.stretches) {
            let seed = seed(luck, repeat, place);
            let shape = self.model.shape(guess, times, stretch, seed)?;
            drawn.figures.extend(compared.figures(&shape));
            let more = libm::log(shape.offered.max(1e-9) / stretch.rate.max(1e-9));
            drawn.more.resize(drawn.figures.len(), more);
        }
        Some(drawn)
    }
}

/// A step as a stretch.
pub(super) fn stretch(measured: &Measured, step: &super::Step) -> Stretch {
    Stretch {
        rate: step.rate,
        skipped: measured.skipped,
        counts: Duration::from_secs(step.seconds.len() as u64),
    }
}

fn seed(luck: u64, repeat: u32, place: u32) -> u64 {
    Chance::new(luck ^ (u64::from(repeat) << 32) ^ u64::from(place)).next()
}

/// How guesses are judged: what scatters how, and over how many staircases each is averaged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge<'a> {
    pub(super) noise: &'a Noise,
    pub(super) repeats: u32,
}

/// Work on a bench, which someone may stop.
pub(super) struct Work<'a> {
    pub(super) bench: &'a Bench,
    told: &'a mut dyn FnMut() -> bool,
    stopped: bool,
}

impl<'a> Work<'a> {
    /// `told` hears of each staircase that has been simulated, and says whether to go on.
    pub(super) fn new(bench: &'a Bench, told: &'a mut dyn FnMut() -> bool) -> Self {
        Self {
            bench,
            told,
            stopped: false,
        }
    }

    /// Whether someone asked to stop: then nothing is simulated any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// How far the guess's figures are from the measured ones; nothing if it cannot be simulated.
    pub(super) fn off(&mut self, guess: &Guess, judge: &Judge<'_>) -> Option<Vec<f64>> {
        let count = self.bench.measured.len();
        let mut off: Vec<f64> = self.bench.measured.iter().map(|m| -m).collect();
        for repeat in 0..judge.repeats {
            let drawn = self.drawn(guess, &self.bench.times, SHARED, repeat)?;
            let levelled = drawn.levelled(&judge.noise.slopes);
            for i in 0..count {
                off[i] += levelled[i] / f64::from(judge.repeats);
            }
        }
        Some(off)
    }

    /// How unlikely the guess makes what was measured.
    pub(super) fn loss(&mut self, guess: &Guess, judge: &Judge<'_>) -> f64 {
        let off = self.off(guess, judge);
        off.map_or(f64::INFINITY, |off| judge.noise.unlikely(&off))
    }

    /// How the figures scatter if the guess is right, from so many staircases with other luck, and as many with the times
    /// of other feet. Nothing if someone asked to stop, or it cannot be told.
    pub(super) fn noise(&mut self, guess: &Guess, staircases: u32, mean_of: u32) -> Option<Noise> {
        let mut scattered = Scattered {
            same: Vec::new(),
            other: Vec::new(),
        };
        for repeat in 0..staircases {
            let mut chance = Chance::new(seed(OTHER, repeat, u32::MAX));
            let other = self.bench.model.times_again(&mut chance);
            let same = &self.bench.times;
            scattered.same.push(self.drawn(guess, same, OTHER, repeat)?);
            scattered
                .other
                .push(self.drawn(guess, &other, OTHER, repeat)?);
        }
        Noise::of(&scattered, &self.bench.blocks, &self.bench.floors, mean_of)
    }

    fn drawn(&mut self, guess: &Guess, times: &Times, luck: u64, repeat: u32) -> Option<Drawn> {
        if self.stopped {
            return None;
        }
        self.stopped = !(self.told)();
        self.bench.drawn(guess, times, luck, repeat)
    }
}
