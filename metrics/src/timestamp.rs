//! An instant.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An instant: nanoseconds since the Unix epoch, monotonic inside one process.
///
/// All arithmetic saturates at the ends of the range (the years 1677 and 2262), because an absurd reading must never
/// end a run. Serialised as a bare number of nanoseconds.
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
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// The last instant that can be said.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant `nanos` nanoseconds after the epoch (before it, if negative).
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The instant `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The instant `seconds` seconds after the epoch.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This instant as a civil time in UTC, for people: `2026-01-05 00:00:01 UTC`, with milliseconds if there are any
    /// (what is finer is cut off).
    ///
    /// The date comes from the count of days by Hinnant's `civil_from_days`
    /// (<https://howardhinnant.github.io/date_algorithms.html>), in which years begin in March.
    #[must_use]
    pub fn utc(self) -> String {
        let seconds = self.as_secs();
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let (h, m, s) = (rest / 3600, rest % 3600 / 60, rest % 60);
        let fraction = match self.0.rem_euclid(1_000_000_000) / 1_000_000 {
            0 => String::new(),
            millis => format!(".{millis:03}"),
        };
        format!("{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}{fraction} UTC")
    }

    /// This instant minus `span`, saturating.
    #[must_use]
    pub fn back(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(span)))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    /// As [`Timestamp::since`].
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Timestamp {
    /// Seconds since the epoch, with three decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:03}",
            self.as_secs(),
            self.0.rem_euclid(1_000_000_000) / 1_000_000
        )
    }
}

/// Year, month and day of the day that is so many days after the epoch.
fn civil(days: i64) -> (i64, i64, i64) {
    let since_march_0 = days + 719_468;
    let (era, day_of_era) = (
        since_march_0.div_euclid(146_097),
        since_march_0.rem_euclid(146_097),
    );
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(Timestamp::MAX + Duration::MAX, Timestamp::MAX);
        assert_eq!(
            Timestamp::from_nanos(i64::MIN).back(Duration::MAX),
            Timestamp::from_nanos(i64::MIN)
        );
        assert_eq!(Timestamp::EPOCH - Timestamp::from_secs(3), Duration::ZERO);
    }

    #[test]
    fn people_read_a_civil_time() {
        for (nanos, utc) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59.999 UTC"),
            (951_782_400_000_000_000, "2000-02-29 00:00:00 UTC"),
            (1_767_571_201_250_000_000, "2026-01-05 00:00:01.250 UTC"),
            (4_107_542_399_000_000_000, "2100-02-28 23:59:59 UTC"),
            (4_107_542_400_000_000_000, "2100-03-01 00:00:00 UTC"),
            (i64::MAX, "2262-04-11 23:47:16.854 UTC"),
            (i64::MIN, "1677-09-21 00:12:43.145 UTC"),
        ] {
            assert_eq!(Timestamp::from_nanos(nanos).utc(), utc);
        }
    }

    #[test]
    fn seconds_round_down_before_the_epoch_too() {
        assert_eq!(Timestamp::from_millis(-1).as_secs(), -1);
        assert_eq!(Timestamp::from_millis(-1500).to_string(), "-2.500");
    }
}
