//! A day for all contenders.

use super::contenders::{Contender, Level};
use super::day::Day;
use super::result::Row;
use super::score::{BUDGET, Runs, at_budget, between, first_within};
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
    let levels = &curves[curve];
    let full = |level: &Level| trial::of(contender, level, (day, When::Last), Engine::Full);
    let mut runs = Runs::new();
    let hindsight = at_budget(levels.len(), start, &mut runs, |place| full(&levels[place]))?;
    let known = contender.usual.filter(|_| curve == 0);
    let known = known.and_then(|place| runs.get(&place).copied());
    let usual = known.map_or_else(|| full(&contender.usual_level(&curves)), Ok)?;
    let replayed = replayed(contender, &curves, day)?;
    let replay = match replayed {
        (c, place) if c == curve && runs.contains_key(&place) => runs[&place],
        (c, place) => full(&curves[c][place])?,
    };
    Ok(Row {
        class: day.class.to_owned(),
        seed: day.seed,
        hours,
        contender: contender.name.to_owned(),
        oracle,
        hindsight: hindsight.map(|(_, cost)| cost),
        best: hindsight.map(|(place, _)| levels[place].name.clone()),
        replay: Some((curves[replayed.0][replayed.1].name.clone(), replay)),
        usual,
    })
}

/// The curve that costs least at the budget in rough strokes, and where on it to begin.
fn best_curve(
    contender: &Contender,
    curves: &[Vec<Level>],
    day: &Day,
) -> anyhow::Result<(usize, usize)> {
    let mut best = (0, curves[0].len() / 2, f64::INFINITY);
    for (c, levels) in curves.iter().enumerate() {
        let (place, runs) = searched(contender, levels, (day, When::Last))?;
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
            best = (c, place.min(levels.len() - 1), cost);
        }
    }
    Ok((best.0, best.1))
}

/// The cheapest setting that kept the budget on the day before, in rough strokes; the most careful one if none did.
fn replayed(
    contender: &Contender,
    curves: &[Vec<Level>],
    day: &Day,
) -> anyhow::Result<(usize, usize)> {
    let mut best: Option<((usize, usize), f64)> = None;
    for (c, levels) in curves.iter().enumerate() {
        let (place, runs) = searched(contender, levels, (day, When::Before))?;
        if let Some(run) = runs.get(&place)
            && run.missed <= BUDGET
            && best.is_none_or(|(_, hours)| run.hours < hours)
        {
            best = Some(((c, place), run.hours));
        }
    }
    let careful = (0, curves[0].len() - 1);
    Ok(best.map_or(careful, |(place, _)| place))
}

/// The first place that keeps the budget in rough strokes, and the runs that were looked at.
fn searched(
    contender: &Contender,
    levels: &[Level],
    when: (&Day, When),
) -> anyhow::Result<(usize, Runs)> {
    let mut runs = Runs::new();
    let place = first_within(levels.len(), |place| -> anyhow::Result<Outcome> {
        let outcome = trial::of(contender, &levels[place], when, Engine::Rough)?;
        runs.insert(place, outcome);
        Ok(outcome)
    })?;
    Ok((place, runs))
}
