//! Replicas come and go: start-up, readiness, draining, an end without a word.
//!
//! The rules are those of the local world's supervisor: what is not ready leaves first, then the youngest; one that ended
//! unexpectedly is replaced under a new number, and if it ended right after its start, the next one waits.

use metrics::Replicas;
use routing::Standing;
use scaler::Scrapes;
use scenarios::{Draws, Stream};

use crate::Probe;
use crate::calendar::{Due, Kind};
use crate::faults::Deploy;
use crate::model::nanos;
use crate::replica::{Life, Replica};
use crate::sharing::Sharing;
use crate::span::State;
use crate::world::World;

/// A replica that ends so soon after it was wanted did not end by bad luck: the next one waits.
const TOO_SOON: u64 = 1_000_000_000;
/// The first wait after such an end; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: u64 = 500_000_000;
const LONGEST_WAIT: u64 = 8_000_000_000;
/// How long after its end a replica is forgotten by the gateway: its lease of 3 s runs out, and two leases later it is
/// swept. Requests that are sent there meanwhile are refused.
const FORGOTTEN: u64 = 9_000_000_000;

impl<P: Probe> World<P> {
    /// The replicas that services begin with are ready at once.
    pub(crate) fn start_first_replicas(&mut self) {
        for service in 0..self.workloads.len() as u16 {
            for _ in 0..self.workloads[usize::from(service)].desired {
                let place = self.add_replica(service);
                if self.find_node(place) {
                    self.replicas[place].started = Some(self.instant());
                    self.become_ready(place);
                }
            }
        }
    }

    /// Adds a replica that nothing is known of yet.
    pub(crate) fn add_replica(&mut self, service: u16) -> u32 {
        let (now, instant) = (self.now, self.instant());
        let workload = &mut self.workloads[usize::from(service)];
        let ordinal = workload.next_ordinal;
        workload.next_ordinal += 1;
        let key = workload.upstream.add(instant, ordinal, Standing::Closed);
        let meant = (service, self.model.services[usize::from(service)].room);
        let place = self
            .replicas
            .insert(Replica::new(meant, ordinal, key, (now, instant)));
        if let Some((cores, contention)) = self.model.services[usize::from(service)].sharing {
            let sharing = Sharing::new(cores, contention, now);
            self.replicas[place].sharing = Some(Box::new(sharing));
        }
        let workload = &mut self.workloads[usize::from(service)];
        self.replicas[place].deploy = workload.deploys.len() as u32 - 1;
        workload.by_key.push(place);
        workload.members.push(place);
        let places = self.replicas.bound() as usize;
        self.scrapes.resize_with(places, Scrapes::default);
        self.scrapes[place as usize] = Scrapes::default();
        self.ail(place);
        place
    }

    /// Begins a replica's start-up, as soon as there is a node for it.
    pub(crate) fn start(&mut self, place: u32) {
        if self.find_node(place) {
            self.start_up(place);
        }
    }

    /// Begins a replica's start-up.
    pub(crate) fn start_up(&mut self, place: u32) {
        let instant = self.instant();
        let replica = &mut self.replicas[place];
        replica.life = Life::Starting;
        replica.started = Some(instant);
        let stream = Stream::StartUp {
            service: replica.service.into(),
            ordinal: replica.ordinal,
        };
        let mut draws = Draws::new(self.model.seed, stream);
        let service = &self.model.services[usize::from(replica.service)];
        let at = self
            .now
            .saturating_add(service.start_up.sample_nanos(&mut draws));
        replica.next_event = self.calendar.schedule(at, Kind::Ready, place);
    }

    /// A replica's start-up is over.
    pub(crate) fn started(&mut self, due: Due) {
        let replica = &self.replicas[due.subject];
        if replica.next_event == due.token && replica.life == Life::Starting {
            let service = replica.service;
            self.become_ready(due.subject);
            if self.workloads[usize::from(service)].newcomer == Some(due.subject) {
                self.roll_on(service);
            }
            self.tell_probe(service);
        }
    }

