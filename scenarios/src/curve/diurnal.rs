//! A day's rise and fall, with a factor for each day of the week.

use std::f64::consts::TAU;
use std::time::Duration;

use metrics::{Ratio, Rps};
use serde::{Deserialize, Serialize};

use super::{CurveError, faster, solve};

/// A day.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// With x = t + `since_monday`, D = the day's length and u = x modulo D:
/// λ(t) = week[⌊x ÷ D⌋ mod 7] · (mean + (peak − mean) · cos(2π (u − `at`) ÷ D)).
///
/// Days are 24 hours long: the clock's change to summer time and back is not followed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Diurnal {
    fields: Fields,
    /// sin(2π · `at` ÷ day), which the integral begins with.
    sine: f64,
    /// The integral from the Monday's beginning to t = 0.
    before: f64,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Fields {
    mean: Rps,
    peak: Rps,
    at: Duration,
    week: [Ratio; 7],
    since_monday: Duration,
    day: Duration,
}

impl Diurnal {
    /// A day around `mean` that is highest, `peak`, at the time of day `at`. `week` multiplies it from Monday to Sunday;
    /// `since_monday` is how long before t = 0 a Monday began.
    ///
    /// # Errors
    /// If the peak is not from the mean to twice the mean.
    pub fn new(
        mean: Rps,
        peak: Rps,
        at: Duration,
        week: [Ratio; 7],
        since_monday: Duration,
    ) -> Result<Self, CurveError> {
        Self::checked(Fields {
            mean,
            peak,
            at,
            week,
            since_monday,
            day: DAY,
        })
    }

    fn checked(fields: Fields) -> Result<Self, CurveError> {
        let (mean, peak) = (fields.mean, fields.peak);
        if peak < mean || peak.get() > 2.0 * mean.get() {
            return Err(CurveError::Swing { peak, mean });
        }
        if fields.day.is_zero() {
            return Err(CurveError::Zero("day"));
        }
        Ok(Self::built(fields))
    }

    fn built(fields: Fields) -> Self {
        let sine = libm::sin(TAU * fields.at.as_secs_f64() / fields.day.as_secs_f64());
        let mut built = Self {
            fields,
            sine,
            before: 0.0,
        };
        built.before = built.count_since_monday(fields.since_monday.as_secs_f64());
        built
    }

    pub(super) fn day(&self) -> f64 {
        self.fields.day.as_secs_f64()
    }

    fn factor(&self, day_number: f64) -> f64 {
        self.fields.week[(day_number % 7.0) as usize].get()
    }

    /// Which day `x` seconds after a Monday began, and how far into it.
    fn position(&self, x: f64) -> (f64, f64) {
        let number = (x / self.day()).floor();
        (number, (x - number * self.day()).clamp(0.0, self.day()))
    }

    /// The rate `u` seconds into a day of factor 1, and the integral of it from the day's beginning.
    fn day_rate_and_count(&self, u: f64) -> (f64, f64) {
        let (mean, swing) = (
            self.fields.mean.get(),
            self.fields.peak.get() - self.fields.mean.get(),
        );
        let (sine, cosine) = libm::sincos(TAU * (u - self.fields.at.as_secs_f64()) / self.day());
        let wave = self.day() / TAU * (sine + self.sine);
        (mean + swing * cosine, mean * u + swing * wave)
    }

    /// The integral from the Monday's beginning to `x` seconds after it.
    fn count_since_monday(&self, x: f64) -> f64 {
        let (number, u) = self.position(x);
        let weeks = (number / 7.0).floor();
        let whole_days = (number - 7.0 * weeks) as usize;
        let factor = |days: &[Ratio]| days.iter().map(|factor| factor.get()).sum::<f64>();
        let factors = weeks * factor(&self.fields.week) + factor(&self.fields.week[..whole_days]);
        self.fields.mean.get() * self.day() * factors
            + self.factor(number) * self.day_rate_and_count(u).1
    }

    pub(super) fn rate(&self, t: f64) -> f64 {
        let (number, u) = self.position(t + self.fields.since_monday.as_secs_f64());
        self.factor(number) * self.day_rate_and_count(u).0
    }

    pub(super) fn count(&self, t: f64) -> f64 {
        self.count_since_monday(t + self.fields.since_monday.as_secs_f64()) - self.before
    }

    pub(super) fn invert(&self, count: f64, near: f64) -> Option<f64> {
        let since = self.fields.since_monday.as_secs_f64();
        let target = count + self.before;
        let day_total = self.fields.mean.get() * self.day();
        let week_total = day_total
            * self
                .fields
                .week
                .iter()
                .map(|factor| factor.get())
                .sum::<f64>();
        let weeks = (target / week_total).floor();
        if !weeks.is_finite() {
            return None;
        }
        let mut rest = target - weeks * week_total;
        let mut day_number = weeks * 7.0;
        // The day that reaches the count; the last with any arrivals, if rounding leaves a rest.
        let mut found = None;
        for factor in self.fields.week {
            let total = day_total * factor.get();
            if total > 0.0 {
                found = Some((day_number, rest.min(total) / factor.get()));
                if rest <= total {
                    break;
                }
            }
            rest -= total;
            day_number += 1.0;
        }
        let (day_number, rest) = found?;
        let begin = day_number * self.day() - since;
        let u = solve::between(
            |u| self.day_rate_and_count(u),
            rest,
            (0.0, self.day()),
            near - begin,
        );
        Some((begin + u).max(0.0))
    }

    pub(super) fn corners(&self, until: f64) -> Vec<f64> {
        /// Beyond four weeks all weeks have been seen.
        const DAYS_MAX: f64 = 28.0;
        let since = self.fields.since_monday.as_secs_f64();
        let (first, _) = self.position(since);
        let (last, _) = self.position(since + until);
        let days = (last - first).min(DAYS_MAX) as u32;
        (0..=days)
            .map(|day| (first + f64::from(day)) * self.day() - since)
            .flat_map(|begin| [begin, begin + self.fields.at.as_secs_f64()])
            .collect()
    }

    pub(super) fn compressed(&self, speed: f64) -> Self {
        let mut fields = self.fields;
        fields.at = faster(fields.at, speed);
        fields.since_monday = faster(fields.since_monday, speed);
        fields.day = faster(fields.day, speed).max(Duration::from_nanos(1));
        Self::built(fields)
    }
}

impl TryFrom<Fields> for Diurnal {
    type Error = CurveError;

    fn try_from(fields: Fields) -> Result<Self, CurveError> {
        Self::checked(fields)
    }
}

impl From<Diurnal> for Fields {
    fn from(diurnal: Diurnal) -> Self {
        diurnal.fields
    }
}
