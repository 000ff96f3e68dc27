//! What a stretch of load comes to, and which of its figures are compared.

use metrics::{Histogram, Quantile};

/// The percentiles that are compared.
const QUANTILES: [Quantile; 3] = [Quantile::P50, Quantile::P95, Quantile::P99];

/// What a stretch of load comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shape {
    /// Pages per second that were due.
    pub(super) offered: f64,
    /// Pages answered well per second.
    pub(super) throughput: f64,
    /// The mean latency in seconds.
    pub(super) mean: f64,
    /// p50, p95 and p99 in seconds.
    pub(super) percentiles: [f64; 3],
    /// Which of them rest on enough samples.
    pub(super) certain: [bool; 3],
}

impl Shape {
    pub(super) fn of(latency: &Histogram, offered: f64, served: u64, seconds: f64) -> Self {
        let at = |q: Quantile| latency.quantile(q).unwrap_or_default().as_secs_f64();
        Self {
            offered,
            throughput: served as f64 / seconds.max(1e-9),
            mean: latency.mean().unwrap_or_default().as_secs_f64(),
            percentiles: QUANTILES.map(at),
            certain: QUANTILES.map(|q| latency.len() >= q.samples_needed()),
        }
    }
}

/// Which figures of a stretch are compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Compared {
    /// The foot: the mean. Its times are what the simulation draws from, so that their shape says nothing.
    Mean,
    /// An overloaded step: the share that was answered. Its latencies say how long the step lasted.
    Answered,
    /// Any other step: these percentiles as well.
    All([bool; 3]),
}

impl Compared {
    /// The figures' logarithms, so that a difference is a relative one; of an overloaded step the share itself: whether next
    /// to nothing was answered or even less is chance.
    pub(super) fn figures(self, shape: &Shape) -> impl Iterator<Item = f64> {
        let answered = shape.throughput / shape.offered.max(1e-9);
        let [p50, p95, p99] = shape.percentiles;
        let figures = self.table([answered, shape.mean, p50, p95, p99]);
        figures.map(move |figure| match self {
            Self::Answered => figure,
            _ => libm::log(figure.max(1e-9)),
        })
    }

    /// The same figures' least scatter: histograms' buckets and machines are no more exact than this, and a system that
    /// collapses does so at any instant.
    pub(super) fn floors(self) -> impl Iterator<Item = f64> {
        match self {
            Self::Answered => self.table([0.1, 0.0, 0.0, 0.0, 0.0]),
            _ => self.table([0.003, 0.01, 0.01, 0.01, 0.01]),
        }
    }

    /// How much they scatter before anything is known of it.
    pub(super) fn scatters(self) -> impl Iterator<Item = f64> {
        match self {
            Self::Mean => self.table([0.0, 0.02, 0.0, 0.0, 0.0]),
            Self::Answered => self.table([0.2, 0.0, 0.0, 0.0, 0.0]),
            Self::All(_) => self.table([0.01, 0.06, 0.04, 0.08, 0.12]),
        }
    }

    /// Of values for the share answered, the mean, p50, p95 and p99 those that are compared.
    fn table(self, values: [f64; 5]) -> impl Iterator<Item = f64> {
        let with = match self {
            Self::Mean => [false, true, false, false, false],
            Self::Answered => [true, false, false, false, false],
            Self::All([p50, p95, p99]) => [true, true, p50, p95, p99],
        };
        let pairs = values.into_iter().zip(with);
        pairs.filter_map(|(value, with)| with.then_some(value))
    }
}
