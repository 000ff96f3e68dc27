//! The run as a whole: what it was, its totals, its windows, its phases and pages.

use metrics::{Counts, Histogram, Quantile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gather::{Gathered, Sum, millis, quantile_ms};
use crate::record::{Header, Record, World, speed};

/// What was run.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct About {
    /// The scenario's name.
    pub name: String,
    /// What the scenario is about.
    pub about: String,
    /// In which world.
    pub world: World,
    /// The program's version.
    pub version: String,
    /// The seed.
    pub seed: u64,
    /// The algorithm of the draws, and its version.
    pub draws: String,
    /// How many times faster than the scenario's time the world ran.
    pub speed: f64,
    /// The command that does it again.
    pub command: String,
    /// The policies' names, each once, in the order of the services.
    pub policies: Vec<String>,
    /// How long it was to last, in seconds of scenario time.
    pub duration_s: f64,
    /// How long it did last, in seconds of scenario time.
    pub ran_s: f64,
    /// The length of a window, in seconds of scenario time.
    pub window_s: f64,
    /// Between two decisions, in seconds of scenario time.
    pub period_s: f64,
    /// A page slower than this is a miss, in ms.
    pub limit_ms: f64,
    /// The share of pages that must not be misses.
    pub share: f64,
    /// What the host was, if the run had one.
    pub host: Option<String>,
    /// When it was started, in seconds since the Unix epoch, if the run had a wall clock.
    pub started_unix_s: Option<f64>,
}

/// A set of requests: a phase, a page, or the whole run.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Group {
    /// Its name: the phase's, or `journey/page`, or `all`.
    pub name: String,
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// How many came to which end.
    pub counts: Counts,
    /// Too slow or not served, as a share of the offered; nothing if nothing was offered.
    pub missed: Option<f64>,
    /// Not served, as a share of the offered; nothing if nothing was offered.
    pub errors: Option<f64>,
    /// The mean latency, in ms.
    pub mean_ms: Option<f64>,
    /// The median, in ms; nothing with fewer samples than it needs. So with the others.
    pub p50_ms: Option<f64>,
    /// The 95th percentile, in ms.
    pub p95_ms: Option<f64>,
    /// The 99th percentile, in ms.
    pub p99_ms: Option<f64>,
    /// The 99.9th percentile, in ms.
    pub p999_ms: Option<f64>,
    /// The longest, in ms.
    pub max_ms: Option<f64>,
    /// The phases that joined this one because they had too few samples for p99 on their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<String>,
    /// All latencies: HdrHistogram V2 deflate in base64, in µs.
    pub latency_us: Option<Histogram>,
}

/// One window. What was not measured is nothing, never zero.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Interval {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// Pages per second that were due; nothing if there is no data. So with the others.
    pub offered_rps: Option<f64>,
    /// Pages per second answered well.
    pub served_rps: Option<f64>,
    /// Pages per second answered badly, never sent, or still open at the end.
    pub failed_rps: Option<f64>,
    /// Pages per second turned away.
    pub shed_rps: Option<f64>,
    /// Pages per second that ran into the time limit.
    pub timed_out_rps: Option<f64>,
    /// Too slow or not served, as a share of the offered; nothing if nothing was offered.
    pub missed: Option<f64>,
}

/// Percentiles of windows merged until there are enough requests to say them.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PercentileStep {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// How many latencies it rests on.
    pub samples: u64,
    /// The median, in ms; nothing with fewer than 2 ÷ (1 − q) samples. So with the others.
    pub p50_ms: Option<f64>,
    /// The 95th percentile, in ms.
    pub p95_ms: Option<f64>,
    /// The 99th percentile, in ms.
    pub p99_ms: Option<f64>,
    /// The quantile that the SLO names, in ms.
    pub slo_ms: Option<f64>,
    /// Whether more requests than the SLO allows were above its limit.
    pub above_limit: bool,
}

/// A point of the percentile curve.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CurvePoint {
    /// −log10(1 − q): 1 is p90, 2 is p99, 3 is p99.9.
    pub nines: f64,
    /// The quantile.
    pub quantile: f64,
    /// The latency, in ms.
    pub latency_ms: f64,
}

