//! Variants of one scenario tried on the same luck: what each came to, and by how much they differ.
//!
//! Each variant runs with each seed. A variant's run and another's with the same seed meet the same shoppers with the same
//! draws (common random numbers), so their difference holds far less chance than either run: it is the differences that
//! are averaged, and given with an interval.

pub mod statistics;
mod text;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figures::{Figures, Measure};
use statistics::{Paired, median, paired};

/// The version of the form. Within it, things are only added.
pub const SCHEMA_VERSION: u32 = 1;

/// Variants of one scenario, tried with the same seeds.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Trials {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// What it is about.
    pub about: String,
    /// How many times faster than its time it was run.
    pub speed: f64,
    /// The command that does it again.
    pub command: String,
    /// The seeds, in order.
    pub seeds: Vec<u64>,
    /// The variants, the one that the others are held against first.
    pub variants: Vec<Variant>,
    /// For each variant but the first, by how much it differs from the first.
    pub differences: Vec<Difference>,
    /// What else a reader must know.
    pub notes: Vec<String>,
}

/// One variant.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// What it changes, as it was asked for; empty if nothing.
    pub changes: Vec<String>,
    /// Whether it knows the future: a bound for the others, which none of them can be asked to reach.
    pub floor: bool,
    /// Its runs, one for each seed.
    pub runs: Vec<Figures>,
    /// Each measure over the runs.
    pub summary: Vec<Summary>,
}

/// One measure over the runs of a variant. Nothing where a run has no value.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Summary {
    /// The measure.
    pub measure: Measure,
    /// The mean.
    pub mean: Option<f64>,
    /// The middle one.
    pub median: Option<f64>,
    /// The largest.
    pub worst: Option<f64>,
}

/// By how much a variant differs from the first, in one measure.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Difference {
    /// The measure.
    pub measure: Measure,
    /// The variant.
    pub variant: String,
    /// The mean of variant − first over the seeds; nothing without data. So with the others.
    pub mean: Option<f64>,
    /// The lower end of its interval (95 %).
    pub low: Option<f64>,
    /// The upper end of its interval (95 %).
    pub high: Option<f64>,
    /// The mean as a share of the first's own.
    pub relative: Option<f64>,
    /// What that says.
    pub says: Says,
}

/// What a difference says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// With every seed exactly the same.
    Equal,
    /// Less than the first: better.
    Less,
    /// More than the first: worse.
    More,
    /// The interval holds zero.
    CannotTell,
    /// Not every run has a value.
    NoData,
}

impl Says {
    /// In a word or two.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Less => "better",
            Self::More => "worse",
            Self::CannotTell => "cannot tell",
            Self::NoData => "no data",
        }
    }
}

impl Variant {
    /// A variant and its runs.
    #[must_use]
    pub fn new(name: String, changes: Vec<String>, floor: bool, runs: Vec<Figures>) -> Self {
        let summary = Measure::ALL.map(|m| Summary::of(m, &runs)).to_vec();
        Self {
            name,
            changes,
            floor,
            runs,
            summary,
        }
    }

    /// Its values of a measure, one for each seed; nothing if one is missing.
    #[must_use]
    pub fn values(&self, measure: Measure) -> Option<Vec<f64>> {
        let values = self.runs.iter().map(|run| run.get(measure));
        values
            .collect::<Option<Vec<f64>>>()
            .filter(|v| !v.is_empty())
    }

    /// A measure over its runs.
    #[must_use]
    pub fn over_runs(&self, measure: Measure) -> Summary {
        Summary::of(measure, &self.runs)
    }
}

impl Summary {
    fn of(measure: Measure, runs: &[Figures]) -> Self {
        let values: Option<Vec<f64>> = runs.iter().map(|run| run.get(measure)).collect();
        let values = values.unwrap_or_default();
        Self {
            measure,
            mean: mean(&values),
            median: median(&values),
            worst: values.iter().copied().reduce(f64::max),
        }
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

impl Trials {
    /// Works the differences out; everything else is taken as it is.
    #[must_use]
    pub fn with_differences(mut self) -> Self {
        self.schema_version = SCHEMA_VERSION;
        self.differences = match self.variants.split_first() {
            None => Vec::new(),
            Some((first, others)) => {
                let of = |other| Measure::ALL.map(|m| Difference::of(m, first, other));
                others.iter().flat_map(of).collect()
            }
        };
        self
    }

    /// The differences of one variant, in the order of [`Measure::ALL`].
    pub fn differences_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Difference> {
        self.differences.iter().filter(move |d| d.variant == name)
    }
}

impl Difference {
    fn of(measure: Measure, first: &Variant, other: &Variant) -> Self {
        let values = first.values(measure).zip(other.values(measure));
        let values = values.filter(|(a, b)| a.len() == b.len());
        let found = values.as_ref().and_then(|(a, b)| paired(a, b));
        let base = values.as_ref().and_then(|(a, _)| mean(a));
        let relative = found.zip(base).filter(|(_, base)| *base > 0.0);
        Self {
            measure,
            variant: other.name.clone(),
            mean: found.map(|p| p.mean),
            low: found.map(|p| p.low),
            high: found.map(|p| p.high),
            relative: relative.map(|(p, base)| p.mean / base),
            says: found.map_or(Says::NoData, says),
        }
    }
}

fn says(paired: Paired) -> Says {
    if paired.mean == 0.0 && paired.low == 0.0 && paired.high == 0.0 {
        Says::Equal
    } else if paired.high < 0.0 {
        Says::Less
    } else if paired.low > 0.0 {
        Says::More
    } else {
        Says::CannotTell
    }
}

/// The JSON Schema of compare.json.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Trials).to_value()
}

#[cfg(test)]
mod tests;
