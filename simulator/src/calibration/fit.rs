//! The search for the guess that fits best.

use scenarios::Scenario;

use super::bench::{Bench, Judge, Work, stretch};
use super::measured::{KEPT_UP, Measured, Step};
use super::model::{Guess, Model};
use super::noise::Noise;
use super::ranges;
use super::result::{CalibrationError, Described, Fitted, Interval, Kind, StepError};
use super::search::{Found, least};
use super::shape::Shape;

/// Something to be fitted.
#[derive(Clone, Debug)]
pub struct Calibration {
    bench: Bench,
    measured: Measured,
    work: f64,
    cpu_per_page: Option<f64>,
}

/// What may be searched for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Free {
    Width,
    Alpha,
    Beta,
    Scale,
    Queue,
}

impl Free {
    pub(super) fn of(self, guess: &Guess) -> f64 {
        match self {
            Self::Width => guess.width,
            Self::Alpha => guess.alpha,
            Self::Beta => guess.beta,
            Self::Scale => guess.scale,
            Self::Queue => guess.queue.unwrap_or(1.0),
        }
    }

    /// Squares cannot become negative; and what is a factor is searched by its logarithm.
    pub(super) fn is_square(self) -> bool {
        matches!(self, Self::Alpha | Self::Beta)
    }

    /// Where the guess has it, on the axis that it is searched on.
    pub(super) fn place(self, guess: &Guess) -> f64 {
        let value = self.of(guess);
        if self.is_square() {
            value.sqrt()
        } else {
            libm::log(value)
        }
    }

    /// The guess with it there.
    pub(super) fn set(self, guess: &Guess, at: f64) -> Guess {
        let mut guess = *guess;
        match self {
            Self::Width => guess.width = libm::exp(at).clamp(0.01, 1e5),
            Self::Alpha => guess.alpha = (at * at).min(1.0),
            Self::Beta => guess.beta = (at * at).min(1.0),
            Self::Scale => guess.scale = libm::exp(at).clamp(0.01, 100.0),
            Self::Queue => guess.queue = Some(libm::exp(at).clamp(0.5, 1e6)),
        }
        guess
    }

    /// The search's first step.
    pub(super) fn step(self) -> f64 {
        match self {
            Self::Width => 0.2,
            Self::Alpha => 0.1,
            Self::Beta => 0.02,
            Self::Scale => 0.03,
            Self::Queue => 0.4,
        }
    }
}

/// A guess, and how unlikely it makes what was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guessed {
    pub(super) guess: Guess,
    pub(super) loss: f64,
}

/// The best guess near another, with this free.
pub(super) fn searched(
    work: &mut Work<'_>,
    near: Guess,
    free: &[Free],
    tries: u32,
    judge: &Judge<'_>,
) -> Guessed {
    let set = |at: &[f64]| {
        let places = free.iter().zip(at);
        places.fold(near, |guess, (free, at)| free.set(&guess, *at))
    };
    let start: Vec<f64> = free.iter().map(|free| free.place(&near)).collect();
    let steps: Vec<f64> = free.iter().map(|free| free.step()).collect();
    let tries = tries * free.len() as u32;
    let Found { at, loss } = least(&start, &steps, tries, FLAT, |at| work.loss(&set(at), judge));
    let guess = set(&at);
    Guessed { guess, loss }
}

/// So many numbers of slots are tried at first, beyond the fewest that can have carried what was served, each larger by
/// this share or by one.
const SLOTS: (u32, f64) = (13, 0.1);
/// The tries of a search, for each of what is searched.
const TRIES: u32 = 14;
/// Staircases that a guess is averaged over, but for the first search.
const REPEATS: u32 = 3;
/// Contention is two more numbers to bend: chance alone makes them as good as this once in a hundred times (χ²).
const MORE_THAN_CHANCE: f64 = 9.21;
/// Staircases that the errors are averaged over.
const REPEATS_OF_ERRORS: u32 = 12;
/// Differences of so little do not matter: of sums of squares of what scatters by one.
const FLAT: f64 = 0.03;
/// With a larger share lost at a step that keeps up with the rest, somebody was turned away.
const LOST: f64 = 1.0 - KEPT_UP;

