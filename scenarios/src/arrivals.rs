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
use register::Register;

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
}

/// Who is next.
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
        Self {
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
            scenario,
        }
    }

    /// The earliest of those who are next; at equal instants whoever was inside, then the earlier term.
    fn earliest(&self) -> Option<(u64, Source)> {
        let inside = self
            .inside
            .get(self.inside_next)
            .map(|inside| (inside.at, Source::Inside));
        let registers = self.registers.iter().enumerate();
        let waiting = registers
            .filter_map(|(term, register)| register.next.map(|at| (at, Source::Register(term))));
        // `min_by_key` keeps the first of equals.
        inside
            .into_iter()
            .chain(waiting)
            .min_by_key(|(at, _)| *at)
            .filter(|(at, _)| *at < self.end)
    }

    /// Whether this worker takes the arrival of this `lane`.
    const fn mine(&self, lane: u64) -> bool {
        lane % self.workers == self.worker
    }

    /// Whose arrival it is, if it is this worker's.
    fn take(&mut self, source: &Source, index: u64) -> Option<Who> {
        match *source {
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

    fn next(&mut self) -> Option<Arrival> {
        loop {
            let (at, source) = self.earliest()?;
            let index = self.index;
            self.index += 1;
            if let Some(who) = self.take(&source, index) {
                return Some(Arrival {
                    index,
                    at: Duration::from_nanos(at),
                    who,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
