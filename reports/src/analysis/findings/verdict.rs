//! The sentences beside the verdict: what happened, why, and what to do next.

use super::{Advice, total_above_s};
use crate::analysis::{Analysis, ServiceInterval};
use crate::gates::{Outcome, Verdict};
use crate::words::{self, clock, percent, plural, seconds};

pub(super) fn verdict(run: &Analysis) -> String {
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
pub(super) fn why(run: &Analysis) -> Option<String> {
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
pub(super) fn advice(run: &Analysis) -> Option<Advice> {
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
    let inside = |w: &&ServiceInterval| w.from_s >= split.not_seen.from_s - 1e-6 && w.from_s < end;
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
