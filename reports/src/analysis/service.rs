//! A service: its load, its replicas, what one replica takes, and where it ran out.

use metrics::{Counts, Quantile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decisions::faults;
use super::gather::{Gathered, Row, Sum, millis, quantile_ms};
use super::{PercentileStep, full, knee, shortage};
use crate::record::{Record, ServiceHeader, speed};

/// One service.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its policy's name.
    pub policy: String,
    /// Requests that a replica works on at once; nothing: without limit.
    pub slots: Option<u32>,
    /// The limit of its own time, in ms.
    pub limit_ms: f64,
    /// The fewest replicas.
    pub min: u32,
    /// The most replicas.
    pub max: u32,
    /// From a replica's start to its readiness, the median in seconds of scenario time.
    pub start_up_s: f64,
    /// How many requests came to which end, calls between services included.
    pub counts: Counts,
    /// The 99th percentile as the gateway saw it, downstream calls included, in ms.
    pub p99_ms: Option<f64>,
    /// Over time, one for each window of the run.
    pub windows: Vec<ServiceInterval>,
    /// The 99th percentile over time, on the run's own percentile steps.
    pub p99_steps_ms: Vec<Option<f64>>,
    /// Its median over time, in ms; so too.
    #[serde(default)]
    pub p50_steps_ms: Vec<Option<f64>>,
    /// Its 95th percentile over time, in ms; so too.
    #[serde(default)]
    pub p95_steps_ms: Vec<Option<f64>>,
    /// Replicas over time: only where they change.
    pub replicas: Vec<ReplicaStep>,
    /// The highest load, in requests per second.
    pub peak_rps: Option<f64>,
    /// The highest utilisation (slots held ÷ slots).
    pub peak_busy: Option<f64>,
    /// The most ready replicas.
    pub peak_ready: Option<u32>,
    /// What one replica takes within the limit, or why nobody can say.
    pub safe: SafeRate,
    /// Load against latency, a point for each percentile step.
    pub knee: Vec<KneePoint>,
    /// The curve through those points, if one fits.
    pub fit: Option<KneeFit>,
    /// The least headroom: (capacity − load) ÷ load, negative where load was above it; nothing without capacity.
    pub least_headroom: Option<Headroom>,
    /// Where it was short: load was above capacity, requests were turned away, or nearly all slots were held and it
    /// was slow.
    pub shortages: Vec<Span>,
    /// Requests turned away (shed) while it was short.
    pub turned_away: u64,
    /// How ready capacity followed load.
    pub lag: Option<Lag>,
}

/// A service in one window. What was not measured is nothing, never zero.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ServiceInterval {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// Requests per second that came for it.
    pub load_rps: Option<f64>,
    /// Requests per second answered well.
    pub served_rps: Option<f64>,
    /// Requests per second not served.
    pub failed_rps: Option<f64>,
    /// Of those, requests per second turned away (shed).
    pub shed_rps: Option<f64>,
    /// Slots held ÷ slots.
    pub busy: Option<f64>,
    /// Time in work ÷ (slots, or the cores that they share, × time).
    pub cpu: Option<f64>,
    /// Ready replicas.
    pub ready: Option<u32>,
    /// Replicas wanted.
    pub desired: Option<u32>,
    /// Replicas started but not ready yet.
    pub starting: Option<u32>,
    /// Ready replicas × the safe rate of one, in requests per second.
    pub capacity_rps: Option<f64>,
}

/// Replicas from one instant to the next step.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ReplicaStep {
    /// Since when, in seconds of scenario time.
    pub at_s: f64,
    /// What they were; nothing where there is no data.
    pub count: Option<ReplicaCount>,
}

/// Replicas by state.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ReplicaCount {
    /// Wanted.
    pub desired: u32,
    /// Taking requests.
    pub ready: u32,
    /// Started but not ready yet.
    pub starting: u32,
    /// Finishing what they have.
    pub draining: u32,
}

/// The highest rate per replica that keeps the limit.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum SafeRate {
    /// Where the measured curve meets the limit.
    Measured {
        /// Requests per second and replica.
        rps: f64,
    },
    /// From what its replicas served while most of their slots were held, because the scenario's work times, if there
    /// are any, are far from that.
    Throughput {
        /// Requests per second and replica: 85 % of the full rate.
        rps: f64,
        /// Requests per second and replica with all slots held.
        full_rps: f64,
    },
    /// From the scenario's own work times.
    Model {
        /// Requests per second and replica.
        rps: f64,
    },
    /// Nobody can say.
    Unknown {
        /// Why.
        why: String,
    },
}

