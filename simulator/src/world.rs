//! All that there is in the simulated world.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Grid, Timestamp};
use routing::{ReplicaKey, Upstream};
use scaler::{Offered, Sampling, Scrapes, Seconds};
use scenarios::{Arrivals, Crowd, Gateway, Scenario, Shopper};

use crate::calendar::Calendar;
use crate::faults::{Deploy, Injected};
use crate::model::{Model, NONE, nanos};
use crate::nodes::Nodes;
use crate::pages::Visit;
use crate::replica::{Life, Replica};
use crate::slab::Slab;
use crate::span::{Span, State};
use crate::windows::Windows;
use crate::{Event, Probe, SimulationError};

/// One service: what the gateway knows of it, and its replicas.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) upstream: Upstream,
    /// The replica of each key that the gateway ever gave.
    pub(crate) by_key: Vec<u32>,
    /// All that live, in order of their ordinals.
    pub(crate) members: Vec<u32>,
    /// How many there should be.
    pub(crate) desired: u32,
    /// Counts the changes of `desired`, for compare-and-set.
    pub(crate) generation: u64,
    pub(crate) next_ordinal: u32,
    /// Replicas that ended so soon after their start that the next has to wait.
    pub(crate) early_ends: u32,
    pub(crate) not_before: u64,
    /// Its versions, from the first to that of new replicas.
    pub(crate) deploys: Vec<Deploy>,
    /// The replica that a rolling deploy waits for, if one is under way.
    pub(crate) newcomer: Option<u32>,
    /// What is wrong with its replicas at the moment.
    pub(crate) injected: Vec<Injected>,
    /// Those who wait at the gateway.
    pub(crate) lobby: Lobby,
    /// Requests that came since the last scrape.
    pub(crate) came: u64,
    pub(crate) offered: Offered,
    /// Its one-second readings, if its policy needs them.
    pub(crate) seconds: Option<Closely>,
}

/// A workload that is looked at every second.
#[derive(Debug, Default)]
pub(crate) struct Closely {
    pub(crate) seconds: Seconds,
    /// Requests that came since the last look.
    pub(crate) came: u64,
}

/// A queue at the gateway.
#[derive(Debug)]
pub(crate) struct Lobby {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) count: u32,
    /// Whether it is noted that there may be something to do.
    pub(crate) noted: bool,
    /// For how long they waited until `counted`, in nanoseconds, each for itself.
    waited: u128,
    counted: u64,
}

impl Lobby {
    /// From `now` on there are so many.
    pub(crate) fn set(&mut self, now: u64, count: u32) {
        self.waited += u128::from(now - self.counted) * u128::from(self.count);
        self.counted = now;
        self.count = count;
    }

    /// The time that they waited until `now` since it was asked last, in nanoseconds.
    pub(crate) fn take_waited(&mut self, now: u64) -> u128 {
        self.set(now, self.count);
        std::mem::take(&mut self.waited)
    }
}

/// The world.
#[derive(Debug)]
pub(crate) struct World<P> {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) model: Model,
    /// The instant of time 0, in nanoseconds since the epoch.
    pub(crate) start: i64,
    pub(crate) now: u64,
    pub(crate) calendar: Calendar,
    pub(crate) spans: Slab<Span>,
    pub(crate) visits: Slab<Visit>,
    /// Who walks, by the numbers of their visits; those of a standing crowd are in `crowd`.
    pub(crate) shoppers: Vec<Option<Shopper>>,
    pub(crate) replicas: Slab<Replica>,
    /// What was scraped of each replica.
    pub(crate) scrapes: Vec<Scrapes>,
    pub(crate) sampling: Sampling,
    /// When the last second of those ended that are looked at closely.
    pub(crate) last_second: u64,
    /// A second of the scenario, in nanoseconds.
    pub(crate) second: u64,
    /// In the order of the model's services.
    pub(crate) workloads: Vec<Workload>,
    pub(crate) windows: Windows,
    /// Replicas that requests were tried on, for requests that were tried more than once.
    pub(crate) tried: Slab<Vec<ReplicaKey>>,
    /// Whether there may be anything in the three lists that follow from an event: `freed`, `lobbies`, `emptied`.
    pub(crate) unsettled: bool,
    /// Replicas that have a free slot and somebody waiting for it.
    pub(crate) freed: Vec<u32>,
    /// Services for whose lobby there may be something to do.
    pub(crate) lobbies: Vec<u16>,
    /// What replicas run on, if that is bounded.
    pub(crate) nodes: Option<Nodes>,
    /// Draining replicas in which nobody is any more.
    pub(crate) emptied: Vec<u32>,
    /// What is to be told.
    pub(crate) happenings: Vec<Event>,
    /// Pages sent, tries included.
    pub(crate) sent: u64,
    /// Whether no metrics are to be had.
    pub(crate) blind: bool,
    /// Until then there is no gateway.
    pub(crate) gateway_back: u64,
    pub(crate) arrivals: Arrivals,
    pub(crate) crowd: Crowd,
    pub(crate) probe: P,
}

