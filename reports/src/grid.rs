//! Many runs in one table: scenarios, variants and seeds.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figures::{Figures, Measure};
use crate::gates::Verdict;
use crate::terminal::Style;
use crate::words::{self, NONE, markdown};

/// The version of the form. Within it, things are only added.
pub const SCHEMA_VERSION: u32 = 1;

/// The runs of a grid, in its order.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Grid {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The exit code that the worst of them stands for.
    pub exit_code: u8,
    /// The runs.
    pub runs: Vec<Row>,
}

/// One run of a grid.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Row {
    /// The scenario's name.
    pub scenario: String,
    /// The variant's name.
    pub variant: String,
    /// The seed.
    pub seed: u64,
    /// Where its record and report are, beside this file.
    pub folder: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What came of it.
    pub figures: Figures,
}

/// How bad a verdict is: of several the worst decides.
fn badness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Passed => 0,
        Verdict::PassedWithWarnings => 1,
        Verdict::Invalid => 2,
        Verdict::Failed => 3,
        Verdict::Interrupted => 4,
    }
}

impl Grid {
    /// The table of these runs.
    #[must_use]
    pub fn new(runs: Vec<Row>) -> Self {
        let worst = runs.iter().map(|r| r.verdict).max_by_key(|v| badness(*v));
        Self {
            schema_version: SCHEMA_VERSION,
            exit_code: worst.map_or(0, Verdict::exit_code),
            runs,
        }
    }

    /// The verdict of the worst; nothing without runs.
    #[must_use]
    pub fn worst(&self) -> Option<Verdict> {
        let verdicts = self.runs.iter().map(|r| r.verdict);
        verdicts.max_by_key(|v| badness(*v))
    }

    /// The table for a terminal, ending in a line feed.
    #[must_use]
    pub fn text(&self, style: Style) -> String {
        let rows: Vec<Vec<String>> = self.runs.iter().map(cells).collect();
        let mut text = String::new();
        for (place, row) in aligned(&HEAD, &rows).into_iter().enumerate() {
            let verdict = place.checked_sub(1).map(|i| self.runs[i].verdict);
            writeln!(text, "{}", style.verdict(&row, verdict)).expect("a String takes everything");
        }
        text
    }

    /// The table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "| {} |\n|{}\n",
            HEAD.join(" | "),
            " --- |".repeat(HEAD.len())
        );
        for row in &self.runs {
            let cells: Vec<String> = cells(row).iter().map(|cell| markdown(cell)).collect();
            writeln!(text, "| {} |", cells.join(" | ")).expect("a String takes everything");
        }
        text
    }

    /// The table as CSV: plain numbers, in the units that the names say; what was not measured is empty.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = "scenario,variant,seed,verdict,pages,missed,errors,p50_ms,p95_ms,p99_ms,\
                        p999_ms,above_limit_s,replica_hours,changes,folder\n"
            .to_owned();
        let number = |v: Option<f64>| v.map_or_else(String::new, |v| v.to_string());
        for row in &self.runs {
            let f = &row.figures;
            let fields = [
                words::csv(&row.scenario),
                words::csv(&row.variant),
                row.seed.to_string(),
                row.verdict.word().to_owned(),
                f.pages.to_string(),
                number(f.missed),
                number(f.errors),
                number(f.p50_ms),
                number(f.p95_ms),
                number(f.p99_ms),
                number(f.p999_ms),
                number(f.above_limit_s),
                number(f.replica_hours),
                f.changes.to_string(),
                words::csv(&row.folder),
            ];
            writeln!(text, "{}", fields.join(",")).expect("a String takes everything");
        }
        text
    }
}

const HEAD: [&str; 10] = [
    "scenario",
    "variant",
    "seed",
    "verdict",
    "pages",
    "missed",
    "p50",
    "p99",
    "p99.9",
    "replica-h",
];

