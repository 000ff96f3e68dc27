//! The gateway: every request's way to a replica and back, with as many tries as it may have.
//!
//! The same rules as the local world's gateway, most of them the very same code (`routing`). A request begins with
//! [`World::request`] and ends with [`World::end_request`]; each try in between with [`World::try_somewhere`] and
//! [`World::end_try`].

use routing::{Health, ReplicaKey, Try, Verdict, backoff, retried};
use scenarios::{LateDraws, Stream};

use crate::calendar::Kind;
use crate::model::{Call, Delay, NONE};
use crate::replica::Life;
use crate::span::{Asker, End, Reply, Span, State};
use crate::world::World;
use crate::{Left, Probe};

/// The most tries of a request whose connection broke.
const MOST_BROKEN: usize = 3;
/// What a replica is told to have less than the gateway gives it, so that it can still say itself why it is late.
const MARGIN: u64 = 20_000_000;

impl<P: Probe> World<P> {
    /// A request comes to the gateway; `patience` is how long its asker waits at most.
    #[inline]
    pub(crate) fn request(&mut self, call: u16, asker: Asker, hop: u32, patience: u64) {
        let meant = self.model.calls[usize::from(call)];
        let (now, instant) = (self.now, self.instant());
        let visit = &self.visits[asker.visit];
        let draws = self.model.luck.draws(visit.demand(hop, 0));
        let choice = LateDraws::new(self.model.luck, visit.balance(hop, 0), 0);
        let index = self.spans.reuse(Span::blank);
        let span = &mut self.spans[index];
        span.begin(call, asker, hop, now);
        span.draws = draws;
        span.service = meant.service;
        span.deadline = now.saturating_add(meant.patience.min(patience));
        span.window = self.windows.window(now);
        self.windows.service_offered(span.window, meant.service);
        let workload = &mut self.workloads[usize::from(meant.service)];
        workload.came += 1;
        if let Some(closely) = &mut workload.seconds {
            closely.came += 1;
        }
        workload.upstream.arrived(instant);
        if asker.parent != NONE {
            let parent = &mut self.spans[asker.parent];
            let sibling = std::mem::replace(&mut parent.child, index);
            self.spans[index].sibling = sibling;
        }
        if now < self.gateway_back {
            self.end_request(index, End::Failed, None);
        } else if let Delay::Constant(0) = self.model.overhead {
            self.try_call(index, meant, choice);
        } else {
            let at = now.saturating_add(self.network_draw(index, Leg::Gateway));
            self.spans[index].next_event = self.calendar.schedule(at, Kind::Forward, index);
        }
    }

    /// Begins a try, on a replica that was not tried yet if there is one.
    pub(crate) fn try_somewhere(&mut self, index: u32) {
        let call = self.model.calls[usize::from(self.spans[index].call)];
        self.try_call(index, call, self.balance_draws(index));
    }

    /// The same when it is known what is asked for, with the draws of the choice.
    #[inline(always)]
    fn try_call(&mut self, index: u32, call: Call, mut draws: LateDraws) {
        if call.at_gateway {
            return self.enter_lobby(index);
        }
        let instant = self.instant();
        loop {
            let span = &self.spans[index];
            let tried: &[ReplicaKey] = match span.tried {
                NONE => &[],
                tried => &self.tried[tried],
            };
            let workload = &mut self.workloads[usize::from(call.service)];
            let Ok(begun) = workload.upstream.begin(instant, tried, &mut draws) else {
                return self.end_request(index, End::Shed, None);
            };
            let replica = workload.by_key[begun.replica.index()];
            if self.replicas[replica].life == Life::Dead {
                if self.refused(index, begun) {
                    continue;
                }
                return self.end_request(index, End::Failed, None);
            }
            let now = self.now;
            let span = &mut self.spans[index];
            span.a_try = Some(begun);
            span.replica = replica;
            span.began = now;
            let limit = call.limit.min(span.deadline.saturating_sub(now));
            span.timer = self.calendar.limit(now + limit, index);
            return self.set_out(index, call.limit);
        }
    }

    /// Nobody listens at the chosen replica: nothing was sent, so that any other may be tried, and it costs no retry.
    /// Whether there is another.
    #[cold]
    fn refused(&mut self, index: u32, begun: Try) -> bool {
        let (instant, service) = (self.instant(), self.spans[index].service);
        let upstream = &mut self.workloads[usize::from(service)].upstream;
        upstream.end(instant, begun, Verdict::Bad);
        upstream.check(instant, begun.replica, Health::Refused);
        let others = upstream.pool().ready();
        let more = self.note_tried(index, Some(begun.replica)) < others;
        let span = &mut self.spans[index];
        span.elsewhere = span.elsewhere.saturating_add(u8::from(more));
        more
    }

