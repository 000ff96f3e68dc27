//! The parts that the tests put together, and what they do to them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HOST;
use hyper::{Method, Request, Response, StatusCode};
use metrics::{Grid, Timestamp};
use serde_json::json;
use tokio::sync::{oneshot, watch};

use crate::protocol::{
    ChildConfig, Drain, Drained, Lease, Registered, ReplicaState, Role, headers,
};
use crate::registry::{RegistryClient, hold_lease};
use crate::{http, process, testing};

/// The leases of the made-up replicas.
pub(super) const LEASE: Duration = Duration::from_millis(300);

/// How a made-up replica behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Behaviour {
    /// It says what it was asked.
    Echo,
    /// It answers only 500, but its health checks are good.
    Fail,
    /// It answers that its own callee failed.
    FailCall,
    /// It never answers anything.
    Hang,
    /// It never answers, but its health checks are good.
    HangOnRequests,
    /// It breaks the connection off instead of answering.
    Break,
}

/// A thread with a runtime of its own: when it is killed, all its sockets close at once.
struct Killable {
    address: SocketAddr,
    kill: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Killable {
    async fn start<F, R>(listen: SocketAddr, run: F) -> Self
    where
        F: FnOnce(tokio::net::TcpListener) -> R + Send + 'static,
        R: Future<Output = ()>,
    {
        let (kill, killed) = oneshot::channel();
        let (listening, address) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = process::listen(listen).await.unwrap();
                listening.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = run(listener) => {}
                    _ = killed => {}
                }
            });
        });
        Self {
            address: address.await.unwrap(),
            kill: Some(kill),
            thread: Some(thread),
        }
    }

    fn kill(&mut self) {
        drop(self.kill.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Replica {
    process: Killable,
    behaviour: Arc<Mutex<Behaviour>>,
    lease: watch::Sender<Option<Lease>>,
}

/// A registry, a gateway, and replicas.
pub(super) struct World {
    pub(super) gateway: SocketAddr,
    registry: SocketAddr,
    gateway_process: Killable,
    registry_process: Killable,
    replicas: BTreeMap<String, Replica>,
    asked: Arc<AtomicU32>,
}

impl World {
    /// Starts so many replicas of each service, and waits until the gateway knows them all.
    pub(super) async fn start(services: &[(&str, u32)]) -> Self {
        let registry_process = start_registry(any()).await;
        let registry = registry_process.address;
        let gateway_process = start_gateway(any(), registry).await;
        let mut world = Self {
            gateway: gateway_process.address,
            registry,
            gateway_process,
            registry_process,
            replicas: BTreeMap::new(),
            asked: Arc::default(),
        };
        for (service, count) in services {
            for i in 0..*count {
                world.add(service, format!("{service}-{i}")).await;
            }
        }
        for (service, count) in services {
            eventually(Duration::from_secs(2), "all are known", async || {
                world.available(service).await == *count
            })
            .await;
        }
        world
    }

    async fn add(&mut self, service: &str, id: String) {
        let behaviour = Arc::new(Mutex::new(Behaviour::Echo));
        let (lease, leases) = watch::channel(None);
        let registry = RegistryClient::new(self.registry);
        let (own, asked) = (Arc::clone(&behaviour), Arc::clone(&self.asked));
        let (service, name) = (service.to_owned(), id.clone());
        let process = Killable::start(any(), async move |listener| {
            tokio::spawn(async move {
                hold_lease(registry, &service, &name, leases, |_, _| {}).await;
            });
            serve_replica(listener, own, asked).await;
        })
        .await;
        let address = process.address;
        let replica = Replica {
            process,
            behaviour,
            lease,
        };
        replica
            .lease
            .send_replace(Some(lease_of(&id, address, ReplicaState::Ready)));
        self.replicas.insert(id, replica);
    }

    pub(super) fn behave(&self, id: &str, behaviour: Behaviour) {
        *self.replicas[id].behaviour.lock().unwrap() = behaviour;
    }

    pub(super) fn lease(&self, id: &str, lease: Option<Lease>) {
        self.replicas[id].lease.send_replace(lease);
    }

    /// Says that a replica drains.
    pub(super) async fn drain(&self, id: &str) -> Registered {
        let lease = lease_of(
            id,
            self.replicas[id].process.address,
            ReplicaState::Draining,
        );
        self.lease(id, Some(lease));
        let service = id.split('-').next().unwrap();
        self.client().register(service, id, &lease).await.unwrap()
    }

    pub(super) fn kill(&mut self, id: &str) {
        self.replicas.get_mut(id).unwrap().process.kill();
    }

    pub(super) fn kill_registry(&mut self) {
        self.registry_process.kill();
    }

    pub(super) async fn start_registry(&mut self) {
        self.registry_process = start_registry(self.registry).await;
    }

    pub(super) fn kill_gateway(&mut self) {
        self.gateway_process.kill();
    }

    pub(super) async fn start_gateway(&mut self) {
        self.gateway_process = start_gateway(self.gateway, self.registry).await;
    }

    pub(super) fn client(&self) -> RegistryClient {
        RegistryClient::new(self.registry)
    }

    /// How many requests the replicas have had, health checks aside.
    pub(super) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    /// How many leases the registry lists.
    pub(super) async fn listed(&self) -> usize {
        let services = self.snapshot().await.services;
        services.values().map(BTreeMap::len).sum()
    }

    pub(super) async fn client_state(&self, id: &str) -> Option<ReplicaState> {
        let services = self.snapshot().await.services;
        services.values().find_map(|r| Some(r.get(id)?.state))
    }

    async fn snapshot(&self) -> crate::protocol::Snapshot {
        self.client()
            .watch((0, 0), Duration::ZERO, crate::registry::Part::All, None)
            .await
            .unwrap()
    }

    pub(super) async fn available(&self, service: &str) -> u32 {
        self.drained().await.services[service].available
    }

    pub(super) async fn drained(&self) -> Drained {
        let grid = Grid {
            start: Timestamp::EPOCH,
            length: Duration::from_secs(1),
        };
        self.drain_by(Drain { grid }).await
    }

    pub(super) async fn drain_by(&self, drain: Drain) -> Drained {
        let body = serde_json::to_string(&drain).unwrap();
        let answer = post(self.gateway, "/windows", &body, &[]).await;
        serde_json::from_slice(answer.body()).unwrap()
    }
}

fn any() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn lease_of(id: &str, address: SocketAddr, state: ReplicaState) -> Lease {
    let (_, ordinal) = id.split_once('-').unwrap();
    Lease {
        address,
        ordinal: ordinal.parse().unwrap(),
        state,
        lease_ms: u32::try_from(LEASE.as_millis()).unwrap(),
    }
}

fn config(role: Role, registry: Option<SocketAddr>) -> ChildConfig {
    ChildConfig {
        role,
        registry,
        ..testing::config()
    }
}

async fn start_registry(listen: SocketAddr) -> Killable {
    Killable::start(listen, |listener| {
        crate::registry::run(config(Role::Registry, None), listener)
    })
    .await
}

async fn start_gateway(listen: SocketAddr, registry: SocketAddr) -> Killable {
    Killable::start(listen, move |listener| {
        crate::gateway::run(config(Role::Gateway, Some(registry)), listener)
    })
    .await
}

async fn serve_replica(
    listener: tokio::net::TcpListener,
    behaviour: Arc<Mutex<Behaviour>>,
    asked: Arc<AtomicU32>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (behaviour, asked) = (Arc::clone(&behaviour), Arc::clone(&asked));
        let service = hyper::service::service_fn(move |request: Request<_>| {
            let (behaviour, asked) = (*behaviour.lock().unwrap(), Arc::clone(&asked));
            async move {
                let health = request.uri().path() == "/healthz";
                if !health {
                    asked.fetch_add(1, Ordering::SeqCst);
                }
                match behaviour {
                    Behaviour::Hang => std::future::pending().await,
                    _ if health => Ok(http::text(StatusCode::OK, "ok")),
                    Behaviour::HangOnRequests => std::future::pending().await,
                    Behaviour::Echo => Ok(echo(&request)),
                    Behaviour::Fail => Ok(http::error(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "made_up",
                        "a test",
                    )),
                    Behaviour::FailCall => {
                        let mut answer =
                            http::error(StatusCode::SERVICE_UNAVAILABLE, "made_up", "a test");
                        let value = hyper::header::HeaderValue::from_static("payment");
                        answer.headers_mut().insert(headers::FAILED_CALL, value);
                        Ok(answer)
                    }
                    Behaviour::Break => Err("a test"),
                }
            }
        });
        tokio::spawn(async move {
            let io = hyper_util::rt::TokioIo::new(stream);
            drop(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(io, service)
                    .await,
            );
        });
    }
}

fn echo(request: &Request<hyper::body::Incoming>) -> http::Answer {
    let mut seen = json!({"uri": request.uri().to_string()});
    for (name, value) in request.headers() {
        seen[name.as_str()] = json!(value.to_str().unwrap());
    }
    http::json(StatusCode::OK, &seen)
}

pub(super) async fn get(address: SocketAddr, path: &str) -> Response<Bytes> {
    get_with(address, path, &[]).await
}

pub(super) async fn get_with(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> Response<Bytes> {
    ask(Method::GET, address, path, "", headers).await
}

pub(super) async fn post(
    address: SocketAddr,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Response<Bytes> {
    ask(Method::POST, address, path, body, headers).await
}

async fn ask(
    method: Method,
    address: SocketAddr,
    path: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Response<Bytes> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, address.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap();
    http::exchange(address, request, Duration::from_secs(5))
        .await
        .unwrap()
}

/// Waits until something holds, at most so long.
pub(super) async fn eventually(limit: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
