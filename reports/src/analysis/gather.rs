//! One pass over the windows: everything that needs histograms is made here, because all of them together would not
//! fit into memory.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Counts, Generator, Histogram, Precision, Quantile, Series, Window, Workload};

use super::steps::{Limit, ServiceStep, Steps};
use super::{Heatmap, HonestyInterval, PercentileStep};
use crate::record::{Record, speed};

/// No run has more windows than this; what lies beyond is damage, not data.
const MOST_ROWS: usize = 100_000;
/// The most columns of a heatmap.
const COLUMNS: usize = 120;
/// The most rows of a heatmap.
const ROWS: usize = 40;
/// Fine rows per decade, before they are merged into at most [`ROWS`].
const FINE: f64 = 20.0;

/// One window without its histograms.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// Its end in scenario seconds, if the run ended inside it.
    pub(super) to_s: f64,
    /// Its length in seconds of the world's time.
    pub(super) world_s: f64,
    pub(super) counts: Counts,
    pub(super) services: BTreeMap<String, Counts>,
    pub(super) workloads: BTreeMap<String, Workload>,
}

/// A set of requests, being added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) counts: Counts,
    pub(super) latency: Option<Histogram>,
}

impl Sum {
    pub(super) fn add(&mut self, series: &Series) {
        self.counts.add(&series.counts);
        if let Some(latency) = &series.latency {
            self.latency
                .get_or_insert_with(|| Histogram::new(Precision::Whole))
                .add(latency);
        }
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.counts.add(&other.counts);
        if let Some(latency) = &other.latency {
            self.latency
                .get_or_insert_with(|| Histogram::new(Precision::Whole))
                .add(latency);
        }
    }
}

/// All that one pass finds.
pub(super) struct Gathered {
    /// The length of a window in scenario seconds.
    pub(super) length_s: f64,
    /// How long the run went on, in scenario seconds.
    pub(super) ran_s: f64,
    /// By window of the grid; nothing where there is no data.
    pub(super) rows: Vec<Option<Row>>,
    pub(super) total: Sum,
    pub(super) pages: BTreeMap<String, Sum>,
    /// In the order of the header's phases.
    pub(super) phases: Vec<Sum>,
    pub(super) services: BTreeMap<String, Sum>,
    pub(super) steps: Vec<PercentileStep>,
    /// By service: one for each percentile step.
    pub(super) service_steps: BTreeMap<String, Vec<ServiceStep>>,
    pub(super) heatmap: Heatmap,
    pub(super) generator: Option<Generator>,
    /// Windows that a planner could not tell the truth about.
    pub(super) overloaded: usize,
    pub(super) honesty: Vec<HonestyInterval>,
}

impl Gathered {
    pub(super) fn of(record: &Record) -> Self {
        let header = &record.header;
        let speed = speed(header);
        let world_length = header.grid.length.max(Duration::from_nanos(1));
        let length_s = world_length.as_secs_f64() * speed;
        let ran = record.end.as_ref().map_or(record.last, |e| e.at);
        let ran_s = record.scenario_s(ran).max(0.0);
        let whole_s = header.duration.as_secs_f64() * speed;
        let ran_s = if whole_s > 0.0 {
            ran_s.min(whole_s)
        } else {
            ran_s
        };
        let expected = (ran_s / length_s - 1e-9)
            .ceil()
            .clamp(0.0, MOST_ROWS as f64) as usize;
        let mut gathered = Self {
            length_s,
            ran_s,
            rows: vec![None; expected],
            total: Sum::default(),
            pages: BTreeMap::new(),
            phases: vec![Sum::default(); header.phases.len()],
            services: BTreeMap::new(),
            steps: Vec::new(),
            service_steps: BTreeMap::new(),
            heatmap: Heatmap::default(),
            generator: None,
            overloaded: 0,
            honesty: Vec::new(),
        };
        let limit = Limit {
            within: header.slo.within,
            share: header.slo.share,
        };
        let mut steps = Steps::new(limit, header.services.keys().cloned().collect());
        let mut heat = Heat::new(expected);
        for window in record.latencies() {
            gathered.overloaded += usize::from(!window.overloaded.is_empty());
            let offset = window.start.since(header.grid.start);
            let index = (offset.as_nanos() / world_length.as_nanos()) as usize;
            if index >= MOST_ROWS {
                continue;
            }
            let all = window.all_pages();
            if index >= expected && all.counts.offered == 0 {
                // The drain: its answers count, but no page was due, so that there is no window to show.
                gathered.add_up(&window, &all, record);
                continue;
            }
            gathered.window(index, (&window, &all), record, (&mut steps, &mut heat));
        }
        (gathered.steps, gathered.service_steps) = steps.finish();
        carry_workloads(&mut gathered.rows);
        gathered.heatmap = heat.finish(length_s, gathered.rows.len());
        gathered
    }

