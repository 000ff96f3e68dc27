//! A policy with announced events as its minimum: what an operator does who has an HPA and a calendar.

use metrics::{Reading, Replicas, Timestamp};
use scaler::{Decision, Observation, Policy, PolicyState, Status, Verdict, Wants, WriteOutcome};
use scenarios::Scenario;

use super::load::{SLOTS, WORK};
use super::trial::BoxedPolicy;

/// Replicas are ordered so many seconds before an event, and kept so long after its beginning.
const AHEAD: f64 = 120.0;
const AFTER: f64 = 900.0;
/// How full replicas may be in an event.
const FULL: f64 = 0.75;

/// `inner`, with at least so many replicas while an event is on.
pub struct Floored {
    inner: BoxedPolicy,
    floors: Vec<(Timestamp, Timestamp, Replicas)>,
}

impl Floored {
    /// With the events that `scenario` announces; what is usual is what comes just before.
    pub fn new(inner: BoxedPolicy, scenario: &Scenario) -> Self {
        let floor = |event: &scenarios::CalendarEvent| {
            let before = event.at.saturating_sub(std::time::Duration::from_secs(60));
            let rate = scenario.page_rate_at(before) * event.expect * (1.0 + event.spread.get());
            let at = scenario.starts + event.at;
            let from = scenario.starts
                + event
                    .at
                    .saturating_sub(std::time::Duration::from_secs_f64(AHEAD));
            let until = at + std::time::Duration::from_secs_f64(AFTER);
            (
                from,
                until,
                Replicas((rate * WORK / SLOTS / FULL).ceil() as u32),
            )
        };
        Self {
            inner,
            floors: scenario.calendar.iter().map(floor).collect(),
        }
    }

    fn floor(&self, at: Timestamp) -> Option<Replicas> {
        let on = self
            .floors
            .iter()
            .filter(|(from, until, _)| *from <= at && at < *until);
        on.map(|(_, _, n)| *n).max()
    }
}

impl Policy for Floored {
    fn wants(&self) -> &Wants {
        self.inner.wants()
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let mut decision = self.inner.decide(seen);
        let Some(floor) = self.floor(seen.at) else {
            return decision;
        };
        let now = match &seen.scale {
            Reading::Value { value, .. } => value.spec,
            Reading::NoData(_) => Replicas(0),
        };
        decision.verdict = match decision.verdict {
            Verdict::Scale(n) => Verdict::Scale(n.max(floor)),
            Verdict::Hold if now < floor => Verdict::Scale(floor),
            hold => hold,
        };
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
