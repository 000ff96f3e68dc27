//! From runs to scores: cost at a budget of misses, and means over days with their intervals.

use std::collections::BTreeMap;

use reports::trials::statistics::{CONFIDENCE, paired, student_t};

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

/// Settings whose costs differ by less than this share are neighbours.
const NEAR: f64 = 0.015;

/// The number that keeps the budget, and the cost at it, between two settings of which the first missed more and the second no
/// more, with those between them looked at until their costs are near. If there are none and they are far, it is the second's:
/// on a long line from a collapse to a calm lies nothing that can be had. An HPA collapses at the first target that, with its
/// tolerance, is above 100 %.
pub fn closer<E>(
    mut above: (f64, Outcome),
    mut within: (f64, Outcome),
    middle: fn(f64, f64) -> Option<f64>,
    mut run: impl FnMut(f64) -> Result<Outcome, E>,
) -> Result<(f64, f64), E> {
    while (within.1.hours - above.1.hours).abs() > NEAR * within.1.hours {
        let Some(number) = middle(above.0, within.0) else {
            return Ok((within.0, within.1.hours));
        };
        let outcome = run(number)?;
        let end = if outcome.missed > BUDGET {
            &mut above
        } else {
            &mut within
        };
        *end = (number, outcome);
    }
    Ok((within.0, between(above.1, within.1)))
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

/// The mean over classes that each weigh the same, and where it lies with 95 %: the classes are what they are, only the days within
/// each are drawn. `days` are those of the class that has the fewest: of a single one the interval is everything.
///
/// Error: √(Σ s² ÷ n) ÷ classes; degrees of freedom after Welch (1947) and Satterthwaite (1946).
pub fn over_classes(classes: &[Vec<f64>]) -> Option<Mean> {
    let each: Vec<Mean> = classes.iter().filter_map(|days| mean(days)).collect();
    let days = each.iter().map(|m| m.days).min()?;
    let count = each.len() as f64;
    let middle = each.iter().map(|m| m.mean).sum::<f64>() / count;
    if days < 2 {
        return Some(Mean {
            mean: middle,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            days,
        });
    }
    let errors: Vec<(f64, f64)> = classes
        .iter()
        .zip(&each)
        .map(|(values, m)| {
            let free = (m.days - 1) as f64;
            let squares: f64 = values.iter().map(|v| (v - m.mean).powi(2)).sum();
            (squares / free / m.days as f64, free)
        })
        .collect();
    let error: f64 = errors.iter().map(|(e, _)| e).sum();
    let spread: f64 = errors.iter().map(|(e, free)| e * e / free).sum();
    let half = if spread > 0.0 {
        student_t(f64::midpoint(1.0, CONFIDENCE), error * error / spread) * error.sqrt() / count
    } else {
        0.0
    };
    Some(Mean {
        mean: middle,
        low: middle - half,
        high: middle + half,
        days,
    })
}

/// A mean of logarithms as a ratio.
pub fn unlogged(mean: Mean) -> Mean {
    Mean {
        mean: libm::exp(mean.mean),
        low: libm::exp(mean.low),
        high: libm::exp(mean.high),
        ..mean
    }
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
    fn a_collapse_beside_a_calm_is_no_bargain() {
        // Above 92 everything is missed, from there on nothing.
        let run = |number: f64| -> Result<Outcome, Infallible> {
            let missed = if number > 92.0 { 0.9 } else { 0.0 };
            Ok(outcome(missed, 10_000.0 / number))
        };
        let ends = [95.0, 70.0].map(|number| (number, run(number).unwrap()));
        let half = |a: f64, b: f64| Some(f64::midpoint(a, b));
        let far = between(ends[0].1, ends[1].1);
        let (number, cost) = closer(ends[0], ends[1], half, run).unwrap();
        assert!((90.0..=92.0).contains(&number), "{number}");
        assert!(
            far > 115.0 && (cost - 10_000.0 / 92.0).abs() < 2.0,
            "{far} {cost}"
        );
        let (number, cost) = closer(ends[0], ends[1], |_, _| None, run).unwrap();
        close(cost, 10_000.0 / 70.0);
        close(number, 70.0);
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
    fn over_classes_only_the_days_within_them_are_drawn() {
        let alike = over_classes(&[vec![1.0, 1.0], vec![3.0, 3.0, 3.0]]).unwrap();
        assert!(alike.mean == 2.0 && alike.low == 2.0 && alike.high == 2.0 && alike.days == 2);
        // One class is Student's.
        let (one, days) = ([1.0, 1.1, 1.2], mean(&[1.0, 1.1, 1.2]).unwrap());
        let of_one = over_classes(&[one.to_vec()]).unwrap();
        close(of_one.high, days.high);
        close(of_one.low, days.low);
        // Two with s² ÷ n of 0.01 ÷ 3 each: four degrees of freedom, t 2.776.
        let two = over_classes(&[one.to_vec(), one.map(|v| v + 2.0).to_vec()]).unwrap();
        close(two.mean, 2.1);
        close(two.high - two.mean, 2.776 * (0.02 / 3.0_f64).sqrt() / 2.0);
        let single = over_classes(&[one.to_vec(), vec![1.0]]).unwrap();
        assert!(single.days == 1 && single.high > 1e300);
        assert_eq!(over_classes(&[]), None);
    }

    #[test]
    fn ratios_are_averaged_as_ratios() {
        let logs = [2.0, 0.5].map(libm::log);
        let both = unlogged(mean(&logs).unwrap());
        close(both.mean, 1.0);
        assert!(both.low < 0.5 && both.high > 2.0);
    }
}
