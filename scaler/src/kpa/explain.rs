//! A decision in words and figures.

use metrics::Replicas;

use super::count;
use super::decider::KpaRecommendation;
use super::reconciler::{Outcome, Rule};
use super::spec::{KpaMetric, KpaSpec};
use crate::{Clip, Reason, Term};

/// All that a decision rests on.
pub(super) struct Seen<'a> {
    pub(super) spec: &'a KpaSpec,
    pub(super) ready: u32,
    pub(super) current: Replicas,
    /// The averages of the stable and the panic window and what they ask for, or why there are none.
    pub(super) recommendation: &'a Result<(f64, f64, KpaRecommendation), String>,
    pub(super) outcome: &'a Outcome,
    pub(super) proxied: bool,
}

pub(super) fn reason(seen: &Seen<'_>) -> Reason {
    let mut reason = match seen.recommendation {
        Err(why) => Reason::new("no_data", format!("no decision: {why}")),
        Ok((stable, panic, recommendation)) => measured(seen, *stable, *panic, recommendation),
    };
    let desired = match seen.recommendation {
        Ok((_, _, recommendation)) => recommendation.desired,
        Err(_) => seen.outcome.want.unwrap_or_default(),
    };
    if let Some((by, bounded)) = seen.outcome.bounded {
        clip(&mut reason, by, desired, bounded);
    }
    if let Some(rule) = seen.outcome.rule {
        to_zero(&mut reason, rule, seen);
    }
    reason
}

fn measured(seen: &Seen<'_>, stable: f64, panic: f64, found: &KpaRecommendation) -> Reason {
    let spec = seen.spec;
    let unit = match spec.metric {
        KpaMetric::Concurrency => "requests at once",
        KpaMetric::Rps => "requests/s",
    };
    let steps = &found.steps;
    let asked = whole(steps.asked);
    let (because, average, window) = if steps.by_panic {
        ("panic", panic, spec.panic_window)
    } else {
        ("metric", stable, spec.stable_window)
    };
    let prefix = if steps.panicking { "panic: " } else { "" };
    let mut reason = Reason::new(
        because,
        format!(
            "{prefix}{} {unit} over {} s at {} a replica: {}",
            short(average),
            short(window.as_secs_f64()),
            short(spec.target),
            asked.in_words()
        ),
    );
    reason.wanted = Some(asked);
    reason.terms = vec![
        term("stable", format!("{} {unit}", exact(stable))),
        term("panic", format!("{} {unit}", exact(panic))),
        term("ready", seen.ready.to_string()),
        term("proposal", found.desired.to_string()),
        term(
            "excess burst capacity",
            found.excess_burst_capacity.to_string(),
        ),
    ];
    if seen.proxied {
        reason
            .terms
            .push(term("activator", "in the path of requests".into()));
    }
    for (by, from, to) in [
        ("rate", None, steps.limited),
        ("activation_scale", Some(steps.limited), steps.activated),
        ("panic", Some(steps.activated), steps.held),
        ("scale_down_delay", Some(steps.held), found.desired),
    ] {
        let from = from.map_or(asked, count);
        if from != count(to) {
            reason.clips.push(Clip {
                by: by.into(),
                from,
                to: count(to),
            });
        }
    }
    reason
}

/// What the way to zero makes of it. What is only held back keeps the replicas that are there.
fn to_zero(reason: &mut Reason, rule: Rule, seen: &Seen<'_>) {
    let current = i32::try_from(seen.current.get()).unwrap_or(i32::MAX);
    let (by, to, why) = match rule {
        Rule::ZeroIsOff => (
            "scale_to_zero",
            1,
            "zero replicas are switched off".to_owned(),
        ),
        Rule::StableWindow(missing) => {
            let missing = short(missing.as_secs_f64());
            (
                "stable_window",
                1,
                format!("one stays until it was active for a stable window, {missing} s more"),
            )
        }
        Rule::Deactivates => (
            "deactivation",
            current,
            "first it is marked inactive, so that requests go through the activator".to_owned(),
        ),
        Rule::GracePeriod(missing) => {
            let missing = short(missing.as_secs_f64());
            (
                "grace_period",
                current,
                format!("{missing} s of the grace period are left"),
            )
        }
        Rule::Retention(missing) => {
            let missing = short(missing.as_secs_f64());
            (
                "pod_retention",
                current,
                format!("the last replica is kept for {missing} s more"),
            )
        }
        Rule::Activating => (
            "activation",
            current,
            "the first replicas are not ready yet".to_owned(),
        ),
    };
    clip(reason, by, 0, to);
    reason.sentence = format!("{}; {why}", reason.sentence);
}

fn clip(reason: &mut Reason, by: &str, from: i32, to: i32) {
    if from != to {
        reason.clips.push(Clip {
            by: by.to_owned(),
            from: count(from),
            to: count(to),
        });
    }
}

fn term(name: &str, value: String) -> Term {
    Term {
        name: name.to_owned(),
        value,
    }
}

/// Replicas that a figure asks for; `as` saturates.
fn whole(asked: f64) -> Replicas {
    Replicas(asked.max(0.0) as u32)
}

/// Six decimals: the windows have no more.
fn exact(value: f64) -> String {
    figure(value, 6)
}

fn short(value: f64) -> String {
    figure(value, 2)
}

/// So many decimals, without needless zeros.
fn figure(value: f64, decimals: usize) -> String {
    if value.abs() >= 1e15 {
        return format!("{value:e}");
    }
    let mut text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    text
}
