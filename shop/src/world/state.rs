//! What all parts of the local world share: the services' fleets, and what is known of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::{Quantity, Replicas, Timestamp, Window};
use scaler::{Offered, Sampling, Scrapes, Seconds};
use scenarios::{Draws, Scenario, Stream};
use tokio::sync::mpsc;

use super::WorldEvent;
use crate::protocol::{InjectedFault, ReplicaConfig, ReplicaState, Role, Snapshot};
use crate::supervisor::{self, Fleet, Life, Order, Surroundings};

/// The world's own time: the run's start plus what has elapsed since it began. Before that it is before the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorldClock {
    pub(crate) start: Timestamp,
    pub(crate) begin: Instant,
}

impl WorldClock {
    pub(crate) fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    fn at(&self, instant: Instant) -> Timestamp {
        match instant.checked_duration_since(self.begin) {
            Some(elapsed) => self.start + elapsed,
            None => self.start.back(self.begin.duration_since(instant)),
        }
    }
}

/// Whether metrics can be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sight {
    /// They can.
    Clear,
    /// A fault has taken them.
    Out,
}

/// One service.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) service: String,
    pub(crate) role: Role,
    pub(crate) fleet: Fleet,
    pub(crate) scrape: Sampling,
    /// CPU that a replica asks for.
    pub(crate) cpu: Quantity,
    pub(crate) scrapes: BTreeMap<String, Scrapes>,
    /// What the gateway counted of it lately.
    pub(crate) offered: Offered,
    /// Its one-second readings, if its policy needs them.
    pub(crate) seconds: Seconds,
    /// Requests that came to the gateway since the last of them.
    pub(crate) came: u64,
    /// What is wrong with its replicas at the moment, by the place of the fault.
    pub(crate) injected: BTreeMap<u32, InjectedFault>,
    orders: BTreeMap<String, mpsc::UnboundedSender<Order>>,
}

/// What all parts share. The lock is never held across a wait.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) surroundings: Arc<Surroundings>,
    pub(crate) events: mpsc::UnboundedSender<WorldEvent>,
    databases: BTreeMap<String, String>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: WorldClock,
    sight: Sight,
    ending: bool,
    workloads: BTreeMap<String, Workload>,
}

