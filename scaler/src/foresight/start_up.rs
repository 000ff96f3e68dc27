//! How long replicas take from being wanted to being ready.

use serde::{Deserialize, Serialize};

use crate::{Observation, ReadyState};

use super::clock::Clock;

/// Start-ups are told apart by the factor √2^½, from a quarter of a second to about half an hour.
const BINS: usize = 52;
const SHORTEST: f64 = 0.25;
const FACTOR: f64 = 1.189_207_115_002_721;
/// Longer ones are replicas that came back, not starts.
const LONGEST: f64 = 1800.0;
/// What a start-up counts for from one to the next.
const KEEP: f32 = 0.98;
/// What is believed beforehand: quantiles in seconds, and how many start-ups that counts for.
const BEFOREHAND: [(f64, f32); 3] = [(30.0, 0.6), (60.0, 1.8), (90.0, 0.6)];

/// Start-ups that were seen.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct StartUps {
    counts: Vec<f32>,
    /// Those that were ready by then are counted.
    until: f64,
}

impl Default for StartUps {
    fn default() -> Self {
        let mut counts = vec![0.0; BINS];
        for (seconds, weight) in BEFOREHAND {
            counts[bin(seconds)] += weight;
        }
        Self {
            counts,
            until: -1e300,
        }
    }
}

fn bin(seconds: f64) -> usize {
    let place = libm::log(seconds / SHORTEST) / libm::log(FACTOR);
    (place.max(0.0) as usize).min(BINS - 1)
}

impl StartUps {
    pub(super) fn is_sound(&self) -> bool {
        self.counts.len() == BINS
            && self.counts.iter().all(|c| (0.0..1e9).contains(c))
            && self.counts.iter().sum::<f32>() > 0.0
            && self.until.is_finite()
    }

    /// Counts those that have become ready since the last time.
    pub(super) fn learn(&mut self, seen: &Observation, clock: &Clock) {
        let mut until = self.until;
        for replica in &seen.replicas {
            let (Some(created), Some(since)) = (replica.created, replica.ready.since) else {
                continue;
            };
            if replica.ready.state != ReadyState::True {
                continue;
            }
            let ready = clock.seconds(since);
            if ready <= self.until || since > seen.at {
                continue;
            }
            until = until.max(ready);
            self.add(ready - clock.seconds(created));
        }
        self.until = until;
    }

    /// A replica took so many seconds.
    pub(super) fn add(&mut self, took: f64) {
        if took > 0.0 && took <= LONGEST {
            self.counts.iter_mut().for_each(|c| *c *= KEEP);
            self.counts[bin(took)] += 1.0;
        }
    }

    /// The time within which a share `q` of replicas is ready, in seconds, rounded up to its bin's end.
    pub(super) fn quantile(&self, q: f64) -> f64 {
        let total: f64 = self.counts.iter().map(|c| f64::from(*c)).sum();
        let (mut below, mut edge) = (0.0, SHORTEST);
        for count in &self.counts {
            below += f64::from(*count);
            edge *= FACTOR;
            if below >= q * total {
                break;
            }
        }
        edge
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use metrics::Timestamp;

    use super::*;
    use crate::{Readiness, ReplicaObservation};

    #[test]
    fn it_begins_at_a_minute_and_learns_what_replicas_take() {
        let mut starts = StartUps::default();
        assert!((55.0..75.0).contains(&starts.quantile(0.5)));
        assert!((90.0..110.0).contains(&starts.quantile(0.9)));
        let clock = Clock::default();
        for i in 0..60 {
            let created = Timestamp::from_secs(100 * i);
            let since = created + Duration::from_secs(12);
            let replica = ReplicaObservation {
                created: Some(created),
                ready: Readiness {
                    state: ReadyState::True,
                    since: Some(since),
                },
                ..ReplicaObservation::default()
            };
            let seen = Observation {
                at: since,
                replicas: vec![replica],
                ..Observation::default()
            };
            starts.learn(&seen, &clock);
            let once = starts.clone();
            starts.learn(&seen, &clock);
            assert_eq!(starts, once, "each start-up counts once");
        }
        let p90 = starts.quantile(0.9);
        assert!((12.0..14.5).contains(&p90), "{p90}");
    }
}
