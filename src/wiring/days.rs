//! The days before a scenario's start, as a policy would have seen them.

use std::time::Duration;

use metrics::{Quantile, Timestamp};
use scaler::History;
use scenarios::{Curve, DAY, Draws, Scenario, Stream};

use crate::full_rate;

/// The spans in which a policy's history is told.
const SLOT: Duration = Duration::from_secs(15);
/// Slots of a day.
const SLOTS: usize = 5760;
/// The most days that matter.
const MOST_DAYS: usize = 7;
/// Quantiles of start-ups that stand for those of the days before.
const START_UPS: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];
/// How often each of them: a day has many.
const TIMES: usize = 20;

/// What `service` was asked for, and how long its replicas took to start, in a scenario that is already compressed to its
/// speed and starts at `start`.
///
/// What curves lead to is expected demand; what would have been read of it has the noise of counting, which a policy must
/// know, or it trusts its readings too much.
pub(super) fn history(
    scenario: &Scenario,
    service: &str,
    of: &scenarios::History,
    start: Timestamp,
) -> History {
    let slot = SLOT.div_f64(scenario.speed);
    let (rates, until) = match of {
        scenarios::History::Days(days) => {
            let expected = expected(scenario, service, *days as usize * SLOTS, slot);
            (read(scenario, service, &expected, slot), start)
        }
        scenarios::History::Counted { counts, ended } => {
            let slots = (counts.length().as_secs_f64() / slot.as_secs_f64()) as usize;
            let count = slots.min(MOST_DAYS * SLOTS);
            let at = |back: usize| counts.length().saturating_sub(slot * (back as u32));
            let curve = Curve::Trace(counts.clone());
            let until = |back: usize| curve.count_until(at(back));
            let rate = |back: usize| (until(back - 1) - until(back)) / slot.as_secs_f64();
            ((1..=count).rev().map(rate).collect(), start.back(*ended))
        }
    };
    // A tenth of a request a second is enough, and a record holds them all.
    let written = |rate: f64| Some((rate * 10.0).round() / 10.0);
    let start_up = scenario.services.get(service).map(|s| &s.start_up);
    let took = |q: &f64| {
        let took = start_up?.quantile(Quantile::new(*q).ok()?);
        Some(took.mul_f64(scenario.speed))
    };
    let took: Vec<Duration> = START_UPS.iter().filter_map(took).collect();
    History {
        until,
        rates: rates.into_iter().map(written).collect(),
        start_ups: (0..TIMES).flat_map(|_| took.iter().copied()).collect(),
    }
}

/// Requests per second that are expected of `service` in so many slots before the start, oldest first.
fn expected(scenario: &Scenario, service: &str, slots: usize, slot: Duration) -> Vec<f64> {
    let day = DAY.div_f64(scenario.speed);
    let per_arrival = full_rate::per_arrival(scenario, service);
    let rate = |place: usize| {
        let back = slot.mul_f64((slots - place) as f64 - 0.5);
        let arrivals = full_rate::arrivals(scenario, |curve| curve.rate_before(back, day).get());
        arrivals.iter().zip(&per_arrival).map(|(a, b)| a * b).sum()
    };
    (0..slots).map(rate).collect()
}

/// What would have been read: counts in each slot by a Poisson process, averaged over the window of a reading.
fn read(scenario: &Scenario, service: &str, expected: &[f64], slot: Duration) -> Vec<f64> {
    let place = scenario.services.keys().position(|name| name == service);
    let service = place.unwrap_or_default() as u32;
    let mut draws = Draws::new(scenario.seed, Stream::Days { service });
    let seconds = slot.as_secs_f64();
    let counts: Vec<f64> = expected
        .iter()
        .map(|rate| poisson(rate * seconds, &mut draws))
        .collect();
    let window = scenario.control.scrape.window.as_secs_f64() / seconds;
    let window = (window.round() as usize).clamp(1, counts.len().max(1));
    let mean = |end: usize| {
        let seen = &counts[(end + 1).saturating_sub(window)..=end];
        seen.iter().sum::<f64>() / (seen.len() as f64 * seconds)
    };
    (0..counts.len()).map(mean).collect()
}

