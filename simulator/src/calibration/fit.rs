//! The search for the guess that fits best, and how sure it is.

use scenarios::Scenario;
use serde::Serialize;

use super::measured::{Measured, Shape};
use super::model::{Guess, Model};
use super::search::{Found, least};

/// How requests share what works on them.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// So many slots; who finds none waits.
    Fifo,
    /// All at once, on so many cores.
    Sharing,
}

/// Why nothing can be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// Too few steps.
    #[error("{0} steps of load, at least 3 are needed: two to fit, and the top one to judge by")]
    FewSteps(usize),
    /// A page was never answered.
    #[error(
        "page `{0}` was never answered well at the lowest load: there is nothing to fit its time from"
    )]
    NoTimes(String),
    /// A step has nothing to compare.
    #[error(
        "at {0:.1} pages/s fewer than 10 pages were answered well: longer steps are needed, or a lower top"
    )]
    NoAnswers(f64),
    /// The scenario is not of the form that is fitted.
    #[error("the scenario to be fitted must have one service, and an operation for each page")]
    Form,
}

/// A value and where it lies in nine of ten resamplings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Interval {
    /// The value.
    pub value: f64,
    /// The 5th percentile of the resamplings.
    pub low: f64,
    /// The 95th.
    pub high: f64,
}

/// How far the fit is off at one step: (simulated − measured) ÷ measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StepError {
    /// Pages per second that were offered.
    pub rate: f64,
    /// Of the throughput.
    pub throughput: f64,
    /// Of p50; nothing with too few samples on either side. So with the others.
    pub p50: Option<f64>,
    /// Of p95.
    pub p95: Option<f64>,
    /// Of p99.
    pub p99: Option<f64>,
}

/// What the system is like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fitted {
    /// How requests share what works on them.
    pub kind: Kind,
    /// Slots, or cores.
    pub width: Interval,
    /// The share of work that only one can do at a time; 0 for slots. So with the next.
    pub alpha: Interval,
    /// What keeping each other informed costs.
    pub beta: Interval,
    /// Requests that may wait; nothing if none was ever turned away.
    pub queue: Option<Interval>,
    /// By how much the pages' times are longer than measured at the lowest load.
    pub scale: Interval,
    /// The share of them that is work; the rest is waiting for others.
    pub work: f64,
    /// CPU time per page by the utilisation law, in seconds; nothing if it was not read.
    pub cpu_per_page: Option<f64>,
    /// The steps that were fitted.
    pub steps: Vec<StepError>,
    /// The top step, which was not.
    pub held_back: StepError,
}

/// Something to be fitted.
#[derive(Clone, Debug)]
pub struct Calibration {
    model: Model,
    measured: Measured,
    shapes: Vec<Shape>,
    work: f64,
    cpu_per_page: Option<f64>,
}

/// The tries of a search: for cores and contention, and for the scale alone.
const TRIES: (u32, u32) = (90, 14);
/// The same when it begins near its end: for a resampling.
const TRIES_AGAIN: (u32, u32) = (36, 8);
/// So many numbers of slots are tried beyond the fewest that can have carried what was served.
const SLOTS: u32 = 12;
/// A scale that is off by so much costs as much as a percentile that is off by it.
const SCALE_IS_SURE: f64 = 1.0;
/// With a larger share lost at a step, somebody was turned away.
const LOST: f64 = 0.02;

impl Calibration {
    /// `scenario` has one service, which answers all pages, and `unit: requests`.
    ///
    /// # Errors
    /// If there is too little to fit.
    pub fn new(scenario: &Scenario, measured: Measured) -> Result<Self, CalibrationError> {
        if measured.steps.len() < 3 {
            return Err(CalibrationError::FewSteps(measured.steps.len()));
        }
        if let Some(page) = measured.pages.iter().find(|p| p.times.is_empty()) {
            return Err(CalibrationError::NoTimes(page.page.clone()));
        }
        let shapes: Vec<Shape> = measured.steps.iter().map(super::Step::whole).collect();
        for (step, shape) in measured.steps.iter().zip(&shapes) {
            let served: u64 = step.seconds.iter().map(|s| s.served).sum();
            if served < 10 || shape.percentiles[0].is_none() {
                return Err(CalibrationError::NoAnswers(step.rate));
            }
        }
        let model = Model::new(scenario, &measured.pages).ok_or(CalibrationError::Form)?;
        let cpu_per_page = measured.cpu_per_page(&shapes);
        let mean = measured.mean_time();
        let work = cpu_per_page.filter(|_| mean > 0.0);
        Ok(Self {
            work: work.map_or(1.0, |cpu| (cpu / mean).clamp(0.01, 1.0)),
            model,
            measured,
            shapes,
            cpu_per_page,
        })
    }

