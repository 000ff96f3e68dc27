//! The sentences beside the verdict: what happened, why, and what to do next.

use super::{Advice, total_above_s};
use crate::analysis::{Analysis, Service, ServiceInterval};
use crate::gates::{Outcome, PLANNED, Verdict};
use crate::record::World;
use crate::words::{self, clock, percent, plural, seconds};

pub(super) fn verdict(run: &Analysis) -> String {
    let above = total_above_s(run);
    // Many shoppers may come in a short time, and who is turned away at once waits for nothing: what they met is what counts.
    let most_were_well = run.total.missed.is_none_or(|m| m <= MOST_FOR_HELD);
    let missed = run.total.missed.map_or_else(
        || format!("No request was {}.", run.about.world.seen()),
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
                why.unwrap_or(if run.about.world == World::Planned {
                    PLANNED
                } else {
                    "it could not go on"
                })
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
        _ if run.breaches.is_empty() && most_were_well => format!("The shop held. {missed}"),
        _ if run.breaches.is_empty() => format!("The shop did not hold. {missed}"),
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

/// More replicas at the start, as many as the first shortage lacked, where a shortage made a gate fail; of every service that
/// was short, because the next one runs out as soon as the first has room.
pub(super) fn advice(run: &Analysis) -> Option<Advice> {
    if let Some(advice) = not_believed(run) {
        return Some(advice);
    }
    if run.verdict != Verdict::Failed {
        return None;
    }
    let split = run.breaches.iter().find_map(|b| b.split.as_ref())?;
    let mut short: Vec<Need<'_>> = run.services.iter().filter_map(Need::of).collect();
    short.sort_by(|a, b| {
        let first = (b.service.name == split.service).cmp(&(a.service.name == split.service));
        let worst = b.service.turned_away.cmp(&a.service.turned_away);
        first.then(worst).then(a.from_s.total_cmp(&b.from_s))
    });
    short.truncate(MOST_NAMED);
    let (beyond, within): (Vec<_>, Vec<_>) = short.iter().partition(|n| n.replicas > n.service.max);
    let sentences: Vec<String> = [allow_more(&beyond), have_ready(&within)]
        .into_iter()
        .flatten()
        .collect();
    let settings: Vec<String> = short.iter().map(Need::setting).collect();
    (!sentences.is_empty()).then(|| Advice {
        sentence: sentences.join(" "),
        command: with_settings(run, &settings),
    })
}

/// The most services that an advice names.
const MOST_NAMED: usize = 6;

/// What a service that was short would have needed in its first shortage.
struct Need<'a> {
    service: &'a Service,
    /// When the shortage began.
    from_s: f64,
    /// The highest load in it.
    load_rps: f64,
    safe_rps: f64,
    replicas: u32,
}

impl<'a> Need<'a> {
    fn of(service: &'a Service) -> Option<Self> {
        let span = service.shortages.first()?;
        let safe_rps = service.safe.rps().filter(|r| *r > 0.0)?;
        let inside = |w: &&ServiceInterval| w.from_s >= span.from_s - 1e-6 && w.from_s < span.to_s;
        let windows = || service.windows.iter().filter(inside);
        let load_rps = windows().filter_map(|w| w.load_rps).reduce(f64::max)?;
        // It was short with what was ready then, whatever one replica is said to take.
        let ready = windows().find_map(|w| w.ready).unwrap_or(service.min);
        let replicas = (load_rps / safe_rps).ceil() as u32;
        Some(Self {
            service,
            from_s: span.from_s,
            load_rps,
            safe_rps,
            replicas: replicas.max(ready + 1).max(service.min + 1),
        })
    }

    fn setting(&self) -> String {
        let bound = if self.replicas > self.service.max {
            "max"
        } else {
            "min"
        };
        format!("scaling.{}.{bound}={}", self.service.name, self.replicas)
    }
}

fn allow_more(needs: &[&Need<'_>]) -> Option<String> {
    match needs {
        [] => None,
        [one] => Some(format!(
            "Allow more: {} needed {} at {} req/s, its maximum is {}.",
            one.service.name,
            plural(u64::from(one.replicas), "replica"),
            words::rate(one.load_rps),
            one.service.max
        )),
        several => {
            let each = |n: &&Need<'_>| {
                format!(
                    "{} needed {} replicas, its maximum is {}",
                    n.service.name, n.replicas, n.service.max
                )
            };
            let each: Vec<String> = several.iter().map(each).collect();
            Some(format!("Allow more: {}.", each.join("; ")))
        }
    }
}

fn have_ready(needs: &[&Need<'_>]) -> Option<String> {
    match needs {
        [] => None,
        [one] => Some(format!(
            "Have {} {} replicas ready before {}, not {}: that is what {} req/s need at {} req/s each.",
            one.replicas,
            one.service.name,
            clock(one.from_s),
            one.service.min,
            words::rate(one.load_rps),
            words::rate(one.safe_rps)
        )),
        several => {
            let first = several
                .iter()
                .map(|n| n.from_s)
                .fold(f64::INFINITY, f64::min);
            let each = |n: &&Need<'_>| {
                let (name, replicas) = (&n.service.name, n.replicas);
                format!("{replicas} {name} (not {})", n.service.min)
            };
            let each: Vec<String> = several.iter().map(each).collect();
            Some(format!(
                "Have more replicas ready before {}, of each service that ran out: {}. That is what their highest load needed while they were short.",
                clock(first),
                words::and(&each)
            ))
        }
    }
}

fn not_believed(run: &Analysis) -> Option<Advice> {
    let late = run.honesty.lateness_p99_ms.is_some_and(|ms| ms > 10.0);
    (run.verdict == Verdict::Invalid && late).then(|| Advice {
        sentence: "Run it again at a lower speed, or on a machine with nothing else to do.".into(),
        command: None,
    })
}

/// The run's own command with more settings; nothing if the command is not one that a shell can be given as it is.
fn with_settings(run: &Analysis, settings: &[String]) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_./=:,%".contains(c);
    let mut command = run.about.command.clone();
    if command.is_empty() {
        return None;
    }
    for setting in settings {
        command += &format!(" --set {setting}");
    }
    command.chars().all(plain).then_some(command)
}
