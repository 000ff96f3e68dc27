//! `rushhour simulate`: scenarios in virtual time.

use std::path::Path;
use std::time::Duration;

use reports::grid::{Grid, Row};

use crate::args::{Format, SimulateArgs};
use crate::exit::{Exit, Failure};
use crate::simulating::cells::{self, Asked, Cell};
use crate::simulating::progress::Progress;
use crate::simulating::{Around, pool};
use crate::stop::Halt;
use crate::variants::{self, Variant};
use crate::{Done, folder, output, results, wiring};

pub(crate) fn run(args: &SimulateArgs) -> Done {
    let mut variants = variants::all(&args.variants)?;
    if variants.is_empty() {
        variants.push(Variant::as_written());
    }
    let cells = cells::all(&Asked {
        command: "simulate",
        scenarios: &args.scenarios,
        speed: args.speed,
        sets: &args.sets,
        variants: &variants,
        seed: args.seed,
        seeds: args.seeds,
        rough: args.rough,
    })?;
    match cells.as_slice() {
        [cell] => one(args, cell),
        cells => grid(args, cells),
    }
}

/// One run: record, report and verdict, as `run` gives them.
fn one(args: &SimulateArgs, cell: &Cell) -> Done {
    let now = wiring::wall_clock();
    let out = folder::create(args.result.out.as_deref(), &cell.scenario.name, now)?;
    let halt = Halt::listen()?;
    let progress = Progress::new(&format!("simulating {}", cell.scenario.name), cell.length());
    let around = Around {
        halt: &halt,
        progress: &progress,
    };
    let recorded = cell.recorded(&out, around);
    progress.clear();
    let exit = results::report(&recorded?, &out, &args.result)?;
    Ok(halt.stop().exit().unwrap_or(exit))
}

/// Many runs, each in a folder of its own, and a table of them.
fn grid(args: &SimulateArgs, cells: &[Cell]) -> Done {
    if matches!(args.result.format, Format::Junit | Format::Github) {
        let text = "a grid of runs is printed as human, json or markdown\n  = each run's own junit.xml is in its folder";
        return Err(Failure::usage(anyhow::anyhow!(text)));
    }
    unique(cells)?;
    let now = wiring::wall_clock();
    let out = folder::create(args.result.out.as_deref(), "grid", now)?;
    let halt = Halt::listen()?;
    let length: Duration = cells.iter().map(Cell::length).sum();
    let progress = Progress::new(&format!("simulating {} runs", cells.len()), length);
    let around = Around {
        halt: &halt,
        progress: &progress,
    };
    let jobs = pool::jobs(args.effort.jobs);
    let ran = pool::in_order(cells, jobs, |cell| {
        (!halt.is_asked()).then(|| cell.reported(&out, around))
    });
    progress.clear();
    let rows: Vec<Row> = ran.into_iter().flatten().collect::<Result<_, _>>()?;
    if rows.len() < cells.len() {
        output::progress(&format!(
            "interrupted: {} of {} runs are not there",
            cells.len() - rows.len(),
            cells.len()
        ));
    }
    let grid = Grid::new(rows);
    let exit = summed_up(args, &grid, &out)?;
    Ok(halt.stop().exit().unwrap_or(exit))
}

/// Two runs must not go into one folder.
fn unique(cells: &[Cell]) -> Result<(), Failure> {
    for (place, cell) in cells.iter().enumerate() {
        let folder = cell.folder();
        if cells[..place].iter().any(|other| other.folder() == folder) {
            let text = format!(
                "two runs of the grid would go into one folder: {}\n  = scenarios need names of their own: `name:` in each file",
                folder.display()
            );
            return Err(Failure::usage(anyhow::anyhow!("{text}")));
        }
    }
    Ok(())
}

/// Writes the tables, prints what was asked for, and gives the worst verdict's exit code.
fn summed_up(args: &SimulateArgs, grid: &Grid, out: &Path) -> Result<Exit, Failure> {
    let json = serde_json::to_string(grid)? + "\n";
    let files = [
        ("summary.json", json.clone()),
        ("summary.csv", grid.csv()),
        ("summary.md", grid.markdown()),
    ];
    results::write_texts(out, &files)?;
    let text = match args.result.format {
        Format::Json => json,
        Format::Markdown => grid.markdown(),
        _ => format!(
            "{}\n  results  {}\n",
            grid.text(output::stdout_style()),
            reports::words::terminal(&out.display().to_string())
        ),
    };
    output::print(&text)?;
    let worst = grid
        .worst()
        .map(|verdict| results::exit_of(verdict, &args.result));
    Ok(worst.unwrap_or(Exit::Passed))
}
