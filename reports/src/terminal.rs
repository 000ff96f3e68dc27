//! The result of a run in a terminal: three pictures, the gates, the cause, the verdict, in at most 100 columns.

use std::path::Path;

use crate::analysis::{Analysis, DecisionStep, Service};
use crate::braille::Picture;
use crate::gates::{GateResult, Outcome, Verdict};
use crate::record::World;
use crate::words::{self, clock, count, cut, ms, plural, seconds};

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
}

/// The summary, ending in a line feed. `folder` is the run's, if it was written.
#[must_use]
pub fn summary(run: &Analysis, folder: Option<&Path>, width: usize, style: Style) -> String {
    let width = width.min(WIDEST);
    let mut lines = head(run, width);
    if width >= NARROWEST && !run.windows.is_empty() {
        lines.push(String::new());
        lines.extend(
            pictures(run, width)
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
        World::Local => "local",
        World::Target => "on a target of its own",
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

fn pictures(run: &Analysis, width: usize) -> Vec<String> {
    let columns = width - LABEL - 1;
    let mut lines = Vec::new();
    let mut panel =
        |corner: [char; 2], title: &str, labels: &[(usize, String)], picture: &Picture| {
            let title = cut(&words::terminal(title), columns - 3);
            let rest = "─".repeat(columns - 3 - title.chars().count());
            lines.push(format!(
                "{}{}─ {title} {rest}{}",
                " ".repeat(LABEL - 1),
                corner[0],
                corner[1]
            ));
            for (row, dots) in picture.lines().iter().enumerate() {
                let label = labels
                    .iter()
                    .find(|(at, _)| *at == row)
                    .map_or("", |(_, text)| text);
                lines.push(format!("{label:>6} │{dots}│"));
            }
        };
    let (picture, top) = load(run, columns);
    panel(
        ['┌', '┐'],
        "load, req/s",
        &[(0, count(top)), (3, "0".into())],
        &picture,
    );
    let limit = run.about.limit_ms;
    let labels = [
        (0, round_ms(limit * 10.0)),
        (2, round_ms(limit)),
        (4, round_ms(limit / 10.0)),
    ];
    let name = words::quantile(if run.about.share > 0.99 {
        0.99
    } else {
        run.about.share
    });
    let title = format!("{name} of the pages, log; dots: the limit");
    panel(['├', '┤'], &title, &labels, &latency(run, columns));
    if let Some(service) = run.shown_service() {
        let (picture, top) = replicas(run, service, columns);
        let known = service.safe.rps().is_some();
        let title = if known {
            format!(
                "{} replicas; shaded: ready, line: load; the shade above the line is the headroom",
                service.name
            )
        } else {
            format!(
                "{} replicas; shaded: ready; what one takes is not known",
                service.name
            )
        };
        panel(
            ['├', '┤'],
            &title,
            &[(0, count(top)), (5, "0".into())],
            &picture,
        );
    }
    lines.push(format!(
        "{}└{}┘",
        " ".repeat(LABEL - 1),
        "─".repeat(columns)
    ));
    lines.push(time_axis(run, columns));
    lines
}

fn round_ms(value: f64) -> String {
    if value >= 1000.0 {
        format!("{} s", value / 1000.0)
    } else {
        ms(value)
    }
}

/// The times under the pictures: a quarter of the run apart.
fn time_axis(run: &Analysis, columns: usize) -> String {
    let mut axis = vec![' '; columns + LABEL + 1];
    for quarter in 0..=4 {
        let text = clock(span_s(run) * f64::from(quarter) / 4.0);
        let length = text.chars().count();
        let at = LABEL + columns * quarter as usize / 4;
        let at = at.min(axis.len().saturating_sub(length));
        for (place, c) in axis[at..].iter_mut().zip(text.chars()) {
            *place = c;
        }
    }
    axis.into_iter().collect()
}

fn span_s(run: &Analysis) -> f64 {
    let last = run.windows.last().map_or(0.0, |w| w.to_s);
    last.max(run.about.ran_s).max(1e-9)
}

/// By column of dots: the largest value of the spans that touch it; nothing where there is no data.
fn columns_of(
    width: usize,
    whole_s: f64,
    spans: impl Iterator<Item = (f64, f64, Option<f64>)>,
) -> Vec<Option<f64>> {
    let mut columns = vec![None; width];
    for (from, to, value) in spans {
        let Some(value) = value.filter(|v| v.is_finite()) else {
            continue;
        };
        let at = |s: f64| s / whole_s * width as f64;
        let first = (at(from) + 1e-6).max(0.0) as usize;
        let end = ((at(to) - 1e-6).max(0.0) as usize + 1)
            .max(first + 1)
            .min(width);
        for column in columns.iter_mut().take(end).skip(first) {
            *column = Some(column.map_or(value, |v: f64| v.max(value)));
        }
    }
    columns
}

/// The next of 1, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten.
fn nice(value: f64) -> u64 {
    let value = value.clamp(1.0, 1e15);
    let power = libm::pow(10.0, libm::log10(value).floor());
    let step = [1.0, 1.2, 1.4, 1.6, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let fits = step
        .into_iter()
        .map(|s| s * power)
        .find(|s| *s >= value - 1e-9);
    fits.unwrap_or(value).ceil() as u64
}

fn load(run: &Analysis, columns: usize) -> (Picture, u64) {
    let mut picture = Picture::new(columns, 4);
    let spans = run
        .windows
        .iter()
        .map(|w| (w.from_s, w.to_s, w.offered_rps));
    let values = columns_of(picture.width(), span_s(run), spans);
    let top = nice(values.iter().flatten().fold(0.0, |a, b| b.max(a)));
    let height = picture.height() as f64;
    for (x, value) in values.iter().enumerate() {
        if let Some(value) = value {
            picture.fill(x, (value / top as f64 * height).ceil() as usize);
        }
    }
    (picture, top)
}

fn latency(run: &Analysis, columns: usize) -> Picture {
    let mut picture = Picture::new(columns, 5);
    let limit = run.about.limit_ms.max(1e-6);
    let (height, middle) = (picture.height() - 1, picture.height() / 2);
    let spans = run.percentiles.iter().map(|s| (s.from_s, s.to_s, s.p99_ms));
    let values = columns_of(picture.width(), span_s(run), spans);
    let place = |value: f64| {
        let decades = libm::log10(value.max(1e-6) / limit);
        (middle as f64 + decades * middle as f64)
            .round()
            .clamp(0.0, height as f64) as usize
    };
    let mut before: Option<usize> = None;
    for (x, value) in values.iter().enumerate() {
        let now = value.map(place);
        if let Some(y) = now {
            picture.between(x, before.unwrap_or(y), y);
        }
        before = now;
        if x % 4 == 0 {
            picture.dot(x, middle);
        }
    }
    picture
}

fn replicas(run: &Analysis, service: &Service, columns: usize) -> (Picture, u64) {
    let mut picture = Picture::new(columns, 6);
    let whole = span_s(run);
    let ready = service
        .windows
        .iter()
        .map(|w| (w.from_s, w.to_s, w.ready.map(f64::from)));
    let ready = columns_of(picture.width(), whole, ready);
    let safe = service.safe.rps().filter(|s| *s > 0.0);
    let needed = service
        .windows
        .iter()
        .map(|w| (w.from_s, w.to_s, w.load_rps.zip(safe).map(|(l, s)| l / s)));
    let needed = columns_of(picture.width(), whole, needed);
    let most = ready
        .iter()
        .chain(&needed)
        .flatten()
        .fold(0.0, |a: f64, b| b.max(a));
    let top = nice(most);
    let height = picture.height() as f64;
    let place = |value: f64| (value / top as f64 * height).round() as usize;
    let mut before: Option<usize> = None;
    for (x, (ready, needed)) in ready.iter().zip(&needed).enumerate() {
        if let Some(ready) = ready {
            picture.shade(x, place(*ready));
        }
        let now = needed.map(|n| place(n).saturating_sub(1));
        if let Some(y) = now {
            picture.between(x, before.unwrap_or(y), y);
        }
        before = now;
    }
    (picture, top)
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
            0 => format!(
                "{} acknowledged, each there once and charged once",
                plural(audit.acknowledged, "order")
            ),
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
mod tests {
    use super::*;
    use crate::sample::{self, Kind};

    fn said_of(kind: Kind, width: usize) -> String {
        let run = Analysis::of(&sample::record(kind));
        summary(
            &run,
            Some(Path::new("runs/flash-sale-20261127T1150")),
            width,
            Style::Plain,
        )
    }

    #[test]
    fn a_failed_run_looks_like_this() {
        insta::assert_snapshot!(said_of(Kind::Failed, 100));
    }

    #[test]
    fn a_passed_run_looks_like_this() {
        insta::assert_snapshot!(said_of(Kind::Passed, 100));
    }

    #[test]
    fn an_invalid_run_looks_like_this() {
        insta::assert_snapshot!(said_of(Kind::Invalid, 100));
    }

    #[test]
    fn it_is_never_too_wide_and_the_verdict_is_near_its_end() {
        for kind in [Kind::Passed, Kind::Failed, Kind::Invalid, Kind::Interrupted] {
            for width in [30, 60, 100, 250] {
                let text = said_of(kind, width);
                if width >= 60 {
                    for line in text.lines() {
                        assert!(line.chars().count() <= 100, "{line}");
                    }
                }
                let word = Analysis::of(&sample::record(kind)).verdict.word();
                let from_end = text
                    .lines()
                    .rev()
                    .position(|l| l.trim_start().starts_with(word));
                assert!(from_end.is_some_and(|n| n < 30), "{from_end:?}");
            }
        }
    }

    #[test]
    fn colours_change_nothing_but_the_colours() {
        let run = Analysis::of(&sample::record(Kind::Failed));
        let coloured = summary(&run, None, 100, Style::Color);
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain += before;
            rest = after.split_once('m').unwrap().1;
        }
        plain += rest;
        let trimmed: Vec<&str> = plain.lines().map(str::trim_end).collect();
        let meant = summary(&run, None, 100, Style::Plain);
        assert_eq!(
            trimmed,
            meant.lines().map(str::trim_end).collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_empty_run_has_a_summary() {
        let header = crate::record::Event::Header(Box::new(sample::header(Kind::Passed)));
        let record = crate::record::Record::from_events([header]).unwrap();
        let text = summary(&Analysis::of(&record), None, 100, Style::Plain);
        assert!(text.contains("INTERRUPTED"), "{text}");
    }
}
