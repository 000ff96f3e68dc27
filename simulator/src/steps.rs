//! What happens to a request inside a replica: the waiting room, its slot, and its operation's steps.
//!
//! The same as a replica of the local world does: the slot is held from the first step to the answer, calls and waits
//! included, and each work and wait takes exactly as long as its draw says.

use std::time::Duration;

use scenarios::{Draws, Stream, WarmUp, child_hop};

use crate::calendar::{Due, Kind};
use crate::model::{NONE, Step};
use crate::replica::Life;
use crate::span::{Asker, End, Reply, State};
use crate::world::World;
use crate::{Left, Probe};

impl<P: Probe> World<P> {
    /// A try reaches its replica.
    pub(crate) fn reach(&mut self, index: u32) {
        let now = self.now;
        let span = &mut self.spans[index];
        span.until += now - span.sent;
        span.own_since = now;
        let replica = &mut self.replicas[span.replica];
        if self.model.services[usize::from(replica.service)].waits_at_gateway {
            replica.coming -= 1;
        } else {
            span.reached = now;
            self.probe.arrives(now, replica.service, replica.ordinal);
        }
        if replica.ailment.hang {
            span.state = State::Hung;
        } else {
            self.enter(index);
        }
    }

    /// A request takes a slot, or waits for one, or is turned away.
    pub(crate) fn enter(&mut self, index: u32) {
        let span = &mut self.spans[index];
        let place = span.replica;
        let replica = &mut self.replicas[place];
        let service = &self.model.services[usize::from(replica.service)];
        if replica.ledger.held < service.slots && replica.first == NONE {
            return self.begin(index);
        }
        if replica.ledger.queued >= service.queue {
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
        }
        if after == NONE {
            replica.last = before;
        }
        if before != NONE {
            self.spans[before].after = after;
        }
        if after != NONE {
            self.spans[after].before = before;
        }
    }

    /// Gives a replica's free slots to those who wait for them.
    pub(crate) fn fill_slots(&mut self, place: u32) {
        self.replicas[place].noted = false;
        loop {
            let replica = &self.replicas[place];
            let slots = self.model.services[usize::from(replica.service)].slots;
            let first = replica.first;
            if first == NONE || replica.ledger.held >= slots {
                return;
            }
            self.leave_queue(first);
            self.spans[first].next_event = 0;
            self.begin(first);
        }
    }

    /// A request gets its slot.
    fn begin(&mut self, index: u32) {
        let now = self.now;
        let span = &mut self.spans[index];
        let replica = &mut self.replicas[span.replica];
        replica.ledger.advance(now);
        replica.ledger.held += 1;
        let waited = now - span.reached;
        self.probe
            .begins(now, replica.service, replica.ordinal, waited);
        let fail = replica.ailment.fail;
        let operation = self.model.calls[usize::from(span.call)].operation;
        let (first, end) = self.model.operations[usize::from(operation)].steps;
        span.step = 0;
        span.failed = None;
        if fail > 0.0 && self.fails(index, fail) {
            self.after(index, State::Failing, 0);
        } else if first == end {
            // An event of its own, so that no chain of those who have nothing to do grows on the stack.
            self.after(index, State::Idle, 0);
        } else {
            self.next_step(index);
        }
    }

    /// Whether this request is one of those that fail. The same request fails wherever it goes.
    fn fails(&self, index: u32, share: f64) -> bool {
        let span = &self.spans[index];
        let visit = &self.visits[span.visit];
        let stream = Stream::Failure {
            journey: visit.index(),
            page: visit.number(),
            hop: span.hop,
            attempt: routing::retried(visit.attempt(), span.retries.into()),
        };
        share >= 1.0 || Draws::new(self.model.seed, stream).uniform() < share
    }

    /// The request's step takes so long.
    #[inline]
    fn after(&mut self, index: u32, state: State, nanos: u64) {
        let at = self.now.saturating_add(nanos);
        let token = self.calendar.schedule(at, Kind::StepEnds, index);
        let span = &mut self.spans[index];
        span.state = state;
        span.ends = at;
        span.next_event = token;
    }

    /// Does the next step, or answers after the last.
    fn next_step(&mut self, index: u32) {
        let span = &mut self.spans[index];
        let operation = self.model.calls[usize::from(span.call)].operation;
        let (first, end) = self.model.operations[usize::from(operation)].steps;
        let place = first + u32::from(span.step);
        if place == end {
            return self.finish(index, Reply::Good);
        }
        let replica = &mut self.replicas[span.replica];
        match &self.model.steps[place as usize] {
            Step::Work(time) => {
                let nanos = slowed(time.sample_nanos(&mut span.draws), replica.ailment.work);
                let service = &self.model.services[usize::from(replica.service)];
                let nanos = match &service.warm_up {
                    Some(warm_up) => warming(nanos, warm_up, self.now - replica.ready_at),
                    None => nanos,
                };
                self.work(index, nanos);
            }
            Step::Wait(time) => {
                let nanos = slowed(time.sample_nanos(&mut span.draws), replica.ailment.wait);
                self.after(index, State::Waiting, nanos);
            }
            Step::Calls(from, to) => self.make_calls(index, *from, *to),
        }
    }

