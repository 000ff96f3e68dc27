//! What tuning found, in a terminal and as Markdown.

use std::fmt::Write as _;

use super::{RunOf, Setting, Span, Tuned, Tuning, Within};
use crate::figures::Measure;
use crate::grid::aligned;
use crate::words::{self, NONE, markdown, percent, plural};

/// The columns of settings.
pub(crate) const HEAD: [&str; 8] = [
    "policy",
    "setting",
    "missed",
    "95 % interval",
    "replica-h",
    "against as written",
    "in budget",
    "",
];
/// The most characters of a setting in a table.
const LONGEST: usize = 64;

impl Tuning {
    /// The result in a terminal, ending in a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", words::terminal(&self.title()));
        for line in words::wrap(&words::terminal(&self.kept_apart()), 96) {
            writeln!(text, "  {line}").expect("a String takes everything");
        }
        text.push('\n');
        for line in aligned(&HEAD, &self.rows()) {
            writeln!(text, "  {line}").expect("a String takes everything");
        }
        for sentence in self.sentences() {
            text.push('\n');
            for line in words::wrap(&words::terminal(&sentence), 96) {
                writeln!(text, "  {line}").expect("a String takes everything");
            }
        }
        if let Some((_, setting)) = self.taken() {
            write!(text, "\n{}", setting.pasted()).expect("a String takes everything");
        }
        text
    }

    /// The result as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "## {}\n\n{}\n\n",
            markdown(&self.title()),
            markdown(&self.kept_apart())
        );
        writeln!(
            text,
            "| {} |\n|{}",
            HEAD.join(" | "),
            " --- |".repeat(HEAD.len())
        )
        .expect("a String takes everything");
        for row in self.rows() {
            let cells: Vec<String> = row.iter().map(|cell| markdown(cell)).collect();
            writeln!(text, "| {} |", cells.join(" | ")).expect("a String takes everything");
        }
        for sentence in self.sentences() {
            write!(text, "\n{}\n", markdown(&sentence)).expect("a String takes everything");
        }
        if let Some((_, setting)) = self.taken() {
            let yaml = setting.pasted().replace("```", "'''");
            write!(text, "\n```yaml\n{yaml}```\n").expect("a String takes everything");
        }
        let command = words::terminal(&self.command).replace('`', "'");
        write!(text, "\nAgain:\n\n```sh\n{command}\n```\n").expect("a String takes everything");
        text
    }

    /// What was tuned to what.
    pub(crate) fn title(&self) -> String {
        format!(
            "{}: {} tuned to miss at most {}",
            self.scenario,
            plural(self.policies.len() as u64, "policy").replace("policys", "policies"),
            percent(self.budget)
        )
    }

    /// On what it was tuned and on what scored.
    pub(crate) fn kept_apart(&self) -> String {
        format!(
            "Searched in rough strokes and confirmed in full on {}; scored in full on {}, which the search has not seen.",
            runs(&self.tuned_on),
            runs(&self.scored_on)
        )
    }

    /// A row for each setting.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let taken = self.recommended;
        self.settings()
            .map(|(place, setting)| {
                row(&self.policies[place.policy], setting, taken == Some(place))
            })
            .collect()
    }

    /// What is to be said.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![self.advice()];
        if self.interrupted {
            sentences.push("Interrupted: it is what was found so far.".to_owned());
        }
        sentences.extend(self.notes.iter().cloned());
        sentences
    }

    fn advice(&self) -> String {
        let Some((policy, setting)) = self.taken() else {
            let best = self
                .settings()
                .filter_map(|(_, s)| s.missed)
                .map(|m| m.mean);
            let best = best.reduce(f64::min).map_or_else(
                || "nothing was scored".to_owned(),
                |missed| format!("the best missed {}", percent(missed)),
            );
            return format!(
                "No setting kept the budget of {}: {best}. A higher minimum or maximum may help: `rushhour plan` finds them.",
                percent(self.budget)
            );
        };
        let missed = setting
            .missed
            .map_or(NONE.to_owned(), |span| said(Measure::Missed, span));
        let cost = setting
            .cost
            .map_or(NONE.to_owned(), |span| said(Measure::Cost, span));
        let sure = if setting.within == Within::Perhaps {
            " Whether it keeps the budget these runs cannot tell: more seeds would."
        } else {
            ""
        };
        format!(
            "Take {} with {}: the cheapest that kept the budget. It missed {missed} and cost {cost} replica-hours a run{}.{sure}",
            policy.policy,
            setting.name(policy),
            setting.beside()
        )
    }
}

