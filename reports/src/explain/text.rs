//! An explanation for a terminal.

use super::{Explained, Explanation, Without};
use crate::record::World;
use crate::terminal::Style;
use crate::words::{clock, plural, terminal, wrap};

/// The column in which what is said begins.
const LABEL: usize = 12;

/// The explanation in lines of at most `width` columns, ending in a line feed.
#[must_use]
pub fn text(explanation: &Explanation, width: usize, style: Style) -> String {
    let mut lines = vec![terminal(&headline(explanation))];
    for decision in &explanation.decisions {
        lines.push(String::new());
        lines.push(style.strong(&terminal(&title(decision))));
        for (label, said) in parts(decision) {
            lines.extend(labelled(label, &terminal(&said), width));
        }
    }
    if explanation.decisions.is_empty() {
        lines.push(String::new());
        lines.push("  There is no such decision.".into());
    }
    for note in left_out(explanation).iter().chain(&explanation.notes) {
        lines.push(String::new());
        lines.extend(wrap(&terminal(note), width));
    }
    lines
        .iter()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// How many more there are, and how to see them.
pub(super) fn left_out(explanation: &Explanation) -> Option<String> {
    let left = explanation.left_out.as_ref()?;
    let more = plural(left.count, "more decision");
    let from = clock(left.from_s);
    Some(format!("… and {more} from {from} on: {}.", left.how))
}

pub(super) fn headline(explanation: &Explanation) -> String {
    let world = match explanation.world {
        World::Simulated => "simulated",
        World::Planned => "planned in rough strokes",
        World::Local => "local",
        World::Target => "on a target of its own",
        World::External => "through commands and URLs",
    };
    format!(
        "{} ({world}): {} of {}: {}",
        explanation.name,
        explanation.decisions.len(),
        plural(explanation.of, "decision"),
        explanation.asked
    )
}

/// `order at 10:15: 2 → 4 replicas`.
pub(super) fn title(decision: &Explained) -> String {
    let number =
        |n: Option<u32>| n.map_or_else(|| "an unknown number of".into(), |n| n.to_string());
    let what = if decision.changes() {
        let to = decision
            .to
            .map_or_else(String::new, |to| plural(u64::from(to), "replica"));
        format!("{} → {to}", number(decision.from))
    } else {
        match decision.to {
            Some(n) => format!("stays at {}", plural(u64::from(n), "replica")),
            None => "nothing is changed".into(),
        }
    };
    format!(
        "{} at {} ({}): {what}",
        decision.workload,
        clock(decision.at_s),
        decision.at
    )
}

/// What is said of a decision, each part with its label.
pub(super) fn parts(decision: &Explained) -> Vec<(&'static str, String)> {
    let mut parts = vec![(
        "why",
        format!(
            "{} ({}, by {})",
            decision.sentence, decision.because, decision.policy
        ),
    )];
    let path = path(decision);
    if !path.is_empty() {
        parts.push(("on the way", path));
    }
    for (place, without) in decision.without.iter().enumerate() {
        let label = if place == 0 { "without" } else { "" };
        parts.push((label, without_text(without)));
    }
    let joined = |terms: &[scaler::Term]| {
        let each = terms.iter().map(|t| format!("{} {}", t.name, t.value));
        each.collect::<Vec<_>>().join(" · ")
    };
    if !decision.terms.is_empty() {
        parts.push(("rests on", joined(&decision.terms)));
    }
    parts.push(("it saw", joined(&decision.saw)));
    let outcome = if decision.outcome.is_empty() {
        "the record was cut off before".to_owned()
    } else {
        decision.outcome.clone()
    };
    parts.push((
        "then",
        format!(
            "{outcome}; the next decision is due at {}",
            clock(decision.next_s)
        ),
    ));
    parts
}

/// `13 wanted, rate → 12 (up at most to twice as many), max → 10 (at most 10 replicas)`.
fn path(decision: &Explained) -> String {
    if decision.clips.is_empty() {
        return String::new();
    }
    let mut text = match decision.wanted {
        Some(wanted) => format!("{wanted} wanted"),
        None => format!("{} there", decision.clips[0].from),
    };
    for clip in &decision.clips {
        text += &format!(", {} {} → {}", clip.by, clip.from, clip.to);
        if !clip.rule.is_empty() {
            text += &format!(" ({})", clip.rule);
        }
    }
    text
}

/// `max (at most 10 replicas): 12 replicas`.
pub(super) fn without_text(without: &Without) -> String {
    let rule = match (without.rule.as_str(), without.says.as_str()) {
        ("all", _) => "any rule".to_owned(),
        (rule, "") => rule.to_owned(),
        (rule, says) => format!("{rule} ({says})"),
    };
    let number = match without.replicas {
        Some(n) => plural(u64::from(n), "replica"),
        None => "not known".into(),
    };
    match (&without.instead, without.same) {
        (Some(other), true) => format!("{rule}: the same {number}, then by {other}"),
        (None, true) => format!("{rule}: the same {number}"),
        (Some(other), false) => format!("{rule}: {number}, then by {other}"),
        (None, false) => format!("{rule}: {number}"),
    }
}

fn labelled(label: &str, said: &str, width: usize) -> Vec<String> {
    let room = width.saturating_sub(LABEL + 2).max(20);
    let lines = wrap(said, room).into_iter().enumerate();
    lines
        .map(|(i, line)| {
            let label = if i == 0 { label } else { "" };
            format!("  {label:<LABEL$}{line}")
        })
        .collect()
}
