//! What breaks, at its instant.
//!
//! Each fault does what it does in the local world. Three have no effect that could be seen: those who know their peers go
//! on without the registry, and a replica that lost its lease is kept as long as it looks well.

use std::time::Duration;

use routing::{Health, Upstream};
use scenarios::{Draws, Fault, FaultKind, Stream};

use crate::Probe;
use crate::calendar::{Due, Kind};
use crate::model::nanos;
use crate::replica::{Ailment, Life};
use crate::span::State;
use crate::world::{World, gateway_of};

/// How long a gateway that ended without a word takes to be there again: about what the local world's takes.
const GATEWAY_RESTARTS: u64 = 200_000_000;

/// A fault inside replicas, while it lasts.
#[derive(Debug)]
pub(crate) struct Injected {
    /// The fault's place.
    fault: u32,
    /// Whom it hits; nothing: all, whoever starts later included.
    ordinals: Option<Vec<u32>>,
    effect: Effect,
}

#[derive(Clone, Copy, Debug)]
enum Effect {
    Slow(f64),
    SlowWait(f64),
    Fail(f64),
    Freeze,
    Hang,
    LoseLease,
}

/// A version of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deploy {
    /// How many times longer work takes.
    pub(crate) factor: f64,
    /// The share of answers that are 500.
    pub(crate) share: f64,
}

impl Deploy {
    /// One without fault.
    pub(crate) const GOOD: Self = Self {
        factor: 1.0,
        share: 0.0,
    };
}

impl<P: Probe> World<P> {
    /// Every fault has its instant, and most have an end.
    pub(crate) fn schedule_faults(&mut self) {
        for (place, fault) in self.scenario.faults.iter().enumerate() {
            let (at, subject) = (nanos(fault.at), 2 * place as u32);
            self.calendar.schedule(at, Kind::Fault, subject);
            if !fault.lasts.is_zero() {
                let end = at.saturating_add(nanos(fault.lasts));
                self.calendar.schedule(end, Kind::Fault, subject + 1);
            }
        }
    }

    /// A fault begins or ends.
    pub(crate) fn fault(&mut self, subject: u32) {
        let place = subject / 2;
        let fault = self.scenario.faults[place as usize].clone();
        if subject.is_multiple_of(2) {
            self.break_it(place, &fault);
        } else {
            self.mend(place, &fault);
        }
    }

    fn place_of(&self, service: &str) -> u16 {
        let services = &self.model.services;
        let place = services.iter().position(|s| s.name == service);
        place.expect("the scenario's check knows all services") as u16
    }

    fn break_it(&mut self, place: u32, fault: &Fault) {
        let lasts = fault.lasts;
        match &fault.kind {
            FaultKind::Kill { service, replicas } => {
                let service = self.place_of(service);
                let victims = self.chosen(place, service, *replicas);
                let what = format!("killed: {}", self.names(&victims));
                self.tell(Some(service), what, lasts);
                self.kill(&victims);
            }
            FaultKind::KillRegistry => {
                let what = "the registry is killed; those who know their peers go on without it";
                self.tell(None, what.into(), lasts);
            }
            FaultKind::KillGateway => {
                self.tell(None, "the gateway is killed".into(), lasts);
                self.kill_gateway();
            }
            FaultKind::NoMetrics => {
                self.tell(None, "no metrics are to be had".into(), lasts);
                self.blind = true;
            }
            FaultKind::BadDeploy {
                service,
                factor,
                share,
            } => {
                let service = self.place_of(service);
                let percent = share.get() * 100.0;
                let what = format!("a bad deploy: {factor} times slower, {percent:.0} % errors");
                self.tell(Some(service), what, lasts);
                let deploy = Deploy {
                    factor: *factor,
                    share: share.get(),
                };
                self.roll(service, deploy);
            }
            FaultKind::LoseNode { nodes } => self.lose_nodes(place, *nodes, lasts),
            FaultKind::LoseZone { zone } => self.lose_zone(place, *zone, lasts),
            kind => self.inject(place, kind, lasts),
        }
    }

