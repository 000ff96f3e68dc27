//! Real traffic through the whole program, from the folder that `RUSHHOUR_TRACES` names. Without it these tests say that
//! they did not run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Ran, Stage, machine, run_within};

const TRAFFIC: &str = include_str!("scenarios/traffic.yaml");

/// The folder of traces. If it is named but not there, that is an error.
fn traces() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("RUSHHOUR_TRACES").map(PathBuf::from) else {
        eprintln!("did not run: RUSHHOUR_TRACES names no folder of traces");
        return None;
    };
    assert!(
        folder.is_dir(),
        "RUSHHOUR_TRACES names {}, which is no folder",
        folder.display()
    );
    Some(folder)
}

/// Runs a part of a trace: capacity must follow the load, up and down.
fn follows(file: &str, (from, duration): (&str, &str), mean: &str, speed: f64) {
    let Some(folder) = traces() else { return };
    let _machine = machine();
    let yaml = TRAFFIC
        .replace("TRACE", file)
        .replace("START", from)
        .replace("DURATION", duration)
        .replace("MEAN", mean);
    let (stage, ran) = on_time(&yaml, &folder.join(file), speed);
    assert!(
        matches!(ran.code, Some(0 | 1)),
        "{:?}\n{}\n{}",
        ran.code,
        ran.stdout,
        ran.stderr
    );
    let report = stage.report();
    let services = report["services"].as_array().expect("services");
    let catalogue = services
        .iter()
        .find(|s| s["name"] == "catalogue")
        .expect("catalogue");
    let lag = &catalogue["lag"];
    eprintln!(
        "{file}: {lag}, {} ups, {} downs",
        report["decisions"]["ups"], report["decisions"]["downs"]
    );
    assert!(
        lag["coefficient"].as_f64() >= Some(0.9),
        "capacity follows the load: {lag}\n{}",
        ran.stdout
    );
    // The start-up, and two periods.
    let most = catalogue["start_up_s"].as_f64().expect("a start-up") + 2.0 * period(&report);
    assert!(
        lag["by_s"].as_f64() >= Some(-period(&report)),
        "it does not come before the load: {lag}"
    );
    assert!(
        lag["by_s"].as_f64() <= Some(most),
        "it follows within {most} s: {lag}"
    );
    assert!(
        report["decisions"]["ups"].as_u64() >= Some(3),
        "{}",
        report["decisions"]
    );
    assert!(
        report["decisions"]["downs"].as_u64() >= Some(2),
        "{}",
        report["decisions"]
    );
}

/// Runs a scenario on a trace. A run that sent its load late has measured the machine and decides nothing, as its own
/// report says: it is done again, twice at most.
fn on_time(yaml: &str, trace: &Path, speed: f64) -> (Stage, Ran) {
    let mut tries = 3;
    loop {
        let stage = Stage::new(yaml);
        let name = trace.file_name().expect("a trace has a name");
        fs::copy(trace, stage.path().join(name)).expect("the trace is there");
        let mut command = stage.command(&["--speed", &speed.to_string()]);
        let ran = run_within(&mut command, Duration::from_secs(400));
        tries -= 1;
        if tries == 0 || !stage.was_sent_late(&ran) {
            return (stage, ran);
        }
        eprintln!("{name:?}: the load was sent late, the run decides nothing: once more");
    }
}

fn period(report: &Value) -> f64 {
    report["about"]["period_s"].as_f64().expect("a period")
}

#[test]
fn capacity_follows_a_world_cup_match() {
    // England against Tunisia, 15 June 1998: the highest minute of the trace is in it.
    follows(
        "worldcup98_may1_jun21_1min.csv.gz",
        ("1092h15m", "3h"),
        "150/s",
        60.0,
    );
}

#[test]
fn capacity_follows_a_day_squeezed_into_an_hour() {
    follows(
        "autothrottle_diurnal_1s.csv.gz",
        ("0s", "1h"),
        "150/s",
        30.0,
    );
}

#[test]
fn capacity_follows_a_noisy_hour() {
    follows("autothrottle_noisy_1s.csv.gz", ("0s", "1h"), "150/s", 30.0);
}
