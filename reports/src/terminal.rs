//! The result of a run in a terminal: three pictures, the gates, the cause, the verdict, in at most 100 columns.

mod pictures;

use std::path::Path;

use crate::analysis::{Analysis, DecisionStep};
use crate::comparison::Comparison;
use crate::gates::{GateResult, Outcome, Verdict};
use crate::record::World;
use crate::words::{self, clock, cut, plural, seconds};

/// The most columns.
const WIDEST: usize = 100;
/// The fewest columns for which there are pictures.
const NARROWEST: usize = 48;
/// Columns left of a picture, its frame included.
const LABEL: usize = 8;

/// Whether colours are used. Nothing depends on them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI colours.
    Color,
}

#[derive(Clone, Copy)]
enum Paint {
    Good,
    Bad,
    Warning,
    Dim,
}

impl Style {
    fn paint(self, text: &str, paint: Paint) -> String {
        let code = match paint {
            Paint::Good => "32",
            Paint::Bad => "38;5;202",
            Paint::Warning => "33",
            Paint::Dim => "2",
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Color => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }

    /// A heading.
    pub(crate) fn strong(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Color => format!("\u{1b}[1m{text}\u{1b}[0m"),
        }
    }

    /// A line of a table with its verdict's word in its colour.
    pub(crate) fn verdict(self, line: &str, verdict: Option<Verdict>) -> String {
        let Some(verdict) = verdict else {
            return self.paint(line, Paint::Dim);
        };
        let paint = match verdict {
            Verdict::Passed => Paint::Good,
            Verdict::Failed => Paint::Bad,
            _ => Paint::Warning,
        };
        let word = format!(" {} ", verdict.word());
        line.replacen(&word, &self.paint(&word, paint), 1)
    }
}

/// The summary, ending in a line feed. `folder` is the run's, if it was written.
#[must_use]
pub fn summary(run: &Analysis, folder: Option<&Path>, width: usize, style: Style) -> String {
    summary_beside(run, None, folder, width, style)
}

