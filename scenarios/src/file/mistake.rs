//! Mistakes in a scenario: what, where, why, and what to do.

use std::fmt;

use serde::Serialize;

/// How many mistakes are told in full; a file with more is told how many.
const TOLD: usize = 50;
/// How many characters of a line are shown.
const WIDTH: usize = 100;

/// A span of a text, in bytes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Span {
    /// Which text: 0 is the file, then each `--set` and each file it names.
    pub(crate) source: usize,
    /// Where it begins.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
}

/// A text that mistakes can point into.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Mistakes while they are found, and what else is to be said.
#[derive(Debug, Default)]
pub(crate) struct Found {
    list: Vec<Raw>,
    remarks: Vec<(Concern, Raw)>,
}

/// What a remark is about.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Concern {
    /// It works, but perhaps not as it was meant.
    Doubtful,
    /// The local world leaves it out.
    LeftOut,
    /// The local world cannot do it.
    BeyondLocal,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Raw {
    at: Span,
    what: String,
    label: String,
    rule: String,
}

impl Found {
    /// Notes a mistake: what is wrong at `at`, what to say under it, and the rule.
    pub(crate) fn add(
        &mut self,
        at: Span,
        what: impl Into<String>,
        label: impl Into<String>,
        rule: impl Into<String>,
    ) {
        self.list.push(Raw {
            at,
            what: what.into(),
            label: label.into(),
            rule: rule.into(),
        });
    }

    /// Notes what is no mistake, and still to be said.
    pub(crate) fn remark(
        &mut self,
        concern: Concern,
        at: Span,
        what: impl Into<String>,
        label: impl Into<String>,
        rule: impl Into<String>,
    ) {
        let raw = Raw {
            at,
            what: what.into(),
            label: label.into(),
            rule: rule.into(),
        };
        if self.remarks.len() < TOLD && !self.remarks.contains(&(concern, raw.clone())) {
            self.remarks.push((concern, raw));
        }
    }

    /// The remarks about `concern` in the order of their places, each with its line.
    pub(crate) fn remarks(&mut self, concern: Concern, sources: &[Source]) -> Remarks {
        self.remarks.sort();
        let about = self.remarks.iter().filter(|(about, _)| *about == concern);
        Remarks(about.map(|(_, raw)| placed(raw.clone(), sources)).collect())
    }

    /// Whether there are so many that no more help with each is worth its time.
    pub(crate) fn full(&self) -> bool {
        self.list.len() >= 1000
    }

    pub(crate) fn any(&self) -> bool {
        !self.list.is_empty()
    }

    /// The mistakes in the order of their places, each with its line.
    pub(crate) fn told(mut self, sources: &[Source]) -> Mistakes {
        self.list.sort();
        self.list.dedup();
        let name = sources.first().map_or_else(String::new, |s| s.name.clone());
        let count = self.list.len();
        let list = self
            .list
            .into_iter()
            .take(TOLD)
            .map(|raw| placed(raw, sources))
            .collect();
        Mistakes { name, list, count }
    }
}

/// One mistake.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Mistake {
    /// What is wrong.
    pub what: String,
    /// The file it is in, or `--set`.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// That line, shortened if it is very long, without control characters.
    pub text: String,
    /// Where in [`Mistake::text`] the mistake begins, in characters from 0.
    pub from: usize,
    /// How many characters it is long; at least 1.
    pub length: usize,
    /// What to say beneath it: most often the fix.
    pub label: String,
    /// The rule that it breaks, or what could stand there.
    pub rule: String,
}

/// All mistakes of a scenario at once. Its text is for people.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct Mistakes {
    name: String,
    list: Vec<Mistake>,
    count: usize,
}

