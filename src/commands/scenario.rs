//! `rushhour scenario`.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use reports::words;
use scenarios::Checked;

use crate::args::ScenarioCommand;
use crate::exit::{Exit, Failure};
use crate::{Done, output, scenario_file};

pub(crate) fn run(command: &ScenarioCommand) -> Done {
    match command {
        ScenarioCommand::List => list(),
        ScenarioCommand::Show { name } => show(name),
        ScenarioCommand::New { file } => new(file),
        ScenarioCommand::Check { scenarios, sets } => check(scenarios, sets),
    }
}

fn list() -> Done {
    let mut text = String::new();
    for (name, _) in scenarios::library() {
        let scenario = scenario_file::read(name, &[])?.scenario;
        let duration = words::seconds(scenario.duration.as_secs_f64());
        writeln!(text, "{name:<24} {duration:>9}  {}", scenario.about)?;
    }
    output::print(&text)?;
    Ok(Exit::Passed)
}

fn show(name: &str) -> Done {
    let text = scenarios::library_scenario(name)
        .ok_or_else(|| Failure::usage(scenario_file::unknown(name)))?;
    output::print(text)?;
    Ok(Exit::Passed)
}

fn new(file: &Path) -> Done {
    let cannot = |e: std::io::Error| {
        let what = format!("cannot write {}", file.display());
        Failure::at_start(match e.kind() {
            std::io::ErrorKind::AlreadyExists => {
                anyhow::anyhow!("{what}: it exists already; choose another name")
            }
            _ => anyhow::Error::new(e).context(what),
        })
    };
    let mut open = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file)
        .map_err(cannot)?;
    open.write_all(scenarios::template().as_bytes())
        .map_err(|e| {
            // Half a scenario helps nobody, and would be in the way of the next try.
            std::fs::remove_file(file).ok();
            cannot(e)
        })?;
    output::print(&format!(
        "wrote {file}\nnext: rushhour scenario check {file}, then rushhour run {file} --speed 20\n",
        file = words::terminal(&file.display().to_string())
    ))?;
    Ok(Exit::Passed)
}

/// Checks all, so that one run of the command shows every mistake there is.
fn check(names: &[String], sets: &[String]) -> Done {
    let mut failed = 0;
    for name in names {
        match scenario_file::read(name, sets) {
            Ok(checked) => {
                let Checked {
                    scenario,
                    warnings,
                    left_out,
                    beyond_local,
                } = checked;
                output::remarks(&warnings.and(beyond_local).and(left_out));
                output::print(&format!(
                    "{}: good: {}, {}, {}\n",
                    words::terminal(name),
                    words::plural(scenario.journeys.len() as u64, "journey"),
                    words::plural(scenario.services.len() as u64, "service"),
                    words::seconds(scenario.duration.as_secs_f64())
                ))?;
            }
            Err(failure) => {
                failed += 1;
                output::error(&failure.error);
            }
        }
    }
    Ok(if failed == 0 {
        Exit::Passed
    } else {
        Exit::Usage
    })
}
