//! What is expected to be asked for, and when: from a scenario alone, without any luck.
//!
//! The rate of each page follows from the curves and from what a visit leads to: a shopper who comes now asks for further
//! pages during the next minutes. How many pages of each kind a visit has is exact (the journey's Markov chain, averaged
//! over the length factors); how they lie in time is taken from the walks of some thousand shoppers with luck of their
//! own. From pages follow operations through the calls that each makes.
//!
//! Left out, because they depend on how the shop answers: the time that answers take, and pages that are asked for again.

mod chain;
mod response;

use std::sync::Arc;
use std::time::Duration;

use scaler::Load;
use scenarios::{Begin, JourneyIndex, OperationId, Scenario, Step, Unit};

use response::{Arrivals, Response};

/// The expected demand of a scenario in steps of equal length.
#[derive(Clone, Debug)]
pub struct Demand {
    step: Duration,
    /// How many pages there are.
    pages: usize,
    /// Expected requests for each page, step after step.
    requests: Vec<f64>,
    /// All operations, by service and name.
    operations: Vec<OperationId>,
    /// How often each page's request leads to each operation, page after page.
    calls: Vec<f64>,
    /// The mean time that each operation holds its slot if nothing ever waits, in seconds.
    held: Vec<f64>,
    /// In a closed model, the mean thought per page in seconds.
    thought: Option<f64>,
}

impl Demand {
    /// The demand of `scenario` in steps of this length; of a step that is not wholly inside the scenario's duration, what
    /// is inside.
    ///
    /// With [`Unit::Shoppers`] it is the rate that the crowd would reach if answers took no time: see
    /// [`Demand::thought`].
    #[must_use]
    pub fn of(scenario: &Arc<Scenario>, step: Duration) -> Self {
        let step = step.max(Duration::from_millis(1));
        let steps = scenario.duration.as_nanos().div_ceil(step.as_nanos()) as usize;
        let pages = scenario.journeys.iter().map(|j| j.pages.len()).sum();
        let graph = Graph::of(scenario);
        let mut demand = Self {
            step,
            pages,
            requests: vec![0.0; steps * pages],
            calls: graph.per_page(scenario),
            held: graph.held(scenario),
            operations: graph.operations,
            thought: None,
        };
        match scenario.traffic.unit {
            Unit::Journeys => demand.add_visits(scenario),
            Unit::Requests => demand.add_requests(scenario),
            Unit::Shoppers => demand.add_crowd(scenario),
        }
        demand
    }

    /// The length of a step.
    #[must_use]
    pub const fn step(&self) -> Duration {
        self.step
    }

