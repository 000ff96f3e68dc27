//! One request's way to a replica and back, with as many tries as it may have.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use metrics::Timestamp;
use routing::{Health, Refusal, ReplicaKey, Try, Verdict};
use scenarios::{Draws, Stream};

use super::Shared;
use super::call::{Call, HOP_BY_HOP, value};
use super::counting::{End, Ended};
use super::routes::Target;
use crate::http::{self, Answer, ExchangeError};
use crate::protocol::{Shed, headers};

/// The most tries of a request whose connection broke.
const MOST_BROKEN: usize = 3;
/// The most kept connections of one request that may turn out to be closed.
const MOST_STALE: u32 = 64;
/// How one try came out.
enum Outcome {
    /// There is an answer.
    Answered(Response<Bytes>),
    /// It was never sent: the replica cannot be connected to.
    Unreachable(Health),
    /// It was never sent: an old connection was closed meanwhile.
    Stale,
    /// It was sent, and the connection broke.
    Broken,
    /// It took longer than this.
    TimedOut(Duration),
}

/// What comes after a try.
enum Step {
    /// It is over.
    Done(End, Answer),
    /// Again, elsewhere, at once.
    Elsewhere,
    /// Again, wherever, at once.
    Again,
    /// Again, after a wait: a retry that the asker allowed.
    Retry,
}

/// A request while it is under way. If it is dropped, because the asker went away, it is counted as failed.
struct Underway {
    shared: Arc<Shared>,
    service: String,
    received: Timestamp,
    began: Instant,
    /// Time that was not the gateway's own: with replicas, and in back-off.
    elsewhere: Duration,
    service_time: Option<Duration>,
    current: Option<(Try, Instant, Duration)>,
    ended: bool,
}

impl Shared {
    /// Forwards a request to its service.
    pub(super) async fn forward(
        self: Arc<Self>,
        request: Request<Incoming>,
        target: Target,
    ) -> Answer {
        let (head, body) = request.into_parts();
        let body = match http::read_body(body).await {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let mut underway = Underway::begin(&self, &target.service);
        let call = self.call(head, body, target, underway.began);
        let (end, answer) = underway.run(&call).await;
        underway.end(end);
        answer
    }

    /// Sends a try to a replica, and reads its answer.
    async fn send(&self, address: SocketAddr, request: Request<Full<Bytes>>) -> Outcome {
        let idle = self.connections.take(address);
        let reused = idle.is_some();
        let mut sender = match idle {
            Some(sender) => sender,
            None => match http::connect(address).await {
                Ok(sender) => sender,
                Err(e) => return Outcome::Unreachable(blame(&e)),
            },
        };
        if sender.ready().await.is_err() {
            return if reused {
                Outcome::Stale
            } else {
                Outcome::Broken
            };
        }
        let answer = match sender.try_send_request(request).await {
            Ok(answer) => answer,
            Err(e) if e.message().is_some() && reused => return Outcome::Stale,
            Err(_) => return Outcome::Broken,
        };
        match http::read_answer(address, answer).await {
            Ok(answer) => {
                self.connections.keep(address, sender);
                Outcome::Answered(answer)
            }
            Err(_) => Outcome::Broken,
        }
    }
}

impl Underway {
    fn begin(shared: &Arc<Shared>, service: &str) -> Self {
        let received = shared.clock.now();
        let mut state = shared.lock();
        state.counting.arrived(service, received);
        if let Some(service) = state.services.get_mut(service) {
            service.upstream.arrived(received);
        }
        drop(state);
        Self {
            shared: Arc::clone(shared),
            service: service.to_owned(),
            received,
            began: Instant::now(),
            elsewhere: Duration::ZERO,
            service_time: None,
            current: None,
            ended: false,
        }
    }

    /// Tries until there is an answer to give.
    async fn run(&mut self, call: &Call) -> (End, Answer) {
        let mut tries = Tries::default();
        let mut draws = self.draws(call, 0);
        loop {
            let (replica, address, id) = match self.begin_try(call, &tries.tried, &mut draws) {
                Ok(begun) => begun,
                Err(refusal) => return (End::Shed, self.turned_away(refusal)),
            };
            let outcome = self.one_try(call, address, tries.retries).await;
            match self.judge(call, outcome, &id, &tries) {
                Step::Done(end, answer) => return (end, answer),
                Step::Again => tries.stale += 1,
                Step::Elsewhere => tries.tried.push(replica),
                Step::Retry => {
                    tries.retries += 1;
                    tries.tried.push(replica);
                    draws = self.draws(call, tries.retries);
                    self.back_off(call, tries.retries).await;
                }
            }
        }
    }

