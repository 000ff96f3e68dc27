//! Asking by HTTP/1.1: GET to look, PUT to write. No TLS, no redirects, and no host that is not on this machine unless it is
//! named twice.

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};

use super::{LONGEST_ANSWER, Request, Unanswered, told, too_long};

pub(super) async fn ask(
    url: &str,
    owned: Option<&str>,
    request: &Request<'_>,
    json: Vec<u8>,
) -> Result<Vec<u8>, Unanswered> {
    let uri: Uri = url
        .parse()
        .map_err(|e| Unanswered::Failed(format!("{url}: {e}")))?;
    let authority = uri
        .authority()
        .ok_or_else(|| Unanswered::Failed(format!("{url} has no host")))?;
    let stream = connected(authority.host(), authority.port_u16().unwrap_or(80), owned).await?;
    let broke = |e: hyper::Error| Unanswered::Unreachable(told(&e.to_string()));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(broke)?;
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let (method, body) = match request {
        Request::Write { .. } => (Method::PUT, json),
        _ => (Method::GET, Vec::new()),
    };
    let mut built = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, authority.as_str())
        .header(header::ACCEPT, "application/json");
    if !body.is_empty() {
        built = built.header(header::CONTENT_TYPE, "application/json");
    }
    let built = built
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| Unanswered::Failed(e.to_string()))?;
    let answer = sender.send_request(built).await.map_err(broke)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LONGEST_ANSWER)
        .collect()
        .await;
    connection.abort();
    let body = body.map_err(|e| {
        if e.is::<LengthLimitError>() {
            too_long()
        } else {
            Unanswered::Unreachable(told(&e.to_string()))
        }
    })?;
    judged(status, body.to_bytes().to_vec())
}

fn judged(status: StatusCode, body: Vec<u8>) -> Result<Vec<u8>, Unanswered> {
    if status.is_success() {
        return Ok(body);
    }
    if matches!(
        status,
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED
    ) {
        return Err(Unanswered::Lost);
    }
    let said = told(&String::from_utf8_lossy(&body));
    let what = if status.is_redirection() {
        format!("status {status}: a redirect is not followed")
    } else {
        format!("status {status}: {said}")
    };
    Err(Unanswered::Failed(
        what.trim_end_matches([':', ' ']).to_owned(),
    ))
}

/// A connection to the host, if it is on this machine or named twice.
async fn connected(host: &str, port: u16, owned: Option<&str>) -> Result<TcpStream, Unanswered> {
    let host = host.trim_matches(['[', ']']);
    let found = lookup_host((host, port)).await;
    let unknown =
        |e: std::io::Error| Unanswered::Unreachable(format!("the name `{host}` is not known: {e}"));
    let addresses: Vec<_> = found.map_err(unknown)?.collect();
    let is_here = addresses
        .iter()
        .all(|address| address.ip().to_canonical().is_loopback());
    if !is_here && !owned.is_some_and(|owned| owned.eq_ignore_ascii_case(host)) {
        return Err(Unanswered::Unreachable(format!(
            "{host} is not this machine: name it again, `host: {host}`, if it is yours to ask"
        )));
    }
    let mut why = format!("the name `{host}` has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(e) => why = format!("{address}: {e}"),
        }
    }
    Err(Unanswered::Unreachable(why))
}
