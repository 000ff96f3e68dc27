//! The simulator against queueing theory.
//!
//! Every case of the file that `RUSHHOUR_THEORY` names (by default the project's own `tests/theory/queueing.json`) becomes
//! a scenario in the scenario language, checked as any file is, and runs in the product's engine; what a probe sees is
//! compared with what theory says. Nothing here simulates.
//!
//! By default a fifth of the requests run, and tolerances, which are made for all of them, are √5 times as wide;
//! `RUSHHOUR_FULL=1` runs all. Either way a row says how many were counted.
//!
//! **What passes.** A quantity must be within its tolerance, and within three standard errors by batch means. Where three
//! standard errors are wider than the tolerance, a run that is beyond the tolerance cannot tell: it is made anew with four
//! times the requests, and then again, and must be within in the end. The second is there for errors that a generous tolerance would let pass, and luck alone breaks it for one
//! quantity in three hundred, which is one or two in a run: so a case in which it is broken runs once more with other
//! luck, and fails if the same quantity is off to the same side again. Where what is expected is itself a limit (of
//! infinitely many replicas, of a fluid), the model only comes near to it, and the tolerance alone holds.

#![allow(
    clippy::print_stdout,
    reason = "a row per quantity is what the test is asked for"
)]

#[path = "queueing_theory/case.rs"]
mod case;
#[path = "queueing_theory/draft.rs"]
mod draft;
#[path = "queueing_theory/effort.rs"]
mod effort;
#[path = "queueing_theory/estimate.rs"]
mod estimate;
#[path = "queueing_theory/families.rs"]
mod families;
#[path = "queueing_theory/gamma.rs"]
mod gamma;
#[path = "queueing_theory/glance.rs"]
mod glance;
#[path = "queueing_theory/histogram.rs"]
mod histogram;
#[path = "queueing_theory/pages.rs"]
mod pages;
#[path = "queueing_theory/quantities.rs"]
mod quantities;
#[path = "queueing_theory/station.rs"]
mod station;
#[path = "queueing_theory/tally.rs"]
mod tally;
#[path = "queueing_theory/verdict.rs"]
mod verdict;
#[path = "queueing_theory/watch.rs"]
mod watch;
#[path = "queueing_theory/work.rs"]
mod work;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use case::{Case, Theory};
use effort::Effort;
use verdict::{Judged, judge};

/// The file, and whether it is the project's own.
fn file() -> (PathBuf, bool) {
    match std::env::var_os("RUSHHOUR_THEORY") {
        Some(named) => (PathBuf::from(named), false),
        None => {
            let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/theory/queueing.json");
            (own, true)
        }
    }
}

fn effort() -> Effort {
    let full = std::env::var_os("RUSHHOUR_FULL").is_some_and(|value| value == "1");
    if full {
        Effort {
            share: 1.0,
            most: f64::INFINITY,
            seed: 1,
        }
    } else {
        Effort {
            share: 0.2,
            most: 6e6,
            seed: 1,
        }
    }
}

/// All cases, on as many threads as there are cores; the dearest first, the answers in the order of the file.
fn all(cases: &[Case], effort: Effort) -> Vec<Judged> {
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by(|a, b| {
        let cost = |n: &usize| cases[*n].requests().unwrap_or(f64::INFINITY);
        cost(b).total_cmp(&cost(a))
    });
    let next = AtomicUsize::new(0);
    let answers: Mutex<Vec<Option<Judged>>> = Mutex::new(cases.iter().map(|_| None).collect());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(n) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let judged = judge(&cases[*n], effort);
                    answers.lock().expect("no thread panics with it")[*n] = Some(judged);
                }
            });
        }
    });
    let answers = answers.into_inner().expect("no thread panics with it");
    answers.into_iter().flatten().collect()
}

#[test]
fn the_simulator_agrees_with_queueing_theory() {
    let (path, own) = file();
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let text = String::from_utf8(text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut theory = Theory::read(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    // For work on one family: only cases whose name holds this.
    if let Ok(part) = std::env::var("RUSHHOUR_THEORY_CASE") {
        theory.cases.retain(|case| case.id.contains(&part));
    }
    let judged = all(&theory.cases, effort());
    assert_eq!(judged.len(), theory.cases.len());
    println!("\n{}", verdict::heading());
    for case in &judged {
        print!("{case}");
    }
    let wrong = judged.iter().filter(|case| case.is_wrong()).count();
    let unsaid = judged.iter().filter(|case| case.is_unsaid()).count();
    println!(
        "\n{} cases: {} agree, {wrong} do not, {unsaid} could not be expressed, or not wholly",
        judged.len(),
        judged.len() - wrong - unsaid
    );
    assert!(!judged.is_empty(), "{} holds no case", path.display());
    assert_eq!(wrong, 0, "cases that do not agree: see the rows above");
    assert!(
        !own || unsaid == 0,
        "the project's own cases can all be expressed"
    );
}
