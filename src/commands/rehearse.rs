//! `rushhour rehearse`: predict a scenario, run it on the local shop, and put both side by side.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reports::analysis::Analysis;
use reports::record::Record;
use scenarios::{Distribution, Scenario};

use crate::args::RunArgs;
use crate::commands::run;
use crate::exit::{Exit, Failure};
use crate::simulating::progress::Progress;
use crate::simulating::{self, Around};
use crate::stop::Halt;
use crate::variants::{self, Variant};
use crate::{Done, folder, output, results, scenario_file, wiring};

pub(crate) fn run(args: &RunArgs) -> Done {
    let scenario = Arc::new(scenario_file::load_for_local(&args.scenario)?);
    let started = wiring::wall_clock();
    let out = folder::create(args.result.out.as_deref(), &scenario.name, started)?;
    if let Some(exit) = predict(args, &scenario, &out.join(results::PREDICTED))? {
        return Ok(exit);
    }
    run::run_into(args, &scenario, &out, started)
}

/// Simulates the run that is to come, and the nearby ones; the exit code if someone asked to stop meanwhile.
fn predict(
    args: &RunArgs,
    scenario: &Arc<Scenario>,
    folder: &Path,
) -> Result<Option<Exit>, Failure> {
    let typed = &args.scenario;
    let policy = typed.policy.as_ref().map(|text| variants::policy(text));
    let variant = policy.transpose()?.unwrap_or_else(Variant::as_written);
    let again = |sets: &[String]| {
        let command = ["simulate", typed.scenario.as_str()];
        variants::again(&command, (typed.speed, sets), &variant, scenario.seed)
    };
    let nearby = nearby(scenario);
    let runs = 1 + u32::try_from(nearby.len()).unwrap_or(0);
    let halt = Halt::listen()?;
    let progress = Progress::new(
        &format!("predicting {}", scenario.name),
        scenario.duration * runs,
    );
    let around = Around {
        halt: &halt,
        progress: &progress,
    };
    let record = simulated(scenario, again(&typed.sets), folder, around)?;
    for (longer, scenario) in &nearby {
        let mut sets = typed.sets.clone();
        sets.push(format!("gateway.overhead={}us", longer.as_micros()));
        let folder = folder.join(results::nearby(*longer));
        std::fs::create_dir_all(&folder)?;
        simulated(scenario, again(&sets), &folder, around)?;
    }
    progress.clear();
    let analysis = Analysis::of(&record);
    results::write(&record, &analysis, folder)?;
    output::progress(&format!(
        "predicted: {}: {}",
        analysis.verdict.word(),
        analysis.findings.verdict
    ));
    let Some(exit) = halt.stop().exit() else {
        return Ok(None);
    };
    results::report(&record, folder, &args.result)?;
    Ok(Some(exit))
}

/// The scenario with a gateway that takes hardly longer. None if it says itself how long a gateway takes: then that is the
/// larger part, and not what was left out.
fn nearby(scenario: &Scenario) -> Vec<(Duration, Arc<Scenario>)> {
    if scenario.gateway.overhead != Distribution::Constant(Duration::ZERO) {
        return Vec::new();
    }
    let longer = results::NEARBY.iter().map(|longer| {
        let mut nearby = scenario.clone();
        nearby.gateway.overhead = Distribution::Constant(*longer);
        (*longer, Arc::new(nearby))
    });
    longer.collect()
}

/// Simulates one, with its record in `folder`; `command` does it again.
fn simulated(
    scenario: &Arc<Scenario>,
    command: String,
    folder: &Path,
    around: Around<'_>,
) -> Result<Record, Failure> {
    let policies = wiring::policies(scenario, scenario.starts).map_err(Failure::usage)?;
    let header = simulating::header(scenario, command);
    simulating::record(scenario, policies, header, folder, around)
}
