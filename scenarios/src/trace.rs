//! Reading recorded traffic: counts in bins, or instants. Streamed, and bounded whatever comes in.

mod lines;

use std::io::Read;
use std::time::Duration;

use metrics::Ratio;

use crate::time::{nanos, seconds};
use crate::{Counts, Recorded};
use lines::Lines;

/// The most bins or instants that a trace may have: 7 weeks of seconds.
pub(crate) const ROWS_MAX: usize = 4_000_000;

/// Names that the column of times goes by.
const TIMES: [&str; 6] = ["timestamp_s", "timestamp", "time_s", "time", "seconds", "t"];

/// Names that the column of counts goes by.
const REQUESTS: [&str; 5] = ["requests", "count", "counts", "arrivals", "hits"];

/// Which part of a trace is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Part {
    /// Where it begins, after the trace's own beginning.
    pub from: Duration,
    /// How long it is at most.
    pub length: Duration,
}

impl Part {
    /// All of it.
    pub const WHOLE: Self = Self {
        from: Duration::ZERO,
        length: Duration::MAX,
    };
}

/// Why a trace cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct TraceError {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong there.
    pub problem: TraceProblem,
}

/// What is wrong with a line of a trace.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TraceProblem {
    /// The file cannot be read on.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A line has no end.
    #[error("the line is longer than {} bytes; is this a trace?", lines::LINE_MAX)]
    LongLine,
    /// The file is too long.
    #[error("more than {ROWS_MAX} rows; cut the trace or take longer bins")]
    TooManyRows,
    /// The text is too long.
    #[error("more than {} MiB of text; cut the trace or take longer bins", lines::TEXT_MAX >> 20)]
    TooMuchText,
    /// Compressed data that is only there to be large.
    #[error(
        "the compressed data grows more than {}-fold: no trace does",
        lines::GROWTH_MAX
    )]
    Bomb,
    /// The first line does not name the columns.
    #[error("the first line must name the columns, as in `timestamp_s,requests`; it is `{0}`")]
    Header(String),
    /// A column is missing.
    #[error("the row has {0} columns, the first line names {1}")]
    Columns(usize, usize),
    /// No number.
    #[error("`{0}` is no number that is finite and at least 0")]
    Number(String),
    /// Time goes back, or stands still where it may not.
    #[error("time goes from {0} s to {1} s; rows must be in the order of time")]
    Back(f64, f64),
    /// A bin is missing, or of another length.
    #[error(
        "the row is at {at} s, due at {due} s: bins are {bin} s long, and one without requests is written as 0"
    )]
    Gap {
        /// When it is.
        at: f64,
        /// When it should be.
        due: f64,
        /// The bins' length.
        bin: f64,
    },
    /// Too few rows to tell the bins' length.
    #[error("a trace needs at least two rows, or the length of its bins cannot be told")]
    TooShort,
    /// The part that is wanted is not there.
    #[error("the trace is {has} s long, and is to begin {from} s into it")]
    NothingLeft {
        /// Its length.
        has: f64,
        /// Where it is to begin.
        from: f64,
    },
    /// The span between instants is too long.
    #[error("the instants span more than {ROWS_MAX} seconds")]
    TooWide,
}

/// Reads counts in bins of equal length: CSV, plain or gzip. The first line names the columns (`timestamp_s,requests`; if
/// there are two, they may have any names). A row is a bin's beginning in seconds and its count; times are counted from
/// the first row's.
///
/// # Errors
/// With file and line, if it is no trace, or larger than one may be: 4 million rows, 256 MiB of text.
pub fn read_counts(input: impl Read, file: &str, part: Part) -> Result<Counts, TraceError> {
    let mut lines = Lines::new(input);
    bins(&mut lines, part).map_err(|problem| lines.error(file, problem))
}

/// Reads instants, one a line, in seconds and in order; times are counted from the first. A first line that is no number
/// is taken as a name. Plain or gzip.
///
/// # Errors
/// With file and line, as for [`read_counts`].
pub fn read_instants(input: impl Read, file: &str, part: Part) -> Result<Recorded, TraceError> {
    let mut lines = Lines::new(input);
    instants(&mut lines, part).map_err(|problem| lines.error(file, problem))
}