    /// Asks the rules for a replica.
    fn begin_try(
        &mut self,
        call: &Call,
        tried: &[ReplicaKey],
        draws: &mut Draws,
    ) -> Result<(ReplicaKey, SocketAddr, String), Refusal> {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        let service = state
            .services
            .get_mut(&self.service)
            .expect("routes lead to services of the same scenario");
        let begun = service.upstream.begin(now, tried, draws)?;
        let Some(member) = service.members.get(begun.replica) else {
            service.upstream.end(now, begun, Verdict::Neutral);
            return Err(Refusal::NoReplica);
        };
        let found = (begun.replica, member.address, member.id.clone());
        drop(state);
        self.current = Some((begun, Instant::now(), call.try_limit));
        Ok(found)
    }

    async fn one_try(&mut self, call: &Call, address: SocketAddr, retry: u32) -> Outcome {
        let began = Instant::now();
        let left = call.deadline.saturating_duration_since(began);
        let limit = call.try_limit.min(left);
        let request = call.request(address, limit, retry);
        let send = self.shared.send(address, request);
        let outcome = tokio::time::timeout(limit, send)
            .await
            .unwrap_or(Outcome::TimedOut(limit));
        let took = began.elapsed();
        self.elsewhere += took;
        self.service_time = matches!(outcome, Outcome::Answered(_)).then_some(took);
        outcome
    }

    /// Ends the try, and says what comes next.
    fn judge(&mut self, call: &Call, outcome: Outcome, id: &str, tries: &Tries) -> Step {
        let may_retry = tries.retries < call.retries && Instant::now() < call.deadline;
        match outcome {
            Outcome::Answered(answer) => {
                let (verdict, end) = verdict(&answer);
                self.end_try(verdict);
                let blamed = !answer.headers().contains_key(headers::FAILED_CALL);
                if end != End::Served && blamed && may_retry && self.spend() {
                    return Step::Retry;
                }
                Step::Done(end, passed_on(answer, id))
            }
            Outcome::Stale => {
                self.end_try(Verdict::Neutral);
                if tries.stale < MOST_STALE {
                    Step::Again
                } else {
                    Step::Done(End::Failed, self.unreachable())
                }
            }
            Outcome::Unreachable(health) => self.unreached(health, tries),
            Outcome::Broken => {
                self.end_try(Verdict::Bad);
                let again = call.repeatable && tries.tried.len() < MOST_BROKEN;
                if again && self.spend() {
                    Step::Elsewhere
                } else {
                    Step::Done(End::Failed, self.broken(id))
                }
            }
            Outcome::TimedOut(limit) => {
                self.end_try(late(limit, call.try_limit));
                if may_retry && self.spend() {
                    Step::Retry
                } else {
                    Step::Done(End::TimedOut, self.timed_out(limit))
                }
            }
        }
    }

    /// After a connection that could not be made: nothing was sent, so any other replica may be tried, and it costs
    /// nothing of the retry budget.
    fn unreached(&mut self, health: Health, tries: &Tries) -> Step {
        let a_try = self.current.as_ref().map(|(a_try, ..)| a_try.replica);
        let refused = health == Health::Refused;
        self.end_try(if refused {
            Verdict::Bad
        } else {
            Verdict::Neutral
        });
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        let Some(service) = state.services.get_mut(&self.service) else {
            return Step::Done(End::Failed, self.unreachable());
        };
        if let (true, Some(replica)) = (refused, a_try) {
            service.upstream.check(now, replica, health);
        }
        if tries.tried.len() + 1 < service.upstream.pool().ready() {
            Step::Elsewhere
        } else {
            Step::Done(End::Failed, self.unreachable())
        }
    }

    fn end_try(&mut self, verdict: Verdict) {
        let Some((a_try, ..)) = self.current.take() else {
            return;
        };
        let now = self.shared.clock.now();
        if let Some(service) = self.shared.lock().services.get_mut(&self.service) {
            service.upstream.end(now, a_try, verdict);
        }
    }

    /// Takes a retry from the budget, if there is one.
    fn spend(&self) -> bool {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        let granted = state
            .services
            .get_mut(&self.service)
            .is_some_and(|service| service.upstream.may_retry(now));
        if granted {
            state.counting.retried(&self.service, self.received);
        }
        granted
    }

    async fn back_off(&mut self, call: &Call, retry: u32) {
        let own = self.shared.lock().settings.retries.backoff.clone();
        let wait = routing::backoff(own.as_ref(), retry, &mut self.jitter(call, retry));
        let left = call.deadline.saturating_duration_since(Instant::now());
        tokio::time::sleep(wait.min(left)).await;
        self.elsewhere += wait.min(left);
    }

    fn draws(&self, call: &Call, retry: u32) -> Draws {
        let trace = call.traced(retry);
        let stream = Stream::Balance {
            journey: trace.journey,
            page: trace.page,
            hop: trace.hop,
            attempt: trace.attempt,
        };
        Draws::new(self.shared.seed, stream)
    }

