//! What was measured.

use std::time::Duration;

use metrics::{Histogram, Precision};

use super::shape::Shape;

/// What was measured of a system.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Each page's own times, at a load so low that next to nothing waited.
    pub pages: Vec<PageTimes>,
    /// Pages per second that were offered then.
    pub foot: f64,
    /// How long a step had lasted when its first second began that counts.
    pub skipped: Duration,
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

/// A step is overloaded if a smaller share of its pages was answered, and …
pub(super) const KEPT_UP: f64 = 0.97;
/// … in its second half they took so many times as long as in its first, …
const GROWING: f64 = 1.3;
/// … or p95 is so long, in seconds, that most of those not answered ran into the time limit.
const HOPELESS: f64 = 5.0;

impl Step {
    /// Its seconds from one place to another, as one.
    fn sum(&self, places: std::ops::Range<usize>) -> Second {
        let mut sum = Second {
            served: 0,
            lost: 0,
            latency: Histogram::new(Precision::Whole),
        };
        for second in &self.seconds[places] {
            sum.served += second.served;
            sum.lost += second.lost;
            sum.latency.add(&second.latency);
        }
        sum
    }

    /// What the whole step comes to.
    pub(super) fn shape(&self) -> Shape {
        let all = self.sum(0..self.seconds.len());
        Shape::of(
            &all.latency,
            self.rate,
            all.served,
            self.seconds.len() as f64,
        )
    }

    /// Whether the system did not keep up: what waits grows, or has grown to the time limit. One that turns away what it
    /// cannot do, and answers the rest as quickly as before, does keep up.
    pub(super) fn is_overloaded(&self) -> bool {
        let shape = self.shape();
        if shape.throughput >= KEPT_UP * shape.offered {
            return false;
        }
        let middle = self.seconds.len() / 2;
        let mean = |places| self.sum(places).latency.mean().unwrap_or_default();
        let grows = mean(middle..self.seconds.len()) > mean(0..middle).mul_f64(GROWING);
        grows || shape.percentiles[1] > HOPELESS
    }

    /// The share that was lost.
    pub(super) fn lost(&self) -> f64 {
        let all = self.sum(0..self.seconds.len());
        all.lost as f64 / (all.served + all.lost).max(1) as f64
    }
}

impl Measured {
    /// CPU time per page by the utilisation law, as the slope of CPU over throughput through the origin; nothing if it was
    /// not read in two steps or more.
    pub(super) fn cpu_per_page(&self) -> Option<f64> {
        let pairs = self
            .steps
            .iter()
            .filter_map(|step| Some((step.shape().throughput, step.cpu?)));
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

    /// A step of 100 pages/s with so many answered in each of its seconds, after so many milliseconds.
    fn step(seconds: &[(u64, u64)]) -> Step {
        let second = |&(served, ms): &(u64, u64)| {
            let mut latency = Histogram::new(Precision::Window);
            latency.record_many(Duration::from_millis(ms), served);
            Second {
                served,
                lost: 100 - served,
                latency,
            }
        };
        Step {
            rate: 100.0,
            seconds: seconds.iter().map(second).collect(),
            cpu: None,
        }
    }

    #[test]
    fn the_utilisation_law_finds_the_demand() {
        let at = |served: u64, cpu| Step {
            cpu,
            ..step(&[(served, 10), (served, 10)])
        };
        let mut measured = Measured {
            pages: Vec::new(),
            foot: 1.0,
            skipped: Duration::ZERO,
            steps: vec![at(10, Some(0.2)), at(20, Some(0.4)), at(40, None)],
        };
        assert!((measured.cpu_per_page().unwrap() - 0.02).abs() < 1e-12);
        measured.steps.remove(0);
        assert_eq!(measured.cpu_per_page(), None);
    }

    #[test]
    fn few_samples_have_no_percentile() {
        let shape = step(&[(60, 10), (60, 10)]).shape();
        assert_eq!((shape.throughput, shape.offered), (60.0, 100.0));
        assert_eq!(shape.certain, [true, true, false], "p99 needs 500");
    }

    #[test]
    fn overload_is_what_grows_and_not_what_turns_away() {
        let keeps_up = step(&[(100, 10), (99, 30), (100, 40)]);
        let turns_away = step(&[(60, 50), (61, 52), (59, 51)]);
        let grows = step(&[(80, 500), (75, 1000), (70, 2000)]);
        let hopeless = step(&[(20, 9900), (15, 9950), (17, 9990)]);
        let overloaded = [keeps_up, turns_away, grows, hopeless].map(|s| s.is_overloaded());
        assert_eq!(overloaded, [false, false, true, true]);
    }
}