    /// How many fits [`Calibration::fit`] makes: what `told` counts up to.
    #[must_use]
    pub fn fits(resamplings: u32) -> u32 {
        resamplings + 1
    }

    /// Fits, and finds out how sure that is from so many `resamplings` of the steps' seconds. `told` hears of each fit that
    /// is done, and says whether to go on.
    pub fn fit(&self, resamplings: u32, told: &mut dyn FnMut() -> bool) -> Fitted {
        let best = self.best(&self.shapes);
        let mut others = Vec::new();
        for place in 0..resamplings {
            if !told() {
                break;
            }
            others.push(self.again(&self.resampled(place), &best));
        }
        told();
        let interval = |of: fn(&Guess) -> f64| {
            let mut values: Vec<f64> = others.iter().map(of).collect();
            values.push(of(&best));
            values.sort_by(f64::total_cmp);
            let at = |q: f64| values[((values.len() - 1) as f64 * q).round() as usize];
            Interval {
                value: of(&best),
                low: at(0.05),
                high: at(0.95),
            }
        };
        let errors: Vec<StepError> = self.errors(&best);
        let (held_back, steps) = errors.split_last().map_or_else(
            || (StepError::default(), Vec::new()),
            |(last, rest)| (*last, rest.to_vec()),
        );
        Fitted {
            kind: best.kind,
            width: interval(|g| g.width),
            alpha: interval(|g| g.alpha),
            beta: interval(|g| g.beta),
            queue: best.queue.map(|_| interval(|g| g.queue.unwrap_or(0.0))),
            scale: interval(|g| g.scale),
            work: best.work,
            cpu_per_page: self.cpu_per_page,
            steps,
            held_back,
        }
    }

    /// The steps that are fitted: all but the top.
    fn fitted(&self) -> usize {
        self.measured.steps.len() - 1
    }

    /// The best guess, from nothing.
    fn best(&self, shapes: &[Shape]) -> Guess {
        let held = self.held(shapes);
        let queue = self.queue_at_first(shapes, held);
        let guess = |kind, width| Guess {
            kind,
            width,
            alpha: 0.0,
            beta: 0.0,
            queue,
            scale: 1.0,
            work: self.work,
        };
        let fewest = (held * 0.97).ceil().max(1.0);
        let mut fifo: Option<(Guess, f64)> = None;
        for more in 0..=SLOTS {
            let found = self.slots(shapes, guess(Kind::Fifo, fewest + f64::from(more)), TRIES.1);
            let worse = fifo.as_ref().is_some_and(|(_, loss)| found.1 > 1.5 * *loss);
            if fifo.as_ref().is_none_or(|(_, loss)| found.1 < *loss) {
                fifo = Some(found);
            } else if worse {
                break;
            }
        }
        let sharing = [1.1, 1.8].map(|more| {
            let mut start = guess(Kind::Sharing, (held * more).max(0.2));
            (start.alpha, start.beta) = (0.02, 0.0005);
            self.cores(shapes, start, TRIES.0)
        });
        let [a, b] = sharing;
        let near = if a.1 <= b.1 { a } else { b };
        // A simplex that has become flat does not notice: from a new one it goes on.
        let sharing = self.cores(shapes, near.0, TRIES.0);
        match fifo {
            // Slots are the simpler answer, and stay unless the other, which has two more numbers to bend, halves the loss.
            Some((fifo, loss)) if loss <= 2.0 * sharing.1 + 1e-6 => fifo,
            _ => sharing.0,
        }
    }

    /// The best guess near another.
    fn again(&self, shapes: &[Shape], near: &Guess) -> Guess {
        if near.kind == Kind::Sharing {
            return self.cores(shapes, *near, TRIES_AGAIN.0).0;
        }
        let widths = [near.width - 1.0, near.width, near.width + 1.0];
        let tried = widths.into_iter().filter(|w| *w >= 1.0).map(|width| {
            let guess = Guess { width, ..*near };
            self.slots(shapes, guess, TRIES_AGAIN.1)
        });
        let best = tried.min_by(|a, b| a.1.total_cmp(&b.1));
        best.map_or(*near, |(guess, _)| guess)
    }

    /// Requests inside at once at the most, by Little's law: what was served × its own time.
    fn held(&self, shapes: &[Shape]) -> f64 {
        let most = shapes[..self.fitted()].iter().map(|s| s.throughput);
        most.fold(0.0, f64::max) * self.measured.mean_time()
    }