    /// How many steps there are.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.requests.len() / self.pages.max(1)
    }

    /// Expected requests during a step, for each page of each journey, in order; nothing after the last step.
    #[must_use]
    pub fn pages(&self, step: usize) -> &[f64] {
        let from = (step * self.pages).min(self.requests.len());
        &self.requests[from..(from + self.pages).min(self.requests.len())]
    }

    /// All operations, by service and name.
    #[must_use]
    pub fn operations(&self) -> &[OperationId] {
        &self.operations
    }

    /// How often a request for each page (in the order of [`Demand::pages`]) leads to each operation (in the order of
    /// [`Demand::operations`]), calls of calls included.
    #[must_use]
    pub fn calls(&self, page: usize) -> &[f64] {
        let count = self.operations.len();
        &self.calls[page * count..(page + 1) * count]
    }

    /// The mean time that each operation holds its slot if nothing ever waits, in seconds: calls count.
    #[must_use]
    pub fn held(&self) -> &[f64] {
        &self.held
    }

    /// In a closed model, the mean thought per page in seconds. With answers that take r, the rates are thought ÷
    /// (thought + r) times those given.
    #[must_use]
    pub const fn thought(&self) -> Option<f64> {
        self.thought
    }

    /// Expected requests per second during a step, for each operation.
    #[must_use]
    pub fn rates(&self, step: usize) -> Vec<f64> {
        let mut rates = vec![0.0; self.operations.len()];
        for (page, requests) in self.pages(step).iter().enumerate() {
            if *requests > 0.0 {
                for (rate, calls) in rates.iter_mut().zip(self.calls(page)) {
                    *rate += requests * calls;
                }
            }
        }
        let seconds = self.step.as_secs_f64();
        rates.iter_mut().for_each(|rate| *rate /= seconds);
        rates
    }

    /// What is asked of a service with so many slots per replica, step after step. The rate that a replica can take
    /// changes with the mix of its operations; where nothing is asked, it is that of all operations alike.
    #[must_use]
    pub fn loads(&self, service: &str, slots: u32) -> Vec<Load> {
        let own: Vec<usize> = (0..self.operations.len())
            .filter(|place| self.operations[*place].service == service)
            .collect();
        let alike =
            own.iter().map(|place| self.held[*place]).sum::<f64>() / own.len().max(1) as f64;
        let load = |step: usize| {
            let rates = self.rates(step);
            let rate: f64 = own.iter().map(|place| rates[*place]).sum();
            let busy: f64 = own
                .iter()
                .map(|place| rates[*place] * self.held[*place])
                .sum();
            let held = if rate > 0.0 { busy / rate } else { alike };
            Load {
                rate,
                full_rate: f64::from(slots) / held.max(1e-9),
            }
        };
        (0..self.steps()).map(load).collect()
    }

    /// Shoppers who come, and what each visit leads to.
    fn add_visits(&mut self, scenario: &Arc<Scenario>) {
        let weights: f64 = scenario.journeys.iter().map(|j| j.weight).sum();
        let mut first = 0;
        for (place, journey) in scenario.journeys.iter().enumerate() {
            let index = JourneyIndex(place as u32);
            let share = |of: Option<JourneyIndex>| match of {
                Some(only) => f64::from(u8::from(only == index)),
                None if weights > 0.0 => journey.weight / weights,
                None => 0.0,
            };
            let terms: Vec<_> = scenario
                .traffic
                .rate
                .iter()
                .map(|term| (share(term.journey), &term.curve))
                .filter(|(share, _)| *share > 0.0)
                .collect();
            if !terms.is_empty() {
                let response = Response::of(scenario, index, self.step);
                let arrivals = Arrivals::of(
                    &terms,
                    (self.step, scenario.duration),
                    response.horizon(),
                    scenario.traffic.begin == Begin::Stationary,
                );
                for step in 0..self.steps() {
                    let row = step * self.pages + first;
                    let row = &mut self.requests[row..row + journey.pages.len()];
                    response.add(&arrivals, step, row);
                }
            }
            first += journey.pages.len();
        }
    }

    /// Requests, whose pages are those of a standing crowd in the middle of its visits.
    fn add_requests(&mut self, scenario: &Scenario) {
        for term in &scenario.traffic.rate {
            let mix = self.mix(scenario, term.journey);
            let until = |step: usize| {
                let at = self.step.saturating_mul(step as u32).min(scenario.duration);
                term.curve.count_until(at)
            };
            let counts: Vec<f64> = (0..self.steps())
                .map(|step| until(step + 1) - until(step))
                .collect();
            for (row, count) in self.requests.chunks_mut(self.pages.max(1)).zip(counts) {
                for (requests, share) in row.iter_mut().zip(&mix) {
                    *requests += count * share;
                }
            }
        }
    }

    /// A crowd that walks on and on.
    fn add_crowd(&mut self, scenario: &Scenario) {
        let mix = self.mix(scenario, None);
        let pages = scenario.journeys.iter().flat_map(|j| &j.pages);
        let thought: f64 = pages
            .zip(&mix)
            .map(|(page, share)| share * page.think.mean().as_secs_f64())
            .sum();
        // Without any thought or answer time there is no telling: a page a millisecond is as good as any.
        let thought = thought.max(1e-3);
        let rate = f64::from(scenario.traffic.crowd) / thought;
        let (step, whole) = (self.step, scenario.duration);
        for (place, row) in self.requests.chunks_mut(self.pages.max(1)).enumerate() {
            let begin = step.saturating_mul(place as u32);
            let seconds = step.min(whole.saturating_sub(begin)).as_secs_f64();
            for (requests, share) in row.iter_mut().zip(&mix) {
                *requests += rate * seconds * share;
            }
        }
        self.thought = Some(thought);
    }

    /// Each page's share of all requests, when there are always shoppers of this journey, or of all by weight.
    fn mix(&self, scenario: &Scenario, only: Option<JourneyIndex>) -> Vec<f64> {
        let mut mix = Vec::with_capacity(self.pages);
        for (place, journey) in scenario.journeys.iter().enumerate() {
            let weight = match only {
                Some(only) => f64::from(u8::from(only.0 as usize == place)),
                None => journey.weight,
            };
            mix.extend(
                chain::visits(journey)
                    .into_iter()
                    .map(|visits| weight * visits),
            );
        }
        let all: f64 = mix.iter().sum();
        if all > 0.0 {
            mix.iter_mut().for_each(|share| *share /= all);
        }
        mix
    }
}

