//! A run in a few figures, so that many runs fit into a table and can be compared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::Analysis;
use crate::words::{self, NONE};

/// A run in a few figures. What was not measured is nothing, never zero.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Figures {
    /// Pages that were due.
    pub pages: u64,
    /// Too slow or not served, as a share of the pages.
    pub missed: Option<f64>,
    /// Not served, as a share of the pages.
    pub errors: Option<f64>,
    /// The median latency of the run, in ms; nothing with too few samples. So with the others.
    pub p50_ms: Option<f64>,
    /// Its 95th percentile, in ms.
    pub p95_ms: Option<f64>,
    /// Its 99th percentile, in ms.
    pub p99_ms: Option<f64>,
    /// Its 99.9th percentile, in ms.
    pub p999_ms: Option<f64>,
    /// Replicas that existed × time, in replica-hours of scenario time.
    pub replica_hours: Option<f64>,
    /// Time during which latency was above its limit, in seconds of scenario time.
    pub above_limit_s: Option<f64>,
    /// Decisions that changed a number of replicas.
    pub changes: u64,
}

/// One of the figures that runs are compared by. Of all of them less is better.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// [`Figures::missed`].
    Missed,
    /// [`Figures::errors`].
    Errors,
    /// [`Figures::p50_ms`].
    P50,
    /// [`Figures::p99_ms`].
    P99,
    /// [`Figures::above_limit_s`].
    AboveLimit,
    /// [`Figures::replica_hours`].
    Cost,
    /// [`Figures::changes`].
    Changes,
}

impl Measure {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Missed,
        Self::Errors,
        Self::P50,
        Self::P99,
        Self::AboveLimit,
        Self::Cost,
        Self::Changes,
    ];

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Errors => "errors",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::AboveLimit => "over limit",
            Self::Cost => "replica-h",
            Self::Changes => "changes",
        }
    }

    /// A value of it as people read it.
    #[must_use]
    pub fn text(self, value: f64) -> String {
        match self {
            Self::Missed | Self::Errors => words::percent(value),
            Self::P50 | Self::P99 => words::ms(value),
            Self::AboveLimit => words::seconds(value),
            Self::Cost => decimal(value),
            Self::Changes => words::rate(value),
        }
    }

    /// A value of it, or a dash.
    #[must_use]
    pub fn said(self, value: Option<f64>) -> String {
        value.map_or_else(|| NONE.to_owned(), |v| self.text(v))
    }
}

/// Three digits that matter, or the whole number: `0.42`, `4.21`, `42.1`, `421`.
fn decimal(value: f64) -> String {
    let a = value.abs();
    let digits = match a {
        _ if !a.is_finite() => return NONE.to_owned(),
        _ if a < 9.995 => 2,
        _ if a < 99.95 => 1,
        _ => return words::rate(value),
    };
    let text = format!("{a:.digits$}");
    let zero = text.chars().all(|c| c == '0' || c == '.');
    let sign = if value < 0.0 && !zero { "−" } else { "" };
    format!("{sign}{text}")
}

impl Figures {
    /// Those of a run.
    #[must_use]
    pub fn of(run: &Analysis) -> Self {
        let total = &run.total;
        let above = run.breaches.iter().map(|b| b.to_s - b.from_s).sum();
        Self {
            pages: total.counts.offered,
            missed: total.missed,
            errors: total.errors,
            p50_ms: total.p50_ms,
            p95_ms: total.p95_ms,
            p99_ms: total.p99_ms,
            p999_ms: total.p999_ms,
            replica_hours: run.cost.paid_replica_min.map(|minutes| minutes / 60.0),
            above_limit_s: (!run.percentiles.is_empty()).then_some(above),
            changes: run.decisions.changes,
        }
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::Missed => self.missed,
            Measure::Errors => self.errors,
            Measure::P50 => self.p50_ms,
            Measure::P99 => self.p99_ms,
            Measure::AboveLimit => self.above_limit_s,
            Measure::Cost => self.replica_hours,
            Measure::Changes => Some(self.changes as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Kind};

    #[test]
    fn they_are_the_run_s() {
        let run = Analysis::of(&sample::record(Kind::Failed));
        let figures = Figures::of(&run);
        assert_eq!(figures.pages, run.counts().offered);
        for measure in Measure::ALL {
            assert!(figures.get(measure).is_some(), "{measure:?}");
        }
        let hours = figures.replica_hours.unwrap();
        assert!((hours * 60.0 - run.cost.paid_replica_min.unwrap()).abs() < 1e-9);
    }

    #[test]
    fn a_run_without_data_has_no_figures() {
        let figures = Figures::of(&Analysis::of(&sample::begun(0)));
        for measure in [Measure::Missed, Measure::P50, Measure::Cost] {
            assert_eq!(figures.get(measure), None, "{measure:?}");
        }
    }

    #[test]
    fn costs_keep_three_digits() {
        for (value, text) in [
            (0.0, "0.00"),
            (-0.001, "0.00"),
            (-4.213, "−4.21"),
            (42.13, "42.1"),
            (4213.4, "4,213"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(Measure::Cost.text(value), text);
        }
    }
}