impl Mistakes {
    /// The mistakes in the order of their places (the first fifty).
    #[must_use]
    pub fn list(&self) -> &[Mistake] {
        &self.list
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

/// What is to be said of a scenario that has no mistakes, at most fifty of a kind. Its text is for people; of none it is
/// empty.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Remarks(Vec<Mistake>);

impl Remarks {
    /// They, in the order of their places.
    #[must_use]
    pub fn list(&self) -> &[Mistake] {
        &self.0
    }

    /// These, then `others`.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// They for people, each called `word` and numbered.
    #[must_use]
    pub fn told(&self, word: &str) -> String {
        let all = self.0.iter().enumerate();
        all.map(|(index, remark)| format!("{word}[{}]: {remark}", index + 1))
            .collect()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Remarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told("warning"))
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.list.iter().enumerate() {
            writeln!(f, "error[{}]: {mistake}", index + 1)?;
        }
        let name = printable(&self.name);
        match self.count {
            1 => write!(f, "{name}: 1 mistake, nothing was started"),
            count if count > self.list.len() => write!(
                f,
                "{name}: {count} mistakes (the first {} are shown), nothing was started",
                self.list.len()
            ),
            count => write!(f, "{name}: {count} mistakes, nothing was started"),
        }?;
        write!(
            f,
            "\nhelp: `rushhour schema > rushhour.schema.json` lets your editor find these as you type"
        )
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let width = number.len().max(4);
        let gutter = " ".repeat(width);
        writeln!(f, "{}", self.what)?;
        writeln!(f, "  --> {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "{gutter} |")?;
        writeln!(f, "{number:>width$} | {}", self.text.trim_end())?;
        let line = format!(
            "{gutter} | {}{} {}",
            " ".repeat(self.from),
            "^".repeat(self.length),
            self.label
        );
        writeln!(f, "{}", line.trim_end())?;
        if !self.rule.is_empty() {
            writeln!(f, "{gutter} |")?;
            writeln!(f, "{gutter} = {}", self.rule)?;
        }
        Ok(())
    }
}

/// Finds the line of a mistake and cuts it to what can be shown.
fn placed(raw: Raw, sources: &[Source]) -> Mistake {
    let empty = Source {
        name: String::new(),
        text: String::new(),
    };
    let source = sources.get(raw.at.source).unwrap_or(&empty);
    let text = &source.text;
    let start = boundary(text, raw.at.start);
    let end = boundary(text, raw.at.end).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |i| start + i);
    let before = text[line_start..start].chars().count();
    // A span over several lines is underlined on its first.
    let marked = text[start..end.min(line_end)].trim_end().chars().count();
    let skipped = if before + marked.min(WIDTH / 2) > WIDTH {
        before.saturating_sub(WIDTH / 2)
    } else {
        0
    };
    let mut shown: String = text[line_start..line_end]
        .chars()
        .skip(skipped)
        .take(WIDTH)
        .map(harmless)
        .collect();
    let from = before - skipped;
    if text[line_start..line_end]
        .chars()
        .nth(skipped + WIDTH)
        .is_some()
    {
        shown.pop();
        shown.push('…');
    }
    if skipped > 0 {
        shown.replace_range(..shown.chars().next().map_or(0, char::len_utf8), "…");
    }
    Mistake {
        what: printable(&raw.what),
        file: printable(&source.name),
        line: text[..line_start].matches('\n').count() + 1,
        column: before + 1,
        from,
        length: marked.min(WIDTH.saturating_sub(from)).max(1),
        text: shown,
        label: printable(&raw.label),
        rule: printable(&raw.rule),
    }
}

/// The nearest place at or before `index` where a character begins.
fn boundary(text: &str, index: usize) -> usize {
    text.floor_char_boundary(index.min(text.len()))
}

/// A character that moves nothing on a terminal.
fn harmless(c: char) -> char {
    match c {
        '\t' => ' ',
        c if is_control(c) => '\u{fffd}',
        c => c,
    }
}

fn printable(text: &str) -> String {
    text.chars().map(harmless).collect()
}

/// Control characters (C0, C1), marks that turn the writing direction, and the byte order mark.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}' | '\u{2029}'
        )
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text shortened for a message.
pub(crate) fn short(text: &str) -> String {
    if text.chars().count() > 40 {
        text.chars().take(39).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

/// `did you mean …?` with the nearest of `known`, or nothing if none is near.
pub(crate) fn did_you_mean<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(text, known).map_or_else(String::new, |nearest| format!("did you mean `{nearest}`?"))
}

/// The nearest of `known`, if one is near.
pub(crate) fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text: String = text.chars().take(64).collect();
    let allowed = (text.chars().count() / 3).max(1);
    let near = known
        .into_iter()
        .map(|candidate| (distance(&text, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min();
    near.map(|(_, nearest)| nearest)
}

/// Insertions, deletions, replacements and swaps of neighbours between two short texts.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (last[j] + usize::from(x != y))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Texts in a row, for a rule.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.into_iter().collect();
    if all.is_empty() {
        return "none".to_owned();
    }
    let mut text = all.iter().take(30).copied().collect::<Vec<_>>().join(", ");
    if all.len() > 30 {
        text.push_str(", …");
    }
    text
}
