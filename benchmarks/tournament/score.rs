//! From runs to scores: cost at a budget of misses, and means over days with their intervals.

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

/// A setting's number and what it came to.
pub type Point = (f64, Outcome);

/// Between two settings the share of their costs that is no difference.
const NEAR: f64 = 0.015;

/// Two settings between which the budget lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bracket {
    /// It missed more. Nothing: even the cheapest of all keeps the budget.
    pub above: Option<Point>,
    /// It missed no more.
    pub within: Point,
}

impl Bracket {
    /// The cost at the budget. Where the two are far from each other it is that of the second: on a long line from a collapse
    /// to a calm lies nothing that can be had. An HPA collapses at the first target that, with its tolerance, is above 100 %.
    pub fn cost(&self) -> f64 {
        match self.above {
            Some(above) if near(above, self.within) => between(above.1, self.within.1),
            _ => self.within.1.hours,
        }
    }
}

fn near(above: Point, within: Point) -> bool {
    (within.1.hours - above.1.hours).abs() <= NEAR * within.1.hours
}

/// Settings that were run.
#[derive(Default)]
pub struct Runs(Vec<Point>);

impl Runs {
    /// What a number came to, if it was run.
    pub fn of(&self, number: f64) -> Option<Outcome> {
        let found = self.0.iter().find(|(n, _)| *n == number);
        found.map(|(_, outcome)| *outcome)
    }

    /// `run` of a number that was not run yet.
    fn or<E>(
        &mut self,
        number: f64,
        run: &mut impl FnMut(f64) -> Result<Outcome, E>,
    ) -> Result<Point, E> {
        if let Some(known) = self.of(number) {
            return Ok((number, known));
        }
        let outcome = run(number)?;
        self.0.push((number, outcome));
        Ok((number, outcome))
    }
}

/// The neighbours among `numbers`, from the cheapest, between which the budget lies, if misses fall from one to the next: found
/// by halving. Nothing if even the most careful misses more.
pub fn halved<E>(
    numbers: &[f64],
    mut run: impl FnMut(f64) -> Result<Outcome, E>,
) -> Result<Option<Bracket>, E> {
    let (mut above, mut within): (Option<Point>, Option<Point>) = (None, None);
    let (mut low, mut high) = (0, numbers.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let point = (numbers[middle], run(numbers[middle])?);
        if point.1.missed <= BUDGET {
            (high, within) = (middle, Some(point));
        } else {
            (low, above) = (middle + 1, Some(point));
        }
    }
    Ok(within.map(|within| Bracket { above, within }))
}

/// The same from a number on, step by step, whatever lies farther away.
pub fn stepped<E>(
    numbers: &[f64],
    start: usize,
    runs: &mut Runs,
    mut run: impl FnMut(f64) -> Result<Outcome, E>,
) -> Result<Option<Bracket>, E> {
    let mut place = start.min(numbers.len().saturating_sub(1));
    while runs.or(numbers[place], &mut run)?.1.missed > BUDGET {
        place += 1;
        if place >= numbers.len() {
            return Ok(None);
        }
    }
    loop {
        let within = runs.or(numbers[place], &mut run)?;
        let above = match place {
            0 => None,
            _ => Some(runs.or(numbers[place - 1], &mut run)?),
        };
        if above.is_none_or(|(_, outcome)| outcome.missed > BUDGET) {
            return Ok(Some(Bracket { above, within }));
        }
        place -= 1;
    }
}

/// The same with those between the two looked at until their costs are near, or there are none.
pub fn closer<E>(
    mut bracket: Bracket,
    middle: fn(f64, f64) -> Option<f64>,
    runs: &mut Runs,
    mut run: impl FnMut(f64) -> Result<Outcome, E>,
) -> Result<Bracket, E> {
    while let Some(above) = bracket.above
        && !near(above, bracket.within)
        && let Some(number) = middle(above.0, bracket.within.0)
    {
        let point = runs.or(number, &mut run)?;
        if point.1.missed > BUDGET {
            bracket.above = Some(point);
        } else {
            bracket.within = point;
        }
    }
    Ok(bracket)
}

/// What is looked for in rough strokes.
pub struct Looked {
    /// The numbers, with those that the search came to.
    pub numbers: Vec<f64>,
    /// Where among them to begin in full.
    pub start: usize,
    /// What it costs at the budget; nothing: no setting keeps it.
    pub cost: Option<f64>,
}

/// Looks in rough strokes, so that in full there is little left to look at.
pub fn looked<E>(
    numbers: &[f64],
    middle: fn(f64, f64) -> Option<f64>,
    mut rough: impl FnMut(f64) -> Result<Outcome, E>,
) -> Result<Looked, E> {
    let mut numbers = numbers.to_vec();
    let Some(coarse) = halved(&numbers, &mut rough)? else {
        // The most careful may keep it in full.
        let start = numbers.len().saturating_sub(1);
        return Ok(Looked {
            numbers,
            start,
            cost: None,
        });
    };
    let fine = closer(coarse, middle, &mut Runs::default(), rough)?;
    let place = |numbers: &[f64], number: f64| {
        let found = numbers.iter().position(|n| *n == number);
        found.unwrap_or_default()
    };
    let ends = [fine.above, Some(fine.within)];
    for (number, _) in ends.into_iter().flatten() {
        // Both lie between the coarse ones: in front of the careful one of those.
        if !numbers.contains(&number) {
            numbers.insert(place(&numbers, coarse.within.0), number);
        }
    }
    let start = place(&numbers, fine.within.0);
    Ok(Looked {
        numbers,
        start,
        cost: Some(fine.cost()),
    })
}