impl ServiceInterval {
    /// A window of which nothing is known.
    #[cfg(test)]
    pub(crate) fn empty(from_s: f64, to_s: f64) -> Self {
        Self {
            from_s,
            to_s,
            load_rps: None,
            served_rps: None,
            failed_rps: None,
            shed_rps: None,
            busy: None,
            cpu: None,
            ready: None,
            desired: None,
            starting: None,
            capacity_rps: None,
        }
    }
}

impl SafeRate {
    /// Requests per second and replica.
    #[must_use]
    pub fn rps(&self) -> Option<f64> {
        match self {
            Self::Measured { rps } | Self::Throughput { rps, .. } | Self::Model { rps } => {
                Some(*rps)
            }
            Self::Unknown { .. } => None,
        }
    }
}

/// Load per ready replica and the latency it had.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct KneePoint {
    /// When, in seconds of scenario time.
    pub at_s: f64,
    /// Requests per second and ready replica.
    pub load_rps: f64,
    /// The 99th percentile, in ms.
    pub p99_ms: f64,
    /// Whether that is over the service's limit.
    pub over: bool,
}

/// latency(x) = floor + rise × x ÷ (full − x), x being load per ready replica.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct KneeFit {
    /// The latency without load, in ms.
    pub floor_ms: f64,
    /// How steep it rises, in ms.
    pub rise_ms: f64,
    /// Where it goes to infinity, in requests per second and replica: all slots busy.
    pub full_rps: f64,
    /// Where it meets the service's limit, in requests per second and replica.
    pub safe_rps: f64,
}

impl KneeFit {
    /// The curve's latency at a load per replica, in ms; infinite from `full_rps` on.
    #[must_use]
    pub fn at(&self, load_rps: f64) -> f64 {
        if load_rps >= self.full_rps {
            f64::INFINITY
        } else {
            self.floor_ms + self.rise_ms * load_rps / (self.full_rps - load_rps)
        }
    }
}

/// How much room there was.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Headroom {
    /// When, in seconds of scenario time.
    pub at_s: f64,
    /// (capacity − load) ÷ load.
    pub share: f64,
}

/// A span of scenario time.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Span {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
}

impl Span {
    /// Its length in seconds.
    #[must_use]
    pub fn length_s(&self) -> f64 {
        self.to_s - self.from_s
    }
}

/// The shift at which ready replicas resemble the load most.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Lag {
    /// How long replicas came after the load, in seconds of scenario time; negative: before it.
    pub by_s: f64,
    /// Pearson's coefficient at that shift, −1 to 1.
    pub coefficient: f64,
}

/// All services, in the order of names.
pub(super) fn services(record: &Record, gathered: &Gathered) -> Vec<Service> {
    let one =
        |(name, header): (&String, &ServiceHeader)| Service::of(name, header, record, gathered);
    record.header.services.iter().map(one).collect()
}

/// From this share of slots held on a service makes those wait that call it.
const BUSY: f64 = 0.8;

/// Whether in a window what a service serves may depend on something else than itself: a fault was on, or another service
/// was nearly full or did not serve all.
fn is_disturbed(name: &str, index: usize, record: &Record, gathered: &Gathered) -> bool {
    let Some(Some(row)) = gathered.rows.get(index) else {
        return false;
    };
    let from_s = index as f64 * gathered.length_s;
    let faulty = faults(record)
        .iter()
        .any(|f| f.from_s < row.to_s && f.to_s >= from_s);
    let busy = |(other, w): (&String, &metrics::Workload)| {
        other != name && w.busy.is_some_and(|busy| busy >= BUSY)
    };
    let failing = |(other, c): (&String, &Counts)| other != name && c.errors() > 0;
    faulty || row.workloads.iter().any(busy) || row.services.iter().any(failing)
}

