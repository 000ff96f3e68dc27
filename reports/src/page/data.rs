//! The numbers that the page's script reads, as JSON that cannot end its element.

use serde::Serialize;

use crate::analysis::{Analysis, PercentileStep, ServiceInterval};
use crate::charts::timeline::Timeline;
use crate::charts::words;

use super::hero::lost;

/// Columns of equal length, one value per window; a missing value is null.
#[derive(Serialize)]
struct Data {
    /// The axis' length in seconds of scenario time.
    end: f64,
    /// In ms.
    limit: f64,
    from: Vec<f64>,
    to: Vec<f64>,
    load: Vec<Option<f64>>,
    lost: Vec<Option<f64>>,
    p50: Vec<Option<f64>>,
    p95: Vec<Option<f64>>,
    p99: Vec<Option<f64>>,
    service: String,
    ready: Vec<Option<u32>>,
    desired: Vec<Option<u32>>,
    /// (capacity − load) ÷ load.
    room: Vec<Option<f64>>,
}

/// The data of the cursor. `<` is written as an escape, so that no name can close the element.
pub(crate) fn json(analysis: &Analysis) -> String {
    let windows = &analysis.windows;
    let service = analysis.shown_service();
    let samples: Vec<Option<&ServiceInterval>> = (0..windows.len())
        .map(|i| service.and_then(|s| s.windows.get(i)))
        .collect();
    let at: Vec<Option<&PercentileStep>> = windows
        .iter()
        .map(|w| step_at(analysis, f64::midpoint(w.from_s, w.to_s)))
        .collect();
    let percentile = |pick: fn(&PercentileStep) -> Option<f64>| -> Vec<Option<f64>> {
        at.iter().map(|s| s.and_then(pick).map(round)).collect()
    };
    let data = Data {
        end: Timeline::of(analysis).axis.to,
        limit: analysis.about.limit_ms,
        from: windows.iter().map(|w| round(w.from_s)).collect(),
        to: windows.iter().map(|w| round(w.to_s)).collect(),
        load: windows.iter().map(|w| w.offered_rps.map(round)).collect(),
        lost: windows.iter().map(|w| lost(w).map(round)).collect(),
        p50: percentile(|s| s.p50_ms),
        p95: percentile(|s| s.p95_ms),
        p99: percentile(|s| s.p99_ms),
        service: service.map_or_else(String::new, |s| words::clean(&s.name, 20)),
        ready: samples.iter().map(|s| s.and_then(|s| s.ready)).collect(),
        desired: samples.iter().map(|s| s.and_then(|s| s.desired)).collect(),
        room: samples.iter().map(|s| s.and_then(room)).collect(),
    };
    serde_json::to_string(&data)
        .expect("columns of numbers always serialise")
        .replace('<', "\\u003c")
}

fn room(s: &ServiceInterval) -> Option<f64> {
    let load = s.load_rps.filter(|l| *l > 0.0)?;
    Some(round(s.capacity_rps? / load - 1.0))
}

/// The percentile step that holds an instant. Steps are in the order of time.
fn step_at(analysis: &Analysis, t: f64) -> Option<&PercentileStep> {
    let steps = &analysis.percentiles;
    let i = steps.partition_point(|s| s.to_s <= t);
    steps.get(i).filter(|s| s.from_s <= t)
}

/// Three decimals are enough for a reading.
fn round(v: f64) -> f64 {
    libm::round(v * 1000.0) / 1000.0
}
