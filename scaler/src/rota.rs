//! When which policy decides next: each has a period of its own, and may ask for another instant.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::Timestamp;

/// Nobody decides more often than this, whatever it asks for: time must go on.
const SHORTEST: Duration = Duration::from_millis(1);

/// The instants at which workloads are due, by name.
#[derive(Clone, Debug, Default)]
pub struct Rota(BTreeMap<String, Turn>);

#[derive(Clone, Copy, Debug)]
struct Turn {
    next: Timestamp,
    period: Duration,
}

impl Rota {
    /// Workloads with the periods of their policies. The first turn of each comes one period after `start`.
    pub fn new(start: Timestamp, periods: impl IntoIterator<Item = (String, Duration)>) -> Self {
        let turn = |(name, period): (String, Duration)| {
            let period = period.max(SHORTEST);
            let next = start + period;
            (name, Turn { next, period })
        };
        Self(periods.into_iter().map(turn).collect())
    }

    /// The same with the first turn of each at the start itself.
    pub fn at_once(
        start: Timestamp,
        periods: impl IntoIterator<Item = (String, Duration)>,
    ) -> Self {
        let mut rota = Self::new(start, periods);
        rota.0.values_mut().for_each(|turn| turn.next = start);
        rota
    }

    /// Those that are due at `now`.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let due = self.0.iter().filter(move |(_, turn)| turn.next <= now);
        due.map(|(name, _)| name.as_str())
    }

    /// The first instant at which anybody is due.
    #[must_use]
    pub fn next(&self) -> Option<Timestamp> {
        self.0.values().map(|turn| turn.next).min()
    }

    /// Whether a workload is due at `now`.
    #[must_use]
    pub fn is_due(&self, name: &str, now: Timestamp) -> bool {
        self.0.get(name).is_some_and(|turn| turn.next <= now)
    }

    /// A workload was decided on at `now`, and wants to be again at `wanted`; meanwhile it is `clock`.
    ///
    /// Turns that were missed by then are not made up for: a decision on old readings would help nobody.
    pub fn decided(&mut self, name: &str, now: Timestamp, wanted: Timestamp, clock: Timestamp) {
        let Some(turn) = self.0.get_mut(name) else {
            return;
        };
        let next = if wanted > now {
            wanted.max(now + SHORTEST)
        } else {
            now + turn.period
        };
        let period = turn.period.as_nanos().max(1);
        let missed = clock.since(next).as_nanos();
        turn.next = if missed == 0 {
            next
        } else {
            let skipped = u64::try_from((missed.div_ceil(period)) * period).unwrap_or(u64::MAX);
            next + Duration::from_nanos(skipped)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn rota() -> Rota {
        let periods = [("hpa", 15), ("kpa", 2)];
        let periods = periods.map(|(name, s)| (name.to_owned(), Duration::from_secs(s)));
        Rota::new(at(0), periods)
    }

    #[test]
    fn each_has_its_own_turns_and_some_fall_together() {
        let mut rota = rota();
        let mut turns = Vec::new();
        while let Some(now) = rota.next().filter(|now| *now <= at(30_000)) {
            for (name, period) in [("hpa", 15), ("kpa", 2)] {
                if rota.is_due(name, now) {
                    turns.push((now, name));
                    rota.decided(name, now, now + Duration::from_secs(period), now);
                }
            }
        }
        assert_eq!(turns.iter().filter(|(_, name)| *name == "kpa").count(), 15);
        let last = [(at(30_000), "hpa"), (at(30_000), "kpa")];
        assert_eq!(turns[turns.len() - 2..], last, "{turns:?}");
    }

    #[test]
    fn all_can_begin_at_once() {
        let mut rota = Rota::at_once(at(0), [("hpa".to_owned(), Duration::from_secs(15))]);
        assert_eq!(rota.due(at(0)).collect::<Vec<_>>(), ["hpa"]);
        rota.decided("hpa", at(0), at(15_000), at(20));
        assert_eq!(rota.due(at(14_999)).count(), 0);
        assert_eq!(rota.next(), Some(at(15_000)));
    }

    #[test]
    fn an_instant_of_its_own_is_kept_and_one_that_is_past_is_not() {
        let mut rota = rota();
        rota.decided("kpa", at(2000), at(2500), at(2000));
        assert_eq!(rota.next(), Some(at(2500)));
        rota.decided("kpa", at(2500), at(2500), at(2500));
        assert_eq!(rota.next(), Some(at(4500)));
    }

    #[test]
    fn turns_that_were_missed_are_not_made_up_for() {
        let mut rota = rota();
        rota.decided("kpa", at(2000), at(4000), at(4000));
        assert_eq!(rota.next(), Some(at(4000)), "just in time");
        rota.decided("kpa", at(4000), at(6000), at(9100));
        assert_eq!(rota.next(), Some(at(10_000)));
    }
}
