//! `rushhour calibrate`: what a real target is like inside, from a staircase of load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reports::words;
use scenarios::Scenario;
use simulator::calibration::{Calibration, Fitted, Measured, PageTimes};

use crate::args::{CalibrateArgs, Table};
use crate::calibrating::exposition::Source;
use crate::calibrating::staircase::Staircase;
use crate::calibrating::{template, written};
use crate::exit::{Exit, Failure};
use crate::simulating::progress::Progress;
use crate::stop::Halt;
use crate::{Done, folder, output, results, stop, wiring};

pub(crate) fn run(args: &CalibrateArgs) -> Done {
    let scenario = template::scenario(args)?;
    let target: loadgen::Target = args.target.parse().map_err(Failure::usage)?;
    let cpu = args.cpu_from.as_ref();
    let cpu = cpu
        .map(|url| Source::new(url, &args.cpu_metric))
        .transpose();
    let cpu = cpu.map_err(Failure::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (measured, objections, stopped) = runtime.block_on(async {
        let stop = stop::listen()?;
        let mut staircase = Staircase::new(args, scenario.clone(), target, cpu, stop.clone());
        let measured = staircase.climb().await;
        staircase.progress.clear();
        let stopped = *stop.borrow();
        measured.map(|measured| (measured, staircase.objections, stopped))
    })?;
    drop(runtime);
    if !objections.is_empty() {
        let text = format!(
            "the load was not what it should have been: {}",
            objections.join("; ")
        );
        return Err(Failure::new(Exit::Inconclusive, anyhow::anyhow!(text)));
    }
    let pages = measured.pages.clone();
    let fitted = fit(args, &scenario, measured, stopped.exit())?;
    let out = folder::create(args.out.as_deref(), "calibration", wiring::wall_clock())?;
    told(args, &scenario, &pages, &fitted, &out)?;
    Ok(stopped.exit().unwrap_or(Exit::Passed))
}

fn fit(
    args: &CalibrateArgs,
    scenario: &Scenario,
    measured: Measured,
    stopped: Option<Exit>,
) -> Result<Fitted, Failure> {
    let calibration = Calibration::new(scenario, measured);
    let calibration = calibration.map_err(|e| {
        let exit = stopped.unwrap_or(Exit::Inconclusive);
        Failure::new(exit, e)
    })?;
    // One unit of the bar is one simulated staircase.
    let staircases = Calibration::staircases(args.resamplings);
    let progress = Progress::new("fitting", Duration::from_secs(staircases.into()));
    let halt = Halt::listen()?;
    let shortened = AtomicBool::new(false);
    let fitted = calibration.fit(args.resamplings, &mut || {
        progress.add(Duration::from_secs(1), 0);
        if halt.is_asked() {
            shortened.store(true, Ordering::Relaxed);
        }
        !halt.is_asked()
    });
    progress.clear();
    if shortened.load(Ordering::Relaxed) {
        output::progress("interrupted: the fit is rough, and has no ranges");
    }
    Ok(fitted)
}

fn told(
    args: &CalibrateArgs,
    scenario: &Scenario,
    pages: &[PageTimes],
    fitted: &Fitted,
    out: &std::path::Path,
) -> Result<(), Failure> {
    let command = wiring::command();
    let json = serde_json::to_string(fitted)? + "\n";
    let mut files = written::files(scenario, pages, fitted, &command);
    files.push(("calibration.json".to_owned(), json.clone()));
    let files: Vec<(&str, String)> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.clone()))
        .collect();
    results::write_texts(out, &files)?;
    let text = match args.format {
        Table::Json => json,
        Table::Human | Table::Markdown => written::text(fitted, &out.display().to_string()),
    };
    output::print(&text)?;
    warned(fitted);
    Ok(())
}

/// What a result cannot be used for.
fn warned(fitted: &Fitted) {
    let top = &fitted.best.held_back;
    if let Some(off) = top.p99.map(f64::abs).filter(|off| *off > 0.5) {
        output::progress(&format!(
            "warning: at the held-back step p99 is off by {}: do not plan close to it",
            words::percent(off)
        ));
    }
    if fitted.best.misfit > written::MISFIT {
        output::progress(&format!(
            "warning: the fit is {:.1} times as far off as chance explains: the target is not quite as any of the descriptions",
            fitted.best.misfit
        ));
    }
}
