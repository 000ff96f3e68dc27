//! Pairs of values of the same window, and what many of them say.

use super::{Band, FEWEST_WINDOWS, Figure, Measure, Outcome, REPLICAS_OFF};
use crate::analysis::{Analysis, Interval, PercentileStep, Service, ServiceInterval, median};

/// The measures of latency, in the order of a percentile step's values.
const LATENCIES: [Measure; 3] = [Measure::P50, Measure::P95, Measure::P99];

/// Predicted and measured, window by window, of one subject.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// Of p50, p95 and p99, with the window's band.
    latency: [Vec<(Band, (f64, f64))>; 3],
    /// Of windows joined until there are enough requests, in requests.
    throughput: Vec<(f64, f64)>,
    /// The windows that are being joined.
    joining: (f64, f64),
    replicas: Vec<(f64, f64)>,
}

/// Of the whole run: all pages, and the ready replicas of all services together.
pub(super) fn whole(predicted: &Analysis, measured: &Analysis) -> Pairs {
    let mut pairs = Pairs::default();
    for (index, window) in measured.windows.iter().enumerate() {
        let at = f64::midpoint(window.from_s, window.to_s);
        let band = measured
            .services
            .iter()
            .filter_map(|s| s.windows.get(index)?.busy)
            .reduce(f64::max)
            .map(Band::of);
        let latencies = |run: &Analysis| {
            let step = step_at(&run.percentiles, at);
            step.map_or([None; 3], |i| {
                let step = &run.percentiles[i];
                [step.p50_ms, step.p95_ms, step.p99_ms]
            })
        };
        pairs.add_latency(band, latencies(predicted), latencies(measured));
        let other = window_at(&predicted.windows, at, |w: &Interval| (w.from_s, w.to_s));
        pairs.add_throughput(
            other.and_then(|w| w.served_rps),
            window.served_rps,
            (window.to_s - window.from_s) / measured.about.speed,
        );
        let ready = |run: &Analysis| {
            let each = run.services.iter().map(|s| ready_at(s, at));
            each.sum::<Option<f64>>()
                .filter(|_| !run.services.is_empty())
        };
        add(&mut pairs.replicas, ready(predicted), ready(measured));
    }
    pairs
}

/// Of one service; nothing if it was not predicted.
pub(super) fn service(
    predicted: &Analysis,
    measured: &Analysis,
    service: &Service,
) -> Option<Pairs> {
    let other = predicted.service(&service.name)?;
    let mut pairs = Pairs::default();
    for window in &service.windows {
        let at = f64::midpoint(window.from_s, window.to_s);
        let latencies = |run: &Analysis, service: &Service| {
            let step = step_at(&run.percentiles, at);
            step.map_or([None; 3], |i| {
                let of = |steps: &[Option<f64>]| steps.get(i).copied().flatten();
                [
                    &service.p50_steps_ms,
                    &service.p95_steps_ms,
                    &service.p99_steps_ms,
                ]
                .map(|s| of(s))
            })
        };
        let band = window.busy.map(Band::of);
        pairs.add_latency(
            band,
            latencies(predicted, other),
            latencies(measured, service),
        );
        let twin = window_at(&other.windows, at, |w: &ServiceInterval| (w.from_s, w.to_s));
        pairs.add_throughput(
            twin.and_then(|w| w.served_rps),
            window.served_rps,
            (window.to_s - window.from_s) / measured.about.speed,
        );
        add(
            &mut pairs.replicas,
            ready_at(other, at),
            window.ready.map(f64::from),
        );
    }
    Some(pairs)
}

fn ready_at(service: &Service, at: f64) -> Option<f64> {
    let window = window_at(&service.windows, at, |w| (w.from_s, w.to_s))?;
    window.ready.map(f64::from)
}

