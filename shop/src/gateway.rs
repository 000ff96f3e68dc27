//! The gateway: all calls go through it, from shoppers and between services.
//!
//! Whom a request may go to, and whether, is decided by [`routing`]; here is only what that needs of the world: sockets,
//! the registry's watch, health checks, time limits and counting.

mod call;
mod connections;
mod counting;
mod exposition;
mod forward;
mod health;
mod members;
mod routes;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use metrics::Timestamp;
use routing::{BreakerState, ReplicaKey, Upstream};
use scenarios::{Balance, Gateway};
use tokio::net::TcpListener;

use crate::Clock;
use crate::http::{self, Answer};
use crate::protocol::{ChildConfig, Drained, ServiceState, Snapshot};
use crate::registry::{Part, RegistryClient, check_gateway, follow};
use connections::Connections;
use counting::Counting;
use members::Members;
use routes::Routes;

/// How long a gateway that has just started waits for the registry's first word before it takes requests.
const FIRST_WORD: Duration = Duration::from_millis(400);
/// How often replicas that lost their lease are looked at.
const SWEEP: Duration = Duration::from_millis(500);
/// The name under which the gateway watches the registry.
const WATCHER: &str = "gateway";

/// Everything that the gateway's tasks share.
struct Shared {
    seed: u64,
    clock: Clock,
    routes: Routes,
    connections: Connections,
    state: Mutex<State>,
}

/// What changes.
struct State {
    settings: Gateway,
    services: BTreeMap<String, Service>,
    counting: Counting,
    /// Requests without a `traceparent`, which draw by their number.
    nameless: u64,
}

/// One called service.
struct Service {
    /// How its replicas are chosen, if not as the gateway says.
    balance: Option<Balance>,
    upstream: Upstream,
    members: Members,
}

/// Serves the gateway until the process ends.
pub(crate) async fn run(config: ChildConfig, listener: TcpListener) {
    let shared = Arc::new(Shared::new(&config));
    if let Some(registry) = config.registry {
        let (first, heard) = tokio::sync::oneshot::channel();
        tokio::spawn(watch(Arc::clone(&shared), registry, first));
        drop(tokio::time::timeout(FIRST_WORD, heard).await);
    }
    tokio::spawn(sweep(Arc::clone(&shared)));
    http::serve(listener, move |request| Arc::clone(&shared).answer(request)).await;
}

/// Follows the registry.
async fn watch(shared: Arc<Shared>, registry: SocketAddr, first: tokio::sync::oneshot::Sender<()>) {
    let mut first = Some(first);
    let client = RegistryClient::new(registry);
    follow(client, Part::All, Some(WATCHER), |snapshot| {
        for (service, id, key, address) in shared.apply(&snapshot) {
            tokio::spawn(health::check_for_ever(
                Arc::clone(&shared),
                service,
                id,
                key,
                address,
            ));
        }
        if let Some(first) = first.take() {
            // Nobody listens any more if the first word came late.
            let _late = first.send(());
        }
    })
    .await;
}

/// Forgets replicas that lost their lease and look dead.
async fn sweep(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let now = shared.clock.now();
        let mut gone = Vec::new();
        for service in shared.lock().services.values_mut() {
            gone.extend(service.members.sweep(now, &mut service.upstream));
        }
        shared.connections.forget(&gone);
    }
}

