//! Pieces that several sections use.

use maud::{Markup, html};

use crate::charts::panel::Part;
use crate::charts::words;

/// The most rows of a table under "In words and numbers".
pub(crate) const MOST_ROWS: usize = 20;

/// A table of numbers: the first column is words, the others are right-aligned.
pub(crate) struct Table {
    pub(crate) head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn html(&self) -> Markup {
        let class = |i: usize| (i > 0).then_some("n");
        html! {
            div class="scroll" { table {
                thead { tr { @for (i, head) in self.head.iter().enumerate() { th class=[class(i)] { (head) } } } }
                tbody { @for row in &self.rows {
                    tr { @for (i, cell) in row.iter().enumerate() { td class=[class(i)] { (cell) } } }
                } }
            } }
        }
    }
}

/// What a chart says, in a sentence and a table, for those who cannot see it.
pub(crate) fn in_words(sentences: &[String], table: &Table) -> Markup {
    html! {
        details class="alt" {
            summary { "In words and numbers" }
            @for sentence in sentences { p { (sentence) } }
            @if !table.rows.is_empty() { (table.html()) }
        }
    }
}

/// The sentences of the panels among some parts.
pub(crate) fn sentences(parts: &[Part]) -> Vec<String> {
    parts
        .iter()
        .filter_map(|part| match part {
            Part::Panel(panel) if !panel.says.is_empty() => Some(panel.says.clone()),
            _ => None,
        })
        .collect()
}

/// A value in the words of `say`, or a dash.
pub(crate) fn or_dash<T>(v: Option<T>, say: impl FnOnce(T) -> String) -> String {
    v.map_or_else(|| words::NONE.into(), say)
}

/// A share, or a dash.
pub(crate) fn share(v: Option<f64>) -> String {
    or_dash(v, words::share)
}

/// A latency in ms, or a dash.
pub(crate) fn ms(v: Option<f64>) -> String {
    or_dash(v, words::ms)
}

/// A number, or a dash.
pub(crate) fn number(v: Option<f64>) -> String {
    or_dash(v, words::number)
}

/// A whole number, or a dash.
pub(crate) fn whole(v: Option<u32>) -> String {
    or_dash(v, |n| words::count(u64::from(n)))
}
