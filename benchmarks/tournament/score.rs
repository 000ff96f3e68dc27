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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn outcome(missed: f64, hours: f64) -> Outcome {
        Outcome { missed, hours }
    }

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-3, "{value} {expected}");
    }

    #[test]
    fn cost_at_the_budget_lies_between_neighbours_in_the_logarithm_of_misses() {
        let half = between(outcome(0.01, 100.0), outcome(0.0001, 120.0));
        close(half, 110.0);
        close(between(outcome(0.01, 100.0), outcome(BUDGET, 120.0)), 120.0);
        // Nothing missed is as good as one in a million.
        close(between(outcome(0.01, 100.0), outcome(0.0, 120.0)), 105.0);
        close(between(outcome(0.0, 100.0), outcome(0.0, 120.0)), 120.0);
    }

    /// Settings that miss less and cost more, from place to place.
    fn setting(place: usize) -> Result<Outcome, Infallible> {
        Ok(outcome(
            0.1 * libm::exp10(-(place as f64)),
            100.0 + 10.0 * place as f64,
        ))
    }

    #[test]
    fn the_first_that_keeps_the_budget_is_found_by_halving() {
        let mut tried = 0;
        let found = first_within(14, |place| {
            tried += 1;
            setting(place)
        });
        assert!(found == Ok(2) && tried <= 4);
        assert_eq!(first_within(2, setting), Ok(2), "none does");
        assert_eq!(first_within(0, setting), Ok(0));
    }

    #[test]
    fn wherever_the_search_begins_it_ends_at_the_same_cost() {
        for start in 0..9 {
            let found = at_budget(6, start, &mut Runs::new(), setting);
            let Ok(Some((place, cost))) = found else {
                panic!("{found:?}");
            };
            assert_eq!(place, 2);
            close(cost, 120.0);
        }
        assert_eq!(at_budget(2, 0, &mut Runs::new(), setting), Ok(None));
        let careful = at_budget(3, 2, &mut Runs::new(), |place| setting(place + 3));
        assert_eq!(careful, Ok(Some((0, 130.0))), "even the cheapest keeps it");
    }

    #[test]
    fn an_interval_is_students_over_the_days() {
        let three = mean(&[1.0, 1.1, 1.2]).unwrap();
        // t with two degrees of freedom at 97.5 %: 4.303; standard error 0.1 / √3.
        close(three.mean, 1.1);
        close(three.high - three.mean, 4.303 * 0.1 / 3.0_f64.sqrt());
        close(three.mean - three.low, 4.303 * 0.1 / 3.0_f64.sqrt());
        let one = mean(&[1.1]).unwrap();
        assert!(one.days == 1 && one.low < -1e300 && one.high > 1e300);
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn ratios_are_averaged_as_ratios() {
        let both = ratio(&[(2.0, 1.0), (1.0, 2.0)]).unwrap();
        close(both.mean, 1.0);
        assert!(both.low < 0.5 && both.high > 2.0);
    }
}
