//! One-second readings of a workload: what a scraper that looks once a second adds up over all replicas, as the one that
//! feeds Knative's autoscaler does.
//!
//! The same for every world that scrapes its replicas itself.

use std::collections::{BTreeMap, VecDeque};

use metrics::Timestamp;

use crate::{Counters, MetricId, ReadySample};

/// How many seconds are kept while nobody takes them.
const MOST: usize = 3600;

/// One second of a workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Second {
    /// Its end.
    pub at: Timestamp,
    /// Requests in all ready replicas, and those that wait for one at the gateway: the mean over the second.
    pub concurrency: f64,
    /// Requests that came, per second.
    pub requests: f64,
}

/// What the gateway knows of a second of a workload: Knative's activator, as far as a world has one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AtGateway {
    /// Requests that waited there for a replica, mean.
    pub waiting: f64,
    /// Requests that came.
    pub came: u64,
}

/// The one-second readings of one workload that nobody has seen yet.
#[derive(Clone, Debug, Default)]
pub struct Seconds {
    /// The last scrape of each ready replica, by its number.
    before: BTreeMap<u32, (Timestamp, Counters)>,
    last: Option<Timestamp>,
    kept: VecDeque<Second>,
}

impl Seconds {
    /// Adds the second that ends at `at`: the counters of the replicas that answered, of so many that are ready.
    ///
    /// Those that did not answer count as much as the others on average, as upstream's scraper has it. If all are silent
    /// the second is missing. Without any ready replica there is what the gateway says, if anything came: at least one
    /// request, as upstream's activator reports the first one at once.
    pub fn push(&mut self, at: Timestamp, ready: usize, seen: &[(u32, Counters)], gate: AtGateway) {
        let since = self.last.replace(at);
        let mut sum = (0.0, 0.0);
        let mut answered = 0_usize;
        let mut now = BTreeMap::new();
        for (replica, counters) in seen {
            let before = self.before.get(replica);
            let (from, first) = match before {
                Some((from, first)) => (Some(*from), *first),
                None => (since, Counters::default()),
            };
            now.insert(*replica, (at, *counters));
            if let Some((concurrency, requests)) = from.and_then(|from| {
                let seconds = at.since(from).as_secs_f64();
                rates(&first, counters, seconds)
            }) {
                sum = (sum.0 + concurrency, sum.1 + requests);
                answered += 1;
            }
        }
        // Whoever did not answer this time is measured from its last answer, next time.
        for (replica, last) in std::mem::take(&mut self.before) {
            if ready > seen.len() {
                now.entry(replica).or_insert(last);
            }
        }
        self.before = now;
        let share = if answered > 0 {
            ready as f64 / answered as f64
        } else {
            0.0
        };
        let second = match (ready, answered) {
            (0, _) if gate.came == 0 && gate.waiting <= 0.0 => return,
            (0, _) => Second {
                at,
                concurrency: gate.waiting.max(1.0),
                requests: since.map_or(0.0, |since| {
                    gate.came as f64 / at.since(since).as_secs_f64().max(1e-9)
                }),
            },
            (_, 0) => return,
            _ => Second {
                at,
                concurrency: sum.0 * share + gate.waiting,
                requests: sum.1 * share,
            },
        };
        if self.kept.len() >= MOST {
            self.kept.pop_front();
        }
        self.kept.push_back(second);
    }

    /// The seconds until `until` that were not taken yet, oldest first.
    pub fn take(&mut self, until: Timestamp) -> Vec<Second> {
        let due = self.kept.partition_point(|second| second.at <= until);
        self.kept.drain(..due).collect()
    }
}

/// Mean concurrency and arrivals per second between two scrapes of a replica; nothing if it began anew meanwhile.
fn rates(first: &Counters, last: &Counters, seconds: f64) -> Option<(f64, f64)> {
    if seconds <= 0.0 || last.went_back(first) {
        return None;
    }
    let came = last.came() - first.came();
    let there = last.in_flight_seconds - first.in_flight_seconds;
    Some(((there / seconds).max(0.0), (came / seconds).max(0.0)))
}

