//! A day for all contenders.

use anyhow::Context as _;

use super::contenders::{Contender, Curve, Level, geometric};
use super::day::Day;
use super::result::Row;
use super::score::{Looked, Runs, halved, looked, settled};
use super::trial::{self, Engine, Outcome, When};

/// Budgets that an oracle plans with, from the cheapest.
const ORACLES: [f64; 12] = [
    0.05, 0.02, 0.01, 0.005, 0.003, 0.002, 0.0013, 0.0009, 0.0006, 0.0003, 0.0001, 0.00002,
];

/// What knowing the future costs at the budget, in full; nothing if no plan keeps it.
pub fn oracle(day: &Day) -> anyhow::Result<Option<f64>> {
    let run = |engine| move |budget: f64| trial::oracle(day, budget, engine);
    let begin = looked(&ORACLES, geometric, run(Engine::Rough))?;
    let found = settled(&begin, geometric, &mut Runs::default(), run(Engine::Full))?;
    Ok(found.map(|(_, cost)| cost))
}

/// What a contender does on a day: its best setting in hindsight, the one that did the day before, and its usual one.
pub fn contender(contender: &Contender, day: &Day, hours: u64, oracle: f64) -> anyhow::Result<Row> {
    let curves = (contender.curves)(day);
    let (curve, begin) = best_curve(contender, &curves, day)?;
    let settings = &curves[curve];
    let full = |level: &Level| trial::of(contender, level, (day, When::Last), Engine::Full);
    let mut runs = Runs::default();
    let hindsight = settled(&begin, settings.middle, &mut runs, |number| {
        full(&settings.level(number))
    })?;
    let known = contender.usual.filter(|_| curve == 0);
    let known = known.and_then(|place| runs.of(settings.numbers[place]));
    let usual = known.map_or_else(|| full(&contender.usual_level(&curves)), Ok)?;
    let (c, number) = replayed(contender, &curves, day)?;
    let known = runs.of(number).filter(|_| c == curve);
    let replay = known.map_or_else(|| full(&curves[c].level(number)), Ok)?;
    Ok(Row {
        class: day.class.to_owned(),
        seed: day.seed,
        hours,
        contender: contender.name.to_owned(),
        oracle,
        hindsight: hindsight.map(|(_, cost)| cost),
        best: hindsight.map(|(number, _)| settings.level(number).name),
        replay: Some((curves[c].level(number).name, replay)),
        usual,
    })
}

/// The curve that costs least at the budget in rough strokes, and what was found on it. If none keeps it, the first: its most
/// careful setting may in full.
fn best_curve(
    contender: &Contender,
    curves: &[Curve],
    day: &Day,
) -> anyhow::Result<(usize, Looked)> {
    let mut best: Option<(usize, Looked)> = None;
    for (c, settings) in curves.iter().enumerate() {
        let found = looked(
            &settings.numbers,
            settings.middle,
            rough(contender, settings, (day, When::Last)),
        )?;
        let cost = |l: &Looked| l.cost.unwrap_or(f64::INFINITY);
        if best.as_ref().is_none_or(|(_, b)| cost(&found) < cost(b)) {
            best = Some((c, found));
        }
    }
    best.context("a contender has a setting")
}

/// The cheapest setting that kept the budget on the day before, in rough strokes: its curve and number; the most careful one if
/// none did.
fn replayed(contender: &Contender, curves: &[Curve], day: &Day) -> anyhow::Result<(usize, f64)> {
    let mut best: Option<((usize, f64), f64)> = None;
    for (c, settings) in curves.iter().enumerate() {
        let run = rough(contender, settings, (day, When::Before));
        if let Some(found) = halved(&settings.numbers, run)? {
            let (number, outcome) = found.within;
            if best.is_none_or(|(_, hours)| outcome.hours < hours) {
                best = Some(((c, number), outcome.hours));
            }
        }
    }
    let careful = curves[0].numbers.last().map(|number| (0, *number));
    best.map(|(place, _)| place)
        .or(careful)
        .context("a contender has a setting")
}

/// Runs of a contender's settings along a curve, in rough strokes.
fn rough<'a>(
    contender: &'a Contender,
    settings: &'a Curve,
    when: (&'a Day, When),
) -> impl FnMut(f64) -> anyhow::Result<Outcome> + 'a {
    move |number| trial::of(contender, &settings.level(number), when, Engine::Rough)
}
