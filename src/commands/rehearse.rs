//! `rushhour rehearse`: predict a scenario, run it on the local shop, and put both side by side.

use std::path::Path;
use std::sync::Arc;

use reports::analysis::Analysis;
use scenarios::Scenario;

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

/// Simulates the run that is to come; the exit code if someone asked to stop meanwhile.
fn predict(
    args: &RunArgs,
    scenario: &Arc<Scenario>,
    folder: &Path,
) -> Result<Option<Exit>, Failure> {
    let typed = &args.scenario;
    let policy = typed.policy.as_ref().map(|text| variants::policy(text));
    let variant = policy.transpose()?.unwrap_or_else(Variant::as_written);
    let command = variants::again(
        &["simulate", &typed.scenario],
        (typed.speed, &typed.sets),
        &variant,
        scenario.seed,
    );
    let halt = Halt::listen()?;
    let progress = Progress::new(&format!("predicting {}", scenario.name), scenario.duration);
    let around = Around {
        halt: &halt,
        progress: &progress,
    };
    let policies = wiring::policies(scenario, scenario.starts).map_err(Failure::usage)?;
    let header = simulating::header(scenario, command);
    let recorded = simulating::record(scenario, policies, header, folder, around);
    progress.clear();
    let record = recorded?;
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
