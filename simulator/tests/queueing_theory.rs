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

use std::path::{Path, PathBuf};
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
        let cost = |n: &usize| cases[*n].requests();
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

/// Runs the cases of a file, and prints a row for each quantity.
fn judged(path: &Path, effort: Effort) -> Vec<Judged> {
    let text = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let text = String::from_utf8(text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut theory = Theory::read(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    // For work on one family: only cases whose name holds this.
    if let Ok(part) = std::env::var("RUSHHOUR_THEORY_CASE") {
        theory.cases.retain(|case| case.id.contains(&part));
    }
    let judged = all(&theory.cases, effort);
    assert_eq!(judged.len(), theory.cases.len());
    assert!(!judged.is_empty(), "{} holds no case", path.display());
    println!("\n{}", verdict::heading());
    for case in &judged {
        print!("{case}");
    }
    judged
}

/// How many cases do not agree, and how many could not be expressed, or not wholly.
fn counted(judged: &[Judged]) -> (usize, usize) {
    let wrong = judged.iter().filter(|case| case.is_wrong()).count();
    let unsaid = judged.iter().filter(|case| case.is_unsaid()).count();
    println!(
        "\n{} cases: {} agree, {wrong} do not, {unsaid} could not be expressed, or not wholly",
        judged.len(),
        judged.len() - wrong - unsaid
    );
    (wrong, unsaid)
}

#[test]
fn the_simulator_agrees_with_queueing_theory() {
    let (path, own) = file();
    let (wrong, unsaid) = counted(&judged(&path, effort()));
    assert_eq!(wrong, 0, "cases that do not agree: see the rows above");
    assert!(
        !own || unsaid == 0,
        "the project's own cases can all be expressed"
    );
}

/// The same families with other parameters, which `further.py` computes what to expect of. Here a hundredth of the
/// requests shows that each can be said and is not wrong altogether; `RUSHHOUR_THEORY` runs this file like the other.
#[test]
fn further_cases_agree_as_far_as_a_short_run_tells() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/theory/further.json");
    let short = Effort {
        share: 0.01,
        most: 1e5,
        seed: 1,
    };
    assert_eq!(counted(&judged(&path, short)), (0, 0), "see the rows above");
}

/// What a case may hold that nobody thought of: it is said in its row, and the others are run all the same.
#[test]
fn what_is_not_understood_is_said() {
    const MM1: &str = r#"{"arrivals": "poisson", "lambda_": 50, "servers": 1, "discipline": "fifo", "service": {"mean": 0.01}}"#;
    let case = |family: &str, change: &str, expect: &str| {
        let mut model: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(MM1).expect("JSON");
        let change: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(change).expect("JSON");
        model.extend(change);
        let expect: serde_json::Value = serde_json::from_str(expect).expect("JSON");
        serde_json::json!({"id": "odd", "family": family, "model": model, "expect": expect,
            "tol": {"default": {"rel": 0.1, "requests": 1000}, "note": "a remark"}})
    };
    let wait = r#"{"mean_wait": 0.01}"#;
    let cases = [
        case("M/M/1", r#"{"priority": "high"}"#, wait),
        case("M/M/1", r#"{"lambda_": 0}"#, wait),
        case("M/M/1", r#"{"lambda_": -5}"#, wait),
        case("M/M/1", r#"{"lambda_": 1e300}"#, wait),
        case("M/M/1", r#"{"lambda_": "many"}"#, wait),
        case("M/M/1", r#"{"servers": 0}"#, wait),
        case("M/M/1", r#"{"servers": 1.5}"#, wait),
        case("M/M/1", r#"{"servers": -1}"#, wait),
        case("M/M/1", r#"{"discipline": "lifo"}"#, wait),
        case(
            "M/M/1",
            r#"{"service": {"dist": "zipf", "mean": 0.01}}"#,
            wait,
        ),
        case(
            "M/M/1",
            r#"{"service": {"mean": 0.01, "shift": 0.1}}"#,
            wait,
        ),
        case("M/M/1", r#"{"service": 0.01}"#, wait),
        case("M/M/1", "{}", r#"{"mean_regret": 1}"#),
        case("M/M/1", "{}", r#"{"mean_wait": "short"}"#),
        case("M/M/1", "{}", r#"{"mean_wait": [1, 2]}"#),
        case("M/M/17", "{}", wait),
        case(
            "M(t)/M/c(t) transient",
            r#"{"rate": {"kind": "saw"}}"#,
            wait,
        ),
        serde_json::json!({"id": "bare"}),
        serde_json::json!({"id": "nobody", "family": "Jackson network", "expect": {"a_throughput": 1},
            "model": {"nodes": [], "routing": [], "discipline": "fifo"}}),
    ];
    let text = serde_json::json!({"version": 1, "time_unit": "s", "cases": cases}).to_string();
    let theory = Theory::read(&text).unwrap_or_else(|e| panic!("{e}"));
    for (case, judged) in theory.cases.iter().zip(all(&theory.cases, effort())) {
        assert!(judged.is_unsaid(), "{:?}: {judged}", case.id);
        assert!(judged.to_string().contains("NOT EXPRESSED"), "{judged}");
    }
}
