//! A part of a scenario as a scenario of its own, and one with more or fewer shoppers.

use std::time::Duration;

use metrics::{Phase, Ratio};

use crate::{CalendarEvent, Fault, History, Policy, Scenario, ScheduleEntry};

impl Scenario {
    /// What happens from `from` until `to`, as a scenario that begins at `from`. Shoppers come as they do then, and with
    /// `begin: stationary` those who came before are inside. A fault or an event that still lasts at `from` lasts on from
    /// the start; what broke at an instant before it is taken as mended. Replicas are those of the start: whoever wants
    /// others sets them.
    ///
    /// `from` and `to` are cut to the scenario's own span.
    #[must_use]
    pub fn part(&self, from: Duration, to: Duration) -> Self {
        let to = to.min(self.duration);
        let span = Span {
            from: from.min(to),
            to,
        };
        let mut part = self.clone();
        part.starts = self.starts + span.from;
        part.duration = span.to - span.from;
        for term in &mut part.traffic.rate {
            term.curve = term.curve.begun(span.from);
        }
        for scaling in part.scaling.values_mut() {
            match &mut scaling.policy {
                Policy::Schedule(entries) => *entries = span.schedule(entries),
                Policy::Foresight {
                    history: Some(History::Counted { ended, .. }),
                    ..
                } => *ended += span.from,
                _ => {}
            }
        }
        part.calendar = self.calendar.iter().filter_map(|e| span.event(e)).collect();
        part.faults = self.faults.iter().filter_map(|f| span.fault(f)).collect();
        part.phases = self.phases.iter().filter_map(|p| span.phase(p)).collect();
        part
    }

    /// The same with `factor` times as many arrivals at every instant.
    #[must_use]
    pub fn busier(&self, factor: Ratio) -> Self {
        let mut busier = self.clone();
        for term in &mut busier.traffic.rate {
            term.curve = term.curve.scaled(factor);
        }
        busier
    }
}

/// Which part.
struct Span {
    from: Duration,
    to: Duration,
}

impl Span {
    /// What lasts from `at` for `lasts`, seen from the part's start; nothing if it is over or yet to come.
    fn lasting(&self, at: Duration, lasts: Duration) -> Option<(Duration, Duration)> {
        let end = at.saturating_add(lasts);
        let over = end < self.from || (end == self.from && at < self.from);
        (!over && at < self.to).then(|| {
            let begins = at.max(self.from);
            (begins - self.from, end - begins)
        })
    }

    /// The last entry before the start holds at it.
    fn schedule(&self, entries: &[ScheduleEntry]) -> Vec<ScheduleEntry> {
        let held = entries.partition_point(|entry| entry.at <= self.from);
        let kept = &entries[held.saturating_sub(1)..];
        kept.iter()
            .filter(|entry| entry.at < self.to)
            .map(|entry| ScheduleEntry {
                at: entry.at.saturating_sub(self.from),
                ..*entry
            })
            .collect()
    }

    fn event(&self, event: &CalendarEvent) -> Option<CalendarEvent> {
        // One whose end is not known is taken to last.
        let lasts = event.lasts.unwrap_or(Duration::MAX);
        let (at, left) = self.lasting(event.at, lasts)?;
        let mut event = event.clone();
        event.at = at;
        event.lasts = event.lasts.map(|_| left);
        Some(event)
    }

    fn fault(&self, fault: &Fault) -> Option<Fault> {
        let (at, lasts) = self.lasting(fault.at, fault.lasts)?;
        let kind = fault.kind.clone();
        Some(Fault { at, lasts, kind })
    }

    fn phase(&self, phase: &Phase) -> Option<Phase> {
        let (from, to) = (phase.from.max(self.from), phase.to.min(self.to));
        (from < to).then(|| Phase {
            from: from - self.from,
            to: to - self.from,
            ..phase.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoFiles, Set, library_scenario};

    fn read(name: &str, sets: &[&str]) -> Scenario {
        let sets: Vec<Set> = sets.iter().map(|set| Set::parse(set).unwrap()).collect();
        let text = library_scenario(name).unwrap();
        Scenario::read(name, text.as_bytes(), &NoFiles, &sets).unwrap()
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_whole_is_a_part() {
        let whole = read("flash-sale", &[]);
        assert_eq!(whole.part(Duration::ZERO, whole.duration), whole);
        assert_eq!(whole.part(Duration::ZERO, Duration::MAX), whole);
    }

    #[test]
    fn shoppers_come_as_they_do_then() {
        let whole = read("flash-sale", &[]);
        let part = whole.part(7 * MINUTE, 12 * MINUTE);
        assert_eq!(part.duration, 5 * MINUTE);
        assert_eq!(part.starts, whole.starts + 7 * MINUTE);
        for second in (0..300).step_by(7) {
            let at = Duration::from_secs(second);
            for (term, was) in part.traffic.rate.iter().zip(&whole.traffic.rate) {
                let then = was.curve.rate_at(at + 7 * MINUTE);
                assert!((term.curve.rate_at(at).get() - then.get()).abs() < 1e-9);
            }
        }
        let covered: Duration = part.phases.iter().map(|p| p.to - p.from).sum();
        assert_eq!(covered, part.duration, "phases have no gaps");
        assert_eq!(part.phases[0].from, Duration::ZERO);
        assert_eq!(part.calendar[0].at, MINUTE, "8m is a minute after 7m");
    }

    #[test]
    fn what_lasts_lasts_on_and_what_is_over_is_over() {
        let faults = "faults=[{at: 2m, kill: payment}, {at: 4m, slow: catalogue, factor: 2, for: 4m}, {at: 5m, no_metrics: true, for: 1m}, {at: 9m, kill: order}]";
        let whole = read("flash-sale", &[faults]);
        let part = whole.part(6 * MINUTE, 9 * MINUTE);
        let spans: Vec<_> = part.faults.iter().map(|f| (f.at, f.lasts)).collect();
        assert_eq!(spans, [(Duration::ZERO, 2 * MINUTE)]);
    }

    #[test]
    fn the_schedule_in_force_is_in_force() {
        let schedule = "scaling.order={policy: schedule, min: 1, max: 30, schedule: [{at: 1m, replicas: 3}, {at: 5m, replicas: 9}, {at: 8m, replicas: 20}, {at: 15m, replicas: 2}]}";
        let part = read("flash-sale", &[schedule]).part(6 * MINUTE, 10 * MINUTE);
        let Policy::Schedule(entries) = &part.scaling["order"].policy else {
            panic!("it is a schedule");
        };
        let entries: Vec<_> = entries.iter().map(|e| (e.at, e.replicas.get())).collect();
        assert_eq!(entries, [(Duration::ZERO, 9), (2 * MINUTE, 20)]);
    }

    #[test]
    fn busier_is_so_many_times_as_busy() {
        let whole = read("flash-sale", &[]);
        let busier = whole.busier(Ratio::new(1.5).unwrap());
        for (term, was) in busier.traffic.rate.iter().zip(&whole.traffic.rate) {
            let at = 9 * MINUTE;
            let ratio = term.curve.rate_at(at).get() / was.curve.rate_at(at).get();
            assert!((ratio - 1.5).abs() < 1e-9);
        }
    }
}