/// The number that keeps the budget and what that costs, in full: from where the rough strokes led. Nothing if none keeps it.
pub fn settled<E>(
    looked: &Looked,
    middle: fn(f64, f64) -> Option<f64>,
    runs: &mut Runs,
    mut full: impl FnMut(f64) -> Result<Outcome, E>,
) -> Result<Option<(f64, f64)>, E> {
    let Some(found) = stepped(&looked.numbers, looked.start, runs, &mut full)? else {
        return Ok(None);
    };
    let found = closer(found, middle, runs, full)?;
    Ok(Some((found.within.0, found.cost())))
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

    /// A setting that misses a tenth of the one before and costs ten more.
    fn setting(number: f64) -> Result<Outcome, Infallible> {
        Ok(outcome(0.1 * libm::exp10(-number), 1000.0 + 10.0 * number))
    }

    const NUMBERS: [f64; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];

    fn none(_: f64, _: f64) -> Option<f64> {
        None
    }

    #[test]
    fn the_first_that_keeps_the_budget_is_found_by_halving() {
        let mut tried = 0;
        let found = halved(&NUMBERS, |number| {
            tried += 1;
            setting(number)
        });
        let Ok(Some(found)) = found else {
            panic!("{found:?}");
        };
        assert!(found.within.0 == 2.0 && tried <= 3, "{found:?} {tried}");
        assert_eq!(found.above.map(|(number, _)| number), Some(1.0));
        assert_eq!(halved(&NUMBERS[..2], setting), Ok(None), "none does");
        assert_eq!(halved(&[], setting), Ok(None));
        let careful = halved(&NUMBERS[3..], setting).unwrap().unwrap();
        assert!(careful.above.is_none() && careful.within.0 == 3.0);
    }

    #[test]
    fn wherever_the_search_begins_it_ends_at_the_same_cost() {
        for start in 0..9 {
            let found = stepped(&NUMBERS, start, &mut Runs::default(), setting);
            let Ok(Some(found)) = found else {
                panic!("{found:?}");
            };
            assert_eq!(found.within.0, 2.0);
            close(found.cost(), 1020.0);
        }
        let few = stepped(&NUMBERS[..2], 0, &mut Runs::default(), setting);
        assert_eq!(few, Ok(None));
        let careful = stepped(&NUMBERS[3..], 2, &mut Runs::default(), setting);
        let careful = careful.unwrap().unwrap();
        assert_eq!(careful.above, None, "even the cheapest keeps it");
        close(careful.cost(), 1030.0);
    }

    #[test]
    fn a_collapse_beside_a_calm_is_no_bargain() {
        // Above 92 everything is missed, from there on nothing.
        let run = |number: f64| -> Result<Outcome, Infallible> {
            let missed = if number > 92.0 { 0.9 } else { 0.0 };
            Ok(outcome(missed, 10_000.0 / number))
        };
        let [above, within] = [95.0, 70.0].map(|number| (number, run(number).unwrap()));
        let far = Bracket {
            above: Some(above),
            within,
        };
        close(far.cost(), 10_000.0 / 70.0);
        let half = |a: f64, b: f64| Some(f64::midpoint(a, b));
        let near = closer(far, half, &mut Runs::default(), run).unwrap();
        let number = near.within.0;
        assert!((90.0..=92.0).contains(&number), "{number}");
        assert!((near.cost() - 10_000.0 / 92.0).abs() < 2.0, "{near:?}");
        let same = closer(far, none, &mut Runs::default(), run);
        assert_eq!(same, Ok(far));
    }

    #[test]
    fn rough_strokes_leave_two_runs_in_full_and_a_wrong_start_costs_only_more_of_them() {
        // Far apart, so that numbers between are looked at: the budget is kept from 2 on in rough strokes, and in full from
        // `crossing` on.
        let at = |crossing: f64| {
            move |number: f64| -> Result<Outcome, Infallible> {
                let missed = BUDGET * libm::exp(crossing - number);
                Ok(outcome(missed, 100.0 + 10.0 * number))
            }
        };
        let half = |a: f64, b: f64| Some(f64::midpoint(a, b));
        let looked = looked(&NUMBERS, half, at(1.9)).unwrap();
        close(looked.cost.unwrap_or_default(), 119.0);
        assert!(looked.numbers.is_sorted(), "{:?}", looked.numbers);
        for (crossing, most) in [(1.9, 2), (1.2, 6), (2.6, 6), (-1.0, 5)] {
            let mut tried = 0;
            let found = settled(&looked, half, &mut Runs::default(), |number| {
                tried += 1;
                at(crossing)(number)
            });
            let Ok(Some((_, cost))) = found else {
                panic!("{found:?}");
            };
            close(cost, 100.0 + 10.0 * f64::max(crossing, 0.0));
            assert!(tried <= most, "{crossing}: {tried}");
        }
        let never = settled(&looked, half, &mut Runs::default(), at(9.0));
        assert_eq!(never, Ok(None));
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
