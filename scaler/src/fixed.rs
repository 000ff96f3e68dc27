//! Policies that look at nothing but the time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Replicas, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Condition, Decision, Observation, Policy, PolicyState, Reason, Status, Verdict, Wants,
    WriteOutcome,
};

/// Always the same number of replicas.
#[derive(Clone, Debug)]
pub struct Static {
    wants: Wants,
    replicas: Replicas,
    memory: Memory,
    reason: Arc<Reason>,
}

/// From an instant on, so many replicas.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ScheduleEntry {
    /// The instant.
    pub at: Timestamp,
    /// That many.
    pub replicas: Replicas,
}

/// Replicas by the clock: the last entry whose instant has come is in force; before the first, nothing is changed.
#[derive(Clone, Debug)]
pub struct Schedule {
    wants: Wants,
    entries: Vec<ScheduleEntry>,
    memory: Memory,
    /// How many entries had come when something was decided last, and why that was.
    told: Option<(usize, Arc<Reason>)>,
}

/// What such a policy tells of its last decision.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Memory {
    at: Timestamp,
    current: Option<Replicas>,
    desired: Option<Replicas>,
    last_scale: Option<Timestamp>,
    /// There are none, which a status must be told without allocating.
    #[serde(skip)]
    conditions: Arc<BTreeMap<String, Condition>>,
}

impl Static {
    /// `replicas`, looked after every `period`.
    #[must_use]
    pub fn new(replicas: Replicas, period: Duration) -> Self {
        let mut reason = Reason::new("fixed", format!("fixed at {}", Counted(replicas)));
        reason.wanted = Some(replicas);
        Self {
            wants: wants(period),
            replicas,
            memory: Memory::default(),
            reason: Arc::new(reason),
        }
    }
}

impl Schedule {
    /// The entries, in any order; of several with the same instant the last one holds.
    #[must_use]
    pub fn new(mut entries: Vec<ScheduleEntry>, period: Duration) -> Self {
        entries.sort_by_key(|entry| entry.at);
        Self {
            wants: wants(period),
            entries,
            memory: Memory::default(),
            told: None,
        }
    }
}

impl Policy for Static {
    fn wants(&self) -> &Wants {
        &self.wants
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        self.memory.see(seen, Some(self.replicas));
        Decision {
            verdict: Verdict::Scale(self.replicas),
            reason: Arc::clone(&self.reason),
            next: seen.at + self.wants.period,
        }
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        self.memory.settle(outcome)
    }

    fn save(&self) -> PolicyState {
        self.memory.save("static/1")
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        self.memory = Memory::restored("static/1", state)?;
        Ok(())
    }
}

impl Policy for Schedule {
    fn wants(&self) -> &Wants {
        &self.wants
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let due = self.entries.partition_point(|entry| entry.at <= seen.at);
        let in_force = due.checked_sub(1).map(|last| self.entries[last]);
        let following = self.entries.get(due).copied();
        let reason = match &self.told {
            Some((told, reason)) if *told == due => Arc::clone(reason),
            _ => Arc::new(scheduled(in_force, following)),
        };
        self.told = Some((due, Arc::clone(&reason)));
        self.memory.see(seen, reason.wanted);
        let regular = seen.at + self.wants.period;
        Decision {
            verdict: in_force.map_or(Verdict::Hold, |entry| Verdict::Scale(entry.replicas)),
            reason,
            next: following.map_or(regular, |entry| entry.at.min(regular)),
        }
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        self.memory.settle(outcome)
    }

    fn save(&self) -> PolicyState {
        self.memory.save("schedule/1")
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        self.memory = Memory::restored("schedule/1", state)?;
        Ok(())
    }
}

/// Why it is what an entry says, and what comes after it.
fn scheduled(in_force: Option<ScheduleEntry>, following: Option<ScheduleEntry>) -> Reason {
    let mut reason = match in_force {
        Some(ScheduleEntry { at, replicas }) => {
            let (replicas, at) = (Counted(replicas), at.utc());
            Reason::new("schedule", format!("{replicas} scheduled since {at}"))
        }
        None => Reason::new("schedule", "nothing is scheduled yet"),
    };
    reason.wanted = in_force.map(|entry| entry.replicas);
    if let Some(ScheduleEntry { at, replicas }) = following {
        let (replicas, at) = (Counted(replicas), at.utc());
        reason.rest_on(
            format_args!("next entry"),
            format_args!("{replicas} at {at}"),
        );
    }
    reason
}

/// `1 replica`, `6 replicas`.
struct Counted(Replicas);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = if self.0 == Replicas(1) { "" } else { "s" };
        write!(f, "{} replica{ending}", self.0)
    }
}

fn wants(period: Duration) -> Wants {
    Wants {
        period,
        ..Wants::default()
    }
}

impl Memory {
    pub(crate) fn see(&mut self, seen: &Observation, desired: Option<Replicas>) {
        self.at = seen.at;
        self.current = seen.scale.value().map(|scale| scale.spec);
        self.desired = desired.or(self.current);
    }

    pub(crate) fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        if *outcome == WriteOutcome::Written {
            self.last_scale = Some(self.at);
        }
        Status {
            current: self.current,
            desired: self.desired,
            last_scale: self.last_scale,
            error: match outcome {
                WriteOutcome::Failed(why) => Some(why.clone()),
                _ => None,
            },
            conditions: Arc::clone(&self.conditions),
            events: Vec::new(),
        }
    }

    pub(crate) fn save(&self, kind: &str) -> PolicyState {
        PolicyState::of(kind, self)
    }

    pub(crate) fn restored(kind: &str, state: &PolicyState) -> Result<Self, String> {
        state.read(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_a_time_that_people_read() {
        let entry = |at, replicas| ScheduleEntry {
            at: Timestamp::from_secs(at),
            replicas: Replicas(replicas),
        };
        let entries = vec![entry(1_767_571_201, 6), entry(1_767_574_800, 1)];
        let mut policy = Schedule::new(entries, Duration::from_secs(15));
        let seen = Observation {
            at: Timestamp::from_secs(1_767_571_210),
            ..Observation::default()
        };
        let reason = policy.decide(&seen).reason;
        assert_eq!(
            reason.sentence(),
            "6 replicas scheduled since 2026-01-05 00:00:01 UTC"
        );
        let terms = reason.terms();
        assert_eq!(terms.len(), 1);
        assert_eq!(terms[0].value, "1 replica at 2026-01-05 01:00:00 UTC");
    }

    #[test]
    fn the_last_entry_that_has_come_is_in_force() {
        let entry = |at, replicas| ScheduleEntry {
            at: Timestamp::from_secs(at),
            replicas: Replicas(replicas),
        };
        let mut policy = Schedule::new(
            vec![entry(100, 5), entry(20, 3), entry(100, 6)],
            Duration::from_secs(15),
        );
        for (now, verdict, next) in [
            (10, Verdict::Hold, 20),
            (20, Verdict::Scale(Replicas(3)), 35),
            (99, Verdict::Scale(Replicas(3)), 100),
            (100, Verdict::Scale(Replicas(6)), 115),
        ] {
            let seen = Observation {
                at: Timestamp::from_secs(now),
                ..Observation::default()
            };
            let decision = policy.decide(&seen);
            assert_eq!(decision.verdict, verdict, "at {now}");
            assert_eq!(decision.next, Timestamp::from_secs(next), "at {now}");
        }
    }
}
