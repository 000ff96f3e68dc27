//! The planner: the simulated world in rough strokes, for searching among policies.
//!
//! Requests flow as a fluid: in each step of some seconds the expected number of requests is spread over the replicas
//! that are ready, and what they count follows from means. How long requests wait is looked up by utilisation and number
//! of replicas, in tables that short simulations fill when they are first needed. Of all requests a sample is drawn,
//! some hundred a second, which walk the call graph one by one; each stands for many, and they make the histograms.
//! Replicas, nodes, faults, scrapes, observations, policies and windows are those of a [`Simulation`], which only has
//! no arrivals of its own.
//!
//! What it cannot tell: what becomes of an overload. More than can be answered becomes a backlog, and the waiting room,
//! time limits and the bulkhead bound it, but nobody tries again because of it, and no breaker opens. Windows in which
//! that happens say so ([`metrics::Window::overloaded`]). A planner's result can show that a policy is bad, never that one
//! is good: for that there is the simulation.

mod clairvoyant;
mod flow;
mod inverse;
mod sampling;
mod shop;
mod state;
mod station;
mod tables;
mod tally;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use scenarios::{Begin, Scenario, Unit};

use crate::demand::Demand;
use crate::model::nanos;
use crate::observe::BoxedPolicy;
use crate::{Event, NoProbe, Progress, Simulation, SimulationError};
pub use clairvoyant::oracles;
use flow::Flow;
use sampling::Sampling;
use shop::Shop;
use state::State;
use tables::Tables;

/// The longest step at speed 1.
const LONGEST_STEP: f64 = 5.0;
/// Sampled requests per second at speed 1.
const SAMPLES: f64 = 200.0;
/// What the planner draws is not what anybody else draws.
const SEED: u64 = 0x706c_616e_6e65_7221;

/// How long requests wait at which utilisation and number of replicas, as far as a planner had to know.
#[derive(Clone, Debug, Default)]
pub struct PlannerWaits(Tables);

/// One run of one scenario in rough strokes.
pub struct Planner {
    /// Everything but the requests.
    simulation: Simulation<NoProbe>,
    shop: Shop,
    demand: Demand,
    states: Vec<State>,
    flow: Flow,
    sampling: Sampling,
    /// The next step.
    step: usize,
    /// Services that were given more than they can answer, in the current window.
    overloaded: BTreeSet<usize>,
    requests: u64,
}

impl Planner {
    /// A rough run of `scenario`, which is checked and already at its speed, with these policies, by service. A service
    /// without one keeps its replicas.
    ///
    /// # Errors
    /// If the scenario cannot be simulated.
    pub fn new(
        scenario: Arc<Scenario>,
        policies: BTreeMap<String, BoxedPolicy>,
    ) -> Result<Self, SimulationError> {
        let mut empty = Scenario::clone(&scenario);
        empty.traffic.unit = Unit::Requests;
        empty.traffic.begin = Begin::Empty;
        empty.traffic.rate.clear();
        let seconds = policies.values().any(|p| !p.wants().samples.is_empty());
        let finest = if seconds {
            scenario.second()
        } else {
            scenario.control.period
        };
        let simulation = Simulation::new(empty.shared(), policies)?;
        let demand = Demand::of(&scenario, step_of(&scenario, finest));
        let shop = Shop::of(&scenario);
        Ok(Self {
            states: vec![State::new(); shop.services.len()],
            flow: Flow::new(&scenario, &shop),
            sampling: Sampling::new(&scenario, &shop),
            simulation,
            shop,
            demand,
            step: 0,
            overloaded: BTreeSet::new(),
            requests: 0,
        })
    }

    /// The same, with the waits that another planner has simulated already. They must be of a scenario whose services do the
    /// same work with the same slots, queues and balancing; replicas, load and policies may differ. It saves the time that
    /// they take, most of a short run's.
    #[must_use]
    pub fn knowing(mut self, waits: PlannerWaits) -> Self {
        self.flow.set_tables(waits.0);
        self
    }

    /// The waits that were simulated so far, for other planners.
    #[must_use]
    pub fn waits(&self) -> PlannerWaits {
        PlannerWaits(self.flow.tables().clone())
    }

    /// Goes on until `until` since the start, or the end of the last step before; past the duration: to the end. `told`
    /// gets what happens, in order of time.
    ///
    /// # Errors
    /// If memory or time would run out: the run cannot go on then.
    pub fn advance(
        &mut self,
        until: Duration,
        told: &mut dyn FnMut(Event),
    ) -> Result<Progress, SimulationError> {
        let step = self.demand.step();
        while self.step < self.demand.steps() {
            let end = self.end_of_step();
            if end > until {
                return Ok(Progress {
                    at: step.saturating_mul(self.step as u32),
                    requests: self.requests,
                    done: false,
                });
            }
            self.one(end);
            self.simulation.advance(end, told)?;
        }
        let progress = self.simulation.advance(until, told)?;
        Ok(Progress {
            requests: self.requests,
            ..progress
        })
    }

    fn end_of_step(&self) -> Duration {
        let next = self.demand.step().saturating_mul(self.step as u32 + 1);
        next.min(Duration::from_nanos(self.simulation.world.model.end))
    }

    /// One step, which ends at `end`.
    fn one(&mut self, end: Duration) {
        let begin = self.demand.step().saturating_mul(self.step as u32);
        let seconds = (end - begin).as_secs_f64();
        let world = &mut self.simulation.world;
        flow::look(world, &self.shop, &mut self.states);
        let pages = self.flow.pages(&self.demand, self.step, &self.sampling);
        self.flow.settle(&self.shop, &mut self.states, seconds);
        self.requests += pages.drawn.iter().sum::<u64>();
        self.flow
            .count(world, &self.shop, &self.states, (self.step, seconds));
        self.sampling
            .sample(&self.shop, &mut self.states, &pages, (self.step, seconds));
        let overloaded = self.states.iter().enumerate();
        self.overloaded.extend(
            overloaded
                .filter(|(_, s)| s.is_overloaded())
                .map(|(i, _)| i),
        );
        let length = world.windows.length();
        let (end, begin) = (nanos(end), nanos(begin));
        let last = self.step + 1 == self.demand.steps();
        // A window of which the next step holds nothing is done.
        if last || end / length != begin / length {
            let window = world.windows.window(begin);
            let (pages, services) = self.sampling.close(&self.shop, &self.states, self.step);
            let overloaded = std::mem::take(&mut self.overloaded);
            world.windows.put(window, pages, services, &overloaded);
        }
        self.step += 1;
    }
}

impl std::fmt::Debug for Planner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Planner")
            .field("step", &self.step)
            .field("requests", &self.requests)
            .finish_non_exhaustive()
    }
}

/// Steps of at most five seconds of scenario time, such that scrapes and decisions, which may come as often as `finest`,
/// fall on their ends if they can.
fn step_of(scenario: &Scenario, finest: Duration) -> Duration {
    let (period, interval) = (
        nanos(scenario.control.period.min(finest)).max(1),
        nanos(scenario.control.scrape.interval).max(1),
    );
    let longest = (LONGEST_STEP * 1e9 / scenario.speed).max(1e6) as u64;
    let common = greatest_common_divisor(period, interval);
    // Two beats that hardly ever fall together: only the decisions count.
    let beat = if common < longest / 20 {
        period
    } else {
        common
    };
    Duration::from_nanos(beat / beat.div_ceil(longest))
}

const fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests;
