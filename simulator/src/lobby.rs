//! Requests that wait at the gateway for any replica's slot, and replicas that come and go with them.
//!
//! One queue per service; a free slot takes its head. With exponential work and slots enough it is the M/M/c queue over all
//! replicas.

use routing::Verdict;

use crate::calendar::Kind;
use crate::model::NONE;
use crate::replica::Life;
use crate::span::{End, Reply, State};
use crate::world::World;
use crate::{Left, Probe};

impl<P: Probe> World<P> {
    /// A request comes to a service whose requests wait at the gateway: it gets a free slot at once, or waits.
    pub(crate) fn enter_lobby(&mut self, index: u32) {
        let now = self.now;
        let span = &mut self.spans[index];
        let call = self.model.calls[usize::from(span.call)];
        let limit = call.limit.min(span.deadline.saturating_sub(now));
        span.began = now;
        span.reached = now;
        span.state = State::Waits;
        span.timer = self.calendar.limit(now + limit, index);
        self.probe.arrives(now, call.service, u32::MAX);
        let service = &self.model.services[usize::from(call.service)];
        let queue = service.room.queue;
        let workload = &mut self.workloads[usize::from(call.service)];
        if workload.lobby.count == 0 && self.give_slot(index) {
            return;
        }
        let workload = &mut self.workloads[usize::from(call.service)];
        if workload.lobby.count >= queue {
            self.left_lobby(index, Left::Shed);
            return self.end_request(index, End::Shed, None);
        }
        workload.lobby.set(now, workload.lobby.count + 1);
        let last = std::mem::replace(&mut workload.lobby.last, index);
        if last == NONE {
            workload.lobby.first = index;
        } else {
            self.spans[last].after = index;
        }
        let span = &mut self.spans[index];
        span.before = last;
        span.after = NONE;
        self.lose_patience(index);
        self.note_lobby(call.service);
    }

    /// Takes a request out of the lobby.
    pub(crate) fn leave_lobby(&mut self, index: u32) {
        let span = &self.spans[index];
        let (before, after) = (span.before, span.after);
        let service = self.model.calls[usize::from(span.call)].service;
        let lobby = &mut self.workloads[usize::from(service)].lobby;
        lobby.set(self.now, lobby.count - 1);
        if before == NONE {
            lobby.first = after;
        }
        if after == NONE {
            lobby.last = before;
        }
        if before != NONE {
            self.spans[before].after = after;
        }
        if after != NONE {
            self.spans[after].before = before;
        }
        self.note_lobby(service);
    }

    /// Puts a request back at the head of the lobby.
    fn first_in_lobby(&mut self, service: u16, index: u32) {
        let lobby = &mut self.workloads[usize::from(service)].lobby;
        lobby.set(self.now, lobby.count + 1);
        let after = std::mem::replace(&mut lobby.first, index);
        if after == NONE {
            lobby.last = index;
        } else {
            self.spans[after].before = index;
        }
        let span = &mut self.spans[index];
        (span.before, span.after) = (NONE, after);
    }

    /// Shows whoever watches that a request left without a replica.
    pub(crate) fn left_lobby(&mut self, index: u32, how: Left) {
        let span = &self.spans[index];
        let service = self.model.calls[usize::from(span.call)].service;
        let sojourn = self.now - span.reached;
        self.probe.leaves(self.now, service, u32::MAX, sojourn, how);
    }

    /// Sends a request to a replica with a free slot. Whether that is decided: it may also be turned away.
    fn give_slot(&mut self, index: u32) -> bool {
        let instant = self.instant();
        let mut draws = self.balance_draws(index);
        let call = self.model.calls[usize::from(self.spans[index].call)];
        let slots = self.model.services[usize::from(call.service)].room.slots;
        let workload = &mut self.workloads[usize::from(call.service)];
        let (replicas, by_key) = (&self.replicas, &workload.by_key);
        let has_room = |key: routing::ReplicaKey| {
            let replica = &replicas[by_key[key.index()]];
            let taken = u64::from(replica.ledger.held) + u64::from(replica.coming);
            replica.life == Life::Ready && taken < u64::from(slots) && !replica.ailment.hang
        };
        let begun = match workload.upstream.begin_where(instant, has_room, &mut draws) {
            Ok(None) => return false,
            Ok(Some(begun)) => begun,
            Err(_) => {
                if self.spans[index].state == State::Waits {
                    self.left_lobby(index, Left::Shed);
                }
                self.end_request(index, End::Shed, None);
                return true;
            }
        };
        let place = workload.by_key[begun.replica.index()];
        self.replicas[place].coming += 1;
        let span = &mut self.spans[index];
        // It does not lose its patience any more.
        span.next_event = 0;
        span.a_try = Some(begun);
        span.replica = place;
        self.set_out(index, call.limit);
        true
    }

