//! Events that are known beforehand.

use metrics::{Ratio, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::Clock;

/// Before an event nothing goes down for so many seconds.
const CALM: f64 = 600.0;
/// How long an event lasts if nobody says, in seconds.
const LASTS: f64 = 900.0;
/// Around an event, from this much before it, nothing is learned of surprises: one sale would poison the margin of days.
const BEFORE: f64 = 300.0;

/// An event that the operator expects.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ExpectedEvent {
    /// When.
    pub at: Timestamp,
    /// How many times the load just before it.
    pub expect: f64,
    /// How uncertain that is, as a share of it.
    pub spread: Ratio,
    /// Until when, if that is known; a quarter of an hour if not.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl ExpectedEvent {
    fn span(&self, clock: &Clock) -> (f64, f64) {
        let start = clock.seconds(self.at);
        let end = self
            .until
            .map_or(start + LASTS, |until| clock.seconds(until));
        (start, end.max(start))
    }

    fn multiple(&self) -> f64 {
        let multiple = self.expect * (1.0 + self.spread.get());
        if multiple.is_finite() {
            multiple.clamp(0.0, 1e6)
        } else {
            1.0
        }
    }
}

/// The load just before the event that is on.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Base(Option<(f64, f64)>);

impl Base {
    pub(super) fn is_sound(&self) -> bool {
        self.0
            .is_none_or(|(at, rate)| at.is_finite() && (0.0..=1e12).contains(&rate))
    }

    /// Until an event begins its base follows the load; then it stays.
    pub(super) fn learn(&mut self, events: &[ExpectedEvent], clock: &Clock, now: f64, usual: f64) {
        let on = |event: &&ExpectedEvent| {
            let (start, end) = event.span(clock);
            start <= now && now < end
        };
        let Some(event) = events.iter().rfind(on) else {
            self.0 = Some((now, usual));
            return;
        };
        if self.0.is_none() {
            // It was on before anybody looked: the load that is there is the event's own.
            self.0 = Some((event.span(clock).0, usual / event.multiple().max(1.0)));
        }
    }

    /// The rate that events ask for now or within `lead` seconds; nothing without one.
    pub(super) fn rate(
        &self,
        events: &[ExpectedEvent],
        clock: &Clock,
        now: f64,
        lead: f64,
    ) -> Option<f64> {
        let base = self.0?.1;
        let due = |event: &&ExpectedEvent| {
            let (start, end) = event.span(clock);
            start - lead <= now && now < end
        };
        let multiples = events.iter().filter(due).map(ExpectedEvent::multiple);
        multiples.reduce(f64::max).map(|multiple| base * multiple)
    }
}

/// Whether nothing may go down because an event is near.
pub(super) fn is_near(events: &[ExpectedEvent], clock: &Clock, now: f64) -> bool {
    within(events, clock, now, CALM, 0.0)
}

/// Whether what happens now says nothing about usual days.
pub(super) fn is_masked(events: &[ExpectedEvent], clock: &Clock, now: f64) -> bool {
    within(events, clock, now, BEFORE, LASTS)
}

fn within(events: &[ExpectedEvent], clock: &Clock, now: f64, before: f64, after: f64) -> bool {
    events.iter().any(|event| {
        let (start, end) = event.span(clock);
        let end = if after > 0.0 {
            end.max(start + after)
        } else {
            start
        };
        start - before <= now && now < end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sale() -> [ExpectedEvent; 1] {
        [ExpectedEvent {
            at: Timestamp::from_secs(10_000),
            expect: 5.0,
            spread: Ratio::new(0.2).unwrap(),
            until: Some(Timestamp::from_secs(11_000)),
        }]
    }

    #[test]
    fn it_is_prepared_a_lead_before_and_rests_on_the_load_before_it() {
        let (events, clock) = (sale(), Clock::default());
        let mut base = Base::default();
        base.learn(&events, &clock, 9_000.0, 100.0);
        assert_eq!(base.rate(&events, &clock, 9_000.0, 120.0), None);
        assert_eq!(base.rate(&events, &clock, 9_890.0, 120.0), Some(600.0));
        base.learn(&events, &clock, 9_990.0, 110.0);
        base.learn(&events, &clock, 10_100.0, 500.0);
        assert_eq!(base.rate(&events, &clock, 10_100.0, 120.0), Some(660.0));
        assert_eq!(base.rate(&events, &clock, 11_000.0, 120.0), None);
    }

    #[test]
    fn nothing_goes_down_before_it_and_nothing_is_learned_of_it() {
        let (events, clock) = (sale(), Clock::default());
        assert!(!is_near(&events, &clock, 9_399.0) && is_near(&events, &clock, 9_400.0));
        assert!(!is_near(&events, &clock, 10_000.0));
        assert!(!is_masked(&events, &clock, 9_699.0) && is_masked(&events, &clock, 9_700.0));
        assert!(is_masked(&events, &clock, 10_999.0) && !is_masked(&events, &clock, 11_000.0));
    }

    #[test]
    fn whoever_starts_amid_an_event_does_not_multiply_it_again() {
        let (events, clock) = (sale(), Clock::default());
        let mut base = Base::default();
        base.learn(&events, &clock, 10_500.0, 600.0);
        assert_eq!(base.rate(&events, &clock, 10_500.0, 120.0), Some(600.0));
    }
}
