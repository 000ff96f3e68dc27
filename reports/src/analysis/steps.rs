//! Percentiles over time: windows are merged until there are enough requests to say a percentile, and cut where the
//! load jumps, so that a calm minute does not hide a bad one.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Histogram, Precision, Quantile, Series};

use super::PercentileStep;
use super::gather::quantile_ms;

/// Requests that p99 rests on: 2 ÷ (1 − 0.99).
pub(super) const ENOUGH: u64 = 200;
/// The load has jumped when it is half as much again, or was.
const JUMP: f64 = 1.5;

/// The SLO's latency limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) within: Duration,
    pub(super) share: Quantile,
}

/// Windows being merged.
#[derive(Debug)]
struct Open {
    first: usize,
    last: usize,
    from_s: f64,
    to_s: f64,
    world_s: f64,
    offered: u64,
    latency: Histogram,
    services: BTreeMap<String, Histogram>,
}

impl Open {
    fn join(&mut self, other: &Self) {
        self.last = other.last;
        self.to_s = other.to_s;
        self.world_s += other.world_s;
        self.offered += other.offered;
        self.latency.add(&other.latency);
        for (name, latency) in &other.services {
            self.services
                .entry(name.clone())
                .or_insert_with(|| Histogram::new(Precision::Window))
                .add(latency);
        }
    }

    /// Whether the load of `next` is another one, beyond what chance does.
    fn jumps_to(&self, next: &Self) -> bool {
        let (a, b) = (
            self.offered as f64 / self.world_s.max(1e-9),
            next.offered as f64 / next.world_s.max(1e-9),
        );
        let expected = a * next.world_s;
        let noise = 3.0 * (expected + next.offered as f64).sqrt();
        (a * JUMP <= b || b * JUMP <= a) && (expected - next.offered as f64).abs() > noise
    }
}

/// A service's percentiles in one step, in ms: p50, p95, p99; nothing where they rest on too little.
pub(super) type ServiceStep = [Option<f64>; 3];

/// Makes steps from windows in the order of time.
pub(super) struct Steps {
    limit: Limit,
    names: Vec<String>,
    /// A step that is complete, to which a short rest may still be added.
    complete: Option<Open>,
    open: Option<Open>,
    steps: Vec<PercentileStep>,
    services: BTreeMap<String, Vec<ServiceStep>>,
}