/// Who calls whom.
struct Graph {
    operations: Vec<OperationId>,
    /// How often each operation leads to each, itself once included; operation after operation.
    leads_to: Vec<Vec<f64>>,
}

impl Graph {
    fn of(scenario: &Scenario) -> Self {
        let operations: Vec<OperationId> = scenario
            .services
            .iter()
            .flat_map(|(service, meant)| {
                meant.operations.keys().map(|operation| OperationId {
                    service: service.clone(),
                    operation: operation.clone(),
                })
            })
            .collect();
        let mut graph = Self {
            leads_to: vec![vec![]; operations.len()],
            operations,
        };
        for place in 0..graph.operations.len() {
            graph.follow(scenario, place);
        }
        graph
    }

    fn find(&self, operation: &OperationId) -> Option<usize> {
        self.operations.binary_search(operation).ok()
    }

    /// Calls do not go in circles: the scenario's check sees to it.
    fn follow(&mut self, scenario: &Scenario, place: usize) {
        if !self.leads_to[place].is_empty() {
            return;
        }
        let mut counts = vec![0.0; self.operations.len()];
        counts[place] = 1.0;
        for call in calls(scenario, &self.operations[place]) {
            if let Some(called) = self.find(&call.to) {
                self.follow(scenario, called);
                for (count, more) in counts.iter_mut().zip(&self.leads_to[called]) {
                    *count += more;
                }
            }
        }
        self.leads_to[place] = counts;
    }

    fn per_page(&self, scenario: &Scenario) -> Vec<f64> {
        let pages = scenario.journeys.iter().flat_map(|j| &j.pages);
        let operation = |page: &scenarios::Page| page.operation.as_ref().and_then(|o| self.find(o));
        pages
            .flat_map(|page| match operation(page) {
                Some(place) => self.leads_to[place].clone(),
                None => vec![0.0; self.operations.len()],
            })
            .collect()
    }

    /// In seconds, with the longest of calls made at once.
    fn held(&self, scenario: &Scenario) -> Vec<f64> {
        let held = |operation| held(scenario, operation);
        self.operations.iter().map(held).collect()
    }
}

fn steps<'a>(scenario: &'a Scenario, id: &OperationId) -> &'a [Step] {
    let service = scenario.services.get(&id.service);
    let operation = service.and_then(|service| service.operations.get(&id.operation));
    operation.map_or(&[], |operation| &operation.steps)
}

fn calls<'a>(
    scenario: &'a Scenario,
    id: &OperationId,
) -> impl Iterator<Item = &'a scenarios::Call> + use<'a> {
    steps(scenario, id).iter().flat_map(|step| match step {
        Step::Work(_) | Step::Wait(_) => &[],
        Step::Call(call) => std::slice::from_ref(call),
        Step::All(calls) => calls.as_slice(),
    })
}

fn held(scenario: &Scenario, id: &OperationId) -> f64 {
    let seconds = |step: &Step| match step {
        Step::Work(time) | Step::Wait(time) => time.mean().as_secs_f64(),
        Step::Call(call) => held(scenario, &call.to),
        Step::All(calls) => {
            let each = calls.iter().map(|call| held(scenario, &call.to));
            each.fold(0.0, f64::max)
        }
    };
    steps(scenario, id).iter().map(seconds).sum()
}

#[cfg(test)]
mod tests;
