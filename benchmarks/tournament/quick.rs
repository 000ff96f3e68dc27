//! The tournament in minutes, for CI: three days of some classes, four hours each, and what must hold whatever the luck.
//! It holds no bar that noise could break.

use std::sync::Mutex;

use anyhow::ensure;

use super::contenders::Contender;
use super::day::{Class, Day};
use super::play;
use super::trial::{self, Engine, Outcome, When};
use super::{Args, on_threads, taking_part};

/// Classes that say most in little time: an ordinary day, a fault, and a real day.
const CLASSES: [&str; 3] = ["diurnal", "bad-deploy", "match-surge"];
/// Its class has a fault, which a plan made from the load alone does not know.
const FAULTY: &str = "bad-deploy";
/// What the oracle's cost is uncertain by: it lies between two plans.
const ROUNDING: f64 = 0.97;

/// What one contender did on one day.
struct Line {
    class: &'static str,
    seed: u64,
    name: &'static str,
    usual: Outcome,
    oracle: f64,
}

/// Plays it, prints what came of it, and checks what must hold.
pub fn run(args: &Args, classes: &[Class]) -> anyhow::Result<()> {
    let mut days: Vec<(Class, u64)> = Vec::new();
    for seed in 1..=args.seeds {
        let asked = classes.iter().filter(|c| CLASSES.contains(&c.name()));
        days.extend(asked.map(|class| (*class, seed)));
    }
    let lines = Mutex::new(Vec::new());
    on_threads(args, &days, |(class, seed)| {
        let day = Day::new(class, *seed, args.hours, &args.traces)?;
        let found = one(args, &day)?;
        if let Ok(mut lines) = lines.lock() {
            lines.extend(found);
        }
        Ok(())
    })?;
    let mut lines = lines.into_inner().unwrap_or_default();
    lines.sort_by_key(|l| (l.class, l.name, l.seed));
    ensure!(!lines.is_empty(), "nobody took part");
    for line in &lines {
        eprintln!(
            "{} {} {}: {:.2} of the oracle's cost, {:.3} % missed",
            line.class,
            line.seed,
            line.name,
            line.usual.hours / line.oracle,
            line.usual.missed * 100.0
        );
    }
    Ok(())
}

fn one(args: &Args, day: &Day) -> anyhow::Result<Vec<Line>> {
    let place = format!("{} {}", day.class, day.seed);
    let oracle = play::oracle(day)?;
    ensure!(
        oracle.is_some(),
        "{place}: knowing the future keeps the budget"
    );
    let oracle = oracle.unwrap_or_default();
    let mut lines = Vec::new();
    for contender in taking_part(args) {
        if !contender.is_known(day) {
            continue;
        }
        let usual = checked(contender, day, &place)?;
        let floor = oracle * ROUNDING;
        ensure!(
            usual.missed > super::score::BUDGET || usual.hours >= floor || day.class == FAULTY,
            "{place}: {} is cheaper than knowing the future: {usual:?}, {oracle}",
            contender.name
        );
        lines.push(Line {
            class: day.class,
            seed: day.seed,
            name: contender.name,
            usual,
            oracle,
        });
    }
    Ok(lines)
}

/// A contender's usual setting in full, after a look at what must hold of its settings.
fn checked(contender: &Contender, day: &Day, place: &str) -> anyhow::Result<Outcome> {
    let curves = (contender.curves)(day);
    let levels = &curves[0];
    let rough = |level| trial::of(contender, level, (day, When::Last), Engine::Rough);
    let (cheapest, careful) = (rough(&levels[0])?, rough(&levels[levels.len() - 1])?);
    let name = contender.name;
    for outcome in [cheapest, careful] {
        ensure!(
            (0.0..=1.0).contains(&outcome.missed) && outcome.hours > 0.0,
            "{place}: {name} came to {outcome:?}"
        );
    }
    ensure!(
        cheapest.hours <= careful.hours * 1.01 && careful.missed <= cheapest.missed + 0.001,
        "{place}: {name}'s most careful setting is neither dearer nor better: {cheapest:?}, {careful:?}"
    );
    let again = rough(&levels[0])?;
    ensure!(
        again == cheapest,
        "{place}: {name} came to {cheapest:?}, then to {again:?}"
    );
    trial::of(
        contender,
        &contender.usual_level(&curves),
        (day, When::Last),
        Engine::Full,
    )
}