impl Service {
    fn of(name: &str, header: &ServiceHeader, record: &Record, gathered: &Gathered) -> Self {
        let limit_ms = millis(header.limit);
        let mut windows = intervals(name, gathered);
        let steps = gathered.service_steps.get(name).map_or(&[][..], |s| s);
        let of_step = |i: usize| steps.iter().map(|s| s[i]).collect::<Vec<_>>();
        let p99_steps_ms = of_step(2);
        let per_replica = |from: f64, to: f64| load_per_replica(&windows, from, to);
        let knee = knee::points(&gathered.steps, &p99_steps_ms, per_replica, limit_ms);
        let fit = knee::fit(&knee, limit_ms);
        let speed = speed(&record.header);
        let measured = full::full_rate(
            &windows,
            |index| is_disturbed(name, index, record, gathered),
            |w| shortage::world_s(w, speed),
        );
        let safe = knee::safe_rate(fit.as_ref(), measured, header);
        for window in &mut windows {
            let ready = window.ready.map(f64::from);
            window.capacity_rps = ready.zip(safe.rps()).map(|(n, rps)| n * rps);
        }
        let fine = |w: &ServiceInterval| {
            let p99 = p99_in(&gathered.steps, &p99_steps_ms, w);
            // With too few requests to say p99 nothing speaks against it.
            p99.is_none_or(|p99| p99 <= limit_ms) && w.failed_rps == Some(0.0)
        };
        let shortages = shortage::shortages(&windows, speed, fine);
        let sum = gathered.services.get(name);
        let latency = sum.and_then(|s: &Sum| s.latency.as_ref());
        let highest = |of: fn(&ServiceInterval) -> Option<f64>| {
            windows.iter().filter_map(of).reduce(f64::max)
        };
        Self {
            name: name.to_owned(),
            policy: header.policy.clone(),
            slots: header.slots,
            limit_ms,
            min: header.min.get(),
            max: header.max.get(),
            start_up_s: header.start_up.as_secs_f64() * speed,
            counts: sum.map_or_else(Counts::default, |s| s.counts),
            p99_ms: latency
                .filter(|l| l.len() >= Quantile::P99.samples_needed())
                .and_then(|l| quantile_ms(l, Quantile::P99)),
            replicas: replica_steps(name, gathered),
            peak_rps: highest(|w| w.load_rps),
            peak_busy: highest(|w| w.busy),
            peak_ready: windows.iter().filter_map(|w| w.ready).max(),
            least_headroom: least_headroom(&windows),
            turned_away: shortage::turned_away(&windows, &shortages, speed),
            shortages,
            lag: lag(&windows, gathered.length_s),
            windows,
            p50_steps_ms: of_step(0),
            p95_steps_ms: of_step(1),
            p99_steps_ms,
            safe,
            knee,
            fit,
        }
    }
}

fn intervals(name: &str, gathered: &Gathered) -> Vec<ServiceInterval> {
    let interval = |(index, row): (usize, &Option<Row>)| {
        let from_s = index as f64 * gathered.length_s;
        let row = row.as_ref();
        // A service that is not named in a window that names others had nothing to do; without any, nobody looked.
        let counts = row
            .filter(|r| !r.services.is_empty() && r.world_s > 0.0)
            .map(|r| (r.services.get(name).copied().unwrap_or_default(), r.world_s));
        let workload = row.and_then(|r| r.workloads.get(name));
        let finite = |v: Option<f64>| v.filter(|v| v.is_finite());
        ServiceInterval {
            from_s,
            to_s: row.map_or(from_s + gathered.length_s, |r| r.to_s),
            load_rps: counts.map(|(c, s)| c.offered as f64 / s),
            served_rps: counts.map(|(c, s)| c.served as f64 / s),
            failed_rps: counts.map(|(c, s)| c.errors() as f64 / s),
            shed_rps: counts.map(|(c, s)| c.shed as f64 / s),
            busy: finite(workload.and_then(|w| w.busy)),
            cpu: finite(workload.and_then(|w| w.cpu)),
            ready: workload.map(|w| w.ready.get()),
            desired: workload.map(|w| w.desired.get()),
            starting: workload.map(|w| w.starting.get()),
            capacity_rps: None,
        }
    };
    gathered.rows.iter().enumerate().map(interval).collect()
}

/// Mean load ÷ mean ready replicas over the windows that begin in a span; nothing if one of them has no data.
fn load_per_replica(windows: &[ServiceInterval], from_s: f64, to_s: f64) -> Option<f64> {
    let first = windows.partition_point(|w| w.from_s < from_s - 1e-6);
    let inside = windows[first..]
        .iter()
        .take_while(|w| w.from_s < to_s - 1e-6);
    let (mut load, mut ready) = (0.0, 0.0);
    for window in inside {
        load += window.load_rps?;
        ready += f64::from(window.ready?);
    }
    (ready > 0.0).then(|| load / ready)
}

