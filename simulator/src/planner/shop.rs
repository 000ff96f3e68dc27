//! The shop as the planner needs it: places instead of names, tables instead of distributions.

use metrics::Quantile;
use scenarios::{
    Balance, Contention, Discipline, Distribution, Draws, OperationId, Scenario, Step as Meant,
    Waiting,
};

use super::inverse::Inverse;

/// What is waited before a retry by default: from nothing to this, doubled with each.
const BACK_OFF: f64 = 0.025;
/// And at most this.
const LONGEST_BACK_OFF: f64 = 0.25;
/// The most times that a call is tried again, whatever it says.
const MOST_RETRIES: u32 = 10;

/// A span of time that is drawn, in seconds.
#[derive(Clone, Debug)]
pub(super) struct Time {
    pub(super) mean: f64,
    pub(super) variance: f64,
    /// Nothing if it is always the mean.
    inverse: Option<Inverse>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Work(Time),
    Wait(Time),
    /// Calls made at once, by their places.
    Calls(std::ops::Range<usize>),
}

#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) service: usize,
    pub(super) steps: Vec<Step>,
}

/// One way in which an operation is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) operation: usize,
    pub(super) service: usize,
    pub(super) retries: u32,
    /// How long one try may take, in seconds.
    pub(super) limit: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Service {
    /// Requests that a replica works on at once; as good as without limit if that is a very large number.
    pub(super) slots: u32,
    pub(super) queue: u32,
    pub(super) balance: Balance,
    /// Whether all wait in one queue at the gateway.
    pub(super) central: bool,
    /// How requests share a replica's processor, if they do.
    pub(super) sharing: Option<Sharing>,
    /// The limit of its own time.
    pub(super) limit: f64,
    /// Its operations.
    pub(super) operations: std::ops::Range<usize>,
}

/// A processor that all requests in a replica share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sharing {
    pub(super) cores: f64,
    contention: Contention,
    /// The most work that it does, in seconds per second, however many share it.
    pub(super) peak: f64,
}

impl Sharing {
    fn of(discipline: Discipline) -> Option<Self> {
        let Discipline::Sharing { cores, contention } = discipline else {
            return None;
        };
        // With any contention more than so many only hinder each other.
        let most = (cores.ceil().clamp(1.0, 1e3) as u32).saturating_mul(4);
        let rates = (1..=most).map(|working| contention.total_rate(working, cores));
        Some(Self {
            cores,
            contention,
            peak: rates.fold(0.0, f64::max),
        })
    }

    /// How fast one works alone.
    pub(super) fn alone(&self) -> f64 {
        self.contention.total_rate(1, self.cores)
    }
}

/// The shop.
#[derive(Clone, Debug)]
pub(super) struct Shop {
    /// In order of name.
    pub(super) services: Vec<Service>,
    /// In order of service and name, as in [`Demand`](crate::Demand).
    pub(super) operations: Vec<Operation>,
    pub(super) calls: Vec<Call>,
    /// How each page is asked for; nothing if no service answers it.
    pub(super) pages: Vec<Option<Call>>,
    /// Services such that those called come before those who call, as far as there is such an order.
    pub(super) order: Vec<usize>,
    /// What the gateway adds to a request.
    pub(super) overhead: Time,
    /// How long a message takes, one way.
    pub(super) network: Time,
    pub(super) backoff: Option<Time>,
    /// How many requests to one service may be in flight.
    pub(super) bulkhead: f64,
    /// The time limit of a page.
    pub(super) time_limit: f64,
}

impl Time {
    fn of(distribution: &Distribution) -> Self {
        let mean = distribution.mean().as_secs_f64();
        let at = |quantile| distribution.quantile(quantile);
        let constant = matches!(distribution, Distribution::Constant(_))
            || at(Quantile::P50) == at(Quantile::P99) && at(Quantile::P50) == distribution.mean();
        if constant {
            return Self {
                mean,
                variance: 0.0,
                inverse: None,
            };
        }
        let inverse = Inverse::of(distribution, 1.0);
        let (table_mean, square) = inverse.moments();
        Self {
            mean,
            variance: (square - table_mean * table_mean).max(0.0),
            inverse: Some(inverse),
        }
    }

    /// Draws it.
    #[inline]
    pub(super) fn draw(&self, luck: &mut Draws) -> f64 {
        match &self.inverse {
            Some(inverse) => inverse.draw(luck),
            None => self.mean,
        }
    }
}