impl Second {
    /// It as a sample of a metric, if the metric is one of those that there are by the second: `pods/concurrency` and
    /// `pods/requests`.
    #[must_use]
    pub fn sample(&self, metric: &MetricId) -> Option<ReadySample> {
        let value = match metric {
            MetricId::Pods { name } if name == "concurrency" => self.concurrency,
            MetricId::Pods { name } if name == "requests" => self.requests,
            _ => return None,
        };
        Some(ReadySample {
            at: self.at,
            metric: metric.clone(),
            value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(1000 + second)
    }

    /// After so many seconds with three requests inside, and five a second that are served.
    fn steady(seconds: f64) -> Counters {
        Counters {
            in_flight_seconds: 3.0 * seconds,
            served: 5.0 * seconds,
            ..Counters::default()
        }
    }

    fn told(seconds: &mut Seconds, until: i64) -> Vec<(f64, f64)> {
        let taken = seconds.take(at(until));
        taken.iter().map(|s| (s.concurrency, s.requests)).collect()
    }

    #[test]
    fn all_replicas_are_added_up_and_what_waits_at_the_gateway_too() {
        let mut seconds = Seconds::default();
        seconds.push(at(0), 1, &[(0, steady(0.0))], AtGateway::default());
        seconds.push(at(1), 1, &[(0, steady(1.0))], AtGateway::default());
        let gate = AtGateway {
            waiting: 2.0,
            came: 10,
        };
        let both = [(0, steady(2.0)), (1, steady(1.0))];
        seconds.push(at(2), 2, &both, gate);
        assert_eq!(told(&mut seconds, 2), [(3.0, 5.0), (8.0, 10.0)]);
        assert_eq!(told(&mut seconds, 9), [], "each is taken once");
    }

    #[test]
    fn those_who_do_not_answer_count_like_the_others_and_then_for_the_time_they_were_silent() {
        let mut seconds = Seconds::default();
        let both = |s: f64| [(0, steady(s)), (1, steady(s))];
        seconds.push(at(0), 2, &both(0.0), AtGateway::default());
        seconds.push(at(1), 2, &both(1.0)[..1], AtGateway::default());
        seconds.push(at(2), 2, &[], AtGateway::default());
        seconds.push(at(3), 2, &both(3.0), AtGateway::default());
        assert_eq!(told(&mut seconds, 3), [(6.0, 10.0), (6.0, 10.0)]);
    }

    #[test]
    fn one_that_began_anew_is_no_reading() {
        let mut seconds = Seconds::default();
        seconds.push(at(0), 1, &[(0, steady(9.0))], AtGateway::default());
        seconds.push(at(1), 1, &[(0, steady(1.0))], AtGateway::default());
        assert_eq!(told(&mut seconds, 1), []);
    }

    #[test]
    fn without_a_replica_there_is_what_came_to_the_gateway_and_nothing_if_nothing_came() {
        let mut seconds = Seconds::default();
        seconds.push(at(0), 0, &[], AtGateway::default());
        let turned_away = AtGateway {
            waiting: 0.0,
            came: 4,
        };
        seconds.push(at(1), 0, &[], turned_away);
        seconds.push(at(2), 0, &[], AtGateway::default());
        let waiting = AtGateway {
            waiting: 4.0,
            came: 0,
        };
        seconds.push(at(3), 0, &[], waiting);
        assert_eq!(told(&mut seconds, 2), [(1.0, 4.0)]);
        assert_eq!(told(&mut seconds, 3), [(4.0, 0.0)]);
    }

    #[test]
    fn seconds_that_are_too_new_wait() {
        let mut seconds = Seconds::default();
        for second in 0..5 {
            let replica = [(0, steady(second as f64))];
            seconds.push(at(second), 1, &replica, AtGateway::default());
        }
        assert_eq!(seconds.take(at(2)).len(), 2);
        assert_eq!(seconds.take(at(4)).len(), 2);
    }
}
