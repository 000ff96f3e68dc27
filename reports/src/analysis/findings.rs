//! What the run says, in sentences: each computed, each supported by a test on the data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Analysis, Breach, SafeRate, Service};
use crate::gates::{Outcome, Verdict};
use crate::words::{self, clock, ms, percent, plural, seconds};

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
            verdict: verdict(run),
            why: why(run),
            advice: advice(run),
            hero: hero(run),
            breach: run.breaches.first().and_then(breach),
            knee: knee(run),
            percentiles: percentiles(run),
            heatmap: heatmap(run),
            services: services(run),
            decisions: decisions(run),
            cost: cost(run),
            honesty: honesty(run),
        }
    }
}

fn total_above_s(run: &Analysis) -> f64 {
    run.breaches.iter().map(|b| b.to_s - b.from_s).sum()
}

fn verdict(run: &Analysis) -> String {
    let above = total_above_s(run);
    let missed = run.total.missed.map_or_else(
        || "No request was measured.".to_owned(),
        |m| {
            let (n, all) = (run.counts().misses(), run.counts().offered);
            format!(
                "{} of {} were too slow or not served ({}).",
                words::count(n),
                plural(all, "page"),
                percent(m)
            )
        },
    );
    match run.verdict {
        Verdict::Invalid if !run.honesty.objections.is_empty() => {
            format!(
                "This run decides nothing: {}.",
                run.honesty.objections.join("; ")
            )
        }
        Verdict::Invalid => {
            let why = run.gates.iter().find_map(|g| g.why.as_deref());
            format!(
                "This run decides nothing: {}.",
                why.unwrap_or("it could not go on")
            )
        }
        Verdict::Interrupted => format!(
            "The run was stopped at {} of {}. {missed}",
            clock(run.about.ran_s),
            clock(run.about.duration_s)
        ),
        Verdict::Failed if run.audit.as_ref().is_some_and(|a| a.violation_count > 0) => {
            let n = run.audit.as_ref().map_or(0, |a| a.violation_count);
            format!("The audit found {}. {missed}", plural(n, "violation"))
        }
        _ if run.percentiles.is_empty() => missed,
        _ if run.breaches.is_empty() => format!("The shop held. {missed}"),
        _ if above * 2.0 > run.about.ran_s => {
            format!(
                "The shop did not hold: for {} latency was above its limit. {missed}",
                seconds(above)
            )
        }
        _ => {
            let first = &run.breaches[0];
            let when = match run.breaches.len() {
                1 => format!("from {} to {}", clock(first.from_s), clock(first.to_s)),
                n => format!("in {n} spans, the first at {}", clock(first.from_s)),
            };
            // Many shoppers may come in a short time: what they met is what counts.
            let most_were_well = run.total.missed.is_none_or(|m| m <= MOST_FOR_HELD);
            let verb = if most_were_well {
                "held, except for"
            } else {
                "did not hold for"
            };
            format!("The shop {verb} {} ({when}). {missed}", seconds(above))
        }
    }
}

/// With a larger share of missed pages nobody would say that the shop held.
const MOST_FOR_HELD: f64 = 0.05;

/// The first breach with a shortage under it.
fn why(run: &Analysis) -> Option<String> {
    if run.verdict == Verdict::Invalid || !run.gates.iter().any(|g| g.outcome == Outcome::Fail) {
        return None;
    }
    let split = run.breaches.iter().find_map(|b| b.split.as_ref())?;
    let short = split.starting.to_s - split.not_seen.from_s;
    Some(format!(
        "For {} ({}–{}) load was above what the ready {} replicas take: {} until a decision asked for more, {} until enough of them were ready.",
        seconds(short),
        clock(split.not_seen.from_s),
        clock(split.starting.to_s),
        split.service,
        seconds(split.not_seen.length_s()),
        seconds(split.starting.length_s()),
    ))
}