    fn become_ready(&mut self, place: u32) {
        let (now, instant) = (self.now, self.instant());
        let replica = &mut self.replicas[place];
        replica.life = Life::Ready;
        replica.since = instant;
        replica.ready_at = now;
        if let Some(warm_up) = &self.model.services[usize::from(replica.service)].warm_up {
            replica.cold_until = now.saturating_add(nanos(warm_up.lasts));
        }
        replica.ledger.advance(now);
        let service = replica.service;
        let workload = &mut self.workloads[usize::from(service)];
        workload.upstream.set(instant, replica.key, Standing::Ready);
        self.note_lobby(service);
    }

    /// Wants so many replicas of a service.
    pub(crate) fn scale(&mut self, service: u16, replicas: Replicas) {
        let workload = &mut self.workloads[usize::from(service)];
        workload.desired = replicas.get();
        workload.generation += 1;
        self.reconcile(service);
    }

    /// Starts and drains replicas until a service has what it should.
    pub(crate) fn reconcile(&mut self, service: u16) {
        let mut staying: Vec<u32> = self.workloads[usize::from(service)]
            .members
            .iter()
            .copied()
            .filter(|place| self.replicas[*place].stays())
            .collect();
        if self.model.services[usize::from(service)]
            .per_request
            .is_some()
        {
            return self.note_lobby(service);
        }
        let workload = &self.workloads[usize::from(service)];
        let not_before = workload.not_before;
        // While a deploy is rolled out there is one more.
        let desired = workload.desired as usize + usize::from(workload.newcomer.is_some());
        if staying.len() > desired {
            staying.sort_by_key(|place| {
                let replica = &self.replicas[*place];
                (replica.life != Life::Ready, replica.ordinal)
            });
            for place in staying.split_off(desired) {
                self.retire(place);
            }
        } else if staying.len() < desired {
            if self.now < not_before {
                self.calendar
                    .schedule(not_before, Kind::Reconcile, service.into());
                return;
            }
            for _ in staying.len()..desired {
                let place = self.add_replica(service);
                self.start(place);
            }
        }
        self.tell_probe(service);
    }

    /// A replica is to finish what it has and go; one that is not ready goes at once.
    pub(crate) fn retire(&mut self, place: u32) {
        let instant = self.instant();
        let replica = &mut self.replicas[place];
        replica.next_event = 0;
        if replica.life != Life::Ready {
            return self.remove_replica(place);
        }
        replica.life = Life::Draining;
        replica.since = instant;
        let service = usize::from(replica.service);
        let upstream = &mut self.workloads[service].upstream;
        upstream.set(instant, replica.key, Standing::Closed);
        if replica.open == 0 {
            return self.remove_replica(place);
        }
        let at = self.now.saturating_add(self.model.services[service].drain);
        replica.next_event = self.calendar.schedule(at, Kind::DrainLimit, place);
    }

    /// A draining replica has had enough time: what is still in it is lost.
    pub(crate) fn drain_limit(&mut self, due: Due) {
        let replica = &self.replicas[due.subject];
        if replica.next_event == due.token && replica.life == Life::Draining {
            self.break_off(due.subject);
            self.gone_if_empty(due.subject);
        }
    }

    /// Draining replicas in which nobody is any more go.
    pub(crate) fn gone_if_empty(&mut self, place: u32) {
        let replica = &self.replicas[place];
        if replica.life == Life::Draining && replica.open == 0 {
            self.remove_replica(place);
        }
    }

    /// Rolls a deploy out: replaces all replicas one by one; a new one must be ready before an old one leaves. A later
    /// deploy takes over from an earlier one.
    pub(crate) fn roll(&mut self, service: u16, deploy: Deploy) {
        let workload = &mut self.workloads[usize::from(service)];
        workload.deploys.push(deploy);
        workload.newcomer = None;
        self.next_newcomer(service);
    }