/// Latencies over time: how many requests of each column took how long.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Heatmap {
    /// The columns' edges, in seconds of scenario time: one more than there are columns; at most 120 columns.
    pub edges_s: Vec<f64>,
    /// The rows' edges, in ms, rising on a log scale: one more than there are rows; at most 40 rows.
    pub edges_ms: Vec<f64>,
    /// By column, then by row from fast to slow: how many requests. A column without data is empty.
    pub counts: Vec<Vec<u64>>,
}

/// The command that does it again: the one that was typed, or, of a simulation that another command began, the one that
/// simulates it alone.
fn command(header: &Header, speed: f64) -> String {
    let began = header.command.split_whitespace().nth(1);
    if header.world != World::Simulated || began == Some("simulate") {
        return header.command.clone();
    }
    let mut command = format!("rushhour simulate {} --seed {}", header.name, header.seed);
    if speed != 1.0 {
        command += &format!(" --speed {speed}");
    }
    command
}

impl Group {
    /// Its latency at a quantile, in ms, if it has enough samples to say so: 5 ÷ (1 − q).
    #[must_use]
    pub fn certain_ms(&self, quantile: Quantile) -> Option<f64> {
        let latency = self.latency_us.as_ref()?;
        latency
            .certain_quantile(quantile)
            .map(|d| d.as_secs_f64() * 1e3)
    }
}

impl About {
    pub(super) fn of(record: &Record, ran_s: f64) -> Self {
        let header = &record.header;
        let speed = speed(header);
        let mut policies: Vec<String> = Vec::new();
        for service in header.services.values() {
            if !policies.contains(&service.policy) {
                policies.push(service.policy.clone());
            }
        }
        let host = record.host.as_ref();
        Self {
            name: header.name.clone(),
            about: header.about.clone(),
            world: header.world,
            version: header.version.clone(),
            seed: header.seed,
            draws: header.draws.clone(),
            speed,
            command: command(header, speed),
            policies,
            duration_s: header.duration.as_secs_f64() * speed,
            ran_s,
            window_s: header.grid.length.as_secs_f64() * speed,
            period_s: header.period.as_secs_f64() * speed,
            limit_ms: millis(header.slo.within),
            share: header.slo.share.get(),
            host: host.map(|h| {
                let processor = h.processor.iter().map(String::as_str);
                let cpus = crate::words::plural(u64::from(h.cpus), "CPU");
                let parts: Vec<&str> = [h.system.as_str(), &cpus]
                    .into_iter()
                    .chain(processor)
                    .collect();
                parts.join(", ")
            }),
            started_unix_s: host.map(|h| h.started.as_nanos() as f64 / 1e9),
        }
    }
}

impl Group {
    pub(super) fn of(name: &str, (from_s, to_s): (f64, f64), sum: &Sum) -> Self {
        let latency = sum.latency.as_ref().filter(|l| !l.is_empty());
        let counts = sum.counts;
        let share = |n: u64| (counts.offered > 0).then(|| n as f64 / counts.offered as f64);
        let at = |q| latency.and_then(|l| l.certain_quantile(q)).map(millis);
        Self {
            name: name.to_owned(),
            from_s,
            to_s,
            counts,
            missed: share(counts.misses()),
            errors: share(counts.errors()),
            mean_ms: latency.and_then(|l| l.mean()).map(millis),
            p50_ms: at(Quantile::P50),
            p95_ms: at(Quantile::P95),
            p99_ms: at(Quantile::P99),
            p999_ms: at(Quantile::P999),
            max_ms: latency.and_then(|l| l.max()).map(millis),
            joined: Vec::new(),
            latency_us: latency.cloned(),
        }
    }

