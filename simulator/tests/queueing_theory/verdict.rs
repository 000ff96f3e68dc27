//! Comparing, and telling it.

use std::fmt;

use super::case::Case;
use super::effort::Effort;
use super::estimate::Estimate;
use super::families::{Seen, study};

/// What became of a case.
pub(crate) struct Judged {
    id: String,
    /// What was counted, of how many.
    counted: f64,
    full: f64,
    /// How much wider than in the file tolerances are.
    scale: f64,
    rows: Vec<Row>,
    /// Why it could not be run at all.
    fault: Option<String>,
}

/// One quantity.
struct Row {
    quantity: String,
    expected: f64,
    seen: Option<Estimate>,
    tolerance: f64,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Within the tolerance and three standard errors.
    Agrees,
    /// The same, but for the standard errors: with other luck they held.
    Unlucky,
    /// Beyond the tolerance.
    Beyond,
    /// Within the tolerance, and twice beyond three standard errors to the same side.
    Biased,
    /// Nothing by this name is known.
    Unsaid,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Agrees => "ok",
            Self::Unlucky => "ok (beyond 3 s.e. once, not twice)",
            Self::Beyond => "BEYOND TOLERANCE",
            Self::Biased => "BIASED (twice beyond 3 s.e.)",
            Self::Unsaid => "NOT EXPRESSED",
        }
    }
}

impl Judged {
    pub(crate) fn is_wrong(&self) -> bool {
        let wrong = [Verdict::Beyond, Verdict::Biased];
        self.rows.iter().any(|row| wrong.contains(&row.verdict))
    }

    /// Whether it, or a quantity of it, could not be expressed, and what could be is right.
    pub(crate) fn is_unsaid(&self) -> bool {
        let unsaid = |row: &Row| row.verdict == Verdict::Unsaid;
        !self.is_wrong() && (self.fault.is_some() || self.rows.iter().any(unsaid))
    }
}

/// How far a mean may be off in standard errors.
const ERRORS: f64 = 3.0;
/// What is always allowed beside the standard errors, as a share of what is expected: the cells of histograms, and
/// distributions made of values.
const RESOLUTION: f64 = 2e-4;

/// How far beyond what luck explains: with its sign; 0 if it is not.
pub(crate) fn excess(expected: f64, seen: Estimate, slack: f64) -> f64 {
    let error = seen.value - expected;
    let luck = seen.error.map_or(f64::INFINITY, |error| ERRORS * error);
    let allowed = luck.max(RESOLUTION * expected.abs()).max(slack);
    if error.abs() > allowed { error } else { 0.0 }
}

/// How many times more is run where a run cannot tell, and how often at most.
const MORE: f64 = 4.0;
const LONGER: u32 = 2;

/// Runs a case; longer where it cannot tell, and what of it looks biased once more.
pub(crate) fn judge(case: &Case, mut effort: Effort) -> Judged {
    let mut seen = match study(case, &effort) {
        Ok(seen) => seen,
        Err(fault) => return Judged::not_run(case, fault),
    };
    // Tolerances shrink as errors do: with the root of the number.
    let scale = (seen.full / seen.counted).max(1.0).sqrt();
    let mut rows = rows(case, &seen, scale);
    for _ in 0..LONGER {
        if !rows.iter().any(Row::cannot_tell) {
            break;
        }
        effort.share *= MORE;
        effort.most *= MORE;
        match study(case, &effort) {
            Ok(longer) => seen = longer,
            Err(fault) => return Judged::not_run(case, fault),
        }
        rows = self::rows(case, &seen, scale);
    }
    if rows.iter().any(|row| row.verdict == Verdict::Biased) {
        let other = Effort {
            seed: effort.seed.wrapping_add(0x5eed),
            ..effort
        };
        let again = study(case, &other).map(|seen| self::rows(case, &seen, scale));
        for (row, again) in rows.iter_mut().zip(again.unwrap_or_default()) {
            if row.verdict == Verdict::Biased && row.side() != again.side() {
                row.verdict = Verdict::Unlucky;
            }
        }
    }
    Judged {
        id: case.id.clone(),
        counted: seen.counted,
        full: seen.full,
        scale,
        rows,
        fault: None,
    }
}

