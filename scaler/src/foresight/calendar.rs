//! Events that are known beforehand.

mod course;

use metrics::{Ratio, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::Clock;
use course::Course;

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
    /// When it is over at the latest, if that is known; a quarter of an hour if not. Once the crowd was there and its load
    /// falls, or stays below what was expected, the load that is there is planned for instead.
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

    fn is_on(&self, clock: &Clock, now: f64) -> bool {
        let (start, end) = self.span(clock);
        start <= now && now < end
    }
}

/// Events whose outcome is kept, and between which bounds.
const LESSONS: usize = 8;
const OUTCOMES: (f64, f64) = (0.2, 5.0);

/// How events turned out, as the operator's expectation was: real ÷ expected.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Lessons {
    outcomes: Vec<f64>,
    /// The event that is on: its start, the load before it, and the highest mean load in it.
    on: Option<(f64, f64, f64)>,
}

impl Lessons {
    pub(super) fn is_sound(&self) -> bool {
        self.outcomes.len() <= LESSONS
            && self
                .outcomes
                .iter()
                .all(|x| (OUTCOMES.0..=OUTCOMES.1).contains(x))
            && self.on.is_none_or(|(start, base, highest)| {
                start.is_finite() && base >= 0.0 && (0.0..=1e12).contains(&highest)
            })
    }

    /// The load is `usual`, as a mean of a while; `base` is what it was before the event that is on, if one is.
    pub(super) fn learn(
        &mut self,
        events: &[ExpectedEvent],
        clock: &Clock,
        now: f64,
        usual: f64,
        base: &Base,
    ) {
        let event = events.iter().rfind(|event| event.is_on(clock, now));
        let start = event.map(|event| event.span(clock).0);
        if let Some((begun, before, highest)) = self.on
            && start != Some(begun)
        {
            self.on = None;
            let was = |event: &&ExpectedEvent| event.span(clock).0 == begun;
            if let Some(event) = events.iter().rfind(was) {
                self.keep(highest / before / event.expect);
            }
        }
        match (&mut self.on, start) {
            (Some((_, _, highest)), _) => *highest = highest.max(usual.min(1e12)),
            (None, Some(start)) => {
                // Only of one whose beginning was seen is it known what was there before.
                let before = base.before.filter(|(at, rate)| *at < start && *rate > 0.0);
                self.on = before.map(|(_, rate)| (start, rate, usual.min(1e12)));
            }
            (None, None) => {}
        }
    }

    fn keep(&mut self, outcome: f64) {
        if !outcome.is_finite() {
            return;
        }
        if self.outcomes.len() >= LESSONS {
            self.outcomes.remove(0);
        }
        self.outcomes.push(outcome.clamp(OUTCOMES.0, OUTCOMES.1));
    }

    /// The middle outcome, and by which share the highest was above it; nothing before the first event is over.
    fn outcome(&self) -> Option<(f64, f64)> {
        let mut sorted = [0.0; LESSONS];
        let count = self.outcomes.len();
        sorted[..count].copy_from_slice(&self.outcomes);
        sorted[..count].sort_by(f64::total_cmp);
        let middle = (sorted[count.checked_sub(1)? / 2] + sorted[count / 2]) / 2.0;
        Some((middle, sorted[count - 1] / middle - 1.0))
    }

    /// How many times the load before it an event is planned with: what the operator expects, corrected by how earlier ones
    /// turned out.
    fn multiple(&self, event: &ExpectedEvent) -> f64 {
        let Some((middle, spread)) = self.outcome() else {
            return event.multiple();
        };
        let multiple = event.expect * middle * (1.0 + event.spread.get().max(spread));
        if multiple.is_finite() {
            multiple.clamp(0.0, 1e6)
        } else {
            1.0
        }
    }
}

/// The load just before the event that is on, and how that goes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Base {
    /// When, and how much.
    before: Option<(f64, f64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    course: Option<Course>,
}

impl Base {
    pub(super) fn is_sound(&self) -> bool {
        let rate = |(at, rate): (f64, f64)| at.is_finite() && (0.0..=1e12).contains(&rate);
        self.before.is_none_or(rate) && self.course.as_ref().is_none_or(Course::is_sound)
    }

