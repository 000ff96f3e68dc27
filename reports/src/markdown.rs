//! `summary.md`: the run on half a page, for a pull request.

use std::fmt::Write as _;

use crate::analysis::{Analysis, DecisionGroup, Group};
use crate::comparison::Comparison;
use crate::gates::{Outcome, Verdict};
use crate::words::{self, NONE, clock, markdown, ms, percent};

/// The most bytes: comments on the large forges may have 64 KiB.
const MOST: usize = 60_000;
/// The most rows of a table.
const MOST_ROWS: usize = 20;
/// The most characters of one name or sentence.
const LONGEST: usize = 300;

/// The summary. Its first line is a hidden marker by which a bot finds its own comment again.
#[must_use]
pub fn summary(run: &Analysis) -> String {
    summary_beside(run, None)
}

/// The summary, with how far the run's prediction was from it.
#[must_use]
pub fn summary_beside(run: &Analysis, comparison: Option<&Comparison>) -> String {
    let marker: String = run
        .about
        .name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
        .take(63)
        .collect();
    // Two hyphens would end the comment.
    let mut text = format!("<!-- rushhour:{} -->\n", marker.replace("--", "-"));
    let sections = [
        head(run),
        gates(run),
        phases(run),
        comparison.map_or_else(String::new, Comparison::markdown),
        decisions(run),
        notes(run),
        again(run),
    ];
    for section in sections {
        if text.len() + section.len() + 100 > MOST {
            text +=
                "\n_There is more in the report: this summary is cut to the size of a comment._\n";
            break;
        }
        text += &section;
    }
    text
}

fn short(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST).collect();
    markdown(&cut)
}

fn head(run: &Analysis) -> String {
    let mark = match run.verdict {
        Verdict::Passed => "✅",
        Verdict::PassedWithWarnings => "⚠️",
        Verdict::Failed => "❌",
        Verdict::Invalid | Verdict::Interrupted => "❔",
    };
    let (name, verdict) = (short(&run.about.name), run.verdict.word());
    let mut text = format!(
        "## {mark} {name}: {verdict}\n\n{}\n",
        markdown(&run.findings.verdict)
    );
    for sentence in [
        run.findings.why.as_ref(),
        run.findings.advice.as_ref().map(|a| &a.sentence),
    ]
    .into_iter()
    .flatten()
    {
        write!(text, "\n{}\n", markdown(sentence)).expect("a String takes everything");
    }
    text
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!(
        "\n| {} |\n|{}\n",
        head.join(" | "),
        " --- |".repeat(head.len())
    );
    let mut left_out = 0;
    for (index, row) in rows.enumerate() {
        if index < MOST_ROWS {
            writeln!(text, "| {} |", row.join(" | ")).expect("a String takes everything");
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        write!(text, "\n{left_out} more are in the report.\n").expect("a String takes everything");
    }
    text
}

fn gates(run: &Analysis) -> String {
    if run.gates.is_empty() {
        return "\nNo gate was set.\n".to_owned();
    }
    let row = |gate: &crate::gates::GateResult| {
        let outcome = match gate.outcome {
            Outcome::Inconclusive => "cannot tell",
            other => other.word(),
        };
        let place = gate.why.as_ref().unwrap_or(&gate.place);
        vec![
            outcome.to_owned(),
            short(&gate.gate),
            gate.value_text(),
            gate.margin_text(),
            short(place),
        ]
    };
    table(
        &["", "gate", run.about.world.seen(), "margin", "where"],
        run.gates.iter().map(row),
    )
}

fn phases(run: &Analysis) -> String {
    let said = |v: Option<f64>| v.map_or_else(|| NONE.to_owned(), ms);
    let row = |g: &Group| {
        vec![
            short(&g.name),
            words::count(g.counts.offered),
            g.missed.map_or_else(|| NONE.to_owned(), percent),
            said(g.p50_ms),
            said(g.p95_ms),
            said(g.p99_ms),
        ]
    };
    let rows = run.phases.iter().chain([&run.total]).map(row);
    table(&["phase", "pages", "missed", "p50", "p95", "p99"], rows)
}

fn decisions(run: &Analysis) -> String {
    if run.decisions.groups.is_empty() {
        return String::new();
    }
    let row = |group: &DecisionGroup| {
        let first = &group.steps[0];
        let steps = match group.steps.len() {
            1 => String::new(),
            n => format!(" in {n} steps"),
        };
        vec![
            clock(first.at_s),
            short(&group.workload),
            format!("{} → {}{steps}", group.from, group.to),
            short(&first.sentence),
        ]
    };
    table(
        &["at", "service", "replicas", "why"],
        run.decisions.groups.iter().map(row),
    )
}

fn notes(run: &Analysis) -> String {
    let noise = run.noise.as_ref().and_then(|n| n.sentence.as_ref());
    let all = run.notes.iter().chain(noise).take(MOST_ROWS);
    all.fold(String::new(), |text, note| {
        text + &format!("\n{}\n", short(note))
    })
}

fn again(run: &Analysis) -> String {
    let command = words::terminal(&run.about.command).replace('`', "'");
    let command: String = command.chars().take(LONGEST).collect();
    format!("\nAgain:\n\n```sh\n{command}\n```\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Kind};

    #[test]
    fn it_looks_like_this() {
        let summary = summary(&Analysis::of(&sample::record(Kind::Failed)));
        insta::assert_snapshot!(summary);
    }

    #[test]
    fn however_long_the_names_it_fits_a_comment() {
        let mut record = sample::record(Kind::Failed);
        record.header.about = "|".repeat(100_000);
        record.header.name = "`".repeat(100_000);
        record.header.command = "x".repeat(100_000);
        for decided in &mut record.decisions {
            let reason = &mut decided.decision.reason;
            std::sync::Arc::make_mut(reason).retell("<".repeat(100_000));
        }
        assert!(summary(&Analysis::of(&record)).len() < 60_000);
    }
}
