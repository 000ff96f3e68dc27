//! One request that asks several services at once and waits for the slowest.

use super::super::case::{Case, Fault};
use super::super::draft::{Draft, run};
use super::super::effort::Effort;
use super::super::pages::PageQuantity;
use super::super::quantities::quantile;
use super::super::watch::Watch;
use super::super::work::Work;
use super::{Seen, rate};

/// How many calls an operation makes at most: with more branches there are some between that only call.
const MOST_CALLS: u32 = 15;

pub(crate) fn study(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    let model = case.model();
    model.only("arrivals", &["poisson"])?;
    let lambda = model.positive("lambda_")?;
    let branches = model.count("fan_out")?;
    let branch = model.part("branch")?;
    if let Some(servers) = branch.maybe_count("servers")? {
        return Err(format!("branches of {servers} servers: they would wait"));
    }
    let work = Work::read(&branch)?;
    model.finish()?;
    let (requests, full) = effort.requests(case);
    let spans = effort.spans(requests / lambda, 100.0 * work.mean);
    let mut draft = Draft::poisson(spans.end() as f64 / 1e9, &rate(lambda));
    let step = work.single()?;
    draft.services.push(format!(
        "branch: {{slots: unlimited, queue: unlimited, operations: {{work: {{do: [work: {step}]}}}}}}"
    ));
    draft.files.extend(work.files.iter().cloned());
    let mut callers = Vec::new();
    let top = caller(branches, &mut callers);
    draft.services.push(format!(
        "front: {{slots: unlimited, queue: unlimited, operations: {{{}, top: {{route: GET /, do: {top}}}}}}}",
        callers.join(", ")
    ).replace("{, ", "{"));
    draft
        .journeys
        .push("visit: {start: page, pages: {page: {get: /}}}".to_owned());
    let watch = Watch::new(spans, [], 0);
    let watch = run(&draft.check(effort.seed)?, watch, &mut |_| ())?;
    let mut seen = Seen::new(requests, full);
    for name in case.expect.keys() {
        let found = of_pages(name).map(|quantity| watch.pages.estimate(quantity));
        seen.note(name, found);
    }
    Ok(seen)
}

/// The steps that call so many branches at once; those of operations between are added to `callers`.
fn caller(branches: u32, callers: &mut Vec<String>) -> String {
    if branches <= MOST_CALLS {
        let calls = vec!["branch.work"; branches as usize];
        return format!("[all: [{}]]", calls.join(", "));
    }
    // As even as it gets: so many parts that each is small enough, or is divided again.
    let parts = branches.div_ceil(MOST_CALLS).min(MOST_CALLS);
    let mut calls = Vec::new();
    for part in 0..parts {
        let own = branches * (part + 1) / parts - branches * part / parts;
        let steps = caller(own, callers);
        let name = format!("between{}", callers.len());
        callers.push(format!("{name}: {{do: {steps}}}"));
        calls.push(format!("front.{name}"));
    }
    format!("[all: [{}]]", calls.join(", "))
}

fn of_pages(name: &str) -> Option<PageQuantity> {
    if matches!(name, "mean" | "mean_sojourn" | "mean_latency") {
        return Some(Box::new(|t| t.latency / t.served as f64 / 1e9));
    }
    let q = name.strip_prefix('p').and_then(quantile)?;
    Some(Box::new(move |t| t.latencies.quantile(q)))
}