/// The window that holds an instant. Windows are in the order of time.
fn window_at<T>(windows: &[T], at: f64, span: impl Fn(&T) -> (f64, f64)) -> Option<&T> {
    let index = windows.partition_point(|w| span(w).1 <= at);
    windows.get(index).filter(|w| span(w).0 <= at)
}

/// The place of the percentile step that holds an instant.
fn step_at(steps: &[PercentileStep], at: f64) -> Option<usize> {
    let index = steps.partition_point(|s| s.to_s <= at);
    steps.get(index).filter(|s| s.from_s <= at)?;
    Some(index)
}

fn add(pairs: &mut Vec<(f64, f64)>, predicted: Option<f64>, measured: Option<f64>) {
    pairs.extend(predicted.zip(measured));
}

/// Windows with fewer requests are joined for throughput: one that ends on the other side of a window's edge is to be at
/// most a third of the goal.
const ENOUGH_REQUESTS: f64 = 100.0;

impl Pairs {
    /// Adds a window of so many seconds of the run.
    fn add_throughput(&mut self, predicted: Option<f64>, measured: Option<f64>, seconds: f64) {
        let Some((predicted, measured)) = predicted.zip(measured) else {
            return;
        };
        self.joining.0 += predicted * seconds;
        self.joining.1 += measured * seconds;
        if self.joining.1 >= ENOUGH_REQUESTS {
            self.throughput.push(std::mem::take(&mut self.joining));
        }
    }

    fn add_latency(
        &mut self,
        band: Option<Band>,
        predicted: [Option<f64>; 3],
        measured: [Option<f64>; 3],
    ) {
        let Some(band) = band else { return };
        for ((pairs, p), m) in self.latency.iter_mut().zip(predicted).zip(measured) {
            pairs.extend(p.zip(m).map(|pair| (band, pair)));
        }
    }

    /// All figures: each latency in each band, throughput, replicas.
    pub(super) fn figures(&self, service: Option<&str>) -> Vec<Figure> {
        let mut figures = Vec::new();
        for (measure, pairs) in LATENCIES.into_iter().zip(&self.latency) {
            for band in Band::ALL {
                let inside = pairs
                    .iter()
                    .filter(|(b, _)| *b == band)
                    .map(|(_, pair)| *pair);
                let inside: Vec<(f64, f64)> = inside.collect();
                figures.push(figure(service, measure, Some(band), &inside));
            }
        }
        figures.push(figure(service, Measure::Throughput, None, &self.throughput));
        figures.push(figure(service, Measure::Replicas, None, &self.replicas));
        figures
    }
}

fn figure(
    service: Option<&str>,
    measure: Measure,
    band: Option<Band>,
    pairs: &[(f64, f64)],
) -> Figure {
    let mut errors: Vec<f64> = pairs
        .iter()
        .filter(|(_, measured)| *measured > 0.0)
        .map(|(predicted, measured)| (predicted - measured).abs() / measured)
        .collect();
    let mut off: Vec<f64> = pairs.iter().map(|(p, m)| (p - m).abs()).collect();
    let windows = errors.len();
    let enough = windows >= FEWEST_WINDOWS;
    let error = median(&mut errors).filter(|_| enough);
    let replicas = median(&mut off).filter(|_| enough && measure == Measure::Replicas);
    let goal = measure.goal(band);
    let close = replicas.is_some_and(|n| n <= REPLICAS_OFF);
    let outcome = match (error, goal) {
        (None, _) => Outcome::TooFew,
        (Some(_), None) => Outcome::NoGoal,
        (Some(error), Some(goal)) if close || error <= goal => Outcome::Met,
        (Some(_), Some(_)) => Outcome::Missed,
    };
    Figure {
        service: service.map(str::to_owned),
        measure,
        band,
        windows,
        error,
        span: enough.then(|| (at(&errors, 0.1), at(&errors, 0.9))),
        replicas,
        goal,
        outcome,
        nearby: None,
    }
}

