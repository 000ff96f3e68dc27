//! Readings as they are written: a bare value, `null`, or all that can be said of one.

use metrics::{NoData, Ratio, Reading, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::is_default;
use super::units::{Instant, Span};

/// A reading.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "neither a good value, nor `null` for no data, nor `{\"value\": …, \"at\": …, \"window\": …, \"coverage\": …}`, nor `{\"no_data\": \"why\"}`"
)]
pub enum Reads<T> {
    /// The source answered, and this says all of it.
    Full(FullReading<T>),
    /// It did not, and this says why.
    Missing(Missing),
    /// It answered with nothing.
    Nothing,
    /// A value of this instant, wholly seen.
    Bare(T),
}

/// All that can be said of a value.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FullReading<T> {
    /// What the source said.
    pub value: T,
    /// The instant the value is of. Without it: this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Instant>,
    /// The seconds the value was averaged over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub window: Span,
    /// How much of the window was really seen, from 0 to 1.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub coverage: Ratio,
}

/// Why there is no value.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// Why.
    pub no_data: Why,
}

/// Why there is no value: one of the words, or a text of the source's own.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(untagged, expecting = "`no_data` says why, as a text")]
pub enum Why {
    /// One of the words.
    Known(NoData),
    /// What the source said of its failure.
    Said(String),
}

const fn whole() -> Ratio {
    Ratio::ONE
}

fn is_whole(coverage: &Ratio) -> bool {
    *coverage == Ratio::ONE
}

/// A field that may be missing. `null` is not missing: it is no data.
pub(super) fn reads<'de, D, T>(from: D) -> Result<Option<Reads<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Reads::deserialize(from).map(Some)
}

impl<T> Reads<T> {
    pub(super) fn reading(told: Option<Self>, now: Timestamp) -> Reading<T> {
        match told {
            None => Reading::NoData(NoData::NotAsked),
            Some(Self::Nothing) => Reading::NoData(NoData::Empty),
            Some(Self::Bare(value)) => Reading::now(value, now),
            Some(Self::Missing(Missing { no_data })) => Reading::NoData(match no_data {
                Why::Known(why) => why,
                Why::Said(why) => NoData::Failed(why),
            }),
            Some(Self::Full(full)) => Reading::Value {
                value: full.value,
                at: full.at.map_or(now, |at| at.0),
                window: full.window.0,
                coverage: full.coverage,
            },
        }
    }

    pub(super) fn of(reading: Reading<T>, now: Timestamp) -> Self {
        match reading {
            Reading::NoData(why) => Self::Missing(Missing {
                no_data: Why::Known(why),
            }),
            Reading::Value {
                value,
                at,
                window,
                coverage,
            } if at == now && window.is_zero() && coverage == Ratio::ONE => Self::Bare(value),
            Reading::Value {
                value,
                at,
                window,
                coverage,
            } => Self::Full(FullReading {
                value,
                at: (at != now).then_some(Instant(at)),
                window: Span(window),
                coverage,
            }),
        }
    }

    /// Nothing for what nobody asked for.
    pub(super) fn some(reading: Reading<T>, now: Timestamp) -> Option<Self> {
        match reading {
            Reading::NoData(NoData::NotAsked) => None,
            reading => Some(Self::of(reading, now)),
        }
    }
}
