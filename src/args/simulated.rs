//! What can be typed for the commands that simulate.

use std::path::PathBuf;

use clap::ValueEnum;

use super::{Pacing, ResultArgs};

/// Policies and other changes to try, each on its own.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct VariantArgs {
    /// A policy to try for all services that scale; may be repeated.
    ///
    /// `as-written`; `static` (the replicas of the start); `oracle` (knows the future: a bound, not a policy to run); one of the
    /// language with its parameters, as in `hpa:cpu=60%`, `hpa:busy=70%,stabilization=1m`, `kpa:target=70`,
    /// `keda:requests=50/s,cooldown=1m` or `target_tracking:cpu=60%`; or a file with a scenario's `scaling:` part, as `plan` writes it.
    #[arg(long = "policy", value_name = "POLICY")]
    pub(crate) policies: Vec<String>,
    /// A variant to try: a name, a colon, and what it changes by its paths, as in `more:scaling.order.min=8,slo.within=1s`;
    /// may be repeated
    #[arg(long = "variant", value_name = "NAME:PATH=VALUE,…")]
    pub(crate) variants: Vec<String>,
}

/// How much is done at once, and how exactly.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct EffortArgs {
    /// Simulations at once [default: one for each core]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) jobs: Option<std::num::NonZeroUsize>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SimulateArgs {
    /// Scenarios of the library (`rushhour scenario list`), or files
    #[arg(value_name = "SCENARIO", default_value = "flash-sale")]
    pub(crate) scenarios: Vec<String>,
    /// Predict how it goes so many times faster than the wall clock; 1 is what will happen
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub(crate) speed: f64,
    /// Change a value by its path, as in `scaling.catalogue.min=6`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) sets: Vec<String>,
    #[command(flatten)]
    pub(crate) variants: VariantArgs,
    /// Another seed for all its luck
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// So many seeds, from the scenario's own (or `--seed`) upwards
    #[arg(long, default_value_t = 1, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) seeds: u32,
    /// In rough strokes, a day in seconds: can show that a gate fails, never that it holds
    #[arg(long)]
    pub(crate) rough: bool,
    #[command(flatten)]
    pub(crate) effort: EffortArgs,
    #[command(flatten)]
    pub(crate) result: ResultArgs,
}

