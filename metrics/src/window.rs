//! What was measured in one interval, and the grid that intervals lie on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Histogram, Precision, Replicas, Timestamp};

/// How many requests came to which end. All count by the request's intended instant.
///
/// The law of counting: `offered = served + failed + shed + timed_out + unsent + open`. While a run goes on, what is not
/// decided yet is missing on the right side; at its end it is `open`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Counts {
    /// Arrivals that were due.
    #[serde(skip_serializing_if = "is_zero")]
    pub offered: u64,
    /// Answered well.
    #[serde(skip_serializing_if = "is_zero")]
    pub served: u64,
    /// Answered badly, or the connection broke.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// Turned away because a queue, a bulkhead or a breaker said no (503).
    #[serde(skip_serializing_if = "is_zero")]
    pub shed: u64,
    /// Not answered within the time limit; their latency counts as the limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub timed_out: u64,
    /// Never sent.
    #[serde(skip_serializing_if = "is_zero")]
    pub unsent: u64,
    /// Still open when the run was over.
    #[serde(skip_serializing_if = "is_zero")]
    pub open: u64,
    /// Attempts beyond the first. Load, but no offer: outside the law of counting.
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u64,
    /// Of the served, those slower than the limit. Outside the law of counting.
    #[serde(skip_serializing_if = "is_zero")]
    pub slow: u64,
}

impl Counts {
    /// Adds all of `other`'s counts.
    pub fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.served += other.served;
        self.failed += other.failed;
        self.shed += other.shed;
        self.timed_out += other.timed_out;
        self.unsent += other.unsent;
        self.open += other.open;
        self.retries += other.retries;
        self.slow += other.slow;
    }

    /// Those whose end is known: served, failed, shed, timed out, unsent or open.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.served + self.errors()
    }

    /// Those that were not served: failed, shed, timed out, unsent or open.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.failed + self.shed + self.timed_out + self.unsent + self.open
    }

    /// Misses: served too slowly, or not served.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.slow + self.errors()
    }
}

/// One series in one window: counts and latencies of a page or of a service.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Series {
    /// How many came to which end.
    #[serde(flatten)]
    pub counts: Counts,
    /// From the intended instant to the answer. Of a service: from its gateway's receipt to the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Histogram>,
    /// From the sending to the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_time: Option<Histogram>,
}

impl Series {
    /// Adds all that `other` holds.
    pub fn add(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        merge(&mut self.latency, other.latency.as_ref());
        merge(&mut self.service_time, other.service_time.as_ref());
    }

    /// Records a latency with the precision of windows.
    pub fn record_latency(&mut self, latency: Duration) {
        self.latency
            .get_or_insert_with(|| Histogram::new(Precision::Window))
            .record(latency);
    }

    /// Records a service time with the precision of windows.
    pub fn record_service_time(&mut self, time: Duration) {
        self.service_time
            .get_or_insert_with(|| Histogram::new(Precision::Window))
            .record(time);
    }
}

/// What a workload was like: the newest sample in the window.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Workload {
    /// Replicas wanted by the last decision.
    pub desired: Replicas,
    /// Replicas that take requests.
    pub ready: Replicas,
    /// Replicas that are started but not ready yet.
    pub starting: Replicas,
    /// Replicas that finish what they have and take nothing new.
    pub draining: Replicas,
    /// Slots held ÷ slots, over the window so far; nothing if it could not be read.
    pub busy: Option<f64>,
    /// Time in work ÷ (slots, or the cores that they share, × time), over the window so far; nothing if it could not be read.
    pub cpu: Option<f64>,
}

/// How well the load generator kept its own promise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Generator {
    /// From the intended instant to the sending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness: Option<Histogram>,
    /// CPU time ÷ wall time of its busiest thread, between 0 and 1; nothing if it cannot be read here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<f64>,
    /// Requests that had to wait for a connection.
    #[serde(default)]
    pub queued: u64,
    /// The most connections open at once.
    #[serde(default)]
    pub connections: u64,
}

impl Generator {
    /// Adds all that `other` holds; of the CPU share and the connections, the larger.
    pub fn add(&mut self, other: &Self) {
        merge(&mut self.lateness, other.lateness.as_ref());
        self.cpu = match (self.cpu, other.cpu) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.queued += other.queued;
        self.connections = self.connections.max(other.connections);
    }
}

/// One interval of a run, or a piece of one: pieces of the same start add up.
///
/// Names of series: pages are `journey/page`, services their name. Empty series are left out.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Window {
    /// The interval's start, on the grid.
    pub start: Timestamp,
    /// Its length.
    pub length: Duration,
    /// What shoppers saw, by `journey/page`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pages: BTreeMap<String, Series>,
    /// What the gateway saw, by service: calls between services included.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, Series>,
    /// Replicas, by service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub workloads: BTreeMap<String, Workload>,
    /// The generator's own honesty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// Services that were given more than a planner can tell the consequences of: what it says of this window is not to
    /// be trusted. Empty in all other worlds.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub overloaded: BTreeSet<String>,
}