impl Shared {
    fn new(config: &ChildConfig) -> Self {
        let settings = config.shop.gateway.clone();
        let services = config
            .shop
            .services
            .iter()
            .map(|(name, service)| {
                let balance = service.balance;
                let service = Service {
                    balance,
                    upstream: Upstream::new(&balanced(&settings, balance)),
                    members: Members::default(),
                };
                (name.clone(), service)
            })
            .collect();
        Self {
            seed: config.shop.seed,
            clock: Clock::start(),
            routes: Routes::of(&config.shop),
            connections: Connections::default(),
            state: Mutex::new(State {
                settings,
                services,
                counting: Counting::default(),
                nameless: 0,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No task panics while it holds the lock; if one did, counts might be off by one, no more.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the registry knows. Returns the replicas that are new.
    fn apply(&self, snapshot: &Snapshot) -> Vec<(String, String, ReplicaKey, SocketAddr)> {
        let now = self.clock.now();
        let (mut added, mut gone) = (Vec::new(), Vec::new());
        let nobody = BTreeMap::new();
        let mut state = self.lock();
        for (name, service) in &mut state.services {
            let listed = snapshot.services.get(name).unwrap_or(&nobody);
            let change = service.members.apply(now, &mut service.upstream, listed);
            gone.extend(change.gone);
            for (id, key, address) in change.added {
                added.push((name.clone(), id, key, address));
            }
        }
        if let Some(setting) = snapshot.config.get("gateway") {
            state.configure(now, &setting.value);
        }
        drop(state);
        self.connections.forget(&gone);
        added
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        match (request.method(), path) {
            (&Method::GET, "/healthz") => http::text(StatusCode::OK, "ok\n"),
            (&Method::GET, "/readyz") => self.ready(),
            (&Method::GET, "/metrics") => http::text(StatusCode::OK, self.exposition()),
            (&Method::POST, "/windows") => self.drain(request).await,
            _ => match self.routes.find(request.method(), path) {
                Some(target) => self.forward(request, target).await,
                None => http::error(
                    StatusCode::NOT_FOUND,
                    "not_found",
                    "no operation of the scenario has this method and path",
                ),
            },
        }
    }

    fn ready(&self) -> Answer {
        let state = self.lock();
        let missing: Vec<&str> = state
            .services
            .iter()
            .filter(|(_, s)| s.upstream.pool().ready() == 0)
            .map(|(name, _)| name.as_str())
            .collect();
        if missing.is_empty() {
            http::text(StatusCode::OK, "ok\n")
        } else {
            let why = format!("no replica of {} takes requests", missing.join(", "));
            http::error(StatusCode::SERVICE_UNAVAILABLE, "not_ready", why)
        }
    }

    async fn drain(&self, request: Request<Incoming>) -> Answer {
        let drain = match http::read_json(request.into_body()).await {
            Ok(drain) => drain,
            Err(answer) => return answer,
        };
        let now = self.clock.now();
        let mut state = self.lock();
        let services = state.standing(now);
        let (pieces, overhead) = state.counting.drain(drain);
        drop(state);
        let drained = Drained {
            pieces,
            services,
            overhead,
        };
        http::json(StatusCode::OK, &drained)
    }

    fn exposition(&self) -> String {
        let state = self.lock();
        exposition::text(&state.standing(self.clock.now()), state.counting.totals())
    }
}

/// The settings for a service that may have a balance of its own.
fn balanced(settings: &Gateway, own: Option<Balance>) -> Gateway {
    Gateway {
        balance: own.unwrap_or(settings.balance),
        ..settings.clone()
    }
}

impl State {
    /// Takes new settings, if they are good: the registry has checked them, but it is another process.
    fn configure(&mut self, now: Timestamp, value: &serde_json::Value) {
        let Ok(settings) = serde_json::from_value::<Gateway>(value.clone()) else {
            return;
        };
        if settings == self.settings || check_gateway(&settings).is_err() {
            return;
        }
        for service in self.services.values_mut() {
            let own = balanced(&settings, service.balance);
            service.upstream.configure(now, &own);
        }
        self.settings = settings;
    }

    fn standing(&self, now: Timestamp) -> BTreeMap<String, ServiceState> {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.services
            .iter()
            .map(|(name, service)| {
                let pool = service.upstream.pool();
                let state = ServiceState {
                    in_flight: service.upstream.in_flight(),
                    available: count(pool.available()),
                    ejected: count(pool.ejected(now)),
                    breaker_open: service.upstream.breaker(now) != BreakerState::Closed,
                };
                (name.clone(), state)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
