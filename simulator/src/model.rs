//! The scenario as the engine needs it: flat arrays, places instead of names, nanoseconds instead of durations.

use std::time::Duration;

use metrics::Quantity;
use scenarios::{
    Contention, Discipline, Distribution, JourneyIndex, Method, OperationId, PageIndex, Policy,
    Scenario, Seed, Step as Meant, Waiting, WarmUp,
};

use crate::SimulationError;
use crate::calendar::LATEST;

/// The most times that a call may be tried again, whatever it says: the gateway's own bound.
const MOST_RETRIES: u32 = 10;
/// How long open requests may take after the end, as in the live worlds.
const DRAIN: u64 = 5_000_000_000;
/// No service.
pub(crate) const NONE: u32 = u32::MAX;

/// A checked scenario, compiled.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) seed: u64,
    /// The same, for what draws for each request.
    pub(crate) luck: Seed,
    /// The scenario's end.
    pub(crate) end: u64,
    /// In order of name.
    pub(crate) services: Vec<Service>,
    /// The steps of each operation, from the first to before the last.
    operations: Vec<(u32, u32)>,
    pub(crate) steps: Vec<Step>,
    /// All calls, then one for each page, in order.
    pub(crate) calls: Vec<Call>,
    /// All pages of all journeys.
    pub(crate) pages: Vec<Page>,
    /// The place of each journey's first page.
    pub(crate) journeys: Vec<u16>,
    /// What the gateway adds to a request before a replica is chosen.
    pub(crate) overhead: Delay,
    /// How long a message takes, one way.
    pub(crate) network: Delay,
    /// A served page above this is slow.
    pub(crate) within: u64,
}

/// A span of time that is mostly always the same.
#[derive(Clone, Debug)]
pub(crate) enum Delay {
    Constant(u64),
    Drawn(Distribution),
}

impl Delay {
    fn of(time: &Distribution) -> Self {
        match time {
            Distribution::Constant(time) => Self::Constant(nanos(*time)),
            drawn => Self::Drawn(drawn.clone()),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) room: Room,
    /// How processors are shared, if they are: cores and contention.
    pub(crate) sharing: Option<(f64, Contention)>,
    /// How long requests wait for a slot before they leave.
    pub(crate) patience: Option<Distribution>,
    pub(crate) warm_up: Option<WarmUp>,
    /// If there is a replica for each request: the fewest and the most.
    pub(crate) per_request: Option<(u32, u32)>,
    pub(crate) start_up: Distribution,
    pub(crate) cpu: Quantity,
    pub(crate) drain: u64,
    pub(crate) replicas: u32,
}

/// What each replica of a service has room for: replicas carry it with them, because every request asks for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Requests that it works on at once.
    pub(crate) slots: u32,
    /// Requests that wait for a slot.
    pub(crate) queue: u32,
    /// Whether they wait for it at the gateway instead.
    pub(crate) at_gateway: bool,
    /// A served request that took longer by itself is slow.
    pub(crate) limit: u64,
}

#[derive(Debug)]
pub(crate) enum Step {
    Work(Distribution),
    Wait(Distribution),
    /// Calls made at once, by their places.
    Calls(u16, u16),
}

/// One way in which an operation is asked for: a call of an operation's step, or a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    operation: u16,
    pub(crate) service: u16,
    /// The operation's steps, from the first to before the last.
    pub(crate) steps: (u32, u32),
    /// Whether requests wait for a slot at the gateway.
    pub(crate) at_gateway: bool,
    /// Which call of its operation it is.
    pub(crate) index: u8,
    pub(crate) retries: u8,
    /// Whether it may be sent again when nobody knows whether it was done.
    pub(crate) repeatable: bool,
    /// How long one try may take.
    pub(crate) limit: u64,
    /// How long all of them may take.
    pub(crate) patience: u64,
}

#[derive(Debug)]
pub(crate) struct Page {
    /// `journey/page`.
    pub(crate) name: String,
    pub(crate) journey: u16,
    /// Its place in its journey.
    pub(crate) place: u16,
    /// How it is asked for.
    pub(crate) call: u16,
}

/// Nanoseconds, as far as the engine counts.
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).map_or(LATEST, |nanos| nanos.min(LATEST))
}

impl Model {
    /// The end of the drain: nothing happens after it.
    pub(crate) fn last(&self) -> u64 {
        self.end.saturating_add(DRAIN)
    }

    /// The place of a journey's page among all pages.
    #[inline]
    pub(crate) fn page(&self, journey: JourneyIndex, page: PageIndex) -> u16 {
        self.journeys[journey.0 as usize] + page.0 as u16
    }

    pub(crate) fn of(scenario: &Scenario) -> Result<Self, SimulationError> {
        if scenario.services.is_empty() {
            return Err(SimulationError::NoServices);
        }
        if nanos(scenario.duration) > LATEST / 8 * 7 {
            return Err(SimulationError::TooLong(scenario.duration));
        }
        let services = services(scenario);
        let places = Places::of(scenario)?;
        let mut model = Self {
            seed: scenario.seed,
            luck: Seed::new(scenario.seed),
            end: nanos(scenario.duration),
            services,
            operations: vec![],
            steps: vec![],
            calls: vec![],
            pages: vec![],
            journeys: vec![],
            overhead: Delay::of(&scenario.gateway.overhead),
            network: Delay::of(&scenario.network.latency),
            within: nanos(scenario.slo.within),
        };
        model.add_operations(scenario, &places)?;
        model.add_pages(scenario, &places)?;
        for call in &mut model.calls {
            call.steps = model.operations[usize::from(call.operation)];
            call.at_gateway = model.services[usize::from(call.service)].room.at_gateway;
        }
        Ok(model)
    }