impl Window {
    /// An empty window.
    #[must_use]
    pub fn new(start: Timestamp, length: Duration) -> Self {
        Self {
            start,
            length,
            pages: BTreeMap::new(),
            services: BTreeMap::new(),
            workloads: BTreeMap::new(),
            generator: None,
            overloaded: BTreeSet::new(),
        }
    }

    /// Adds a piece of the same window. Counts and histograms add up; of workloads the piece's sample is the newer.
    pub fn add(&mut self, piece: &Self) {
        for (name, series) in &piece.pages {
            self.pages.entry(name.clone()).or_default().add(series);
        }
        for (name, series) in &piece.services {
            self.services.entry(name.clone()).or_default().add(series);
        }
        for (name, sample) in &piece.workloads {
            self.workloads.insert(name.clone(), sample.clone());
        }
        self.overloaded.extend(piece.overloaded.iter().cloned());
        if let Some(generator) = &piece.generator {
            self.generator.get_or_insert_default().add(generator);
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
            && self.services.is_empty()
            && self.workloads.is_empty()
            && self.generator.is_none()
            && self.overloaded.is_empty()
    }

    /// All pages together.
    #[must_use]
    pub fn all_pages(&self) -> Series {
        let mut sum = Series::default();
        for series in self.pages.values() {
            sum.add(series);
        }
        sum
    }
}

/// Where windows begin: the run's start, and every `length` after it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Grid {
    /// The run's start.
    pub start: Timestamp,
    /// The length of a window; never zero.
    pub length: Duration,
}

impl Grid {
    /// The most windows that a run may have.
    pub const MOST_WINDOWS: u32 = 2880;

    /// The grid of a run: windows as long as the control period, or the smallest multiple of it that gives at most
    /// [`Grid::MOST_WINDOWS`] of them. A zero `period` counts as one second.
    #[must_use]
    pub fn of_run(start: Timestamp, duration: Duration, period: Duration) -> Self {
        let period = if period.is_zero() {
            Duration::from_secs(1)
        } else {
            period
        };
        let periods = duration.as_nanos().div_ceil(period.as_nanos());
        let multiple = periods.div_ceil(u128::from(Self::MOST_WINDOWS)).max(1);
        Self {
            start,
            length: period.saturating_mul(u32::try_from(multiple).unwrap_or(u32::MAX)),
        }
    }

    /// The start of the window that holds `at`. What is before the run counts to its first window.
    #[must_use]
    pub fn window_of(&self, at: Timestamp) -> Timestamp {
        let length = i64::try_from(self.length.as_nanos())
            .unwrap_or(i64::MAX)
            .max(1);
        let since = at.as_nanos().saturating_sub(self.start.as_nanos()).max(0);
        Timestamp::from_nanos(
            self.start
                .as_nanos()
                .saturating_add(since / length * length),
        )
    }
}

fn merge(into: &mut Option<Histogram>, from: Option<&Histogram>) {
    if let Some(from) = from {
        into.get_or_insert_with(|| Histogram::new(Precision::Window))
            .add(from);
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_has_at_most_2880_windows() {
        let day = Duration::from_secs(86_400);
        let grid = Grid::of_run(Timestamp::EPOCH, day, Duration::from_secs(15));
        assert_eq!(grid.length, Duration::from_secs(30));
        let short = Grid::of_run(
            Timestamp::EPOCH,
            Duration::from_secs(1200),
            Duration::from_secs(15),
        );
        assert_eq!(short.length, Duration::from_secs(15));
    }

    #[test]
    fn instants_fall_into_the_window_that_begins_with_them() {
        let grid = Grid {
            start: Timestamp::from_secs(10),
            length: Duration::from_secs(5),
        };
        assert_eq!(
            grid.window_of(Timestamp::from_secs(15)),
            Timestamp::from_secs(15)
        );
        assert_eq!(
            grid.window_of(Timestamp::from_millis(14_999)),
            Timestamp::from_secs(10)
        );
        assert_eq!(
            grid.window_of(Timestamp::from_secs(3)),
            Timestamp::from_secs(10)
        );
    }

    #[test]
    fn pieces_add_up_and_survive_json() {
        let mut a = Window::new(Timestamp::EPOCH, Duration::from_secs(1));
        let series = a.pages.entry("shopper/home".into()).or_default();
        series.counts.offered = 2;
        series.counts.served = 1;
        series.record_latency(Duration::from_millis(5));
        let mut sum = a.clone();
        sum.add(&a);
        assert_eq!(sum.all_pages().counts.offered, 4);
        assert_eq!(sum.all_pages().latency.unwrap().len(), 2);
        let json = serde_json::to_string(&a).unwrap();
        assert!(!json.contains("failed"));
        assert_eq!(serde_json::from_str::<Window>(&json).unwrap(), a);
    }
}