fn replica_steps(name: &str, gathered: &Gathered) -> Vec<ReplicaStep> {
    let mut steps: Vec<ReplicaStep> = Vec::new();
    for (index, row) in gathered.rows.iter().enumerate() {
        let workload = row.as_ref().and_then(|r| r.workloads.get(name));
        let count = workload.map(|w| ReplicaCount {
            desired: w.desired.get(),
            ready: w.ready.get(),
            starting: w.starting.get(),
            draining: w.draining.get(),
        });
        if steps.last().is_none_or(|last| last.count != count) {
            let at_s = index as f64 * gathered.length_s;
            steps.push(ReplicaStep { at_s, count });
        }
    }
    steps
}

fn least_headroom(windows: &[ServiceInterval]) -> Option<Headroom> {
    let headroom = |w: &ServiceInterval| {
        let (capacity, load) = (w.capacity_rps?, w.load_rps.filter(|l| *l > 0.0)?);
        Some(Headroom {
            at_s: w.from_s,
            share: (capacity - load) / load,
        })
    };
    let all = windows.iter().filter_map(headroom);
    all.reduce(|least, next| {
        if next.share < least.share {
            next
        } else {
            least
        }
    })
}

/// The p99 of the percentile step that holds a window's middle.
fn p99_in(steps: &[PercentileStep], p99: &[Option<f64>], window: &ServiceInterval) -> Option<f64> {
    let middle = f64::midpoint(window.from_s, window.to_s);
    let index = steps.partition_point(|s| s.to_s <= middle);
    steps.get(index).filter(|s| s.from_s <= middle)?;
    *p99.get(index)?
}

/// The longest shift looked at, in seconds of scenario time.
const LONGEST_LAG_S: f64 = 600.0;

/// The shift of ready replicas against load with the highest correlation, of those up to ten minutes and a quarter of
/// the run.
fn lag(windows: &[ServiceInterval], length_s: f64) -> Option<Lag> {
    let most = ((LONGEST_LAG_S / length_s) as usize).min(windows.len() / 4) as i64;
    let mut best: Option<(f64, i64)> = None;
    for shift in -most..=most {
        let pairs = windows.iter().enumerate().filter_map(|(i, w)| {
            let later = usize::try_from(i as i64 + shift).ok()?;
            let ready = windows.get(later)?.ready?;
            Some((w.load_rps?, f64::from(ready)))
        });
        let pairs: Vec<(f64, f64)> = pairs.collect();
        if let Some(r) = pearson(&pairs) {
            let nearer = |b: &(f64, i64)| r > b.0 + 1e-12 || (r >= b.0 && shift.abs() < b.1.abs());
            if best.as_ref().is_none_or(nearer) {
                best = Some((r, shift));
            }
        }
    }
    best.map(|(coefficient, shift)| Lag {
        by_s: shift as f64 * length_s,
        coefficient,
    })
}

/// Pearson's coefficient; nothing with fewer than eight pairs or where one side never changes.
fn pearson(pairs: &[(f64, f64)]) -> Option<f64> {
    let n = pairs.len() as f64;
    if pairs.len() < 8 {
        return None;
    }
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        xy += (x - mx) * (y - my);
        xx += (x - mx).powi(2);
        yy += (y - my).powi(2);
    }
    (xx > 1e-12 && yy > 1e-12).then(|| (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(rows: &[(f64, u32)]) -> Vec<ServiceInterval> {
        let window = |(i, (load, ready)): (usize, &(f64, u32))| ServiceInterval {
            load_rps: Some(*load),
            ready: Some(*ready),
            capacity_rps: Some(f64::from(*ready) * 10.0),
            ..ServiceInterval::empty(i as f64 * 15.0, (i + 1) as f64 * 15.0)
        };
        rows.iter().enumerate().map(window).collect()
    }

    #[test]
    fn replicas_that_follow_load_two_windows_later_are_seen_to() {
        let load = |i: i32| if (20..40).contains(&i) { 90.0 } else { 30.0 };
        let rows: Vec<(f64, u32)> = (0..80)
            .map(|i| (load(i), load(i - 2) as u32 / 10))
            .collect();
        let lag = lag(&windows(&rows), 15.0).unwrap();
        assert!((lag.by_s - 30.0).abs() < 1e-9, "{lag:?}");
        assert!(lag.coefficient > 0.999);
        assert_eq!(
            self::lag(&windows(&[(5.0, 3); 40]), 15.0),
            None,
            "nothing ever changed"
        );
    }
}
