//! What our own policies are given beside what a scenario says: a price, and the days before as readings.

use metrics::Quantile;
use scaler::{History, PolicySpec};
use scenarios::Scenario;

use super::day::Day;

/// Quantiles of start-ups that stand for those of the days before, and how often each.
const START_UPS: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];
const TIMES: usize = 20;

/// Gives our own policies the price, and those with a memory what a collector kept of the days before `scenario` begins.
pub fn prepare(spec: &mut PolicySpec, price: Option<f64>, scenario: &Scenario, day: &Day) {
    match spec {
        PolicySpec::Reactive(spec) => spec.price = price,
        PolicySpec::Foresight(spec) => {
            spec.common.price = price;
            spec.history = Some(history(scenario, day));
        }
        _ => {}
    }
}

fn history(scenario: &Scenario, day: &Day) -> History {
    let start_up = scenario.services.values().next().map(|s| &s.start_up);
    let took = |q: &f64| Some(start_up?.quantile(Quantile::new(*q).ok()?));
    let took: Vec<_> = START_UPS.iter().filter_map(took).collect();
    History {
        until: scenario.starts,
        rates: day.history(scenario),
        start_ups: (0..TIMES).flat_map(|_| took.iter().copied()).collect(),
    }
}
