//! From all metrics to one number: the largest proposal, and what a broken metric means.

use super::metric::Context;
use super::{Hpa, Metrics, explain};
use crate::{ConditionStatus, Event, Observation, Reason, Scale, Selector, Term};

impl Hpa {
    /// The largest proposal of all metrics, and the name of the metric that made it.
    pub(super) fn compute(
        &mut self,
        seen: &Observation,
        metrics: &Metrics,
        scale: &Scale,
        cur: i32,
        reason: &mut Reason,
    ) -> Result<(i32, String), String> {
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
        for metric in &self.metrics {
            match metric.propose(&with) {
                Ok(proposal) => {
                    reason.terms.push(explain::term(metric, &proposal));
                    if best == 0 || proposal.replicas > best {
                        best = proposal.replicas;
                        winner = Some((metric, proposal));
                    }
                }
                Err(error) => {
                    reason.terms.push(Term {
                        name: metric.name.clone(),
                        value: format!("no data: {}", error.event),
                    });
                    failed += 1;
                    self.pending.events.push(Event {
                        warning: true,
                        reason: error.reason.into(),
                        message: error.event.clone(),
                    });
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
                let why = format!(
                    "the HPA was unable to compute the replica count: {}",
                    error.event
                );
                self.memory
                    .set("ScalingActive", ConditionStatus::False, error.reason, &why);
                return Err(summary);
            }
            self.pending.error = Some(summary);
        }
        let name = winner.map_or_else(String::new, |(metric, proposal)| {
            reason.sentence = explain::sentence(metric, &proposal);
            metric.name.clone()
        });
        self.memory.set(
            "ScalingActive",
            ConditionStatus::True,
            "ValidMetricFound",
            &format!("the HPA was able to successfully calculate a replica count from {name}"),
        );
        Ok((best, name))
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
        self.memory
            .set("ScalingActive", ConditionStatus::False, reason, message);
        Err(error.to_owned())
    }
}