/// The value at a quantile of ordered values that are not empty: the nearest rank.
fn at(ordered: &[f64], quantile: f64) -> f64 {
    let rank = (quantile * ordered.len() as f64).ceil() as usize;
    ordered[rank.clamp(1, ordered.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(measure: Measure, band: Option<Band>, pairs: &[(f64, f64)]) -> (Option<f64>, Outcome) {
        let figure = figure(None, measure, band, pairs);
        (figure.error, figure.outcome)
    }

    #[test]
    fn the_median_error_is_held_against_its_goal() {
        let p99 = |errors: &[f64]| -> Vec<(f64, f64)> {
            errors.iter().map(|e| (100.0 + e, 100.0)).collect()
        };
        let near = |found: (Option<f64>, Outcome), error: f64, outcome: Outcome| {
            assert!(
                found.0.is_some_and(|e| (e - error).abs() < 1e-9),
                "{found:?}"
            );
            assert_eq!(found.1, outcome);
        };
        let some = p99(&[14.0, -14.0, 2.0, 90.0, 14.0]);
        near(
            of(Measure::P99, Some(Band::Calm), &some),
            0.14,
            Outcome::Met,
        );
        let worse = p99(&[20.0, -20.0, 2.0, 90.0, 20.0]);
        near(
            of(Measure::P99, Some(Band::Calm), &worse),
            0.2,
            Outcome::Missed,
        );
        near(
            of(Measure::P99, Some(Band::Busy), &worse),
            0.2,
            Outcome::Met,
        );
        near(
            of(Measure::P99, Some(Band::Full), &worse),
            0.2,
            Outcome::NoGoal,
        );
        near(
            of(Measure::P95, Some(Band::Calm), &worse),
            0.2,
            Outcome::NoGoal,
        );
        near(
            of(Measure::Throughput, None, &p99(&[4.0; 9])),
            0.04,
            Outcome::Missed,
        );
        assert_eq!(
            of(Measure::P99, None, &p99(&[1.0; 4])),
            (None, Outcome::TooFew)
        );
        assert_eq!(
            of(Measure::P99, None, &[(5.0, 0.0); 9]),
            (None, Outcome::TooFew)
        );
    }

    #[test]
    fn windows_with_few_requests_are_joined_for_throughput() {
        let mut pairs = Pairs::default();
        // Ten requests a window, each third of which the other world counts in the window after.
        for (predicted, measured) in [(7.0, 10.0), (13.0, 10.0)].repeat(30) {
            pairs.add_throughput(Some(predicted), Some(measured), 1.0);
        }
        assert_eq!(pairs.throughput.len(), 6);
        let found = of(Measure::Throughput, None, &pairs.throughput);
        assert_eq!(found, (Some(0.0), Outcome::Met));
        // Many requests stay as they are, and what was not measured is left out.
        let mut pairs = Pairs::default();
        pairs.add_throughput(Some(400.0), Some(500.0), 0.5);
        pairs.add_throughput(None, Some(500.0), 0.5);
        assert_eq!(pairs.throughput, [(200.0, 250.0)]);
    }

    #[test]
    fn one_replica_off_is_close_enough_whatever_its_share() {
        assert_eq!(
            of(Measure::Replicas, None, &[(3.0, 2.0); 5]).1,
            Outcome::Met
        );
        assert_eq!(
            of(Measure::Replicas, None, &[(4.0, 2.0); 5]).1,
            Outcome::Missed
        );
        assert_eq!(
            of(Measure::Replicas, None, &[(33.0, 30.0); 5]).1,
            Outcome::Met
        );
    }

    #[test]
    fn the_span_holds_eight_of_ten() {
        let pairs: Vec<(f64, f64)> = (1..=10).map(|e| (100.0 + f64::from(e), 100.0)).collect();
        let (low, high) = figure(None, Measure::P95, None, &pairs).span.unwrap();
        assert!(
            (low - 0.01).abs() < 1e-9 && (high - 0.09).abs() < 1e-9,
            "{low} {high}"
        );
    }
}
