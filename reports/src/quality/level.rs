//! What shoppers got: misses, violation minutes, and how fast the error budget burned.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use metrics::Quantile;

use crate::analysis::{Analysis, Interval};

/// The service level over the whole run. The budget is what the SLO lets be missed: 1 − its share.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level {
    /// Pages too slow or not served ÷ pages due, each page weighing alike; nothing without pages.
    pub missed: Option<f64>,
    /// Pages served within the limit ÷ pages due.
    pub good: Option<f64>,
    /// Misses ÷ budget: 1 is all of it.
    pub budget_used: Option<f64>,
    /// How fast the budget burned at worst, over five minutes and an hour of scenario time; shorter runs have neither.
    pub worst_burn: Vec<Burn>,
    /// Minutes of scenario time in which more than the budget was missed.
    pub violation_min: Option<f64>,
    /// The longest row of such minutes.
    pub longest_violation_min: Option<f64>,
    /// Over how long a span each of those is judged, in seconds of scenario time: a minute, or a window where that is longer.
    pub judged_over_s: f64,
    /// The mean latency of the pages that were slower than the limit, in ms; nothing if none was.
    pub severity_mean_ms: Option<f64>,
    /// The 99th percentile of the same, in ms; nothing with fewer than 200 of them.
    pub severity_p99_ms: Option<f64>,
}

/// The worst burn rate over a span: 1 uses the budget up exactly.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Burn {
    /// The span's length in seconds of scenario time.
    pub over_s: f64,
    /// When the worst one begins, in seconds of scenario time.
    pub from_s: f64,
    /// Misses ÷ pages due ÷ budget.
    pub rate: f64,
}

/// The spans of the usual alerts: short enough to be quick, long enough to be sure.
const BURN_SPANS_S: [f64; 2] = [300.0, 3600.0];
/// Percentiles rest on so many samples: 2 ÷ (1 − 0.99).
const ENOUGH: u64 = 200;

impl Level {
    /// Of a run.
    #[must_use]
    pub fn of(run: &Analysis) -> Self {
        let budget = (1.0 - run.about.share).max(1e-9);
        let missed = run.total.missed;
        let judged_over_s = run.about.window_s.max(60.0);
        let minutes = violations(&run.windows, judged_over_s, budget);
        let known = !minutes.is_empty();
        let (mean_ms, p99_ms) = severity(run);
        Self {
            missed,
            good: missed.map(|m| 1.0 - m),
            budget_used: missed.map(|m| m / budget),
            worst_burn: BURN_SPANS_S
                .into_iter()
                .filter_map(|over_s| worst_burn(&run.windows, over_s, budget))
                .collect(),
            violation_min: known.then(|| {
                let all = minutes.iter().filter(|m| **m == Some(true)).count();
                all as f64 * judged_over_s / 60.0
            }),
            longest_violation_min: known
                .then(|| longest_row(&minutes) as f64 * judged_over_s / 60.0),
            judged_over_s,
            severity_mean_ms: mean_ms,
            severity_p99_ms: p99_ms,
        }
    }
}

/// Pages due and pages missed of a window; nothing where there is no data.
fn pages(w: &Interval) -> Option<(f64, f64)> {
    let due = w.offered_rps? * (w.to_s - w.from_s);
    Some((due, due * w.missed.unwrap_or(0.0)))
}

/// By span of `length_s`: whether more than the budget was missed in it; nothing where no page was due.
fn violations(windows: &[Interval], length_s: f64, budget: f64) -> Vec<Option<bool>> {
    let mut spans: Vec<(f64, f64)> = Vec::new();
    for (window, (due, missed)) in windows.iter().filter_map(|w| Some((w, pages(w)?))) {
        let index = (f64::midpoint(window.from_s, window.to_s) / length_s) as usize;
        if spans.len() <= index {
            spans.resize(index + 1, (0.0, 0.0));
        }
        spans[index].0 += due;
        spans[index].1 += missed;
    }
    let judged =
        |(due, missed): &(f64, f64)| (*due > 0.0).then_some(*missed > budget * *due + 1e-9);
    spans.iter().map(judged).collect()
}

fn longest_row(violations: &[Option<bool>]) -> usize {
    let rows = violations.split(|v| *v != Some(true));
    rows.map(<[_]>::len).max().unwrap_or(0)
}

/// The highest burn rate of all spans of a length; nothing if the run is shorter, a window longer, or no page was due.
fn worst_burn(windows: &[Interval], over_s: f64, budget: f64) -> Option<Burn> {
    let (begin, end) = (windows.first()?.from_s, windows.last()?.to_s);
    let too_long = |w: &Interval| w.to_s - w.from_s > over_s + 1e-6;
    if end - begin < over_s - 1e-6 || windows.iter().any(too_long) {
        return None;
    }
    let (mut first, mut due, mut missed) = (0, 0.0, 0.0);
    let mut worst: Option<Burn> = None;
    for window in windows {
        let (d, m) = pages(window).unwrap_or((0.0, 0.0));
        due += d;
        missed += m;
        while window.to_s - windows[first].from_s > over_s + 1e-6 {
            let (d, m) = pages(&windows[first]).unwrap_or((0.0, 0.0));
            due -= d;
            missed -= m;
            first += 1;
        }
        let from_s = windows[first].from_s;
        let whole = window.to_s - from_s >= over_s - (window.to_s - window.from_s) - 1e-6;
        if !whole || due <= 1e-6 {
            continue;
        }
        let rate = missed.max(0.0) / due / budget;
        if worst.is_none_or(|w| rate > w.rate) {
            worst = Some(Burn {
                over_s,
                from_s,
                rate,
            });
        }
    }
    worst
}