impl Shared {
    pub(crate) fn new(
        scenario: Arc<Scenario>,
        surroundings: Arc<Surroundings>,
        databases: BTreeMap<String, String>,
        events: mpsc::UnboundedSender<WorldEvent>,
        clock: WorldClock,
    ) -> Self {
        let workload = |(name, service): (&String, &scenarios::Service)| {
            let role = Role::of_service(name);
            let workload = Workload {
                service: name.clone(),
                role,
                fleet: Fleet::new(name, service.replicas),
                scrape: sampling(scenario.control.scrape),
                cpu: service.cpu,
                scrapes: BTreeMap::new(),
                offered: Offered::default(),
                seconds: Seconds::default(),
                came: 0,
                injected: BTreeMap::new(),
                orders: BTreeMap::new(),
            };
            (name.clone(), workload)
        };
        let workloads = scenario.services.iter().map(workload).collect();
        let inner = Inner {
            clock,
            sight: Sight::Clear,
            ending: false,
            workloads,
        };
        Self {
            scenario,
            surroundings,
            events,
            databases,
            inner: Mutex::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here leaves the state half changed, so a panic elsewhere does not spoil it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a workload.
    ///
    /// # Panics
    /// If there is no such service: names come from the scenario itself.
    pub(crate) fn with<T>(&self, service: &str, look: impl FnOnce(&mut Workload, Sight) -> T) -> T {
        let mut inner = self.lock();
        let sight = inner.sight;
        look(
            inner
                .workloads
                .get_mut(service)
                .expect("the service is of the scenario"),
            sight,
        )
    }

    /// Looks at all workloads, in the order of their names.
    pub(crate) fn with_all<T>(&self, mut look: impl FnMut(&mut Workload) -> T) -> Vec<T> {
        self.lock().workloads.values_mut().map(&mut look).collect()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.lock().clock.now()
    }

    pub(crate) fn clock(&self) -> WorldClock {
        self.lock().clock
    }

    pub(crate) fn set_clock(&self, clock: WorldClock) {
        self.lock().clock = clock;
    }

    pub(crate) fn set_sight(&self, sight: Sight) {
        self.lock().sight = sight;
    }

    /// Says what happened. Nobody listens any more only when the run is over.
    pub(crate) fn tell(&self, service: Option<&str>, what: String, lasts: Duration) {
        let event = WorldEvent::Fault {
            at: self.now(),
            lasts,
            service: service.map(str::to_owned),
            what,
        };
        self.events.send(event).ok();
    }

    pub(crate) fn tell_window(&self, window: Window) {
        if !window.is_empty() {
            self.events.send(WorldEvent::Window(window)).ok();
        }
    }

    /// Starts and drains replicas until each service has what it should.
    pub(crate) fn reconcile(self: &Arc<Self>) {
        let mut inner = self.lock();
        if inner.ending {
            return;
        }
        let now = inner.clock.now();
        for workload in inner.workloads.values_mut() {
            for id in workload.fleet.leaving() {
                workload.fleet.set_life(&id, Life::Draining, now);
                workload.order(&id, Order::Drain);
            }
            for _ in 0..workload.fleet.missing(now) {
                self.start_replica(workload, now, Begin::Drawn);
            }
        }
    }

    /// Starts the replicas that a service begins with: they are ready as soon as their processes are.
    pub(crate) fn start_first_replicas(self: &Arc<Self>) {
        let mut inner = self.lock();
        let now = inner.clock.now();
        for workload in inner.workloads.values_mut() {
            for _ in 0..workload.fleet.missing(now) {
                self.start_replica(workload, now, Begin::AtOnce);
            }
        }
    }

    /// Starts one more replica, whatever is desired (a rolling deploy replaces one by one).
    pub(crate) fn start_one(self: &Arc<Self>, service: &str) {
        let mut inner = self.lock();
        let now = inner.clock.now();
        if !inner.ending
            && let Some(workload) = inner.workloads.get_mut(service)
        {
            self.start_replica(workload, now, Begin::Drawn);
        }
    }

    fn start_replica(self: &Arc<Self>, workload: &mut Workload, now: Timestamp, begin: Begin) {
        let (id, member) = workload.fleet.add(now);
        let service = &self.scenario.services[&workload.service];
        let place = self
            .scenario
            .services
            .keys()
            .position(|name| *name == workload.service);
        let stream = Stream::StartUp {
            service: u32::try_from(place.unwrap_or(0)).unwrap_or(0),
            ordinal: member.ordinal,
        };
        let start_up = match begin {
            Begin::AtOnce => Duration::ZERO,
            Begin::Drawn => service
                .start_up
                .sample(&mut Draws::new(self.scenario.seed, stream)),
        };
        let config = ReplicaConfig {
            service: workload.service.clone(),
            id: id.clone(),
            ordinal: member.ordinal,
            start_up,
            database: self
                .databases
                .get(&workload.service)
                .cloned()
                .unwrap_or_default(),
            deploy: workload.fleet.deploy.1,
        };
        let (shared, name, replica) = (Arc::clone(self), workload.service.clone(), id.clone());
        let listening = move |address| {
            shared.with(&name, |workload, _| {
                if let Some(member) = workload.fleet.members.get_mut(&replica) {
                    member.address = Some(address);
                }
            });
        };
        let (shared, name, replica) = (Arc::clone(self), workload.service.clone(), id.clone());
        let ended = move |how: String| shared.replica_ended(&name, &replica, &how);
        let surroundings = Arc::clone(&self.surroundings);
        let orders = supervisor::spawn(
            surroundings,
            workload.role,
            config,
            service.drain,
            listening,
            ended,
        );
        workload.orders.insert(id, orders);
    }

    fn replica_ended(self: &Arc<Self>, service: &str, id: &str, how: &str) {
        let expected = {
            let mut inner = self.lock();
            let (now, ending) = (inner.clock.now(), inner.ending);
            let Some(workload) = inner.workloads.get_mut(service) else {
                return;
            };
            workload.scrapes.remove(id);
            workload.orders.remove(id);
            workload.fleet.remove(id, now) || ending
        };
        if !expected {
            self.tell(Some(service), format!("{id} ended: {how}"), Duration::ZERO);
            self.reconcile();
        }
    }

    /// Takes over what the registry knows. A replica that it does not know (it was restarted, or the lease was lost)
    /// stays what it was: its process lives.
    pub(crate) fn learn(&self, snapshot: &Snapshot) {
        let mut inner = self.lock();
        let now = inner.clock.now();
        for (service, leases) in &snapshot.services {
            let Some(workload) = inner.workloads.get_mut(service) else {
                continue;
            };
            for (id, lease) in leases {
                match lease.state {
                    ReplicaState::Ready => workload.fleet.set_life(id, Life::Ready, now),
                    ReplicaState::Starting => workload.fleet.set_life(id, Life::Starting, now),
                    // Only the supervisor decides who drains.
                    ReplicaState::Draining => {}
                }
            }
        }
    }

    /// Whether all services have all the replicas they should, ready.
    pub(crate) fn all_ready(&self) -> bool {
        self.lock()
            .workloads
            .values()
            .all(|w| w.fleet.count(Life::Ready) >= w.fleet.desired.get())
    }

    /// The newest sample of each workload.
    pub(crate) fn samples(&self) -> BTreeMap<String, metrics::Workload> {
        let inner = self.lock();
        let now = inner.clock.now();
        let sample = |(name, workload): (&String, &Workload)| (name.clone(), workload.sample(now));
        inner.workloads.iter().map(sample).collect()
    }

    /// Ends all replicas without more ado, and starts none any more.
    pub(crate) fn end(&self) {
        let mut inner = self.lock();
        inner.ending = true;
        for workload in inner.workloads.values_mut() {
            for orders in workload.orders.values() {
                orders.send(Order::Drain).ok();
            }
        }
    }

    /// How many replicas still live.
    pub(crate) fn living(&self) -> usize {
        self.lock()
            .workloads
            .values()
            .map(|w| w.fleet.members.len())
            .sum()
    }
}

/// When a replica may be ready.
#[derive(Clone, Copy, Debug)]
enum Begin {
    /// As soon as its process is.
    AtOnce,
    /// After the start-up that is drawn for it.
    Drawn,
}

impl Workload {
    /// Gives a replica an order. One that has just ended does not hear it.
    pub(crate) fn order(&self, id: &str, order: Order) {
        if let Some(orders) = self.orders.get(id) {
            orders.send(order).ok();
        }
    }

    /// Where its replicas are to be scraped, by id.
    pub(crate) fn addresses(&self) -> Vec<(String, std::net::SocketAddr)> {
        let member = |(id, m): (&String, &supervisor::Member)| Some((id.clone(), m.address?));
        self.fleet.members.iter().filter_map(member).collect()
    }

    fn sample(&self, now: Timestamp) -> metrics::Workload {
        let averages: Vec<_> = self
            .fleet
            .members
            .iter()
            .filter(|(_, m)| m.life == Life::Ready)
            .filter_map(|(id, _)| {
                self.scrapes.get(id)?.average(
                    now,
                    &Sampling {
                        lag: Duration::ZERO,
                        ..self.scrape
                    },
                )
            })
            .collect();
        let mean = |value: fn(&scaler::Average) -> f64| {
            (!averages.is_empty())
                .then(|| averages.iter().map(value).sum::<f64>() / averages.len() as f64)
        };
        metrics::Workload {
            desired: self.fleet.desired,
            ready: Replicas(self.fleet.count(Life::Ready)),
            starting: Replicas(self.fleet.count(Life::Starting)),
            draining: Replicas(self.fleet.count(Life::Draining)),
            busy: mean(|a| a.busy),
            cpu: mean(|a| a.cpu_share),
        }
    }
}

/// How readings come about, as the engine says it.
pub(super) fn sampling(scrape: scenarios::Scrape) -> Sampling {
    Sampling {
        interval: scrape.interval,
        window: scrape.window,
        lag: scrape.lag,
    }
}
