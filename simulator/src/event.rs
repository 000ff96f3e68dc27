//! What a simulation tells.

use std::time::Duration;

use metrics::{Timestamp, Window};
use scaler::StepRecord;

/// What happens, in order of time. The record's events are made from these one to one.
#[derive(Clone, Debug)]
pub enum Event {
    /// A window, or a piece of one: pieces of the same start add up.
    Window(Window),
    /// One step of one workload's policy.
    Step {
        /// The workload: the service's name.
        workload: String,
        /// The decision's instant.
        at: Timestamp,
        /// All that the step was.
        record: Box<StepRecord>,
    },
    /// Something broke, or was mended.
    Fault {
        /// When.
        at: Timestamp,
        /// How long it lasts; zero for what happens at once.
        lasts: Duration,
        /// The service it hit, if it hit one.
        service: Option<String>,
        /// What happened, for people.
        what: String,
    },
    /// The last: nothing more happens.
    End {
        /// When: the scenario's end, or when the last request that was still open had ended, at most 5 s later.
        at: Timestamp,
    },
}

/// How far a simulation has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Progress {
    /// Up to here everything has happened, since the start.
    pub at: Duration,
    /// Pages sent so far, tries included.
    pub requests: u64,
    /// Whether it is over.
    pub done: bool,
}
