//! The clairvoyant: a policy that knows the whole future load, as a floor that no real one can get under.
//!
//! [`OracleTask`] says what is coming and what a replica can take; it gives the cheapest [`Plan`] at a price per miss
//! ([`OracleTask::plan`]), within a budget of misses ([`OracleTask::plan_within`]), or without ever being short
//! ([`OracleTask::plan_never_short`]). [`Oracle`] follows such a plan, and orders replicas as long before they are needed
//! as they take to start. A world cannot tell it from any other policy.
//!
//! What it does not know: the luck inside a step. Its misses are those of the capacity curve, and overload is taken as if
//! the surplus alone were lost; so its cost is a bound, not a promise.

mod capacity;
mod levels;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use metrics::{Replicas, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use capacity::{CapacityCurve, CapacityError};
pub use plan::{Load, OracleTask, Plan};

use crate::decision::Pad;
use crate::fixed::Memory;
use crate::{Decision, Observation, Policy, PolicyState, Status, Verdict, Wants, WriteOutcome};

/// What an [`Oracle`] follows.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct OracleSpec {
    /// From which instant on how many must be ready, in order.
    pub changes: Vec<(Timestamp, Replicas)>,
    /// How long before they are needed replicas are ordered.
    pub lead: Duration,
    /// Between two decisions.
    pub period: Duration,
}

impl OracleSpec {
    /// `plan`, whose first step begins at `start`. Replicas are ordered `lead` before they are needed: at least the time
    /// that nearly all of them take to start. Looked after every `period`.
    #[must_use]
    pub fn new(plan: &Plan, start: Timestamp, lead: Duration, period: Duration) -> Self {
        let mut changes: Vec<(Timestamp, Replicas)> = Vec::new();
        let mut at = start;
        for replicas in &plan.replicas {
            if changes.last().is_none_or(|(_, last)| last != replicas) {
                changes.push((at, *replicas));
            }
            at = at + plan.step;
        }
        Self {
            changes,
            lead,
            period,
        }
    }
}

/// Follows a plan that was made with the future known.
#[derive(Clone, Debug)]
pub struct Oracle {
    wants: Wants,
    changes: Vec<(Timestamp, Replicas)>,
    lead: Duration,
    memory: Memory,
    reasons: Pad,
}

impl Oracle {
    /// Follows what `spec` says.
    #[must_use]
    pub fn new(spec: OracleSpec) -> Self {
        Self {
            wants: Wants {
                period: spec.period,
                ..Wants::default()
            },
            changes: spec.changes,
            lead: spec.lead,
            memory: Memory::default(),
            reasons: Pad::default(),
        }
    }

    /// The most that are needed at once from `from` until `to`; nothing without a plan.
    fn needed(&self, from: Timestamp, to: Timestamp) -> Option<Replicas> {
        let first = self.changes.partition_point(|(at, _)| *at <= from);
        let last = self.changes.partition_point(|(at, _)| *at <= to);
        self.changes
            .get(first.saturating_sub(1)..last.max(1))?
            .iter()
            .map(|(_, replicas)| *replicas)
            .max()
    }
}

impl Policy for Oracle {
    fn wants(&self) -> &Wants {
        &self.wants
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let next = seen.at + self.wants.period;
        // What is ordered at the next decision is there a lead later: until then this one has to do.
        let until = next + self.lead;
        let wanted = self.needed(seen.at, until);
        let mut page = self.reasons.page();
        let reason = Arc::make_mut(&mut page);
        match wanted {
            Some(n) => reason.say(
                "oracle",
                format_args!(
                    "no more than {} needed until {until}, as the future is known",
                    n.in_words()
                ),
            ),
            None => reason.say("oracle", format_args!("there is no plan")),
        }
        reason.wanted = wanted;
        if let Some(now) = self.needed(seen.at, seen.at) {
            reason.rest_on(
                format_args!("needed now"),
                format_args!("{}", now.in_words()),
            );
        }
        self.reasons.keep(&page);
        self.memory.see(seen, wanted);
        Decision {
            verdict: wanted.map_or(Verdict::Hold, Verdict::Scale),
            reason: page,
            next,
        }
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        self.memory.settle(outcome)
    }

    fn save(&self) -> PolicyState {
        self.memory.save("oracle/1")
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        self.memory = Memory::restored("oracle/1", state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
