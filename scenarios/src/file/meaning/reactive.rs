//! Our own policy as a service's scaling.

use metrics::Ratio;

use super::super::format::ScalingEntry;
use super::{Meaning, refuse};
use crate::{Discipline, Policy, Service};

impl Meaning<'_> {
    /// It learns what a replica can take from the share of slots that are held, so there must be such a share.
    pub(super) fn reactive(&mut self, entry: &ScalingEntry, service: &Service) -> Policy {
        let what = "a reactive policy";
        self.nothing_of_hpa(entry, what);
        refuse(self.found, what, [("schedule", entry.schedule.at())]);
        if let Some(at) = entry.policy.at() {
            if service.slots.is_none() {
                self.found.add(
                    at,
                    "`reactive` for a service with unlimited slots",
                    "it learns what a replica can take from slots held ÷ slots",
                    "give the service a number of `slots`, or use another policy: hpa",
                );
            } else if service.discipline != Discipline::Fifo {
                self.found.add(
                    at,
                    "`reactive` for a service whose requests share its cores",
                    "it learns what a replica can take from slots held ÷ slots, and there a replica is full before its slots are",
                    "use `discipline: fifo`, or another policy: hpa",
                );
            }
        }
        let budget = entry.budget.value().map(|share| share.0);
        if let (Some(share), Some(at)) = (budget, entry.budget.at())
            && !(1e-6..=0.5).contains(&share)
        {
            self.found.add(
                at,
                "a budget that cannot be kept to",
                "",
                "from 0.0001% to 50% of the requests",
            );
        }
        Policy::Reactive {
            budget: budget.and_then(|share| Ratio::new(share).ok()),
        }
    }
}
