//! A request as it goes on to a replica: what it says of itself, and what the gateway says of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::{Method, Request, Uri};
use scenarios::Trace;

use super::Shared;
use super::routes::{From, Target};
use crate::protocol::headers;

/// The most times that a request may be tried again, whatever its asker says.
const MOST_RETRIES: u32 = 10;
/// What a replica is told to have less than the gateway gives it, so that it can still say itself why it is late.
const MARGIN: Duration = Duration::from_millis(20);
/// Headers that are about one connection only.
pub(super) const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    CONTENT_LENGTH,
    HOST,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What is to be sent, as often as need be.
pub(super) struct Call {
    pub(super) target: Target,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trace: Option<Trace>,
    /// Its number, which draws for a request without a trace.
    pub(super) nameless: u64,
    /// The end of everybody's patience.
    pub(super) deadline: Instant,
    /// How long one try may take.
    pub(super) try_limit: Duration,
    /// How many retries the asker allows.
    pub(super) retries: u32,
    /// Whether it may be sent again when nobody knows whether it was done.
    pub(super) repeatable: bool,
}

impl Shared {
    /// Reads what the request says of itself.
    pub(super) fn call(
        &self,
        head: hyper::http::request::Parts,
        body: Bytes,
        target: Target,
        began: Instant,
    ) -> Call {
        let limit = {
            let mut state = self.lock();
            state.nameless += 1;
            (state.settings.time_limit, state.nameless)
        };
        let (time_limit, nameless) = limit;
        let number = |name| number(&head.headers, name);
        let inside = target.from == From::Inside;
        let ms = |name| number(name).map(Duration::from_millis);
        let try_limit = ms(headers::TIMEOUT_MS)
            .filter(|_| inside)
            .unwrap_or(time_limit)
            .min(Duration::from_secs(3600));
        let retries = number(headers::RETRIES).filter(|_| inside).unwrap_or(0);
        let retries = u32::try_from(retries).unwrap_or(u32::MAX).min(MOST_RETRIES);
        let patience = try_limit.saturating_mul(retries + 1);
        let patience = ms(headers::DEADLINE_MS).map_or(patience, |left| left.min(patience));
        Call {
            trace: head
                .headers
                .get(headers::TRACEPARENT)
                .and_then(|value| value.to_str().ok()?.parse().ok()),
            repeatable: inside
                || head.method != Method::POST
                || head.headers.contains_key(headers::IDEMPOTENCY_KEY),
            deadline: began + patience,
            method: head.method,
            uri: path_only(&head.uri),
            headers: kept(head.headers),
            target,
            body,
            nameless,
            try_limit,
            retries,
        }
    }
}

impl Call {
    /// The trace of a retry: see [`routing::retried`].
    pub(super) fn traced(&self, retry: u32) -> Trace {
        let first = self.trace.unwrap_or(Trace {
            run: 0,
            journey: u64::MAX - self.nameless,
            page: 0,
            hop: 0,
            attempt: 0,
        });
        Trace {
            attempt: routing::retried(first.attempt, retry),
            ..first
        }
    }

    /// The request as a replica gets it.
    pub(super) fn request(
        &self,
        address: SocketAddr,
        limit: Duration,
        retry: u32,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        let all = request.headers_mut();
        *all = self.headers.clone();
        let left = limit.saturating_sub(MARGIN.min(limit / 10));
        all.insert(HOST, value(&address.to_string()));
        all.insert(headers::OPERATION, value(&self.target.operation));
        all.insert(headers::DEADLINE_MS, HeaderValue::from(ms(left)));
        if self.trace.is_some() {
            all.insert(headers::TRACEPARENT, value(&self.traced(retry).to_string()));
        }
        request
    }
}

/// A header's value from a text of ours.
pub(super) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// The path and query of what was asked for.
fn path_only(uri: &Uri) -> Uri {
    uri.path_and_query()
        .map_or_else(Uri::default, |path| Uri::from(path.clone()))
}

/// The headers that go on to the replica: not those of one connection, and none that the gateway sets itself.
fn kept(mut headers: HeaderMap) -> HeaderMap {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    for name in [
        headers::OPERATION,
        headers::DEADLINE_MS,
        headers::TIMEOUT_MS,
        headers::RETRIES,
    ] {
        headers.remove(name);
    }
    headers
}
