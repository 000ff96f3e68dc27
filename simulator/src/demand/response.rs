//! What a visit leads to, and when.

use std::sync::Arc;
use std::time::Duration;

use scenarios::{Curve, JourneyIndex, Next, Outcome, Scenario, Shopper};

use super::chain;

/// Numbers of shoppers who only serve to find out when pages follow.
const PILOT: u64 = 1 << 51;
/// How many of them there are.
const PILOTS: u64 = 8192;
/// How many pages a visit is followed at most.
const MOST_PAGES: u32 = 10_000;
/// A visit's ages are told apart to this share of them.
const FINENESS: u32 = 8;
/// The most steps that a visit is followed.
const LONGEST: u32 = 1 << 20;

/// How the arrivals of one journey add up over time.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    /// Steps before the start.
    before: usize,
    /// How many have come since the start, at the border of each step.
    came: Vec<f64>,
    /// The integral of the number of arrivals over time, in steps, at the border of each step.
    integral: Vec<f64>,
}

impl Arrivals {
    /// Those of the sum of these curves, each taken so many times; before the start as at the start if it is
    /// `stationary`, otherwise none.
    pub(super) fn of(
        terms: &[(f64, &Curve)],
        (step, whole): (Duration, Duration),
        before: u32,
        stationary: bool,
    ) -> Self {
        let seconds = step.as_secs_f64();
        let steps = whole.as_nanos().div_ceil(step.as_nanos()) as usize;
        let sum = |of: &dyn Fn(&Curve) -> f64| -> f64 {
            terms.iter().map(|(share, curve)| share * of(curve)).sum()
        };
        let first = if stationary {
            sum(&|curve| curve.rate_at(Duration::ZERO).get())
        } else {
            0.0
        };
        let came = |border: i64| {
            if border < 0 {
                first * border as f64 * seconds
            } else {
                let at = step.saturating_mul(border as u32).min(whole);
                sum(&|curve| curve.count_until(at))
            }
        };
        let all: Vec<f64> = (-i64::from(before)..=steps as i64).map(came).collect();
        let mut integral = Vec::with_capacity(all.len());
        let mut so_far = 0.0;
        integral.push(so_far);
        for pair in all.windows(2) {
            so_far += (pair[0] + pair[1]) / 2.0;
            integral.push(so_far);
        }
        Self {
            before: before as usize,
            came: all[before as usize..].to_vec(),
            integral,
        }
    }

    /// The mean over all ages from `young` to `old` steps of the arrivals of the step that long ago.
    fn ago(&self, step: usize, young: u32, old: u32) -> f64 {
        let at = |border: usize, age: u32| {
            let place = (border + self.before).saturating_sub(age as usize);
            self.integral[place.min(self.integral.len() - 1)]
        };
        let until = |border: usize| at(border, young) - at(border, old);
        (until(step + 1) - until(step)) / f64::from(old - young)
    }

    /// The arrivals of a step.
    fn now(&self, step: usize) -> f64 {
        self.came[step + 1] - self.came[step]
    }
}

/// The pages of a visit by its age.
#[derive(Clone, Debug)]
pub(super) struct Response {
    /// Where each span of ages ends, in steps.
    ages: Vec<u32>,
    /// Expected requests for each page at once, then for each span of ages.
    pages: Vec<Vec<f64>>,
}

impl Response {
    /// That of a journey.
    pub(super) fn of(scenario: &Arc<Scenario>, journey: JourneyIndex, step: Duration) -> Self {
        let count = scenario.journey(journey).pages.len();
        let mut response = Self {
            ages: vec![],
            pages: vec![vec![0.0; count]],
        };
        for pilot in 0..PILOTS {
            let shopper = Shopper::new(Arc::clone(scenario), PILOT + pilot, journey);
            response.walk(shopper, step, count);
        }
        // How many there are is known exactly; the walks only say when.
        let exact = chain::visits(scenario.journey(journey));
        for (page, exact) in exact.into_iter().enumerate() {
            let walked: f64 = response.pages.iter().map(|pages| pages[page]).sum();
            let factor = if exact > 0.0 && walked > 0.0 {
                exact / walked
            } else {
                1.0 / PILOTS as f64
            };
            response
                .pages
                .iter_mut()
                .for_each(|pages| pages[page] *= factor);
        }
        response
    }

    fn walk(&mut self, mut shopper: Shopper, step: Duration, count: usize) {
        self.pages[0][shopper.page.0 as usize] += 1.0;
        let mut age = 0_u128;
        for _ in 0..MOST_PAGES {
            let Next::After(thought) = shopper.step(Outcome::Served) else {
                return;
            };
            age += thought.as_nanos();
            let steps = u32::try_from(age / step.as_nanos()).unwrap_or(u32::MAX);
            if steps >= LONGEST {
                return;
            }
            let span = self.span(steps, count);
            self.pages[span + 1][shopper.page.0 as usize] += 1.0;
        }
    }

    /// The span of an age; new ones are added until there is one.
    fn span(&mut self, steps: u32, count: usize) -> usize {
        while self.ages.last().is_none_or(|end| *end <= steps) {
            let end = self.ages.last().copied().unwrap_or(0);
            self.ages.push(end + (end / FINENESS).max(1));
            self.pages.push(vec![0.0; count]);
        }
        self.ages.partition_point(|end| *end <= steps)
    }

    /// The longest age, in steps.
    pub(super) fn horizon(&self) -> u32 {
        self.ages.last().copied().unwrap_or(0)
    }

    /// Adds the requests for each page during a step.
    pub(super) fn add(&self, arrivals: &Arrivals, step: usize, row: &mut [f64]) {
        let mut young = 0;
        let spans = self.ages.iter().map(|old| {
            let ago = arrivals.ago(step, young, *old);
            young = *old;
            ago
        });
        let mut factors = std::iter::once(arrivals.now(step)).chain(spans);
        for pages in &self.pages {
            let factor = factors.next().unwrap_or(0.0);
            if factor != 0.0 {
                for (requests, share) in row.iter_mut().zip(pages) {
                    *requests += factor * share;
                }
            }
        }
    }
}
