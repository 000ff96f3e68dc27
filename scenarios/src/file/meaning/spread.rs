//! Distributions as meant.

use std::time::Duration;

use super::super::format::{Spread, SpreadMap};
use super::super::mistake::{Span, listed};
use super::super::units::{self, FileName};
use super::super::written::{At, Field, Form};
use super::{Meaning, spans, spoken};
use crate::{Distribution, DistributionError};

/// The most times that a file may give.
const MOST_TIMES: usize = 100_000;

/// The quantile beside a median.
struct Upper<'a> {
    field: &'a Field<units::Time>,
    name: &'static str,
    short: &'static str,
    build: fn(Duration, Duration) -> Result<Distribution, DistributionError>,
}

/// `12 s`: as in a sentence.
fn spaced(time: Duration) -> String {
    let text = spoken(time);
    match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) if text[at..].chars().all(|c| c.is_ascii_alphabetic()) => {
            format!("{} {}", &text[..at], &text[at..])
        }
        _ => text,
    }
}

impl Meaning<'_> {
    /// What `field` says, or `default`. `what` names it in messages.
    pub(crate) fn spread(
        &mut self,
        field: &Field<Spread>,
        what: &str,
        default: Distribution,
    ) -> Distribution {
        match &field.0 {
            None => default,
            Some(At {
                value: Form::Short(time),
                ..
            }) => Distribution::Constant(time.0),
            Some(At {
                value: Form::Long(map),
                at,
                ..
            }) => self.spread_map(map, *at, what).unwrap_or(default),
        }
    }

    fn spread_map(&mut self, map: &SpreadMap, at: Span, what: &str) -> Option<Distribution> {
        let there = spans([
            ("mean", map.mean.at()),
            ("cv", map.cv.at()),
            ("median", map.median.at()),
            ("p90", map.p90.at()),
            ("p99", map.p99.at()),
            ("exponential", map.exponential.at()),
            ("from", map.from.at()),
        ]);
        let names: Vec<&str> = there.iter().map(|(name, _)| *name).collect();
        match names.as_slice() {
            ["mean"] => Some(Distribution::Constant(map.mean.value()?.0)),
            ["mean", "cv"] => self.mean_cv(map),
            ["median", "p90"] => {
                let build = Distribution::from_median_p90;
                let upper = Upper {
                    field: &map.p90,
                    name: "90th percentile",
                    short: "p90",
                    build,
                };
                self.median(map, &upper, at, what)
            }
            ["median", "p99"] => {
                let build = Distribution::from_median_p99;
                let upper = Upper {
                    field: &map.p99,
                    name: "99th percentile",
                    short: "p99",
                    build,
                };
                self.median(map, &upper, at, what)
            }
            ["exponential"] => {
                self.built_spread(Distribution::exponential(map.exponential.value()?.0), at)
            }
            ["from"] => {
                let At {
                    value: FileName(name),
                    at,
                    ..
                } = map.from.0.as_ref()?;
                self.empirical(name, *at)
            }
            _ => {
                let what = format!(
                    "{what} is a distribution with {}",
                    listed(names.iter().copied())
                );
                self.found.add(at, what, "", "one of: {mean, cv} · {median, p90} · {median, p99} · {exponential} · {from: file.csv} · a time");
                None
            }
        }
    }

    fn mean_cv(&mut self, map: &SpreadMap) -> Option<Distribution> {
        let (mean, cv) = (map.mean.value()?.0, map.cv.value()?.0);
        self.built_spread(Distribution::from_mean_cv(mean, cv), map.cv.at()?)
    }

    fn built_spread(
        &mut self,
        spread: Result<Distribution, DistributionError>,
        at: Span,
    ) -> Option<Distribution> {
        spread
            .map_err(|error| self.found.add(at, error.to_string(), "", ""))
            .ok()
    }

    fn median(
        &mut self,
        map: &SpreadMap,
        upper: &Upper<'_>,
        at: Span,
        what: &str,
    ) -> Option<Distribution> {
        let (median, quantile) = (map.median.value()?.0, upper.field.value()?.0);
        if median > quantile {
            self.found.add(
                at,
                format!("the median of {what} is above its {}", upper.name),
                format!(
                    "{} at the median, {} at {}",
                    spaced(median),
                    spaced(quantile),
                    upper.short
                ),
                format!("swap them, or write one time: `{}`", spoken(median)),
            );
            return None;
        }
        self.built_spread((upper.build)(median, quantile), at)
    }

    fn empirical(&mut self, name: &str, at: Span) -> Option<Distribution> {
        let text = self.side_file(name, at)?;
        let mut times: Vec<Duration> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let value = line.split(',').next().unwrap_or("").trim();
            if value.is_empty() {
                continue;
            }
            let seconds = || {
                value
                    .parse::<f64>()
                    .ok()
                    .and_then(|s| Duration::try_from_secs_f64(s).ok())
            };
            match units::time(value).ok().or_else(seconds) {
                Some(time) if time <= units::LONGEST => times.push(time),
                // The first line may say what the column is.
                None if number == 0 => {}
                _ => {
                    let what = format!("line {} of `{name}` begins with no time", number + 1);
                    self.found
                        .add(at, what, "", "a time a line: 12ms, 1.5s, or seconds: 0.012");
                    return None;
                }
            }
        }
        if times.is_empty() || times.len() > MOST_TIMES {
            let what = format!("`{name}` holds {} times", times.len());
            self.found.add(at, what, "", "from 1 to 100000");
            return None;
        }
        self.built_spread(Distribution::empirical(times), at)
    }
}
