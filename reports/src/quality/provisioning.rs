//! Supply against demand.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::{Service, ServiceInterval};

/// Demand is smoothed over this many seconds of scenario time, so that chance is not taken for need.
const SMOOTHED_S: f64 = 15.0;

/// Replicas that were ready (the supply s) against those that the load needed (the demand d): the fewest that take the load
/// at the safe rate, at least one. All are means over time.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Provisioning {
    /// Under-provisioning accuracy θU: the mean of max(d − s, 0) ÷ d. 0 is best.
    pub under_accuracy: f64,
    /// Over-provisioning accuracy θO: the mean of max(s − d, 0) ÷ d. 0 is best; it can exceed 1.
    pub over_accuracy: f64,
    /// Under-provisioning timeshare τU: the share of time with s < d. 0 is best.
    pub under_timeshare: f64,
    /// Over-provisioning timeshare τO: the share of time with s > d. Near 1 is normal.
    pub over_timeshare: f64,
    /// Instability υ: the share of time in which supply and demand change in different directions, one of them not at all
    /// included. 0 is best.
    pub instability: f64,
    /// From one sample to the next, in seconds of scenario time: instability depends on it.
    pub step_s: f64,
    /// The share of the run for which both are known.
    pub covered: f64,
}

/// One window's demand and supply.
#[derive(Clone, Copy, Debug)]
struct Sample {
    from_s: f64,
    to_s: f64,
    demand: f64,
    supply: f64,
}

impl Provisioning {
    /// Nothing without a safe rate, or without any window in which both load and replicas are known.
    #[must_use]
    pub fn of(service: &Service) -> Option<Self> {
        let safe = service.safe.rps().filter(|r| *r > 0.0)?;
        let all: f64 = service.windows.iter().map(|w| w.to_s - w.from_s).sum();
        Self::from_samples(&samples(&service.windows, safe), all)
    }

    fn from_samples(samples: &[Sample], all_s: f64) -> Option<Self> {
        let known_s: f64 = samples.iter().map(|s| s.to_s - s.from_s).sum();
        if known_s <= 0.0 {
            return None;
        }
        let mean = |of: fn(&Sample) -> f64| {
            let weighed = samples.iter().map(|s| of(s) * (s.to_s - s.from_s));
            weighed.sum::<f64>() / known_s
        };
        Some(Self {
            under_accuracy: mean(|s| (s.demand - s.supply).max(0.0) / s.demand),
            over_accuracy: mean(|s| (s.supply - s.demand).max(0.0) / s.demand),
            under_timeshare: mean(|s| f64::from(u8::from(s.supply < s.demand))),
            over_timeshare: mean(|s| f64::from(u8::from(s.supply > s.demand))),
            instability: instability(samples),
            step_s: samples[0].to_s - samples[0].from_s,
            covered: if all_s > 0.0 { known_s / all_s } else { 0.0 },
        })
    }
}

fn samples(windows: &[ServiceInterval], safe: f64) -> Vec<Sample> {
    let sample = |(index, w): (usize, &ServiceInterval)| {
        w.load_rps?;
        Some(Sample {
            from_s: w.from_s,
            to_s: w.to_s,
            demand: (smoothed(windows, index)? / safe - 1e-9).ceil().max(1.0),
            supply: f64::from(w.ready?),
        })
    };
    windows.iter().enumerate().filter_map(sample).collect()
}

/// The mean load of the windows whose middle is within half of [`SMOOTHED_S`] of this one's.
fn smoothed(windows: &[ServiceInterval], index: usize) -> Option<f64> {
    let middle = |w: &ServiceInterval| f64::midpoint(w.from_s, w.to_s);
    let here = middle(windows.get(index)?);
    let near = |w: &&ServiceInterval| (middle(w) - here).abs() <= SMOOTHED_S / 2.0 + 1e-6;
    let before = windows[..index].iter().rev().take_while(near);
    let after = windows[index..].iter().take_while(near);
    let (mut sum, mut length) = (0.0, 0.0);
    for window in before.chain(after) {
        if let Some(load) = window.load_rps {
            sum += load * (window.to_s - window.from_s);
            length += window.to_s - window.from_s;
        }
    }
    (length > 0.0).then(|| sum / length)
}

