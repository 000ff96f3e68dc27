//! No move that a recent recommendation speaks against.

use std::time::Duration;

use metrics::{Replicas, Timestamp};
use serde::{Deserialize, Serialize};

use super::{clip, with};
use crate::{Decision, Observation, Policy, PolicyState, Status, Verdict, Wants, WriteOutcome};

const KIND: &str = "stabilized/1";

/// A policy that goes up no further than the lowest, and down no further than the highest, of its recommendations in a
/// window of each direction. Its first recommendation is what it finds, so that a restart lowers nothing at once.
#[derive(Clone, Debug)]
pub struct Stabilized<P> {
    inner: P,
    up: Duration,
    down: Duration,
    /// Oldest first; nothing before the first step.
    recent: Option<Vec<(Timestamp, Replicas)>>,
}

#[derive(Deserialize, Serialize)]
struct Saved {
    inner: PolicyState,
    recent: Option<Vec<(Timestamp, Replicas)>>,
}

impl<P> Stabilized<P> {
    /// Windows for up and down; zero switches a direction off.
    pub const fn new(inner: P, up: Duration, down: Duration) -> Self {
        Self {
            inner,
            up,
            down,
            recent: None,
        }
    }
}

impl<P: Policy> Policy for Stabilized<P> {
    fn wants(&self) -> &Wants {
        self.inner.wants()
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let mut decision = self.inner.decide(seen);
        let Some(cur) = seen.scale.value().map(|scale| scale.spec) else {
            return decision;
        };
        let now = seen.at;
        let recent = self.recent.get_or_insert_with(|| vec![(now, cur)]);
        let Verdict::Scale(wanted) = decision.verdict else {
            return decision;
        };
        let within = |window: Duration| {
            let cutoff = now.back(window);
            let recent = recent.iter().filter(move |(at, _)| *at > cutoff);
            recent.map(|(_, n)| *n)
        };
        let low = within(self.up).fold(wanted, Replicas::min);
        let high = within(self.down).fold(wanted, Replicas::max);
        let stable = cur.max(low).min(high);
        let oldest = now.back(self.up.max(self.down));
        recent.retain(|(at, _)| *at > oldest);
        recent.push((now, wanted));
        clip(&mut decision, "stabilisation", wanted, stable);
        decision
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        self.inner.settle(outcome)
    }

    fn save(&self) -> PolicyState {
        let saved = Saved {
            inner: self.inner.save(),
            recent: self.recent.clone(),
        };
        PolicyState::of(KIND, &saved)
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        let saved: Saved = state.read(KIND)?;
        self.inner.restore(&saved.inner)?;
        self.recent = saved.recent;
        Ok(())
    }

    fn rules(&self) -> Vec<&'static str> {
        with(self.inner.rules(), &["stabilisation"])
    }

    fn waive(&mut self, rule: &str) {
        if rule == "stabilisation" {
            (self.up, self.down) = (Duration::ZERO, Duration::ZERO);
        }
        self.inner.waive(rule);
    }
}
