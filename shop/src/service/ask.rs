//! What a request asks for: its operation, its parameters, its name and its deadline.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::{StatusCode, Uri};
use scenarios::{Operation, Trace};
use serde_json::{Map, Value};

use crate::protocol::{ErrorBody, headers};

/// How long somebody waits for an answer who does not say so.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest parameter, in bytes.
const LONGEST: usize = 1024;

/// One request to an operation.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// Which request this is.
    pub(super) trace: Trace,
    /// From here on nobody waits for the answer.
    pub(super) deadline: Instant,
    /// What makes a repeated request the same request.
    pub(super) key: Option<String>,
    /// The token that says who asks.
    pub(super) token: Option<String>,
    /// From the path, the query and the body, in this order of precedence.
    params: Map<String, Value>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    /// The called service whose failure made this one.
    pub(super) failed_call: Option<String>,
}

impl Reply {
    /// A good answer.
    pub(super) fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, body)
    }

    /// An answer.
    pub(super) fn new(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            body,
            failed_call: None,
        }
    }

    /// An answer that is an error: one word, and why, for people.
    pub(super) fn error(status: StatusCode, word: &str, why: impl Into<String>) -> Self {
        let body = ErrorBody {
            error: word.to_owned(),
            why: why.into(),
        };
        Self::new(
            status,
            serde_json::to_value(body).expect("our own types can be written as JSON"),
        )
    }
}

impl Ask {
    /// Reads a request. One without a `traceparent` of ours has the given name.
    pub(super) fn read(
        operation: &Operation,
        uri: &Uri,
        head: &HeaderMap,
        body: &Bytes,
        nameless: Trace,
    ) -> Self {
        let text = |name: &str| head.get(name).and_then(|value| value.to_str().ok());
        let left = text(headers::DEADLINE_MS)
            .and_then(|ms| ms.parse().ok())
            .map_or(PATIENCE, Duration::from_millis)
            .min(PATIENCE * 120);
        let mut params = match serde_json::from_slice(body) {
            Ok(Value::Object(params)) => params,
            _ => Map::new(),
        };
        for (name, value) in query(uri.query().unwrap_or_default()) {
            params.insert(name, Value::String(value));
        }
        if let Some(route) = &operation.route {
            for (name, value) in variables(&route.path, uri.path()) {
                params.insert(name, Value::String(value));
            }
        }
        let bearer = head
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let mut ask = Self {
            trace: text(headers::TRACEPARENT)
                .and_then(|trace| trace.parse().ok())
                .unwrap_or(nameless),
            deadline: Instant::now() + left,
            key: text(headers::IDEMPOTENCY_KEY)
                .filter(|key| !key.is_empty() && key.len() <= LONGEST)
                .map(str::to_owned),
            token: None,
            params,
        };
        ask.token = bearer
            .map(str::to_owned)
            .or_else(|| ask.text("token"))
            .filter(|token| !token.is_empty());
        ask
    }

    /// A parameter as it came.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.params.get(name)
    }

    /// A parameter as text; a number is as good as its digits.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = match self.params.get(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (text.len() <= LONGEST).then_some(text)
    }

    /// A parameter as a whole number; the digits of one are as good.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        match self.params.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// All parameters, for services that do nothing with them but pass them on.
    pub(super) fn params(&self) -> &Map<String, Value> {
        &self.params
    }
}

/// The variables of a route's path, with their values in a real one.
fn variables<'a>(
    pattern: &'a str,
    path: &'a str,
) -> impl Iterator<Item = (String, String)> + use<'a> {
    pattern
        .split('/')
        .zip(path.split('/'))
        .filter_map(|(name, value)| {
            let name = name.strip_prefix('{')?.strip_suffix('}')?;
            Some((name.to_owned(), decode(value)))
        })
}

fn query(text: &str) -> impl Iterator<Item = (String, String)> + use<'_> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
}

/// Undoes percent-encoding and `+`; what is no UTF-8 is replaced, what is no encoding stays.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, hex) {
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', None) => {
                bytes.push(b' ');
                rest = after;
            }
            (byte, None) => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use scenarios::{Method, Route};

    fn ask(path: &str, body: &'static str) -> Ask {
        let operation = Operation {
            route: Some(Route {
                method: Method::Get,
                path: "/list/{category}".into(),
            }),
            steps: vec![],
        };
        let nameless = Trace {
            run: 1,
            journey: 2,
            page: 3,
            hop: 0,
            attempt: 0,
        };
        Ask::read(
            &operation,
            &path.parse().unwrap(),
            &HeaderMap::new(),
            &Bytes::from_static(body.as_bytes()),
            nameless,
        )
    }

    #[test]
    fn parameters_come_from_path_query_and_body_in_this_order() {
        let ask = ask(
            "/list/red%20shoes?page=2&q=a+b",
            r#"{"category": "x", "page": 9, "n": "7", "token": "t"}"#,
        );
        assert_eq!(ask.text("category").unwrap(), "red shoes");
        assert_eq!(ask.number("page"), Some(2));
        assert_eq!(ask.text("q").unwrap(), "a b");
        assert_eq!(ask.number("n"), Some(7));
        assert_eq!(ask.token.as_deref(), Some("t"));
        assert_eq!(ask.text("missing"), None);
    }

    #[test]
    fn what_is_no_encoding_stays_and_what_is_no_json_is_nothing() {
        let ask = ask("/list/100%?%=%zz&&x", "[1, 2");
        assert_eq!(ask.text("category").unwrap(), "100%");
        assert_eq!(ask.text("%").unwrap(), "%zz");
        assert_eq!(ask.text("x").unwrap(), "");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text: String) {
            decode(&text);
            query(&text).count();
        }
    }
}
