//! What policies see, and what they may do: scrapes, observations, decisions.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use metrics::{Reading, Replicas, Timestamp};
use scaler::{
    AtGateway, Mode, Observation, Phase, Plant, Rota, Scale, Second, SeenReplica, Selector, Sight,
    Version, Wants, WriteOutcome, step_all,
};

use crate::replica::{Life, Replica};
use crate::world::{Closely, World};
use crate::{Event, Probe};

/// A policy in a box.
pub(crate) type BoxedPolicy = Box<dyn scaler::Policy + Send>;

/// One workload for the length of one step: what there is to see of it, and what is ordered.
///
/// All that is due at one instant is observed before anything is written, so the observations can be made beforehand and
/// the orders carried out afterwards.
struct Order {
    service: u16,
    generation: u64,
    seen: Observation,
    wanted: Option<Replicas>,
}

impl Plant for Order {
    async fn observe(&mut self, _: Timestamp, _: &Wants) -> Observation {
        std::mem::take(&mut self.seen)
    }

    async fn scale_to(&mut self, _: Timestamp, replicas: Replicas, seen: Version) -> WriteOutcome {
        if !seen.0.is_empty() && seen.0 != self.generation.to_string() {
            return WriteOutcome::Lost;
        }
        self.wanted = Some(replicas);
        WriteOutcome::Written
    }
}

/// What a future gives that never has to wait.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

impl<P: Probe> World<P> {
    /// Reads all replicas' counters, as a scraper does.
    pub(crate) fn scrape(&mut self) {
        let (now, instant) = (self.now, self.instant());
        for workload in &mut self.workloads {
            for place in &workload.members {
                let replica = &mut self.replicas[*place];
                if matches!(replica.life, Life::Pending) || replica.ailment.hang {
                    continue;
                }
                replica.advance(now);
                let counters = replica.counters();
                self.scrapes[*place as usize].push(instant, counters, &self.sampling);
            }
            let came = std::mem::take(&mut workload.came);
            workload.offered.push(instant, came, &self.sampling);
        }
    }

    /// Workloads whose policies need a reading of every second are looked at from now on.
    pub(crate) fn watch_closely(&mut self, policies: &BTreeMap<String, BoxedPolicy>) {
        for (service, workload) in self.workloads.iter_mut().enumerate() {
            let policy = policies.get(&self.model.services[service].name);
            let needs = policy.is_some_and(|p| !p.wants().samples.is_empty());
            workload.seconds = needs.then(Closely::default);
        }
        self.look_closely();
    }

    /// Looks at those workloads whose policies need a reading of every second, at the end of one.
    pub(crate) fn look_closely(&mut self) {
        if self.now == std::mem::replace(&mut self.last_second, self.now) && self.now > 0 {
            return;
        }
        let (now, instant) = (self.now, self.instant());
        for workload in &mut self.workloads {
            let Some(closely) = &mut workload.seconds else {
                continue;
            };
            let (mut ready, mut seen) = (0, vec![]);
            for place in &workload.members {
                let replica = &mut self.replicas[*place];
                if replica.life != Life::Ready {
                    continue;
                }
                ready += 1;
                if !replica.ailment.hang {
                    replica.advance(now);
                    seen.push((replica.ordinal, replica.counters()));
                }
            }
            let gate = AtGateway {
                waiting: workload.lobby.take_waited(now) as f64 / self.second as f64,
                came: std::mem::take(&mut closely.came),
            };
            // While metrics are out nobody can look.
            if !self.blind {
                closely.seconds.push(instant, ready, &seen, gate);
            }
        }
    }

    /// All policies that are due look, decide and order, once.
    pub(crate) fn decide(&mut self, policies: &mut BTreeMap<String, BoxedPolicy>, rota: &mut Rota) {
        let now = self.instant();
        let mut due: BTreeMap<&String, (Order, &mut BoxedPolicy)> = BTreeMap::new();
        for (name, policy) in policies.iter_mut() {
            let service = self.model.services.iter().position(|s| s.name == *name);
            if let Some(service) = service.filter(|_| rota.is_due(name, now)) {
                let order = self.order(service as u16, policy.wants());
                due.insert(name, (order, policy));
            }
        }
        let workloads = due
            .iter_mut()
            .map(|(name, (plant, policy))| scaler::Workload {
                name,
                plant,
                policy: policy.as_mut(),
            })
            .collect();
        let records = at_once(step_all(now, workloads, Mode::Active)).unwrap_or_default();
        let orders: Vec<Order> = due.into_values().map(|(order, _)| order).collect();
        for (workload, record) in records {
            rota.decided(&workload, now, record.decision.next, now);
            self.happenings.push(Event::Step {
                workload,
                at: now,
                record: Box::new(record),
            });
        }
        for order in orders {
            if let Some(replicas) = order.wanted {
                self.scale(order.service, replicas);
            }
        }
    }

