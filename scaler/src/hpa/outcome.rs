//! What a decision came to: the second half of a reconcile.

use super::metric::Metric;
use super::{Hpa, Pending, Stage, Why, count, normalise};
use crate::{ConditionStatus, Event};

impl Hpa {
    pub(super) fn decided(&mut self, desired: i32, why: Why) {
        self.pending.stage = Stage::Decided;
        self.pending.desired = desired;
        self.pending.why = why;
    }

    /// Why it rescales, in upstream's words.
    fn why(&self) -> String {
        match self.pending.why {
            Why::Nothing => String::new(),
            Why::Bound(words) => words.to_owned(),
            Why::Below => "All metrics below target".to_owned(),
            Why::Above(place) => {
                let name = place.map_or("", |place| self.metrics[place].name.as_str());
                format!("{name} above target")
            }
        }
    }

    pub(super) fn warn(&mut self, reason: &str, message: String) {
        self.pending.events.push(Event {
            warning: true,
            reason: reason.to_owned(),
            message,
        });
    }

    /// The new number was written.
    pub(super) fn written(&mut self) {
        let Pending {
            at, cur, desired, ..
        } = self.pending;
        self.memory.set(
            "AbleToScale",
            ConditionStatus::True,
            "SucceededRescale",
            format_args!("the HPA controller was able to update the target scale to {desired}"),
        );
        self.pending.events.push(Event {
            warning: false,
            reason: "SuccessfulRescale".into(),
            message: format!("New size: {desired}; reason: {}", self.why()),
        });
        if let Some(rules) = &self.rules {
            let change = desired.saturating_sub(cur).saturating_abs();
            let (list, side) = if desired > cur {
                (&mut self.memory.up, &rules.up)
            } else {
                (&mut self.memory.down, &rules.down)
            };
            normalise::record_event(list, at, side.longest_period(), change);
        }
        if self.controller.scale_to_zero {
            let slept =
                cur > 0 && desired == 0 && self.min == 0 && self.metrics.iter().any(Metric::wakes);
            let (status, reason, message) = if slept {
                (
                    ConditionStatus::True,
                    "ScaledToZero",
                    "the HPA controller scaled the workload to zero",
                )
            } else {
                (
                    ConditionStatus::False,
                    "NotScaledToZero",
                    "the HPA controller did not scale the workload to zero",
                )
            };
            self.memory
                .set("ScaledToZero", status, reason, format_args!("{message}"));
        } else {
            self.memory.remove("ScaledToZero");
        }
        self.memory.last_scale = Some(at);
        self.memory.desired = Some(count(desired));
    }

    pub(super) fn failed(&mut self, why: &str) {
        let desired = self.pending.desired;
        let message = format!("New size: {desired}; reason: {}; error: {why}", self.why());
        self.warn("FailedRescale", message);
        self.memory.set(
            "AbleToScale",
            ConditionStatus::False,
            "FailedUpdateScale",
            format_args!("the HPA controller was unable to update the target scale: {why}"),
        );
        self.pending.error = Some(format!("failed to rescale {}: {why}", self.reference));
    }
}
