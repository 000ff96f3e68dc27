//! What was scraped of replicas, and what is to be seen of it: averages over a window, as old as the scrape's lag.
//!
//! The same for every world that scrapes its replicas itself. A counter that goes back (a restarted process under an old
//! name) and a scrape that failed are gaps, never zeros.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use metrics::{Ratio, Timestamp};

/// How readings come about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sampling {
    /// Between two scrapes of the same replica.
    pub interval: Duration,
    /// The span that a reading averages over.
    pub window: Duration,
    /// How old a reading is when it can be seen.
    pub lag: Duration,
}

/// One scrape of one replica: cumulative since its start, in seconds and counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counters {
    /// Requests that it can work on at once; 0 if there is no bound.
    pub slots: f64,
    /// Time that slots were held.
    pub busy_seconds: f64,
    /// Time in work: 1 a second is a core.
    pub work_seconds: f64,
    /// Time that requests were here, each for itself.
    pub in_flight_seconds: f64,
    /// Time that requests waited for a slot, each for itself.
    pub queued_seconds: f64,
    /// Time that slots were held beyond what was drawn.
    pub overrun_seconds: f64,
    /// Requests answered well.
    pub served: f64,
    /// Requests answered badly, or whose asker went away.
    pub failed: f64,
    /// Requests turned away for want of room.
    pub shed: f64,
    /// Of the served, those whose own time was above the service's limit.
    pub slow: f64,
    /// Requests that are here now, waiting or worked on.
    pub here: f64,
}

impl Counters {
    /// Requests that came since its start.
    pub(crate) fn came(&self) -> f64 {
        self.served + self.failed + self.shed + self.here
    }

    /// Reads a Prometheus text as replicas of the local world write it. Nothing if one of the values is missing or no finite number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut found = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, value)) = line.trim().rsplit_once(' ')
                && let Ok(value) = value.parse::<f64>()
            {
                *found
                    .entry(name.split(['{', ' ']).next().unwrap_or(name))
                    .or_insert(0.0) += value;
                found.insert(name, value);
            }
        }
        let get = |name: &str| {
            found
                .get(name)
                .copied()
                .filter(|v| v.is_finite() && *v >= 0.0)
        };
        let outcome = |of: &str| get(&format!("rushhour_requests_total{{outcome=\"{of}\"}}"));
        Some(Self {
            slots: get("rushhour_slots")?,
            busy_seconds: get("rushhour_slots_busy_seconds_total")?,
            work_seconds: get("rushhour_work_seconds_total")?,
            in_flight_seconds: get("rushhour_in_flight_seconds_total")?,
            queued_seconds: get("rushhour_queued_seconds_total")?,
            overrun_seconds: get("rushhour_overrun_seconds_total")?,
            served: outcome("served")?,
            failed: outcome("failed")?,
            shed: outcome("shed")?,
            slow: get("rushhour_slow_total")?,
            here: get("rushhour_in_flight")?,
        })
    }

    pub(crate) fn went_back(&self, earlier: &Self) -> bool {
        self.busy_seconds < earlier.busy_seconds
            || self.served < earlier.served
            || self.failed < earlier.failed
            || self.shed < earlier.shed
    }
}

/// A replica's averages over a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Average {
    /// The window's end.
    pub at: Timestamp,
    /// Its real length.
    pub window: Duration,
    /// How much of the window that was asked for was seen.
    pub coverage: Ratio,
    /// Slots held ÷ slots.
    pub busy: f64,
    /// Slots in work: 1.0 is a core.
    pub cpu: f64,
    /// Slots in work ÷ slots.
    pub cpu_share: f64,
    /// Requests here.
    pub in_flight: f64,
    /// Requests that wait for a slot.
    pub queued: f64,
    /// Requests answered well, per second.
    pub served: f64,
    /// Requests answered badly, per second.
    pub failed: f64,
    /// Requests turned away, per second.
    pub shed: f64,
    /// Of the served, those that were too slow, per second.
    pub slow: f64,
}

impl Average {
    /// Requests per second, however they ended.
    #[must_use]
    pub fn requests(&self) -> f64 {
        self.served + self.failed + self.shed
    }
}

/// The scrapes of one replica, oldest first, as far back as they can still matter.
#[derive(Clone, Debug, Default)]
pub struct Scrapes(VecDeque<(Timestamp, Counters)>);

impl Scrapes {
    /// Adds a scrape, and forgets what no window can need any more.
    pub fn push(&mut self, at: Timestamp, counters: Counters, scrape: &Sampling) {
        if self
            .0
            .back()
            .is_some_and(|(_, last)| counters.went_back(last))
        {
            self.0.clear();
        }
        self.0.push_back((at, counters));
        let keep = scrape.window + scrape.lag + 4 * scrape.interval;
        while self
            .0
            .front()
            .is_some_and(|(first, _)| at.since(*first) > keep)
        {
            self.0.pop_front();
        }
    }

