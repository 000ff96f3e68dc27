//! The fluid: how many requests come, how full the services are because of it, and what their replicas count.

use scenarios::{ArrivalProcess, Balance, Draws, Scenario, Stream};

use super::SEED;
use super::inverse::Inverse;
use super::sampling::Sampling;
use super::shop::{Sharing, Shop};
use super::state::{self, Moments, State};
use super::station::Station;
use super::tables::{Asked, HIGHEST, Tables};
use super::walk::Walk;
use crate::Probe;
use crate::demand::Demand;
use crate::replica::Life;
use crate::world::World;

/// How many times that a slot is held make a sample of them.
const HELD_SAMPLE: usize = 16_384;
/// A mean above which a Poisson number is drawn as a normal one.
const MANY: f64 = 40.0;
/// Nanoseconds per second.
const NANOS: f64 = 1e9;

/// The requests of one step.
pub(super) struct Pages {
    /// Drawn for each page.
    pub(super) drawn: Vec<u64>,
}

/// One operation during a step.
#[derive(Clone, Copy, Debug, Default)]
struct Operation {
    expected: f64,
    drawn: f64,
    held: Moments,
    work: Moments,
}

/// What flows.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    seed: u64,
    even: bool,
    tables: Tables,
    operations: Vec<Operation>,
    /// Where a blend of tables is made.
    blend: Inverse,
}

/// Takes from the world which replicas answer, and how well.
pub(super) fn look<P: Probe>(world: &World<P>, shop: &Shop, states: &mut [State]) {
    for (service, state) in states.iter_mut().enumerate().take(shop.services.len()) {
        let members = world.workloads[service].members.iter();
        let ready = members
            .map(|place| &world.replicas[*place])
            .filter(|replica| replica.life == Life::Ready);
        let (mut count, mut hung, mut work, mut wait, mut fail) = (0, 0, 0.0, 0.0, 0.0);
        for replica in ready {
            count += 1;
            hung += u32::from(replica.ailment.hang || replica.ailment.freeze);
            work += replica.ailment.work;
            wait += replica.ailment.wait;
            fail += replica.ailment.fail;
        }
        let mean = |sum: f64, none: f64| {
            if count > 0 {
                sum / f64::from(count)
            } else {
                none
            }
        };
        state.ready = count - hung;
        state.slower = (mean(work, 1.0), mean(wait, 1.0));
        state.fail = mean(fail, 0.0);
    }
}

impl Flow {
    pub(super) fn new(scenario: &Scenario, shop: &Shop) -> Self {
        Self {
            seed: scenario.seed ^ SEED,
            even: scenario.traffic.arrivals != ArrivalProcess::Poisson,
            tables: Tables::default(),
            operations: vec![Operation::default(); shop.operations.len()],
            blend: Inverse::zero(),
        }
    }

    /// The requests of a step, and what they lead to.
    pub(super) fn pages(&mut self, demand: &Demand, step: usize, sampling: &Sampling) -> Pages {
        // In a closed model, who waits for an answer asks for nothing else meanwhile.
        let slower = demand
            .thought()
            .map_or(1.0, |thought| thought / (thought + sampling.latency()));
        let expected: Vec<f64> = demand.pages(step).iter().map(|n| n * slower).collect();
        let mut drawn: Vec<u64> = expected
            .iter()
            .enumerate()
            .map(|(page, mean)| poisson(*mean, &mut self.luck(step, page as u32)))
            .collect();
        if self.even {
            level(&expected, &mut drawn);
        }
        self.operations.fill(Operation::default());
        for (page, (expected, drawn)) in expected.iter().zip(&drawn).enumerate() {
            for (operation, calls) in self.operations.iter_mut().zip(demand.calls(page)) {
                operation.expected += expected * calls;
                operation.drawn += *drawn as f64 * calls;
            }
        }
        Pages { drawn }
    }

    /// The tables that were made so far.
    pub(super) const fn tables(&self) -> &Tables {
        &self.tables
    }

    pub(super) fn set_tables(&mut self, tables: Tables) {
        self.tables = tables;
    }

    fn luck(&self, step: usize, what: u32) -> Draws {
        let stream = Stream::Demand {
            journey: step as u64,
            page: what,
            hop: u32::MAX,
            attempt: 0,
        };
        Draws::new(self.seed, stream)
    }

    /// How full each service is during a step of so many seconds, and how long requests wait there.
    pub(super) fn settle(&mut self, shop: &Shop, states: &mut [State], seconds: f64) {
        for service in shop.order.iter().copied() {
            let own = shop.services[service].operations.clone();
            for place in own.clone() {
                let (held, work) = state::held(shop, states, place);
                let operation = &mut self.operations[place];
                (operation.held, operation.work) = (held, work);
            }
            let (count, held) = mix(&self.operations[own.clone()]);
            states[service].held = held.mean;
            match shop.services[service].sharing {
                Some(sharing) => {
                    let work: f64 = self.operations[own]
                        .iter()
                        .map(|o| o.expected * o.work.mean)
                        .sum();
                    let balance = shop.services[service].balance;
                    self.share(
                        states,
                        (service, seconds),
                        (count, work),
                        (sharing, balance),
                    );
                }
                None => self.fill(shop, states, (service, seconds), count, held),
            }
        }
    }