    /// If somebody was turned away: as many may wait as make up the longest waits that were seen.
    fn queue_at_first(&self, shapes: &[Shape], held: f64) -> Option<f64> {
        let lost = |place: usize| {
            let step = &self.measured.steps[place];
            let lost: u64 = step.seconds.iter().map(|s| s.lost).sum();
            let all: u64 = step.seconds.iter().map(|s| s.served + s.lost).sum();
            lost as f64 > LOST * all as f64
        };
        let full = (0..self.fitted()).rev().find(|place| lost(*place))?;
        let longest = shapes[full]
            .percentiles
            .iter()
            .flatten()
            .copied()
            .fold(0.0, f64::max);
        let waiting = longest * shapes[full].throughput - held.max(1.0);
        Some(waiting.max(1.0))
    }

    /// The scale, and the queue if there is one, for so many slots; with their loss.
    fn slots(&self, shapes: &[Shape], guess: Guess, tries: u32) -> (Guess, f64) {
        let of = |p: &[f64]| Guess {
            scale: libm::exp(p[0]),
            queue: guess.queue.and(p.get(1)).map(|q| libm::exp(*q)),
            ..guess
        };
        let mut start = vec![libm::log(guess.scale)];
        start.extend(guess.queue.map(libm::log));
        let steps = [0.03, 0.4];
        let Found { at, loss } = least(
            &start,
            &steps[..start.len()],
            tries * start.len() as u32,
            |p| self.loss(shapes, &of(p)),
        );
        (of(&at), loss)
    }

    /// Cores, contention, scale, and the queue if there is one; with their loss.
    fn cores(&self, shapes: &[Shape], guess: Guess, tries: u32) -> (Guess, f64) {
        // Squares cannot become negative.
        let of = |p: &[f64]| Guess {
            width: libm::exp(p[0]).clamp(0.01, 1e4),
            alpha: (p[1] * p[1]).min(1.0),
            beta: (p[2] * p[2]).min(1.0),
            scale: libm::exp(p[3]),
            queue: guess.queue.and(p.get(4)).map(|q| libm::exp(*q)),
            ..guess
        };
        let mut start = vec![
            libm::log(guess.width),
            guess.alpha.sqrt(),
            guess.beta.sqrt(),
            libm::log(guess.scale),
        ];
        start.extend(guess.queue.map(libm::log));
        let steps = [0.2, 0.1, 0.02, 0.03, 0.4];
        let Found { at, loss } = least(&start, &steps[..start.len()], tries, |p| {
            self.loss(shapes, &of(p))
        });
        (of(&at), loss)
    }

    /// How far a guess is from what was measured: squares of the logarithms of throughput and percentiles, over the steps
    /// that are fitted.
    fn loss(&self, shapes: &[Shape], guess: &Guess) -> f64 {
        let surprise = libm::log(guess.scale) * SCALE_IS_SURE;
        let mut loss = surprise * surprise;
        for (step, measured) in self.measured.steps[..self.fitted()].iter().zip(shapes) {
            let Ok(simulated) = self.model.shape(guess, step.rate) else {
                return f64::INFINITY;
            };
            let off = |a: f64, b: f64| libm::log(a.max(1e-9) / b.max(1e-9));
            let throughput = off(simulated.throughput, measured.throughput);
            // A wrong throughput is worse than a wrong percentile: it is what everything else follows from.
            loss += 10.0 * throughput * throughput;
            for pair in simulated.percentiles.iter().zip(&measured.percentiles) {
                if let (Some(a), Some(b)) = pair {
                    loss += off(*a, *b) * off(*a, *b);
                }
            }
        }
        loss
    }

    fn errors(&self, guess: &Guess) -> Vec<StepError> {
        let error = |(step, measured): (&super::Step, &Shape)| {
            let simulated = self.model.shape(guess, step.rate).unwrap_or_default();
            let off = |place: usize| {
                let pair = simulated.percentiles[place].zip(measured.percentiles[place]);
                pair.map(|(a, b)| (a - b) / b.max(1e-9))
            };
            StepError {
                rate: step.rate,
                throughput: simulated.throughput / measured.throughput.max(1e-9) - 1.0,
                p50: off(0),
                p95: off(1),
                p99: off(2),
            }
        };
        self.measured
            .steps
            .iter()
            .zip(&self.shapes)
            .map(error)
            .collect()
    }

    /// The steps, each of as many of its own seconds, drawn with repetition. Seconds and not requests are drawn: requests
    /// that wait for each other are not independent.
    fn resampled(&self, place: u32) -> Vec<Shape> {
        let mut state = u64::from(place).wrapping_add(1);
        let mut draw = |most: usize| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            ((u128::from(split_mix(state)) * most as u128) >> 64) as usize
        };
        let step = |step: &super::Step| {
            let n = step.seconds.len();
            let places: Vec<usize> = (0..n).map(|_| draw(n)).collect();
            step.shape(places.into_iter())
        };
        self.measured.steps.iter().map(step).collect()
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
fn split_mix(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
