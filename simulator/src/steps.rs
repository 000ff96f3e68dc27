//! What happens to a request that has its slot: its operation's steps.
//!
//! The same as a replica of the local world does: the slot is held from the first step to the answer, calls and waits
//! included, and each work and wait takes exactly as long as its draw says.

use std::time::Duration;

use scenarios::{Stream, WarmUp};

use crate::calendar::{Calendar, Due, Kind};
use crate::model::{Model, Step};
use crate::replica::Replica;
use crate::span::{Reply, Span, State};
use crate::world::World;
use crate::{Left, Probe};

impl<P: Probe> World<P> {
    /// A request gets its slot.
    #[inline(always)]
    pub(crate) fn begin(&mut self, index: u32) {
        let now = self.now;
        let span = &mut self.spans[index];
        let replica = &mut self.replicas[span.replica];
        replica.ledger.advance(now);
        replica.ledger.held += 1;
        let waited = now - span.reached;
        self.probe
            .begins(now, replica.service, replica.ordinal, waited);
        (span.step, span.steps_end) = self.model.calls[usize::from(span.call)].steps;
        span.failed = None;
        if replica.ailment.fail > 0.0 || span.is_done() {
            return self.begin_otherwise(index);
        }
        let rest = start(
            &self.model,
            &mut self.calendar,
            (span, replica),
            (now, index),
        );
        self.go_on(index, rest);
    }

    /// A request that has its slot fails, perhaps, or has nothing to do.
    #[cold]
    fn begin_otherwise(&mut self, index: u32) {
        let span = &self.spans[index];
        if self.fails(index, self.replicas[span.replica].ailment.fail) {
            self.after(index, State::Failing, 0);
        } else if span.is_done() {
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
            journey: visit.shopper,
            page: visit.number,
            hop: span.hop,
            attempt: routing::retried(visit.attempt, span.retries.into()),
        };
        share >= 1.0 || (share > 0.0 && self.model.luck.draws(stream).uniform() < share)
    }

    /// The request's step takes so long.
    #[inline]
    pub(crate) fn after(&mut self, index: u32, state: State, nanos: u64) {
        let now = self.now;
        lasts(
            &mut self.calendar,
            &mut self.spans[index],
            (now, index),
            state,
            nanos,
        );
    }

    /// Does the next step, or answers after the last.
    pub(crate) fn next_step(&mut self, index: u32) {
        let now = self.now;
        let span = &mut self.spans[index];
        if span.is_done() {
            return self.finish(index, Reply::Good);
        }
        let replica = &mut self.replicas[span.replica];
        let rest = start(
            &self.model,
            &mut self.calendar,
            (span, replica),
            (now, index),
        );
        self.go_on(index, rest);
    }

    /// Does what is left to do at a step's beginning.
    #[inline(always)]
    fn go_on(&mut self, index: u32, rest: Option<Rest>) {
        match rest {
            None => {}
            Some(Rest::Share(nanos)) => self.share(index, nanos),
            Some(Rest::Calls(from, to)) => self.make_calls(index, from, to),
        }
    }

    /// Works so long, and shares the processor with the others.
    fn share(&mut self, index: u32, nanos: u64) {
        let span = &mut self.spans[index];
        let place = span.replica;
        if let Some(sharing) = &mut self.replicas[place].sharing {
            span.state = State::Sharing;
            span.next_event = self.calendar.token();
            sharing.add(self.now, nanos, span.next_event, index);
            self.plan_work(place);
        }
    }

    /// Schedules the instant at which the first of those who share a processor is done. An event that is too early stays:
    /// it will find that nobody is done yet.
    #[inline]
    pub(crate) fn plan_work(&mut self, place: u32) {
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

    /// A request's step has ended.
    #[inline(always)]
    pub(crate) fn step_ended(&mut self, index: u32) {
        let span = &mut self.spans[index];
        let replica = &mut self.replicas[span.replica];
        if replica.ailment.freeze {
            return self.stand_still(index);
        }
        match span.state {
            State::Working | State::Waiting => {
                if span.state == State::Working {
                    replica.ledger.advance(self.now);
                    replica.ledger.working -= 1;
                }
                span.step += 1;
                if span.is_done() {
                    self.served(index);
                } else {
                    self.next_step(index);
                }
            }
            State::Failing => self.finish(index, Reply::Bad),
            State::Called => self.called(index),
            _ => self.finish(index, Reply::Good),
        }
    }

    /// A replica has done what it could, and gives back the slot.
    pub(crate) fn finish(&mut self, index: u32, reply: Reply) {
        if reply == Reply::Good {
            return self.served(index);
        }
        let span = &self.spans[index];
        self.replicas[span.replica].failed += 1;
        self.free_slot(span.replica, span.reached, Left::Failed);
        self.answer(index, reply);
    }

    /// A replica has done all, and gives back the slot.
    #[inline(always)]
    fn served(&mut self, index: u32) {
        let span = &self.spans[index];
        let replica = &mut self.replicas[span.replica];
        replica.served += 1;
        replica.slow += u64::from(self.now - span.own_since > replica.room.limit);
        self.free_slot(span.replica, span.reached, Left::Served);
        self.send_answer(index, Reply::Good);
    }
}

/// What is left to do at a step's beginning, when it takes more than the request and its replica.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// Work so many nanoseconds, and share the processor.
    Share(u64),
    /// Make these calls.
    Calls(u16, u16),
}

/// Begins a request's next step, which it has.
#[inline(always)]
fn start(
    model: &Model,
    calendar: &mut Calendar,
    (span, replica): (&mut Span, &mut Replica),
    (now, index): (u64, u32),
) -> Option<Rest> {
    match &model.steps[span.step as usize] {
        Step::Work(time) => {
            let mut nanos = slowed(time.sample_nanos(&mut span.draws), replica.ailment.work);
            if now < replica.cold_until {
                let warm_up = &model.services[usize::from(replica.service)].warm_up;
                nanos = warming(nanos, warm_up.as_ref(), now - replica.ready_at);
            }
            if replica.sharing.is_some() {
                return Some(Rest::Share(nanos));
            }
            replica.ledger.advance(now);
            replica.ledger.working += 1;
            if replica.ailment.freeze {
                (span.state, span.ends, span.next_event) = (State::Working, nanos, 0);
            } else {
                lasts(calendar, span, (now, index), State::Working, nanos);
            }
            None
        }
        Step::Wait(time) => {
            let nanos = slowed(time.sample_nanos(&mut span.draws), replica.ailment.wait);
            lasts(calendar, span, (now, index), State::Waiting, nanos);
            None
        }
        Step::Calls(from, to) => Some(Rest::Calls(*from, *to)),
    }
}

/// A span's step takes so long from now.
#[inline]
fn lasts(
    calendar: &mut Calendar,
    span: &mut Span,
    (now, index): (u64, u32),
    state: State,
    nanos: u64,
) {
    let at = now.saturating_add(nanos);
    span.state = state;
    span.ends = at;
    span.next_event = calendar.schedule(at, Kind::StepEnds, index);
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
fn warming(nanos: u64, warm_up: Option<&WarmUp>, ready_for: u64) -> u64 {
    let speed = warm_up.map_or(1.0, |warm_up| {
        warm_up.speed(Duration::from_nanos(ready_for))
    });
    slowed(nanos, 1.0 / speed)
}
