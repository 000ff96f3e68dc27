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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scaler::{PolicySpec, Scale};
    use scenarios::NoFiles;

    use super::*;

    /// A sale of four times 64 requests/s an hour after the start, above a policy that always says two.
    fn floored() -> (Floored, Timestamp) {
        let text = "version: 1\nname: t\nduration: 2h\ntraffic: {unit: requests, rate: [constant: {rate: 64/s}]}\n\
             journeys: {j: {start: p, pages: {p: {get: /}}}}\n\
             services: {s: {limit: 2s, slots: 4, operations: {p: {route: GET /, do: [work: 250ms]}}}}\n\
             scaling: {s: {policy: static}, calendar: [{at: 1h, expect: 4x, spread: 50%}]}\n\
             slo: {within: 2s, share: 99%}\n";
        let scenario = Scenario::read("t.yaml", text.as_bytes(), &NoFiles, &[])
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let two = PolicySpec::Static {
            replicas: Replicas(2),
            period: Duration::from_secs(15),
        };
        let inner = two.build().unwrap_or_else(|e| panic!("{e}"));
        (Floored::new(inner, &scenario), scenario.starts)
    }

    fn decided(policy: &mut Floored, at: Timestamp, spec: u32) -> Verdict {
        let scale = Scale {
            spec: Replicas(spec),
            status: Replicas(spec),
            ..Scale::default()
        };
        let seen = Observation {
            at,
            scale: Reading::now(scale, at),
            ..Observation::default()
        };
        policy.decide(&seen).verdict
    }

    #[test]
    fn an_announced_event_is_the_minimum_from_two_minutes_before_to_a_quarter_of_an_hour_after_its_beginning()
     {
        let (mut policy, start) = floored();
        let begin = start + Duration::from_secs(3600);
        // 64 · 4 · 1.5 requests/s at 16 a replica, three quarters full.
        let floor = Verdict::Scale(Replicas(32));
        for (at, expected) in [
            (
                begin.back(Duration::from_secs(121)),
                Verdict::Scale(Replicas(2)),
            ),
            (begin.back(Duration::from_secs(120)), floor),
            (begin + Duration::from_secs(899), floor),
            (
                begin + Duration::from_secs(900),
                Verdict::Scale(Replicas(2)),
            ),
        ] {
            assert_eq!(decided(&mut policy, at, 5), expected);
        }
    }
}