/// The share of the time between neighbours in which supply and demand change in different directions.
fn instability(samples: &[Sample]) -> f64 {
    let (mut apart_s, mut all_s) = (0.0, 0.0);
    for pair in samples.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        if (b.from_s - a.to_s).abs() > 1e-6 {
            continue;
        }
        let length = b.to_s - b.from_s;
        all_s += length;
        let direction = |from: f64, to: f64| to.total_cmp(&from);
        if direction(a.supply, b.supply) != direction(a.demand, b.demand) {
            apart_s += length;
        }
    }
    if all_s > 0.0 { apart_s / all_s } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(rows: &[(f64, Option<u32>)]) -> Vec<ServiceInterval> {
        let window = |(i, (load, ready)): (usize, &(f64, Option<u32>))| ServiceInterval {
            load_rps: Some(*load),
            ready: *ready,
            ..ServiceInterval::empty(i as f64 * 60.0, (i + 1) as f64 * 60.0)
        };
        rows.iter().enumerate().map(window).collect()
    }

    /// Of windows of a minute at ten requests per second and replica.
    fn of(rows: &[(f64, Option<u32>)]) -> Option<Provisioning> {
        let windows = windows(rows);
        Provisioning::from_samples(&samples(&windows, 10.0), 60.0 * rows.len() as f64)
    }

    #[test]
    fn accuracies_and_timeshares_are_means_over_time() {
        // Needed: 2, 4, 4, 2. There: 2, 2, 4, 4.
        let some = [
            (20.0, Some(2)),
            (40.0, Some(2)),
            (35.0, Some(4)),
            (11.0, Some(4)),
        ];
        let p = of(&some).unwrap();
        assert!((p.under_accuracy - 0.5 / 4.0).abs() < 1e-9, "{p:?}");
        assert!((p.over_accuracy - 1.0 / 4.0).abs() < 1e-9, "{p:?}");
        assert_eq!((p.under_timeshare, p.over_timeshare), (0.25, 0.25));
        // Demand goes up, stays, goes down; supply stays, goes up, stays: never together.
        assert!((p.instability - 1.0).abs() < 1e-9, "{p:?}");
        assert_eq!((p.step_s, p.covered), (60.0, 1.0));
    }

    #[test]
    fn what_follows_at_once_is_perfect() {
        let p = of(&[
            (20.0, Some(2)),
            (40.0, Some(4)),
            (20.0, Some(2)),
            (0.0, Some(1)),
        ])
        .unwrap();
        let all = [
            p.under_accuracy,
            p.over_accuracy,
            p.under_timeshare,
            p.over_timeshare,
            p.instability,
        ];
        assert_eq!(all, [0.0; 5]);
    }

    #[test]
    fn without_data_nothing_is_said_of_it() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(20.0, None)]), None);
        let p = of(&[
            (20.0, Some(2)),
            (90.0, None),
            (20.0, Some(2)),
            (30.0, Some(3)),
        ])
        .unwrap();
        assert_eq!((p.under_timeshare, p.covered), (0.0, 0.75));
        assert_eq!(p.instability, 0.0, "the gap is not bridged");
    }

    #[test]
    fn demand_is_smoothed_over_fifteen_seconds() {
        // Five windows of five seconds: three around the middle one count.
        let load = [0.0, 30.0, 0.0, 30.0, 0.0];
        let windows: Vec<ServiceInterval> = load
            .iter()
            .enumerate()
            .map(|(i, load)| ServiceInterval {
                load_rps: Some(*load),
                ..ServiceInterval::empty(i as f64 * 5.0, (i + 1) as f64 * 5.0)
            })
            .collect();
        assert_eq!(smoothed(&windows, 2), Some(20.0));
        assert_eq!(smoothed(&windows, 0), Some(15.0));
    }
}
