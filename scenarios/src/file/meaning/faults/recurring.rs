//! When faults come, how long they last, and when they come again.
//!
//! What is drawn is drawn here, so that every world is told the very instants and none needs to know of luck.

use std::time::Duration;

use super::super::super::format::FaultFile;
use super::super::super::mistake::Span;
use super::super::Meaning;
use crate::{Distribution, Draws, Stream};

/// The most times that a fault may come.
const MOST: usize = 1_000_000;

/// When a fault comes, and for how long.
pub(super) type Occurrence = (Duration, Duration);

impl Meaning<'_> {
    /// All occurrences of the fault at `place` in the file, whose `for` has the meaning `lasts`.
    pub(super) fn occurrences(
        &mut self,
        file: &FaultFile,
        place: u32,
        lasts: &Distribution,
        at: Span,
    ) -> Vec<Occurrence> {
        let stream = Stream::Recurrence { fault: place };
        let mut draws = Draws::new(self.seed, stream);
        let first = file.at.value().map_or(Duration::ZERO, |time| time.0);
        let mut all = vec![(first, lasts.sample(&mut draws))];
        if file.every.is_there() {
            let never = Distribution::Constant(self.duration);
            let every = self.spread(&file.every, "a recurrence", never);
            if every == Distribution::Constant(Duration::ZERO) {
                self.above_zero(Duration::ZERO, file.every.at(), "a time between two faults");
                return all;
            }
            while let Some((begin, length)) = all.last().copied()
                && all.len() <= MOST
            {
                let over = begin.saturating_add(length);
                let next = over.saturating_add(every.sample(&mut draws));
                if next >= self.duration {
                    break;
                }
                all.push((next, lasts.sample(&mut draws)));
            }
        }
        if all.len() > MOST {
            let what = format!("a fault that comes more than {MOST} times");
            let at = file.every.at().unwrap_or(at);
            self.found.add(
                at,
                what,
                "",
                "let it come more rarely, or the run end sooner",
            );
            all.truncate(1);
        }
        self.within_the_run(file, lasts, &mut all);
        all
    }

    /// What is drawn, or comes again, ends with the run; what is written must fit.
    fn within_the_run(&mut self, file: &FaultFile, lasts: &Distribution, all: &mut [Occurrence]) {
        let written = matches!(lasts, Distribution::Constant(_)) && !file.every.is_there();
        for (begin, length) in all {
            let left = self.duration.saturating_sub(*begin);
            if *length > left
                && written
                && let Some(at) = file.r#for.at()
            {
                let rule = format!("the run lasts {}", super::super::spoken(self.duration));
                self.found
                    .add(at, "a fault that ends after the run", "", rule);
            }
            *length = (*length).min(left);
        }
    }
}