    /// The oldest replica that is not of the newest version, if one stays.
    fn oldest(&self, service: u16) -> Option<u32> {
        let workload = &self.workloads[usize::from(service)];
        let newest = workload.deploys.len() as u32 - 1;
        let old = workload.members.iter().copied().filter(|place| {
            let replica = &self.replicas[*place];
            replica.stays() && replica.deploy < newest
        });
        old.min_by_key(|place| self.replicas[*place].ordinal)
    }

    fn next_newcomer(&mut self, service: u16) {
        if self.oldest(service).is_some() {
            let place = self.add_replica(service);
            self.workloads[usize::from(service)].newcomer = Some(place);
            self.start(place);
        }
    }

    /// The replica that a rolling deploy waited for is ready, or gone.
    fn roll_on(&mut self, service: u16) {
        let newcomer = self.workloads[usize::from(service)].newcomer.take();
        let is_ready = |place: u32| self.replicas[place].life == Life::Ready;
        if newcomer.is_some_and(is_ready)
            && let Some(old) = self.oldest(service)
        {
            self.retire(old);
        }
        self.next_newcomer(service);
    }

    pub(crate) fn remove_replica(&mut self, place: u32) {
        let instant = self.instant();
        self.leave_node(place);
        let replica = &mut self.replicas[place];
        replica.life = Life::Gone;
        let service = replica.service;
        let workload = &mut self.workloads[usize::from(service)];
        workload.upstream.remove(instant, replica.key);
        workload.members.retain(|member| *member != place);
        self.scrapes[place as usize] = Scrapes::default();
        self.replicas.remove(place);
        if self.workloads[usize::from(service)].newcomer == Some(place) {
            self.roll_on(service);
        }
    }

    /// All requests in a replica, or on their way there, lose their connection.
    fn break_off(&mut self, place: u32) {
        for index in self.spans_of(place) {
            let span = &self.spans[index];
            if span.replica == place && span.a_try.is_some() {
                self.broken(index);
            }
        }
    }

    /// The requests whose current try is with a replica.
    pub(crate) fn spans_of(&self, place: u32) -> Vec<u32> {
        let all = 0..self.spans.bound();
        let theirs = |index: &u32| {
            let span = &self.spans[*index];
            span.replica == place && span.state != State::Gone
        };
        all.filter(theirs).collect()
    }

    /// Replicas end without a word; whoever is missing is started anew.
    pub(crate) fn kill(&mut self, places: &[u32]) {
        for place in places {
            let now = self.now;
            let replica = &mut self.replicas[*place];
            let service = replica.service;
            let expected = replica.life == Life::Draining;
            replica.life = Life::Dead;
            let age = self.instant().since(self.replicas[*place].created);
            let workload = &mut self.workloads[usize::from(service)];
            workload.members.retain(|member| member != place);
            if !expected && age.as_nanos() < u128::from(TOO_SOON) {
                let doubled = FIRST_WAIT << workload.early_ends.min(8);
                workload.not_before = now + doubled.min(LONGEST_WAIT);
                workload.early_ends += 1;
            } else if !expected {
                workload.early_ends = 0;
            }
            let at = now + FORGOTTEN;
            self.replicas[*place].next_event = self.calendar.schedule(at, Kind::Sweep, *place);
            self.leave_node(*place);
            self.break_off(*place);
            self.watch_health(*place);
            if self.workloads[usize::from(service)].newcomer == Some(*place) {
                self.roll_on(service);
            }
            self.reconcile(service);
        }
    }

    /// A dead replica is forgotten.
    pub(crate) fn sweep(&mut self, due: Due) {
        let replica = &self.replicas[due.subject];
        if replica.next_event == due.token && replica.life == Life::Dead {
            self.remove_replica(due.subject);
        }
    }

    /// Shows a service's numbers to whoever watches.
    pub(crate) fn tell_probe(&mut self, service: u16) {
        let ready = self.count(service, Life::Ready);
        let starting = self.count(service, Life::Starting) + self.count(service, Life::Pending);
        self.probe.replicas(self.now, service, ready, starting);
    }
}
