//! The registry as seen from the other processes.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::http::{self, ExchangeError};
use crate::protocol::{Acknowledged, ErrorBody, Lease, Registered, Setting, Snapshot};

/// How long the registry may take to answer, beyond the wait that is asked for.
const LIMIT: Duration = Duration::from_secs(1);
/// The wait after an exchange with the registry failed.
const PAUSE: Duration = Duration::from_millis(100);
/// How long one watch waits for news.
const WATCH: Duration = Duration::from_secs(10);

/// What of the registry is watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// Replicas and configuration.
    All,
    /// The configuration only.
    Config,
}

/// Speaks with the registry.
#[derive(Clone, Copy, Debug)]
pub struct RegistryClient {
    address: SocketAddr,
}

impl RegistryClient {
    /// The client of the registry at `address`.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Takes or renews a lease.
    ///
    /// # Errors
    /// If the registry does not answer, or refuses.
    pub async fn register(
        &self,
        service: &str,
        replica: &str,
        lease: &Lease,
    ) -> Result<Registered, ExchangeError> {
        let path = format!("/services/{service}/{replica}");
        self.ask(Method::PUT, &path, Some(lease), LIMIT).await
    }

    /// Ends a lease.
    ///
    /// # Errors
    /// If the registry does not answer.
    pub async fn deregister(
        &self,
        service: &str,
        replica: &str,
    ) -> Result<Registered, ExchangeError> {
        let path = format!("/services/{service}/{replica}");
        self.ask(Method::DELETE, &path, None::<&()>, LIMIT).await
    }

    /// Sets a key of the configuration.
    ///
    /// # Errors
    /// If the registry does not answer, or refuses.
    pub async fn set(
        &self,
        key: &str,
        value: &(impl Serialize + Sync),
    ) -> Result<Setting, ExchangeError> {
        self.ask(Method::PUT, &format!("/config/{key}"), Some(value), LIMIT)
            .await
    }

    /// All there is, once it is newer than what `known` says (epoch and version), or when `wait` is over. A `watcher`
    /// with a name is one whose acknowledgement counts.
    ///
    /// # Errors
    /// If the registry does not answer.
    pub async fn watch(
        &self,
        known: (u64, u64),
        wait: Duration,
        part: Part,
        watcher: Option<&str>,
    ) -> Result<Snapshot, ExchangeError> {
        let (epoch, since) = known;
        let wait_ms = wait.as_millis();
        let mut path = format!("/watch?epoch={epoch}&since={since}&wait_ms={wait_ms}");
        if part == Part::Config {
            path.push_str("&part=config");
        }
        if let Some(watcher) = watcher {
            path.push_str("&watcher=");
            path.push_str(watcher);
        }
        self.ask(Method::GET, &path, None::<&()>, wait + LIMIT)
            .await
    }

    /// Waits until all named watchers have seen `version`, at most so long.
    ///
    /// # Errors
    /// If the registry does not answer.
    pub async fn acknowledged(
        &self,
        version: u64,
        wait: Duration,
    ) -> Result<Acknowledged, ExchangeError> {
        let path = format!(
            "/acknowledged?version={version}&wait_ms={}",
            wait.as_millis()
        );
        self.ask(Method::GET, &path, None::<&()>, wait + LIMIT)
            .await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        limit: Duration,
    ) -> Result<T, ExchangeError> {
        let address = self.address;
        let broken = |source: Box<dyn std::error::Error + Send + Sync>| ExchangeError::Broken {
            address,
            source,
        };
        let body = body
            .map(serde_json::to_vec)
            .transpose()
            .map_err(|e| broken(e.into()))?
            .unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(hyper::header::HOST, address.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| broken(e.into()))?;
        let answer = http::exchange(address, request, limit).await?;
        if answer.status().is_success() {
            serde_json::from_slice(answer.body()).map_err(|e| broken(e.into()))
        } else {
            Err(refused(address, &answer))
        }
    }
}

fn refused(address: SocketAddr, answer: &Response<Bytes>) -> ExchangeError {
    let why = serde_json::from_slice::<ErrorBody>(answer.body())
        .map_or_else(|_| "no reason given".to_owned(), |body| body.why);
    ExchangeError::Refused {
        address,
        status: answer.status(),
        why,
    }
}

/// Watches the registry for ever: each new snapshot goes to `news`. While the registry does not answer, it is asked
/// again and again, and what is known stays.
pub async fn follow(
    client: RegistryClient,
    part: Part,
    watcher: Option<&str>,
    mut news: impl FnMut(Snapshot),
) {
    let mut known = (0, 0);
    loop {
        match client.watch(known, WATCH, part, watcher).await {
            Ok(snapshot) => {
                let now_known = (snapshot.epoch, snapshot.version);
                if now_known != known {
                    known = now_known;
                    news(snapshot);
                }
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Holds a lease for ever: renews it every third of its length, and at once when it changes. While it is `None`, it is
/// not renewed. The registry's answers go to `registered`.
pub async fn hold_lease(
    client: RegistryClient,
    service: &str,
    replica: &str,
    mut lease: watch::Receiver<Option<Lease>>,
    mut registered: impl FnMut(Lease, Registered),
) {
    loop {
        let current = *lease.borrow_and_update();
        let wait = match current {
            None => Duration::from_secs(3600),
            Some(held) => match client.register(service, replica, &held).await {
                Ok(answer) => {
                    registered(held, answer);
                    Duration::from_millis(u64::from(held.lease_ms) / 3)
                }
                Err(_) => PAUSE,
            },
        };
        // After the sender is gone nothing changes any more; the lease is renewed all the same.
        if let Ok(Err(_)) = tokio::time::timeout(wait, lease.changed()).await {
            tokio::time::sleep(wait).await;
        }
    }
}
