//! HTTP/1 on the loopback: serving with limits, and one exchange with a deadline.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::protocol::ErrorBody;

/// How long a client may take to send a request's head, and again its body.
const SLOWEST_REQUEST: Duration = Duration::from_secs(5);
/// The largest head of a request or an answer, in bytes.
const LARGEST_HEAD: usize = 32 << 10;
/// The most headers of a request or an answer.
const MOST_HEADERS: usize = 64;
/// The largest body of a request, in bytes.
const LARGEST_REQUEST: usize = 1 << 20;
/// The largest body of an answer, in bytes.
const LARGEST_ANSWER: usize = 16 << 20;
/// The most connections that are served at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 8192;
/// The wait after a connection could not be accepted, as when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// An answer, whole in memory.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Serves all who connect, until the process ends.
pub(crate) async fn serve<H, F>(listener: TcpListener, handle: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let place = Arc::clone(&room)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                let handle = handle.clone();
                tokio::spawn(async move {
                    serve_connection(stream, handle).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Serves one connection. Its errors are its client's: there is nobody else to tell.
async fn serve_connection<H, F>(stream: TcpStream, handle: H)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Answer>,
{
    drop(stream.set_nodelay(true));
    let service = hyper::service::service_fn(move |request| {
        let answer = handle(request);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SLOWEST_REQUEST)
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    drop(connection.await);
}

/// A request's whole body.
///
/// # Errors
/// The answer to give, if it is too large, too slow or broken.
pub(crate) async fn read_body<B>(body: B) -> Result<Bytes, Answer>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.size_hint().exact() == Some(0) {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > LARGEST_REQUEST as u64 {
        return Err(too_large());
    }
    let whole = Limited::new(body, LARGEST_REQUEST).collect();
    match tokio::time::timeout(SLOWEST_REQUEST, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(e)) if e.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Err(e)) => Err(error(
            StatusCode::BAD_REQUEST,
            "broken_body",
            format!("the body broke off: {e}"),
        )),
        Err(_) => Err(error(
            StatusCode::REQUEST_TIMEOUT,
            "slow_body",
            format!("the body did not come within {SLOWEST_REQUEST:?}"),
        )),
    }
}

fn too_large() -> Answer {
    error(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!("the body is larger than {LARGEST_REQUEST} bytes"),
    )
}

/// A request's body, read as JSON.
///
/// # Errors
/// The answer to give, if it is none.
pub(crate) async fn read_json<T: DeserializeOwned>(body: Incoming) -> Result<T, Answer> {
    let bytes = read_body(body).await?;
    serde_json::from_slice(&bytes).map_err(|e| {
        error(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_body",
            format!("the body is not as it must be: {e}"),
        )
    })
}

/// An answer in JSON.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    let body = serde_json::to_vec(value).expect("our own types can be written as JSON");
    with_type(status, "application/json", body.into())
}

/// An answer in plain text.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    with_type(
        status,
        "text/plain; version=0.0.4; charset=utf-8",
        body.into(),
    )
}

/// An answer that is an error: one word, and why, for people.
pub(crate) fn error(status: StatusCode, word: &str, why: impl Into<String>) -> Answer {
    let mut answer = json(
        status,
        &ErrorBody {
            error: word.to_owned(),
            why: why.into(),
        },
    );
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

fn with_type(status: StatusCode, content: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content));
    answer
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// Nobody listens there, or the connection could not be made: the request was never sent.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The connection broke, or what came was no HTTP.
    #[error("{address} did not answer: {source}")]
    Broken {
        /// Where.
        address: SocketAddr,
        /// The reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long.
    #[error("{address} did not answer within {limit:?}")]
    TimedOut {
        /// Where.
        address: SocketAddr,
        /// The limit.
        limit: Duration,
    },
    /// The answer was not the one hoped for.
    #[error("{address} answered {status}: {why}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// The status.
        status: StatusCode,
        /// What the answer says.
        why: String,
    },
}

impl ExchangeError {
    /// Whether the other side has answered, and said no: asking again is of no use.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

/// A connection for requests with bodies in memory.
pub(crate) type Sender = hyper::client::conn::http1::SendRequest<Full<Bytes>>;

/// Connects.
pub(crate) async fn connect(address: SocketAddr) -> Result<Sender, ExchangeError> {
    let refused = |source| ExchangeError::Connect { address, source };
    let stream = TcpStream::connect(address).await.map_err(refused)?;
    drop(stream.set_nodelay(true));
    let (sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|e| refused(io::Error::other(e)))?;
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

/// An answer's whole body.
pub(crate) async fn read_answer(
    address: SocketAddr,
    answer: Response<Incoming>,
) -> Result<Response<Bytes>, ExchangeError> {
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, LARGEST_ANSWER)
        .collect()
        .await
        .map_err(|source| ExchangeError::Broken { address, source })?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

/// One request on a connection of its own.
pub(crate) async fn exchange(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
    limit: Duration,
) -> Result<Response<Bytes>, ExchangeError> {
    let exchange = async {
        let mut sender = connect(address).await?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|e| ExchangeError::Broken {
                address,
                source: e.into(),
            })?;
        read_answer(address, answer).await
    };
    tokio::time::timeout(limit, exchange)
        .await
        .unwrap_or(Err(ExchangeError::TimedOut { address, limit }))
}
