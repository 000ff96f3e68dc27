//! Our own policies as a service's scaling.

use metrics::Ratio;

use super::super::format::ScalingEntry;
use super::super::mistake::Span;
use super::Meaning;
use crate::{Discipline, Service};

impl Meaning<'_> {
    /// The budget of `policy`, if it says one. It learns what a replica can take from the share of slots that are held, so
    /// there must be such a share.
    pub(super) fn own(
        &mut self,
        entry: &ScalingEntry,
        name: Span,
        policy: &str,
        service: &Service,
    ) -> Option<Ratio> {
        // Where no policy is named it is this one: then the service's name is what is wrong.
        let at = entry.policy.at().unwrap_or(name);
        if service.slots.is_none() {
            self.found.add(
                at,
                format!("`{policy}` for a service with unlimited slots"),
                "it learns what a replica can take from slots held ÷ slots",
                "give the service a number of `slots`, or use another policy: hpa",
            );
        } else if service.discipline != Discipline::Fifo {
            self.found.add(
                at,
                format!("`{policy}` for a service whose requests share its cores"),
                "it learns what a replica can take from slots held ÷ slots, and there a replica is full before its slots are",
                "use `discipline: fifo`, or another policy: hpa",
            );
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
        budget.and_then(|share| Ratio::new(share).ok())
    }
}
