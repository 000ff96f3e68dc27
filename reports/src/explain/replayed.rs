//! A replay, and what another policy would have decided, in words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::replay::{Replayed, Would};
use crate::words::{self, clock, plural, terminal};

/// What another policy would have decided on one workload's observations.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Answers {
    /// The workload.
    pub workload: String,
    /// The other policy, as it was asked for.
    pub policy: String,
    /// Its answers, in the order of time.
    pub answers: Vec<Would>,
}

/// What is said before any answer of another policy.
const OPEN_LOOP: &str = "Each answer is on what really was there: nothing of it was carried out, so what it would have led to \
    is not in it. For that, simulate the scenario with the other policy.";

/// How a replay went, a line a workload.
#[must_use]
pub fn replay_text(replays: &[Replayed]) -> String {
    lines(replays, terminal).join("\n") + "\n"
}

/// How a replay went, as a list.
#[must_use]
pub fn replay_markdown(replays: &[Replayed]) -> String {
    let lines = lines(replays, words::markdown);
    lines
        .iter()
        .map(|line| format!("- {}\n", line.replace("\n  ", "\n  - ")))
        .collect()
}

fn lines(replays: &[Replayed], safe: fn(&str) -> String) -> Vec<String> {
    let line = |replayed: &Replayed| {
        let whose = safe(&format!("{} ({})", replayed.workload, replayed.policy));
        let decisions = plural(replayed.decisions, "decision");
        match &replayed.difference {
            None if replayed.decisions == 1 => {
                format!("{whose}: the one decision is the same, byte for byte")
            }
            None => format!("{whose}: all {decisions} the same, byte for byte"),
            Some(difference) => format!(
                "{whose}: {decisions} the same, then another {} at {}\n  recorded {}\n  replayed {}",
                difference.of,
                clock(difference.at_s),
                safe(&difference.recorded),
                safe(&difference.replayed)
            ),
        }
    };
    replays.iter().map(line).collect()
}

/// What another policy would have decided, for a terminal: where it differs, and by how much in all.
#[must_use]
pub fn open_loop_text(all: &[Answers]) -> String {
    let mut out = String::new();
    for answers in all {
        out += &terminal(&summary(answers));
        out.push('\n');
        for would in answers.answers.iter().filter(|would| !would.is_same()) {
            let (decided, other) = numbers(would);
            let line = format!(
                "{:>9}  {decided:>5} decided, {other:>5} instead: {}",
                clock(would.at_s),
                would.sentence
            );
            out += &words::cut(&terminal(&line), 160);
            out.push('\n');
        }
        out.push('\n');
    }
    out + OPEN_LOOP + "\n"
}

/// The same as Markdown.
#[must_use]
pub fn open_loop_markdown(all: &[Answers]) -> String {
    let mut out = String::new();
    for answers in all {
        out += &format!(
            "{}\n\n| at | decided | instead | because |\n| ---: | ---: | ---: | --- |\n",
            words::markdown(&summary(answers))
        );
        for would in answers.answers.iter().filter(|would| !would.is_same()) {
            let (decided, other) = numbers(would);
            out += &format!(
                "| {} | {decided} | {other} | {} |\n",
                clock(would.at_s),
                words::markdown(&would.sentence)
            );
        }
        out.push('\n');
    }
    out + OPEN_LOOP + "\n"
}

/// The record's number and the other policy's.
fn numbers(would: &Would) -> (String, String) {
    let text = |n: Option<u32>| n.map_or_else(|| words::NONE.into(), |n| n.to_string());
    (
        text(would.decided.or(would.from)),
        text(would.would.or(would.from)),
    )
}

fn summary(answers: &Answers) -> String {
    let all = answers.answers.len() as u64;
    let differ = answers.answers.iter().filter(|would| !would.is_same());
    let pairs: Vec<(u32, u32)> = differ
        .filter_map(|would| Some((would.decided.or(would.from)?, would.would.or(would.from)?)))
        .collect();
    let more = pairs.iter().map(|(was, is)| is.saturating_sub(*was)).max();
    let fewer = pairs.iter().map(|(was, is)| was.saturating_sub(*is)).max();
    let extremes = match (more.unwrap_or(0), fewer.unwrap_or(0)) {
        (0, 0) => String::new(),
        (more, 0) => format!(", up to {more} more"),
        (0, fewer) => format!(", up to {fewer} fewer"),
        (more, fewer) => format!(", up to {more} more and up to {fewer} fewer"),
    };
    format!(
        "{}: {} would have decided otherwise in {} of {}{extremes}",
        answers.workload,
        answers.policy,
        words::count(pairs.len() as u64),
        plural(all, "decision")
    )
}