fn cells(row: &Row) -> Vec<String> {
    let f = &row.figures;
    let p999 = f.p999_ms.map_or_else(|| NONE.to_owned(), words::ms);
    vec![
        words::cut(&words::terminal(&row.scenario), 28),
        words::cut(&words::terminal(&row.variant), 28),
        row.seed.to_string(),
        row.verdict.word().to_owned(),
        words::count(f.pages),
        Measure::Missed.said(f.missed),
        Measure::P50.said(f.p50_ms),
        Measure::P99.said(f.p99_ms),
        p999,
        Measure::Cost.said(f.replica_hours),
    ]
}

/// Rows under a head, in columns two spaces apart: words to the left, what begins with a digit or a dash to the right.
pub(crate) fn aligned(head: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let all = || {
        let head = head.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>();
        std::iter::once(head).chain(rows.iter().cloned())
    };
    let width = |column: usize| all().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..head.len()).map(|c| width(c).unwrap_or(0)).collect();
    let is_number = |text: &str| {
        let rest = text.trim_start_matches(['−', '+', '–']);
        rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_digit())
    };
    let right: Vec<bool> = (0..head.len())
        .map(|c| !rows.is_empty() && rows.iter().all(|row| is_number(&row[c])))
        .collect();
    let line = |row: Vec<String>| {
        let mut line = String::new();
        for (column, cell) in row.into_iter().enumerate() {
            let space = " ".repeat(widths[column] - cell.chars().count());
            let gap = if column == 0 { "" } else { "  " };
            let cell = if right[column] {
                format!("{space}{cell}")
            } else {
                format!("{cell}{space}")
            };
            line += &format!("{gap}{cell}");
        }
        line.trim_end().to_owned()
    };
    all().map(line).collect()
}

/// The JSON Schema of summary.json.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Grid).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analysis;
    use crate::sample::{self, Kind};

    fn grid() -> Grid {
        let row = |(kind, seed): (Kind, u64)| {
            let run = Analysis::of(&sample::record(kind));
            Row {
                scenario: run.about.name.clone(),
                variant: "hpa:cpu=60%|".into(),
                seed,
                folder: format!("flash-sale/hpa/seed-{seed}"),
                verdict: run.verdict,
                figures: Figures::of(&run),
            }
        };
        Grid::new([(Kind::Passed, 7), (Kind::Failed, 8)].map(row).to_vec())
    }

    #[test]
    fn it_looks_like_this() {
        insta::assert_snapshot!(grid().text(Style::Plain));
    }

    #[test]
    fn the_worst_decides() {
        for (kinds, code) in [
            (&[][..], 0),
            (&[Verdict::Passed, Verdict::PassedWithWarnings][..], 0),
            (&[Verdict::Invalid, Verdict::Passed][..], 3),
            (&[Verdict::Failed, Verdict::Invalid][..], 1),
            (&[Verdict::Failed, Verdict::Interrupted][..], 130),
        ] {
            let row = |verdict: &Verdict| Row {
                verdict: *verdict,
                ..grid().runs[0].clone()
            };
            assert_eq!(Grid::new(kinds.iter().map(row).collect()).exit_code, code);
        }
    }

    #[test]
    fn tables_keep_their_columns_whatever_the_names() {
        let grid = grid();
        let columns = |line: &str| {
            let escaped = line.replace("\\|", "");
            escaped.matches('|').count()
        };
        let markdown = grid.markdown();
        assert!(
            markdown.lines().all(|line| columns(line) == 11),
            "{markdown}"
        );
        let csv = grid.csv();
        let mut lines = csv.lines().map(|line| line.split(',').count());
        let first = lines.next().unwrap();
        assert!(lines.all(|fields| fields == first), "{csv}");
    }

    #[test]
    fn what_was_not_measured_is_empty() {
        let row = Row {
            figures: Figures::default(),
            ..grid().runs[0].clone()
        };
        let grid = Grid::new(vec![row]);
        assert!(grid.csv().contains(",0,,,,,,,,,0,"), "{}", grid.csv());
        assert!(grid.text(Style::Plain).contains("–"));
    }
}