    /// A try whose time runs, and may take up to `limit`, sets out for its replica.
    #[inline(always)]
    pub(crate) fn set_out(&mut self, index: u32, limit: u64) {
        let now = self.now;
        let span = &mut self.spans[index];
        // The replica's deadline, as far from its arrival there as the gateway's from now.
        let end = (span.began + limit).min(span.deadline);
        let left = end.saturating_sub(now);
        span.until = now + left - MARGIN.min(left / 10);
        span.sent = now;
        self.replicas[span.replica].open += 1;
        match self.model.network {
            Delay::Constant(0) => self.reach(index),
            Delay::Constant(delay) => {
                span.state = State::OnItsWay;
                span.next_event = self.calendar.send(now + delay, Kind::Reaches, index);
            }
            Delay::Drawn(_) => {
                span.state = State::OnItsWay;
                let at = now.saturating_add(self.network_draw(index, Leg::There));
                self.spans[index].next_event = self.calendar.schedule(at, Kind::Reaches, index);
            }
        }
    }

    /// A replica answers.
    pub(crate) fn answer(&mut self, index: u32, reply: Reply) {
        self.send_answer(index, reply);
    }

    /// The same, in line where most answers come from.
    #[inline(always)]
    pub(crate) fn send_answer(&mut self, index: u32, reply: Reply) {
        let now = self.now;
        let span = &mut self.spans[index];
        span.reply = reply;
        match self.model.network {
            Delay::Constant(0) => self.answered(index),
            Delay::Constant(delay) => {
                span.state = State::OnItsWayBack;
                span.replica = NONE;
                span.next_event = self.calendar.send(now + delay, Kind::Answers, index);
            }
            Delay::Drawn(_) => {
                span.state = State::OnItsWayBack;
                span.replica = NONE;
                let at = now.saturating_add(self.network_draw(index, Leg::Back));
                self.spans[index].next_event = self.calendar.schedule(at, Kind::Answers, index);
            }
        }
    }

    /// A replica's answer has come: it is passed on, or the request is tried again.
    #[inline(always)]
    pub(crate) fn answered(&mut self, index: u32) {
        let span = &self.spans[index];
        if span.reply == Reply::Good {
            let service_time = self.now - span.began;
            self.end_try(index, Verdict::Good);
            return self.over(index, End::Served, Some(service_time));
        }
        self.answered_badly(index);
    }

    fn answered_badly(&mut self, index: u32) {
        let span = &self.spans[index];
        let call = self.model.calls[usize::from(span.call)];
        let (verdict, end, blamed) = match span.reply {
            Reply::Good => (Verdict::Good, End::Served, false),
            Reply::Bad => (Verdict::Bad, End::Failed, true),
            Reply::Full => (Verdict::Neutral, End::Shed, true),
            Reply::Impatient => (Verdict::Neutral, End::TimedOut, false),
            Reply::CallFailed => (Verdict::Neutral, End::Failed, false),
            Reply::CallTimedOut => (Verdict::Neutral, End::TimedOut, false),
        };
        let service_time = self.now - span.began;
        let key = self.end_try(index, verdict);
        if blamed && self.may_retry(index, call) {
            self.back_off(index, key);
        } else {
            self.end_request(index, end, Some(service_time));
        }
    }

    /// A try's time limit is over.
    pub(crate) fn timed_out(&mut self, index: u32) {
        let span = &self.spans[index];
        let call = self.model.calls[usize::from(span.call)];
        let verdict = late(self.now - span.began, call.limit);
        self.leave_replica(index, Left::TimedOut);
        let key = self.end_try(index, verdict);
        if self.may_retry(index, call) {
            self.back_off(index, key);
        } else {
            self.end_request(index, End::TimedOut, None);
        }
    }

    /// A try's replica has ended without a word.
    pub(crate) fn broken(&mut self, index: u32) {
        self.leave_replica(index, Left::Killed);
        let span = &self.spans[index];
        let call = self.model.calls[usize::from(span.call)];
        let tries = match span.tried {
            NONE => 0,
            tried => self.tried[tried].len(),
        };
        let key = self.end_try(index, Verdict::Bad);
        if call.repeatable && tries < MOST_BROKEN && self.spend(index, call) {
            let span = &mut self.spans[index];
            span.elsewhere = span.elsewhere.saturating_add(1);
            self.note_tried(index, key);
            self.try_somewhere(index);
        } else {
            self.end_request(index, End::Failed, None);
        }
    }

    /// The gateway itself has ended: whoever asked knows no more.
    pub(crate) fn cut_off(&mut self, index: u32) {
        self.leave_replica(index, Left::Killed);
        self.end_try(index, Verdict::Neutral);
        self.end_request(index, End::Failed, None);
    }

    /// A request's asker has gone away.
    pub(crate) fn forsaken(&mut self, index: u32) {
        let span = &self.spans[index];
        let call = self.model.calls[usize::from(span.call)];
        let verdict = late(self.now - span.began, call.limit);
        self.leave_replica(index, Left::TimedOut);
        self.end_try(index, verdict);
        let span = &mut self.spans[index];
        let (window, tried) = (span.window, span.end());
        self.windows
            .service_ended(window, call.service, End::Failed, 0, None);
        self.give_away(index, tried);
    }