    /// The averages that can be seen at `now`: of the window that ends with the newest scrape that is old enough to be
    /// seen. Nothing without two scrapes, or if that one is more than three intervals older than it should be.
    #[must_use]
    pub fn average(&self, now: Timestamp, scrape: &Sampling) -> Option<Average> {
        let visible = now.back(scrape.lag);
        let end = self.0.iter().rposition(|(at, _)| *at <= visible)?;
        let (at, last) = self.0[end];
        if visible.since(at) > 3 * scrape.interval {
            return None;
        }
        // Scrapes do not come at exact instants: one that is half an interval early still belongs to the window.
        let begin = at.back(scrape.window + scrape.interval / 2);
        let start = self.0.iter().take(end).position(|(at, _)| *at >= begin)?;
        let (from, first) = self.0[start];
        let span = at.since(from);
        let seconds = span.as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let per_second =
            |value: fn(&Counters) -> f64| ((value(&last) - value(&first)) / seconds).max(0.0);
        let cpu = per_second(|c| c.work_seconds);
        let expected = scrape.window.as_secs_f64() / scrape.interval.as_secs_f64().max(1e-9);
        let coverage = ((end - start) as f64 / expected.max(1.0)).min(1.0);
        Some(Average {
            at,
            window: span,
            coverage: Ratio::new(coverage).unwrap_or_default(),
            busy: per_second(|c| c.busy_seconds) / last.slots.max(1.0),
            cpu,
            cpu_share: cpu / last.slots.max(1.0),
            in_flight: per_second(|c| c.in_flight_seconds),
            queued: per_second(|c| c.queued_seconds),
            served: per_second(|c| c.served),
            failed: per_second(|c| c.failed),
            shed: per_second(|c| c.shed),
            slow: per_second(|c| c.slow),
        })
    }
}

/// Arrivals of one workload, counted where they come in.
#[derive(Clone, Debug, Default)]
pub struct Offered(VecDeque<(Timestamp, u64)>);

impl Offered {
    /// Adds how many came from the last time until `at`: at least once per interval.
    pub fn push(&mut self, at: Timestamp, offered: u64, scrape: &Sampling) {
        self.0.push_back((at, offered));
        let keep = scrape.window + scrape.lag + scrape.interval.max(Duration::from_secs(5));
        while self
            .0
            .front()
            .is_some_and(|(first, _)| at.since(*first) > keep)
        {
            self.0.pop_front();
        }
    }

    /// The rate over the newest window that can be seen at `now`: (its end, its length, per second).
    #[must_use]
    pub fn average(&self, now: Timestamp, scrape: &Sampling) -> Option<(Timestamp, Duration, f64)> {
        let visible = now.back(scrape.lag);
        let end = self.0.iter().rposition(|(at, _)| *at <= visible)?;
        let at = self.0[end].0;
        if visible.since(at) > 3 * scrape.interval.max(Duration::from_secs(1)) {
            return None;
        }
        let begin = at.back(scrape.window);
        let start = self.0.iter().take(end).position(|(at, _)| *at >= begin)?;
        let span = at.since(self.0[start].0);
        let count: u64 = self.0.range(start + 1..=end).map(|(_, count)| count).sum();
        (!span.is_zero()).then(|| (at, span, count as f64 / span.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAPE: Sampling = Sampling {
        interval: Duration::from_secs(1),
        window: Duration::from_secs(4),
        lag: Duration::from_secs(2),
    };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    /// Two slots, one of them always held, ten requests a second.
    fn steady(ms: i64) -> Counters {
        let seconds = ms as f64 / 1000.0;
        Counters {
            slots: 2.0,
            busy_seconds: seconds,
            work_seconds: seconds / 2.0,
            served: 10.0 * seconds,
            ..Counters::default()
        }
    }

    fn scraped(every: &[i64]) -> Scrapes {
        let mut scrapes = Scrapes::default();
        for ms in every {
            scrapes.push(at(*ms), steady(*ms), &SCRAPE);
        }
        scrapes
    }

    #[test]
    fn averages_over_the_window_and_no_newer_than_the_lag_allows() {
        let average = scraped(&[1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000])
            .average(at(8500), &SCRAPE)
            .unwrap();
        assert_eq!(average.at, at(6000));
        assert_eq!(average.window, SCRAPE.window);
        assert_eq!(average.coverage, Ratio::ONE);
        assert!((average.busy - 0.5).abs() < 1e-9);
        assert!((average.cpu - 0.5).abs() < 1e-9);
        assert!((average.requests() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_missing_lowers_the_coverage_and_in_the_end_is_no_data() {
        let scrapes = scraped(&[1000, 2000]);
        assert!((scrapes.average(at(4000), &SCRAPE).unwrap().coverage.get() - 0.25).abs() < 1e-9);
        assert_eq!(
            scrapes.average(at(7001), &SCRAPE),
            None,
            "three intervals after the newest"
        );
        assert_eq!(
            scraped(&[1000]).average(at(3000), &SCRAPE),
            None,
            "one scrape is no rate"
        );
        assert_eq!(Scrapes::default().average(at(3000), &SCRAPE), None);
    }

    #[test]
    fn a_counter_that_goes_back_begins_anew() {
        let mut scrapes = scraped(&[1000, 2000, 3000]);
        scrapes.push(at(4000), steady(10), &SCRAPE);
        assert_eq!(scrapes.average(at(6000), &SCRAPE), None);
    }

    #[test]
    fn a_scrape_that_lacks_a_value_is_no_scrape() {
        assert_eq!(Counters::parse("rushhour_slots 2\n"), None);
        assert_eq!(Counters::parse("\u{1b}[31m garbage"), None);
    }
}
