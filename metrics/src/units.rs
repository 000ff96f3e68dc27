//! Units that cannot be mixed up.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number outside the range of its unit.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{what} = {value}, must be {range}")]
pub struct OutOfRange {
    /// The unit's name.
    pub what: &'static str,
    /// What was given.
    pub value: f64,
    /// What is allowed.
    pub range: &'static str,
}

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident, $what:literal, $range:literal, $holds:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, PartialOrd, Serialize)]
        #[serde(try_from = "f64", into = "f64")]
        pub struct $name(f64);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0.0);

            /// Checks `value` against the unit's range.
            ///
            /// # Errors
            /// If it is outside the range, or not a number.
            pub fn new(value: f64) -> Result<Self, OutOfRange> {
                let holds: fn(f64) -> bool = $holds;
                if holds(value) { Ok(Self(value)) } else { Err(OutOfRange { what: $what, value, range: $range }) }
            }

            /// The bare number.
            #[must_use]
            pub const fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $name {
            type Error = OutOfRange;

            fn try_from(value: f64) -> Result<Self, OutOfRange> {
                Self::new(value)
            }
        }

        impl From<$name> for f64 {
            fn from(unit: $name) -> Self {
                unit.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

unit!(
    /// Requests (or arrivals) per second: finite and at least 0.
    Rps, "rate", "finite and at least 0", |v| v.is_finite() && v >= 0.0
);
unit!(
    /// A share or a utilisation, 1.0 being all of it: finite and at least 0. It may exceed 1 (an overload does).
    Ratio, "ratio", "finite and at least 0", |v| v.is_finite() && v >= 0.0
);
unit!(
    /// A quantile, between 0 and 1 inclusive; never a percentile.
    Quantile, "quantile", "between 0 and 1", |v| (0.0..=1.0).contains(&v)
);

impl Ratio {
    /// All of it.
    pub const ONE: Self = Self(1.0);
}

impl Quantile {
    /// The median.
    pub const P50: Self = Self(0.50);
    /// Nineteen of twenty are at most this.
    pub const P95: Self = Self(0.95);
    /// Ninety-nine of a hundred are at most this.
    pub const P99: Self = Self(0.99);
    /// All but one of a thousand are at most this.
    pub const P999: Self = Self(0.999);

    /// How many samples this quantile needs before it may be said: 5 ÷ (1 − q), rounded up.
    #[must_use]
    pub fn samples_needed(self) -> u64 {
        // At q = 1 (the maximum) any sample will do.
        if self.0 >= 1.0 {
            1
        } else {
            (5.0 / (1.0 - self.0) - 1e-6).ceil() as u64
        }
    }
}

/// A number of replicas of a service.
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
pub struct Replicas(pub u32);

impl Replicas {
    /// None.
    pub const ZERO: Self = Self(0);

    /// The bare number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// In a sentence: `1 replica`, `2 replicas`.
    #[must_use]
    pub const fn in_words(self) -> impl fmt::Display {
        InWords(self)
    }
}

impl fmt::Display for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

struct InWords(Replicas);

impl fmt::Display for InWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = if self.0.get() == 1 { "" } else { "s" };
        write!(f, "{} replica{ending}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_cannot_be_built() {
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(Rps::new(bad).is_err());
            assert!(Ratio::new(bad).is_err());
        }
        assert!(Quantile::new(99.0).is_err());
        assert_eq!(
            Rps::new(-1.0).unwrap_err().to_string(),
            "rate = -1, must be finite and at least 0"
        );
        assert!(serde_json::from_str::<Quantile>("1.5").is_err());
    }

    #[test]
    fn one_replica_is_no_replicas() {
        let words = |n| Replicas(n).in_words().to_string();
        assert_eq!(
            [0, 1, 2].map(words),
            ["0 replicas", "1 replica", "2 replicas"]
        );
    }

    #[test]
    fn a_quantile_knows_how_many_samples_it_needs() {
        assert_eq!(Quantile::P50.samples_needed(), 10);
        assert_eq!(Quantile::P95.samples_needed(), 100);
        assert_eq!(Quantile::P99.samples_needed(), 500);
        assert_eq!(Quantile::P999.samples_needed(), 5000);
    }
}
