//! Calls to other services, all through the gateway.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode};
use scenarios::{Call, OperationId, Trace, child_hop};
use serde_json::Value;

use super::ask::Reply;
use crate::http::{self, Sender};
use crate::protocol::headers;

/// The most idle connections kept to the gateway.
const MOST_IDLE: usize = 32;
/// What the gateway gets beyond its own patience, so that it can still say itself why it is late.
const SLACK: Duration = Duration::from_millis(250);

/// The gateway, as a replica sees it.
#[derive(Debug)]
pub(super) struct Gateway {
    address: SocketAddr,
    idle: Mutex<Vec<Sender>>,
}

/// One call, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) to: OperationId,
    pub(super) trace: Trace,
    pub(super) timeout: Option<Duration>,
    pub(super) retries: u32,
    pub(super) deadline: Instant,
    /// What makes a repeated call the same call.
    pub(super) key: Option<String>,
    pub(super) body: Value,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Called {
    /// It was done.
    Done(Value),
    /// The called service says no: it or its input is not as it must be.
    Refused(StatusCode, Value),
    /// Nobody knows whether it was done, or it was not.
    Failed(Failure),
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// It was not answered in time.
    TimedOut,
    /// It was turned away for want of room, or because the service is left alone for a while.
    TurnedAway,
    /// It was answered with 500 or more, or the connection broke.
    Failed,
}

impl Outgoing {
    /// The call that `parent` makes.
    pub(super) fn of(
        call: &Call,
        parent: Trace,
        deadline: Instant,
        key: Option<String>,
        body: Value,
    ) -> Self {
        Self {
            to: call.to.clone(),
            trace: Trace {
                hop: child_hop(parent.hop, call.index),
                ..parent
            },
            timeout: call.timeout,
            retries: call.retries,
            deadline,
            key,
            body,
        }
    }

    fn request(&self, gateway: SocketAddr, left: Duration) -> Option<Request<Full<Bytes>>> {
        let ms = |time: Duration| time.as_millis().max(1).to_string();
        let OperationId { service, operation } = &self.to;
        let mut request = Request::post(format!("/internal/{service}/{operation}"))
            .header(HOST, gateway.to_string())
            .header(CONTENT_TYPE, "application/json")
            .header(headers::TRACEPARENT, self.trace.to_string())
            .header(headers::DEADLINE_MS, ms(left))
            .header(headers::RETRIES, self.retries.to_string());
        if let Some(timeout) = self.timeout {
            request = request.header(headers::TIMEOUT_MS, ms(timeout));
        }
        if let Some(key) = &self.key {
            request = request.header(headers::IDEMPOTENCY_KEY, key);
        }
        let body = serde_json::to_vec(&self.body).ok()?;
        request.body(Full::new(body.into())).ok()
    }
}

impl Called {
    fn of(answer: &Response<Bytes>) -> Self {
        let status = answer.status();
        let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        if status.is_success() {
            Self::Done(body)
        } else if status.is_client_error() {
            Self::Refused(status, body)
        } else if status == StatusCode::GATEWAY_TIMEOUT {
            Self::Failed(Failure::TimedOut)
        } else if answer.headers().contains_key(headers::SHED) {
            Self::Failed(Failure::TurnedAway)
        } else {
            Self::Failed(Failure::Failed)
        }
    }

    /// The called operation's answer.
    ///
    /// # Errors
    /// The answer to give instead, if there is none.
    pub(super) fn or_reply(self, to: &OperationId) -> Result<Value, Reply> {
        let service = &to.service;
        let failure = match self {
            Self::Done(body) => return Ok(body),
            Self::Refused(status, body) => return Err(Reply::new(status, body)),
            Self::Failed(failure) => failure,
        };
        let (status, word, why) = match failure {
            Failure::TimedOut => (
                StatusCode::GATEWAY_TIMEOUT,
                "timeout",
                "did not answer in time",
            ),
            Failure::TurnedAway => (
                StatusCode::SERVICE_UNAVAILABLE,
                "turned_away",
                "has no room at the moment",
            ),
            Failure::Failed => (StatusCode::BAD_GATEWAY, "failed_call", "failed"),
        };
        let mut reply = Reply::error(status, word, format!("{service} {why}"));
        reply.failed_call = Some(service.clone());
        Err(reply)
    }
}

impl Gateway {
    /// The gateway at `address`.
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            idle: Mutex::default(),
        }
    }

    /// Makes a call.
    pub(super) async fn call(&self, outgoing: &Outgoing) -> Called {
        let left = outgoing.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Called::Failed(Failure::TimedOut);
        }
        let Some(request) = outgoing.request(self.address, left) else {
            return Called::Failed(Failure::Failed);
        };
        match tokio::time::timeout(left + SLACK, self.exchange(request)).await {
            Ok(Some(answer)) => Called::of(&answer),
            Ok(None) => Called::Failed(Failure::Failed),
            Err(_) => Called::Failed(Failure::TimedOut),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Option<Response<Bytes>> {
        let mut request = request;
        loop {
            let (mut sender, reused) = match self.take() {
                Some(sender) => (sender, true),
                None => (http::connect(self.address).await.ok()?, false),
            };
            if sender.ready().await.is_err() {
                if reused {
                    continue;
                }
                return None;
            }
            match sender.try_send_request(request).await {
                Ok(answer) => {
                    let answer = http::read_answer(self.address, answer).await.ok()?;
                    self.keep(sender);
                    return Some(answer);
                }
                // An old connection was closed meanwhile, and nothing was sent.
                Err(mut e) => request = e.take_message().filter(|_| reused)?,
            }
        }
    }

    fn take(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(sender) = idle.pop() {
            if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    fn keep(&self, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE && !sender.is_closed() {
            idle.push(sender);
        }
    }
}