impl Shop {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let mut shop = Self {
            services: services(scenario),
            operations: vec![],
            calls: vec![],
            pages: vec![],
            order: vec![],
            overhead: Time::of(&scenario.gateway.overhead),
            network: Time::of(&scenario.network.latency),
            backoff: scenario.gateway.retries.backoff.as_ref().map(Time::of),
            bulkhead: f64::from(scenario.gateway.bulkhead.in_flight),
            time_limit: scenario.gateway.time_limit.as_secs_f64(),
        };
        let places = Places::of(scenario);
        for (service, meant) in scenario.services.values().enumerate() {
            for operation in meant.operations.values() {
                let steps = operation.steps.iter();
                let steps = steps
                    .map(|step| match step {
                        Meant::Work(time) => Step::Work(Time::of(time)),
                        Meant::Wait(time) => Step::Wait(Time::of(time)),
                        Meant::Call(call) => shop.add(&places, std::slice::from_ref(call)),
                        Meant::All(calls) => shop.add(&places, calls),
                    })
                    .collect();
                shop.operations.push(Operation { service, steps });
            }
        }
        for page in scenario.journeys.iter().flat_map(|j| &j.pages) {
            let found = page.operation.as_ref().and_then(|id| places.find(id));
            shop.pages.push(found.map(|(operation, service)| Call {
                operation,
                service,
                retries: 0,
                limit: shop.time_limit,
            }));
        }
        shop.order = shop.callees_first();
        shop
    }

    fn add(&mut self, places: &Places, calls: &[scenarios::Call]) -> Step {
        let first = self.calls.len();
        for call in calls {
            if let Some((operation, service)) = places.find(&call.to) {
                self.calls.push(Call {
                    operation,
                    service,
                    retries: call.retries.min(MOST_RETRIES),
                    limit: call.timeout.map_or(self.time_limit, |t| t.as_secs_f64()),
                });
            }
        }
        Step::Calls(first..self.calls.len())
    }

    /// By how many calls follow each other below a service's deepest operation.
    fn callees_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.services.len()).collect();
        order.sort_by_key(|service| {
            let operations = self.services[*service].operations.clone();
            operations.map(|o| self.depth(o)).max().unwrap_or(0)
        });
        order
    }

    fn depth(&self, operation: usize) -> usize {
        let calls = self.operations[operation]
            .steps
            .iter()
            .flat_map(|step| match step {
                Step::Work(_) | Step::Wait(_) => &[],
                Step::Calls(calls) => &self.calls[calls.clone()],
            });
        calls
            .map(|call| 1 + self.depth(call.operation))
            .max()
            .unwrap_or(0)
    }

    /// What is waited before a retry, counted from 1.
    pub(super) fn back_off(&self, retry: u32, luck: &mut Draws) -> f64 {
        match &self.backoff {
            Some(time) => time.draw(luck),
            None => {
                let longest = BACK_OFF * f64::from(1_u32 << (retry - 1).min(8));
                luck.uniform() * longest.min(LONGEST_BACK_OFF)
            }
        }
    }
}

fn services(scenario: &Scenario) -> Vec<Service> {
    let mut first = 0;
    let service = |(name, meant): (&String, &scenarios::Service)| {
        let operations = first..first + meant.operations.len();
        first = operations.end;
        Service {
            slots: meant.slots.unwrap_or(u32::MAX).max(1),
            queue: meant.queue.unwrap_or(u32::MAX),
            balance: scenario.balance_of(name),
            central: meant.waiting == Waiting::Gateway,
            sharing: Sharing::of(meant.discipline),
            limit: meant.limit.as_secs_f64(),
            operations,
        }
    };
    scenario.services.iter().map(service).collect()
}

/// Where operations are found.
struct Places<'a> {
    scenario: &'a Scenario,
}

impl<'a> Places<'a> {
    const fn of(scenario: &'a Scenario) -> Self {
        Self { scenario }
    }

    /// The operation's place, and its service's.
    fn find(&self, id: &OperationId) -> Option<(usize, usize)> {
        let mut first = 0;
        for (service, (name, meant)) in self.scenario.services.iter().enumerate() {
            if *name == id.service {
                let place = meant.operations.keys().position(|o| *o == id.operation)?;
                return Some((first + place, service));
            }
            first += meant.operations.len();
        }
        None
    }
}
