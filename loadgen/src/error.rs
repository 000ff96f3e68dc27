//! Why a run cannot begin, or broke.

use std::time::Duration;

use crate::TargetError;

/// Why a run cannot begin, or broke.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The target's URL is wrong.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The target cannot be reached.
    #[error("cannot reach {target}: {why}")]
    Unreachable {
        /// Its URL.
        target: String,
        /// Why, in the words of the system.
        why: String,
    },
    /// The target is not on this machine, and nobody said whose it is.
    #[error(
        "{host} is not on this machine: load it only if it is yours, and say so with `--i-own-the-target {host}`"
    )]
    NotOwned {
        /// The host.
        host: String,
    },
    /// The scenario asks more of a target that is not on this machine than the cap allows.
    #[error(
        "the scenario has up to {rate} arrivals in a second, above the cap of {cap} for targets that are not on this machine"
    )]
    RateCap {
        /// The most in any one second.
        rate: u64,
        /// The cap.
        cap: u64,
    },
    /// The scenario is longer than the cap for targets that are not on this machine.
    #[error(
        "the run lasts {duration:?}, above the cap of {cap:?} for targets that are not on this machine"
    )]
    DurationCap {
        /// How long it lasts.
        duration: Duration,
        /// The cap.
        cap: Duration,
    },
    /// The process may not open as many files as there are connections.
    #[error(
        "{workers} workers with {connections} connections each need {needed} open files, but the limit is {limit}: \
         raise it (`ulimit -n {needed}`) or ask for fewer connections"
    )]
    FileLimit {
        /// The threads.
        workers: u32,
        /// The connections of each.
        connections: u32,
        /// The files that are needed, those open already included.
        needed: u64,
        /// The hard limit.
        limit: u64,
    },
    /// A number of the plan makes no sense.
    #[error("{what} is {value}, but must be at least {least}")]
    TooFew {
        /// The number.
        what: &'static str,
        /// What it is.
        value: u32,
        /// What it must be at least.
        least: u32,
    },
    /// A worker's thread or its timer could not be made.
    #[error("cannot start a worker of the load generator: {0}")]
    Start(#[source] std::io::Error),
    /// A worker broke: a defect of the generator itself.
    #[error("a worker of the load generator broke: {0}")]
    Broken(String),
}