impl<P: Probe> World<P> {
    pub(crate) fn new(scenario: Arc<Scenario>, probe: P) -> Result<Self, SimulationError> {
        let model = Model::of(&scenario)?;
        let grid = Grid::of_run(scenario.starts, scenario.duration, scenario.control.period);
        let arrivals = Arrivals::new(Arc::clone(&scenario));
        let scrape = scenario.control.scrape;
        let workload = |service: &crate::model::Service| Workload {
            upstream: Upstream::new(&gateway_of(&scenario, &service.name)),
            by_key: vec![],
            members: vec![],
            desired: service.replicas,
            generation: 1,
            next_ordinal: 0,
            early_ends: 0,
            not_before: 0,
            deploys: vec![Deploy::GOOD],
            newcomer: None,
            injected: vec![],
            lobby: Lobby {
                first: NONE,
                last: NONE,
                count: 0,
                noted: false,
                waited: 0,
                counted: 0,
            },
            came: 0,
            offered: Offered::default(),
            seconds: None,
        };
        let mut world = Self {
            windows: Windows::new(grid, &model),
            workloads: model.services.iter().map(workload).collect(),
            start: scenario.starts.as_nanos(),
            now: 0,
            calendar: Calendar::new(model.last()),
            spans: Slab::new(),
            visits: Slab::new(),
            shoppers: vec![],
            replicas: Slab::new(),
            scrapes: vec![],
            sampling: Sampling {
                interval: scrape.interval,
                window: scrape.window,
                lag: scrape.lag,
            },
            last_second: 0,
            second: nanos(scenario.second()).max(1),
            tried: Slab::new(),
            unsettled: false,
            freed: vec![],
            lobbies: vec![],
            nodes: Nodes::of(&scenario),
            emptied: vec![],
            happenings: vec![],
            sent: 0,
            blind: false,
            gateway_back: 0,
            crowd: Crowd::new(Arc::clone(&scenario)),
            arrivals,
            model,
            scenario,
            probe,
        };
        world.start_first_replicas();
        Ok(world)
    }

    /// The instant as the gateway's rules and the policies know it.
    #[inline]
    pub(crate) fn instant(&self) -> Timestamp {
        Timestamp::from_nanos(self.start + self.now as i64)
    }

    /// When the next arrival is.
    #[inline]
    pub(crate) fn next_arrival(&self) -> u64 {
        self.arrivals.next_at().unwrap_or(u64::MAX)
    }

    /// Says what happened.
    pub(crate) fn tell(&mut self, service: Option<u16>, what: String, lasts: Duration) {
        let service = service.map(|s| self.model.services[usize::from(s)].name.clone());
        self.happenings.push(Event::Fault {
            at: self.instant(),
            lasts,
            service,
            what,
        });
    }

    /// The run is over: what is still open stays so.
    pub(crate) fn count_open(&mut self) {
        for index in 0..self.spans.bound() {
            let span = &self.spans[index];
            if span.state == State::Gone {
                continue;
            }
            let service = self.model.calls[usize::from(span.call)].service;
            let (visit, is_page) = (span.visit, span.parent == NONE);
            self.windows.service_open(span.window, service);
            if is_page {
                self.leave_open(visit);
            }
        }
    }

    /// How many of a service's replicas are in this part of their life.
    pub(crate) fn count(&self, service: u16, life: Life) -> u32 {
        let members = &self.workloads[usize::from(service)].members;
        let count = members
            .iter()
            .filter(|r| self.replicas[**r].life == life)
            .count();
        count as u32
    }
}

/// The gateway's rules for a service that may have a balance of its own.
pub(crate) fn gateway_of(scenario: &Scenario, service: &str) -> Gateway {
    let own = scenario.services.get(service).and_then(|s| s.balance);
    Gateway {
        balance: own.unwrap_or(scenario.gateway.balance),
        ..scenario.gateway.clone()
    }
}