fn rows(case: &Case, seen: &Seen, scale: f64) -> Vec<Row> {
    let expected = case.expect.iter();
    // What is expected and no number cannot be compared, and that is said.
    let expected = expected
        .filter(|(_, expected)| !expected.is_null())
        .map(|(quantity, expected)| (quantity, expected.as_f64().unwrap_or(f64::NAN)));
    let row = |(quantity, expected): (&String, f64)| {
        let estimate = seen.quantities.get(quantity).copied();
        let estimate = estimate.filter(|_| !expected.is_nan());
        let tolerance = case
            .tolerance(quantity, expected)
            .map(|width| width * scale);
        let verdict = match (estimate, &tolerance) {
            (Some(estimate), Ok(tolerance)) => {
                let error = (estimate.value - expected).abs();
                // Numbers of requests are whole.
                let slack = if quantity.starts_with("n_p") {
                    1.0
                } else {
                    0.0
                };
                if error.is_nan() || error > *tolerance {
                    Verdict::Beyond
                } else if !seen.limit && excess(expected, estimate, slack) != 0.0 {
                    Verdict::Biased
                } else {
                    Verdict::Agrees
                }
            }
            _ => Verdict::Unsaid,
        };
        Row {
            quantity: quantity.clone(),
            expected,
            seen: estimate,
            tolerance: tolerance.unwrap_or(f64::NAN),
            verdict,
        }
    };
    expected.map(row).collect()
}

impl Row {
    /// Whether it is beyond the tolerance, and luck would explain that: standard errors are too wide for the tolerance.
    fn cannot_tell(&self) -> bool {
        let lucky =
            |seen: Estimate| seen.error.is_some() && excess(self.expected, seen, 0.0) == 0.0;
        self.verdict == Verdict::Beyond && self.seen.is_some_and(lucky)
    }

    /// To which side it is off, if luck does not explain it.
    fn side(&self) -> Option<bool> {
        let suspect = matches!(self.verdict, Verdict::Biased | Verdict::Beyond);
        let seen = self.seen.filter(|_| suspect)?;
        Some(seen.value > self.expected)
    }
}

impl Judged {
    fn not_run(case: &Case, fault: String) -> Self {
        Self {
            id: case.id.clone(),
            counted: 0.0,
            full: 0.0,
            scale: 1.0,
            rows: Vec::new(),
            fault: Some(fault),
        }
    }
}

pub(crate) fn heading() -> String {
    format!(
        "{:<26} {:<24} {:>13} {:>13} {:>9} {:>9} {:>9}  verdict",
        "case", "quantity", "expected", "seen", "error", "tolerance", "s.e."
    )
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(fault) = &self.fault {
            return writeln!(f, "{:<26} NOT EXPRESSED: {fault}", self.id);
        }
        for row in &self.rows {
            write!(f, "{:<26} {row}", self.id)?;
            let Self {
                counted,
                full,
                scale,
                ..
            } = self;
            if counted != full {
                write!(f, " ({counted:.2e} of {full:.2e}: tolerance × {scale:.2})")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relative where that says something.
        let relative = self.expected.abs() > 1e-6;
        let share = |value: f64| {
            if relative {
                format!("{:.3}%", 100.0 * value / self.expected.abs())
            } else {
                format!("{value:.1e}")
            }
        };
        let (seen, error, deviation) = match self.seen {
            Some(seen) => (
                format!("{:.6}", seen.value),
                share(seen.value - self.expected),
                seen.error.map_or_else(|| "-".to_owned(), share),
            ),
            None => ("-".to_owned(), "-".to_owned(), "-".to_owned()),
        };
        write!(
            f,
            "{:<24} {:>13.6} {seen:>13} {error:>9} {:>9} {deviation:>9}  {}",
            self.quantity,
            self.expected,
            share(self.tolerance),
            self.verdict.word()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luck_explains_three_standard_errors() {
        let seen = |value, error| Estimate { value, error };
        assert_eq!(excess(10.0, seen(10.29, Some(0.1)), 0.0), 0.0);
        assert!(excess(10.0, seen(10.31, Some(0.1)), 0.0) > 0.3);
        assert!(excess(10.0, seen(9.69, Some(0.1)), 0.0) < 0.0);
        // Nothing varied: there is nothing to judge by.
        assert_eq!(excess(10.0, seen(10.31, None), 0.0), 0.0);
        // Whole numbers.
        assert_eq!(excess(96.0, seen(95.0, Some(0.1)), 1.0), 0.0);
    }
}