    fn window(
        &mut self,
        index: usize,
        (window, all): (&Window, &Series),
        record: &Record,
        (steps, heat): (&mut Steps, &mut Heat),
    ) {
        let from_s = index as f64 * self.length_s;
        // What came after the run's end belongs to its last window's drain, not to a window of its own.
        let to_s = match from_s + self.length_s {
            to if self.ran_s > from_s => to.min(self.ran_s),
            to => to,
        };
        let row = Row {
            to_s,
            world_s: (to_s - from_s) / speed(&record.header),
            counts: all.counts,
            services: window
                .services
                .iter()
                .map(|(name, series)| (name.clone(), series.counts))
                .collect(),
            workloads: window.workloads.clone(),
        };
        steps.add(index, (from_s, to_s), row.world_s, all, &window.services);
        heat.add(index, all.latency.as_ref());
        self.add_up(window, all, record);
        self.generator(window, from_s, to_s);
        if self.rows.len() <= index {
            self.rows.resize(index + 1, None);
        }
        self.rows[index] = Some(row);
    }

    fn add_up(&mut self, window: &Window, all: &Series, record: &Record) {
        self.total.add(all);
        for (name, series) in &window.pages {
            self.pages.entry(name.clone()).or_default().add(series);
        }
        for (name, series) in &window.services {
            self.services.entry(name.clone()).or_default().add(series);
        }
        let middle = window.start.since(record.header.start) + window.length / 2;
        let phases = &record.header.phases;
        let phase = phases
            .iter()
            .position(|p| p.from <= middle && middle < p.to)
            // A window whose middle lies in no phase is of the last one that had begun.
            .or_else(|| phases.iter().rposition(|p| p.from <= middle));
        if let Some(sum) = phase.and_then(|i| self.phases.get_mut(i)) {
            sum.add(all);
        }
    }

    fn generator(&mut self, window: &Window, from_s: f64, to_s: f64) {
        if let Some(generator) = &window.generator {
            let lateness = generator.lateness.as_ref();
            self.honesty.push(HonestyInterval {
                from_s,
                to_s,
                lateness_p99_ms: lateness.and_then(|l| quantile_ms(l, Quantile::P99)),
                cpu: generator.cpu.filter(|c| c.is_finite()),
            });
            self.generator.get_or_insert_default().add(generator);
        }
    }
}

/// So many windows in a row may miss a workload's sample before nobody knows how many replicas there were: a scrape that
/// comes late at a high speed is not an outage.
const MOST_CARRIED: usize = 2;

/// Fills in a workload's replicas, but not its utilisation, from the window before where a window that was measured lacks
/// its sample.
fn carry_workloads(rows: &mut [Option<Row>]) {
    // By workload: its newest sample, and how many windows ago that was.
    let mut newest: BTreeMap<String, (Workload, usize)> = BTreeMap::new();
    for row in rows {
        let Some(row) = row else {
            newest.clear();
            continue;
        };
        newest.values_mut().for_each(|(_, age)| *age += 1);
        for (name, workload) in &row.workloads {
            newest.insert(name.clone(), (workload.clone(), 0));
        }
        newest.retain(|_, (_, age)| *age <= MOST_CARRIED);
        for (name, (before, _)) in newest.iter().filter(|(_, (_, age))| *age > 0) {
            let carried = Workload {
                busy: None,
                cpu: None,
                ..before.clone()
            };
            row.workloads.insert(name.clone(), carried);
        }
    }
}

