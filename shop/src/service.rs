//! A replica of a service: one process, with its slots, its waiting room and its database connection.
//!
//! It does what the scenario says of its operations ([`steps`]) with the shop's real work inside ([`business`]), counts
//! itself ([`counters`]), breaks as it is told ([`ailment`]) and leaves without losing a request ([`life`]).
//!
//! A request whose asker goes away is dropped, wherever it is: it frees its slot at once.

mod ailment;
mod ask;
mod auth;
mod business;
mod calls;
mod catalogue;
mod counters;
mod life;
pub(crate) mod order;
pub(crate) mod payment;
mod room;
mod steps;
pub(crate) mod token;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Method, Request, StatusCode};
use pacer::{Mode, Pacer};
use scenarios::{Draws, Operation, Service, Stream, Trace};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::database::Database;
use crate::http::{self, Answer};
use crate::protocol::{ChildConfig, Faults, ReplicaConfig, ReplicaState, Role, Shed, headers};
use crate::registry::RegistryClient;
use crate::{Clock, ShopError};
use ailment::Ailment;
use ask::{Ask, Reply};
use calls::Gateway;
use counters::{Counters, End};
use room::Room;
use token::Secret;

/// The word for a void, which *payment* knows whether the scenario has it or not.
pub(crate) const VOID: &str = "void";

/// Everything that a replica's tasks share.
#[derive(Debug)]
struct Replica {
    role: Role,
    config: ReplicaConfig,
    service: Service,
    seed: u64,
    run: u32,
    clock: Clock,
    secret: Secret,
    pacer: Pacer,
    room: Arc<Room>,
    /// CPUs for work that burns.
    cpus: Arc<Semaphore>,
    gateway: Gateway,
    database: OnceLock<Database>,
    counters: Mutex<Counters>,
    ailment: watch::Sender<Ailment>,
    state: watch::Sender<ReplicaState>,
    /// Requests that came and are not answered yet.
    open: AtomicU32,
    nameless: AtomicU64,
}

/// Serves a replica until it was drained or the process ends.
pub(crate) async fn run(config: ChildConfig, listener: TcpListener) -> Result<(), ShopError> {
    let started = Instant::now();
    let address = listener
        .local_addr()
        .map_err(ShopError::io("asking for the own address"))?;
    let registry = config
        .registry
        .map(RegistryClient::new)
        .ok_or_else(|| ShopError::Config("a replica needs the registry's address".into()))?;
    let replica = Arc::new(Replica::new(config)?);
    let served = Arc::clone(&replica);
    tokio::select! {
        () = http::serve(listener, move |request| Arc::clone(&served).answer(request)) => Ok(()),
        ended = life::live(replica, registry, address, started) => ended,
    }
}

/// A request that is being answered, until this is dropped.
struct Open(Arc<Replica>);

impl Open {
    fn begin(replica: &Arc<Replica>) -> Self {
        replica.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(replica))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a request as failed if it is dropped before its end, because its asker went away.
struct Tally<'a> {
    replica: &'a Replica,
    operation: &'a str,
    ended: bool,
}

impl Tally<'_> {
    fn served(mut self, own: Duration, overrun: Duration) {
        self.ended = true;
        let mut counters = self.replica.counters();
        counters.served(self.operation, own, self.replica.service.limit);
        counters.overran(overrun);
    }

    fn ended(mut self, end: End) {
        self.ended = true;
        self.replica.counters().ended(self.operation, end);
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.replica.counters().ended(self.operation, End::Failed);
        }
    }
}

impl Replica {
    fn new(config: ChildConfig) -> Result<Self, ShopError> {
        let missing = |what: &str| ShopError::Config(format!("a replica needs {what}"));
        let replica = config
            .replica
            .ok_or_else(|| missing("to know which it is"))?;
        let gateway: SocketAddr = config
            .gateway
            .ok_or_else(|| missing("the gateway's address"))?;
        let service = config
            .shop
            .services
            .get(&replica.service)
            .cloned()
            .ok_or_else(|| ShopError::Config(format!("the shop has no {}", replica.service)))?;
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let ailment = Ailment::of(&replica.id, replica.deploy, &Faults::default());
        Ok(Self {
            role: config.role,
            room: Room::new(service.slots, service.queue),
            service,
            config: replica,
            seed: config.shop.seed,
            run: config.run,
            clock: Clock::start(),
            secret: Secret::of(config.shop.seed, config.run),
            pacer: Pacer::new(Mode::Balanced).map_err(ShopError::io("making a timer"))?,
            cpus: Arc::new(Semaphore::new(cpus)),
            gateway: Gateway::new(gateway),
            database: OnceLock::new(),
            counters: Mutex::default(),
            ailment: watch::Sender::new(ailment),
            state: watch::Sender::new(ReplicaState::Starting),
            open: AtomicU32::new(0),
            nameless: AtomicU64::new(0),
        })
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        // No task panics while it holds the lock; if one did, a count might be off by one, no more.
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ailment(&self) -> Ailment {
        *self.ailment.borrow()
    }

    fn database(&self) -> Option<Database> {
        self.database.get().cloned()
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_nanos() / 1_000_000
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        if self.ailment().hang {
            // It fails only when the process ends.
            self.ailment
                .subscribe()
                .wait_for(|ailment| !ailment.hang)
                .await
                .ok();
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/healthz") => self.healthy(),
            (&Method::GET, "/readyz") => self.ready(),
            (&Method::GET, "/metrics") => {
                let (slots, ledger) = (self.room.slots(), self.room.ledger());
                http::text(StatusCode::OK, self.counters().text(slots, &ledger))
            }
            _ => {
                let open = Open::begin(&self);
                let answer = self.operate(request).await;
                drop(open);
                answer
            }
        }
    }

    fn healthy(&self) -> Answer {
        if self.ailment().fail >= 1.0 {
            return http::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "injected",
                "an injected fault",
            );
        }
        http::text(StatusCode::OK, "ok\n")
    }