    /// Until an event begins its base follows the load; then it stays.
    pub(super) fn learn(
        &mut self,
        events: &[ExpectedEvent],
        clock: &Clock,
        now: f64,
        usual: f64,
        lessons: &Lessons,
    ) {
        let Some(event) = events.iter().rfind(|event| event.is_on(clock, now)) else {
            *self = Self {
                before: Some((now, usual)),
                course: None,
            };
            return;
        };
        let start = event.span(clock).0;
        // If it was on before anybody looked, the load that is there is the event's own.
        let own = (start, usual / event.multiple().max(1.0));
        let (_, before) = *self.before.get_or_insert(own);
        let course = self.course.filter(|course| course.is_of(start));
        let mut course = course.unwrap_or_else(|| Course::new(start, now));
        course.learn(now, usual, before, before * lessons.multiple(event));
        self.course = Some(course);
    }

    /// The rate that events ask for now or within `lead` seconds; nothing without one.
    pub(super) fn rate(
        &self,
        events: &[ExpectedEvent],
        clock: &Clock,
        now: f64,
        lead: f64,
        lessons: &Lessons,
    ) -> Option<f64> {
        let (_, before) = self.before?;
        let due = |event: &&ExpectedEvent| {
            let (start, end) = event.span(clock);
            start - lead <= now && now < end
        };
        let rate = |event: &ExpectedEvent| {
            let expected = before * lessons.multiple(event);
            let start = event.span(clock).0;
            let course = self.course.filter(|course| course.is_of(start));
            course.map_or(expected, |course| course.left(expected))
        };
        events.iter().filter(due).map(rate).reduce(f64::max)
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
        base.learn(&events, &clock, 9_000.0, 100.0, &Lessons::default());
        assert_eq!(
            base.rate(&events, &clock, 9_000.0, 120.0, &Lessons::default()),
            None
        );
        assert_eq!(
            base.rate(&events, &clock, 9_890.0, 120.0, &Lessons::default()),
            Some(600.0)
        );
        base.learn(&events, &clock, 9_990.0, 110.0, &Lessons::default());
        base.learn(&events, &clock, 10_100.0, 500.0, &Lessons::default());
        assert_eq!(
            base.rate(&events, &clock, 10_100.0, 120.0, &Lessons::default()),
            Some(660.0)
        );
        assert_eq!(
            base.rate(&events, &clock, 11_000.0, 120.0, &Lessons::default()),
            None
        );
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
        base.learn(&events, &clock, 10_500.0, 600.0, &Lessons::default());
        assert_eq!(
            base.rate(&events, &clock, 10_500.0, 120.0, &Lessons::default()),
            Some(600.0)
        );
    }

    #[test]
    fn later_events_are_planned_as_earlier_ones_turned_out() {
        let clock = Clock::default();
        let sales: Vec<ExpectedEvent> = (1..12)
            .map(|day| ExpectedEvent {
                at: Timestamp::from_secs(day * 86_400),
                until: None,
                ..sale()[0]
            })
            .collect();
        let (mut base, mut lessons) = (Base::default(), Lessons::default());
        let mut planned = vec![];
        for (day, sale) in sales.iter().enumerate() {
            let start = (day as f64 + 1.0) * 86_400.0;
            for step in -20..100 {
                let now = start + 15.0 * f64::from(step);
                // Half of the expected fivefold.
                let load = if (0..60).contains(&step) {
                    250.0
                } else {
                    100.0
                };
                base.learn(&sales, &clock, now, load, &lessons);
                lessons.learn(&sales, &clock, now, load, &base);
                assert!(lessons.is_sound());
            }
            planned.push(lessons.multiple(sale));
        }
        assert!((sales[0].multiple() - 6.0).abs() < 1e-9);
        for multiple in &planned {
            assert!((multiple - 3.0).abs() < 1e-9, "{planned:?}");
        }
        assert_eq!(lessons.outcomes.len(), LESSONS);
    }

    #[test]
    fn an_event_that_was_only_half_seen_teaches_nothing() {
        let (events, clock) = (sale(), Clock::default());
        let (mut base, mut lessons) = (Base::default(), Lessons::default());
        for step in 0..200 {
            let now = 10_500.0 + 15.0 * f64::from(step);
            base.learn(&events, &clock, now, 100.0, &Lessons::default());
            lessons.learn(&events, &clock, now, 100.0, &base);
        }
        assert_eq!(lessons, Lessons::default());
    }
}
