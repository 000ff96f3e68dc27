//! Who comes when.
//!
//! One schedule, from the scenario and its seed alone. Each term of the rate has one register with its next arrival; the
//! earliest of them is next, and at equal instants the earlier term. Memory does not grow with the length of the run.

mod before;
mod crowd;
mod register;

use std::sync::Arc;
use std::time::Duration;

pub use crowd::Crowd;

use crate::{Begin, Scenario, Shopper, Unit};
use before::Inside;
use crowd::Places;
use register::{NEVER, Register};

/// One arrival.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its place in the schedule: the same whatever the number of threads or machines.
    pub index: u64,
    /// When its first request is due, since the start.
    pub at: Duration,
    /// Whose it is.
    pub who: Who,
}

/// Whose an arrival is.
#[derive(Clone, Debug)]
pub enum Who {
    /// A shopper, on the page that is due: with [`Unit::Journeys`] and [`Unit::Shoppers`].
    Shopper(Shopper),
    /// A place in the standing crowd, whose next page is due: with [`Unit::Requests`]. See [`Crowd::arrive`].
    Place(u32),
}

/// All arrivals of a scenario in the order of time.
///
/// Everyone walks the whole schedule. With several workers, worker i of N takes of it the arrivals whose index leaves i
/// when divided by N; of a standing crowd's, those whose *place* does, so that a shopper stays with one worker.
#[derive(Clone, Debug)]
pub struct Arrivals {
    scenario: Arc<Scenario>,
    worker: u64,
    workers: u64,
    /// The end of the scenario, in nanoseconds.
    end: u64,
    registers: Vec<Register>,
    places: Places,
    /// Those who are inside at the start, in the order of their next pages.
    inside: Arc<[Inside]>,
    inside_next: usize,
    /// How many of the terms' arrivals there have been.
    newcomers: u64,
    /// How many arrivals there have been.
    index: u64,
    /// When the next is, and whose: [`NEVER`] if there is none.
    upcoming: (u64, Source),
}

/// Who is next.
#[derive(Clone, Copy, Debug)]
enum Source {
    Inside,
    Register(usize),
}

impl Arrivals {
    /// The schedule of `scenario`.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>) -> Self {
        Self::for_worker(scenario, 0, 1)
    }

    /// Those arrivals of the schedule that are for `worker`, from 0, of so many `workers`.
    #[must_use]
    pub fn for_worker(scenario: Arc<Scenario>, worker: u32, workers: u32) -> Self {
        let places = Places::new(&scenario);
        let inside = match (scenario.traffic.unit, scenario.traffic.begin) {
            (Unit::Journeys, Begin::Stationary) => before::stationary(&scenario),
            (Unit::Shoppers, begin) => crowd::closed(&scenario, &places, begin),
            (Unit::Journeys, Begin::Empty) | (Unit::Requests, _) => vec![],
        };
        let terms = match scenario.traffic.unit {
            Unit::Journeys | Unit::Requests => scenario.traffic.rate.len(),
            Unit::Shoppers => 0,
        };
        let end = scenario.duration.as_nanos() as u64;
        let mut arrivals = Self {
            worker: worker.into(),
            workers: workers.max(1).into(),
            end,
            registers: (0..terms)
                .map(|term| Register::new(&scenario, term))
                .collect(),
            places,
            inside: inside.into(),
            inside_next: 0,
            newcomers: 0,
            index: 0,
            upcoming: (NEVER, Source::Inside),
            scenario,
        };
        arrivals.upcoming = arrivals.earliest();
        arrivals
    }

    /// When the schedule's next arrival is, whosever it may be, in nanoseconds since the start; nothing if there is none.
    #[must_use]
    #[inline]
    pub fn next_at(&self) -> Option<u64> {
        (self.upcoming.0 < self.end).then_some(self.upcoming.0)
    }

    /// The earliest of those who are next; at equal instants whoever was inside, then the earlier term.
    #[inline]
    fn earliest(&self) -> (u64, Source) {
        let inside = self.inside.get(self.inside_next);
        let mut first = (inside.map_or(NEVER, |inside| inside.at), Source::Inside);
        for (term, register) in self.registers.iter().enumerate() {
            if register.next < first.0 {
                first = (register.next, Source::Register(term));
            }
        }
        first
    }

    /// Whether this worker takes the arrival of this `lane`.
    #[inline]
    const fn mine(&self, lane: u64) -> bool {
        self.workers == 1 || lane % self.workers == self.worker
    }

    /// Whose arrival it is, if it is this worker's.
    #[inline]
    fn take(&mut self, source: Source, index: u64) -> Option<Who> {
        match source {
            Source::Inside => {
                let place = self.inside_next;
                self.inside_next += 1;
                self.mine(index)
                    .then(|| Who::Shopper(self.inside[place].shopper.clone()))
            }
            Source::Register(term) => {
                let meant = &self.scenario.traffic.rate[term];
                self.registers[term].advance(&meant.curve);
                let newcomer = self.newcomers;
                self.newcomers += 1;
                if self.scenario.traffic.unit == Unit::Requests {
                    let place = self.places.take(term);
                    return self.mine(place.into()).then_some(Who::Place(place));
                }
                let journey = meant.journey;
                self.mine(index).then(|| {
                    Who::Shopper(Shopper::new(Arc::clone(&self.scenario), newcomer, journey))
                })
            }
        }
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        while self.upcoming.0 < self.end {
            let (at, source) = self.upcoming;
            let index = self.index;
            self.index += 1;
            let who = self.take(source, index);
            self.upcoming = self.earliest();
            if let Some(who) = who {
                return Some(Arrival {
                    index,
                    at: Duration::from_nanos(at),
                    who,
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