    /// Ends the current try, if there is one, and says where it was.
    #[inline(always)]
    pub(crate) fn end_try(&mut self, index: u32, verdict: Verdict) -> Option<ReplicaKey> {
        let instant = self.instant();
        let span = &mut self.spans[index];
        span.timer = 0;
        span.next_event = 0;
        let a_try = span.a_try.take()?;
        span.replica = NONE;
        let upstream = &mut self.workloads[usize::from(span.service)].upstream;
        upstream.end(instant, a_try, verdict);
        Some(a_try.replica)
    }

    fn may_retry(&mut self, index: u32, call: Call) -> bool {
        let span = &self.spans[index];
        span.retries < call.retries && self.now < span.deadline && self.spend(index, call)
    }

    /// Takes a retry from the budget, if there is one.
    fn spend(&mut self, index: u32, call: Call) -> bool {
        let instant = self.instant();
        let upstream = &mut self.workloads[usize::from(call.service)].upstream;
        let granted = upstream.may_retry(instant);
        if granted {
            let window = self.spans[index].window;
            self.windows.service_retried(window, call.service);
        }
        granted
    }

    /// Waits before the next try.
    fn back_off(&mut self, index: u32, key: Option<ReplicaKey>) {
        self.note_tried(index, key);
        let span = &mut self.spans[index];
        span.retries += 1;
        span.elsewhere = 0;
        let (visit, hop, retries) = (span.visit, span.hop, u32::from(span.retries));
        span.state = State::BackOff;
        let visit_of = &self.visits[visit];
        let attempt = retried(visit_of.attempt, retries);
        let mut draws = self.model.luck.draws(Stream::Retry {
            journey: visit_of.shopper,
            page: visit_of.number,
            hop,
            attempt,
        });
        let own = &self.scenario.gateway.retries.backoff;
        let wait = crate::model::nanos(backoff(own.as_ref(), retries, &mut draws));
        let again = self.model.luck.draws(visit_of.demand(hop, retries));
        let span = &mut self.spans[index];
        span.draws = again;
        let at = self.now + wait.min(span.deadline - self.now);
        span.next_event = self.calendar.schedule(at, Kind::Forward, index);
    }

    /// Notes a replica that did not give an answer worth passing on; how many there are now.
    fn note_tried(&mut self, index: u32, key: Option<ReplicaKey>) -> usize {
        let span = &mut self.spans[index];
        if span.tried == NONE {
            span.tried = self.tried.reuse(Vec::new);
        }
        let tried = &mut self.tried[span.tried];
        tried.extend(key);
        tried.len()
    }

    /// A request has come to its end: whoever asked goes on.
    pub(crate) fn end_request(&mut self, index: u32, end: End, service_time: Option<u64>) {
        self.over(index, end, service_time);
    }

    /// The same, in line where most requests end.
    #[inline(always)]
    fn over(&mut self, index: u32, end: End, service_time: Option<u64>) {
        let span = &mut self.spans[index];
        let latency = self.now - span.received;
        let (parent, visit, call) = (span.parent, span.visit, span.call);
        let (window, service, tried) = (span.window, span.service, span.end());
        self.give_away(index, tried);
        self.windows
            .service_ended(window, service, end, latency, service_time);
        if parent == NONE {
            self.page_ended(visit, end);
        } else {
            let place = self.model.calls[usize::from(call)].index;
            self.call_ended(parent, index, place, end);
        }
    }

    /// Gives a request's number away, and what was noted of its replicas.
    #[inline]
    fn give_away(&mut self, index: u32, tried: u32) {
        if tried != NONE {
            self.tried[tried].clear();
            self.tried.remove(tried);
        }
        self.spans.remove(index);
    }

    /// How long a part of a request's way takes.
    fn network_draw(&self, index: u32, leg: Leg) -> u64 {
        let delay = match leg {
            Leg::Gateway => &self.model.overhead,
            Leg::There | Leg::Back => &self.model.network,
        };
        let time = match delay {
            Delay::Constant(nanos) => return *nanos,
            Delay::Drawn(time) => time,
        };
        let span = &self.spans[index];
        let visit = &self.visits[span.visit];
        let stream = Stream::Network {
            journey: visit.shopper,
            page: visit.number,
            hop: span.hop,
            attempt: retried(visit.attempt, span.retries.into()),
        };
        let mut draws = self.model.luck.draws(stream);
        for _ in 0..leg as u32 {
            draws.bits();
        }
        time.sample_nanos(&mut draws)
    }

    /// The draws of a request's choice of a replica.
    pub(crate) fn balance_draws(&self, index: u32) -> LateDraws {
        let span = &self.spans[index];
        let stream = self.visits[span.visit].balance(span.hop, u32::from(span.retries));
        LateDraws::new(self.model.luck, stream, span.elsewhere)
    }
}

/// A part of a request's way, in the order in which their draws come.
#[derive(Clone, Copy, Debug)]
enum Leg {
    Gateway,
    There,
    Back,
}

/// Whether being late is the replica's fault: only if it had at least half of the time that a try may take.
fn late(waited: u64, limit: u64) -> Verdict {
    if waited.saturating_mul(2) >= limit {
        Verdict::Bad
    } else {
        Verdict::Neutral
    }
}