    /// Notes that there may be something to do for a service's lobby.
    pub(crate) fn note_lobby(&mut self, service: u16) {
        let meant = &self.model.services[usize::from(service)];
        let workload = &mut self.workloads[usize::from(service)];
        if meant.room.at_gateway && !workload.lobby.noted {
            workload.lobby.noted = true;
            self.lobbies.push(service);
            self.unsettled = true;
        }
    }

    /// Gives free slots to those who wait, and starts and ends replicas if there is one for each request.
    pub(crate) fn fill_lobby(&mut self, service: u16) {
        self.workloads[usize::from(service)].lobby.noted = false;
        loop {
            let first = self.workloads[usize::from(service)].lobby.first;
            if first == NONE || !self.has_room(service) {
                break;
            }
            self.leave_lobby(first);
            if !self.give_slot(first) {
                // Whoever has room is left alone at the moment.
                self.first_in_lobby(service, first);
                break;
            }
        }
        if self.model.services[usize::from(service)]
            .per_request
            .is_some()
        {
            self.per_request(service);
        }
    }

    /// Whether any replica of a service has a free slot.
    fn has_room(&self, service: u16) -> bool {
        let slots = u64::from(self.model.services[usize::from(service)].room.slots);
        let members = &self.workloads[usize::from(service)].members;
        members.iter().any(|place| {
            let replica = &self.replicas[*place];
            let taken = u64::from(replica.ledger.held) + u64::from(replica.coming);
            replica.life == Life::Ready && taken < slots && !replica.ailment.hang
        })
    }

    /// As many replicas as requests need: each that waits has one that starts, and one without requests goes.
    fn per_request(&mut self, service: u16) {
        let meant = &self.model.services[usize::from(service)];
        let Some((least, most)) = meant.per_request else {
            return;
        };
        let slots = meant.room.slots.max(1);
        let workload = &self.workloads[usize::from(service)];
        let needed = workload.lobby.count.div_ceil(slots);
        let members = workload.members.clone();
        let mut starting = self.count(service, Life::Starting) + self.count(service, Life::Pending);
        let mut ready = self.count(service, Life::Ready);
        for place in members.into_iter().rev() {
            let replica = &self.replicas[place];
            let starts = matches!(replica.life, Life::Starting | Life::Pending);
            if starts && starting > needed && starting + ready > least {
                starting -= 1;
                self.retire(place);
            } else if replica.life == Life::Ready
                && replica.open == 0
                && needed == 0
                && starting + ready > least
            {
                ready -= 1;
                self.retire(place);
            }
        }
        while starting < needed && starting + ready < most {
            starting += 1;
            self.workloads[usize::from(service)].desired = starting + ready;
            let place = self.add_replica(service);
            self.start(place);
        }
        self.workloads[usize::from(service)].desired = starting + ready;
        self.tell_probe(service);
    }

    /// A request that waits will have no more patience at some time.
    pub(crate) fn lose_patience(&mut self, index: u32) {
        let span = &self.spans[index];
        let service = self.model.calls[usize::from(span.call)].service;
        let Some(patience) = &self.model.services[usize::from(service)].patience else {
            return;
        };
        let visit = &self.visits[span.visit];
        let stream = scenarios::Stream::Patience {
            journey: visit.shopper,
            page: visit.number,
            hop: span.hop,
            attempt: routing::retried(visit.attempt, span.retries.into()),
        };
        let mut draws = self.model.luck.draws(stream);
        let at = self.now.saturating_add(patience.sample_nanos(&mut draws));
        self.spans[index].next_event = self.calendar.schedule(at, Kind::Impatient, index);
    }

    /// A request has no more patience to wait for a slot.
    pub(crate) fn impatient(&mut self, index: u32) {
        match self.spans[index].state {
            State::Queued => {
                self.leave_replica(index, Left::Abandoned);
                self.answer(index, Reply::Impatient);
            }
            State::Waits => {
                self.leave_replica(index, Left::Abandoned);
                self.end_try(index, Verdict::Neutral);
                self.end_request(index, End::TimedOut, None);
            }
            _ => {}
        }
    }
}
