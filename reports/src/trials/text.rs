//! Trials as tables: for a terminal, and as Markdown.

use std::fmt::Write as _;

use super::{Difference, Says, Trials, Variant};
use crate::figures::Measure;
use crate::grid::aligned;
use crate::words::{self, NONE, markdown};

/// The most characters of a variant's name in a table.
const LONGEST: usize = 32;

impl Trials {
    /// The result in a terminal, ending in a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}: {} tried with the same {}\n\n",
            words::terminal(&self.scenario),
            words::plural(self.variants.len() as u64, "variant"),
            words::plural(self.seeds.len() as u64, "seed"),
        );
        let (head, rows) = self.means();
        for line in aligned(&head, &rows) {
            writeln!(text, "  {line}").expect("a String takes everything");
        }
        for sentence in self.sentences() {
            let sentence = words::terminal(&sentence);
            for line in words::wrap(&sentence, 96) {
                write!(text, "\n  {line}").expect("a String takes everything");
            }
        }
        text.push('\n');
        for variant in self.held_against() {
            let title = words::cut(&words::terminal(&self.against(variant)), 96);
            write!(text, "\n  {title}\n").expect("a String takes everything");
            let rows: Vec<Vec<String>> = self.differences_of(&variant.name).map(row).collect();
            for line in aligned(&DIFFERENCE, &rows) {
                writeln!(text, "    {line}").expect("a String takes everything");
            }
        }
        for note in &self.notes {
            write!(text, "\n  {}\n", words::terminal(note)).expect("a String takes everything");
        }
        text
    }

    /// The result as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "## {}: variants on the same luck\n\n{} with {} ({}).\n\n",
            markdown(&self.scenario),
            words::plural(self.variants.len() as u64, "variant"),
            words::plural(self.seeds.len() as u64, "seed"),
            markdown(&self.about)
        );
        let (head, rows) = self.means();
        text += &table(&head, &rows);
        for sentence in self.sentences() {
            write!(text, "\n{}\n", markdown(&sentence)).expect("a String takes everything");
        }
        for variant in self.held_against() {
            let title = markdown(&self.against(variant));
            write!(text, "\n### {title}\n\n").expect("a String takes everything");
            let rows: Vec<Vec<String>> = self.differences_of(&variant.name).map(row).collect();
            text += &table(&DIFFERENCE, &rows);
        }
        for note in &self.notes {
            write!(text, "\n{}\n", markdown(note)).expect("a String takes everything");
        }
        let command = words::terminal(&self.command).replace('`', "'");
        write!(text, "\nAgain:\n\n```sh\n{command}\n```\n").expect("a String takes everything");
        text
    }

    /// The variants of which differences to the first are known: none after a comparison that was cut short.
    pub(crate) fn held_against(&self) -> impl Iterator<Item = &Variant> {
        let known = |v: &&Variant| self.differences_of(&v.name).next().is_some();
        self.variants.iter().skip(1).filter(known)
    }

    /// `hpa60 against as-written`.
    pub(crate) fn against(&self, variant: &Variant) -> String {
        let first = self.variants.first().map_or(NONE, |v| &v.name);
        format!(
            "{} against {first}, mean difference of each seed",
            variant.name
        )
    }

    /// All variants: what the worst seed missed, and the means. Head and rows.
    pub(crate) fn means(&self) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let mut head = vec!["variant", "worst seed"];
        head.extend(Measure::ALL.map(Measure::name));
        let row = |variant: &Variant| {
            let name = words::cut(&words::terminal(&variant.name), LONGEST);
            let worst = Measure::Missed.said(variant.over_runs(Measure::Missed).worst);
            let of = |measure: Measure| measure.said(variant.over_runs(measure).mean);
            [name, worst]
                .into_iter()
                .chain(Measure::ALL.map(of))
                .collect()
        };
        (head, self.variants.iter().map(row).collect())
    }

    /// What can be said in sentences: each variant's misses and cost beside the first's, and how far from the floor.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let Some((first, others)) = self.variants.split_first() else {
            return Vec::new();
        };
        let mut sentences: Vec<String> = others
            .iter()
            .filter(|v| !v.floor && !self.differences.is_empty())
            .map(|variant| self.sentence(first, variant))
            .collect();
        sentences.extend(self.floor());
        sentences
    }

    fn sentence(&self, first: &Variant, variant: &Variant) -> String {
        let of = |measure: Measure| {
            let mut all = self.differences_of(&variant.name);
            all.find(|d| d.measure == measure)
        };
        let said = |measure: Measure, noun: &str| match of(measure) {
            None => format!("nothing is known of {noun}"),
            Some(d) => part(d, noun),
        };
        format!(
            "{} against {}: {}; {}.",
            variant.name,
            first.name,
            said(Measure::Missed, "misses"),
            said(Measure::Cost, "cost")
        )
    }

    /// What knowing the future would have cost, beside what the others cost.
    fn floor(&self) -> Option<String> {
        let floor = self.variants.iter().find(|v| v.floor)?;
        let cost = floor.over_runs(Measure::Cost).mean.filter(|c| *c > 0.0)?;
        let missed = Measure::Missed.said(floor.over_runs(Measure::Missed).mean);
        let others = self.variants.iter().filter(|v| !v.floor);
        let ratios: Vec<String> = others
            .filter_map(|v| {
                let own = v.over_runs(Measure::Cost).mean?;
                Some(format!("{} {:.2}×", v.name, own / cost))
            })
            .collect();
        Some(format!(
            "Knowing the future, {} replica-hours miss {missed}: the floor for whoever is to miss no more. Cost beside it: {}.",
            Measure::Cost.text(cost),
            ratios.join(", ")
        ))
    }
}

fn part(difference: &Difference, noun: &str) -> String {
    let relative = difference.relative.map(|r| words::percent(r.abs()));
    let by = relative.map_or_else(String::new, |r| format!(" by {r}"));
    match difference.says {
        Says::Equal => format!("{noun} exactly equal"),
        Says::Less => format!("{noun} lower{by}"),
        Says::More => format!("{noun} higher{by}"),
        Says::CannotTell => format!("cannot tell whether {noun} differ"),
        Says::NoData => format!("no data on {noun}"),
    }
}

/// The columns of differences.
pub(crate) const DIFFERENCE: [&str; 5] = ["measure", "difference", "95 % interval", "of it", ""];

/// A difference in those columns.
pub(crate) fn row(difference: &Difference) -> Vec<String> {
    let of = difference.measure;
    let signed = |v: Option<f64>| {
        let sign = if v.is_some_and(|v| v > 0.0) { "+" } else { "" };
        format!("{sign}{}", of.said(v))
    };
    let interval = match (difference.low, difference.high) {
        (Some(_), Some(_)) => {
            format!("{} … {}", signed(difference.low), signed(difference.high))
        }
        _ => NONE.to_owned(),
    };
    let relative = difference.relative.map_or_else(
        || NONE.to_owned(),
        |r| {
            let sign = if r > 0.0 { "+" } else { "" };
            format!("{sign}{}", words::percent(r))
        },
    );
    vec![
        of.name().to_owned(),
        signed(difference.mean),
        interval,
        relative,
        difference.says.word().to_owned(),
    ]
}

fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!(
        "| {} |\n|{}\n",
        head.join(" | "),
        " --- |".repeat(head.len())
    );
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| markdown(cell)).collect();
        writeln!(text, "| {} |", cells.join(" | ")).expect("a String takes everything");
    }
    text
}