impl Calibration {
    /// `scenario` has one service, which answers all pages, and `unit: requests`.
    ///
    /// # Errors
    /// If there is too little to fit.
    pub fn new(scenario: &Scenario, measured: Measured) -> Result<Self, CalibrationError> {
        let Some((_, fitted)) = measured
            .steps
            .split_last()
            .filter(|(_, rest)| rest.len() > 1)
        else {
            return Err(CalibrationError::FewSteps(measured.steps.len()));
        };
        if let Some(page) = measured.pages.iter().find(|p| p.times.is_empty()) {
            return Err(CalibrationError::NoTimes(page.page.clone()));
        }
        for step in &measured.steps {
            let served: u64 = step.seconds.iter().map(|s| s.served).sum();
            if served < 10 || !step.shape().certain[0] {
                return Err(CalibrationError::NoAnswers(step.rate));
            }
        }
        if fitted.iter().all(Step::is_overloaded) {
            return Err(CalibrationError::Overloaded(fitted[0].rate));
        }
        let model = Model::new(scenario, &measured.pages).ok_or(CalibrationError::Form)?;
        let cpu_per_page = measured.cpu_per_page();
        let mean = measured.mean_time();
        let work = cpu_per_page.filter(|_| mean > 0.0);
        Ok(Self {
            work: work.map_or(1.0, |cpu| (cpu / mean).clamp(0.01, 1.0)),
            bench: Bench::new(model, &measured),
            measured,
            cpu_per_page,
        })
    }

    /// About how many staircases [`Calibration::fit`] simulates: what `told` counts up to.
    #[must_use]
    pub fn staircases(resamplings: u32) -> u32 {
        700 + 8 * resamplings
    }

    /// Fits, and finds out how sure that is: how much of what was measured is chance is seen from so many `resamplings`, at
    /// least 12, of the staircase. `told` hears of each staircase that has been simulated, and says whether to go on; if
    /// not, the result is what is found so far, without ranges.
    pub fn fit(&self, resamplings: u32, told: &mut dyn FnMut() -> bool) -> Fitted {
        let mut work = Work::new(&self.bench, told);
        let rough = self.bench.rough();
        let first = Judge {
            noise: &rough,
            repeats: 1,
        };
        let slots = self.slots(&mut work, &first);
        let [cores, with_contention] = self.cores(&mut work, &first);
        let resamplings = resamplings.max(12);
        let slots = self.described(&mut work, [slots; 2], &rough, resamplings);
        let cores = self.described(&mut work, [cores, with_contention], &rough, resamplings);
        let excess = slots.excess.min(cores.excess);
        let log_odds = (cores.unlikely - slots.unlikely) / (2.0 * excess);
        let (best, other) = if log_odds >= 0.0 {
            (slots, cores)
        } else {
            (cores, slots)
        };
        Fitted {
            best: self.with_held_back(&best),
            other: self.with_held_back(&other),
            log_odds: log_odds.abs(),
            work: self.work,
            cpu_per_page: self.cpu_per_page,
            steps: self
                .steps()
                .map(|step| self.error(&best.guess, step))
                .collect(),
        }
    }