    fn mend(&mut self, place: u32, fault: &Fault) {
        match &fault.kind {
            FaultKind::Kill { .. } | FaultKind::KillRegistry | FaultKind::KillGateway => {}
            FaultKind::LoseNode { .. } | FaultKind::LoseZone { .. } => self.find_again(place),
            FaultKind::NoMetrics => self.blind = false,
            FaultKind::BadDeploy { service, .. } => {
                let service = self.place_of(service);
                self.roll(service, Deploy::GOOD);
            }
            FaultKind::Slow { service, .. }
            | FaultKind::SlowWait { service, .. }
            | FaultKind::Fail { service, .. }
            | FaultKind::Hang { service, .. }
            | FaultKind::Freeze { service, .. }
            | FaultKind::LoseLease { service, .. } => {
                let service = self.place_of(service);
                let workload = &mut self.workloads[usize::from(service)];
                workload.injected.retain(|injected| injected.fault != place);
                self.ail_all(service);
            }
        }
    }

    fn inject(&mut self, place: u32, kind: &FaultKind, lasts: Duration) {
        let (service, replicas, effect, what) = match kind {
            FaultKind::Slow {
                service,
                replicas,
                factor,
            } => (
                service,
                *replicas,
                Effect::Slow(*factor),
                format!("work {factor} times slower"),
            ),
            FaultKind::SlowWait { service, factor } => (
                service,
                None,
                Effect::SlowWait(*factor),
                format!("waits {factor} times longer"),
            ),
            FaultKind::Fail {
                service,
                replicas,
                share,
            } => (
                service,
                *replicas,
                Effect::Fail(share.get()),
                format!("{:.0} % of answers are 500", share.get() * 100.0),
            ),
            FaultKind::Hang { service, replicas } => (
                service,
                *replicas,
                Effect::Hang,
                "accepts and never answers".to_owned(),
            ),
            FaultKind::Freeze { service, replicas } => (
                service,
                *replicas,
                Effect::Freeze,
                "stands still".to_owned(),
            ),
            FaultKind::LoseLease { service, replicas } => (
                service,
                Some(*replicas),
                Effect::LoseLease,
                "leases are not renewed; the gateway keeps who looks well".to_owned(),
            ),
            _ => return,
        };
        let service = self.place_of(service);
        let victims = replicas.map(|count| self.chosen(place, service, count));
        let whom = match &victims {
            Some(victims) => self.names(victims),
            None => "all replicas".to_owned(),
        };
        self.tell(Some(service), format!("{whom}: {what}"), lasts);
        let ordinals = victims.map(|victims| {
            let ordinal = |place: &u32| self.replicas[*place].ordinal;
            victims.iter().map(ordinal).collect()
        });
        self.workloads[usize::from(service)]
            .injected
            .push(Injected {
                fault: place,
                ordinals,
                effect,
            });
        self.ail_all(service);
    }

    /// Which of the ready replicas a fault hits: drawn, so that the same seed hits the same ordinals.
    fn chosen(&self, fault: u32, service: u16, count: u32) -> Vec<u32> {
        let members = &self.workloads[usize::from(service)].members;
        let is_ready = |place: &u32| self.replicas[*place].life == Life::Ready;
        let mut ready: Vec<u32> = members.iter().copied().filter(is_ready).collect();
        let mut draws = Draws::new(self.model.seed, Stream::Fault { fault });
        let mut victims = vec![];
        for _ in 0..count {
            if ready.is_empty() {
                break;
            }
            let place = draws.below(ready.len() as u64);
            victims.push(ready.remove(place as usize));
        }
        victims
    }

