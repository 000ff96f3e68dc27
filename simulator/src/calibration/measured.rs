//! What was measured.

use std::time::Duration;

use metrics::{Histogram, Precision, Quantile};

/// What was measured of a system.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Each page's own times, at a load so low that nothing waited.
    pub pages: Vec<PageTimes>,
    /// The staircase, from the lowest rate to the highest.
    pub steps: Vec<Step>,
}

/// A page's own times.
#[derive(Clone, Debug)]
pub struct PageTimes {
    /// The page, as `journey/page`.
    pub page: String,
    /// From sending to the answer, in any order.
    pub times: Vec<Duration>,
}

/// One step of the staircase.
#[derive(Clone, Debug)]
pub struct Step {
    /// Pages per second that were offered.
    pub rate: f64,
    /// Second after second, without those in which the step began.
    pub seconds: Vec<Second>,
    /// CPU time that the system used per second of it, in seconds, if that could be read.
    pub cpu: Option<f64>,
}

/// One second of a step.
#[derive(Clone, Debug)]
pub struct Second {
    /// Pages that were answered well.
    pub served: u64,
    /// Pages that were not.
    pub lost: u64,
    /// How long those answered well took, from the instant each was due.
    pub latency: Histogram,
}

/// What a step comes to: what is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shape {
    /// Pages answered well per second.
    pub(super) throughput: f64,
    /// p50, p95 and p99 in seconds; nothing with too few samples.
    pub(super) percentiles: [Option<f64>; 3],
}

/// The percentiles that are compared.
pub(super) const QUANTILES: [Quantile; 3] = [Quantile::P50, Quantile::P95, Quantile::P99];

impl Shape {
    pub(super) fn of(latency: &Histogram, served: u64, seconds: f64) -> Self {
        let at = |q: Quantile| latency.certain_quantile(q).map(|d| d.as_secs_f64());
        Self {
            throughput: served as f64 / seconds.max(1e-9),
            percentiles: QUANTILES.map(at),
        }
    }
}

impl Step {
    /// What these seconds of it come to, by their places: all in order, or drawn with repetition.
    pub(super) fn shape(&self, places: impl Iterator<Item = usize>) -> Shape {
        let mut latency = Histogram::new(Precision::Whole);
        let (mut served, mut seconds) = (0, 0.0);
        for second in places.filter_map(|place| self.seconds.get(place)) {
            latency.add(&second.latency);
            served += second.served;
            seconds += 1.0;
        }
        Shape::of(&latency, served, seconds)
    }

    /// What the whole step comes to.
    pub(super) fn whole(&self) -> Shape {
        self.shape(0..self.seconds.len())
    }
}

impl Measured {
    /// CPU time per page by the utilisation law, as the slope of CPU over throughput through the origin; nothing if it was
    /// not read in two steps or more.
    pub(super) fn cpu_per_page(&self, shapes: &[Shape]) -> Option<f64> {
        let pairs = self.steps.iter().zip(shapes);
        let pairs = pairs.filter_map(|(step, shape)| Some((shape.throughput, step.cpu?)));
        let pairs: Vec<(f64, f64)> = pairs.filter(|(x, u)| *x > 0.0 && u.is_finite()).collect();
        let squares: f64 = pairs.iter().map(|(x, _)| x * x).sum();
        let products: f64 = pairs.iter().map(|(x, u)| x * u).sum();
        (pairs.len() >= 2 && squares > 0.0).then(|| products / squares)
    }

    /// The mean of a page's own times, all pages by their numbers of samples, in seconds.
    pub(super) fn mean_time(&self) -> f64 {
        let all = self.pages.iter().flat_map(|page| &page.times);
        let (sum, count) = all.fold((0.0, 0.0), |(sum, n), t| (sum + t.as_secs_f64(), n + 1.0));
        if count > 0.0 { sum / count } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_utilisation_law_finds_the_demand() {
        let step = |rate: f64, cpu| Step {
            rate,
            seconds: Vec::new(),
            cpu,
        };
        let measured = Measured {
            pages: Vec::new(),
            steps: vec![
                step(10.0, Some(0.2)),
                step(20.0, Some(0.4)),
                step(40.0, None),
            ],
        };
        let shape = |throughput| Shape {
            throughput,
            ..Shape::default()
        };
        let demand = measured.cpu_per_page(&[shape(10.0), shape(20.0), shape(40.0)]);
        assert!((demand.unwrap() - 0.02).abs() < 1e-12);
        assert_eq!(measured.cpu_per_page(&[shape(0.0), shape(20.0)]), None);
    }

    #[test]
    fn few_samples_have_no_percentile() {
        let mut latency = Histogram::new(Precision::Whole);
        (0..120).for_each(|_| latency.record(Duration::from_millis(10)));
        let shape = Shape::of(&latency, 120, 2.0);
        assert_eq!(shape.throughput, 60.0);
        assert!(shape.percentiles[0].is_some() && shape.percentiles[1].is_some());
        assert_eq!(shape.percentiles[2], None, "p99 needs 500");
    }
}