    /// The steps that are fitted: all but the top.
    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.measured.steps[..self.measured.steps.len() - 1].iter()
    }

    /// Requests inside at once at the most, by Little's law: what was served × its own time.
    fn held(&self) -> f64 {
        let most = self.steps().map(|step| step.shape().throughput);
        most.fold(0.0, f64::max) * self.measured.mean_time()
    }

    fn guess(&self, kind: Kind, width: f64) -> Guess {
        Guess {
            kind,
            width,
            alpha: 0.0,
            beta: 0.0,
            queue: self.queue_at_first(),
            scale: 1.0,
            work: self.work,
        }
    }

    /// The best number of slots, from nothing.
    fn slots(&self, work: &mut Work<'_>, judge: &Judge<'_>) -> Guessed {
        let (most, share) = SLOTS;
        let mut width = (self.held() * 0.97).ceil().max(1.0);
        let mut near = self.guess(Kind::Fifo, width);
        let mut best: Option<Guessed> = None;
        for _ in 0..most {
            let found = searched(work, Guess { width, ..near }, others(&near), TRIES, judge);
            let least = best.map_or(f64::INFINITY, |best| best.loss);
            if found.loss < least {
                best = Some(found);
                near = found.guess;
            } else if found.loss > 2.0 * least + 20.0 {
                break;
            }
            width += (width * share).floor().max(1.0);
        }
        best.unwrap_or(Guessed {
            guess: near,
            loss: f64::INFINITY,
        })
    }

    /// The best number of cores from nothing: without contention, and with.
    fn cores(&self, work: &mut Work<'_>, judge: &Judge<'_>) -> [Guessed; 2] {
        let held = (self.held() * self.work).max(0.1);
        let without = [1.05, 1.4, 2.5].map(|more| self.guess(Kind::Sharing, held * more));
        let with = [(1.3, 0.02, 0.0005), (2.0, 0.05, 0.002), (3.0, 0.1, 0.0001)];
        let with = with.map(|(more, alpha, beta)| Guess {
            alpha,
            beta,
            ..self.guess(Kind::Sharing, held * more)
        });
        [without, with].map(|starts| {
            let found = starts.map(|start| searched(work, start, free(&start), TRIES, judge));
            let [a, b, c] = found;
            [b, c]
                .into_iter()
                .fold(a, |best, one| if one.loss < best.loss { one } else { best })
        })
    }

    /// The best of a kind near those that were found roughly, without contention and with; how sure it is, and how unlikely.
    fn described(
        &self,
        work: &mut Work<'_>,
        found: [Guessed; 2],
        rough: &Noise,
        resamplings: u32,
    ) -> Near {
        let [without, with] = found;
        let from = if with.loss < without.loss {
            with
        } else {
            without
        };
        let noise = work.noise(&from.guess, resamplings, REPEATS);
        let noise = noise.unwrap_or_else(|| rough.clone());
        let judge = Judge {
            noise: &noise,
            repeats: REPEATS,
        };
        let near = self.near(work, found, &judge);
        let noise = work.noise(&near.guess, resamplings, REPEATS);
        let Some(noise) = noise else {
            return Near::unsure(near);
        };
        let judge = Judge {
            noise: &noise,
            repeats: REPEATS,
        };
        let loss = work.loss(&near.guess, &judge);
        let excess = self.excess(loss, &near.guess);
        let near = Guessed { loss, ..near };
        let (best, width) = ranges::width(work, near, others(&near.guess), &judge, excess);
        let excess = self.excess(best.loss, &best.guess);
        let free = free(&best.guess);
        let ranges = ranges::others(work, &best.guess, free, &judge, excess);
        Near {
            guess: best.guess,
            excess,
            unlikely: best.loss + noise.scatter.log_determinant(),
            ranges: joined(free, ranges, width),
        }
    }

    /// The best of a kind near those; with contention, if it explains more than chance.
    fn near(&self, work: &mut Work<'_>, found: [Guessed; 2], judge: &Judge<'_>) -> Guessed {
        let mut again = |guess: Guess| searched(work, guess, free(&guess), TRIES, judge);
        let [without, with] = found;
        let without = again(without.guess);
        if without.guess.kind == Kind::Fifo {
            return without;
        }
        // A simplex that has become flat does not notice: from a new one it goes on.
        let with = again(with.guess);
        let with = again(with.guess);
        let excess = self.excess(with.loss, &with.guess);
        if without.loss - with.loss > MORE_THAN_CHANCE * excess {
            with
        } else {
            without
        }
    }

    /// By how much the squares are larger than chance makes them, at least 1.
    fn excess(&self, loss: f64, guess: &Guess) -> f64 {
        let bent = free(guess).len() + usize::from(guess.kind == Kind::Fifo);
        let left = self.bench.figures().saturating_sub(bent).max(1);
        (loss / left as f64).max(1.0)
    }

    /// If somebody was turned away: as many may wait as make up the longest waits that were seen.
    fn queue_at_first(&self) -> Option<f64> {
        let full = |step: &&Step| step.lost() > LOST && !step.is_overloaded();
        let shape: Shape = self.steps().filter(full).last()?.shape();
        let longest = shape.percentiles.into_iter().fold(0.0, f64::max);
        let waiting = longest * shape.throughput - self.held().max(1.0);
        Some(waiting.max(1.0))
    }

    fn with_held_back(&self, near: &Near) -> Described {
        let of = |free: Free| {
            let known = near.ranges.iter().find(|(f, _)| *f == free);
            known.map_or_else(
                || Interval {
                    value: free.of(&near.guess),
                    ..Interval::default()
                },
                |(_, range)| *range,
            )
        };
        let top = &self.measured.steps[self.measured.steps.len() - 1];
        Described {
            kind: near.guess.kind,
            width: of(Free::Width),
            alpha: of(Free::Alpha),
            beta: of(Free::Beta),
            queue: near.guess.queue.map(|_| of(Free::Queue)),
            scale: of(Free::Scale),
            misfit: near.excess.sqrt(),
            held_back: self.error(&near.guess, top),
        }
    }

    fn error(&self, guess: &Guess, step: &Step) -> StepError {
        let measured = step.shape();
        let stretch = stretch(&self.measured, step);
        let shapes = self.bench.shapes(guess, &stretch, REPEATS_OF_ERRORS);
        let mean = |of: &dyn Fn(&Shape) -> f64| {
            shapes.iter().map(of).sum::<f64>() / shapes.len().max(1) as f64
        };
        let off = |place: usize| {
            let simulated = mean(&|shape| shape.percentiles[place]);
            let known = measured.certain[place] && !shapes.is_empty();
            known.then(|| simulated / measured.percentiles[place].max(1e-9) - 1.0)
        };
        let answered = mean(&|shape| shape.throughput / shape.offered.max(1e-9));
        StepError {
            rate: step.rate,
            overloaded: step.is_overloaded(),
            throughput: answered * measured.offered / measured.throughput.max(1e-9) - 1.0,
            p50: off(0),
            p95: off(1),
            p99: off(2),
        }
    }
}