    /// Works so long: alone on its core, or with the others on theirs.
    #[inline]
    fn work(&mut self, index: u32, nanos: u64) {
        let now = self.now;
        let span = &mut self.spans[index];
        let place = span.replica;
        let replica = &mut self.replicas[place];
        if let Some(sharing) = &mut replica.sharing {
            span.state = State::Sharing;
            span.next_event = self.calendar.token();
            sharing.add(now, nanos, span.next_event, index);
            return self.plan_work(place);
        }
        replica.ledger.advance(now);
        replica.ledger.working += 1;
        if replica.ailment.freeze {
            (span.state, span.ends, span.next_event) = (State::Working, nanos, 0);
        } else {
            self.after(index, State::Working, nanos);
        }
    }

    /// Schedules the instant at which the first of those who share a processor is done. An event that is too early stays:
    /// it will find that nobody is done yet.
    #[inline]
    fn plan_work(&mut self, place: u32) {
        let Some(sharing) = &mut self.replicas[place].sharing else {
            return;
        };
        let spans = &self.spans;
        let Some((_, wait)) = sharing.first(|span, token| spans[span].next_event == token) else {
            return;
        };
        let at = self.now.saturating_add(wait);
        if at < sharing.event.1 {
            let token = self.calendar.schedule(at, Kind::WorkDone, place);
            sharing.event = (token, at);
        }
    }

    /// Those who are done with their work go on.
    pub(crate) fn work_done(&mut self, due: Due) {
        let (now, place) = (self.now, due.subject);
        let Some(sharing) = &mut self.replicas[place].sharing else {
            return;
        };
        if sharing.event.0 != due.token {
            return;
        }
        sharing.event = (0, u64::MAX);
        sharing.advance(now);
        loop {
            let Some(sharing) = &mut self.replicas[place].sharing else {
                return;
            };
            let spans = &self.spans;
            let works = |span: u32, token: u64| spans[span].next_event == token;
            let Some((index, 0)) = sharing.first(works) else {
                break;
            };
            sharing.pop();
            sharing.remove(now);
            let span = &mut self.spans[index];
            span.next_event = 0;
            span.step += 1;
            self.next_step(index);
        }
        self.plan_work(place);
    }

    /// Makes calls, all at once.
    fn make_calls(&mut self, index: u32, from: u16, to: u16) {
        let now = self.now;
        let span = &mut self.spans[index];
        span.state = State::Calling;
        span.calls_since = now;
        span.open = (to - from) as u8;
        span.child = NONE;
        let (visit, hop, until) = (span.visit, span.hop, span.until);
        for call in from..to {
            let place = self.model.calls[usize::from(call)].index;
            if until <= now {
                // Nobody waits for it any more.
                self.call_ended(index, NONE, place, End::TimedOut);
                continue;
            }
            let asker = Asker {
                visit,
                parent: index,
            };
            self.request(call, asker, child_hop(hop, place), until - now);
        }
    }

    /// A call that a request made has ended.
    pub(crate) fn call_ended(&mut self, index: u32, child: u32, place: u8, end: End) {
        self.unlink(index, child);
        let span = &mut self.spans[index];
        span.open -= 1;
        let reply = match end {
            End::Served => None,
            End::TimedOut => Some(Reply::CallTimedOut),
            End::Failed | End::Shed => Some(Reply::CallFailed),
        };
        if let Some(reply) = reply
            && span.failed.is_none_or(|(first, _)| place < first)
        {
            span.failed = Some((place, reply));
        }
        if span.open > 0 {
            return;
        }
        span.own_since += self.now - span.calls_since;
        if self.replicas[span.replica].ailment.freeze {
            span.state = State::Called;
            return self.stand_still(index);
        }
        self.called(index);
    }

    /// All calls that a request waited for have ended.
    fn called(&mut self, index: u32) {
        let span = &mut self.spans[index];
        match span.failed {
            Some((_, reply)) => self.finish(index, reply),
            None => {
                span.step += 1;
                self.next_step(index);
            }
        }
    }

    /// A request has nothing left to wait for, but its replica stands still.
    fn stand_still(&mut self, index: u32) {
        let span = &mut self.spans[index];
        (span.ends, span.next_event) = (0, 0);
    }

    /// A replica stands still: those who work stop where they are. Waits for something outside go on, but their end is
    /// noticed only when the replica goes on.
    pub(crate) fn freeze(&mut self, place: u32) {
        let now = self.now;
        let replica = &mut self.replicas[place];
        replica.ledger.advance(now);
        replica.ledger.still = true;
        if let Some(sharing) = &mut replica.sharing {
            sharing.freeze(now, true);
        }
        for index in self.spans_of(place) {
            let span = &mut self.spans[index];
            if span.state == State::Working {
                span.ends -= now;
                span.next_event = 0;
            }
        }
    }

