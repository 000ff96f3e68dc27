//! A value that was read, or the reason why there is none.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ratio, Timestamp};

/// What a source said. No data is a state of its own: it is never zero.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// The source answered.
    Value {
        /// What it said.
        value: T,
        /// The instant the value is of (the end of its window).
        at: Timestamp,
        /// The span the value was averaged over; zero for an instant value.
        window: Duration,
        /// How much of the window was really seen: samples there ÷ samples expected, at most 1.
        coverage: Ratio,
    },
    /// The source did not answer, or its answer cannot be used.
    NoData(NoData),
}

/// Why there is no value.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoData {
    /// Nobody asked for it, or the world has no such metric.
    NotAsked,
    /// The source has not had anything to say yet.
    NotYet,
    /// The source could not be reached, or not within its deadline.
    Unreachable(String),
    /// The source answered that it failed.
    Failed(String),
    /// The source answered with nothing where something was expected.
    Empty,
    /// The newest value is older than it may be.
    Stale,
    /// The value is not a finite number, or otherwise absurd.
    Absurd(String),
}

impl<T> Reading<T> {
    /// A value of this instant, wholly covered.
    pub fn now(value: T, at: Timestamp) -> Self {
        Self::Value {
            value,
            at,
            window: Duration::ZERO,
            coverage: Ratio::ONE,
        }
    }

    /// A value averaged over the `window` that ends at `at`, wholly covered.
    pub fn over(value: T, at: Timestamp, window: Duration) -> Self {
        Self::Value {
            value,
            at,
            window,
            coverage: Ratio::ONE,
        }
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value { value, .. } => Some(value),
            Self::NoData(_) => None,
        }
    }

    /// The value's instant, if there is a value.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Value { at, .. } => Some(*at),
            Self::NoData(_) => None,
        }
    }

    /// The same reading of something made from the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Reading<U> {
        match self {
            Self::Value {
                value,
                at,
                window,
                coverage,
            } => Reading::Value {
                value: f(value),
                at,
                window,
                coverage,
            },
            Self::NoData(why) => Reading::NoData(why),
        }
    }

    /// The value if a decision to go *down* may rest on it at `now`: at most `max_age` old, and at least `coverage`
    /// of its window seen.
    pub fn trusted(&self, now: Timestamp, max_age: Duration, least: Ratio) -> Option<&T> {
        match self {
            Self::Value {
                value,
                at,
                coverage,
                ..
            } if now.since(*at) <= max_age && *coverage >= least => Some(value),
            _ => None,
        }
    }
}

impl<T> Default for Reading<T> {
    fn default() -> Self {
        Self::NoData(NoData::NotAsked)
    }
}

impl fmt::Display for NoData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("not asked for"),
            Self::NotYet => f.write_str("no data yet"),
            Self::Unreachable(why) => write!(f, "source unreachable: {why}"),
            Self::Failed(why) => write!(f, "source failed: {why}"),
            Self::Empty => f.write_str("source answered with nothing"),
            Self::Stale => f.write_str("newest value too old"),
            Self::Absurd(what) => write!(f, "absurd value: {what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fresh_and_covered_values_are_trusted() {
        let at = Timestamp::from_secs(100);
        let least = Ratio::new(0.8).unwrap();
        let whole = Reading::over(7, at, Duration::from_secs(15));
        let half = Reading::Value {
            value: 7,
            at,
            window: Duration::from_secs(15),
            coverage: Ratio::new(0.5).unwrap(),
        };
        let age = Duration::from_secs(45);
        assert_eq!(whole.trusted(at + age, age, least), Some(&7));
        assert_eq!(
            whole.trusted(at + age + Duration::from_nanos(1), age, least),
            None
        );
        assert_eq!(half.trusted(at, age, least), None);
        assert_eq!(
            Reading::<i32>::NoData(NoData::Empty).trusted(at, age, least),
            None
        );
    }
}
