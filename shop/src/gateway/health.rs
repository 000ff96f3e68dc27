//! Active health checks: each replica is asked again and again whether it is well.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HOST;
use routing::{Health, ReplicaKey};

use super::Shared;
use crate::http::{ExchangeError, exchange};
use crate::protocol::ReplicaState;

/// First checks are spread over so many parts of the interval, so that not all replicas are asked at once.
const SPREAD: u32 = 16;

/// Checks one replica until it is forgotten.
pub(super) async fn check_for_ever(
    shared: Arc<Shared>,
    service: String,
    id: String,
    key: ReplicaKey,
    address: SocketAddr,
) {
    let spread = id.bytes().fold(0_u32, |sum, b| sum + u32::from(b)) % SPREAD;
    let mut wait = shared
        .lock()
        .settings
        .health
        .interval
        .saturating_mul(spread)
        / SPREAD;
    loop {
        tokio::time::sleep(wait).await;
        let health = {
            let state = shared.lock();
            wait = state.settings.health.interval;
            let Some(member) = state.services[&service].members.get(key) else {
                return;
            };
            if member.state != ReplicaState::Ready {
                continue;
            }
            state.settings.health
        };
        let result = check(address, health.timeout).await;
        let now = shared.clock.now();
        if let Some(service) = shared.lock().services.get_mut(&service) {
            service.upstream.check(now, key, result);
        }
    }
}

/// Asks once, on a connection of its own: one that is open already would not show that new ones are accepted.
async fn check(address: SocketAddr, limit: Duration) -> Health {
    let request = Request::get("/healthz")
        .header(HOST, address.to_string())
        .body(Full::<Bytes>::default())
        .expect("a constant request is valid");
    match exchange(address, request, limit).await {
        Ok(answer) if answer.status().is_success() => Health::Well,
        Err(ExchangeError::Connect { source, .. })
            if source.kind() == std::io::ErrorKind::ConnectionRefused =>
        {
            Health::Refused
        }
        Ok(_) | Err(_) => Health::Unwell,
    }
}
