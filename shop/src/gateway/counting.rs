//! What the gateway counts: pieces of windows for the record, totals for Prometheus.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Counts, Grid, Histogram, Precision, Timestamp, Window};

use crate::protocol::Drain;

/// The most windows kept while nobody asks for them; then the oldest are dropped.
const MOST_PIECES: usize = 32;
/// Upper bounds of the latency buckets in `/metrics`, in seconds.
pub(super) const BUCKETS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// Answered with less than 500.
    Served,
    /// Answered with 500 or more, or the connection broke, or the asker went away.
    Failed,
    /// Turned away for want of room.
    Shed,
    /// Not answered in time.
    TimedOut,
}

/// A request that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// When it came.
    pub(super) received: Timestamp,
    /// How it ended.
    pub(super) end: End,
    /// From its coming to its answer.
    pub(super) latency: Duration,
    /// From its last sending to the answer, if it was answered.
    pub(super) service_time: Option<Duration>,
    /// What the gateway itself added.
    pub(super) overhead: Duration,
}

/// All counts.
#[derive(Debug)]
pub(super) struct Counting {
    grid: Grid,
    pieces: BTreeMap<Timestamp, Window>,
    totals: BTreeMap<String, Totals>,
    overhead: Histogram,
}

/// A service's counts since the gateway's start.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    /// By their ends.
    pub(super) counts: Counts,
    /// Answered within each bound of [`BUCKETS`], each beyond the one before.
    pub(super) buckets: [u64; BUCKETS.len()],
    /// How many were served or timed out, and so have a latency.
    pub(super) latencies: u64,
    /// The sum of all latencies, in seconds.
    pub(super) seconds: f64,
}

impl Default for Counting {
    fn default() -> Self {
        Self {
            grid: Grid {
                start: Timestamp::EPOCH,
                length: Duration::from_secs(1),
            },
            pieces: BTreeMap::new(),
            totals: BTreeMap::new(),
            overhead: Histogram::new(Precision::Window),
        }
    }
}

impl Counting {
    /// Counts a request that came.
    pub(super) fn arrived(&mut self, service: &str, received: Timestamp) {
        self.count(service, received, |counts| counts.offered += 1);
    }

    /// Counts a try beyond the first.
    pub(super) fn retried(&mut self, service: &str, received: Timestamp) {
        self.count(service, received, |counts| counts.retries += 1);
    }

    /// Counts a request's end, in the window in which it came.
    pub(super) fn ended(&mut self, service: &str, ended: &Ended) {
        self.count(service, ended.received, |counts| match ended.end {
            End::Served => counts.served += 1,
            End::Failed => counts.failed += 1,
            End::Shed => counts.shed += 1,
            End::TimedOut => counts.timed_out += 1,
        });
        self.overhead.record(ended.overhead);
        // Those who were turned away or failed would make the others look faster than they were.
        if !matches!(ended.end, End::Served | End::TimedOut) {
            return;
        }
        let piece = self.piece(ended.received);
        let series = piece.services.entry(service.to_owned()).or_default();
        series.record_latency(ended.latency);
        if let Some(time) = ended.service_time {
            series.record_service_time(time);
        }
        let totals = self.totals.entry(service.to_owned()).or_default();
        let seconds = ended.latency.as_secs_f64();
        totals.latencies += 1;
        totals.seconds += seconds;
        if let Some(bucket) = BUCKETS.iter().position(|bound| seconds <= *bound) {
            totals.buckets[bucket] += 1;
        }
    }

    /// Hands over what was counted since the last time; from now on, by this grid.
    pub(super) fn drain(&mut self, drain: Drain) -> (Vec<Window>, Option<Histogram>) {
        self.grid = drain.grid;
        let overhead = std::mem::replace(&mut self.overhead, Histogram::new(Precision::Window));
        (
            std::mem::take(&mut self.pieces).into_values().collect(),
            (!overhead.is_empty()).then_some(overhead),
        )
    }

    /// Counts since the start, by service.
    pub(super) fn totals(&self) -> &BTreeMap<String, Totals> {
        &self.totals
    }

    fn count(&mut self, service: &str, received: Timestamp, count: impl Fn(&mut Counts)) {
        let piece = self.piece(received);
        count(&mut piece.services.entry(service.to_owned()).or_default().counts);
        count(&mut self.totals.entry(service.to_owned()).or_default().counts);
    }

    fn piece(&mut self, received: Timestamp) -> &mut Window {
        let start = self.grid.window_of(received);
        if self.pieces.len() >= MOST_PIECES && !self.pieces.contains_key(&start) {
            self.pieces.pop_first();
        }
        self.pieces
            .entry(start)
            .or_insert_with(|| Window::new(start, self.grid.length))
    }
}
