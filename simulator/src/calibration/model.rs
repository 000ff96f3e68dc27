//! One step of the staircase, simulated with a guess of what the system is like.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Histogram, Precision, Replicas, Rps};
use scenarios::{Contention, Curve, Discipline, Distribution, Scenario, Step as Doing, Term};

use super::fit::Kind;
use super::measured::{PageTimes, Shape};
use crate::{PageEnd, Probe, Simulation, SimulationError};

/// Pages that a step is simulated with.
const PAGES: f64 = 6000.0;
/// Of them so many at the beginning do not count: the queues are not yet what they will be.
const BEGINNING: f64 = 0.15;
/// How long an answer may take, as the load generator has it.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Above this share all of a page's time is taken as work.
const ALL_WORK: f64 = 0.9;

/// A guess of what the system is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Guess {
    pub(super) kind: Kind,
    /// Slots, or cores.
    pub(super) width: f64,
    pub(super) alpha: f64,
    pub(super) beta: f64,
    /// Requests that may wait; nothing: without limit.
    pub(super) queue: Option<f64>,
    /// By how much the pages' own times are longer than measured.
    pub(super) scale: f64,
    /// The share of them that is work.
    pub(super) work: f64,
}

/// What is simulated.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// One service, `unit: requests`.
    scenario: Scenario,
    service: String,
    /// By operation.
    times: BTreeMap<String, Distribution>,
}

impl Model {
    /// Nothing if the scenario has not exactly one service, or a page has no times.
    pub(super) fn new(scenario: &Scenario, pages: &[PageTimes]) -> Option<Self> {
        let mut scenario = scenario.clone();
        let service = scenario.services.keys().next().cloned()?;
        if scenario.services.len() != 1 {
            return None;
        }
        let mut times: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
        for journey in &scenario.journeys {
            for page in &journey.pages {
                let name = format!("{}/{}", journey.name, page.name);
                let seen = pages.iter().find(|p| p.page == name)?;
                let operation = page.operation.as_ref()?.operation.clone();
                times.entry(operation).or_default().extend(&seen.times);
            }
        }
        let drawn = times.into_iter().map(|(operation, times)| {
            let times = Distribution::empirical(times).ok()?;
            Some((operation, times))
        });
        let times = drawn.collect::<Option<_>>()?;
        scenario.scaling.clear();
        scenario.calendar.clear();
        scenario.faults.clear();
        scenario.gates.clear();
        scenario.phases.clear();
        scenario.nodes = None;
        // Whatever stands before the system is part of what was measured.
        let gateway = &mut scenario.gateway;
        gateway.time_limit = TIME_LIMIT;
        gateway.breaker.least = u32::MAX;
        gateway.bulkhead.in_flight = u32::MAX;
        gateway.ejection.consecutive = u32::MAX;
        Some(Self {
            scenario,
            service,
            times,
        })
    }

    /// What a step with this rate comes to, if the guess is right.
    pub(super) fn shape(&self, guess: &Guess, rate: f64) -> Result<Shape, SimulationError> {
        let (scenario, begin) = self.at(guess, rate);
        let counts = scenario.duration.saturating_sub(begin).as_secs_f64();
        let watch = Watch {
            begin: u64::try_from(begin.as_nanos()).unwrap_or(u64::MAX),
            end: u64::try_from(scenario.duration.as_nanos()).unwrap_or(u64::MAX),
            latency: Histogram::new(Precision::Whole),
            served: 0,
        };
        let mut simulation = Simulation::with_probe(Arc::new(scenario), BTreeMap::new(), watch)?;
        simulation.advance(Duration::MAX, &mut |_| {})?;
        let watch = simulation.into_probe();
        Ok(Shape::of(&watch.latency, watch.served, counts))
    }

    /// The scenario of a step, and from when on it counts.
    fn at(&self, guess: &Guess, rate: f64) -> (Scenario, Duration) {
        let mut scenario = self.scenario.clone();
        let rate = rate.clamp(1e-3, 1e6);
        scenario.duration = Duration::from_secs_f64(PAGES / rate);
        scenario.traffic.rate = vec![Term {
            curve: Curve::Constant {
                rate: Rps::new(rate).unwrap_or(Rps::ZERO),
            },
            journey: None,
        }];
        if let Some(service) = scenario.services.get_mut(&self.service) {
            service.replicas = Replicas(1);
            service.queue = guess
                .queue
                .map(|queue| queue.round().clamp(0.0, 1e6) as u32);
            (service.slots, service.discipline) = match guess.kind {
                Kind::Fifo => (Some((guess.width.round() as u32).max(1)), Discipline::Fifo),
                Kind::Sharing => {
                    let contention = Contention {
                        alpha: guess.alpha,
                        beta: guess.beta,
                    };
                    let cores = guess.width;
                    (None, Discipline::Sharing { cores, contention })
                }
            };
            for (name, operation) in &mut service.operations {
                if let Some(times) = self.times.get(name) {
                    operation.steps = steps(times, guess);
                }
            }
        }
        let begin = scenario.duration.mul_f64(BEGINNING);
        (scenario, begin)
    }
}

fn steps(times: &Distribution, guess: &Guess) -> Vec<Doing> {
    if guess.work >= ALL_WORK {
        return vec![Doing::Work(times.scaled(guess.scale))];
    }
    vec![
        Doing::Work(times.scaled(guess.scale * guess.work)),
        Doing::Wait(times.scaled(guess.scale * (1.0 - guess.work))),
    ]
}

/// Watches pages that end while it counts.
struct Watch {
    begin: u64,
    end: u64,
    latency: Histogram,
    served: u64,
}

impl Probe for Watch {
    fn page(&mut self, at: u64, _: u16, _: u16, latency: u64, _: u32, how: PageEnd) {
        if how == PageEnd::Served && (self.begin..=self.end).contains(&at) {
            self.served += 1;
            self.latency.record(Duration::from_nanos(latency));
        }
    }
}