/// More replicas at the start, as many as the first shortage lacked, where a shortage made a gate fail.
fn advice(run: &Analysis) -> Option<Advice> {
    if let Some(advice) = not_believed(run) {
        return Some(advice);
    }
    if run.verdict != Verdict::Failed {
        return None;
    }
    let split = run.breaches.iter().find_map(|b| b.split.as_ref())?;
    let service = run.service(&split.service)?;
    let safe = service.safe.rps()?;
    let end = split.starting.to_s;
    let inside =
        |w: &&super::ServiceInterval| w.from_s >= split.not_seen.from_s - 1e-6 && w.from_s < end;
    let load = service
        .windows
        .iter()
        .filter(inside)
        .filter_map(|w| w.load_rps)
        .reduce(f64::max)?;
    let needed = (load / safe).ceil() as u32;
    let name = &service.name;
    if needed > service.max {
        return Some(Advice {
            sentence: format!(
                "Allow more: {name} needed {needed} replicas at {} req/s, its maximum is {}.",
                words::rate(load),
                service.max
            ),
            command: with_setting(run, &format!("scaling.{name}.max={needed}")),
        });
    }
    let minimum = needed.max(service.min + 1);
    Some(Advice {
        sentence: format!(
            "Have {minimum} {name} replicas ready before {}, not {}: that is what {} req/s need at {} req/s each.",
            clock(split.not_seen.from_s),
            service.min,
            words::rate(load),
            words::rate(safe)
        ),
        command: with_setting(run, &format!("scaling.{name}.min={minimum}")),
    })
}

fn not_believed(run: &Analysis) -> Option<Advice> {
    let late = run.honesty.lateness_p99_ms.is_some_and(|ms| ms > 10.0);
    (run.verdict == Verdict::Invalid && late).then(|| Advice {
        sentence: "Run it again at a lower speed, or on a machine with nothing else to do.".into(),
        command: None,
    })
}

/// The run's own command with one more setting; nothing if the command is not one that a shell can be given as it is.
fn with_setting(run: &Analysis, setting: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_./=:,%".contains(c);
    let command = &run.about.command;
    (!command.is_empty() && command.chars().chain(setting.chars()).all(plain))
        .then(|| format!("{command} --set {setting}"))
}

fn hero(run: &Analysis) -> Finding {
    let limit = ms(run.about.limit_ms);
    if run.percentiles.is_empty() {
        return Finding::new("Load, latency and capacity", "There is no latency to show.");
    }
    let Some(first) = run.breaches.first() else {
        let room = run.tightest.as_ref().map_or_else(String::new, |t| {
            let room = percent(t.headroom);
            format!(
                "{} came closest to running out, with {room} of room at {}.",
                t.service,
                clock(t.at_s)
            )
        });
        return Finding::new(
            format!("Latency stayed within {limit} from start to end"),
            room,
        );
    };
    let above = seconds(total_above_s(run));
    let phase = run
        .phases
        .iter()
        .find(|p| p.from_s <= first.from_s && first.from_s < p.to_s);
    let place = match (run.breaches.len(), phase) {
        (1, Some(phase)) if run.phases.len() > 1 => format!(" in the phase {}", phase.name),
        (1, _) => format!(" at {}", clock(first.from_s)),
        (n, _) => format!(" in {n} spans"),
    };
    let cause = match run.breaches.iter().find_map(|b| b.split.as_ref()) {
        Some(split) => format!(
            ": load outran the {} replicas that were ready",
            split.service
        ),
        None => String::new(),
    };
    let worst = run
        .breaches
        .iter()
        .max_by(|a, b| a.worst_ms.total_cmp(&b.worst_ms))
        .unwrap_or(first);
    Finding::new(
        format!("Latency left its limit of {limit} for {above}{place}{cause}"),
        format!(
            "It was worst at {}, with {} at {}.",
            clock(worst.worst_at_s),
            ms(worst.worst_ms),
            words::quantile(run.about.share)
        ),
    )
}

