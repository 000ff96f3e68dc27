//! A day for all contenders.

use super::contenders::{Contender, Curve, Level};
use super::day::Day;
use super::result::Row;
use super::score::{BUDGET, Runs, at_budget, between, closer, first_within};
use super::trial::{self, Engine, Outcome, When};

/// Budgets that an oracle plans with, from the cheapest.
const ORACLES: [f64; 12] = [
    0.05, 0.02, 0.01, 0.005, 0.003, 0.002, 0.0013, 0.0009, 0.0006, 0.0003, 0.0001, 0.00002,
];
/// Where it begins to look.
const FIRST: usize = 6;

/// What knowing the future costs at the budget, in full; nothing if no plan keeps it.
pub fn oracle(day: &Day) -> anyhow::Result<Option<f64>> {
    let mut runs = Runs::new();
    let found = at_budget(ORACLES.len(), FIRST, &mut runs, |place| {
        trial::oracle(day, ORACLES[place], Engine::Full)
    })?;
    Ok(found.map(|(_, cost)| cost))
}

/// What a contender does on a day: its best setting in hindsight, the one that did the day before, and its usual one.
pub fn contender(contender: &Contender, day: &Day, hours: u64, oracle: f64) -> anyhow::Result<Row> {
    let curves = (contender.curves)(day);
    let (curve, start) = best_curve(contender, &curves, day)?;
    let settings = &curves[curve];
    let full = |level: &Level| trial::of(contender, level, (day, When::Last), Engine::Full);
    let mut runs = Runs::new();
    let hindsight = hindsight(settings, start, &mut runs, |number| {
        full(&settings.level(number))
    })?;
    let known = contender.usual.filter(|_| curve == 0);
    let known = known.and_then(|place| runs.get(&place).copied());
    let usual = known.map_or_else(|| full(&contender.usual_level(&curves)), Ok)?;
    let replayed = replayed(contender, &curves, day)?;
    let replay = match replayed {
        (c, place) if c == curve && runs.contains_key(&place) => runs[&place],
        (c, place) => full(&curves[c].at(place))?,
    };
    Ok(Row {
        class: day.class.to_owned(),
        seed: day.seed,
        hours,
        contender: contender.name.to_owned(),
        oracle,
        hindsight: hindsight.map(|(_, cost)| cost),
        best: hindsight.map(|(number, _)| settings.level(number).name),
        replay: Some((curves[replayed.0].at(replayed.1).name, replay)),
        usual,
    })
}

/// The number that keeps the budget, and what that costs at exactly the budget; nothing if none keeps it.
fn hindsight(
    settings: &Curve,
    start: usize,
    runs: &mut Runs,
    mut run: impl FnMut(f64) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Option<(f64, f64)>> {
    let numbers = &settings.numbers;
    let found = at_budget(numbers.len(), start, runs, |place| run(numbers[place]))?;
    let Some((place, cost)) = found else {
        return Ok(None);
    };
    let Some(cheaper) = place.checked_sub(1) else {
        return Ok(Some((numbers[place], cost)));
    };
    let of = |place: usize| (numbers[place], runs[&place]);
    closer(of(cheaper), of(place), settings.middle, run).map(Some)
}

/// The curve that costs least at the budget in rough strokes, and where on it to begin.
fn best_curve(
    contender: &Contender,
    curves: &[Curve],
    day: &Day,
) -> anyhow::Result<(usize, usize)> {
    let mut best = (0, curves[0].numbers.len() / 2, f64::INFINITY);
    for (c, settings) in curves.iter().enumerate() {
        let (place, runs) = searched(contender, settings, (day, When::Last))?;
        let cost = match (
            runs.get(&place),
            place.checked_sub(1).and_then(|p| runs.get(&p)),
        ) {
            (Some(within), Some(above)) => between(*above, *within),
            (Some(within), None) => within.hours,
            // None kept it: the most careful may in full.
            _ => f64::MAX,
        };
        if cost < best.2 {
            best = (c, place.min(settings.numbers.len() - 1), cost);
        }
    }
    Ok((best.0, best.1))
}

/// The cheapest setting that kept the budget on the day before, in rough strokes; the most careful one if none did.
fn replayed(contender: &Contender, curves: &[Curve], day: &Day) -> anyhow::Result<(usize, usize)> {
    let mut best: Option<((usize, usize), f64)> = None;
    for (c, settings) in curves.iter().enumerate() {
        let (place, runs) = searched(contender, settings, (day, When::Before))?;
        if let Some(run) = runs.get(&place)
            && run.missed <= BUDGET
            && best.is_none_or(|(_, hours)| run.hours < hours)
        {
            best = Some(((c, place), run.hours));
        }
    }
    let careful = (0, curves[0].numbers.len() - 1);
    Ok(best.map_or(careful, |(place, _)| place))
}

/// The first place that keeps the budget in rough strokes, and the runs that were looked at.
fn searched(
    contender: &Contender,
    settings: &Curve,
    when: (&Day, When),
) -> anyhow::Result<(usize, Runs)> {
    let mut runs = Runs::new();
    let count = settings.numbers.len();
    let place = first_within(count, |place| -> anyhow::Result<Outcome> {
        let outcome = trial::of(contender, &settings.at(place), when, Engine::Rough)?;
        runs.insert(place, outcome);
        Ok(outcome)
    })?;
    Ok((place, runs))
}
