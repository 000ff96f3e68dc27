//! One step of the staircase, simulated with a guess of what the system is like.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Histogram, Precision, Replicas, Rps};
use scenarios::{Contention, Curve, Discipline, Distribution, Scenario, Step as Doing, Term};

use super::measured::PageTimes;
use super::noise::Chance;
use super::result::Kind;
use super::shape::Shape;
use crate::{PageEnd, Probe, Simulation};

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

/// The pages' own times, by operation.
pub(super) type Times = BTreeMap<String, Distribution>;

/// A stretch of load that is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    /// Pages per second.
    pub(super) rate: f64,
    /// What does not count at its beginning.
    pub(super) skipped: Duration,
    /// How long it counts from there.
    pub(super) counts: Duration,
}

/// What is simulated.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// One service, `unit: requests`.
    scenario: Scenario,
    service: String,
    samples: BTreeMap<String, Vec<Duration>>,
}

impl Model {
    /// Nothing if the scenario has not exactly one service, or a page has no times.
    pub(super) fn new(scenario: &Scenario, pages: &[PageTimes]) -> Option<Self> {
        let mut scenario = scenario.clone();
        let service = scenario.services.keys().next().cloned()?;
        if scenario.services.len() != 1 {
            return None;
        }
        let mut samples: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
        for journey in &scenario.journeys {
            for page in &journey.pages {
                let name = format!("{}/{}", journey.name, page.name);
                let seen = pages.iter().find(|p| p.page == name)?;
                let operation = page.operation.as_ref()?.operation.clone();
                samples.entry(operation).or_default().extend(&seen.times);
            }
        }
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
            samples,
        })
    }

    /// The times as they were measured.
    pub(super) fn times(&self) -> Times {
        let known = |(name, sample): (&String, &Vec<Duration>)| {
            let times = Distribution::empirical(sample.clone()).ok()?;
            Some((name.clone(), times))
        };
        self.samples.iter().filter_map(known).collect()
    }

    /// The times of another foot of as many pages, drawn from those measured, with the same mean over all: how their mean
    /// scatters is seen from the foot's own.
    pub(super) fn times_again(&self, chance: &mut Chance) -> Times {
        let mut drawn = self.samples.clone();
        let sum = |samples: &BTreeMap<String, Vec<Duration>>| -> f64 {
            samples.values().flatten().map(Duration::as_secs_f64).sum()
        };
        for (name, sample) in &mut drawn {
            let from = &self.samples[name];
            for time in sample.iter_mut() {
                *time = from[chance.below(from.len())];
            }
        }
        let same = sum(&self.samples) / sum(&drawn).max(1e-12);
        let known =
            |(name, sample)| Some((name, Distribution::empirical(sample).ok()?.scaled(same)));
        drawn.into_iter().filter_map(known).collect()
    }

    /// What a stretch comes to, if the guess is right; nothing if it cannot be simulated.
    pub(super) fn shape(
        &self,
        guess: &Guess,
        times: &Times,
        stretch: &Stretch,
        seed: u64,
    ) -> Option<Shape> {
        let mut scenario = self.at(guess, times, stretch);
        scenario.seed ^= seed;
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let watch = Watch {
            begin: nanos(stretch.skipped),
            end: nanos(scenario.duration),
            latency: Histogram::new(Precision::Window),
            offered: 0,
            served: 0,
        };
        let simulation = Simulation::with_probe(Arc::new(scenario), BTreeMap::new(), watch);
        let mut simulation = simulation.ok()?;
        simulation.advance(Duration::MAX, &mut |_| {}).ok()?;
        let watch = simulation.into_probe();
        let counts = stretch.counts.as_secs_f64().max(1e-9);
        let offered = watch.offered as f64 / counts;
        // As measured ones: in seconds' histograms, which are then one.
        let mut latency = Histogram::new(Precision::Whole);
        latency.add(&watch.latency);
        Some(Shape::of(&latency, offered, watch.served, counts))
    }

    /// The scenario of a stretch.
    fn at(&self, guess: &Guess, times: &Times, stretch: &Stretch) -> Scenario {
        let mut scenario = self.scenario.clone();
        scenario.duration = stretch.skipped + stretch.counts;
        scenario.traffic.rate = vec![Term {
            curve: Curve::Constant {
                rate: Rps::new(stretch.rate.clamp(1e-3, 1e6)).unwrap_or(Rps::ZERO),
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
                if let Some(times) = times.get(name) {
                    operation.steps = steps(times, guess);
                }
            }
        }
        scenario
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

/// Watches pages that are due while it counts. One is due when its only try arrives: nothing lies between.
struct Watch {
    begin: u64,
    end: u64,
    latency: Histogram,
    offered: u64,
    served: u64,
}

impl Watch {
    fn counts(&self, due: u64) -> bool {
        (self.begin..self.end).contains(&due)
    }
}

impl Probe for Watch {
    fn arrives(&mut self, at: u64, _: u16, _: u32) {
        self.offered += u64::from(self.counts(at));
    }

    fn page(&mut self, at: u64, _: u16, _: u16, latency: u64, _: u32, how: PageEnd) {
        let in_time = matches!(how, PageEnd::Served | PageEnd::TimedOut);
        if in_time && self.counts(at.saturating_sub(latency)) {
            self.served += u64::from(how == PageEnd::Served);
            self.latency.record(Duration::from_nanos(latency));
        }
    }
}