/// The best of a kind.
struct Near {
    guess: Guess,
    excess: f64,
    unlikely: f64,
    ranges: Vec<(Free, Interval)>,
}

impl Near {
    /// Someone asked to stop before its ranges were known.
    fn unsure(near: Guessed) -> Self {
        Self {
            guess: near.guess,
            excess: 1.0,
            unlikely: near.loss,
            ranges: Vec::new(),
        }
    }
}

/// All ranges. That of the width is known in two ways: from the walk, which is exact but may lose a valley that leads it
/// aside, and for cores from the slopes at the best, which see the valley but not where it bends. It is where either says.
fn joined(free: &[Free], ranges: Vec<Interval>, width: Interval) -> Vec<(Free, Interval)> {
    let mut all: Vec<(Free, Interval)> = free.iter().copied().zip(ranges).collect();
    match all.iter_mut().find(|(free, _)| *free == Free::Width) {
        Some((_, of_slopes)) => {
            let wider = |a: Option<f64>, b: Option<f64>, of: fn(f64, f64) -> f64| match (a, b) {
                (Some(a), Some(b)) => Some(of(a, b)),
                (one, _) => one,
            };
            of_slopes.low = wider(width.low, of_slopes.low, f64::min);
            of_slopes.high = wider(width.high, of_slopes.high, f64::max);
        }
        None => all.push((Free::Width, width)),
    }
    all
}

/// What is searched of a guess beside its slots, which are tried one by one; and beside its cores, for each number of them.
fn others(guess: &Guess) -> &'static [Free] {
    use Free::{Alpha, Beta, Queue, Scale};
    let contention = guess.alpha + guess.beta > 0.0;
    match (contention, guess.queue.is_some()) {
        (false, false) => &[Scale],
        (false, true) => &[Scale, Queue],
        (true, false) => &[Scale, Alpha, Beta],
        (true, true) => &[Scale, Queue, Alpha, Beta],
    }
}

/// All that is searched of a guess at once.
fn free(guess: &Guess) -> &'static [Free] {
    use Free::{Alpha, Beta, Queue, Scale, Width};
    let contention = guess.alpha + guess.beta > 0.0;
    match (guess.kind, contention, guess.queue.is_some()) {
        (Kind::Fifo, _, _) => others(guess),
        (Kind::Sharing, false, false) => &[Width, Scale],
        (Kind::Sharing, false, true) => &[Width, Scale, Queue],
        (Kind::Sharing, true, false) => &[Width, Scale, Alpha, Beta],
        (Kind::Sharing, true, true) => &[Width, Scale, Alpha, Beta, Queue],
    }
}

#[cfg(test)]
mod tests;
