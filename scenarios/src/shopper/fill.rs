//! Filling variables into a request, so that no value can change its shape.

use std::borrow::Cow;
use std::fmt::Write;

/// A piece of a template.
enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// Splits a template at its variables, `{name}`. A brace that opens no name, as in JSON, is text.
fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(name) = leading_variable(rest) {
            rest = &rest[name.len() + 2..];
            return Some(Piece::Variable(name));
        }
        // At least one character is text, whatever it is.
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let length = rest[first..]
            .find('{')
            .map_or(rest.len(), |brace| first + brace);
        let (text, after) = rest.split_at(length);
        rest = after;
        Some(Piece::Text(text))
    })
}

/// The name in the `{name}` that `text` begins with, if it does.
fn leading_variable(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('{')?.split_once('}')?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (!name.is_empty() && name.bytes().all(letter)).then_some(name)
}

/// A path and query: everything in a value but letters, digits and `-._~` is percent-escaped.
pub(super) fn path<'v>(template: &str, value: impl Fn(&str) -> Option<Cow<'v, str>>) -> String {
    let mut path = String::with_capacity(template.len() + 16);
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => path.push_str(text),
            Piece::Variable(name) => {
                for byte in value(name).unwrap_or_default().bytes() {
                    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                        path.push(char::from(byte));
                    } else {
                        write!(path, "%{byte:02X}").expect("writing to a string cannot fail");
                    }
                }
            }
        }
    }
    path
}

/// A JSON body: values are escaped as inside a JSON string.
pub(super) fn json<'v>(template: &str, value: impl Fn(&str) -> Option<Cow<'v, str>>) -> String {
    let mut body = String::with_capacity(template.len() + 16);
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => body.push_str(text),
            Piece::Variable(name) => {
                let quoted = serde_json::Value::from(value(name).unwrap_or_default()).to_string();
                body.push_str(&quoted[1..quoted.len() - 1]);
            }
        }
    }
    body
}

/// A header's value, without the characters that could end it; nothing if a variable is not known.
pub(super) fn header<'v>(
    template: &str,
    value: impl Fn(&str) -> Option<Cow<'v, str>>,
) -> Option<String> {
    let mut header = String::with_capacity(template.len() + 16);
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => header.push_str(text),
            Piece::Variable(name) => {
                header.extend(value(name)?.chars().filter(|c| matches!(c, ' '..='~')));
            }
        }
    }
    Some(header)
}