    fn ready(&self) -> Answer {
        let state = *self.state.borrow();
        match state {
            ReplicaState::Ready => http::text(StatusCode::OK, "ok\n"),
            ReplicaState::Starting => http::error(
                StatusCode::SERVICE_UNAVAILABLE,
                "starting",
                "the replica is not ready yet",
            ),
            ReplicaState::Draining => http::error(
                StatusCode::SERVICE_UNAVAILABLE,
                Shed::Draining.name(),
                "the replica finishes what it has",
            ),
        }
    }

    /// Answers a request to an operation.
    async fn operate(self: &Arc<Self>, request: Request<Incoming>) -> Answer {
        let arrived = Instant::now();
        let (head, body) = request.into_parts();
        let name = head
            .headers
            .get(headers::OPERATION)
            .and_then(|name| name.to_str().ok());
        let Some((name, operation)) = name.and_then(|name| Some((name, self.operation(name)?)))
        else {
            let why = format!(
                "{} has no such operation; calls come through the gateway",
                self.config.service
            );
            return http::error(StatusCode::NOT_FOUND, "not_found", why);
        };
        let body = match http::read_body(body).await {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let tally = Tally {
            replica: self,
            operation: name,
            ended: false,
        };
        let Ok(slot) = self.room.enter().await else {
            tally.ended(End::Shed);
            return shed(Shed::QueueFull, "the waiting room is full");
        };
        let ask = Ask::read(operation, &head.uri, &head.headers, &body, self.nameless());
        let done = if self.fails(ask.trace) {
            let why = "an injected fault, or a bad deploy";
            let reply = Reply::error(StatusCode::INTERNAL_SERVER_ERROR, "injected", why);
            steps::Done {
                reply,
                calls: Duration::ZERO,
                overrun: Duration::ZERO,
            }
        } else if self.role != Role::Service && self.database.get().is_none() {
            let why = "the database is not open yet";
            let reply = Reply::error(StatusCode::SERVICE_UNAVAILABLE, "starting", why);
            steps::Done {
                reply,
                calls: Duration::ZERO,
                overrun: Duration::ZERO,
            }
        } else {
            steps::perform(self, &ask, operation, name).await
        };
        drop(slot);
        if done.reply.status.is_server_error() {
            tally.ended(End::Failed);
        } else {
            tally.served(arrived.elapsed().saturating_sub(done.calls), done.overrun);
        }
        answer_of(&done.reply)
    }

    fn operation(&self, name: &str) -> Option<&Operation> {
        static NO_STEPS: Operation = Operation {
            route: None,
            steps: Vec::new(),
        };
        let void = || (self.role == Role::Payment && name == VOID).then_some(&NO_STEPS);
        self.service.operations.get(name).or_else(void)
    }

    /// Whether this request is one of those that fail. The same request fails wherever it goes.
    fn fails(&self, trace: Trace) -> bool {
        let share = self.ailment().fail;
        if share <= 0.0 {
            return false;
        }
        let Trace {
            journey,
            page,
            hop,
            attempt,
            ..
        } = trace;
        let mut draws = Draws::new(
            self.seed,
            Stream::Failure {
                journey,
                page,
                hop,
                attempt,
            },
        );
        share >= 1.0 || draws.uniform() < share
    }

    /// The name of a request that has none of ours.
    fn nameless(&self) -> Trace {
        let number = self.nameless.fetch_add(1, Ordering::Relaxed);
        let journey = u64::MAX - (u64::from(self.config.ordinal) << 32) - number;
        Trace {
            run: self.run,
            journey,
            page: 0,
            hop: 0,
            attempt: 0,
        }
    }
}

fn answer_of(reply: &Reply) -> Answer {
    let mut answer = http::json(reply.status, &reply.body);
    let failed = reply
        .failed_call
        .as_deref()
        .and_then(|service| HeaderValue::from_str(service).ok());
    if let Some(service) = failed {
        answer.headers_mut().insert(headers::FAILED_CALL, service);
    }
    answer
}

fn shed(shed: Shed, why: &str) -> Answer {
    let mut answer = http::error(StatusCode::SERVICE_UNAVAILABLE, shed.name(), why);
    answer
        .headers_mut()
        .insert(headers::SHED, HeaderValue::from_static(shed.name()));
    answer
}

#[cfg(test)]
mod tests;
