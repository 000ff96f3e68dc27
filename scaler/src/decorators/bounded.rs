//! A least and a most number of replicas.

use metrics::Replicas;

use super::{clip, with};
use crate::{Decision, Observation, Policy, PolicyState, Status, Verdict, Wants, WriteOutcome};

/// A policy within bounds. Where it holds and there are fewer than the least, they are raised; never lowered.
#[derive(Clone, Debug)]
pub struct Bounded<P> {
    inner: P,
    min: Replicas,
    max: Replicas,
}

impl<P> Bounded<P> {
    /// At least `min`, at most `max`; where they cross, `min` holds.
    pub const fn new(inner: P, min: Replicas, max: Replicas) -> Self {
        Self { inner, min, max }
    }
}

impl<P: Policy> Policy for Bounded<P> {
    fn wants(&self) -> &Wants {
        self.inner.wants()
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let mut decision = self.inner.decide(seen);
        let current = seen.scale.value().map(|scale| scale.spec);
        match (decision.verdict, current) {
            (Verdict::Scale(n), _) if n < self.min => clip(&mut decision, "min", n, self.min),
            (Verdict::Scale(n), _) => {
                let most = self.max.max(self.min);
                clip(&mut decision, "max", n, n.min(most));
            }
            (Verdict::Hold, Some(n)) if n < self.min => clip(&mut decision, "min", n, self.min),
            (Verdict::Hold, _) => {}
        }
        decision
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        self.inner.settle(outcome)
    }

    fn save(&self) -> PolicyState {
        self.inner.save()
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        self.inner.restore(state)
    }

    fn rules(&self) -> Vec<&'static str> {
        with(self.inner.rules(), &["min", "max"])
    }

    fn waive(&mut self, rule: &str) {
        match rule {
            "min" => self.min = Replicas::ZERO,
            "max" => self.max = Replicas(u32::MAX),
            _ => {}
        }
        self.inner.waive(rule);
    }
}
