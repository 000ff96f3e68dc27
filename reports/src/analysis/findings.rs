//! What the run says, in sentences: each computed, each supported by a test on the data.

mod latency;
mod verdict;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analysis, Service};
use crate::record::World;
use crate::words::{self, ms, percent, plural, seconds};

/// The titles of the sections, and the sentences beside the verdict.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Findings {
    /// The sentence under the verdict.
    pub verdict: String,
    /// Why a gate failed, if one did and the record can say why.
    pub why: Option<String>,
    /// What to do next, where that can be computed.
    pub advice: Option<Advice>,
    /// Of the hero: load, latency and capacity over time.
    pub hero: Finding,
    /// Of the breach, enlarged; nothing without a breach.
    pub breach: Option<Finding>,
    /// Of latency against load.
    pub knee: Finding,
    /// Of the percentile curve.
    pub percentiles: Finding,
    /// Of the heatmap.
    pub heatmap: Finding,
    /// Of the services.
    pub services: Finding,
    /// Of the decisions.
    pub decisions: Finding,
    /// Of the cost.
    pub cost: Finding,
    /// Of the scaling's quality.
    #[serde(default)]
    pub quality: Finding,
    /// Of the generator's honesty.
    pub honesty: Finding,
}

/// A section's title and sentence.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Finding {
    /// The title: the finding itself, or a neutral one.
    pub title: String,
    /// More of it, in a sentence; may be empty.
    pub sentence: String,
}

/// What to do next.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Advice {
    /// The sentence.
    pub sentence: String,
    /// The command that tries it, if there is one.
    pub command: Option<String>,
}

impl Finding {
    fn new(title: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            sentence: sentence.into(),
        }
    }
}

impl Findings {
    /// All of them. Everything else of the analysis must be there, the verdict too.
    pub(super) fn of(run: &Analysis) -> Self {
        Self {
            verdict: verdict::verdict(run),
            why: verdict::why(run),
            advice: verdict::advice(run),
            hero: latency::hero(run),
            breach: run.breaches.first().and_then(latency::breach),
            knee: latency::knee(run),
            percentiles: latency::percentiles(run),
            heatmap: latency::heatmap(run),
            services: services(run),
            decisions: decisions(run),
            cost: cost(run),
            quality: quality(run),
            honesty: honesty(run),
        }
    }
}

fn total_above_s(run: &Analysis) -> f64 {
    run.breaches.iter().map(|b| b.to_s - b.from_s).sum()
}

fn services(run: &Analysis) -> Finding {
    let short: Vec<&Service> = run
        .services
        .iter()
        .filter(|s| !s.shortages.is_empty())
        .collect();
    let names = |list: &[&Service]| {
        list.iter()
            .map(|s| s.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let known = run
        .services
        .iter()
        .filter(|s| s.safe.rps().is_some())
        .count();
    match (short.as_slice(), known) {
        (_, 0) => Finding::new("The services", ""),
        ([], _) if known == run.services.len() => {
            Finding::new("No service ran out of capacity", "")
        }
        ([], _) => Finding::new(
            "The services",
            "None of those whose capacity is known ran out of it.",
        ),
        ([one], _) => Finding::new(
            format!("Only {} ran out of capacity", one.name),
            format!(
                "In all for {}.",
                seconds(one.shortages.iter().map(super::Span::length_s).sum())
            ),
        ),
        (several, _) => Finding::new(
            format!("{} services ran out of capacity", several.len()),
            format!("{}.", names(several)),
        ),
    }
}

fn decisions(run: &Analysis) -> Finding {
    let d = &run.decisions;
    if d.changes + d.unchanged + d.failed_writes == 0 {
        return Finding::new("Decisions", "No policy decided anything in this run.");
    }
    let mut sentence = format!("{} others changed nothing.", words::count(d.unchanged));
    if d.failed_writes > 0 {
        sentence += &format!(" {} could not be written.", words::count(d.failed_writes));
    }
    if d.without_data > 0 {
        sentence += &format!(" {} rested on missing data.", words::count(d.without_data));
    }
    let title = match d.changes {
        0 => "No decision changed anything".to_owned(),
        n => format!(
            "{} changed something: {} up, {} down",
            plural(n, "decision"),
            d.ups,
            d.downs
        ),
    };
    Finding::new(title, sentence)
}

fn cost(run: &Analysis) -> Finding {
    let Some(paid) = run.cost.paid_replica_min else {
        return Finding::new("Cost", "Nobody said how many replicas there were.");
    };
    let known: Option<f64> = run.cost.services.iter().map(|s| s.wasted_replica_min).sum();
    let paid_text = words::count(paid.round() as u64);
    match known.filter(|_| paid > 0.0) {
        Some(wasted) => Finding::new(
            format!(
                "{paid_text} replica-minutes, {} of them not needed",
                percent(wasted / paid)
            ),
            run.total.missed.map_or_else(String::new, |m| {
                format!("With {} of the pages missed.", percent(m))
            }),
        ),
        None => Finding::new(
            format!("{paid_text} replica-minutes"),
            "What was needed is not known for all services.",
        ),
    }
}

/// The service that lacked most of what it needed, if one lacked anything worth a word.
fn quality(run: &Analysis) -> Finding {
    let known = run.quality.services.iter();
    let lacks = known.filter_map(|s| Some((s, s.provisioning.as_ref()?)));
    let worst = lacks.max_by(|a, b| a.1.under_accuracy.total_cmp(&b.1.under_accuracy));
    match worst {
        Some((service, p)) if p.under_accuracy >= WORTH_A_WORD => Finding::new(
            format!(
                "{} lacked {} of the replicas it needed, averaged over the run",
                service.service,
                percent(p.under_accuracy)
            ),
            format!(
                "For {} of the time it had too few.",
                percent(p.under_timeshare)
            ),
        ),
        Some(_) => Finding::new(
            "Every service had the replicas it needed, nearly always",
            "",
        ),
        None => Finding::new("Scaling quality", "What was needed is not known."),
    }
}

/// Less than this share lacking is not spoken of.
const WORTH_A_WORD: f64 = 0.005;

fn honesty(run: &Analysis) -> Finding {
    let h = &run.honesty;
    let simulated = matches!(run.about.world, World::Simulated | World::Planned);
    if simulated && h.objections.is_empty() {
        return Finding::new(
            "The simulation",
            "In virtual time every request is sent at its instant.",
        );
    }
    if let Some(first) = h.objections.first() {
        let first = first.split(": ").next().unwrap_or(first);
        return Finding::new(
            format!("The run cannot be believed: {first}"),
            format!("{}.", h.objections.join("; ")),
        );
    }
    match h.lateness_p99_ms {
        Some(late) => Finding::new(
            "The load was delivered as promised",
            format!(
                "99 of 100 requests were sent within {} of their instant; {} never.",
                ms(late),
                words::count(h.unsent)
            ),
        ),
        None => Finding::new("The load", "Nobody said how late requests were sent."),
    }
}

#[cfg(test)]
mod tests;
