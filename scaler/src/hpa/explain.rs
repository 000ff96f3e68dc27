//! A proposal in words and figures.

use std::fmt;
use std::sync::Arc;

use super::count;
use super::metric::{Basis, Metric, Proposal, Source};
use super::pods::{PodProposal, PodTarget};
use crate::Term;
use crate::figures::{Plain, RoundedUp};

/// What a number of HPA's rests on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    metrics: Arc<[Metric]>,
    /// What each metric proposes, or why it does not.
    pub(super) proposed: Vec<Result<Proposal, String>>,
    /// What is proposed in the end, and the place of the metric that does; nothing if that is not known.
    pub(super) best: Option<(i32, Option<usize>)>,
    /// Why it is not known.
    pub(super) failure: String,
}

impl Found {
    /// Begins anew.
    pub(super) fn begin(&mut self, metrics: &Arc<[Metric]>) {
        self.metrics = Arc::clone(metrics);
        self.proposed.clear();
        self.best = None;
        self.failure.clear();
    }

    /// Why the number is what it is.
    pub(crate) fn sentence(&self) -> String {
        let Some((_, winner)) = self.best else {
            return self.failure.clone();
        };
        let of = winner.and_then(|place| self.metrics.get(place).zip(self.proposed.get(place)));
        match of {
            Some((metric, Ok(proposal))) => sentence(metric, proposal),
            _ => String::new(),
        }
    }

    /// What that rests on.
    pub(crate) fn terms(&self) -> Vec<Term> {
        let each = self.metrics.iter().zip(&self.proposed);
        let of = |(metric, proposed): (&Metric, &Result<Proposal, String>)| match proposed {
            Ok(proposal) => term(metric, proposal),
            Err(why) => Term::new(label(metric), format!("no data: {why}")),
        };
        let mut terms: Vec<Term> = each.map(of).collect();
        terms.extend(
            self.best
                .map(|(best, _)| Term::new("proposal", best.to_string())),
        );
        terms
    }
}

/// One sentence for people: what was measured, against what, and what follows.
fn sentence(metric: &Metric, proposal: &Proposal) -> String {
    let name = short(metric);
    match proposal.basis {
        Basis::Pods { of, target } => {
            let (mean, target) = match target {
                PodTarget::Utilization(target) => (
                    format!("{} % of the request", of.mean),
                    format!("{target} %"),
                ),
                PodTarget::Average(target) if is_slots(metric) => {
                    (format!("{} of slots", percent(of.mean)), percent(target))
                }
                PodTarget::Average(target) => (quantity(of.mean), quantity(target)),
            };
            let follows = product(&of, proposal.replicas);
            if is_slots(metric) {
                format!("{mean} against a target of {target}: {follows}")
            } else {
                format!("mean {name} {mean} against a target of {target}: {follows}")
            }
        }
        Basis::Value {
            usage,
            target,
            ratio,
            ready,
        } => {
            let follows = match ready {
                Some(ready) => format!(
                    "{} {}",
                    RoundedUp(ready as f64, ratio),
                    replicas(proposal.replicas)
                ),
                None => replicas(proposal.replicas).to_string(),
            };
            format!(
                "{name} {} against a target of {}: {follows}",
                quantity(usage),
                quantity(target)
            )
        }
        Basis::Average { usage, target, .. } => format!(
            "{name} {} at {} a replica: {}",
            quantity(usage),
            quantity(target),
            replicas(proposal.replicas)
        ),
    }
}

fn product(of: &PodProposal, proposed: i32) -> String {
    let product = (of.ratio * of.times as f64).ceil() as i32;
    let left_out = match (of.missing, of.unready) {
        (0, 0) => String::new(),
        (missing, 0) => format!(" ({missing} without metrics)"),
        (0, unready) => format!(" ({unready} not ready)"),
        (missing, unready) => format!(" ({missing} without metrics, {unready} not ready)"),
    };
    let words = replicas(proposed);
    if product == proposed {
        let product = RoundedUp(of.times as f64, of.ratio);
        format!("{product} {words}{left_out}")
    } else {
        format!(
            "{} times the target, it stays at {words}{left_out}",
            figure(of.ratio)
        )
    }
}

/// The metric as a term: its value and what it proposes.
fn term(metric: &Metric, proposal: &Proposal) -> Term {
    let value = match proposal.basis {
        Basis::Pods { of, target } => match target {
            PodTarget::Utilization(_) => format!("{} %", of.mean),
            PodTarget::Average(_) if is_slots(metric) => percent(of.mean),
            PodTarget::Average(_) => quantity(of.mean),
        },
        Basis::Value { usage, .. } => quantity(usage),
        Basis::Average {
            usage,
            replicas: over,
            ..
        } => {
            format!("{} over {}", quantity(usage), replicas(over))
        }
    };
    Term {
        name: label(metric).to_owned(),
        value: format!("{value} → {}", replicas(proposal.replicas)),
    }
}

/// Its name as upstream has it, without the selector that is not there.
fn label(metric: &Metric) -> &str {
    metric.name.strip_suffix("(nil)").unwrap_or(&metric.name)
}

fn replicas(n: i32) -> impl fmt::Display {
    count(n).in_words()
}

fn short(metric: &Metric) -> String {
    match &metric.source {
        Source::Resource {
            name, container, ..
        } => {
            let name = if name == "cpu" { "CPU" } else { name };
            match container {
                Some(container) => format!("{name} of container {container}"),
                None => name.to_owned(),
            }
        }
        Source::Pods { name, .. } => name.clone(),
        Source::Object { name, at, .. } => format!("{name} of {at}"),
        Source::External { name, .. } => name.clone(),
        Source::Unknown(kind) => kind.clone(),
    }
}

/// The share of slots held is a share: people read it in per cent, not in thousandths.
fn is_slots(metric: &Metric) -> bool {
    matches!(&metric.source, Source::Pods { name, .. } if name == "busy")
}

/// Thousandths as whole per cent.
fn percent(milli: i64) -> String {
    format!("{} %", milli.saturating_add(5).div_euclid(10))
}

fn quantity(milli: i64) -> String {
    Plain(milli).to_string()
}

/// Two decimals, without needless zeros.
fn figure(value: f64) -> String {
    let text = format!("{value:.2}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}