impl Setting {
    /// Those of its values that are not as written, with their parameters' names.
    pub(crate) fn name(&self, of: &Tuned) -> String {
        if of.parameters.is_empty() || self.as_written {
            return "what is written".to_owned();
        }
        let changed = |(p, v): (&super::Parameter, &String)| {
            (*v != p.written).then(|| format!("{} {v}", p.name))
        };
        let all = of.parameters.iter().zip(&self.values);
        all.filter_map(changed).collect::<Vec<_>>().join(", ")
    }

    /// What is pasted: the part of a scenario, and manifests as they are.
    pub(crate) fn pasted(&self) -> String {
        let mut text = self.yaml.clone();
        for manifest in self.manifests.values() {
            let line = if text.is_empty() { "" } else { "---\n" };
            text = format!("{text}{line}{manifest}");
            if !text.ends_with('\n') {
                text.push('\n');
            }
        }
        text
    }

    fn beside(&self) -> String {
        match (self.saves, self.as_written) {
            (Some(span), false) => {
                format!(", {} against what is written", signed(span))
            }
            _ => String::new(),
        }
    }
}

fn row(policy: &Tuned, setting: &Setting, taken: bool) -> Vec<String> {
    let changed = match setting.as_written {
        true => "as written".to_owned(),
        false => setting.name(policy),
    };
    let missed = setting.missed;
    let interval = missed.map_or_else(
        || NONE.to_owned(),
        |m| format!("{} … {}", percent(m.low), percent(m.high)),
    );
    let note = match (taken, setting.on_front) {
        (true, _) => "take this",
        (false, true) => "on the front",
        (false, false) => "",
    };
    vec![
        words::cut(&words::terminal(&policy.policy), 28),
        words::cut(&words::terminal(&changed), LONGEST),
        Measure::Missed.said(missed.map(|m| m.mean)),
        interval,
        Measure::Cost.said(setting.cost.map(|c| c.mean)),
        setting
            .saves
            .filter(|_| !setting.as_written)
            .map_or_else(|| NONE.to_owned(), signed),
        setting.within.word().to_owned(),
        note.to_owned(),
    ]
}

fn said(measure: Measure, span: Span) -> String {
    format!(
        "{} (95 %: {} … {})",
        measure.text(span.mean),
        measure.text(span.low),
        measure.text(span.high)
    )
}

/// Replica-hours more or less, with their interval.
fn signed(span: Span) -> String {
    let one = |v: f64| {
        let sign = if v > 0.0 { "+" } else { "" };
        format!("{sign}{}", Measure::Cost.text(v))
    };
    format!(
        "{} ({} … {})",
        one(span.mean),
        one(span.low),
        one(span.high)
    )
}

/// Runs by day: `flash-sale with seeds 42, 43 and 44`.
fn runs(runs: &[RunOf]) -> String {
    let mut days: Vec<(&str, Vec<String>)> = Vec::new();
    for run in runs {
        match days.iter_mut().find(|(day, _)| *day == run.day) {
            Some((_, seeds)) => seeds.push(run.seed.to_string()),
            None => days.push((&run.day, vec![run.seed.to_string()])),
        }
    }
    let day = |(day, seeds): &(&str, Vec<String>)| {
        let noun = if seeds.len() == 1 { "seed" } else { "seeds" };
        format!("{day} with {noun} {}", words::and(seeds))
    };
    let days: Vec<String> = days.iter().map(day).collect();
    if days.is_empty() {
        "nothing".to_owned()
    } else {
        words::and(&days)
    }
}
