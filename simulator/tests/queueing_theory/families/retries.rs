//! Those who are refused and come again.

use super::super::case::{Case, Fault, Model};
use super::super::draft::{Draft, at_most, run};
use super::super::effort::{Effort, memory};
use super::super::pages::PageTally;
use super::super::quantities::Setting;
use super::super::station::Questions;
use super::super::watch::Watch;
use super::super::work::{Work, exponential, time};
use super::{Seen, rate};

/// What one does who was refused: as the language writes it.
fn on_failure(retry: &Model<'_>) -> Result<String, Fault> {
    let mean = retry.positive("mean_backoff")?;
    let after = match retry.text("backoff")? {
        "exponential" => exponential(mean),
        "deterministic" | "constant" => time(mean),
        other => return Err(format!("no way to say the back-off `{other}`")),
    };
    let tries = at_most(retry.maybe_whole("max_retries")?);
    let chance = retry.maybe_number("persist_probability")?.unwrap_or(1.0);
    retry.finish()?;
    Ok(format!(
        ", on_failure: {{retry: {tries}, after: {after}, chance: {chance}}}"
    ))
}

pub(crate) fn retrial(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    let model = case.model();
    model.only("arrivals", &["poisson"])?;
    model.only("discipline", &["fifo"])?;
    let lambda = model.positive("lambda_")?;
    let servers = model.count("servers")?;
    let queue = at_most(model.maybe_whole("queue_limit")?);
    let work = Work::read(&model.part("service")?)?;
    let page = on_failure(&model.part("retry")?)?;
    model.finish()?;
    let (requests, full) = effort.requests(case);
    let load = lambda * work.mean / f64::from(servers);
    let spans = effort.spans(requests / lambda, 10.0 * memory(work.mean, load));
    let draft = Draft::poisson(spans.end() as f64 / 1e9, &rate(lambda)).station(
        &format!("slots: {servers}, queue: {queue}"),
        &work,
        &page,
    );
    let watch = Watch::new(spans, [Questions::default()], 0);
    let mut watch = run(&draft.check(effort.seed)?, watch, &mut |_| ())?;
    watch.finish(spans.end());
    let setting = Setting {
        servers: f64::from(servers),
        replicas: 1,
        sharing: false,
    };
    let mut seen = Seen::new(requests, full);
    for name in case.expect.keys() {
        let of_pages = of_pages(name).map(|quantity| watch.pages.estimate(quantity));
        let found = of_pages.or_else(|| watch.stations[0].quantity(name, setting, &[]));
        seen.note(name, found);
    }
    Ok(seen)
}

fn of_pages(name: &str) -> Option<fn(&PageTally) -> f64> {
    Some(match name {
        "p_first_try_blocked" => |t| t.first_refused as f64 / t.first_tries as f64,
        "p_try_blocked" | "p_block" => |t| t.refused as f64 / t.tries as f64,
        // Little's law: each who waits to try again is there for as long.
        "mean_in_orbit" => |t| t.away / t.time,
        "retry_rate" => |t| (t.tries - t.first_tries) as f64 / t.time * 1e9,
        "amplification" | "mean_attempts" => |t| t.tries as f64 / t.first_tries as f64,
        "p_lost" | "p_loss" | "p_abandon" | "p_give_up" | "p_final_failure" | "p_final_blocked"
        | "p_never_served" => PageTally::lost,
        "p_served" | "p_eventually_served" => |t| 1.0 - t.lost(),
        "goodput" => |t| t.served as f64 / t.time * 1e9,
        "loss_rate" | "abandon_rate" => |t| t.lost() * t.first_tries as f64 / t.time * 1e9,
        _ => return None,
    })
}

/// A service that fails whatever its load, and shoppers who try again.
pub(crate) fn amplification(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    /// Enough that a run lasts a while, little enough that nothing waits.
    const LAMBDA: f64 = 1000.0;
    let model = case.model();
    let fails = model.number("p_fail_per_attempt")?;
    let retries = model
        .maybe_whole("max_retries")?
        .ok_or("no number of retries")?;
    model.remark("note");
    model.finish()?;
    let (requests, full) = effort.requests(case);
    let spans = effort.spans(requests / LAMBDA, 0.0);
    let work = Work::constant(0.001);
    let page = format!(", on_failure: {{retry: {retries}, after: 10ms}}");
    let seconds = spans.end() as f64 / 1e9;
    let mut draft = Draft::poisson(seconds, &rate(LAMBDA)).station(
        "slots: unlimited, queue: unlimited",
        &work,
        &page,
    );
    draft.faults.push(format!(
        "{{at: 0s, for: {}, fail: station, share: {fails}}}",
        time(seconds)
    ));
    let watch = Watch::new(spans, [], 0);
    let watch = run(&draft.check(effort.seed)?, watch, &mut |_| ())?;
    let mut seen = Seen::new(requests, full);
    for name in case.expect.keys() {
        let found = of_pages(name).map(|quantity| watch.pages.estimate(quantity));
        seen.note(name, found);
    }
    Ok(seen)
}
