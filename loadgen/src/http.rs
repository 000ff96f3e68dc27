//! One request and its answer over HTTP/1.1, with bounds on everything that the other side decides.

use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use scenarios::{Method, PageRequest, Trace};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use crate::{FailureKind, Target};

/// The longest body that is read.
const LONGEST_BODY: usize = 4 << 20;
/// The longest head that is read; hyper also stops at 100 headers.
const LONGEST_HEAD: usize = 64 << 10;
/// What the shop's gateway and replicas say when they turn a request away.
const SHED: &str = "x-rushhour-shed";
const USER_AGENT: &str = concat!("rushhour/", env!("CARGO_PKG_VERSION"));

type Body = Full<Bytes>;

/// How a request came out.
#[derive(Debug)]
pub(crate) enum End {
    /// Answered well.
    Served(Answer),
    /// Turned away.
    Shed,
    /// Not answered in time, by our limit or a gateway's.
    TimedOut,
    /// Anything else, with words for people.
    Failed(FailureKind, String),
}

/// A good answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    /// Empty unless it was wanted.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's first value, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    }
}

/// Whether the answer's body is of use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Want {
    /// It is read and dropped.
    Nothing,
    /// It is kept.
    Body,
}

/// A connection. Closed when dropped.
#[derive(Debug)]
pub(crate) struct Conn {
    sender: SendRequest<Body>,
    driver: AbortHandle,
}

impl Conn {
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A request that was sent, and what became of it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) end: End,
    /// When the answer was complete; of a time-out, the limit's very instant.
    pub(crate) ended: Instant,
    /// The connection, if it can be used again.
    pub(crate) conn: Option<Conn>,
}

/// What does not change from request to request.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    prefix: String,
    host: HeaderValue,
    address: SocketAddr,
}

/// Why a try on one connection came to nothing.
enum Broke {
    /// The connection was dead: nothing of an answer had come. `unsent` if the request cannot have got anywhere either.
    Dead {
        unsent: bool,
        why: hyper::Error,
    },
    Failed(FailureKind, String),
}

impl Wire {
    pub(crate) fn new(target: &Target, address: SocketAddr) -> Self {
        Self {
            prefix: target.prefix.clone(),
            host: HeaderValue::from_str(&target.authority)
                .expect("the authority of a URL has no control characters"),
            address,
        }
    }

    /// Sends a request and reads the answer until `deadline`, on `conn` or else on a new connection.
    pub(crate) async fn exchange(
        &self,
        mut conn: Option<Conn>,
        (request, trace): (&PageRequest, Trace),
        want: Want,
        deadline: Instant,
    ) -> Exchange {
        let answered = async {
            match self.attempts(&mut conn, request, trace).await {
                Ok(response) => read(response, want).await,
                Err((kind, why)) => End::Failed(kind, why),
            }
        };
        let Ok(end) = tokio::time::timeout_at(deadline.into(), answered).await else {
            return Exchange {
                end: End::TimedOut,
                ended: deadline,
                conn: None,
            };
        };
        let usable =
            !matches!(end, End::Failed(kind, _) if !matches!(kind, FailureKind::Status(_)));
        Exchange {
            end,
            ended: Instant::now(),
            conn: conn.filter(|conn| usable && !conn.is_closed()),
        }
    }

    /// The answer's head. A kept connection may turn out dead, because the other side closed it: then a fresh one is
    /// tried, once, if the request went nowhere or only reads.
    async fn attempts(
        &self,
        conn: &mut Option<Conn>,
        request: &PageRequest,
        trace: Trace,
    ) -> Result<Response<Incoming>, (FailureKind, String)> {
        let mut message = self.message(request, trace)?;
        if let Some(kept) = conn {
            match send(kept, message).await {
                Ok(response) => return Ok(response),
                Err(Broke::Dead { unsent, .. }) if unsent || request.method == Method::Get => {
                    drop(conn.take());
                    message = self.message(request, trace)?;
                }
                Err(broke) => return Err(broke.failure()),
            }
        }
        let fresh = conn.insert(self.connect().await?);
        send(fresh, message).await.map_err(Broke::failure)
    }

