//! `rushhour compare`: variants of a scenario on the same luck.

use std::path::Path;
use std::time::Duration;

use reports::analysis::Analysis;
use reports::figures::Figures;
use reports::trials::{self, Trials};

use crate::args::{CompareArgs, Table};
use crate::exit::{Exit, Failure};
use crate::simulating::cells::{self, Asked, Cell};
use crate::simulating::progress::Progress;
use crate::simulating::{Around, pool};
use crate::stop::Halt;
use crate::variants::{self, Variant};
use crate::{Done, folder, output, results, wiring};

/// With fewer seeds nothing is said of differences.
const FEWEST_SEEDS: usize = 5;

pub(crate) fn run(args: &CompareArgs) -> Done {
    let variants = chosen(args)?;
    let cells = cells::all(&Asked {
        command: "simulate",
        scenarios: std::slice::from_ref(&args.scenario),
        speed: args.speed,
        sets: &args.sets,
        variants: &variants,
        seed: args.seed,
        seeds: args.seeds,
        rough: false,
    })?;
    let Some(first) = cells.first() else {
        return Err(Failure::usage(anyhow::anyhow!(
            "there is nothing to compare"
        )));
    };
    let scenario = std::sync::Arc::clone(&first.scenario);
    let name = format!("compare-{}", scenario.name);
    let out = folder::create(args.out.as_deref(), &name, wiring::wall_clock())?;
    let halt = Halt::listen()?;
    let ran = all(args, &cells, &out, &halt)?;
    let trials = tried(args, &scenario, &variants, &ran);
    let exit = halt.stop().exit();
    if trials.seeds.is_empty() {
        let text =
            "interrupted before all variants had run with one seed: there is nothing to compare";
        return Err(Failure::new(
            exit.unwrap_or(Exit::Internal),
            anyhow::anyhow!(text),
        ));
    }
    told(args, &trials, &out)?;
    Ok(exit.unwrap_or(Exit::Passed))
}

/// What is held against what: the scenario as it is comes first if only one thing is to be tried, the floor last.
fn chosen(args: &CompareArgs) -> Result<Vec<Variant>, Failure> {
    let mut variants = variants::all(&args.variants)?;
    let real = variants.iter().filter(|v| !v.is_oracle()).count();
    let written = variants.iter().any(|v| *v == Variant::as_written());
    if real < 2 && !written {
        variants.insert(0, Variant::as_written());
    }
    let floor = variants.iter().any(Variant::is_oracle);
    if !args.no_floor && !floor {
        variants.push(Variant::oracle());
    }
    if variants.len() < 2 {
        let text = "one variant cannot be compared\n  = name another: `--policy hpa:cpu=60%`, or `--variant more:scaling.order.min=8`";
        return Err(Failure::usage(anyhow::anyhow!(text)));
    }
    Ok(variants)
}

/// The figures of all runs, in order; nothing for those that were not begun or not ended.
fn all(
    args: &CompareArgs,
    cells: &[Cell],
    out: &Path,
    halt: &Halt,
) -> Result<Vec<Option<Figures>>, Failure> {
    let length: Duration = cells.iter().map(Cell::length).sum();
    let progress = Progress::new(&format!("comparing in {} runs", cells.len()), length);
    let around = Around {
        halt,
        progress: &progress,
    };
    let one = |cell: &Cell| -> Result<Option<Figures>, Failure> {
        if args.keep {
            let row = cell.reported(out, around)?;
            return Ok((!halt.is_asked()).then_some(row.figures));
        }
        let record = cell.remembered(around)?;
        Ok((!halt.is_asked()).then(|| Figures::of(&Analysis::of(&record))))
    };
    let jobs = pool::jobs(args.effort.jobs);
    let order = by_seed(cells.len(), args.seeds as usize);
    let ran = pool::in_order(&order, jobs, |place| {
        (!halt.is_asked()).then(|| one(&cells[*place]))
    });
    progress.clear();
    let mut figures = vec![None; cells.len()];
    for (place, ran) in order.into_iter().zip(ran) {
        figures[place] = ran.transpose()?.flatten();
    }
    Ok(figures)
}

