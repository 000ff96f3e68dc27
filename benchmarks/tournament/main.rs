//! The tournament: every policy on the same days, real and made, against one that knows the future.
//!
//! `cargo run --release --example tournament -- --help`; what it found is in docs/tournament.md.

#![allow(missing_docs, unreachable_pub)] // A program, not a library.

mod contenders;
mod day;
mod families;
mod floor;
mod load;
mod luck;
mod memory;
mod page;
mod play;
mod result;
mod score;
mod traces;
mod trial;

/// The program's own modules: policies are wired as it does it.
#[path = "../../src"]
#[allow(dead_code)] // Only a part of them is needed.
mod program {
    pub(crate) mod full_rate;
    pub(crate) mod wiring;
}

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;

use contenders::{CONTENDERS, Contender};
use day::{Class, Day};
use program::{full_rate, wiring};
use result::Row;

/// Every policy on the same days, real and made, against one that knows the future.
#[derive(Debug, Parser)]
struct Args {
    /// 3 seeds and 4 hours of the classes that are quick to tell, and what must hold is checked
    #[arg(long)]
    quick: bool,
    /// So many days of each class
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// The first day's seed; those that something was tuned on are no proof
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// So many hours of each day
    #[arg(long, default_value_t = 24)]
    hours: u64,
    /// Only these classes
    #[arg(long, value_delimiter = ',')]
    classes: Vec<String>,
    /// Only these contenders
    #[arg(long, value_delimiter = ',')]
    contenders: Vec<String>,
    /// Days at once [default: one for each core]
    #[arg(long)]
    jobs: Option<usize>,
    /// Where real traffic is
    #[arg(long, env = "RUSHHOUR_TRACES", default_value = "../shared/traces")]
    traces: PathBuf,
    /// Results go here, a line for each contender and day; what is there already is not done again
    #[arg(long, default_value = "target/tournament.jsonl")]
    results: PathBuf,
    /// Write the page about all results so far into this file
    #[arg(long)]
    page: Option<PathBuf>,
    /// What else to know of these results, for the page
    #[arg(long, requires = "page")]
    note: Option<String>,
    /// Write the days that are made, as scenarios, into this folder, and do nothing else
    #[arg(long)]
    write: Option<PathBuf>,
}

impl Args {
    fn all_seeds(&self) -> std::ops::Range<u64> {
        self.first..self.first + self.seeds
    }
}

fn main() -> anyhow::Result<()> {
    let mut args = Args::parse();
    if args.quick {
        (args.seeds, args.hours) = (3, 4);
    }
    let classes: Vec<Class> = Class::all()
        .into_iter()
        .filter(|c| args.classes.is_empty() || args.classes.iter().any(|n| n == c.name()))
        .collect();
    if let Some(folder) = &args.write {
        return write(&classes, &args, folder);
    }
    if args.quick {
        return quick::run(&args, &classes);
    }
    let done = result::read(&args.results)?;
    let mut days: Vec<(Class, u64)> = Vec::new();
    for seed in args.all_seeds() {
        days.extend(classes.iter().map(|class| (*class, seed)));
    }
    play(&args, &days, &done)?;
    if let Some(path) = &args.page {
        let rows = result::read(&args.results)?;
        std::fs::write(path, page::of(&rows, args.hours, args.note.as_deref()))?;
    }
    Ok(())
}

fn taking_part(args: &Args) -> Vec<&'static Contender> {
    let asked =
        |c: &&Contender| args.contenders.is_empty() || args.contenders.iter().any(|n| n == c.name);
    CONTENDERS.iter().filter(asked).collect()
}

/// All days on some threads. Each day's results are written when it is done.
fn play(args: &Args, days: &[(Class, u64)], done: &[Row]) -> anyhow::Result<()> {
    let written = Mutex::new(());
    on_threads(args, days, |(class, seed)| {
        one(args, class, *seed, done, &written)
    })
}

/// `work` for each of `items`, on so many threads as were asked for. The first error ends it.
fn on_threads<T: Sync>(
    args: &Args,
    items: &[T],
    work: impl Fn(&T) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let worker = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let (Err(error), Ok(mut failed)) = (work(item), failed.lock()) {
                *failed = Some(error);
                next.store(items.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..args.jobs.unwrap_or(cores) {
            scope.spawn(worker);
        }
    });
    match failed.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => Ok(()),
    }
}

/// One day for all contenders that have not had it.
fn one(
    args: &Args,
    class: &Class,
    seed: u64,
    done: &[Row],
    written: &Mutex<()>,
) -> anyhow::Result<()> {
    let same = |r: &&Row| r.class == class.name() && r.seed == seed && r.hours == args.hours;
    let had: Vec<&Row> = done.iter().filter(same).collect();
    let left = taking_part(args)
        .into_iter()
        .filter(|c| !had.iter().any(|r| r.contender == c.name));
    let left: Vec<&Contender> = left.collect();
    if left.is_empty() {
        return Ok(());
    }
    let day = Day::new(class, seed, args.hours, &args.traces)?;
    let oracle = match had.first() {
        Some(row) => Some(row.oracle),
        None => play::oracle(&day)?,
    };
    let Some(oracle) = oracle else {
        eprintln!(
            "{} {seed}: not even knowing the future keeps the budget",
            class.name()
        );
        return Ok(());
    };
    for contender in left {
        let row = play::contender(contender, &day, args.hours, oracle)?;
        if let Ok(_one_at_a_time) = written.lock() {
            result::append(&args.results, std::slice::from_ref(&row))?;
        }
        let hindsight = row
            .hindsight
            .map_or("–".into(), |h| format!("{:.3}", h / oracle));
        eprintln!(
            "{} {seed} {}: hindsight {hindsight}, usual {:.3} at {:.3} %",
            class.name(),
            contender.name,
            row.usual.hours / oracle,
            row.usual.missed * 100.0
        );
    }
    Ok(())
}

fn write(classes: &[Class], args: &Args, folder: &std::path::Path) -> anyhow::Result<()> {
    for class in classes {
        for seed in args.all_seeds() {
            let day = Day::new(class, seed, args.hours, &args.traces)?;
            if let Some(path) = day.write(folder)? {
                eprintln!("{}", path.display());
            }
        }
    }
    Ok(())
}

mod quick;
