//! The record: one typed event a line.
//!
//! All instants are in the world's own time, that is after the scenario was compressed by its speed. For people,
//! scenario time is (instant − start) × speed.
//!
//! On disk a line is the event's JSON, a tab, the CRC-32 of that JSON in eight hexadecimal digits, and a line feed; an
//! observation's replicas are written as what changed since the workload's observation before. [`crate::journal`]
//! writes it, [`Record::read`] reads it.

mod delta;
mod merge;
mod packed;
mod read;
mod store;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Gate, Grid, Phase, Replicas, Slo, Timestamp, Window};
use scaler::{Decision, Observation, PolicySpec, PolicyState, Status, WriteOutcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::plural;

pub(crate) use delta::Encoder;
pub use merge::MergeError;
pub use read::ReadError;
pub(crate) use store::speed;
pub use store::{Broke, Decided, Record, Settled};

/// The record's file name.
pub const FILE: &str = "record.jsonl";
/// The name of the file that continues it, compressed, once it has grown large.
pub const CONTINUED: &str = "record.jsonl.gz";

/// The version of the record's form. A reader takes this one and no other.
pub const SCHEMA: u32 = 1;

/// One event.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first: what was to be done.
    Header(Box<Header>),
    /// Where and when it was done: the only event that may differ between equal runs. Simulated runs have none.
    Host(Host),
    /// A window, or a piece of one.
    Window(Window),
    /// What a policy was shown.
    Observation {
        /// The workload.
        workload: String,
        /// What was shown.
        observation: Box<Observation>,
    },
    /// What it decided.
    Decision {
        /// The workload.
        workload: String,
        /// The observation's instant.
        at: Timestamp,
        /// The decision.
        decision: Decision,
    },
    /// What became of the decision.
    Written {
        /// The workload.
        workload: String,
        /// The decision's instant.
        at: Timestamp,
        /// Whether it was written.
        outcome: WriteOutcome,
        /// How the policy sees things after it.
        status: Status,
    },
    /// Something broke, or was mended.
    Fault {
        /// When it happened.
        at: Timestamp,
        /// How long it lasts; zero for what happens at once.
        lasts: Duration,
        /// The service it hit, if it hit one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<String>,
        /// What happened, for people.
        what: String,
    },
    /// What the audit found.
    Audit(Audit),
    /// The last: how it ended. Without it the run was cut off.
    End(End),
}

/// The JSON Schema of one line's event.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Event).to_value()
}

/// What was to be done.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Header {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The program's version.
    pub version: String,
    /// The scenario's name.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// In which world.
    pub world: World,
    /// The command that does it again.
    pub command: String,
    /// The scenario as checked, in its own time.
    pub scenario: serde_json::Value,
    /// The seed.
    pub seed: u64,
    /// The algorithm of the draws, and its version.
    pub draws: String,
    /// How many times faster than the scenario's time the world ran.
    pub speed: f64,
    /// The first instant of the run.
    pub start: Timestamp,
    /// How long it was to last, in the world's time.
    pub duration: Duration,
    /// Between two decisions, in the world's time.
    pub period: Duration,
    /// Where windows lie.
    pub grid: Grid,
    /// What good means.
    pub slo: Slo,
    /// What must hold.
    pub gates: Vec<Gate>,
    /// Named spans, in the world's time since the start.
    pub phases: Vec<Phase>,
    /// The services, by name.
    pub services: BTreeMap<String, ServiceHeader>,
    /// The policies, by workload: with what they were shown they decide again as they did.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: BTreeMap<String, PolicyHeader>,
}

/// A workload's policy, as it was at the start.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PolicyHeader {
    /// Which policy, with its parameters.
    pub spec: PolicySpec,
    /// What it remembered of earlier runs; nothing if it began anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<PolicyState>,
}

/// A service, as far as a report needs it.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ServiceHeader {
    /// Requests that a replica works on at once; nothing: without limit.
    pub slots: Option<u32>,
    /// The limit of its own time.
    pub limit: Duration,
    /// Its policy's name, for people.
    pub policy: String,
    /// The fewest replicas.
    pub min: Replicas,
    /// The most replicas.
    pub max: Replicas,
    /// Replicas at the start.
    pub replicas: Replicas,
    /// From a replica's start to its readiness, the median in the world's time.
    pub start_up: Duration,
    /// Requests per second at which all slots of a replica would be held, from the scenario's own means; nothing if they
    /// do not say.
    pub full_rate: Option<f64>,
}

/// Which world.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum World {
    /// Virtual time.
    Simulated,
    /// Virtual time in rough strokes: it can show that something fails, not that it holds.
    Planned,
    /// Processes on this machine.
    Local,
    /// Load on a system that is not ours.
    Target,
    /// Workloads of the user's own, seen and scaled through commands and URLs.
    External,
}

impl World {
    /// What its figures are, for people: `measured`, `simulated`, or `planned`.
    #[must_use]
    pub fn seen(self) -> &'static str {
        match self {
            Self::Simulated => "simulated",
            Self::Planned => "planned",
            Self::Local | Self::Target | Self::External => "measured",
        }
    }
}

/// Where and when.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Host {
    /// The wall clock at the start.
    pub started: Timestamp,
    /// CPUs that the run could use.
    pub cpus: u32,
    /// The operating system and its release.
    pub system: String,
    /// The processor's name, if it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
}

/// What the audit found: whether each order that was acknowledged to a shopper is there exactly once and charged
/// exactly once, and none is charged that was not ordered.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Audit {
    /// Orders acknowledged to shoppers.
    pub acknowledged: u64,
    /// Orders placed, acknowledged or not.
    pub placed: u64,
    /// Orders charged.
    pub charged: u64,
    /// Charges taken back because their order was given up.
    pub refunded: u64,
    /// What is wrong, for people; empty if nothing is. At most 100 are listed.
    pub violations: Vec<String>,
    /// How many there are.
    pub violation_count: u64,
}

impl Audit {
    /// Whether there was nothing to audit: no order, no charge. That nothing is wrong with them then proves nothing.
    #[must_use]
    pub fn of_nothing(&self) -> bool {
        let Self {
            acknowledged,
            placed,
            charged,
            refunded,
            ref violations,
            violation_count,
        } = *self;
        acknowledged + placed + charged + refunded + violation_count == 0 && violations.is_empty()
    }

    /// What was audited: the orders that shoppers know of, or those that were placed if they kept the number of none.
    pub(crate) fn orders(&self) -> String {
        match self.acknowledged {
            0 => format!("{} placed, none acknowledged", plural(self.placed, "order")),
            n => format!("{} acknowledged", plural(n, "order")),
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct End {
    /// The instant.
    pub at: Timestamp,
    /// How.
    pub how: Ending,
}

/// How a run ended.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It went its whole way.
    Completed,
    /// Someone stopped it.
    Interrupted,
    /// It could not go on.
    Failed(String),
}