/// What is printed at the end of a command that has no gates.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Table {
    /// For people
    Human,
    /// JSON
    Json,
    /// Markdown
    Markdown,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CompareArgs {
    /// A scenario of the library (`rushhour scenario list`), or a file
    #[arg(default_value = "flash-sale")]
    pub(crate) scenario: String,
    /// Predict how it goes so many times faster than the wall clock; 1 is what will happen
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub(crate) speed: f64,
    /// Change a value of all variants by its path; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) sets: Vec<String>,
    #[command(flatten)]
    pub(crate) variants: VariantArgs,
    /// The first seed [default: the scenario's]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// So many seeds, from the first upwards; at least 5
    #[arg(long, default_value_t = 10, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(5..=10_000))]
    pub(crate) seeds: u32,
    /// Leave out the oracle, which knows the future and is the floor of the cost
    #[arg(long)]
    pub(crate) no_floor: bool,
    #[command(flatten)]
    pub(crate) effort: EffortArgs,
    /// The folder for the results [default: runs/compare-NAME-TIME]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Keep each run's record and report in the folder
    #[arg(long)]
    pub(crate) keep: bool,
    /// What is printed at the end
    #[arg(long, value_enum, default_value_t = Table::Human)]
    pub(crate) format: Table,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PlanArgs {
    /// A scenario of the library (`rushhour scenario list`), or a file
    #[arg(default_value = "flash-sale")]
    pub(crate) scenario: String,
    /// Change a value by its path; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) sets: Vec<String>,
    /// The first seed [default: the scenario's]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// So many full runs of the worst hour confirm the plan, each with its own seed; at least 5
    #[arg(long, default_value_t = 5, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(5..=1000))]
    pub(crate) seeds: u32,
    /// How far above the peak's need a maximum is set, so that a forecast may be wrong
    #[arg(long, default_value_t = 25, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=900))]
    pub(crate) reserve: u32,
    #[command(flatten)]
    pub(crate) effort: EffortArgs,
    /// The folder for the results [default: runs/plan-NAME-TIME]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// What is printed at the end
    #[arg(long, value_enum, default_value_t = Table::Human)]
    pub(crate) format: Table,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TuneArgs {
    /// Scenarios of the library (`rushhour scenario list`), or files; of several the last third is kept for scoring
    #[arg(value_name = "SCENARIO", default_value = "flash-sale")]
    pub(crate) scenarios: Vec<String>,
    /// A trace (CSV of counts) whose course the traffic takes, with the scenario's own mean; may be repeated, and of several
    /// the last third is kept for scoring
    #[arg(long = "trace", value_name = "FILE")]
    pub(crate) traces: Vec<PathBuf>,
    /// A policy to tune; may be repeated [default: as-written].
    ///
    /// `as-written`; one of the language with its parameters, as in `hpa:cpu=60%`; or a file with a scenario's `scaling:` part.
    #[arg(long = "policy", value_name = "POLICY")]
    pub(crate) policies: Vec<String>,
    /// Tune only how this service scales; may be repeated [default: all that scale]
    #[arg(long = "service", value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// The share of the pages that may be missed, as in `0.1%` [default: what the SLO leaves]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) budget: Option<f64>,
    /// Change a value of all settings by its path; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) sets: Vec<String>,
    /// The first seed [default: the scenario's]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// So many seeds to search with, from the first upwards
    #[arg(long, default_value_t = 2, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) searched: u32,
    /// So many other seeds, after those, to score with
    #[arg(long, default_value_t = 10, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub(crate) seeds: u32,
    /// At most so many settings of each policy are tried in rough strokes
    #[arg(long, default_value_t = 60, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) trials: u32,
    #[command(flatten)]
    pub(crate) effort: EffortArgs,
    /// The folder for the results [default: runs/tune-NAME-TIME]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// What is printed at the end
    #[arg(long, value_enum, default_value_t = Table::Human)]
    pub(crate) format: Table,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CalibrateArgs {
    /// The system to load, as in `http://127.0.0.1:8080`
    #[arg(long, value_name = "URL")]
    pub(crate) target: String,
    /// A scenario of the library, or a file, whose journeys are put on the target; without it `--page`s are
    pub(crate) scenario: Option<String>,
    /// A page of the target, by its path; may be repeated
    #[arg(
        long = "page",
        value_name = "PATH",
        default_value = "/",
        conflicts_with = "scenario"
    )]
    pub(crate) pages: Vec<String>,
    /// Change a value of the scenario by its path; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "scenario")]
    pub(crate) sets: Vec<String>,
    /// Another seed
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// The highest step, in pages per second [default: found by going up until the target slows down]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) to: Option<f64>,
    /// Steps of the staircase; the top one is held back to judge the fit by
    #[arg(long, default_value_t = 6, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(3..=50))]
    pub(crate) steps: u32,
    /// How long a step lasts, in seconds
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(5..=3600))]
    pub(crate) step_time: u32,
    /// A page of Prometheus text that says how much CPU time the target has used
    #[arg(long, value_name = "URL")]
    pub(crate) cpu_from: Option<String>,
    /// The counter on it, in seconds; summed over its labels
    #[arg(long, default_value = "process_cpu_seconds_total", value_name = "NAME")]
    pub(crate) cpu_metric: String,
    /// How often the staircase is simulated with other luck to see how much of it is chance
    #[arg(long, default_value_t = 30, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(12..=1000))]
    pub(crate) resamplings: u32,
    /// Name the target's host again, if it is not on this machine
    #[arg(long, value_name = "HOST")]
    pub(crate) i_own_the_target: Option<String>,
    /// How exactly the load is sent
    #[arg(long, value_enum, default_value_t = Pacing::Balanced)]
    pub(crate) pacing: Pacing,
    /// The folder for the results [default: runs/calibration-TIME]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// What is printed at the end
    #[arg(long, value_enum, default_value_t = Table::Human)]
    pub(crate) format: Table,
}

/// A share above 0, up to a half.
fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|p| p / 100.0),
        None => text.parse::<f64>(),
    };
    share
        .ok()
        .filter(|share| (1e-6..=0.5).contains(share))
        .ok_or_else(|| "a share is from 0.0001% to 50%, as in 0.1% or 0.001".to_owned())
}

/// A rate above 0.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.trim_end_matches("/s").parse::<f64>();
    rate.ok()
        .filter(|rate| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| {
            "a rate is a number of pages per second above 0, as in 120 or 120/s".to_owned()
        })
}

#[cfg(test)]
impl CalibrateArgs {
    /// Arguments whose only need is to be there.
    pub(crate) fn for_test() -> Self {
        Self {
            target: "http://127.0.0.1:1".into(),
            scenario: None,
            pages: vec!["/".into()],
            sets: Vec::new(),
            seed: None,
            to: None,
            steps: 6,
            step_time: 20,
            cpu_from: None,
            cpu_metric: "process_cpu_seconds_total".into(),
            resamplings: 12,
            i_own_the_target: None,
            pacing: Pacing::Balanced,
            out: None,
            format: Table::Human,
        }
    }
}