/// Mean and 99th percentile of the latencies above the limit, in ms, to the width of a bucket of the histogram.
fn severity(run: &Analysis) -> (Option<f64>, Option<f64>) {
    let Some(latency) = &run.total.latency_us else {
        return (None, None);
    };
    let limit_ms = run.about.limit_ms;
    let millis = |d: std::time::Duration| d.as_secs_f64() * 1e3;
    let slow: Vec<(f64, u64)> = latency
        .buckets()
        .map(|(at, n)| (millis(at), n))
        .filter(|(ms, _)| *ms > limit_ms)
        .collect();
    let all: u64 = slow.iter().map(|(_, n)| n).sum();
    if all == 0 {
        return (None, None);
    }
    let mean = slow.iter().map(|(ms, n)| ms * *n as f64).sum::<f64>() / all as f64;
    let rank = (all as f64 * Quantile::P99.get()).ceil() as u64;
    let mut seen = 0;
    let p99 = slow.iter().find(|(_, n)| {
        seen += n;
        seen >= rank
    });
    (Some(mean), p99.map(|(ms, _)| *ms).filter(|_| all >= ENOUGH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Kind};

    /// Windows of half a minute with ten pages a second each, and so many of a thousand missed.
    fn windows(missed: &[Option<f64>]) -> Vec<Interval> {
        let window = |(i, missed): (usize, &Option<f64>)| Interval {
            from_s: i as f64 * 30.0,
            to_s: (i + 1) as f64 * 30.0,
            offered_rps: missed.map(|_| 10.0),
            served_rps: None,
            failed_rps: None,
            shed_rps: None,
            timed_out_rps: None,
            missed: missed.map(|m| m / 1000.0),
        };
        missed.iter().enumerate().map(window).collect()
    }

    #[test]
    fn a_minute_is_violated_by_all_its_requests_together() {
        let some = |n: f64| Some(n);
        for (why, missed, meant) in [
            ("calm", vec![some(0.0); 4], vec![Some(false); 2]),
            (
                "half a minute bad",
                vec![some(0.0), some(30.0)],
                vec![Some(true)],
            ),
            (
                "together within it",
                vec![some(0.0), some(20.0)],
                vec![Some(false)],
            ),
            (
                "no data is no violation",
                vec![None, None, some(90.0)],
                vec![None, Some(true)],
            ),
        ] {
            assert_eq!(violations(&windows(&missed), 60.0, 0.01), meant, "{why}");
        }
        let row = [Some(true), Some(true), None, Some(true), Some(false)];
        assert_eq!(longest_row(&row), 2);
        assert_eq!(longest_row(&[]), 0);
    }

    #[test]
    fn the_worst_five_minutes_are_found() {
        let mut missed = vec![Some(0.0); 20];
        missed[8] = Some(100.0);
        missed[9] = Some(100.0);
        let burn = worst_burn(&windows(&missed), 300.0, 0.01).unwrap();
        // 2 of 10 windows with a tenth missed: 2 % of the pages, twice the budget.
        assert!((burn.rate - 2.0).abs() < 1e-9, "{burn:?}");
        assert!(burn.from_s <= 240.0 && burn.from_s >= 0.0, "{burn:?}");
        assert_eq!(
            worst_burn(&windows(&missed), 3600.0, 0.01),
            None,
            "too short"
        );
        assert_eq!(worst_burn(&[], 300.0, 0.01), None);
        let coarse = worst_burn(&windows(&missed), 20.0, 0.01);
        assert_eq!(coarse, None, "windows of half a minute hold no 20 s");
    }

    #[test]
    fn a_failed_run_is_worse_in_every_measure() {
        let of = |kind| Level::of(&Analysis::of(&sample::record(kind)));
        let (failed, passed) = (of(Kind::Failed), of(Kind::Passed));
        assert!(failed.budget_used > passed.budget_used);
        assert!(failed.violation_min > passed.violation_min);
        assert!(failed.worst_burn[0].rate > passed.worst_burn[0].rate);
        assert!(
            failed.severity_mean_ms.is_some_and(|ms| ms > 300.0),
            "{failed:?}"
        );
        assert!(failed.severity_p99_ms >= failed.severity_mean_ms);
        assert_eq!(passed.worst_burn.len(), 1, "twenty minutes have no hour");
        let sum = failed.good.unwrap() + failed.missed.unwrap();
        assert!((sum - 1.0).abs() < 1e-12);
    }
}