impl Steps {
    pub(super) fn new(limit: Limit, names: Vec<String>) -> Self {
        Self {
            limit,
            names,
            complete: None,
            open: None,
            steps: Vec::new(),
            services: BTreeMap::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        index: usize,
        (from_s, to_s): (f64, f64),
        world_s: f64,
        all: &Series,
        services: &BTreeMap<String, Series>,
    ) {
        let latency = |series: &Series| {
            let latency = series.latency.clone();
            latency.unwrap_or_else(|| Histogram::new(Precision::Window))
        };
        let next = Open {
            first: index,
            last: index,
            from_s,
            to_s,
            world_s,
            offered: all.counts.offered,
            latency: latency(all),
            services: services
                .iter()
                .filter(|(name, _)| self.names.contains(name))
                .map(|(name, series)| (name.clone(), latency(series)))
                .collect(),
        };
        match &mut self.open {
            Some(open) if open.last + 1 != index => {
                self.close_rest();
                self.close_complete();
                self.open = Some(next);
            }
            Some(open) if open.jumps_to(&next) => {
                self.close_rest();
                self.close_complete();
                self.open = Some(next);
            }
            Some(open) => open.join(&next),
            None => {
                self.part_from_complete(&next);
                self.open = Some(next);
            }
        }
        if self
            .open
            .as_ref()
            .is_some_and(|o| o.latency.len() >= ENOUGH)
        {
            self.close_complete();
            self.complete = self.open.take();
        }
    }

    /// Closes the complete step where the next window does not belong to it.
    fn part_from_complete(&mut self, next: &Open) {
        let apart = self
            .complete
            .as_ref()
            .is_some_and(|c| c.last + 1 != next.first || c.jumps_to(next));
        if apart {
            self.close_complete();
        }
    }

    /// Adds an open rest, too short for a step of its own, to the complete step before it, or closes it as it is.
    fn close_rest(&mut self) {
        if let Some(rest) = self.open.take() {
            match &mut self.complete {
                Some(complete) => complete.join(&rest),
                None => self.close(&rest),
            }
        }
    }

    fn close_complete(&mut self) {
        if let Some(step) = self.complete.take() {
            self.close(&step);
        }
    }

    fn close(&mut self, step: &Open) {
        let samples = step.latency.len();
        let said = |q: Quantile| {
            let enough = samples as f64 * (1.0 - q.get()) >= 2.0 - 1e-6;
            quantile_ms(&step.latency, q).filter(|_| enough)
        };
        let above = step.latency.count_above(self.limit.within) as f64;
        let slo_ms = said(self.limit.share);
        // With too few samples for the quantile itself, five too slow where less than two may be is enough to say so.
        let above_limit = above > samples as f64 * (1.0 - self.limit.share.get())
            && (slo_ms.is_some() || above >= 5.0);
        self.steps.push(PercentileStep {
            from_s: step.from_s,
            to_s: step.to_s,
            samples,
            p50_ms: said(Quantile::P50),
            p95_ms: said(Quantile::P95),
            p99_ms: said(Quantile::P99),
            slo_ms,
            above_limit,
        });
        for name in &self.names {
            let latency = step.services.get(name);
            let said = |q: Quantile| {
                let latency = latency.filter(|l| l.len() as f64 * (1.0 - q.get()) >= 2.0 - 1e-6)?;
                quantile_ms(latency, q)
            };
            let step = [Quantile::P50, Quantile::P95, Quantile::P99].map(said);
            self.services.entry(name.clone()).or_default().push(step);
        }
    }

    pub(super) fn finish(mut self) -> (Vec<PercentileStep>, BTreeMap<String, Vec<ServiceStep>>) {
        self.close_rest();
        self.close_complete();
        (self.steps, self.services)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(n: u64, ms: u64) -> Series {
        let mut series = Series::default();
        series.counts.offered = n;
        for _ in 0..n {
            series.record_latency(Duration::from_millis(ms));
        }
        series
    }

    type Spans = Vec<(f64, f64, u64)>;
    type Row = (&'static str, Vec<(usize, u64)>, Spans);

    /// The spans, in windows of one second, that windows of so many requests are merged into.
    fn spans(windows: &[(usize, u64)]) -> Spans {
        let limit = Limit {
            within: Duration::from_millis(300),
            share: Quantile::P99,
        };
        let mut steps = Steps::new(limit, Vec::new());
        for (index, n) in windows {
            let span = (*index as f64, *index as f64 + 1.0);
            steps.add(*index, span, 1.0, &series(*n, 20), &BTreeMap::new());
        }
        let made = steps.finish().0;
        made.iter().map(|s| (s.from_s, s.to_s, s.samples)).collect()
    }

    #[test]
    fn windows_are_merged_until_there_are_enough() {
        let table: [Row; 5] = [
            (
                "each has enough",
                vec![(0, 200), (1, 210)],
                vec![(0.0, 1.0, 200), (1.0, 2.0, 210)],
            ),
            (
                "a short rest joins the step before",
                vec![(0, 120), (1, 120), (2, 120)],
                vec![(0.0, 3.0, 360)],
            ),
            (
                "a gap is never bridged",
                vec![(0, 120), (2, 120)],
                vec![(0.0, 1.0, 120), (2.0, 3.0, 120)],
            ),
            (
                "a jump cuts early",
                vec![(0, 100), (1, 190)],
                vec![(0.0, 1.0, 100), (1.0, 2.0, 190)],
            ),
            (
                "chance is no jump",
                vec![(0, 2), (1, 5), (2, 3)],
                vec![(0.0, 3.0, 10)],
            ),
        ];
        for (why, windows, meant) in table {
            assert_eq!(spans(&windows), meant, "{why}");
        }
    }

    #[test]
    fn what_rests_on_too_little_is_not_said() {
        let limit = Limit {
            within: Duration::from_millis(300),
            share: Quantile::P999,
        };
        let mut steps = Steps::new(limit, Vec::new());
        steps.add(0, (0.0, 1.0), 1.0, &series(300, 400), &BTreeMap::new());
        let step = &steps.finish().0[0];
        assert_eq!(step.slo_ms, None);
        assert!(step.p99_ms.is_some());
        assert!(step.above_limit, "all of three hundred are too slow");
    }
}