    /// A replica that stood still goes on.
    pub(crate) fn thaw(&mut self, place: u32) {
        let now = self.now;
        let replica = &mut self.replicas[place];
        replica.ledger.advance(now);
        replica.ledger.still = false;
        if let Some(sharing) = &mut replica.sharing {
            sharing.freeze(now, false);
            self.plan_work(place);
        }
        for index in self.spans_of(place) {
            let span = &self.spans[index];
            let (state, ends) = (span.state, span.ends);
            let inside = matches!(
                state,
                State::Working | State::Waiting | State::Idle | State::Failing | State::Called
            );
            if inside && span.next_event == 0 {
                self.after(index, state, ends);
            }
        }
    }

    /// Takes a call from the list of those that a request waits for.
    fn unlink(&mut self, index: u32, child: u32) {
        if child == NONE {
            return;
        }
        let after = self.spans[child].sibling;
        if self.spans[index].child == child {
            self.spans[index].child = after;
            return;
        }
        let mut one = self.spans[index].child;
        while one != NONE && self.spans[one].sibling != child {
            one = self.spans[one].sibling;
        }
        if one != NONE {
            self.spans[one].sibling = after;
        }
    }

    /// A request's step has ended.
    #[inline]
    pub(crate) fn step_ended(&mut self, index: u32) {
        let span = &mut self.spans[index];
        if self.replicas[span.replica].ailment.freeze {
            return self.stand_still(index);
        }
        match span.state {
            State::Working => {
                let replica = &mut self.replicas[span.replica];
                replica.ledger.advance(self.now);
                replica.ledger.working -= 1;
                span.step += 1;
                self.next_step(index);
            }
            State::Waiting => {
                span.step += 1;
                self.next_step(index);
            }
            State::Failing => self.finish(index, Reply::Bad),
            State::Called => self.called(index),
            _ => self.finish(index, Reply::Good),
        }
    }

    /// A replica has done what it could, and gives back the slot.
    fn finish(&mut self, index: u32, reply: Reply) {
        let span = &self.spans[index];
        let replica = &mut self.replicas[span.replica];
        let limit = self.model.services[usize::from(replica.service)].limit;
        let how = if reply == Reply::Good {
            replica.served += 1;
            replica.slow += u64::from(self.now - span.own_since > limit);
            Left::Served
        } else {
            replica.failed += 1;
            Left::Failed
        };
        self.free_slot(index);
        self.left(index, how);
        self.answer(index, reply);
    }

    fn free_slot(&mut self, index: u32) {
        let place = self.spans[index].replica;
        let replica = &mut self.replicas[place];
        replica.ledger.advance(self.now);
        replica.ledger.held -= 1;
        let service = replica.service;
        if replica.first != NONE && !replica.noted {
            replica.noted = true;
            self.freed.push(place);
        }
        if self.model.services[usize::from(service)].waits_at_gateway {
            self.note_lobby(service);
        }
    }

    /// A request is no longer in its replica.
    fn left(&mut self, index: u32, how: Left) {
        let span = &self.spans[index];
        let place = span.replica;
        let sojourn = self.now - span.reached;
        let replica = &self.replicas[place];
        let (service, ordinal) = (replica.service, replica.ordinal);
        self.probe.leaves(self.now, service, ordinal, sojourn, how);
        self.closed(place);
    }

    /// One request less is in a replica or on its way there.
    #[inline]
    fn closed(&mut self, place: u32) {
        let replica = &mut self.replicas[place];
        replica.open -= 1;
        if replica.open == 0 && replica.life == Life::Draining {
            self.emptied.push(place);
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
                let service = replica.service;
                if self.model.services[usize::from(service)].waits_at_gateway {
                    replica.coming -= 1;
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
                self.replicas[place].failed += 1;
                self.free_slot(index);
                self.left(index, how);
            }
            State::Working | State::Waiting | State::Idle | State::Failing => {
                let working = u32::from(span.state == State::Working);
                let replica = &mut self.replicas[place];
                replica.ledger.advance(self.now);
                replica.ledger.working -= working;
                replica.failed += 1;
                self.free_slot(index);
                self.left(index, how);
            }
            State::Called => {
                self.replicas[place].failed += 1;
                self.free_slot(index);
                self.left(index, how);
            }
            State::Calling => {
                self.forsake_calls(index);
                self.replicas[place].failed += 1;
                self.free_slot(index);
                self.left(index, how);
            }
            _ => {}
        }
    }

    fn forsake_calls(&mut self, index: u32) {
        let mut child = std::mem::replace(&mut self.spans[index].child, NONE);
        while child != NONE {
            let next = self.spans[child].sibling;
            self.forsaken(child);
            child = next;
        }
    }
}

/// Time that takes longer by a factor.
#[inline]
fn slowed(nanos: u64, factor: f64) -> u64 {
    if factor == 1.0 {
        nanos
    } else {
        (nanos as f64 * factor + 0.5) as u64
    }
}

/// Work on a replica that became ready so many nanoseconds ago.
fn warming(nanos: u64, warm_up: &WarmUp, ready_for: u64) -> u64 {
    let speed = warm_up.speed(Duration::from_nanos(ready_for));
    slowed(nanos, 1.0 / speed)
}
