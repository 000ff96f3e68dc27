//! Whether the run can be believed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use metrics::Quantile;

use super::About;
use super::gather::{Gathered, millis, quantile_ms};
use crate::words;

/// How well the load generator kept its own promise.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Honesty {
    /// From the intended instant to the sending, the median in ms.
    pub lateness_p50_ms: Option<f64>,
    /// The 99th percentile in ms.
    pub lateness_p99_ms: Option<f64>,
    /// The longest in ms.
    pub lateness_max_ms: Option<f64>,
    /// Requests never sent.
    pub unsent: u64,
    /// Never sent, as a share of the offered.
    pub unsent_share: Option<f64>,
    /// The highest CPU share of the generator's busiest thread in a window.
    pub cpu_peak: Option<f64>,
    /// Requests that had to wait for a connection.
    pub queued: u64,
    /// The most connections open at once.
    pub connections: u64,
    /// The same over time, one for each window that has it.
    pub windows: Vec<HonestyInterval>,
    /// Why the run cannot be believed; empty if it can.
    pub objections: Vec<String>,
}

/// The generator in one window.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct HonestyInterval {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time.
    pub to_s: f64,
    /// Lateness, the 99th percentile in ms.
    pub lateness_p99_ms: Option<f64>,
    /// The CPU share of its busiest thread.
    pub cpu: Option<f64>,
}

/// How far one control period's rate may be off by chance alone.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Noise {
    /// One standard deviation ÷ the mean rate, of one control period at the run's mean rate: 1 ÷ √(requests).
    pub period_rate: f64,
    /// The same at speed 1.
    pub period_rate_at_speed_1: f64,
    /// What the speed does to the run, for people; nothing at speed 1.
    pub sentence: Option<String>,
}

/// Requests may be sent so late at p99, in ms.
const LATEST_MS: f64 = 10.0;
/// So many may never be sent, as a share of the offered.
const MOST_UNSENT: f64 = 0.001;
/// The generator may use so much of its core, for less than three windows in a row.
const BUSIEST: f64 = 0.9;
/// So many windows may lack data, as a share.
const MOST_GAPS: f64 = 0.05;

impl Honesty {
    pub(super) fn of(gathered: &Gathered) -> Self {
        let generator = gathered.generator.clone().unwrap_or_default();
        let lateness = generator.lateness.as_ref();
        let counts = &gathered.total.counts;
        let late = |q| lateness.and_then(|l| quantile_ms(l, q));
        let mut honesty = Self {
            lateness_p50_ms: late(Quantile::P50),
            lateness_p99_ms: late(Quantile::P99),
            lateness_max_ms: lateness.and_then(|l| l.max()).map(millis),
            unsent: counts.unsent,
            unsent_share: (counts.offered > 0)
                .then(|| counts.unsent as f64 / counts.offered as f64),
            cpu_peak: gathered
                .honesty
                .iter()
                .filter_map(|w| w.cpu)
                .reduce(f64::max),
            queued: generator.queued,
            connections: generator.connections,
            windows: gathered.honesty.clone(),
            objections: Vec::new(),
        };
        honesty.objections = honesty.objections(gathered);
        honesty
    }

    fn objections(&self, gathered: &Gathered) -> Vec<String> {
        let mut objections = Vec::new();
        if gathered.total.counts.offered == 0 {
            objections.push("not one request was due: there is nothing to judge".to_owned());
        }
        if let Some(late) = self.lateness_p99_ms.filter(|ms| *ms > LATEST_MS) {
            objections.push(format!(
                "the generator was late: one request in a hundred was sent {} or more after its instant, allowed is {}",
                words::ms(late),
                words::ms(LATEST_MS)
            ));
        }
        if let Some(share) = self.unsent_share.filter(|s| *s > MOST_UNSENT) {
            objections.push(format!(
                "{} ({}) were never sent, allowed is {}",
                words::plural(self.unsent, "request"),
                words::percent(share),
                words::percent(MOST_UNSENT)
            ));
        }
        let busy = |w: &[HonestyInterval]| w.iter().all(|w| w.cpu.is_some_and(|c| c > BUSIEST));
        if self.windows.windows(3).any(busy) {
            objections.push(format!(
                "the generator used over {} of its core for three windows in a row, so it may have slowed itself",
                words::percent(BUSIEST)
            ));
        }
        let rows = gathered.rows.len();
        let gaps = gathered.rows.iter().filter(|r| r.is_none()).count();
        if rows > 0 && gaps as f64 > MOST_GAPS * rows as f64 {
            objections.push(format!(
                "{} of the run have no data ({} of {rows} windows)",
                words::percent(gaps as f64 / rows as f64),
                gaps
            ));
        }
        objections
    }
}

impl Noise {
    /// Nothing without requests. What is counted as noise is the counting itself: Poisson's √n.
    pub(super) fn of(about: &About, gathered: &Gathered) -> Option<Self> {
        let offered = gathered.total.counts.offered as f64;
        let measured_s: f64 = gathered.rows.iter().flatten().map(|r| r.world_s).sum();
        if offered <= 0.0 || measured_s <= 0.0 {
            return None;
        }
        let in_period = offered / measured_s * about.period_s / about.speed;
        let noise = |n: f64| if n > 0.0 { 1.0 / n.sqrt() } else { 0.0 };
        let (here, at_1) = (noise(in_period), noise(in_period * about.speed));
        let sentence = (about.speed != 1.0).then(|| {
            format!(
                "At speed {} a control period sees {} instead of {}, so that its rate is off by ±{} by chance alone (±{} at speed 1), and backlogs are {} times shorter against a period: this is not the same experiment as speed 1.",
                about.speed,
                words::plural(in_period.round() as u64, "request"),
                words::count((in_period * about.speed).round() as u64),
                words::percent(here),
                words::percent(at_1),
                about.speed,
            )
        });
        Some(Self {
            period_rate: here,
            period_rate_at_speed_1: at_1,
            sentence,
        })
    }
}
