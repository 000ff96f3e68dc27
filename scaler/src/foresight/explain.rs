//! A choice in words and terms.

use metrics::Replicas;

use crate::{Clip, Reason, Term};

use super::choice::Choice;
use super::inputs::Inputs;
use super::memory::Memory;

/// Why the number is what it is.
pub(super) fn reason(choice: &Choice, inputs: &Inputs, memory: &Memory) -> Reason {
    let mut reason = Reason::new(choice.because, sentence(choice, inputs));
    reason.wanted = choice.wanted.map(Replicas);
    for clip in choice.clips() {
        reason.clips.push(Clip {
            by: clip.by.into(),
            from: Replicas(clip.from),
            to: Replicas(clip.to),
        });
    }
    if choice.wanted.is_some() {
        reason.terms = terms(choice, inputs, memory);
    }
    if let Some((name, why)) = &inputs.doubt {
        reason.terms.push(term(name, why.clone()));
    }
    reason
}

fn sentence(choice: &Choice, inputs: &Inputs) -> String {
    let Some(wanted) = choice.wanted else {
        let why = match (&inputs.doubt, choice.because) {
            (Some((name, why)), "no_data") => format!("{name}: {why}"),
            (_, "learning") => "what a replica can take is not known yet".into(),
            (_, _) => "what was offered is not known".into(),
        };
        return format!("{why}: {} replicas stay", inputs.spec);
    };
    let rate = inputs.rate.unwrap_or(0.0);
    let full_rate = choice.full_rate;
    match choice.because {
        "expected" => format!(
            "up to {:.1} req/s expected within {:.0} s (98 %), each replica takes {full_rate:.1} at most: {wanted} replicas, \
             as one more would save less than it costs",
            choice.high, choice.ahead
        ),
        "event" => format!(
            "an event is expected, each replica takes {full_rate:.1} req/s at most: {wanted} replicas"
        ),
        "backlog" => format!(
            "{rate:.1} req/s and {:.1} s of waiting, each replica takes {full_rate:.1} req/s at most: {} + {} = {wanted} replicas",
            inputs.wait, choice.for_now, choice.for_backlog
        ),
        "surge" => format!(
            "{rate:.1} req/s and growing fast, each replica takes {full_rate:.1} at most: {wanted} replicas"
        ),
        _ => format!(
            "{rate:.1} req/s, each replica takes {full_rate:.1} at most: {wanted} replicas, as one more would save less than \
             it costs"
        ),
    }
}

fn terms(choice: &Choice, inputs: &Inputs, memory: &Memory) -> Vec<Term> {
    let mut terms = Vec::with_capacity(14);
    let mut add = |name: &str, value: String| terms.push(term(name, value));
    add(
        "rate now",
        format!("{:.1} req/s", inputs.rate.unwrap_or(0.0)),
    );
    add(
        "expected, 98 %",
        format!("{:.1} req/s within {:.0} s", choice.high, choice.ahead),
    );
    add(
        "full rate",
        format!("{:.2} req/s a replica", choice.full_rate),
    );
    add(
        "price",
        format!("{:.3} replica-seconds a slow request", choice.price),
    );
    add("for the load", format!("{} replicas", choice.for_now));
    if choice.surge {
        add("surge", "more by a third or more than lately".into());
    }
    add(
        "for what is expected",
        format!("{} replicas", choice.for_expected),
    );
    if let Some(n) = choice.for_event {
        add("for the event", format!("{n} replicas"));
    }
    if choice.for_backlog > 0 {
        add(
            "for the backlog",
            format!("{} replicas", choice.for_backlog),
        );
    }
    if choice.target.is_some() {
        add(
            "slow at that number",
            format!("{:.4} %", 100.0 * choice.slow),
        );
        add("one more saves", format!("{:.3} replicas", choice.saves));
    }
    add("hold", format!("{:.0} s", choice.hold));
    if let Some(used) = memory.budget.used() {
        add("slow lately", format!("{:.4} %", 100.0 * used));
    }
    terms
}

fn term(name: &str, value: String) -> Term {
    Term {
        name: name.into(),
        value,
    }
}