/// The summary, with how far the run's prediction was from it.
#[must_use]
pub fn summary_beside(
    run: &Analysis,
    comparison: Option<&Comparison>,
    folder: Option<&Path>,
    width: usize,
    style: Style,
) -> String {
    let width = width.min(WIDEST);
    let mut lines = head(run, width);
    if width >= NARROWEST && !run.windows.is_empty() {
        lines.push(String::new());
        lines.extend(
            pictures::pictures(run, width)
                .iter()
                .map(|line| dim_frame(line, style)),
        );
    }
    lines.push(String::new());
    let longest = run
        .gates
        .iter()
        .map(|g| g.gate.chars().count())
        .max()
        .unwrap_or(0)
        .min(40);
    lines.extend(
        run.gates
            .iter()
            .map(|gate| gate_line(gate, longest, width, style)),
    );
    if run.gates.is_empty() {
        lines.push("  no gate was set".to_owned());
    }
    if let Some(comparison) = comparison {
        lines.push(String::new());
        lines.extend(comparison.lines(width));
    }
    lines.extend(causes(run, width));
    lines.extend(verdict(run, width, style));
    lines.push(String::new());
    let pair = |name: &str, text: &str| format!("  {name:<9}{}", words::terminal(text));
    if let Some(folder) = folder {
        lines.push(pair(
            "report",
            &folder.join("report.html").to_string_lossy(),
        ));
    }
    if !run.about.command.is_empty() {
        lines.push(pair("again", &run.about.command));
    }
    lines
        .iter()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

fn head(run: &Analysis, width: usize) -> Vec<String> {
    let about = &run.about;
    let title = words::terminal(&format!("{}: {}", about.name, about.about));
    let ran = if about.speed == 1.0 {
        format!("{} of scenario", seconds(about.ran_s))
    } else {
        format!(
            "{} of scenario · run in {} at {}×",
            seconds(about.ran_s),
            seconds(about.ran_s / about.speed),
            about.speed
        )
    };
    let world = match about.world {
        World::Simulated => "simulated",
        World::Planned => "planned in rough strokes, not simulated",
        World::Local => "local",
        World::Target => "on a target of its own",
        World::External => "through commands and URLs",
    };
    let policies = words::terminal(&about.policies.join(", "));
    let mut facts = format!("{ran} · {world} · seed {}", about.seed);
    if !policies.is_empty() {
        facts += &format!(" · policy {policies}");
    }
    vec![cut(&title, width), cut(&facts, width)]
}

/// A picture's line with its frame in a quieter colour.
fn dim_frame(line: &str, style: Style) -> String {
    match line.split_once('│') {
        Some((label, rest)) if style == Style::Color => {
            let inner = rest.strip_suffix('│').unwrap_or(rest);
            let bar = style.paint("│", Paint::Dim);
            format!("{}{bar}{inner}{bar}", style.paint(label, Paint::Dim))
        }
        _ => style.paint(line, Paint::Dim),
    }
}

fn gate_line(gate: &GateResult, name: usize, width: usize, style: Style) -> String {
    let word = style.paint(
        gate.outcome.word(),
        match gate.outcome {
            Outcome::Pass => Paint::Good,
            Outcome::Fail => Paint::Bad,
            Outcome::Warn | Outcome::Inconclusive => Paint::Warning,
        },
    );
    let place = gate.why.as_ref().unwrap_or(&gate.place);
    let text = cut(&words::terminal(&gate.gate), name);
    let (value, margin) = (gate.value_text(), gate.margin_text());
    let rest = format!(
        "{text:<name$} {value:>9}   {margin:<14} {}",
        words::terminal(place)
    );
    format!("  {word}  {}", cut(&rest, width.saturating_sub(8)))
}

/// A cause with its name in front, wrapped under itself.
fn said(name: &str, text: &str, width: usize) -> Vec<String> {
    let text = words::terminal(text);
    let lines = words::wrap(&text, width.saturating_sub(18).max(20));
    let first = |i: usize| if i == 0 { name } else { "" };
    lines
        .iter()
        .enumerate()
        .map(|(i, line)| format!("  {:<16}{line}", first(i)))
        .collect()
}

fn causes(run: &Analysis, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    if let Some(why) = &run.findings.why {
        lines.extend(said("why it failed", why, width));
    }
    if let Some((workload, step)) = telling(run) {
        let text = format!("{workload} {} → {}: {}", step.from, step.to, step.sentence);
        lines.extend(said(&format!("why at {}", clock(step.at_s)), &text, width));
    }
    if let Some(advice) = &run.findings.advice {
        lines.extend(said("what to do", &advice.sentence, width));
        if let Some(command) = &advice.command {
            lines.push(format!("{}{}", " ".repeat(20), words::terminal(command)));
        }
    }
    if let Some(audit) = &run.audit {
        let found = match audit.violation_count {
            _ if audit.of_nothing() => "no order was placed: there was nothing to audit".into(),
            0 => format!("{}, each there once and charged once", audit.orders()),
            n => format!(
                "{}: {}",
                plural(n, "violation"),
                audit.violations.first().map_or("", String::as_str)
            ),
        };
        lines.extend(said("audit", &found, width));
    }
    for note in run
        .notes
        .iter()
        .chain(run.noise.iter().filter_map(|n| n.sentence.as_ref()))
        .take(4)
    {
        lines.extend(said("note", note, width).into_iter().take(3));
    }
    lines
}

/// The decision that changed most, one upwards first: it is the one that a reader asks about.
fn telling(run: &Analysis) -> Option<(&str, &DecisionStep)> {
    let steps = run.decisions.steps();
    let up = |s: &DecisionStep| s.to > s.from;
    // Of equals the first: `max_by_key` takes the last.
    steps
        .into_iter()
        .rev()
        .max_by_key(|(_, s)| (up(s), s.to.abs_diff(s.from)))
}

fn verdict(run: &Analysis, width: usize, style: Style) -> Vec<String> {
    let n = |outcome| run.gates.iter().filter(|g| g.outcome == outcome).count() as u64;
    let (word, more, paint) = match run.verdict {
        Verdict::Passed => ("PASSED", String::new(), Paint::Good),
        Verdict::PassedWithWarnings => (
            "PASSED",
            format!(" with {}", plural(n(Outcome::Warn), "warning")),
            Paint::Good,
        ),
        Verdict::Failed => (
            "FAILED",
            format!(
                "  {} of {}",
                n(Outcome::Fail),
                plural(run.gates.len() as u64, "gate")
            ),
            Paint::Bad,
        ),
        Verdict::Invalid => ("INVALID", String::new(), Paint::Warning),
        Verdict::Interrupted => ("INTERRUPTED", String::new(), Paint::Warning),
    };
    let mut lines = vec![String::new()];
    let sentence = words::terminal(&run.findings.verdict);
    let wrapped = words::wrap(&sentence, width.saturating_sub(2).max(20));
    lines.extend(wrapped.iter().take(6).map(|line| format!("  {line}")));
    lines.push(String::new());
    lines.push(format!("  {}{more}", style.paint(word, paint)));
    lines
}

#[cfg(test)]
mod tests;