    /// Lets `count` requests come to a service that each hold a slot for as long as `held` says.
    fn fill(
        &mut self,
        shop: &Shop,
        states: &mut [State],
        (service, seconds): (usize, f64),
        count: f64,
        held: Moments,
    ) {
        let meant = &shop.services[service];
        let slots = f64::from(states[service].ready) * f64::from(meant.slots);
        // Requests that can be answered.
        let room = slots * seconds / held.mean.max(1e-12);
        states[service].stand(
            count,
            room,
            seconds,
            longest_backlog(shop, service, slots, room / seconds),
        );
        let utilisation = states[service].utilisation.min(HIGHEST);
        if utilisation > 0.0 && held.mean > 0.0 && meant.slots < u32::MAX {
            let asked = Asked {
                service: service as u16,
                station: Station {
                    replicas: states[service].ready,
                    slots: meant.slots,
                    queue: meant.queue,
                    balance: meant.balance,
                    central: meant.central,
                },
                utilisation,
                variation: held.variance / (held.mean * held.mean),
            };
            let (known, operations) = (&*states, &self.operations[meant.operations.clone()]);
            let sample = || held_sample(shop, known, operations, service);
            let shed = self.tables.look_up(asked, sample, &mut self.blend);
            let state = &mut states[service];
            std::mem::swap(&mut self.blend, &mut state.waits);
            state.shed = (state.shed + shed).min(1.0);
        } else {
            states[service].waits.clear();
        }
        states[service].sum_up();
    }

    /// Lets `count` requests with `work` seconds of work in all come to a service whose replicas share their processors.
    ///
    /// The mean time in the system under processor sharing depends on the mean work alone (its insensitivity: Kelly,
    /// *Reversibility and Stochastic Networks*, 1979), so it is that of a queue with exponential work. Everybody's work is
    /// stretched by that mean: right on average and for long work, too even for short.
    fn share(
        &mut self,
        states: &mut [State],
        (service, seconds): (usize, f64),
        (count, work): (f64, f64),
        (sharing, balance): (Sharing, Balance),
    ) {
        let state = &mut states[service];
        let each = if count > 0.0 { work / count } else { 0.0 };
        let room = f64::from(state.ready) * sharing.peak * seconds / each.max(1e-12);
        state.stand(count, room, seconds, f64::INFINITY);
        state.waits.clear();
        state.stretch = 1.0 / sharing.alone();
        let utilisation = state.utilisation.min(HIGHEST);
        if utilisation > 0.0 {
            let asked = Asked {
                service: service as u16,
                station: Station {
                    replicas: state.ready,
                    slots: sharing.cores.ceil().clamp(1.0, 1e3) as u32,
                    queue: u32::MAX,
                    balance,
                    central: false,
                },
                utilisation,
                variation: 1.0,
            };
            self.tables.look_up(asked, exponential, &mut self.blend);
            state.stretch *= 1.0 + self.blend.moments().0;
        }
        state.sum_up();
    }

    /// What the replicas count during a step of so many seconds.
    pub(super) fn count<P: Probe>(
        &self,
        world: &mut World<P>,
        shop: &Shop,
        states: &[State],
        (step, seconds): (usize, f64),
    ) {
        for (service, state) in states.iter().enumerate() {
            let own = &self.operations[shop.services[service].operations.clone()];
            let mut luck = self.luck(step, u32::MAX - service as u32);
            let told = Counted::of(
                own,
                state,
                (seconds, shop.services[service].slots),
                &mut luck,
            );
            world.workloads[service].came += told.came;
            told.spread(world, service);
        }
    }
}

/// What a service's replicas count together during a step.
struct Counted {
    came: u64,
    shed: u64,
    failed: u64,
    slow: u64,
    /// In seconds, each request for itself.
    held: f64,
    work: f64,
    queued: f64,
}

impl Counted {
    fn of(
        own: &[Operation],
        state: &State,
        (seconds, slots): (f64, u32),
        luck: &mut Draws,
    ) -> Self {
        let sum = |of: &dyn Fn(&Operation) -> f64| -> f64 { own.iter().map(of).sum() };
        let came = sum(&|o| o.drawn);
        let answered = came * state.answered;
        let most = f64::from(state.ready) * f64::from(slots) * seconds;
        let luck = normal(luck);
        let noisy =
            |mean: f64, variance: f64| (mean + luck * variance.sqrt()).max(0.0) * state.answered;
        let held = noisy(
            sum(&|o| o.drawn * o.held.mean),
            sum(&|o| o.drawn * o.held.variance),
        );
        let work = noisy(
            sum(&|o| o.drawn * o.work.mean),
            sum(&|o| o.drawn * o.work.variance),
        );
        let full = if held > most { most / held } else { 1.0 };
        Self {
            came: came.round() as u64,
            shed: (came * state.shed).round() as u64,
            failed: (answered * state.fail).round() as u64,
            slow: (answered * state.slow).round() as u64,
            held: held * full,
            work: work * full,
            queued: answered * (state.wait.0 - state.behind).max(0.0) + state.backlog * seconds,
        }
    }

