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

use crate::{Begin, JourneyIndex, Scenario, Shopper, Unit};
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

/// Whose turn it is: what a simulator needs of an arrival, as small as it can be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Turn {
    /// One of those who are inside at the start, by place.
    Inside(usize),
    /// A new shopper of this number; of this journey, or of one by weight.
    Newcomer(u64, Option<JourneyIndex>),
    /// A place in the standing crowd.
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

    /// Whose turn it is at an arrival of the schedule.
    #[inline]
    fn take(&mut self, source: Source) -> Turn {
        match source {
            Source::Inside => {
                self.inside_next += 1;
                Turn::Inside(self.inside_next - 1)
            }
            Source::Register(term) => {
                let meant = &self.scenario.traffic.rate[term];
                self.registers[term].advance(&meant.curve);
                let newcomer = self.newcomers;
                self.newcomers += 1;
                if self.scenario.traffic.unit == Unit::Requests {
                    Turn::Place(self.places.take(term))
                } else {
                    Turn::Newcomer(newcomer, meant.journey)
                }
            }
        }
    }

    /// Whose turn it is at the next arrival of the whole schedule, and when: what [`Arrivals::next`] does without the
    /// shopper, whom [`Arrivals::shopper`] makes.
    #[inline]
    pub fn turn(&mut self) -> Option<(u64, Turn)> {
        let (at, source) = self.upcoming;
        if at >= self.end {
            return None;
        }
        let turn = self.take(source);
        self.index += 1;
        self.upcoming = self.earliest();
        Some((at, turn))
    }

    /// The shopper whose turn it is; nobody if it is a place of the standing crowd.
    #[must_use]
    pub fn shopper(&self, turn: Turn) -> Option<Shopper> {
        match turn {
            Turn::Inside(place) => self.inside.get(place).map(|inside| inside.shopper.clone()),
            Turn::Newcomer(index, journey) => {
                Some(Shopper::new(Arc::clone(&self.scenario), index, journey))
            }
            Turn::Place(_) => None,
        }
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        loop {
            let (at, turn) = self.turn()?;
            let index = self.index - 1;
            let lane = match turn {
                Turn::Place(place) => place.into(),
                Turn::Inside(_) | Turn::Newcomer(..) => index,
            };
            if self.mine(lane) {
                let who = match turn {
                    Turn::Place(place) => Who::Place(place),
                    other => Who::Shopper(self.shopper(other)?),
                };
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
