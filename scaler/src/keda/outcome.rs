//! What a number that KEDA itself asked for came to.

use super::Keda;
use super::poll::Step;
use crate::{Event, WriteOutcome};

impl Keda {
    /// What became of a number that KEDA itself asked for.
    pub(super) fn polled(&mut self, step: Step, outcome: &WriteOutcome) {
        let (now, n) = (self.pending.at, step.replicas());
        let from = self.memory.current.unwrap_or_default();
        let failed = match outcome {
            WriteOutcome::Failed(why) => Some(why.clone()),
            WriteOutcome::Lost => Some("the target was changed by someone else meanwhile".into()),
            _ => None,
        };
        self.pending.error.clone_from(&failed);
        let (well, badly) = match step {
            Step::Activate(_) => (
                "KEDAScaleTargetActivated",
                "KEDAScaleTargetActivationFailed",
            ),
            Step::Deactivate(_) => (
                "KEDAScaleTargetDeactivated",
                "KEDAScaleTargetDeactivationFailed",
            ),
            // KEDA does not tell of it.
            Step::ToMinimum(_) => return,
        };
        let verb = match step {
            Step::Activate(_) => "Scaled",
            _ => "Deactivated",
        };
        let (reason, message) = match &failed {
            None => (well, format!("{verb} from {from} to {n}")),
            Some(why) => {
                let verb = match step {
                    Step::Activate(_) => "scale",
                    _ => "deactivate",
                };
                (badly, format!("Failed to {verb} from {from} to {n}: {why}"))
            }
        };
        if failed.is_none() && matches!(step, Step::Activate(_)) {
            self.memory.last_active = Some(now);
        }
        if *outcome != WriteOutcome::DryRun {
            self.pending.events.push(Event {
                warning: failed.is_some(),
                reason: reason.into(),
                message,
            });
        }
    }
}
