//! What can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Rehearse your busiest hour: traffic, scaling and a report that charts latency against capacity.
///
/// Without a command it rehearses a flash sale on a local shop, twenty times faster than it would happen.
#[derive(Debug, Parser)]
#[command(
    name = "rushhour",
    version,
    arg_required_else_help = false,
    max_term_width = 100
)]
#[command(
    after_help = "Exit codes: 0 passed · 1 a gate failed · 2 usage or configuration · 3 invalid or inconclusive\n\
    4 target unreachable · 5 internal · 130/143 interrupted, with the partial report written"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Rehearse a scenario on a local shop of real processes, and report.
    #[command(after_help = "Examples:\n  rushhour run flash-sale --speed 20\n  \
        rushhour run my-sale.yaml --set scaling.catalogue.min=6 --seed 7")]
    Run(RunArgs),
    /// Put a scenario's load on any other system, and report.
    #[command(
        after_help = "Examples:\n  rushhour load steady-day --target http://127.0.0.1:8080 --speed 60\n  \
        rushhour load my-sale.yaml --target http://shop.test:8080 --i-own-the-target shop.test"
    )]
    Load(LoadArgs),
    /// Make the report again from a run's record, whole or cut off.
    #[command(
        after_help = "Examples:\n  rushhour report runs/flash-sale-20261127T115000\n  \
        rushhour report runs/flash-sale-20261127T115000 --format markdown",
        mut_arg("out", |out| out.help("The folder for the report [default: the run's own]"))
    )]
    Report(ReportArgs),
    /// List, show, begin and check scenarios.
    #[command(subcommand)]
    Scenario(ScenarioCommand),
    /// Run one process of the local shop. `run` starts these; its settings come on standard input.
    #[command(hide = true)]
    Serve(ServeArgs),
    /// Print a JSON Schema: of scenarios, of the record, or of report.json.
    #[command(
        after_help = "Examples:\n  rushhour schema > rushhour.schema.json\n  rushhour schema report"
    )]
    Schema(SchemaArgs),
    /// Look whether this machine can rehearse a scenario, with a way out for each lack.
    #[command(
        after_help = "Examples:\n  rushhour doctor\n  rushhour doctor black-friday --speed 60"
    )]
    Doctor(DoctorArgs),
    /// Print a shell's completions.
    #[command(
        after_help = "Examples:\n  rushhour completions bash > rushhour.bash\n  rushhour completions zsh > _rushhour"
    )]
    Completions(CompletionsArgs),
}

/// Which scenario, and how it differs from its file.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ScenarioArgs {
    /// A scenario of the library (`rushhour scenario list`), or a file
    pub(crate) scenario: String,
    /// How many times faster than the wall clock it happens
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub(crate) speed: f64,
    /// Another seed for all its luck
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Change a value by its path, as in `scaling.catalogue.min=6`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) sets: Vec<String>,
}

/// Where results go, and how they are judged.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ResultArgs {
    /// The folder for the record and the report [default: runs/NAME-TIME]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// What is printed at the end
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Say failed gates, but exit with 0
    #[arg(long)]
    pub(crate) warn_only: bool,
}

/// What is printed at the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people, with charts
    Human,
    /// report.json
    Json,
    /// junit.xml
    Junit,
    /// summary.md
    Markdown,
    /// As Markdown, also to the job's summary, and with annotations for GitHub
    Github,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArgs,
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// A PostgreSQL server for the shop's databases, instead of SQLite
    #[arg(
        long,
        value_name = "URL",
        env = "RUSHHOUR_DATABASE",
        hide_env_values = true
    )]
    pub(crate) database: Option<String>,
    /// Keep the shop's databases and logs beside the record
    #[arg(long)]
    pub(crate) keep: bool,
    /// How exactly the load is sent
    #[arg(long, value_enum, default_value_t = Pacing::Balanced)]
    pub(crate) pacing: Pacing,
}