    /// How many latencies it holds.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.latency_us.as_ref().map_or(0, Histogram::len)
    }

    /// This group and the next one as one.
    fn joined_with(&self, next: &Self) -> Self {
        let sum = |g: &Self| Sum {
            counts: g.counts,
            latency: g.latency_us.clone(),
        };
        let mut both = sum(self);
        both.join(&sum(next));
        let mut group = Self::of(&next.name, (self.from_s, next.to_s), &both);
        group.joined.clone_from(&self.joined);
        group.joined.push(self.name.clone());
        group.joined.extend(next.joined.iter().cloned());
        group
    }

    /// Neighbours joined until each has enough samples for `quantile`: a short one joins the next, the last one the
    /// one before.
    #[must_use]
    pub fn join_short(groups: &[Self], quantile: Quantile) -> Vec<Self> {
        let short = |g: &Self| g.samples() < quantile.samples_needed();
        let mut joined: Vec<Self> = Vec::new();
        let mut waiting: Option<Self> = None;
        for group in groups {
            let group = match waiting.take() {
                Some(before) => before.joined_with(group),
                None => group.clone(),
            };
            if short(&group) {
                waiting = Some(group);
            } else {
                joined.push(group);
            }
        }
        if let Some(rest) = waiting {
            match joined.pop() {
                Some(before) => {
                    let mut both = before.joined_with(&rest);
                    // The larger one keeps its name.
                    both.name.clone_from(&before.name);
                    both.joined.clone_from(&before.joined);
                    both.joined.push(rest.name.clone());
                    both.joined.extend(rest.joined);
                    joined.push(both);
                }
                None => joined.push(rest),
            }
        }
        joined
    }
}

pub(super) fn phases(record: &Record, gathered: &Gathered) -> Vec<Group> {
    let speed = speed(&record.header);
    let seconds = |d: std::time::Duration| d.as_secs_f64() * speed;
    let named: Vec<Group> = record
        .header
        .phases
        .iter()
        .zip(&gathered.phases)
        // A phase that the run did not reach is no phase without samples.
        .filter(|(phase, _)| seconds(phase.from) < gathered.ran_s)
        .map(|(phase, sum)| {
            let span = (seconds(phase.from), seconds(phase.to).min(gathered.ran_s));
            Group::of(&phase.name, span, sum)
        })
        .collect();
    if named.is_empty() {
        return vec![Group::of(
            "whole run",
            (0.0, gathered.ran_s),
            &gathered.total,
        )];
    }
    Group::join_short(&named, Quantile::P99)
}

pub(super) fn intervals(gathered: &Gathered) -> Vec<Interval> {
    let interval = |(index, row): (usize, &Option<super::gather::Row>)| {
        let from_s = index as f64 * gathered.length_s;
        let row = row.as_ref();
        let rate = |n: fn(&Counts) -> u64| {
            row.filter(|r| r.world_s > 0.0)
                .map(|r| n(&r.counts) as f64 / r.world_s)
        };
        Interval {
            from_s,
            to_s: row.map_or(from_s + gathered.length_s, |r| r.to_s),
            offered_rps: rate(|c| c.offered),
            served_rps: rate(|c| c.served),
            failed_rps: rate(|c| c.failed + c.unsent + c.open),
            shed_rps: rate(|c| c.shed),
            timed_out_rps: rate(|c| c.timed_out),
            missed: row
                .filter(|r| r.counts.offered > 0)
                .map(|r| r.counts.misses() as f64 / r.counts.offered as f64),
        }
    };
    gathered.rows.iter().enumerate().map(interval).collect()
}

/// The percentile curve: a tenth of a nine per point, up to where fewer than one request is left.
pub(super) fn curve(sum: &Sum) -> Vec<CurvePoint> {
    let Some(latency) = &sum.latency else {
        return Vec::new();
    };
    let most = libm::log10(latency.len().max(1) as f64);
    (0..)
        .map(|tenths| f64::from(tenths) / 10.0)
        .take_while(|nines| *nines <= most + 1e-9)
        .filter_map(|nines| {
            let quantile = Quantile::new(1.0 - libm::pow(10.0, -nines)).ok()?;
            Some(CurvePoint {
                nines,
                quantile: quantile.get(),
                latency_ms: quantile_ms(latency, quantile)?,
            })
        })
        .collect()
}
