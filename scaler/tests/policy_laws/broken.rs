//! Policies that break a law, to see that each law notices.

use metrics::Replicas;
use scaler::{Decision, Observation, Policy, PolicyState, Status, Verdict, Wants, WriteOutcome};

use super::{MAX, MIN};

/// What is wrong with a policy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// One more than the most.
    OutOfBounds,
    /// In turn one more and one fewer.
    ToAndFro,
    /// Always one fewer, whatever it is shown.
    Trusting,
    /// The fewer, the more its better self wants.
    Backwards,
    /// It counts, and forgets that in a restart.
    Forgetful,
    /// To the most at once.
    Leaps,
}

/// A policy with a fault.
pub(crate) struct Broken {
    inner: Box<dyn Policy + Send>,
    fault: Fault,
    turn: u32,
}

impl Broken {
    pub(crate) fn new(inner: Box<dyn Policy + Send>, fault: Fault) -> Self {
        Self {
            inner,
            fault,
            turn: 0,
        }
    }
}

impl Policy for Broken {
    fn wants(&self) -> &Wants {
        self.inner.wants()
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let mut decision = self.inner.decide(seen);
        self.turn += 1;
        let spec = seen.scale.value().map_or(MIN, |scale| scale.spec.get());
        let wanted = match decision.verdict {
            Verdict::Scale(n) => n.get(),
            Verdict::Hold => spec,
        };
        let to = match self.fault {
            Fault::OutOfBounds => MAX + 1,
            Fault::ToAndFro if self.turn.is_multiple_of(2) => spec.saturating_sub(1).max(MIN),
            Fault::ToAndFro => (spec + 1).min(MAX),
            Fault::Trusting => spec.saturating_sub(1).max(MIN),
            Fault::Backwards => (MAX + MIN).saturating_sub(wanted).max(MIN),
            Fault::Forgetful => MIN + self.turn % (MAX - MIN),
            Fault::Leaps => MAX,
        };
        decision.verdict = Verdict::Scale(Replicas(to));
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
}