    fn add_operations(
        &mut self,
        scenario: &Scenario,
        places: &Places,
    ) -> Result<(), SimulationError> {
        for meant in scenario.services.values() {
            for operation in meant.operations.values() {
                let first = self.steps.len() as u32;
                for step in &operation.steps {
                    let step = match step {
                        Meant::Work(time) => Step::Work(time.clone()),
                        Meant::Wait(time) => Step::Wait(time.clone()),
                        Meant::Call(call) => {
                            self.calls(scenario, places, std::slice::from_ref(call))?
                        }
                        Meant::All(calls) => self.calls(scenario, places, calls)?,
                    };
                    self.steps.push(step);
                }
                self.operations.push((first, self.steps.len() as u32));
            }
        }
        Ok(())
    }

    fn calls(
        &mut self,
        scenario: &Scenario,
        places: &Places,
        calls: &[scenarios::Call],
    ) -> Result<Step, SimulationError> {
        let first = fits("calls", self.calls.len())?;
        for call in calls {
            let limit = nanos(call.timeout.unwrap_or(scenario.gateway.time_limit));
            let retries = call.retries.min(MOST_RETRIES);
            let (operation, service) = places.find(&call.to);
            self.calls.push(Call {
                operation,
                service,
                steps: (0, 0),
                at_gateway: false,
                index: call.index,
                retries: retries as u8,
                repeatable: true,
                limit,
                patience: limit.saturating_mul(u64::from(retries) + 1),
            });
        }
        Ok(Step::Calls(first, fits("calls", self.calls.len())?))
    }

    fn add_pages(&mut self, scenario: &Scenario, places: &Places) -> Result<(), SimulationError> {
        let limit = nanos(scenario.gateway.time_limit);
        for (journey, meant) in scenario.journeys.iter().enumerate() {
            self.journeys.push(fits("pages", self.pages.len())?);
            for (place, page) in meant.pages.iter().enumerate() {
                let to = page
                    .operation
                    .as_ref()
                    .ok_or_else(|| SimulationError::NoOperation {
                        journey: meant.name.clone(),
                        page: page.name.clone(),
                    })?;
                let (operation, service) = places.find(to);
                let call = fits("calls", self.calls.len())?;
                self.calls.push(Call {
                    operation,
                    service,
                    steps: (0, 0),
                    at_gateway: false,
                    index: 0,
                    retries: 0,
                    repeatable: page.method != Method::Post,
                    limit,
                    patience: limit,
                });
                self.pages.push(Page {
                    name: format!("{}/{}", meant.name, page.name),
                    journey: fits("journeys", journey)?,
                    place: fits("pages", place)?,
                    call,
                });
            }
        }
        Ok(())
    }
}

fn services(scenario: &Scenario) -> Vec<Service> {
    let service = |(name, meant): (&String, &scenarios::Service)| Service {
        name: name.clone(),
        room: Room {
            slots: meant.slots.map_or(u32::MAX, |slots| slots.max(1)),
            queue: meant.queue.unwrap_or(u32::MAX),
            at_gateway: meant.waiting == Waiting::Gateway,
            limit: nanos(meant.limit),
        },
        sharing: match meant.discipline {
            Discipline::Fifo => None,
            Discipline::Sharing { cores, contention } => Some((cores, contention)),
        },
        patience: meant.patience.clone(),
        warm_up: meant.warm_up,
        per_request: scenario
            .scaling
            .get(name)
            .filter(|scaling| scaling.policy == Policy::PerRequest)
            .map(|scaling| (scaling.min.get(), scaling.max.get())),
        start_up: meant.start_up.clone(),
        cpu: meant.cpu,
        drain: nanos(meant.drain),
        replicas: meant.replicas.get(),
    };
    scenario.services.iter().map(service).collect()
}

/// Where operations are found.
struct Places<'a> {
    scenario: &'a Scenario,
    /// The place of each service's first operation.
    first: Vec<u16>,
}

impl<'a> Places<'a> {
    fn of(scenario: &'a Scenario) -> Result<Self, SimulationError> {
        let mut count = 0;
        let mut first = vec![];
        for service in scenario.services.values() {
            first.push(fits("operations", count)?);
            count += service.operations.len();
        }
        fits("operations", count)?;
        Ok(Self { scenario, first })
    }

    /// The operation's place, and its service's. A checked scenario calls nothing that it does not have.
    fn find(&self, to: &OperationId) -> (u16, u16) {
        let services = self.scenario.services.iter().enumerate();
        let found = services
            .into_iter()
            .find(|(_, (name, _))| **name == to.service);
        let Some((service, (_, meant))) = found else {
            return (0, 0);
        };
        let mut operations = meant.operations.keys();
        let operation = operations.position(|name| *name == to.operation);
        let place = self.first[service] + operation.unwrap_or(0) as u16;
        (place, service as u16)
    }
}

fn fits(what: &'static str, count: usize) -> Result<u16, SimulationError> {
    const MOST: usize = u16::MAX as usize - 1;
    u16::try_from(count)
        .ok()
        .filter(|count| usize::from(*count) <= MOST)
        .ok_or(SimulationError::TooLarge {
            what,
            count,
            most: MOST,
        })
}
