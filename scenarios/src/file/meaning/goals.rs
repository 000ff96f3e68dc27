//! What good means, and what must hold at the end.

use std::time::Duration;

use metrics::{Bound, Gate, GateLevel, GateMetric, GatePer, Quantile, Slo};

use super::super::format::{GateFile, SloFile};
use super::super::mistake::{Span, did_you_mean, short};
use super::super::tree::{Kind, Node};
use super::super::units::{Number, Rate, Share, Text, Time};
use super::super::written::{Field, List, Written};
use super::{Meaning, spans, time};

const METRICS: [&str; 10] = [
    "misses",
    "errors",
    "p50",
    "p90",
    "p95",
    "p99",
    "p99.9",
    "cost",
    "time_above_limit",
    "throughput",
];

impl Meaning<'_> {
    pub(super) fn slo(&mut self, field: &Field<SloFile>) -> Slo {
        let file = field.or(SloFile::default());
        let short_forms = [
            ("p90", &file.p90, 0.9),
            ("p95", &file.p95, 0.95),
            ("p99", &file.p99, 0.99),
        ];
        let there = spans(
            short_forms
                .iter()
                .map(|(name, field, _)| (*name, field.at())),
        );
        let long = spans([("within", file.within.at()), ("share", file.share.at())]);
        if let Some((_, at)) = there.get(1).or(there.first().filter(|_| !long.is_empty())) {
            self.found.add(
                *at,
                "an slo that is said twice",
                "",
                "either `within` with `share`, or one of p90, p95, p99",
            );
        } else if let Some(at) = field
            .at()
            .filter(|_| there.is_empty() && !file.within.is_there() && field.value().is_some())
        {
            self.found.add(
                at,
                "an slo without a time",
                "",
                "`slo: {within: 300ms, share: 99.9%}`, or `slo: {p99: 300ms}`",
            );
        }
        for (_, field, share) in short_forms {
            if let Some(at) = &field.0 {
                self.above_zero(at.value.0, Some(at.at), "a limit");
                return Slo {
                    within: at.value.0,
                    share: Quantile::new(share).unwrap_or(Quantile::P99),
                };
            }
        }
        let within = time(&file.within, Duration::from_millis(300));
        self.above_zero(within, file.within.at(), "a limit");
        let share = file.share.value().map_or(0.99, |share| share.0);
        if let Some(at) = file.share.at().filter(|_| share <= 0.0 || share >= 1.0) {
            self.found.add(
                at,
                "a share that cannot be held, or always is",
                "",
                "above 0% and below 100%: 99%, 99.9%",
            );
        }
        Slo {
            within,
            share: Quantile::new(share).unwrap_or(Quantile::P99),
        }
    }

    pub(super) fn gates(&mut self, field: &Field<List<GateFile>>) -> Vec<Gate> {
        let list = field
            .value()
            .map(|list| list.0.as_slice())
            .unwrap_or_default();
        list.iter()
            .filter_map(|at| self.gate(&at.value, at.at))
            .collect()
    }

    fn gate(&mut self, file: &GateFile, at: Span) -> Option<Gate> {
        let name = file.metric.0.as_ref()?;
        let metric = self.metric_of(&name.value.0, name.at)?;
        let up = metric == GateMetric::Throughput;
        let (due, other, due_name, other_name) = if up {
            (&file.above, &file.below, "above", "below")
        } else {
            (&file.below, &file.above, "below", "above")
        };
        if let Some(at) = other.at() {
            let what = format!("`{other_name}` for {}", name.value.0);
            self.found.add(
                at,
                what,
                format!("did you mean `{due_name}`?"),
                format!("{} must be {due_name} a bound", name.value.0),
            );
            return None;
        }
        let Some(bound) = &due.0 else {
            let what = format!("a gate without `{due_name}`");
            self.found.add(
                at,
                what,
                format!("`{due_name}` is missing"),
                "`{metric: misses, below: 0.1%}`, `{metric: throughput, above: 50/s}`",
            );
            return None;
        };
        let value = self.bound(metric, &bound.value, bound.at)?;
        let per = file.per.value().map_or(GatePer::Run, |word| word.0);
        let text = format!(
            "{} {due_name} {}{}",
            name.value.0,
            bound.value.0,
            match per {
                GatePer::Run => "",
                GatePer::Phase => " in each phase",
                GatePer::Page => " on each page",
            }
        );
        let level = file.level.value().map_or(GateLevel::Error, |word| word.0);
        Some(Gate {
            metric,
            bound: value,
            per,
            level,
            text,
        })
    }

    fn metric_of(&mut self, text: &str, at: Span) -> Option<GateMetric> {
        let metric = match text {
            "misses" => Some(GateMetric::Misses),
            "errors" => Some(GateMetric::Errors),
            "cost" => Some(GateMetric::Cost),
            "time_above_limit" => Some(GateMetric::TimeAboveLimit),
            "throughput" => Some(GateMetric::Throughput),
            _ => text
                .strip_prefix('p')
                .and_then(quantile)
                .map(GateMetric::Latency),
        };
        if metric.is_none() {
            let label = did_you_mean(text, METRICS);
            self.found.add(
                at,
                format!("`{}` is no metric", short(text)),
                label,
                format!("one of: {}", METRICS.join(", ")),
            );
        }
        metric
    }

    /// A bound in the unit of its metric.
    fn bound(&mut self, metric: GateMetric, text: &Text, at: Span) -> Option<Bound> {
        let node = Node {
            kind: Kind::Scalar {
                text: text.0.clone(),
                plain: true,
            },
            at,
        };
        let bound = match metric {
            GateMetric::Latency(_) | GateMetric::TimeAboveLimit => {
                Time::read(&node, self.found).map(|time| Bound::Time(time.0))
            }
            GateMetric::Misses | GateMetric::Errors => {
                Share::read(&node, self.found).map(|share| Bound::Share(share.0))
            }
            GateMetric::Cost => {
                Number::read(&node, self.found).map(|number| Bound::Number(number.0))
            }
            GateMetric::Throughput => {
                Rate::read(&node, self.found).map(|rate| Bound::Number(rate.0))
            }
        };
        let zero = matches!(bound, Some(Bound::Time(Duration::ZERO)))
            || matches!(bound, Some(Bound::Share(v) | Bound::Number(v)) if v <= 0.0);
        if zero && metric != GateMetric::Throughput {
            self.found
                .add(at, "a gate that nothing can pass", "", "nothing is below 0");
        }
        bound
    }
}

/// `99.9` as a quantile, exactly the number 0.999.
fn quantile(percent: &str) -> Option<Quantile> {
    let fine = percent.len() <= 8 && percent.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value: f64 = fine
        .then(|| format!("{percent}e-2").parse().ok())
        .flatten()?;
    Quantile::new(value)
        .ok()
        .filter(|q| q.get() > 0.0 && q.get() < 1.0)
}
