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

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, ParseQuantityError> {
        Written::read(text)
            .map(|written| Self(written.milli()))
            .ok_or_else(|| ParseQuantityError(text.chars().take(64).collect()))
    }
}

impl Quantity {
    /// What upstream's `AsApproximateFloat64` makes of a text: its digits times a power of ten, which is not always the
    /// nearest number. Nothing if the text is no quantity.
    #[must_use]
    pub fn approximate(text: &str) -> Option<f64> {
        Written::read(text).map(|written| written.approximate())
    }
}

/// What a suffix stands for.
#[derive(Clone, Copy)]
enum Unit {
    /// So many powers of ten.
    Ten(i32),
    /// So many powers of two.
    Two(u32),
}

impl Unit {
    fn of(suffix: &str) -> Option<Self> {
        Some(match suffix {
            "" => Self::Ten(0),
            "n" => Self::Ten(-9),
            "u" => Self::Ten(-6),
            "m" => Self::Ten(-3),
            "k" => Self::Ten(3),
            "M" => Self::Ten(6),
            "G" => Self::Ten(9),
            "T" => Self::Ten(12),
            "P" => Self::Ten(15),
            "E" => Self::Ten(18),
            "Ki" => Self::Two(10),
            "Mi" => Self::Two(20),
            "Gi" => Self::Two(30),
            "Ti" => Self::Two(40),
            "Pi" => Self::Two(50),
            "Ei" => Self::Two(60),
            _ => {
                let exponent: i64 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
                let end = i64::from(i32::MAX);
                Self::Ten(exponent.clamp(-end, end) as i32)
            }
        })
    }
}

/// A text taken apart, as `ParseQuantity` of Kubernetes does.
struct Written<'a> {
    negative: bool,
    /// Digits before the point, without leading zeros; `0` if there are none.
    whole: &'a str,
    /// Digits behind it.
    fraction: &'a str,
    unit: Unit,
}

/// So many digits surely fit into an i64.
const SURE_DIGITS: i32 = 18;
/// The finest that Kubernetes keeps is 10⁻⁹.
const NANO: i32 = 9;

impl<'a> Written<'a> {
    fn read(text: &'a str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let digits = |from: &'a str| {
            let end = from.find(|c: char| !c.is_ascii_digit());
            from.split_at(end.unwrap_or(from.len()))
        };
        let (whole, rest) = digits(unsigned.trim_start_matches('0'));
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), digits);
        let written = Self {
            negative: text.starts_with('-'),
            whole: if whole.is_empty() { "0" } else { whole },
            fraction,
            unit: Unit::of(suffix)?,
        };
        // A text without any digit is nothing; with exact arithmetic upstream refuses it instead.
        let bare = !unsigned.starts_with(|c: char| c.is_ascii_digit()) && fraction.is_empty();
        (!bare || written.fast().is_some() || suffix.is_empty()).then_some(written)
    }

    /// Digits and a power of ten, where upstream computes in 64 bits.
    fn fast(&self) -> Option<(i64, i32)> {
        let length = |text: &str| i32::try_from(text.len()).unwrap_or(i32::MAX);
        let places = length(self.fraction);
        let (left, scale, shift) = match self.unit {
            Unit::Ten(exponent) => (
                SURE_DIGITS.checked_sub(length(self.whole).saturating_add(places))?,
                exponent.saturating_sub(places),
                0,
            ),
            Unit::Two(bits) if places == 0 => {
                let more = (bits as f32 * 3.0 / 10.0) as i32;
                (14_i32.checked_sub(length(self.whole))? - more, 0, bits)
            }
            Unit::Two(_) => return None,
        };
        if left < 0 || scale < -NANO {
            return None;
        }
        let digits: i64 = format!("{}{}", self.whole, self.fraction).parse().ok()?;
        Some((digits.checked_mul(1 << shift)?, scale))
    }

    /// `digits × factor × 10^exponent`, exact as far as 128 bits go.
    fn parts(&self) -> (i128, i32) {
        let places = i32::try_from(self.fraction.len()).unwrap_or(i32::MAX);
        let text = format!("{}{}", self.whole, self.fraction);
        let (factor, exponent, room) = match self.unit {
            Unit::Ten(exponent) => (1, exponent, 38),
            Unit::Two(bits) => (1_i128 << bits, 0, 20),
        };
        // Digits that no 128 bits hold are beyond all bounds, or far behind the point.
        let kept = text.len().min(room);
        let dropped = i32::try_from(text.len() - kept).unwrap_or(i32::MAX);
        let mut digits: i128 = text[..kept].parse().unwrap_or(0);
        if text[kept..].bytes().any(|b| b != b'0') {
            digits += 1;
        }
        let exponent = exponent.saturating_sub(places).saturating_add(dropped);
        (digits.saturating_mul(factor), exponent)
    }

    /// In milli-units, rounded away from zero and saturated.
    fn milli(&self) -> i64 {
        let (digits, exponent) = self.parts();
        let milli = scale(digits, exponent.saturating_add(3));
        let milli = i64::try_from(milli).unwrap_or(i64::MAX);
        match (self.negative, milli) {
            (true, i64::MAX) => i64::MIN,
            (true, milli) => -milli,
            (false, milli) => milli,
        }
    }

    fn approximate(&self) -> f64 {
        let (base, exponent) = match self.fast() {
            Some((digits, exponent)) => (digits as f64, exponent),
            None => {
                let (digits, exponent) = self.parts();
                (
                    scale(digits, exponent.saturating_add(NANO)) as f64,
                    if digits == 0 { 0 } else { -NANO },
                )
            }
        };
        let size = match exponent {
            0 => base,
            _ => base * format!("1e{exponent}").parse().unwrap_or(0.0),
        };
        if self.negative { -size } else { size }
    }
}

/// `digits` × 10^`exponent`, rounded up (away from zero, `digits` being positive), saturating.
fn scale(digits: i128, exponent: i32) -> i128 {
    if digits == 0 {
        return 0;
    }
    let power = |n: u32| 10_i128.checked_pow(n);
    if exponent >= 0 {
        let factor = power(exponent.unsigned_abs()).unwrap_or(i128::MAX);
        return digits.saturating_mul(factor);
    }
    match power(exponent.unsigned_abs()) {
        Some(divisor) => digits / divisor + i128::from(digits % divisor != 0),
        None => 1,
    }
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
            // A sign, a point or a suffix alone are nothing.
            ("-", 0),
            (".", 0),
            ("m", 0),
            ("1.Ki", 1_024_000),
            ("1e-400", 1),
            ("1e400", i64::MAX),
            ("0e400", 0),
            ("0.000000000000000000000000000000000000000000001", 1),
            ("00000000000000000000000000000000000000000000001", 1000),
        ] {
            assert_eq!(text.parse::<Quantity>().unwrap().milli(), milli, "{text}");
        }
        for text in [
            "", "1x", "1.2.3", "NaN", "Inf", "1 m", "0x10", "1e", "--1", "1Ki.", "1ki", "1e1.5",
            "e-10", ".e-10",
        ] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }
}