/// A count with this mean: exact for small ones (by exponential gaps), a rounded normal for large ones.
fn poisson(mean: f64, draws: &mut Draws) -> f64 {
    const LARGE: f64 = 50.0;
    if mean > LARGE {
        // Box and Muller, 1958.
        let radius = (2.0 * draws.exponential()).sqrt();
        let normal = radius * libm::cos(std::f64::consts::TAU * draws.uniform());
        return (mean + mean.sqrt() * normal).round().max(0.0);
    }
    let (mut count, mut sum) = (0.0, draws.exponential());
    while sum < mean {
        count += 1.0;
        sum += draws.exponential();
    }
    count
}

#[cfg(test)]
mod tests {
    use scaler::PolicySpec;
    use scenarios::NoFiles;

    use super::*;

    const TEXT: &str = "version: 1\nname: t\nduration: 1h\ntraffic: {rate: [diurnal: {mean: 100/s, peak: 150/s, peak_at: \"14:00\"}]}\n\
         journeys: {j: {start: p, pages: {p: {get: /, think: 1s, next: {p: 0.5}}}}}\n\
         services: {s: {slots: 4, start_up: {median: 20s, p90: 30s}, operations: {p: {route: GET /, do: [work: 1ms]}}}}\n\
         slo: {within: 300ms, share: 99%}\n\
         scaling: {s: {max: 9, history: {days: 2}}}\n";

    fn told(speed: f64) -> History {
        let scenario = Scenario::read("t.yaml", TEXT.as_bytes(), &NoFiles, &[])
            .unwrap_or_else(|mistakes| panic!("{mistakes}"))
            .at_speed(speed)
            .unwrap();
        let specs = super::super::specs(&scenario, scenario.starts);
        let PolicySpec::Foresight(spec) = &specs["s"] else {
            panic!("it is the policy of those that name none");
        };
        spec.history.clone().unwrap()
    }

    #[test]
    fn days_before_are_those_of_the_curves_with_the_noise_of_counting() {
        for speed in [1.0, 10.0] {
            let told = told(speed);
            assert_eq!(told.rates.len(), 2 * SLOTS);
            // Two pages a shopper; the scenario starts at midnight.
            let mean = |from: usize, to: usize| {
                told.rates[from..to].iter().flatten().sum::<f64>() / (to - from) as f64
            };
            let (night, day) = (mean(440, 520), mean(3320, 3400));
            assert!((night / 100.0 - 1.0).abs() < 0.05, "{night}");
            assert!((day / 300.0 - 1.0).abs() < 0.05, "{day}");
            let noise: f64 = told.rates[3320..3400]
                .windows(3)
                .filter_map(|w| Some((w[2]? - w[0]?).abs()))
                .fold(0.0, f64::max);
            assert!(noise > 1.0, "readings are never even");
            let median = told.start_ups[2].as_secs_f64();
            assert!((median - 20.0).abs() < 0.1, "{median}");
        }
    }

    #[test]
    fn counts_have_the_mean_and_the_spread_of_a_poisson_process() {
        let mut draws = Draws::new(1, Stream::Days { service: 0 });
        for mean in [0.0, 3.0, 400.0] {
            let counts: Vec<f64> = (0..20_000).map(|_| poisson(mean, &mut draws)).collect();
            let average = counts.iter().sum::<f64>() / 20_000.0;
            let spread = counts
                .iter()
                .map(|x| (x - average) * (x - average))
                .sum::<f64>()
                / 20_000.0;
            assert!((average - mean).abs() <= 0.03 * mean, "{average}");
            assert!((spread - mean).abs() <= 0.05 * mean, "{spread}");
        }
    }
}