    /// Every ready replica counts its part.
    fn spread<P: Probe>(&self, world: &mut World<P>, service: usize) {
        let ready: Vec<u32> = world.workloads[service]
            .members
            .iter()
            .copied()
            .filter(|place| {
                let replica = &world.replicas[*place];
                replica.life == Life::Ready && !(replica.ailment.hang || replica.ailment.freeze)
            })
            .collect();
        let count = ready.len() as u64;
        let served = self.came.saturating_sub(self.shed + self.failed);
        for (i, place) in (0_u64..).zip(ready) {
            let part = |all: u64| all / count + u64::from(i < all % count);
            let nanos = |seconds: f64| (seconds * NANOS / count as f64) as u64;
            let replica = &mut world.replicas[place];
            replica.served += part(served);
            replica.failed += part(self.failed);
            replica.shed += part(self.shed);
            replica.slow += part(self.slow);
            replica.ledger.held_ns += nanos(self.held);
            replica.ledger.work_ns += nanos(self.work);
            replica.ledger.queued_ns += nanos(self.queued);
        }
    }
}

/// Times that slots of a service are held as it stands, with mean 1.
fn held_sample(
    shop: &Shop,
    states: &[State],
    operations: &[Operation],
    service: usize,
) -> Vec<f32> {
    let first = shop.services[service].operations.start;
    let mut walk = Walk {
        shop,
        states,
        luck: Draws::new(
            SEED,
            Stream::Fault {
                fault: service as u32,
            },
        ),
        hops: vec![],
    };
    let all: f64 = operations.iter().map(|o| o.expected).sum();
    let mut sample: Vec<f32> = vec![];
    let mut share = 0.0;
    for (place, operation) in operations.iter().enumerate() {
        share += operation.expected / all;
        let until = (share * HELD_SAMPLE as f64).round() as usize;
        while sample.len() < until {
            walk.hops.clear();
            sample.push(walk.held(first + place).seconds as f32);
        }
    }
    let mean = sample.iter().map(|h| f64::from(*h)).sum::<f64>() / sample.len().max(1) as f64;
    if mean > 0.0 {
        sample
            .iter_mut()
            .for_each(|held| *held = (f64::from(*held) / mean) as f32);
    }
    sample
}

/// Exponential times with mean 1.
fn exponential() -> Vec<f32> {
    let mut luck = Draws::new(SEED, Stream::Fault { fault: u32::MAX });
    let sample = (0..HELD_SAMPLE).map(|_| luck.exponential() as f32);
    sample.collect()
}

/// How many requests come to operations, and how long they hold a slot.
fn mix(operations: &[Operation]) -> (f64, Moments) {
    let count: f64 = operations.iter().map(|o| o.expected).sum();
    if count <= 0.0 {
        return (0.0, Moments::default());
    }
    let mean = operations
        .iter()
        .map(|o| o.expected * o.held.mean)
        .sum::<f64>()
        / count;
    let square = |o: &Operation| o.held.variance + o.held.mean * o.held.mean;
    let square = operations
        .iter()
        .map(|o| o.expected * square(o))
        .sum::<f64>()
        / count;
    let variance = (square - mean * mean).max(0.0);
    (count, Moments { mean, variance })
}

/// The most requests that can wait at once: for want of room, because of the bulkhead, or because of the time limit.
fn longest_backlog(shop: &Shop, service: usize, slots: f64, rate: f64) -> f64 {
    let meant = &shop.services[service];
    let replicas = slots / f64::from(meant.slots);
    let rooms = replicas * f64::from(meant.queue);
    let bulkhead = (shop.bulkhead - slots).max(0.0);
    rooms.min(bulkhead).min(rate * shop.time_limit)
}

/// Makes the drawn numbers add up to what is expected.
fn level(expected: &[f64], drawn: &mut [u64]) {
    let most = (0..expected.len()).max_by(|a, b| expected[*a].total_cmp(&expected[*b]));
    let Some(most) = most else { return };
    let all = expected.iter().sum::<f64>().round() as u64;
    let others = drawn.iter().sum::<u64>() - drawn[most];
    drawn[most] = all.saturating_sub(others);
}

/// A number of independent events of which `mean` are expected.
fn poisson(mean: f64, luck: &mut Draws) -> u64 {
    if mean > MANY {
        return (mean + mean.sqrt() * normal(luck)).round().max(0.0) as u64;
    }
    let mut left = mean;
    let mut count = 0;
    loop {
        left -= luck.exponential();
        if left < 0.0 {
            return count;
        }
        count += 1;
    }
}

/// Standard normal (G. Box, M. Muller 1958).
fn normal(luck: &mut Draws) -> f64 {
    let length = (2.0 * luck.exponential()).sqrt();
    length * libm::cos(std::f64::consts::TAU * luck.uniform())
}