fn bins(lines: &mut Lines<impl Read>, part: Part) -> Result<Counts, TraceProblem> {
    let columns = Columns::read(lines)?;
    let mut grid = Grid::default();
    let mut counts = vec![];
    let mut skipped = 0_u64;
    while let Some(line) = lines.next()? {
        let (time, count) = columns.row(line)?;
        grid.check(time)?;
        // The first row's bin is as long as the second row says: until then it is kept.
        let ends_before = |bin: f64| (grid.rows as f64) * bin <= part.from.as_secs_f64();
        if grid.bin.is_some_and(ends_before) {
            skipped += 1 + counts.len() as u64;
            counts.clear();
            continue;
        }
        if grid.is_past(part) {
            break;
        }
        counts.push(count);
    }
    let bin = grid.bin.ok_or(TraceProblem::TooShort)?;
    let from = part.from.as_secs_f64();
    if grid.rows as f64 * bin <= from {
        return Err(TraceProblem::NothingLeft {
            has: grid.rows as f64 * bin,
            from,
        });
    }
    let kept =
        Counts::new(seconds(bin), counts, Ratio::ONE).map_err(|_| TraceProblem::TooManyRows)?;
    Ok(kept.cut(seconds(from - skipped as f64 * bin), part.length))
}

/// The beginnings of bins seen so far.
#[derive(Default)]
struct Grid {
    first: f64,
    last: f64,
    rows: u64,
    /// The bins' length, from the second row on.
    bin: Option<f64>,
}

impl Grid {
    /// Checks that a row at `time` is the next bin.
    fn check(&mut self, time: f64) -> Result<(), TraceProblem> {
        /// Times may be rounded: by so much of a bin.
        const ROUNDING: f64 = 0.001;
        match (self.rows, self.bin) {
            (0, _) => self.first = time,
            _ if time <= self.last => return Err(TraceProblem::Back(self.last, time)),
            (_, None) => self.bin = Some(time - self.first),
            (rows, Some(bin)) => {
                let due = self.first + rows as f64 * bin;
                if (time - due).abs() > ROUNDING * bin {
                    return Err(TraceProblem::Gap { at: time, due, bin });
                }
            }
        }
        self.last = time;
        self.rows += 1;
        Ok(())
    }

    /// Whether the row just checked begins after the part that is wanted.
    fn is_past(&self, part: Part) -> bool {
        let end = part.from.saturating_add(part.length).as_secs_f64();
        self.bin
            .is_some_and(|bin| (self.rows - 1) as f64 * bin >= end)
    }
}

/// Which columns a trace has.
struct Columns {
    count: usize,
    time: usize,
    requests: usize,
}

impl Columns {
    fn read(lines: &mut Lines<impl Read>) -> Result<Self, TraceProblem> {
        let line = lines.next()?.unwrap_or_default();
        let names: Vec<String> = line
            .split(',')
            .map(|name| bare(name).to_ascii_lowercase())
            .collect();
        let find = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
        let is_header = names
            .iter()
            .all(|name| !name.is_empty() && name.parse::<f64>().is_err());
        match (find(&TIMES), find(&REQUESTS), names.len()) {
            (Some(time), Some(requests), count) => Ok(Self {
                count,
                time,
                requests,
            }),
            (_, _, 2) if is_header => Ok(Self {
                count: 2,
                time: 0,
                requests: 1,
            }),
            _ => Err(TraceProblem::Header(line.chars().take(80).collect())),
        }
    }

    fn row(&self, line: &str) -> Result<(f64, f64), TraceProblem> {
        let (mut time, mut requests, mut count) = ("", "", 0);
        for (place, field) in line.split(',').enumerate() {
            if place == self.time {
                time = field;
            } else if place == self.requests {
                requests = field;
            }
            count = place + 1;
        }
        if count != self.count {
            return Err(TraceProblem::Columns(count, self.count));
        }
        Ok((number(time)?, number(requests)?))
    }
}

fn instants(lines: &mut Lines<impl Read>, part: Part) -> Result<Recorded, TraceProblem> {
    let (from, length) = (part.from.as_secs_f64(), part.length.as_secs_f64());
    let mut instants = vec![];
    let mut first = None;
    let mut last = 0.0;
    while let Some(line) = lines.next()? {
        let time = match number(line) {
            Err(_) if lines.line == 1 => continue,
            time => time?,
        };
        if time < last {
            return Err(TraceProblem::Back(last, time));
        }
        last = time;
        let since = time - *first.get_or_insert(time) - from;
        if since >= length {
            break;
        }
        if since > ROWS_MAX as f64 {
            return Err(TraceProblem::TooWide);
        }
        if since >= 0.0 {
            instants.push(nanos(since));
        }
    }
    let has = last - first.unwrap_or_default();
    if instants.is_empty() {
        return Err(TraceProblem::NothingLeft { has, from });
    }
    Recorded::new(instants).map_err(|_| TraceProblem::TooWide)
}

/// A field without blanks and quotes.
fn bare(field: &str) -> &str {
    field.trim().trim_matches('"')
}

fn number(field: &str) -> Result<f64, TraceProblem> {
    let field = bare(field);
    match field.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 0.0 => Ok(number),
        _ => Err(TraceProblem::Number(field.chars().take(80).collect())),
    }
}

#[cfg(test)]
mod tests;
