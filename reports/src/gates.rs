//! Whether what must hold did hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a gate came out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It held.
    Pass,
    /// It did not, and that is only said.
    Warn,
    /// It did not.
    Fail,
    /// There are too few samples, or no data, to say.
    Inconclusive,
}

/// What a value is counted in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Milliseconds of latency.
    Ms,
    /// Seconds of scenario time.
    S,
    /// A share, 1 being all.
    Share,
    /// Replica-minutes.
    ReplicaMin,
    /// Requests per second.
    Rps,
    /// How many.
    Count,
}

/// One gate, judged.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct GateResult {
    /// How it was written.
    pub gate: String,
    /// How it came out.
    pub outcome: Outcome,
    /// What was measured, where it was worst.
    pub value: Option<f64>,
    /// The bound.
    pub limit: f64,
    /// What both are counted in.
    pub unit: Unit,
    /// (limit − value) ÷ limit, turned round where more is better; negative where it does not hold.
    pub margin: Option<f64>,
    /// Where it was worst, or over what it was judged: `phase rise, worst at 5:20`.
    pub place: String,
    /// Why it is inconclusive, if it is.
    pub why: Option<String>,
}

/// How the run came out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All gates held.
    Passed,
    /// All gates held but some that only warn.
    PassedWithWarnings,
    /// A gate did not hold, or the audit found something.
    Failed,
    /// The load was not delivered as promised, or there are too few samples: nothing can be said.
    Invalid,
    /// The run was stopped or cut off before its end.
    Interrupted,
}

impl Verdict {
    /// The exit code that says it: 0, 1, 3 or 130.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Passed | Self::PassedWithWarnings => 0,
            Self::Failed => 1,
            Self::Invalid => 3,
            Self::Interrupted => 130,
        }
    }

    /// Its word, in capitals.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed | Self::PassedWithWarnings => "PASSED",
            Self::Failed => "FAILED",
            Self::Invalid => "INVALID",
            Self::Interrupted => "INTERRUPTED",
        }
    }
}