    fn order(&mut self, service: u16, wants: &Wants) -> Order {
        let now = self.instant();
        let visible = now.back(self.sampling.lag);
        let seconds = self.workloads[usize::from(service)].seconds.as_mut();
        let seconds = seconds.map_or_else(Vec::new, |closely| closely.seconds.take(visible));
        let workload = &self.workloads[usize::from(service)];
        let staying = workload
            .members
            .iter()
            .filter(|m| self.replicas[**m].stays());
        let scale = Scale {
            spec: Replicas(workload.desired),
            status: Replicas(staying.count() as u32),
            selector: Selector::Valid,
            version: Version(workload.generation.to_string()),
        };
        let mut seen = self.sight(service, seconds, now).observation(now, wants);
        seen.scale = Reading::now(scale, now);
        Order {
            service,
            generation: workload.generation,
            seen,
            wanted: None,
        }
    }

    fn sight(&self, service: u16, seconds: Vec<Second>, now: Timestamp) -> Sight<'_> {
        let meant = &self.model.services[usize::from(service)];
        let workload = &self.workloads[usize::from(service)];
        let mut replicas: Vec<SeenReplica> = workload
            .members
            .iter()
            .map(|place| self.seen(&meant.name, *place, now))
            .collect();
        // The order in which a live world lists them.
        replicas.sort_by(|a, b| a.id.cmp(&b.id));
        Sight {
            workload: &meant.name,
            cpu: meant.cpu,
            replicas,
            offered: workload.offered.average(now, &self.sampling),
            waiting: f64::from(workload.lobby.count),
            seconds,
            out: self.blind,
        }
    }

    fn seen(&self, service: &str, place: u32, now: Timestamp) -> SeenReplica {
        let replica: &Replica = &self.replicas[place];
        SeenReplica {
            id: format!("{service}-{}", replica.ordinal),
            phase: if replica.life == Life::Pending {
                Phase::Pending
            } else {
                Phase::Running
            },
            created: replica.created,
            started: replica.started,
            ready: replica.life == Life::Ready,
            since: replica.since,
            draining: replica.life == Life::Draining,
            average: self.scrapes[place as usize].average(now, &self.sampling),
        }
    }

    /// How each workload is, over the window that ends now.
    pub(crate) fn sample(&mut self) -> BTreeMap<String, metrics::Workload> {
        (0..self.model.services.len() as u16)
            .map(|service| {
                let sample = self.sample_of(service);
                let name = self.model.services[usize::from(service)].name.clone();
                (name, sample)
            })
            .collect()
    }

    fn sample_of(&mut self, service: u16) -> metrics::Workload {
        let now = self.now;
        let meant = &self.model.services[usize::from(service)];
        let slots = meant.room.slots;
        let slots = (slots != u32::MAX).then_some(f64::from(slots));
        // More than its cores cannot work, however many are inside.
        let cores = meant.sharing.map(|(cores, _)| cores);
        let (mut held, mut work, mut time) = (0, 0, 0);
        let workload = &self.workloads[usize::from(service)];
        for place in &workload.members {
            let replica = &mut self.replicas[*place];
            replica.advance(now);
            let (held_ns, work_ns) = (replica.ledger.held_ns, replica.work_ns());
            let (before_held, before_work, before) = replica.told;
            replica.told = (held_ns, work_ns, now);
            if matches!(replica.life, Life::Ready | Life::Draining) {
                held += held_ns - before_held;
                work += work_ns - before_work;
                time += now - before.max(replica.ready_at).min(now);
            }
        }
        let share = |nanos: u64, of: Option<f64>| {
            let of = of.filter(|_| time > 0)?;
            Some(nanos as f64 / (time as f64 * of))
        };
        metrics::Workload {
            desired: Replicas(workload.desired),
            ready: Replicas(self.count(service, Life::Ready)),
            starting: Replicas(
                self.count(service, Life::Starting) + self.count(service, Life::Pending),
            ),
            draining: Replicas(self.count(service, Life::Draining)),
            busy: share(held, slots),
            cpu: share(work, cores.or(slots)),
        }
    }
}
