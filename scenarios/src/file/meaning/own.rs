//! Our own policies as a service's scaling.

use std::time::Duration;

use metrics::Ratio;

use super::super::format::{HistoryFile, ScalingEntry};
use super::super::mistake::Span;
use super::super::units::FileName;
use super::super::written::{At, Field};
use super::Meaning;
use crate::{Counts, Discipline, History, Part, Policy, Service};

/// The longest hold.
const LONGEST_HOLD: Duration = Duration::from_secs(600);

impl Meaning<'_> {
    pub(super) fn reactive(
        &mut self,
        entry: &ScalingEntry,
        name: Span,
        service: &Service,
    ) -> Policy {
        self.learns(entry, name, "reactive", service);
        Policy::Reactive {
            budget: self.budget(entry),
            hold: self.hold(entry),
        }
    }

    pub(super) fn foresight(
        &mut self,
        entry: &ScalingEntry,
        name: Span,
        service: &Service,
    ) -> Policy {
        self.learns(entry, name, "foresight", service);
        Policy::Foresight {
            budget: self.budget(entry),
            hold: self.hold(entry),
            history: self.history(&entry.history),
        }
    }

    /// It learns what a replica can take from the share of slots that are held, so there must be such a share.
    fn learns(&mut self, entry: &ScalingEntry, name: Span, policy: &str, service: &Service) {
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
    }

    fn budget(&mut self, entry: &ScalingEntry) -> Option<Ratio> {
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

    fn hold(&mut self, entry: &ScalingEntry) -> Option<Duration> {
        let hold = entry.hold.value().map(|time| time.0);
        if let (Some(hold), Some(at)) = (hold, entry.hold.at())
            && hold > LONGEST_HOLD
        {
            let what = format!("hold = {}", super::spoken(hold));
            self.found.add(at, what, "", "from 0s to 10m");
        }
        hold
    }

    fn history(&mut self, field: &Field<HistoryFile>) -> Option<History> {
        let (file, at) = (field.value()?, field.at()?);
        if file.days.is_there() == file.file.is_there() {
            let what = if file.days.is_there() {
                "a history that is told twice"
            } else {
                "a history without days"
            };
            let rule = "either `days: 7`, or `file: week.csv.gz`";
            self.found.add(at, what, "", rule);
        }
        if let Some(days) = file.days.value() {
            let days = self.within(days.0, file.days.at(), "days", 2..=7);
            return Some(History::Days(days));
        }
        let At { value, at, .. } = file.file.0.as_ref()?;
        Some(History::Counted {
            counts: self.counted(value, *at)?,
            ended: Duration::ZERO,
        })
    }

    fn counted(&mut self, FileName(name): &FileName, at: Span) -> Option<Counts> {
        let input = match self.files.open(name) {
            Ok(input) => input,
            Err(error) => {
                self.unreadable(name, at, &error);
                return None;
            }
        };
        let label = "see that line of the file";
        let rule = "a history is CSV with the columns timestamp_s,requests, as a trace is";
        let counts = crate::read_counts(input, name, Part::WHOLE);
        counts
            .map_err(|error| self.found.add(at, error.to_string(), label, rule))
            .ok()
    }
}
