//! The scalars of a file: times, rates, shares, multiples, counts, names and texts, each with its own way of writing.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::mistake::{Found, did_you_mean, listed, short};
use super::tree::{Kind, Node};
use super::written::{NAME_PATTERN, Written, is_name};

/// The longest time that a scenario can say.
pub(crate) const LONGEST: Duration = crate::LONGEST_DURATION;

/// Why a text is not what is due: what to write instead, and the rule.
pub(crate) struct Wrong {
    label: String,
    rule: String,
}

fn wrong(label: impl Into<String>, rule: impl Into<String>) -> Wrong {
    Wrong {
        label: label.into(),
        rule: rule.into(),
    }
}

/// Declares a scalar: its type, what it is called, how it is read, and its JSON Schema.
macro_rules! scalar {
    ($(#[$doc:meta])* $name:ident($inner:ty), $what:literal, $parse:expr, $schema:tt) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct $name(pub(crate) $inner);

        impl Written for $name {
            fn read(node: &Node, found: &mut Found) -> Option<Self> {
                let parse: fn(&str) -> Result<$inner, Wrong> = $parse;
                scalar(node, $what, parse, found).map(Self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

fn scalar<T>(
    node: &Node,
    what: &str,
    parse: fn(&str) -> Result<T, Wrong>,
    found: &mut Found,
) -> Option<T> {
    let Kind::Scalar { text, .. } = &node.kind else {
        found.add(
            node.at,
            format!("{what} is due here, not {}", node.describe()),
            "",
            "one value is due here: no mapping, no list",
        );
        return None;
    };
    match parse(text.trim()) {
        Ok(value) => Some(value),
        Err(Wrong { label, rule }) => {
            found.add(
                node.at,
                format!("`{}` is not {what}", short(text)),
                label,
                rule,
            );
            None
        }
    }
}

scalar!(
    /// A time: `300ms`, `12s`, `20m`, `1h`, `2h30m`, `1d`.
    Time(Duration), "a time", time,
    {"type": "string", "description": "A time: 300ms, 12s, 20m, 1h, 2h30m, 1d. Range: 0s to 366d.",
     "pattern": "^([0-9]+(\\.[0-9]+)?(us|ms|s|m|h|d|w) ?)+$"}
);
scalar!(
    /// A rate: `12/s`, `90/min`, `1000/h`. In requests (or arrivals) per second.
    Rate(f64), "a rate", rate,
    {"type": "string", "description": "A rate: 12/s, 90/min, 1000/h. Range: 0/s to 10000000/s.", "pattern": "^[0-9]+(\\.[0-9]+)?/(s|min|m|h|d)$"}
);
scalar!(
    /// A share between nothing and all: `99.9%` or `0.999`.
    Share(f64), "a share", share,
    {"description": "A share: 99.9% or 0.999. Range: 0% to 100%.", "anyOf": [
        {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?%$"}, {"type": "number", "minimum": 0, "maximum": 1}]}
);
scalar!(
    /// A share that may exceed all: `70%`, `150%`, `0.7`.
    Part(f64), "a share", part,
    {"description": "A share: 70% or 0.7; it may exceed 100 %. Range: 0% to 100000000%.", "anyOf": [
        {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?%$"}, {"type": "number", "minimum": 0}]}
);
scalar!(
    /// A multiple: `6x`, or the bare number.
    Multiple(f64), "a multiple", multiple,
    {"description": "A multiple: 6x. Range: above 0x to 1000000x.", "anyOf": [
        {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?x$"}, {"type": "number", "exclusiveMinimum": 0}]}
);
scalar!(
    /// A number of at least 0.
    Number(f64), "a number", number,
    {"description": "A number. Range: 0 to 1000000000000.", "type": "number", "minimum": 0, "maximum": 1e12}
);
scalar!(
    /// A whole number.
    Count(u32), "a whole number", count,
    {"description": "A whole number. Range: 0 to 4294967295.", "type": "integer", "minimum": 0, "maximum": 4294967295u32}
);
scalar!(
    /// At most so many, or without limit.
    AtMost(Option<u32>), "a whole number or `unlimited`", at_most,
    {"description": "A whole number, or `unlimited`.", "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 4294967295u32}, {"const": "unlimited"}]}
);
scalar!(
    /// A number of replicas, or a percentage of them: `3`, `10%`.
    AmountOf(Amount), "a number of replicas or a percentage of them", amount,
    {"description": "A number of replicas, or a percentage of them: 3, 10%. Range: 0 to 10000, 0% to 10000%.", "anyOf": [
        {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?%$"}, {"type": "integer", "minimum": 0, "maximum": 10000}]}
);
scalar!(
    /// A seed: a whole number.
    Seed(u64), "a whole number", |text| text.parse().map_err(|_| wrong("", "a whole number from 0 to 18446744073709551615")),
    {"description": "A whole number. Range: 0 to 18446744073709551615.", "type": "integer", "minimum": 0}
);
scalar!(
    /// Yes or no: `true` or `false`.
    Flag(bool), "`true` or `false`", |text| text.parse().map_err(|_| wrong("", "write `true` or `false`")),
    {"description": "`true` or `false`.", "type": "boolean"}
);
scalar!(
    /// A name.
    Name(String), "a name", |text| {
        if is_name(text) { Ok(text.to_owned()) } else {
            Err(wrong("", "a name has 1 to 63 of: letters a-z A-Z, digits, `.`, `_`, `-`"))
        }
    },
    {"description": "A name: 1 to 63 letters, digits, `.`, `_`, `-`.", "type": "string", "pattern": NAME_PATTERN}
);
scalar!(
    /// A text of one line.
    Line(String), "a text", |text| {
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() <= 500 { Ok(line) } else { Err(wrong("shorten it", "a text has at most 500 characters")) }
    },
    {"description": "A text of one line, of at most 500 characters.", "type": "string", "maxLength": 500}
);
scalar!(
    /// Any text, as it stands.
    Text(String), "a text", |text| {
        if text.len() <= 65_536 { Ok(text.to_owned()) } else { Err(wrong("shorten it", "a text has at most 64 KiB")) }
    },
    {"description": "A text of at most 64 KiB.", "type": ["string", "number", "boolean"]}
);
scalar!(
    /// The name of a file in the scenario's folder.
    FileName(String), "the name of a file", file_name,
    {"type": "string", "description": "A file in the scenario's folder."}
);

/// So many replicas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Amount {
    /// A whole number of them.
    Count(u32),
    /// Per cent of those that there are.
    Percent(f64),
}

/// A word out of a few.
pub(crate) trait Word: Sized + 'static {
    /// What it is, for a message.
    const WHAT: &'static str;
    /// The words and what they mean.
    const WORDS: &'static [(&'static str, Self)];
}

/// One of the words of `W`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct OneOf<W>(pub(crate) W);

impl<W: Word + Clone> Written for OneOf<W> {
    fn read(node: &Node, found: &mut Found) -> Option<Self> {
        let names = || W::WORDS.iter().map(|(name, _)| *name);
        if let Kind::Scalar { text, .. } = &node.kind {
            if let Some((_, word)) = W::WORDS.iter().find(|(name, _)| name == text) {
                return Some(Self(word.clone()));
            }
            let rule = format!("one of: {}", listed(names()));
            found.add(
                node.at,
                format!("`{}` is not {}", short(text), W::WHAT),
                did_you_mean(text, names()),
                rule,
            );
        } else {
            let rule = format!("one of: {}", listed(names()));
            found.add(
                node.at,
                format!("{} is due here, not {}", W::WHAT, node.describe()),
                "",
                rule,
            );
        }
        None
    }
}

impl<W: Word> JsonSchema for OneOf<W> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        W::WHAT.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = W::WORDS.iter().map(|(name, _)| *name).collect();
        json_schema!({"enum": names})
    }
}

const TIMES: &str = "a time is a number with its unit: 300ms, 12s, 20m, 1h, 2h30m, 1d";

/// Splits `12.5ms` into its number and its unit.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    text.split_at(end)
}

/// Whole numbers and decimal fractions: no sign, no exponent, no `inf`.
fn decimal(text: &str) -> Option<f64> {
    let fine = !text.is_empty()
        && text.len() <= 40
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && text.bytes().any(|b| b.is_ascii_digit());
    fine.then(|| text.parse::<f64>().ok()).flatten()
}

fn unit_nanos(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        "w" => 7 * 86_400_000_000_000,
        _ => return None,
    })
}

/// Reads a time.
pub(crate) fn time(text: &str) -> Result<Duration, Wrong> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if decimal(text).is_some() {
        return Err(wrong(format!("did you mean `{}s`?", short(text)), TIMES));
    }
    let mut rest = text;
    let mut nanos = 0.0_f64;
    let mut whole = 0_u64;
    while !rest.is_empty() {
        let (number, after) = split_unit(rest);
        let end = after
            .find(|c: char| c.is_ascii_digit() || c == ' ')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (Some(value), Some(factor)) = (decimal(number), unit_nanos(unit)) else {
            return Err(wrong("", TIMES));
        };
        match number.parse::<u64>() {
            // Whole numbers stay exact.
            Ok(value) => whole = whole.saturating_add(value.saturating_mul(factor)),
            Err(_) => nanos += value * factor as f64,
        }
        rest = after.trim_start();
    }
    let sum = whole.saturating_add(nanos.round() as u64);
    let time = Duration::from_nanos(sum);
    if text.is_empty() {
        Err(wrong("", TIMES))
    } else if time > LONGEST {
        Err(wrong("too long", "a time is at most 366d"))
    } else {
        Ok(time)
    }
}

fn rate(text: &str) -> Result<f64, Wrong> {
    const RULE: &str = "a rate says per what: 12/s, 90/min, 1000/h";
    if decimal(text).is_some() {
        return Err(wrong(format!("did you mean `{}/s`?", short(text)), RULE));
    }
    let (number, unit) = text.split_once('/').ok_or_else(|| wrong("", RULE))?;
    let value = decimal(number.trim()).ok_or_else(|| wrong("", RULE))?;
    let per = match unit.trim() {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(wrong("per second, minute, hour or day", RULE)),
    };
    let rate = value / per;
    if rate <= 10_000_000.0 {
        Ok(rate)
    } else {
        Err(wrong("too much", "a rate is at most 10000000/s"))
    }
}

fn part(text: &str) -> Result<f64, Wrong> {
    const RULE: &str = "a share is written 99.9% or 0.999";
    let (number, percent) = match text.strip_suffix('%') {
        Some(number) => (number.trim(), true),
        None => (text, false),
    };
    let value = decimal(number).ok_or_else(|| wrong("", RULE))?;
    let share = if percent {
        percent_of(number, value)
    } else {
        value
    };
    if share <= 1e6 {
        Ok(share)
    } else {
        Err(wrong("too much", RULE))
    }
}

/// `99.9%` as the very number that `0.999` is: the point is moved in the text, not by a division.
fn percent_of(number: &str, value: f64) -> f64 {
    format!("{number}e-2").parse().unwrap_or(value / 100.0)
}

fn share(text: &str) -> Result<f64, Wrong> {
    let value = part(text)?;
    if value <= 1.0 {
        return Ok(value);
    }
    let label = if !text.ends_with('%') && value <= 100.0 {
        format!("did you mean `{}%`?", short(text))
    } else {
        "more than all".to_owned()
    };
    Err(wrong(label, "a share is between 0 and 1, or 0% and 100%"))
}

fn multiple(text: &str) -> Result<f64, Wrong> {
    const RULE: &str = "a multiple is written 6x, and is above 0 and at most 1000000";
    let number = text.strip_suffix(['x', '×']).unwrap_or(text).trim();
    match decimal(number) {
        Some(value) if value > 0.0 && value <= 1e6 => Ok(value),
        _ => Err(wrong("", RULE)),
    }
}

fn number(text: &str) -> Result<f64, Wrong> {
    match decimal(text) {
        Some(value) if value <= 1e12 => Ok(value),
        _ => Err(wrong(
            "",
            "a number of at least 0, written 12 or 0.5; finite",
        )),
    }
}

fn count(text: &str) -> Result<u32, Wrong> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong("", "a whole number of at least 0"));
    }
    text.parse()
        .map_err(|_| wrong("too much", "a whole number of at most 4294967295"))
}

fn amount(text: &str) -> Result<Amount, Wrong> {
    const RULE: &str = "a whole number up to 10000, or a percentage up to 10000%: 3, 10%";
    let amount = match text.strip_suffix('%') {
        Some(number) => decimal(number.trim()).map(Amount::Percent),
        None => count(text).ok().map(Amount::Count),
    };
    let fits = |amount: &Amount| match *amount {
        Amount::Count(count) => count <= 10_000,
        Amount::Percent(percent) => percent <= 10_000.0,
    };
    amount.filter(fits).ok_or_else(|| wrong("", RULE))
}

fn at_most(text: &str) -> Result<Option<u32>, Wrong> {
    const WORD: &str = "unlimited";
    if text == WORD {
        return Ok(None);
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return count(text).map(Some);
    }
    Err(wrong(
        did_you_mean(text, [WORD]),
        "a whole number of at least 0, or `unlimited`",
    ))
}

fn file_name(text: &str) -> Result<String, Wrong> {
    const RULE: &str = "files stand in the scenario's own folder, or in a folder inside it";
    let absolute = text.starts_with(['/', '\\', '~']) || text.as_bytes().get(1) == Some(&b':');
    if text.is_empty() || text.len() > 200 || text.contains('\0') {
        Err(wrong("", RULE))
    } else if absolute {
        Err(wrong("an absolute path", RULE))
    } else if text.split(['/', '\\']).any(|part| part == "..") {
        Err(wrong("leads out of the folder", RULE))
    } else if text.contains("://") {
        Err(wrong("an address", RULE))
    } else {
        Ok(text.to_owned())
    }
}
