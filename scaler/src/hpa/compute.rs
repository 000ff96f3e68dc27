//! From all metrics to one number: the largest proposal, and what a broken metric means.

use super::metric::Context;
use super::{Found, Hpa, Metrics};
use crate::{ConditionStatus, Event, Observation, Scale, Selector};

impl Hpa {
    /// The largest proposal of all metrics, and the place of the metric that made it.
    pub(super) fn compute(
        &mut self,
        seen: &Observation,
        metrics: &Metrics,
        scale: &Scale,
        cur: i32,
        found: &mut Found,
    ) -> Result<(i32, Option<usize>), String> {
        self.check_selector(&scale.selector)?;
        let with = Context {
            seen,
            metrics,
            cur,
            status: i32::try_from(scale.status.get()).unwrap_or(i32::MAX),
            tolerance: self.tolerance,
            controller: &self.controller,
        };
        let (mut best, mut winner, mut failed, mut first) = (0, None, 0, None);
        for (place, metric) in self.metrics.iter().enumerate() {
            match metric.propose(&with, &mut self.room) {
                Ok(proposal) => {
                    if best == 0 || proposal.replicas > best {
                        best = proposal.replicas;
                        winner = Some(place);
                    }
                    found.proposed.push(Ok(proposal));
                }
                Err(error) => {
                    failed += 1;
                    self.pending.events.push(Event {
                        warning: true,
                        reason: error.reason.into(),
                        message: error.event.clone(),
                    });
                    found.proposed.push(Err(error.event.clone()));
                    first.get_or_insert(error);
                }
            }
        }
        if let Some(error) = first {
            let summary = format!(
                "invalid metrics ({failed} invalid out of {}), first error is: {}",
                self.metrics.len(),
                error.error
            );
            // With a broken metric it may go up or stay, never down.
            if failed == self.metrics.len() || best < cur {
                self.memory.set(
                    "ScalingActive",
                    ConditionStatus::False,
                    error.reason,
                    format_args!(
                        "the HPA was unable to compute the replica count: {}",
                        error.event
                    ),
                );
                return Err(summary);
            }
            self.pending.error = Some(summary);
        }
        let name = winner.map_or("", |place| self.metrics[place].name.as_str());
        self.memory.set(
            "ScalingActive",
            ConditionStatus::True,
            "ValidMetricFound",
            format_args!("the HPA was able to successfully calculate a replica count from {name}"),
        );
        Ok((best, winner))
    }

    fn check_selector(&mut self, selector: &Selector) -> Result<(), String> {
        let (event, reason, error, message) = match selector {
            Selector::Valid => return Ok(()),
            Selector::Missing => (
                "SelectorRequired",
                "InvalidSelector",
                "selector is required",
                "the HPA target's scale is missing a selector",
            ),
            Selector::Unparsable => (
                "InvalidSelector",
                "InvalidSelector",
                "couldn't convert selector into a corresponding internal selector object",
                "couldn't convert selector into a corresponding internal selector object",
            ),
            Selector::Ambiguous => (
                "AmbiguousSelector",
                "AmbiguousSelector",
                "pods by selector are controlled by multiple HPAs",
                "pods by selector are controlled by multiple HPAs",
            ),
        };
        self.warn(event, error.to_owned());
        self.memory.set(
            "ScalingActive",
            ConditionStatus::False,
            reason,
            format_args!("{message}"),
        );
        Err(error.to_owned())
    }
}