    fn names(&self, places: &[u32]) -> String {
        let name = |place: &u32| {
            let replica = &self.replicas[*place];
            let service = &self.model.services[usize::from(replica.service)].name;
            format!("{service}-{}", replica.ordinal)
        };
        places.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Works out anew what is wrong with each replica of a service.
    fn ail_all(&mut self, service: u16) {
        for place in self.workloads[usize::from(service)].members.clone() {
            self.ail(place);
        }
    }

    /// Works out anew what is wrong with a replica: factors multiply, shares add.
    pub(crate) fn ail(&mut self, place: u32) {
        let replica = &self.replicas[place];
        let workload = &self.workloads[usize::from(replica.service)];
        let deploy = workload.deploys[replica.deploy as usize];
        let mut ailment = Ailment {
            work: deploy.factor,
            wait: 1.0,
            fail: deploy.share,
            hang: false,
            freeze: false,
        };
        for injected in &workload.injected {
            let ordinals = injected.ordinals.as_ref();
            if ordinals.is_some_and(|hit| !hit.contains(&replica.ordinal)) {
                continue;
            }
            match injected.effect {
                Effect::Slow(factor) => ailment.work *= factor,
                Effect::SlowWait(factor) => ailment.wait *= factor,
                Effect::Fail(share) => ailment.fail += share,
                Effect::Freeze => ailment.freeze = true,
                Effect::Hang => ailment.hang = true,
                Effect::LoseLease => {}
            }
        }
        ailment.fail = ailment.fail.min(1.0);
        let before = std::mem::replace(&mut self.replicas[place].ailment, ailment);
        match (before.freeze, ailment.freeze) {
            (false, true) => self.freeze(place),
            (true, false) => self.thaw(place),
            _ => {}
        }
        if (before.hang || before.freeze) && !ailment.hang && !ailment.freeze {
            self.wake(place);
        }
        self.watch_health(place);
    }

    /// A replica that hung, or stood still, goes on with what it has accepted.
    fn wake(&mut self, place: u32) {
        for index in self.spans_of(place) {
            if self.spans[index].state == State::Hung {
                self.enter(index);
            }
        }
    }

    /// Health checks are followed only where one may come out badly: elsewhere they change nothing.
    pub(crate) fn watch_health(&mut self, place: u32) {
        let replica = &mut self.replicas[place];
        let ill = replica.ailment.is_seen();
        if (!ill && replica.life != Life::Dead) || replica.checked {
            return;
        }
        replica.checked = true;
        let interval = nanos(self.scenario.gateway.health.interval).max(1);
        // Not all replicas are asked at the same instant.
        let phase = interval / 16 * u64::from(replica.ordinal % 16);
        let next = (self.now.saturating_sub(phase) / interval + 1) * interval + phase;
        self.calendar.schedule(next, Kind::HealthCheck, place);
    }

    /// A replica is asked whether it is well.
    pub(crate) fn health_check(&mut self, due: Due) {
        let place = due.subject;
        let instant = self.instant();
        let replica = &mut self.replicas[place];
        let health = match replica.life {
            Life::Gone => return,
            Life::Dead => Health::Refused,
            _ if replica.ailment.is_seen() => Health::Unwell,
            _ => Health::Well,
        };
        let upstream: &mut Upstream = &mut self.workloads[usize::from(replica.service)].upstream;
        if replica.life == Life::Ready || replica.life == Life::Dead {
            upstream.check(instant, replica.key, health);
        }
        if health == Health::Well || replica.life == Life::Dead {
            // Well again, or known to be dead: later checks say the same.
            replica.checked = false;
            return;
        }
        let interval = nanos(self.scenario.gateway.health.interval).max(1);
        let next = self.now.saturating_add(interval);
        self.calendar.schedule(next, Kind::HealthCheck, place);
    }

    /// The gateway ends without a word: all that it has is lost, and what it knew as well. It is there again soon.
    fn kill_gateway(&mut self) {
        let all: Vec<u32> = (0..self.spans.bound()).collect();
        for index in all {
            let span = &self.spans[index];
            if span.state != State::Gone && span.parent == crate::model::NONE {
                self.cut_off(index);
            }
        }
        // A new gateway has never heard of those who are dead.
        for place in 0..self.replicas.bound() {
            if self.replicas[place].life == Life::Dead {
                self.remove_replica(place);
            }
        }
        let instant = self.instant();
        for service in 0..self.workloads.len() {
            let mut upstream = Upstream::new(&gateway_of(
                &self.scenario,
                &self.model.services[service].name,
            ));
            let workload = &mut self.workloads[service];
            workload.by_key.clear();
            for place in &workload.members {
                let replica = &mut self.replicas[*place];
                let standing = if replica.life == Life::Ready {
                    routing::Standing::Ready
                } else {
                    routing::Standing::Closed
                };
                replica.key = upstream.add(instant, replica.ordinal, standing);
                workload.by_key.push(*place);
            }
            workload.upstream = upstream;
        }
        self.gateway_back = self.now.saturating_add(GATEWAY_RESTARTS);
    }
}
