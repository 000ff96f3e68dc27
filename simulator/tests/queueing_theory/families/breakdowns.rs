//! A server that stands still now and then, and goes on where it was.

use super::super::case::{Case, Fault};
use super::super::draft::{Draft, run};
use super::super::effort::{Effort, memory};
use super::super::estimate::Estimate;
use super::super::quantities::Setting;
use super::super::station::Questions;
use super::super::watch::Watch;
use super::super::work::{Work, exponential, time};
use super::{Seen, rate};
use simulator::Event;

pub(crate) fn study(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    let model = case.model();
    model.only("arrivals", &["poisson"])?;
    model.only("discipline", &["fifo"])?;
    let lambda = model.positive("lambda_")?;
    let servers = model.count("servers")?;
    if servers != 1 {
        return Err(format!(
            "{servers} servers, of which each breaks down by itself"
        ));
    }
    let work = Work::read(&model.part("service")?)?;
    let faults = model.part("faults")?;
    let (up, down) = (faults.positive("up_mean")?, faults.positive("down_mean")?);
    faults.only("when", &["busy or idle"])?;
    faults.only("job", &["kept, resumes"])?;
    let spread = match faults.text("dist")? {
        "exponential" => exponential,
        "deterministic" => time,
        other => return Err(format!("no way to say breakdowns that are `{other}`")),
    };
    faults.finish()?;
    model.finish()?;
    let (requests, full) = effort.requests(case);
    let available = up / (up + down);
    let load = lambda * work.mean / available;
    let spans = effort.spans(
        requests / lambda,
        20.0 * (up + down) + memory(work.mean, load),
    );
    let seconds = spans.end() as f64 / 1e9;
    let mut draft =
        Draft::poisson(seconds, &rate(lambda)).station("slots: 1, queue: unlimited", &work, "");
    draft.faults.push(format!(
        "{{at: 0s, freeze: station, every: {}, for: {}}}",
        spread(up),
        spread(down)
    ));
    let watch = Watch::new(spans, [Questions::default()], 0);
    let mut frozen = Vec::new();
    let scenario = draft.check(effort.seed)?;
    let mut watch = run(&scenario, watch, &mut |event| {
        if let Event::Fault { at, lasts, .. } = event {
            let from = at.since(scenario.starts).as_nanos() as u64;
            frozen.push((from, from + lasts.as_nanos() as u64));
        }
    })?;
    watch.finish(spans.end());
    let setting = Setting {
        servers: 1.0,
        replicas: 1,
        sharing: false,
    };
    let mut seen = Seen::new(requests, full);
    for name in case.expect.keys() {
        let found = match name.as_str() {
            "availability" => Some(availability(
                &frozen,
                spans.warm,
                spans.batch,
                spans.batches,
            )),
            _ => watch.stations[0].quantity(name, setting, &[]),
        };
        seen.note(name, found);
    }
    Ok(seen)
}

/// The share of time in which it did not stand still, from the faults that were told.
fn availability(frozen: &[(u64, u64)], warm: u64, batch: u64, batches: usize) -> Estimate {
    let share = |n: usize| {
        let from = warm + n as u64 * batch;
        let until = from + batch;
        let inside = |(a, b): &(u64, u64)| (*b).min(until).saturating_sub((*a).max(from));
        let stood: u64 = frozen.iter().map(inside).sum();
        1.0 - stood as f64 / batch as f64
    };
    let values: Vec<f64> = (0..batches).map(share).collect();
    Estimate::of_values(&values)
}
