//! An overload that builds up, and is worked off by more servers.

use super::super::case::{Case, Fault, Model};
use super::super::draft::{Draft, nanos, run};
use super::super::effort::Effort;
use super::super::estimate::Estimate;
use super::super::station::{Questions, Spans};
use super::super::watch::Watch;
use super::super::work::{Work, time};
use super::Seen;

/// Runs of the full test, each a whole overload.
const RUNS: f64 = 10.0;

struct Overload {
    before: f64,
    after: f64,
    step_at: f64,
    servers_before: u32,
    servers_after: u32,
    ready_at: f64,
    work: Work,
}

impl Overload {
    fn read(model: &Model<'_>) -> Result<Self, Fault> {
        model.only(
            "arrivals",
            &["deterministic or poisson at high rate", "poisson"],
        )?;
        model.only("discipline", &["fifo"])?;
        let overload = Self {
            before: model.positive("rate_before")?,
            after: model.positive("rate_after")?,
            step_at: model.number("step_at")?,
            servers_before: model.count("servers_before")?,
            servers_after: model.count("servers_after")?,
            ready_at: model.positive("ready_at")?,
            work: Work::read(&model.part("service")?)?,
        };
        model.finish()?;
        Ok(overload)
    }

    /// When the fluid would be gone, and as long again.
    fn end(&self) -> f64 {
        let backlog = (self.after - f64::from(self.servers_before) / self.work.mean)
            * (self.ready_at - self.step_at);
        let drain = f64::from(self.servers_after) / self.work.mean - self.after;
        self.ready_at + 2.0 * backlog / drain
    }

    fn draft(&self) -> Draft {
        let rate = format!(
            "[steps: [{{at: 0s, rate: {}/s}}, {{at: {}, rate: {}/s}}]]",
            self.before,
            time(self.step_at),
            self.after
        );
        let mut draft = Draft::poisson(self.end(), &rate).station(
            &format!(
                "replicas: {}, slots: 1, queue: unlimited, waiting: gateway",
                self.servers_before
            ),
            &self.work,
            "",
        );
        draft.period = self.ready_at;
        draft.scaling.push(format!(
            "station: {{policy: schedule, min: {0}, max: {1}, schedule: [{{at: {2}, replicas: {1}}}]}}",
            self.servers_before,
            self.servers_after,
            time(self.ready_at)
        ));
        draft
    }
}

pub(crate) fn study(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    let overload = Overload::read(&case.model())?;
    let draft = overload.draft();
    let runs = (RUNS * effort.share).ceil();
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); case.expect.len()];
    for n in 0..runs as u64 {
        let scenario = draft.check(effort.seed + n)?;
        let spans = Spans {
            warm: 0,
            batch: nanos(overload.end()),
            batches: 1,
        };
        let mut watch = Watch::new(spans, [Questions::default()], 0);
        watch.stations[0].clear_after = nanos(overload.ready_at);
        let mut watch = run(&scenario, watch, &mut |_| ())?;
        watch.finish(spans.end());
        let station = &watch.stations[0];
        for (name, all) in case.expect.keys().zip(&mut values) {
            let clear = station.first_clear.map_or(f64::NAN, |at| at as f64 / 1e9);
            all.extend(match name.as_str() {
                "peak_backlog" => Some(f64::from(station.most_waiting)),
                "clear_at" => Some(clear),
                "drain_time" => Some(clear - overload.ready_at),
                // The file's figure is the peak's backlog over the new capacity: the wait of whoever comes when it is
                // largest. Those who came somewhat earlier wait longer still (45 s in its case, who come at 105 s).
                "max_wait" => station.wait_at_peak.map(|wait| wait as f64 / 1e9),
                "requests_delayed" => Some(station.estimate(|t| t.waited as f64).value),
                _ => None,
            });
        }
    }
    // A run is a whole overload: there is no part of one. More runs only tell how much they differ.
    let mut seen = Seen::new(1.0, 1.0);
    seen.limit = true;
    for (name, values) in case.expect.keys().zip(&values) {
        let found = (!values.is_empty()).then(|| Estimate::of_values(values));
        seen.note(name, found);
    }
    Ok(seen)
}