/// A quantile in ms, if there is any sample at all.
pub(super) fn quantile_ms(histogram: &Histogram, quantile: Quantile) -> Option<f64> {
    histogram.quantile(quantile).map(millis)
}

pub(super) fn millis(d: Duration) -> f64 {
    d.as_secs_f64() * 1e3
}

/// A heatmap being filled.
struct Heat {
    per_column: usize,
    columns: BTreeMap<usize, BTreeMap<i64, u64>>,
}

impl Heat {
    fn new(rows: usize) -> Self {
        Self {
            per_column: rows.div_ceil(COLUMNS).max(1),
            columns: BTreeMap::new(),
        }
    }

    fn add(&mut self, index: usize, latency: Option<&Histogram>) {
        let column = self.columns.entry(index / self.per_column).or_default();
        for (latency, count) in latency.into_iter().flat_map(Histogram::buckets) {
            let row = (libm::log10(millis(latency).max(1e-3)) * FINE).floor() as i64;
            *column.entry(row).or_default() += count;
        }
    }

    fn finish(mut self, length_s: f64, rows: usize) -> Heatmap {
        // More windows than were expected: columns are merged until they fit again.
        let last = self.columns.keys().next_back().copied().unwrap_or(0);
        let squeeze = (last + 1).div_ceil(COLUMNS).max(1);
        if squeeze > 1 {
            let mut merged: BTreeMap<usize, BTreeMap<i64, u64>> = BTreeMap::new();
            for (column, cells) in std::mem::take(&mut self.columns) {
                let into = merged.entry(column / squeeze).or_default();
                for (row, count) in cells {
                    *into.entry(row).or_default() += count;
                }
            }
            self.columns = merged;
            self.per_column *= squeeze;
        }
        let filled = || self.columns.values().flat_map(BTreeMap::keys).copied();
        let (Some(low), Some(high)) = (filled().min(), filled().max()) else {
            return Heatmap::default();
        };
        let step = ((high - low + 1) as usize).div_ceil(ROWS).max(1) as i64;
        let count = (high - low) / step + 1;
        let width = rows.div_ceil(self.per_column);
        let edges_s = (0..=width)
            .map(|c| (c * self.per_column).min(rows) as f64 * length_s)
            .collect();
        let edges_ms = (0..=count)
            .map(|r| libm::pow(10.0, (low + r * step) as f64 / FINE))
            .collect();
        let column = |c: usize| {
            let cells = self.columns.get(&c).filter(|cells| !cells.is_empty());
            cells.map_or_else(Vec::new, |cells| {
                let mut column = vec![0; count as usize];
                for (row, n) in cells {
                    column[((row - low) / step) as usize] += n;
                }
                column
            })
        };
        Heatmap {
            edges_s,
            edges_ms,
            counts: (0..width).map(column).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics::Replicas;

    fn row(ready: Option<u32>) -> Option<Row> {
        let workload = |n| Workload {
            ready: Replicas(n),
            busy: Some(0.5),
            ..Workload::default()
        };
        Some(Row {
            workloads: ready
                .map(|n| ("order".to_owned(), workload(n)))
                .into_iter()
                .collect(),
            ..Row::default()
        })
    }

    #[test]
    fn replicas_are_carried_over_two_windows_and_never_over_a_gap() {
        let mut rows = vec![
            row(None),
            row(Some(3)),
            row(None),
            row(None),
            row(None),
            row(Some(4)),
            None,
            row(None),
        ];
        carry_workloads(&mut rows);
        let ready = |r: &Option<Row>| Some(r.as_ref()?.workloads.get("order")?.ready.get());
        let found: Vec<Option<u32>> = rows.iter().map(ready).collect();
        let meant = [None, Some(3), Some(3), Some(3), None, Some(4), None, None];
        assert_eq!(found, meant);
        let carried = &rows[2].as_ref().unwrap().workloads["order"];
        assert_eq!(carried.busy, None, "utilisation is not known");
    }
}
