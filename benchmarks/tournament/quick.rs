//! The tournament in minutes, for CI: three days of some classes, four hours each, and what must hold whatever the luck.
//! It holds no bar that noise could break: each run is the same on any machine, so what is held here is held with room.

use std::sync::Mutex;

use anyhow::ensure;

use super::contenders::{CONTENDERS, Contender};
use super::day::{Class, Day};
use super::play;
use super::score::BUDGET;
use super::trial::{self, Engine, Outcome, When};
use super::{Args, on_threads, taking_part};

/// Classes that say most in little time: an ordinary day, a fault, and a real day.
const CLASSES: [&str; 3] = ["diurnal", "bad-deploy", "match-surge"];
/// Its class has a fault, which a plan made from the load alone does not know.
const FAULTY: &str = "bad-deploy";
/// Whose cost is held, on the mean of a class's days: ours may be so many times that of knowing the future, and less than what
/// people run.
const OURS: &str = "foresight";
const MOST: f64 = 1.33;
const PEOPLES: &str = "hpa";
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
    for seed in args.all_seeds() {
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
    all_took_part(args, &days, &lines)?;
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
    held(&lines)
}

/// Each contender that was asked for has a line for each day.
fn all_took_part(args: &Args, days: &[(Class, u64)], lines: &[Line]) -> anyhow::Result<()> {
    let asked = taking_part(args);
    for name in &args.contenders {
        let known = CONTENDERS.iter().any(|c| c.name == name);
        ensure!(known, "there is no contender `{name}`");
    }
    ensure!(!days.is_empty(), "none of the quick classes was asked for");
    for (class, seed) in days {
        for contender in &asked {
            let own =
                |l: &&Line| (l.class, l.seed, l.name) == (class.name(), *seed, contender.name);
            let count = lines.iter().filter(own).count();
            ensure!(
                count == 1,
                "{} {seed}: {count} rows of {}",
                class.name(),
                contender.name
            );
        }
    }
    Ok(())
}

/// Our own policy, with no number given to it but its budget, keeps that on each day, costs on each class what it may, and
/// less than an HPA as people begin with it.
fn held(lines: &[Line]) -> anyhow::Result<()> {
    for class in CLASSES {
        let cost = |name: &str| -> Option<f64> {
            let own: Vec<f64> = lines
                .iter()
                .filter(|l| l.class == class && l.name == name)
                .map(|l| l.usual.hours / l.oracle)
                .collect();
            (!own.is_empty()).then(|| own.iter().sum::<f64>() / own.len() as f64)
        };
        let Some(ours) = cost(OURS) else { continue };
        ensure!(
            ours <= MOST,
            "{class}: {OURS} costs {ours:.3} of knowing the future, more than {MOST}"
        );
        if let Some(theirs) = cost(PEOPLES) {
            ensure!(
                ours < theirs,
                "{class}: {OURS} costs {ours:.3}, {PEOPLES} {theirs:.3}"
            );
        }
    }
    for line in lines.iter().filter(|l| l.name == OURS) {
        ensure!(
            line.usual.missed <= BUDGET,
            "{} {}: {OURS} missed {:.3} %",
            line.class,
            line.seed,
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
        let usual = checked(contender, day, &place)?;
        let floor = oracle * ROUNDING;
        ensure!(
            usual.missed > BUDGET || usual.hours >= floor || day.class == FAULTY,
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
    let settings = &curves[0];
    let rough = |place: usize| {
        let level = settings.at(place);
        trial::of(contender, &level, (day, When::Last), Engine::Rough)
    };
    let (cheapest, careful) = (rough(0)?, rough(settings.numbers.len() - 1)?);
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
    let again = rough(0)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &'static str, hours: f64, missed: f64) -> Line {
        Line {
            class: CLASSES[0],
            seed: 1,
            name,
            usual: Outcome { missed, hours },
            oracle: 100.0,
        }
    }

    #[test]
    fn what_is_held_can_be_broken() {
        let fine = [line(OURS, 110.0, 0.0005), line(PEOPLES, 130.0, 0.0)];
        assert!(held(&fine).is_ok());
        for broken in [
            [line(OURS, 134.0, 0.0), line(PEOPLES, 140.0, 0.0)],
            [line(OURS, 110.0, 0.0011), line(PEOPLES, 130.0, 0.0)],
            [line(OURS, 131.0, 0.0), line(PEOPLES, 130.0, 0.0)],
        ] {
            assert!(held(&broken).is_err());
        }
    }
}