/// The places of cells that stand by variant and then by seed, one seed after the other: so that whoever is interrupted has
/// whole seeds to compare.
fn by_seed(cells: usize, seeds: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cells).collect();
    order.sort_by_key(|place| place % seeds.max(1));
    order
}

/// The trials of those seeds that all variants have run with.
fn tried(
    args: &CompareArgs,
    scenario: &scenarios::Scenario,
    variants: &[Variant],
    ran: &[Option<Figures>],
) -> Trials {
    let seeds = args.seeds as usize;
    let by_variant: Vec<&[Option<Figures>]> = ran.chunks(seeds).collect();
    let whole: Vec<usize> = (0..seeds)
        .filter(|seed| by_variant.iter().all(|runs| runs[*seed].is_some()))
        .collect();
    let variant = |(variant, runs): (&Variant, &&[Option<Figures>])| {
        let runs = whole.iter().filter_map(|seed| runs[*seed].clone());
        let name = variant.name.clone();
        trials::Variant::new(name, variant.changes(), variant.is_oracle(), runs.collect())
    };
    let mut notes = Vec::new();
    if whole.len() < seeds {
        let too_few = if whole.len() < FEWEST_SEEDS {
            format!(" With fewer than {FEWEST_SEEDS} nothing is said of differences.")
        } else {
            String::new()
        };
        notes.push(format!(
            "Interrupted: {} of {seeds} seeds are done.{too_few}",
            whole.len()
        ));
    }
    if args.speed != 1.0 {
        let note = "at another speed than 1 it is not the same experiment: fewer requests, shorter backlogs.";
        notes.push(format!(
            "This is the scenario at speed {}: {note}",
            args.speed
        ));
    }
    let trials = Trials {
        schema_version: trials::SCHEMA_VERSION,
        scenario: scenario.name.clone(),
        about: scenario.about.clone(),
        speed: args.speed,
        command: again(args, scenario.seed),
        seeds: whole
            .iter()
            .map(|n| scenario.seed.wrapping_add(*n as u64))
            .collect(),
        variants: variants.iter().zip(&by_variant).map(variant).collect(),
        differences: Vec::new(),
        notes,
    };
    if whole.len() < FEWEST_SEEDS {
        return trials;
    }
    trials.with_differences()
}

/// The command that compares again, whatever the folder and the threads.
fn again(args: &CompareArgs, seed: u64) -> String {
    let command = variants::again(
        &["compare", &args.scenario],
        (args.speed, &args.sets),
        &Variant::as_written(),
        seed,
    );
    let policies = args.variants.policies.iter().map(|text| ("--policy", text));
    let others = args
        .variants
        .variants
        .iter()
        .map(|text| ("--variant", text));
    let mut command = format!("{command} --seeds {}", args.seeds);
    for (option, text) in policies.chain(others) {
        command += &format!(" {option} {}", wiring::quoted(text.clone()));
    }
    if args.no_floor {
        command += " --no-floor";
    }
    command
}

fn told(args: &CompareArgs, trials: &Trials, out: &Path) -> Result<(), Failure> {
    let json = serde_json::to_string(trials)? + "\n";
    let files = [
        ("compare.json", json.clone()),
        ("compare.md", trials.markdown()),
        ("compare.html", reports::page::trials_html(trials)),
    ];
    results::write_texts(out, &files)?;
    let text = match args.format {
        Table::Json => json,
        Table::Markdown => trials.markdown(),
        Table::Human => format!(
            "{}\n  report  {}\n",
            trials.text(),
            reports::words::terminal(&out.join("compare.html").display().to_string())
        ),
    };
    output::print(&text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_after_the_other() {
        assert_eq!(by_seed(6, 3), [0, 3, 1, 4, 2, 5]);
        assert_eq!(by_seed(2, 1), [0, 1]);
        assert!(by_seed(0, 5).is_empty());
    }
}
