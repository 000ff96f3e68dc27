//! From runs to scores: cost at a budget of misses, and means over days with their intervals.

use std::collections::BTreeMap;

use reports::trials::statistics::paired;

use super::trial::Outcome;

/// The share of the requests that may be missed.
pub const BUDGET: f64 = 0.001;
/// Fewer misses than this share are as good as none.
const NONE: f64 = 1e-6;

/// The cost at exactly the budget on the line between two outcomes, in the logarithm of misses: the first missed more, the
/// second no more.
pub fn between(above: Outcome, within: Outcome) -> f64 {
    let log = |m: f64| libm::log(m.max(NONE));
    let (from, to) = (log(above.missed), log(within.missed));
    let share = if from > to {
        (from - log(BUDGET)) / (from - to)
    } else {
        1.0
    };
    above.hours + (within.hours - above.hours) * share.clamp(0.0, 1.0)
}

/// Runs by the place of their setting.
pub type Runs = BTreeMap<usize, Outcome>;

/// The first place, from the cheapest, whose run keeps the budget, if misses fall from place to place: found by halving.
/// `len` if none does.
pub fn first_within<E>(
    len: usize,
    mut run: impl FnMut(usize) -> Result<Outcome, E>,
) -> Result<usize, E> {
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = usize::midpoint(low, high);
        if run(middle)?.missed <= BUDGET {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(high)
}

/// The cost at the budget: from `start` step by step to the pair of neighbours of which one missed more and the other no
/// more, with the place of the second. Nothing if even the most careful missed more; the cheapest's cost if even that kept it.
pub fn at_budget<E>(
    len: usize,
    start: usize,
    runs: &mut Runs,
    mut run: impl FnMut(usize) -> Result<Outcome, E>,
) -> Result<Option<(usize, f64)>, E> {
    let mut place = start.min(len.saturating_sub(1));
    let mut at = |place: usize, runs: &mut Runs| -> Result<Outcome, E> {
        if let Some(known) = runs.get(&place) {
            return Ok(*known);
        }
        let outcome = run(place)?;
        runs.insert(place, outcome);
        Ok(outcome)
    };
    while at(place, runs)?.missed > BUDGET {
        if place + 1 >= len {
            return Ok(None);
        }
        place += 1;
    }
    loop {
        let within = at(place, runs)?;
        if place == 0 {
            return Ok(Some((place, within.hours)));
        }
        let above = at(place - 1, runs)?;
        if above.missed > BUDGET {
            return Ok(Some((place, between(above, within))));
        }
        place -= 1;
    }
}

/// A mean over days, and where it lies with 95 % (Student's t).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
    pub days: usize,
}

/// Of these values; nothing of nothing. Of a single one the interval is everything.
pub fn mean(values: &[f64]) -> Option<Mean> {
    let zeros = vec![0.0; values.len()];
    match (paired(&zeros, values), values.first()) {
        (Some(p), _) => Some(Mean {
            mean: p.mean,
            low: p.low,
            high: p.high,
            days: values.len(),
        }),
        (None, Some(only)) => Some(Mean {
            mean: *only,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            days: 1,
        }),
        _ => None,
    }
}

/// The geometric mean of ratios of pairs, as a ratio: how many times as much the first costs.
pub fn ratio(pairs: &[(f64, f64)]) -> Option<Mean> {
    let logs: Vec<f64> = pairs.iter().map(|(a, b)| libm::log(a / b)).collect();
    mean(&logs).map(|m| Mean {
        mean: libm::exp(m.mean),
        low: libm::exp(m.low),
        high: libm::exp(m.high),
        ..m
    })
}