fn breach(breach: &Breach) -> Option<Finding> {
    let split = breach.split.as_ref()?;
    let parts = [
        (split.not_seen, "until it was seen"),
        (split.starting, "until enough replicas were ready"),
        (split.clearing, "until the queue was cleared"),
    ];
    let longest = parts
        .iter()
        .max_by(|a, b| a.0.length_s().total_cmp(&b.0.length_s()))?;
    let said: Vec<String> = parts
        .iter()
        .map(|(span, what)| format!("{} {what}", seconds(span.length_s())))
        .collect();
    Some(Finding::new(
        format!("Most of the time went by {}", longest.1),
        format!("{}: {}.", split.service, said.join(", ")),
    ))
}

fn knee(run: &Analysis) -> Finding {
    let Some(service) = run.shown_service() else {
        return Finding::new("Latency against load", "No service was measured.");
    };
    let name = &service.name;
    match &service.safe {
        SafeRate::Measured { rps } => Finding::new(
            format!(
                "A {name} replica takes {} req/s within its limit",
                words::rate(*rps)
            ),
            format!(
                "Measured: there the curve through the run's windows meets {}.",
                ms(service.limit_ms)
            ),
        ),
        SafeRate::Model { rps } => Finding::new(
            format!(
                "A {name} replica takes about {} req/s, by its work times",
                words::rate(*rps)
            ),
            "Not measured: the run shows no knee, because it was hardly ever, or not only by load, over the limit.",
        ),
        SafeRate::Unknown { why } => Finding::new(
            format!("Latency against load of {name}"),
            format!("No safe rate: {why}."),
        ),
    }
}

fn percentiles(run: &Analysis) -> Finding {
    let tail = run
        .total
        .p50_ms
        .zip(run.total.p99_ms)
        .filter(|(p50, _)| *p50 > 0.0);
    let Some((p50, p99)) = tail else {
        return Finding::new(
            "Latency by percentile",
            "There are too few requests for a p99.",
        );
    };
    let sentence = run
        .total
        .p999_ms
        .map_or_else(String::new, |p| format!("p99.9 is {}.", ms(p)));
    Finding::new(
        format!(
            "Half took {} or less, one in a hundred {} or more",
            ms(p50),
            ms(p99)
        ),
        sentence,
    )
}

/// Two humps: of the whole run's rows a valley with at most a third of the lower of the peaks on both sides.
fn heatmap(run: &Analysis) -> Finding {
    let rows = run.heatmap.edges_ms.len().saturating_sub(1);
    let sum = |row: usize| {
        run.heatmap
            .counts
            .iter()
            .filter_map(|c| c.get(row))
            .sum::<u64>()
    };
    let sums: Vec<u64> = (0..rows).map(sum).collect();
    let all: u64 = sums.iter().sum();
    let valley = (1..rows.saturating_sub(1)).find_map(|v| {
        let low = sums[..v].iter().enumerate().max_by_key(|(_, n)| **n)?;
        let high = sums[v + 1..].iter().enumerate().max_by_key(|(_, n)| **n)?;
        let lower = *low.1.min(high.1);
        (lower >= 50 && lower * 50 >= all && sums[v] * 3 <= lower)
            .then_some((low.0, v + 1 + high.0))
    });
    match valley {
        Some((low, high)) => Finding::new(
            format!(
                "Two kinds of answers: around {} and around {}",
                ms(run.heatmap.edges_ms[low]),
                ms(run.heatmap.edges_ms[high])
            ),
            "Percentiles hide it: there is a valley between them.",
        ),
        None => Finding::new("All latencies over time", ""),
    }
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

fn honesty(run: &Analysis) -> Finding {
    let h = &run.honesty;
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
        None => Finding::new(
            "The load",
            "In virtual time every request is sent at its instant.",
        ),
    }
}

#[cfg(test)]
mod tests;
