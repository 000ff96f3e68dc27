//! What can be typed.

mod explained;
mod simulated;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use explained::{ControlArgs, DecideArgs, ExplainArgs, ExplainFormat};
pub(crate) use simulated::{
    CalibrateArgs, CompareArgs, PlanArgs, SimulateArgs, Table, TuneArgs, VariantArgs,
};

/// Rehearse your busiest hour: traffic, scaling and a report that charts latency against capacity.
///
/// Without a command it rehearses a flash sale: predicts it, then runs it on a local shop, twenty times faster than it would
/// happen.
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
    /// Predict a scenario, run it on a local shop of real processes, and put both side by side.
    #[command(
        after_help = "Examples:\n  rushhour rehearse flash-sale\n  rushhour rehearse my-sale.yaml --speed 10 --seed 7",
        mut_arg("scenario", |arg| arg.required(false).default_value("flash-sale")),
        mut_arg("speed", |arg| arg.default_value("20"))
    )]
    Rehearse(RunArgs),
    /// Predict scenarios in virtual time: exact for its seed, and quick. Several scenarios, policies or seeds make a grid.
    #[command(after_help = "Examples:\n  rushhour simulate black-friday\n  \
        rushhour simulate flash-sale --policy static --policy hpa:cpu=60% --seeds 5")]
    Simulate(SimulateArgs),
    /// Try policies on the same luck, and say by how much they differ, or that one cannot tell.
    #[command(
        after_help = "Examples:\n  rushhour compare flash-sale --policy as-written --policy hpa:busy=60%\n  \
        rushhour compare my-sale.yaml --variant more:scaling.order.min=8 --seeds 20"
    )]
    Compare(CompareArgs),
    /// Find the least capacity that meets the SLO, and write it down to be pasted.
    #[command(after_help = "Examples:\n  rushhour plan flash-sale\n  \
        rushhour plan my-sale.yaml --reserve 50 --set prices.node_hour=0.19")]
    Plan(PlanArgs),
    /// Search a policy's parameters, score the best on runs that the search has not seen, and write what to take down.
    #[command(
        after_help = "Examples:\n  rushhour tune flash-sale --policy hpa:busy=70% --policy reactive\n  \
        rushhour tune my-sale.yaml --service catalogue --budget 0.1% --seeds 20\n  \
        rushhour tune my-shop.yaml --trace monday.csv.gz --trace tuesday.csv.gz --trace friday.csv.gz"
    )]
    Tune(TuneArgs),
    /// Find out what a real target is like inside: put a staircase of load on it, and fit a service to what it shows.
    #[command(
        after_help = "Examples:\n  rushhour calibrate --target http://127.0.0.1:8080 --page / --page /list --to 200\n  \
        rushhour calibrate my-sale.yaml --target http://127.0.0.1:8080 --cpu-from http://127.0.0.1:9100/metrics"
    )]
    Calibrate(CalibrateArgs),
    /// Run a scenario on a local shop of real processes, and report.
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
    /// Say why there were so many replicas: any decision of a run, and what it would have been without each rule.
    #[command(
        after_help = "Examples:\n  rushhour explain runs/flash-sale-20261127T115000 --service order --at 10m30s\n  \
            rushhour explain runs/flash-sale-20261127T115000 --replay"
    )]
    Explain(ExplainArgs),
    /// Decide on observations, a line of JSON each, without any world: for trying a policy on what your cluster saw.
    #[command(
        after_help = "Examples:\n  rushhour decide observations.jsonl --policy hpa:cpu=60%,min=2,max=30\n  \
            rushhour decide observations.jsonl --scenario my-sale.yaml --service catalogue"
    )]
    Decide(DecideArgs),
    /// Read the autoscalers that you run today, and write them as a scenario's `scaling:` part.
    #[command(
        after_help = "Examples:\n  rushhour import hpa.yaml\n  rushhour import scaledobject.yaml > scaling.yaml"
    )]
    Import(ImportArgs),
    /// List, show, begin and check scenarios.
    #[command(subcommand)]
    Scenario(ScenarioCommand),
    /// Let the engine drive anything that scales: readings from a command or URL, replicas by a command or URL.
    #[command(
        after_help = "Examples:\n  rushhour control --file engine.yaml --dry-run --steps 1\n  \
            rushhour control --file engine.yaml --state engine-state"
    )]
    Control(ControlArgs),
    /// Hold a command that ends with whoever started this. `control` starts these.
    #[command(hide = true)]
    Leash(LeashArgs),
    /// Run one process of the local shop. `run` starts these; its settings come on standard input.
    #[command(hide = true)]
    Serve(ServeArgs),
    /// Print a JSON Schema: of scenarios, of the record, of a file with results, or of what `decide` reads and writes.
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
pub(crate) struct ImportArgs {
    /// A file with an HPA of `autoscaling/v2`, a KEDA `ScaledObject` or a Knative service, or several of them
    #[arg(value_name = "FILE")]
    pub(crate) file: std::path::PathBuf,
}

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
    /// Another policy for all services that scale: `static`, `hpa:cpu=60%`, or a file as `plan` writes it
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Option<String>,
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
pub(crate) struct LeashArgs {
    /// The command and its arguments
    #[arg(required = true, last = true)]
    pub(crate) command: Vec<String>,
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
    /// summary.json of a grid
    Summary,
    /// compare.json
    Compare,
    /// plan.json
    Plan,
    /// tune.json
    Tune,
    /// `explain --format json`
    Explain,
    /// A file that `control` reads
    Engine,
    /// A line that `decide` reads
    Observation,
    /// A line that `decide` writes
    Decision,
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

/// What `rushhour` alone does: `rehearse flash-sale --speed 20`.
pub(crate) fn main_job() -> Command {
    Command::Rehearse(RunArgs {
        scenario: ScenarioArgs {
            scenario: "flash-sale".into(),
            speed: 20.0,
            seed: None,
            sets: Vec::new(),
            policy: None,
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
mod tests;
