//! A Kubernetes quantity, as the autoscalers compute with it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount in milli-units (1 core = 1000, 1 byte = 1000), as the Horizontal Pod Autoscaler computes.
///
/// Serialised as a bare number of milli-units. Parsing rounds away from zero, as Kubernetes does: `1n` counts as one
/// milli-unit and `1500u` as two. Out-of-range amounts saturate.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    Deserialize,
    Eq,
    Hash,
    JsonSchema,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
)]
#[serde(transparent)]
pub struct Quantity(i64);

/// A text that is no quantity.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is not a quantity: a number with one of the suffixes n u m k M G T P E Ki Mi Gi Ti Pi Ei, or an exponent"
)]
pub struct ParseQuantityError(pub String);

impl Quantity {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `milli` thousandths of the unit.
    #[must_use]
    pub const fn from_milli(milli: i64) -> Self {
        Self(milli)
    }

    /// Thousandths of the unit.
    #[must_use]
    pub const fn milli(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Quantity {
    /// `1500m` is written `1500m`, `2000m` is written `2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 % 1000 == 0 {
            write!(f, "{}", self.0 / 1000)
        } else {
            write!(f, "{}m", self.0)
        }
    }
}

/// A power of two or ten that a suffix stands for: (mantissa factor, decimal exponent).
fn suffix(text: &str) -> Option<(i128, i32)> {
    Some(match text {
        "" => (1, 0),
        "n" => (1, -9),
        "u" => (1, -6),
        "m" => (1, -3),
        "k" => (1, 3),
        "M" => (1, 6),
        "G" => (1, 9),
        "T" => (1, 12),
        "P" => (1, 15),
        "E" => (1, 18),
        "Ki" => (1 << 10, 0),
        "Mi" => (1 << 20, 0),
        "Gi" => (1 << 30, 0),
        "Ti" => (1 << 40, 0),
        "Pi" => (1 << 50, 0),
        "Ei" => (1 << 60, 0),
        _ => {
            let exponent = text.strip_prefix(['e', 'E'])?;
            let exponent: i32 = exponent.parse().ok()?;
            (1, exponent)
        }
    })
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, ParseQuantityError> {
        parse(text)
            .map(Self)
            .ok_or_else(|| ParseQuantityError(text.chars().take(64).collect()))
    }
}

/// The value in milli-units: exact in i128, rounded away from zero, saturated to i64.
fn parse(text: &str) -> Option<i64> {
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let end = unsigned
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(unsigned.len());
    let (number, unit) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 40 {
        return None;
    }
    let (factor, exponent) = suffix(unit)?;
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let milli = scale(
        digits.saturating_mul(factor),
        exponent.saturating_sub(places).saturating_add(3),
    );
    Some(i64::try_from(sign * milli).unwrap_or(if sign < 0 { i64::MIN } else { i64::MAX }))
}

/// `digits` × 10^`exponent`, rounded up (away from zero, `digits` being positive), saturating.
fn scale(digits: i128, exponent: i32) -> i128 {
    let mut value = digits;
    for _ in 0..exponent.clamp(0, 40) {
        value = value.saturating_mul(10);
    }
    if exponent < 0 {
        let divisor =
            (0..exponent.unsigned_abs().min(38)).fold(1_i128, |d, _| d.saturating_mul(10));
        value = value / divisor + i128::from(value % divisor != 0);
    }
    value.min(i128::from(i64::MAX) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_as_kubernetes_does() {
        for (text, milli) in [
            ("0", 0),
            ("1", 1000),
            ("250m", 250),
            ("1n", 1),
            ("1500u", 2),
            ("-1500u", -2),
            ("0.1", 100),
            (".5", 500),
            ("1.", 1000),
            ("1Ki", 1_024_000),
            ("1.5Gi", 1_610_612_736_000),
            ("1e3", 1_000_000),
            ("1E", i64::MAX),
            ("2E-3", 2),
            ("99999999999999999999", i64::MAX),
            ("-99999999999999999999", i64::MIN),
        ] {
            assert_eq!(text.parse::<Quantity>().unwrap().milli(), milli, "{text}");
        }
        for text in [
            "", "-", "m", "1x", "1.2.3", "NaN", "Inf", "1 m", "0x10", "1e", "--1",
        ] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }
}
