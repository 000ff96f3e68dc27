//! `rushhour`: rehearse your busiest hour.
//!
//! The commands: parse, validate, wire, run, exit code. No logic lives here.

mod args;
mod calibrating;
mod commands;
mod control;
mod exit;
mod external;
mod folder;
mod full_rate;
mod live;
mod output;
mod pasted;
mod policies;
mod recorder;
mod results;
mod scenario_file;
mod session;
mod simulating;
mod spoken;
mod stop;
mod tuning;
mod variants;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use exit::Exit;

fn main() -> ExitCode {
    exit::install_panic_hook();
    let result = match Args::parse().command.unwrap_or_else(args::main_job) {
        Command::Rehearse(args) => commands::rehearse::run(&args),
        Command::Simulate(args) => commands::simulate::run(&args),
        Command::Compare(args) => commands::compare::run(&args),
        Command::Plan(args) => commands::plan::run(&args),
        Command::Tune(args) => commands::tune::run(&args),
        Command::Calibrate(args) => commands::calibrate::run(&args),
        Command::Run(args) => commands::run::run(&args),
        Command::Load(args) => commands::load::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Explain(args) => commands::explain::run(&args),
        Command::Decide(args) => commands::decide::run(&args),
        Command::Import(args) => commands::import::run(&args),
        Command::Scenario(command) => commands::scenario::run(&command),
        Command::Control(args) => commands::control::run(&args),
        Command::Leash(args) => return external::leash::run(&args.command),
        Command::Serve(args) => commands::serve::run(&args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Doctor(args) => commands::doctor::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::error(&failure.error);
            failure.exit.into()
        }
    }
}

/// What a command comes to.
type Done = Result<Exit, exit::Failure>;
