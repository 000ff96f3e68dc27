//! What breaks.

use std::time::Duration;

use metrics::Ratio;
use serde::{Deserialize, Serialize};

/// What breaks.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fault {
    /// When, since the start.
    pub at: Duration,
    /// How long it lasts; zero for what happens at once.
    pub lasts: Duration,
    /// What it is.
    pub kind: FaultKind,
}

/// What a fault is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Replicas end without a word.
    Kill {
        /// Whose.
        service: String,
        /// How many.
        replicas: u32,
    },
    /// The registry ends without a word, and is started again.
    KillRegistry,
    /// The gateway ends without a word, and is started again.
    KillGateway,
    /// Replicas work slower by a factor.
    Slow {
        /// Whose.
        service: String,
        /// How many; nothing: all.
        replicas: Option<u32>,
        /// How many times slower.
        factor: f64,
    },
    /// Waiting takes longer by a factor: the bank behind payment is slow.
    SlowWait {
        /// Whose.
        service: String,
        /// How many times slower.
        factor: f64,
    },
    /// Replicas answer only 500.
    Fail {
        /// Whose.
        service: String,
        /// How many; nothing: all.
        replicas: Option<u32>,
        /// The share of their answers.
        share: Ratio,
    },
    /// Replicas stand still, and then go on where they were: what they work on takes as much longer.
    Freeze {
        /// Whose.
        service: String,
        /// How many; nothing: all.
        replicas: Option<u32>,
    },
    /// Replicas accept and never answer.
    Hang {
        /// Whose.
        service: String,
        /// How many; nothing: all.
        replicas: Option<u32>,
    },
    /// A bad deploy: replicas started from now on work slower and fail more, and all are replaced one by one.
    BadDeploy {
        /// Whose.
        service: String,
        /// How many times slower.
        factor: f64,
        /// The share of 500s.
        share: Ratio,
    },
    /// Replicas stop renewing their lease, but live.
    LoseLease {
        /// Whose.
        service: String,
        /// How many.
        replicas: u32,
    },
    /// Nodes are gone, with the replicas on them. If it lasts, they are back after that, empty; otherwise never.
    LoseNode {
        /// How many.
        nodes: u32,
    },
    /// All nodes of a zone are gone, with the replicas on them, and none is made there while it lasts. If it does not
    /// last, none is ever.
    LoseZone {
        /// Which, counted from 0; nothing: one at random.
        zone: Option<u32>,
    },
    /// No metrics are to be had.
    NoMetrics,
}
