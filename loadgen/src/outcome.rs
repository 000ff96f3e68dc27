//! What a run came to, and whether it can be believed.

use std::fmt;
use std::time::Duration;

use metrics::{Counts, Histogram, Quantile};

use crate::{FailureKind, Failures};

/// Requests may be sent so late: 99 of 100 of them.
const MOST_LATE: Duration = Duration::from_millis(10);
/// One in so many arrivals may stay unsent.
const ONE_UNSENT_IN: u64 = 1000;
/// A worker may use so much of its core …
const MOST_CPU: f64 = 0.9;
/// … but not in so many windows in a row.
const BUSY_WINDOWS: usize = 3;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// All pages, counted. The law of counting holds.
    pub counts: Counts,
    /// From the intended instant to the sending.
    pub lateness: Histogram,
    /// What failed, by kind; each failed try counts.
    pub failures: Failures,
    /// Of each window in turn, the CPU share of the busiest worker, from 0 to 1; empty where it cannot be read.
    pub cpu: Vec<f64>,
    /// Requests that had to wait for a connection.
    pub queued: u64,
    /// The most connections open at once.
    pub connections: u64,
    /// Why the run cannot be believed; empty if it can.
    pub invalid: Vec<InvalidReason>,
}

/// Why a run cannot be believed: the load was not delivered as the scenario says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InvalidReason {
    /// More than one request in a hundred was sent over 10 ms late.
    Late {
        /// The 99th percentile of lateness.
        p99: Duration,
        /// Requests that had to wait for a connection: if they are many, there are too few connections.
        queued: u64,
    },
    /// More than one arrival in a thousand was never sent.
    Unsent {
        /// How many.
        unsent: u64,
        /// Of how many.
        offered: u64,
    },
    /// A worker used over 90 % of its core in three windows in a row.
    Busy {
        /// The highest share of the three windows.
        cpu: f64,
    },
    /// This machine had no file descriptor or port left for a connection.
    OutOfSockets {
        /// How often.
        times: u64,
    },
}

impl fmt::Display for InvalidReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late { p99, queued: 0 } => write!(
                f,
                "1 in 100 requests was sent {p99:.1?} late or later, above 10 ms: the generator was too slow"
            ),
            Self::Late { p99, queued } => write!(
                f,
                "1 in 100 requests was sent {p99:.1?} late or later, above 10 ms; {queued} had to wait for a connection"
            ),
            Self::Unsent { unsent, offered } => write!(
                f,
                "{unsent} of {offered} requests were never sent, above 0.1 %"
            ),
            Self::Busy { cpu } => write!(
                f,
                "the generator used {:.0} % of its core for {BUSY_WINDOWS} windows, above 90 %: use more workers",
                cpu * 100.0
            ),
            Self::OutOfSockets { times } => write!(
                f,
                "this machine ran out of files or ports {times} times: raise `ulimit -n` or ask for fewer connections"
            ),
        }
    }
}

impl Outcome {
    /// The 99th percentile of lateness, if anything was sent.
    #[must_use]
    pub fn lateness_p99(&self) -> Option<Duration> {
        self.lateness.quantile(Quantile::P99)
    }

    /// The median of lateness, if anything was sent.
    #[must_use]
    pub fn lateness_p50(&self) -> Option<Duration> {
        self.lateness.quantile(Quantile::P50)
    }

    /// The share of arrivals that were never sent, from 0 to 1.
    #[must_use]
    pub fn unsent_share(&self) -> f64 {
        self.counts.unsent as f64 / self.counts.offered.max(1) as f64
    }

    pub(crate) fn judged(
        counts: Counts,
        lateness: Histogram,
        failures: Failures,
        cpu: Vec<f64>,
        (queued, connections): (u64, u64),
    ) -> Self {
        let mut outcome = Self {
            counts,
            lateness,
            failures,
            cpu,
            queued,
            connections,
            invalid: Vec::new(),
        };
        outcome.invalid = outcome.reasons();
        outcome
    }

    fn reasons(&self) -> Vec<InvalidReason> {
        let mut reasons = Vec::new();
        // Of few requests a single hiccup would be one in a hundred: it takes three.
        let late = self.lateness.count_above(MOST_LATE);
        if late >= 3 && late * 100 > self.lateness.len() {
            reasons.push(InvalidReason::Late {
                p99: self.lateness_p99().unwrap_or(MOST_LATE),
                queued: self.queued,
            });
        }
        let Counts {
            unsent, offered, ..
        } = self.counts;
        if unsent * ONE_UNSENT_IN > offered {
            reasons.push(InvalidReason::Unsent { unsent, offered });
        }
        let busy = self
            .cpu
            .windows(BUSY_WINDOWS)
            .find(|three| three.iter().all(|cpu| *cpu > MOST_CPU));
        if let Some(three) = busy {
            let cpu = three.iter().copied().fold(0.0, f64::max);
            reasons.push(InvalidReason::Busy { cpu });
        }
        let times = self.failures.of(FailureKind::OutOfSockets);
        if times > 0 {
            reasons.push(InvalidReason::OutOfSockets { times });
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use metrics::Precision;

    use super::*;

    fn run(late: u64, prompt: u64, unsent: u64, cpu: &[f64]) -> Vec<InvalidReason> {
        let mut lateness = Histogram::new(Precision::Whole);
        (0..late).for_each(|_| lateness.record(Duration::from_millis(20)));
        (0..prompt).for_each(|_| lateness.record(Duration::from_micros(50)));
        let counts = Counts {
            offered: late + prompt + unsent,
            unsent,
            ..Counts::default()
        };
        Outcome::judged(counts, lateness, Failures::default(), cpu.to_vec(), (0, 1)).invalid
    }

    #[test]
    fn a_run_is_believed_up_to_the_limits() {
        for (late, prompt, unsent, cpu, valid, why) in [
            (
                0,
                0,
                0,
                &[][..],
                true,
                "nothing was asked for, nothing is wrong",
            ),
            (10, 990, 0, &[], true, "exactly one in a hundred is late"),
            (11, 989, 0, &[], false, "more than one in a hundred is late"),
            (2, 20, 0, &[], true, "two hiccups are no pattern"),
            (3, 20, 0, &[], false, "three of 23 are"),
            (0, 999, 1, &[], true, "one in a thousand unsent"),
            (0, 998, 2, &[], false, "two in a thousand unsent"),
            (
                0,
                99,
                0,
                &[0.95, 0.95, 0.5, 0.95],
                true,
                "two busy windows in a row",
            ),
            (
                0,
                99,
                0,
                &[0.5, 0.95, 0.91, 0.99],
                false,
                "three busy windows in a row",
            ),
            (0, 99, 0, &[0.9, 0.9, 0.9], true, "90 % is allowed"),
        ] {
            assert_eq!(run(late, prompt, unsent, cpu).is_empty(), valid, "{why}");
        }
    }

    #[test]
    fn reasons_are_for_people() {
        let text = run(10, 90, 0, &[])[0].to_string();
        assert!(text.contains("late or later, above 10 ms"), "{text}");
    }
}
