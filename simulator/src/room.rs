//! A replica's waiting room and its slots: who gets in, who waits, who leaves.

use crate::model::NONE;
use crate::replica::Life;
use crate::span::{Reply, State};
use crate::world::World;
use crate::{Left, Probe};

impl<P: Probe> World<P> {
    /// A try reaches its replica.
    #[inline(always)]
    pub(crate) fn reach(&mut self, index: u32) {
        let now = self.now;
        let span = &mut self.spans[index];
        span.until += now - span.sent;
        span.own_since = now;
        let replica = &mut self.replicas[span.replica];
        if replica.room.at_gateway {
            replica.coming -= 1;
        } else {
            span.reached = now;
            self.probe.arrives(now, replica.service, replica.ordinal);
        }
        if replica.ailment.hang {
            span.state = State::Hung;
        } else if replica.has_slot() {
            self.begin(index);
        } else {
            self.wait_for_slot(index);
        }
    }

    /// A request takes a slot, or waits for one, or is turned away.
    pub(crate) fn enter(&mut self, index: u32) {
        if self.replicas[self.spans[index].replica].has_slot() {
            self.begin(index);
        } else {
            self.wait_for_slot(index);
        }
    }

    /// A request waits for a slot, or is turned away.
    fn wait_for_slot(&mut self, index: u32) {
        let span = &mut self.spans[index];
        let replica = &mut self.replicas[span.replica];
        if replica.ledger.queued >= replica.room.queue {
            if replica.ailment.freeze {
                // Not even a refusal comes from it.
                span.state = State::Hung;
                return;
            }
            replica.shed += 1;
            self.left(index, Left::Shed);
            return self.answer(index, Reply::Full);
        }
        replica.ledger.advance(self.now);
        replica.ledger.queued += 1;
        span.state = State::Queued;
        span.after = NONE;
        span.before = std::mem::replace(&mut replica.last, index);
        let before = span.before;
        if before == NONE {
            replica.first = index;
        } else {
            self.spans[before].after = index;
        }
        self.lose_patience(index);
    }

    /// Takes a request out of its replica's waiting room.
    fn leave_queue(&mut self, index: u32) {
        let span = &self.spans[index];
        let (before, after) = (span.before, span.after);
        let replica = &mut self.replicas[span.replica];
        replica.ledger.advance(self.now);
        replica.ledger.queued -= 1;
        if before == NONE {
            replica.first = after;
        } else {
            self.spans[before].after = after;
        }
        if after == NONE {
            replica.last = before;
        } else {
            self.spans[after].before = before;
        }
    }

    /// Gives a replica's free slots to those who wait for them.
    pub(crate) fn fill_slots(&mut self, place: u32) {
        self.replicas[place].noted = false;
        loop {
            let replica = &self.replicas[place];
            let first = replica.first;
            if first == NONE || replica.ledger.held >= replica.room.slots {
                return;
            }
            self.leave_queue(first);
            self.spans[first].next_event = 0;
            self.begin(first);
        }
    }

    /// Somebody who reached a replica at `since` gives back its slot and leaves.
    #[inline(always)]
    pub(crate) fn free_slot(&mut self, place: u32, since: u64, how: Left) {
        let now = self.now;
        let replica = &mut self.replicas[place];
        replica.ledger.advance(now);
        replica.ledger.held -= 1;
        if replica.first != NONE && !replica.noted {
            replica.noted = true;
            self.freed.push(place);
            self.unsettled = true;
        }
        self.probe
            .leaves(now, replica.service, replica.ordinal, now - since, how);
        replica.open -= 1;
        if replica.open == 0 && replica.life == Life::Draining {
            self.emptied.push(place);
            self.unsettled = true;
        }
        if replica.room.at_gateway {
            let service = replica.service;
            self.note_lobby(service);
        }
    }

    /// A request is no longer in its replica, where it had no slot.
    fn left(&mut self, index: u32, how: Left) {
        let span = &self.spans[index];
        let (place, sojourn) = (span.replica, self.now - span.reached);
        let replica = &self.replicas[place];
        self.probe
            .leaves(self.now, replica.service, replica.ordinal, sojourn, how);
        self.closed(place);
    }

    /// One request less is in a replica, where it had no slot, or on its way there.
    fn closed(&mut self, place: u32) {
        let replica = &mut self.replicas[place];
        replica.open -= 1;
        if replica.open == 0 && replica.life == Life::Draining {
            self.emptied.push(place);
            self.unsettled = true;
        }
    }

    /// A request leaves its replica before it is answered, wherever it is; calls it waits for have nobody who asked.
    pub(crate) fn leave_replica(&mut self, index: u32, how: Left) {
        let span = &self.spans[index];
        let place = span.replica;
        match span.state {
            State::Queued => {
                self.leave_queue(index);
                self.replicas[place].failed += 1;
                self.left(index, how);
            }
            State::Waits => {
                self.leave_lobby(index);
                self.left_lobby(index, how);
            }
            State::Hung => self.left(index, how),
            State::OnItsWay => {
                let replica = &mut self.replicas[place];
                if replica.room.at_gateway {
                    replica.coming -= 1;
                    let service = replica.service;
                    self.note_lobby(service);
                }
                self.closed(place);
            }
            State::Sharing => {
                let now = self.now;
                self.spans[index].next_event = 0;
                if let Some(sharing) = &mut self.replicas[place].sharing {
                    sharing.remove(now);
                }
                self.plan_work(place);
                self.give_up(index, how);
            }
            State::Working => {
                let replica = &mut self.replicas[place];
                replica.ledger.advance(self.now);
                replica.ledger.working -= 1;
                self.give_up(index, how);
            }
            State::Waiting | State::Idle | State::Failing | State::Called => {
                self.give_up(index, how);
            }
            State::Calling => {
                self.forsake_calls(index);
                self.give_up(index, how);
            }
            _ => {}
        }
    }

    /// A request gives back its slot without having been served.
    fn give_up(&mut self, index: u32, how: Left) {
        let span = &self.spans[index];
        self.replicas[span.replica].failed += 1;
        self.free_slot(span.replica, span.reached, how);
    }
}
