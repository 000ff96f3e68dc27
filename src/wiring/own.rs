//! Our own policies, from what a scenario says of them.

use std::time::Duration;

use metrics::{Ratio, Timestamp};
use scaler::{Clock, ExpectedEvent, ForesightSpec, ReactiveSpec};
use scenarios::{CalendarEvent, History, Scaling, Scenario};

use super::days;

/// What a service's scaling says of itself.
#[derive(Clone, Copy)]
pub(super) struct Own {
    pub(super) budget: Option<Ratio>,
    pub(super) hold: Option<Duration>,
}

/// For `service`, in a scenario that is already compressed to its speed and starts at `start`.
pub(super) fn reactive(
    scenario: &Scenario,
    service: &str,
    scaling: &Scaling,
    own: Own,
    start: Timestamp,
) -> ReactiveSpec {
    let of = scenario.services.get(service);
    let concerns = |event: &&CalendarEvent| event.service.as_deref().is_none_or(|s| s == service);
    // A share of all pages leaves nothing: as little as can be kept to.
    let left = Ratio::new((1.0 - scenario.slo.share.get()).max(1e-6)).unwrap_or_default();
    ReactiveSpec {
        min: scaling.min,
        max: scaling.max,
        period: scenario.control.period,
        slots: of.and_then(|s| s.slots).unwrap_or(1),
        limit: of.map(|s| s.limit).unwrap_or_default(),
        budget: own.budget.unwrap_or(left),
        price: None,
        hold: own.hold,
        events: scenario
            .calendar
            .iter()
            .filter(concerns)
            .map(|event| expected(event, start))
            .collect(),
        clock: Clock {
            origin: start,
            speed: scenario.speed,
        },
    }
}

/// The same with what it knows of the days before.
pub(super) fn foresight(
    scenario: &Scenario,
    service: &str,
    scaling: &Scaling,
    own: Own,
    history: Option<&History>,
    start: Timestamp,
) -> ForesightSpec {
    ForesightSpec {
        common: reactive(scenario, service, scaling, own, start),
        workload: service.to_owned(),
        history: history.map(|history| days::history(scenario, service, history, start)),
    }
}

fn expected(event: &CalendarEvent, start: Timestamp) -> ExpectedEvent {
    ExpectedEvent {
        at: start + event.at,
        expect: event.expect,
        spread: event.spread,
        until: event.lasts.map(|lasts| start + event.at + lasts),
    }
}

#[cfg(test)]
mod tests {
    use scenarios::{NoFiles, Policy};

    use super::*;

    #[test]
    fn the_budget_is_what_the_slo_leaves_and_events_are_instants() {
        let text = "version: 1\nname: t\nduration: 60s\ncontrol: {period: 10s}\ntraffic: {rate: [constant: {rate: 1/s}]}\n\
             journeys: {j: {start: p, pages: {p: {get: /}}}}\n\
             services: {s: {limit: 200ms, slots: 4, operations: {p: {route: GET /, do: [work: 1ms]}}}}\n\
             slo: {within: 300ms, share: 99%}\n\
             scaling: {s: {policy: reactive, min: 1, max: 9}, calendar: [{at: 30s, expect: 6x, for: 10s}]}\n";
        let scenario = Scenario::read("t.yaml", text.as_bytes(), &NoFiles, &[])
            .unwrap_or_else(|mistakes| panic!("{mistakes}"))
            .at_speed(10.0)
            .unwrap();
        let start = Timestamp::from_secs(1000);
        let scaling = &scenario.scaling["s"];
        assert_eq!(
            scaling.policy,
            Policy::Reactive {
                budget: None,
                hold: None
            }
        );
        let own = Own {
            budget: None,
            hold: None,
        };
        let spec = reactive(&scenario, "s", scaling, own, start);
        assert!((spec.budget.get() - 0.01).abs() < 1e-9);
        assert_eq!(spec.limit, Duration::from_millis(200));
        assert_eq!(spec.events[0].at, start + Duration::from_secs(3));
        assert_eq!(spec.events[0].until, Some(start + Duration::from_secs(4)));
        assert!((spec.clock.speed - 10.0).abs() < 1e-12);
    }
}