/// How exactly instants are met.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Pacing {
    /// To tens of microseconds
    Balanced,
    /// To a few microseconds, for a core of its own
    Precise,
    /// To a millisecond, at the least cost
    Eco,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    pub(crate) scenario: ScenarioArgs,
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// The system to load, as in `http://127.0.0.1:8080`
    #[arg(long, value_name = "URL")]
    pub(crate) target: String,
    /// Name the target's host again, if it is not on this machine
    #[arg(long, value_name = "HOST")]
    pub(crate) i_own_the_target: Option<String>,
    /// Threads that send
    #[arg(long, value_name = "NUMBER")]
    pub(crate) workers: Option<u32>,
    /// Connections that each thread may hold
    #[arg(long, default_value_t = 256, value_name = "NUMBER")]
    pub(crate) connections: u32,
    /// How exactly the load is sent
    #[arg(long, value_enum, default_value_t = Pacing::Balanced)]
    pub(crate) pacing: Pacing,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// A run's folder, or its record
    pub(crate) run: PathBuf,
    #[command(flatten)]
    pub(crate) result: ResultArgs,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ScenarioCommand {
    /// List the library.
    List,
    /// Print a scenario of the library.
    #[command(after_help = "Example:\n  rushhour scenario show flash-sale > my-sale.yaml")]
    Show {
        /// Its name
        name: String,
    },
    /// Write a commented scenario to begin with.
    #[command(after_help = "Example:\n  rushhour scenario new my-sale.yaml")]
    New {
        /// The file to write; it must not exist
        file: PathBuf,
    },
    /// Check scenarios, and say all that is wrong with them.
    #[command(after_help = "Example:\n  rushhour scenario check my-sale.yaml flash-sale")]
    Check {
        /// Files, or names of the library
        #[arg(required = true)]
        scenarios: Vec<String>,
        /// Change a value by its path; may be repeated
        #[arg(long = "set", value_name = "PATH=VALUE")]
        sets: Vec<String>,
    },
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// registry, gateway, or what a replica is of
    pub(crate) role: shop::protocol::Role,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SchemaArgs {
    /// What it is the schema of
    #[arg(value_enum, default_value_t = Schema::Scenario)]
    pub(crate) of: Schema,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Schema {
    /// A scenario file
    Scenario,
    /// A line of record.jsonl
    Record,
    /// report.json
    Report,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// The scenario to look at: one of the library, or a file
    #[arg(default_value = "flash-sale")]
    pub(crate) scenario: String,
    /// The speed to look at
    #[arg(long, default_value_t = 20.0, value_name = "FACTOR")]
    pub(crate) speed: f64,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// What `rushhour` alone does: `run flash-sale --speed 20`.
pub(crate) fn main_job() -> Command {
    Command::Run(RunArgs {
        scenario: ScenarioArgs {
            scenario: "flash-sale".into(),
            speed: 20.0,
            seed: None,
            sets: Vec::new(),
        },
        result: ResultArgs {
            out: None,
            format: Format::Human,
            warn_only: false,
        },
        database: None,
        keep: false,
        pacing: Pacing::Balanced,
    })
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    use super::*;

    /// The commands that the helps of `command` and all below it show as examples.
    fn examples(command: &Command) -> Vec<String> {
        let text = command.get_after_help().map(ToString::to_string);
        let lines = text.iter().flat_map(|text| text.lines());
        let own = lines.filter(|line| line.starts_with("  rushhour "));
        let own = own.map(|line| line.trim().to_owned());
        let below = command.get_subcommands().flat_map(examples);
        own.chain(below).collect()
    }

    #[test]
    fn examples_in_the_help_are_commands() {
        let all = examples(&Args::command());
        assert!(all.len() >= 14, "{all:?}");
        for line in all {
            let words = line.split(" > ").next().expect("a command");
            let words: Vec<&str> = words.split(' ').collect();
            let parsed = Args::try_parse_from(&words);
            let args = parsed.unwrap_or_else(|e| panic!("{line}: {e}"));
            let scenario = match args.command {
                Some(super::Command::Run(run)) => run.scenario.scenario,
                Some(super::Command::Load(load)) => load.scenario.scenario,
                Some(super::Command::Doctor(doctor)) => doctor.scenario,
                Some(super::Command::Scenario(ScenarioCommand::Show { name })) => name,
                _ => continue,
            };
            let is_there = scenarios::library_scenario(&scenario).is_some();
            assert!(
                is_there || scenario == "my-sale.yaml",
                "{line}: the library has no {scenario}"
            );
        }
    }
}
