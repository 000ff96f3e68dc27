//! What the engine drives beyond any scenario: workloads of the user's own, each with where its readings come from and
//! what scales it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Scenario;

/// A checked engine file.
#[derive(Clone, Debug, PartialEq)]
pub struct Engine {
    /// The workloads as services of a scenario without shoppers: their policies, the period, the calendar, what good means.
    pub scenario: Scenario,
    /// Whether `starts` was said; otherwise schedules and calendars have nothing to count from, and there are none.
    pub is_dated: bool,
    /// The workloads, by name.
    pub workloads: BTreeMap<String, Driven>,
}

/// How a workload is seen and scaled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Driven {
    /// Where its readings come from; nothing for a policy that needs none.
    pub source: Option<Remote>,
    /// What scales it.
    pub target: Remote,
    /// Whether a policy that would go down on missing, stale or thin data is kept from it.
    pub is_guarded: bool,
}

/// Something that answers in JSON.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remote {
    /// How it is asked.
    pub by: Means,
    /// How long an answer may take.
    pub deadline: Duration,
}

/// How something is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Means {
    /// A program with its arguments: the request on its standard input, the answer on its standard output.
    Command(Vec<String>),
    /// HTTP without TLS.
    Url {
        /// As in `http://127.0.0.1:9000/web`.
        url: String,
        /// The host once more, for one that is not on this machine.
        host: Option<String>,
    },
}