    fn jitter(&self, call: &Call, retry: u32) -> Draws {
        let trace = call.traced(retry);
        let stream = Stream::Retry {
            journey: trace.journey,
            page: trace.page,
            hop: trace.hop,
            attempt: trace.attempt,
        };
        Draws::new(self.shared.seed, stream)
    }

    /// The answer to a request that may not be sent anywhere.
    fn turned_away(&self, refusal: Refusal) -> Answer {
        let (service, now) = (&self.service, self.shared.clock.now());
        let (shed, why, after) = match refusal {
            Refusal::BreakerOpen { until } => (
                Shed::BreakerOpen,
                format!("{service} failed too often and is left alone for a while"),
                until.since(now).as_secs_f64().ceil().max(1.0) as u64,
            ),
            Refusal::Bulkhead => (
                Shed::Bulkhead,
                format!("too many requests to {service} are in flight"),
                1,
            ),
            Refusal::NoReplica => (
                Shed::NoReplica,
                format!("no replica of {service} takes requests"),
                1,
            ),
        };
        let mut answer = http::error(StatusCode::SERVICE_UNAVAILABLE, shed.name(), why);
        let all = answer.headers_mut();
        all.insert(headers::SHED, HeaderValue::from_static(shed.name()));
        all.insert(RETRY_AFTER, HeaderValue::from(after));
        answer
    }

    fn unreachable(&self) -> Answer {
        let why = format!("no replica of {} can be connected to", self.service);
        http::error(StatusCode::BAD_GATEWAY, "unreachable", why)
    }

    fn broken(&self, id: &str) -> Answer {
        let why = format!("{id} of {} broke off without an answer", self.service);
        http::error(StatusCode::BAD_GATEWAY, "broken", why)
    }

    fn timed_out(&self, limit: Duration) -> Answer {
        let why = format!("{} did not answer within {limit:?}", self.service);
        http::error(StatusCode::GATEWAY_TIMEOUT, "timeout", why)
    }

    fn end(mut self, end: End) {
        self.count(end);
    }

    fn count(&mut self, end: End) {
        self.ended = true;
        let latency = self.began.elapsed();
        let ended = Ended {
            received: self.received,
            end,
            latency,
            service_time: self.service_time,
            overhead: latency.saturating_sub(self.elsewhere),
        };
        self.shared.lock().counting.ended(&self.service, &ended);
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if let Some((_, began, limit)) = self.current {
            self.elsewhere += began.elapsed();
            self.end_try(late(began.elapsed(), limit));
        }
        if !self.ended {
            self.count(End::Failed);
        }
    }
}

/// How often a request was tried again so far.
#[derive(Default)]
struct Tries {
    /// Retries that the asker allowed.
    retries: u32,
    /// Connections that turned out to be closed.
    stale: u32,
    /// Replicas that did not give an answer worth passing on.
    tried: Vec<ReplicaKey>,
}

/// What an answer says of the replica, and how it counts.
fn verdict(answer: &Response<Bytes>) -> (Verdict, End) {
    let status = answer.status();
    let has = |name| answer.headers().contains_key(name);
    if !status.is_server_error() {
        (Verdict::Good, End::Served)
    } else if has(headers::FAILED_CALL) {
        let end = if status == StatusCode::GATEWAY_TIMEOUT {
            End::TimedOut
        } else {
            End::Failed
        };
        (Verdict::Neutral, end)
    } else if status == StatusCode::SERVICE_UNAVAILABLE && has(headers::SHED) {
        (Verdict::Neutral, End::Shed)
    } else {
        (Verdict::Bad, End::Failed)
    }
}

/// Whether being late is the replica's fault: only if it had at least half of the time that a try may take.
fn late(waited: Duration, limit: Duration) -> Verdict {
    if waited * 2 >= limit {
        Verdict::Bad
    } else {
        Verdict::Neutral
    }
}

/// What a failed connection says of the replica.
fn blame(error: &ExchangeError) -> Health {
    match error {
        ExchangeError::Connect { source, .. }
            if source.kind() == std::io::ErrorKind::ConnectionRefused =>
        {
            Health::Refused
        }
        // As when this process has no file descriptor left: not the replica's fault.
        _ => Health::Unwell,
    }
}

/// A replica's answer, as it goes back to the asker.
fn passed_on(answer: Response<Bytes>, id: &str) -> Answer {
    let (mut head, body) = answer.into_parts();
    for name in HOP_BY_HOP {
        head.headers.remove(name);
    }
    head.headers.insert(headers::REPLICA, value(id));
    Response::from_parts(head, Full::new(body))
}
