//! Instants, spans and amounts as they are written.

use std::borrow::Cow;
use std::time::Duration;

use metrics::{Quantity, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: a civil time with its offset, as `2026-11-27T11:50:00Z`, or seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Instant(pub Timestamp);

/// A span in seconds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Span(pub Duration);

/// An amount: a number of whole units, or as Kubernetes writes it, `450m`, `1.5Gi`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Amount(pub Quantity);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(
            &jiff::Timestamp::from_nanosecond(i128::from(self.0.as_nanos())).unwrap_or_default(),
        )
    }
}

struct Instants;

impl Visitor<'_> for Instants {
    type Value = Instant;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an instant: `2026-11-27T11:50:00Z`, or seconds since the Unix epoch, in the years 1678 to 2261")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Instant, E> {
        let instant = text.parse::<jiff::Timestamp>().ok();
        let nanos = instant.and_then(|at| i64::try_from(at.as_nanosecond()).ok());
        let at = nanos.map(|nanos| Instant(Timestamp::from_nanos(nanos)));
        at.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Instant, E> {
        let nanos = seconds.checked_mul(1_000_000_000);
        let at = nanos.map(|nanos| Instant(Timestamp::from_nanos(nanos)));
        at.ok_or_else(|| E::invalid_value(Unexpected::Signed(seconds), &self))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Instant, E> {
        match i64::try_from(seconds) {
            Ok(seconds) => self.visit_i64(seconds),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(seconds), &self)),
        }
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Instant, E> {
        let nanos = seconds * 1e9;
        // Not a number is in no range.
        if (-9.2e18..9.2e18).contains(&nanos) {
            Ok(Instant(Timestamp::from_nanos(nanos as i64)))
        } else {
            Err(E::invalid_value(Unexpected::Float(seconds), &self))
        }
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Instants)
    }
}

impl JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An instant: a civil time with its offset, or seconds since the Unix epoch.",
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "number"}],
        })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.0.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(from)?;
        let span = Duration::try_from_secs_f64(seconds);
        span.map(Self)
            .map_err(|_| D::Error::custom(format!("{seconds} is no span in seconds")))
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"description": "A span in seconds.", "type": "number", "minimum": 0})
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

struct Amounts;

impl Visitor<'_> for Amounts {
    type Value = Amount;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an amount: a number, or as Kubernetes writes it, `450m`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        text.parse()
            .map(Amount)
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_i64<E: Error>(self, units: i64) -> Result<Amount, E> {
        Ok(Amount(Quantity::from_milli(units.saturating_mul(1000))))
    }

    fn visit_u64<E: Error>(self, units: u64) -> Result<Amount, E> {
        self.visit_i64(i64::try_from(units).unwrap_or(i64::MAX))
    }

    fn visit_f64<E: Error>(self, units: f64) -> Result<Amount, E> {
        // By way of its decimals, so that 0.069 is 69 thousandths; what is absurdly large saturates.
        match units.to_string().parse() {
            Ok(amount) => Ok(Amount(amount)),
            Err(_) if units.is_finite() => {
                Ok(Amount(Quantity::from_milli((units * 1000.0) as i64)))
            }
            Err(_) => Err(E::invalid_value(Unexpected::Float(units), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Amounts)
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of whole units, or as Kubernetes writes it, `450m`.",
            "anyOf": [{"type": "number"}, {"type": "string"}],
        })
    }
}