    async fn connect(&self) -> Result<Conn, (FailureKind, String)> {
        let failed = |e: std::io::Error| (FailureKind::of_connect(&e), e.to_string());
        let stream = TcpStream::connect(self.address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(LONGEST_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| (FailureKind::of_exchange(&e), e.to_string()))?;
        let driver = tokio::task::spawn_local(async {
            // Its errors reach whoever waits for an answer.
            drop(connection.await);
        });
        Ok(Conn {
            sender,
            driver: driver.abort_handle(),
        })
    }

    fn message(
        &self,
        page: &PageRequest,
        trace: Trace,
    ) -> Result<Request<Body>, (FailureKind, String)> {
        let mut path = String::with_capacity(self.prefix.len() + page.path.len());
        path.push_str(&self.prefix);
        path.push_str(&page.path);
        let body = page.body.as_ref().map(|b| Bytes::from(b.clone()));
        let mut message = Request::builder()
            .method(method(page.method))
            .uri(path)
            .header(header::HOST, self.host.clone())
            .header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT))
            .header(HeaderName::from_static("traceparent"), trace.to_string());
        if body.is_some() {
            let json = HeaderValue::from_static("application/json");
            message = message.header(header::CONTENT_TYPE, json);
        }
        for (name, value) in &page.headers {
            message = message.header(name, value);
        }
        message
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|e| (FailureKind::Unsendable, e.to_string()))
    }
}

impl Broke {
    fn failure(self) -> (FailureKind, String) {
        match self {
            Self::Dead { why, .. } => (FailureKind::of_exchange(&why), words(&why)),
            Self::Failed(kind, why) => (kind, why),
        }
    }
}

async fn send(conn: &mut Conn, message: Request<Body>) -> Result<Response<Incoming>, Broke> {
    let mut error = match conn.sender.try_send_request(message).await {
        Ok(response) => return Ok(response),
        Err(error) => error,
    };
    let unsent = error.take_message().is_some();
    let why = error.into_error();
    // What was answered badly was answered: another try would be a second request.
    if why.is_parse() || why.is_user() {
        return Err(Broke::Failed(FailureKind::of_exchange(&why), words(&why)));
    }
    Err(Broke::Dead { unsent, why })
}

/// Judges the head, and reads the body up to its bound.
async fn read(response: Response<Incoming>, want: Want) -> End {
    let (head, mut body) = response.into_parts();
    let mut kept = Vec::new();
    let mut length = 0_usize;
    if body.size_hint().lower() > LONGEST_BODY as u64 {
        return too_long();
    }
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(e) => return End::Failed(FailureKind::of_exchange(&e), words(&e)),
        };
        length += data.len();
        if length > LONGEST_BODY {
            return too_long();
        }
        if want == Want::Body {
            kept.extend_from_slice(&data);
        }
    }
    judge(head.status, head.headers, kept)
}

fn too_long() -> End {
    let why = format!("a body of more than {LONGEST_BODY} bytes");
    End::Failed(FailureKind::TooLong, why)
}

fn judge(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> End {
    match status.as_u16() {
        200..400 => End::Served(Answer { headers, body }),
        503 if headers.contains_key(header::RETRY_AFTER) || headers.contains_key(SHED) => End::Shed,
        504 => End::TimedOut,
        code => End::Failed(FailureKind::Status(code), status.to_string()),
    }
}

/// An error with its causes.
fn words(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(e) = cause {
        text.push_str(": ");
        text.push_str(&e.to_string());
        cause = e.source();
    }
    text
}

fn method(method: Method) -> hyper::Method {
    match method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
        Method::Put => hyper::Method::PUT,
        Method::Delete => hyper::Method::DELETE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_judged_as_the_design_says() {
        let shed = |name: &'static str| {
            HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static("1"))])
        };
        for (status, headers, ends, why) in [
            (200, HeaderMap::new(), "Served", "an answer"),
            (302, HeaderMap::new(), "Served", "a redirect is an answer"),
            (
                503,
                HeaderMap::new(),
                "Failed(Status(503)",
                "unavailable, but nobody said that it was shed",
            ),
            (503, shed("retry-after"), "Shed", "come again"),
            (503, shed(SHED), "Shed", "our own gateway's word"),
            (504, HeaderMap::new(), "TimedOut", "a gateway's time limit"),
            (500, HeaderMap::new(), "Failed(Status(500)", "an error"),
            (
                404,
                HeaderMap::new(),
                "Failed(Status(404)",
                "the page is not there",
            ),
            (
                429,
                shed("retry-after"),
                "Failed(Status(429)",
                "a quota is no full queue",
            ),
            (
                101,
                HeaderMap::new(),
                "Failed(Status(101)",
                "nobody asked for another protocol",
            ),
        ] {
            let end = judge(StatusCode::from_u16(status).unwrap(), headers, vec![]);
            assert!(format!("{end:?}").starts_with(ends), "{status}: {why}");
        }
    }
}
