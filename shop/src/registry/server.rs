//! The registry over HTTP.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::state::{Refused, Registry};
use crate::Clock;
use crate::http::{self, Answer};
use crate::protocol::{Acknowledged, ChildConfig, Snapshot};

/// The longest that a watcher is kept waiting.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often, at least, leases are looked at.
const EXPIRY: Duration = Duration::from_millis(250);

/// The registry and those who wait for news of it.
struct Shared {
    registry: Mutex<Registry>,
    clock: Clock,
    /// Counts changes and acknowledgements.
    news: watch::Sender<u64>,
}

/// Serves the registry until the process ends.
pub(crate) async fn run(config: ChildConfig, listener: TcpListener) {
    let clock = Clock::start();
    // The instant of the start: no two lives of a registry begin in the same nanosecond.
    let epoch = u64::try_from(clock.now().as_nanos()).unwrap_or(0);
    let shared = Arc::new(Shared {
        registry: Mutex::new(Registry::new(config.shop, epoch)),
        clock,
        news: watch::Sender::new(0),
    });
    let expiring = Arc::clone(&shared);
    tokio::spawn(async move { expiring.expire().await });
    http::serve(listener, move |request| {
        let shared = Arc::clone(&shared);
        async move { shared.answer(request).await }
    })
    .await;
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Registry> {
        // A panic cannot leave the registry half changed: it changes one value at a time.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the registry, and tells those who wait if there is something new.
    fn change<T>(&self, change: impl FnOnce(&mut Registry) -> T) -> T {
        let mut registry = self.lock();
        let before = registry.version();
        let result = change(&mut registry);
        if registry.version() != before {
            self.news.send_modify(|count| *count += 1);
        }
        result
    }

    async fn expire(&self) {
        loop {
            let now = self.clock.now();
            let next = self.change(|registry| registry.expire(now));
            let wait = next.map_or(EXPIRY, |next| next.since(now).min(EXPIRY));
            tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let query = query(request.uri().query().unwrap_or_default());
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["healthz" | "readyz"]) => http::text(StatusCode::OK, "ok\n"),
            (&Method::GET, ["metrics"]) => http::text(StatusCode::OK, self.metrics()),
            (&Method::GET, ["watch"]) => self.watch(&query).await,
            (&Method::GET, ["acknowledged"]) => self.acknowledged(&query).await,
            (&Method::PUT, ["services", service, replica]) => {
                let lease = match http::read_json(request.into_body()).await {
                    Ok(lease) => lease,
                    Err(answer) => return answer,
                };
                let now = self.clock.now();
                answer(self.change(|r| r.put(now, service, replica, lease)))
            }
            (&Method::DELETE, ["services", service, replica]) => {
                http::json(StatusCode::OK, &self.change(|r| r.remove(service, replica)))
            }
            (&Method::GET, ["config"]) => http::json(StatusCode::OK, &self.lock().config()),
            (&Method::GET, ["config", key @ ..]) => {
                match self.lock().config().get(&key.join("/")) {
                    Some(setting) => http::json(StatusCode::OK, setting),
                    None => not_found("this key is not set"),
                }
            }
            (&Method::PUT, ["config", key @ ..]) => {
                let value = match http::read_json(request.into_body()).await {
                    Ok(value) => value,
                    Err(answer) => return answer,
                };
                answer(self.change(|r| r.set(&key.join("/"), value)))
            }
            _ => not_found(
                "the registry has /services, /watch, /acknowledged, /config, /healthz, /readyz, /metrics",
            ),
        }
    }

    /// Answers at once if there is something that the asker has not seen, else when there is, or the wait is over.
    async fn watch(&self, query: &BTreeMap<&str, &str>) -> Answer {
        let number = |key| query.get(key).and_then(|v: &&str| v.parse::<u64>().ok());
        let (epoch, since) = (number("epoch").unwrap_or(0), number("since").unwrap_or(0));
        let wait = wait(query);
        let only_config = query.get("part") == Some(&"config");
        let mut news = self.news.subscribe();
        if let Some(watcher) = query.get("watcher").filter(|w| w.len() <= 64) {
            let now = self.clock.now();
            let mut registry = self.lock();
            let seen = if registry.epoch() == epoch { since } else { 0 };
            registry.seen(now, watcher, seen, wait);
            drop(registry);
            self.news.send_modify(|count| *count += 1);
        }
        let fresh = || {
            let registry = self.lock();
            let version = if only_config {
                registry.settings_version()
            } else {
                registry.version()
            };
            registry.epoch() != epoch || version > since
        };
        wait_until(&mut news, wait, fresh).await;
        http::json(StatusCode::OK, &self.snapshot(only_config))
    }

    fn snapshot(&self, only_config: bool) -> Snapshot {
        let registry = self.lock();
        if only_config {
            registry.settings()
        } else {
            registry.snapshot()
        }
    }

    async fn acknowledged(&self, query: &BTreeMap<&str, &str>) -> Answer {
        let Some(version) = query.get("version").and_then(|v| v.parse().ok()) else {
            return http::error(
                StatusCode::BAD_REQUEST,
                "bad_query",
                "version must be a whole number",
            );
        };
        let mut news = self.news.subscribe();
        let done = || self.lock().acknowledged(self.clock.now(), version);
        wait_until(&mut news, wait(query), done).await;
        let acknowledged = done();
        http::json(StatusCode::OK, &Acknowledged { acknowledged })
    }

    fn metrics(&self) -> String {
        let registry = self.lock();
        let mut out = String::from(
            "# HELP rushhour_registry_replicas Living leases.\n# TYPE rushhour_registry_replicas gauge\n",
        );
        for (service, replicas) in &registry.snapshot().services {
            // Services are those of the checked scenario: their names need no escaping.
            writeln!(
                out,
                "rushhour_registry_replicas{{service=\"{service}\"}} {}",
                replicas.len()
            )
            .expect("writing to memory does not fail");
        }
        writeln!(
            out,
            "# HELP rushhour_registry_version Goes up with every change.\n# TYPE rushhour_registry_version counter\n\
             rushhour_registry_version {}",
            registry.version()
        )
        .expect("writing to memory does not fail");
        out
    }
}

/// Waits until something holds, at most so long. It is asked after each piece of news.
async fn wait_until(
    news: &mut watch::Receiver<u64>,
    wait: Duration,
    mut holds: impl FnMut() -> bool,
) {
    let deadline = tokio::time::Instant::now() + wait;
    while !holds() {
        match tokio::time::timeout_at(deadline, news.changed()).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

fn wait(query: &BTreeMap<&str, &str>) -> Duration {
    let ms = query.get("wait_ms").and_then(|v| v.parse().ok());
    Duration::from_millis(ms.unwrap_or(0)).min(LONGEST_WAIT)
}

/// The keys and values of a query whose values need no escapes.
fn query(text: &str) -> BTreeMap<&str, &str> {
    text.split('&').filter_map(|p| p.split_once('=')).collect()
}

fn answer<T: serde::Serialize>(result: Result<T, Refused>) -> Answer {
    match result {
        Ok(value) => http::json(StatusCode::OK, &value),
        Err(refused) => http::error(
            StatusCode::UNPROCESSABLE_ENTITY,
            "refused",
            refused.to_string(),
        ),
    }
}

fn not_found(why: &str) -> Answer {
    http::error(StatusCode::NOT_FOUND, "not_found", why)
}
