//! Taking values from an answer.

use serde_json::Value;

use crate::draws::Draws;
use crate::{Extract, Source};

/// The longest value that a shopper keeps: many shoppers wait at once.
const VALUE_MAX: usize = 4096;

/// The values that `wanted` finds in an answer, each with its place in `wanted`.
pub(super) fn values<'w>(
    wanted: &'w [Extract],
    body: &[u8],
    header: impl Fn(&str) -> Option<String>,
    luck: impl Fn(u32) -> Draws,
) -> Vec<(u32, Box<str>)> {
    let json = wanted
        .iter()
        .any(|extract| matches!(extract.from, Source::Json(_)));
    let parsed = json
        .then(|| serde_json::from_slice::<Value>(body).ok())
        .flatten();
    let find = |place: u32, extract: &'w Extract| match &extract.from {
        Source::Json(pointer) => text(at(parsed.as_ref()?, pointer, &mut luck(place))?),
        Source::Header(name) => header(name),
    };
    (0..)
        .zip(wanted)
        .filter_map(|(place, extract)| Some((place, find(place, extract)?)))
        .filter(|(_, value)| value.len() <= VALUE_MAX)
        .map(|(place, value)| (place, value.into_boxed_str()))
        .collect()
}

/// The value at a JSON pointer (RFC 6901) in which a segment `*` stands for any element, each alike.
fn at<'v>(value: &'v Value, pointer: &str, draws: &mut Draws) -> Option<&'v Value> {
    let mut found = value;
    for segment in pointer.split('/').skip(1) {
        found = match (segment, found) {
            ("*", Value::Array(all)) => all.get(draws.below(all.len() as u64) as usize)?,
            ("*", Value::Object(all)) => all.values().nth(draws.below(all.len() as u64) as usize)?,
            (_, Value::Array(all)) => all.get(segment.parse::<usize>().ok()?)?,
            (_, Value::Object(all)) => all.get(&segment.replace("~1", "/").replace("~0", "~"))?,
            _ => return None,
        };
    }
    Some(found)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
