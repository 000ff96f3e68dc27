//! What can be typed for the commands about decisions.

use std::path::PathBuf;

use clap::ValueEnum;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// A run's folder, or its record, whole or cut off
    pub(crate) run: PathBuf,
    /// Only of this service
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// What was in force at an instant: `10m30s` or `10:30` since the start, or a civil time, `12:00:30`
    #[arg(long, value_name = "TIME", conflicts_with_all = ["from", "to"])]
    pub(crate) at: Option<String>,
    /// All decisions from then on, instead of those that changed something
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// All decisions until then
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// At most so many decisions, the first ones [default: 50, as JSON all]
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["replay", "policy"])]
    pub(crate) most: Option<usize>,
    /// Decide everything again: whether each decision is the same to the byte (exit code 1 if one is not)
    #[arg(long, conflicts_with_all = ["at", "from", "to", "policy"])]
    pub(crate) replay: bool,
    /// What another policy would have decided on what was seen, nothing of it carried out: `hpa:cpu=60%`, or a file
    #[arg(long, value_name = "POLICY", conflicts_with_all = ["at", "from", "to"])]
    pub(crate) policy: Option<String>,
    /// What is printed
    #[arg(long, value_enum, default_value_t = ExplainFormat::Human)]
    pub(crate) format: ExplainFormat,
}

/// What `explain` prints.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ExplainFormat {
    /// For people
    Human,
    /// JSON
    Json,
    /// Markdown
    Markdown,
    /// What the policy of one service was shown, as `decide` reads it
    Observations,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DecideArgs {
    /// The file with observations, a line of JSON each, or - for stdin
    #[arg(default_value = "-")]
    pub(crate) observations: Option<PathBuf>,
    /// The policy: `hpa:cpu=60%,min=2,max=30`, `static:replicas=5`, or a file: a manifest, or a scenario's `scaling:` part
    #[arg(long, value_name = "POLICY")]
    pub(crate) policy: Option<String>,
    /// The scenario whose service it is
    #[arg(long, value_name = "SCENARIO")]
    pub(crate) scenario: Option<String>,
    /// The service, if the scenario has several that scale
    #[arg(long, value_name = "SERVICE", requires = "scenario")]
    pub(crate) service: Option<String>,
    /// Change a value of the scenario by its path; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "scenario")]
    pub(crate) sets: Vec<String>,
    /// Go on from the memory in this file, and keep it there
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ControlArgs {
    /// What is driven, and how: docs/reference/external.md says what is in it
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Look and decide, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// So many steps [default: until it is told to end]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) steps: Option<u64>,
    /// The folder for what policies must not forget: the next start goes on from there
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: Option<PathBuf>,
    /// The folder for the record [default: runs/NAME-TIME]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}
