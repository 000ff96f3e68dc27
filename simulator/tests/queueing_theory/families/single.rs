//! One service: queues of every kind, processor sharing, balancing over replicas, impatience.

use std::collections::BTreeMap;

use super::super::case::{Case, Fault, Model};
use super::super::draft::{Draft, at_most, run};
use super::super::effort::{Effort, memory};
use super::super::estimate::Estimate;
use super::super::quantities::{Setting, wait_limit};
use super::super::station::Questions;
use super::super::watch::Watch;
use super::super::work::Work;
use super::{Seen, rate};

/// The rate at which several share a replica, as the language has it too.
const USL: &str = "min(n,cores)/(1+alpha*(n-1)+beta*n*(n-1))";

/// A model of one service.
struct Single {
    lambda: f64,
    work: Work,
    /// The service's own lines.
    service: String,
    balance: String,
    setting: Setting,
    /// Cores that are shared; without end if none are.
    cores: f64,
}

impl Single {
    fn read(model: &Model<'_>) -> Result<Self, Fault> {
        model.only("arrivals", &["poisson"])?;
        let work = Work::read(&model.part("service")?)?;
        let replicas = model.maybe_count("replicas")?.unwrap_or(1);
        let servers = model.maybe_count("servers")?;
        let cores = model.maybe_number("cores")?;
        let queue = at_most(model.maybe_whole("queue_limit")?);
        let (discipline, slots, cores) = match model.text("discipline")? {
            "fifo" => (
                "fifo".to_owned(),
                Some(servers.ok_or("a queue without servers")?),
                None,
            ),
            "infinite" if servers.is_none() => ("fifo".to_owned(), None, None),
            "ps" => {
                let cores = cores
                    .or(servers.map(f64::from))
                    .ok_or("sharing of no cores")?;
                let slots = model.maybe_count("max_in_service")?;
                (sharing(model, cores)?, slots, Some(cores))
            }
            other => return Err(format!("no way to say the discipline `{other}`")),
        };
        let patience = patience(model)?;
        let single = Self {
            lambda: model.positive("lambda_")?,
            work,
            service: format!(
                "replicas: {replicas}, slots: {}, queue: {queue}, discipline: {discipline}{patience}",
                at_most(slots)
            ),
            balance: balance(model)?,
            setting: Setting {
                servers: cores.unwrap_or(f64::from(servers.unwrap_or(1))) * f64::from(replicas),
                replicas,
                sharing: cores.is_some(),
            },
            cores: cores.unwrap_or(f64::INFINITY),
        };
        model.finish()?;
        Ok(single)
    }

    fn load(&self) -> f64 {
        if self.service.contains("slots: unlimited") && self.cores.is_infinite() {
            return 0.0;
        }
        self.lambda * self.work.mean / self.setting.servers
    }
}

fn sharing(model: &Model<'_>, cores: f64) -> Result<String, Fault> {
    if model
        .maybe_number("per_job_cap")?
        .is_some_and(|cap| cap != 1.0)
    {
        return Err(
            "nobody works faster than one core, and no slower: per_job_cap is 1".to_owned(),
        );
    }
    model.only("total_rate_of_n", &[USL])?;
    let alpha = model.maybe_number("alpha")?.unwrap_or(0.0);
    let beta = model.maybe_number("beta")?.unwrap_or(0.0);
    Ok(format!(
        "sharing, cores: {cores}, contention: {{alpha: {alpha}, beta: {beta}}}"
    ))
}

fn patience(model: &Model<'_>) -> Result<String, Fault> {
    let Some(part) = model.maybe_part("patience")? else {
        return Ok(String::new());
    };
    part.only("applies_to", &["waiting only"])?;
    let patience = Work::read(&part)?;
    Ok(format!(", patience: {}", patience.single()?))
}

fn balance(model: &Model<'_>) -> Result<String, Fault> {
    let Some(_) = model.get("lb") else {
        return Ok("power_of_two".to_owned());
    };
    model.remark("sampling");
    let balance = match model.text("lb")? {
        "random" => "random".to_owned(),
        "round_robin" => "round_robin".to_owned(),
        "least_connections" | "jsq" => {
            model.only("tie", &["random"])?;
            "least_connections".to_owned()
        }
        "power_of_2" => "power_of_two".to_owned(),
        other => {
            let choices = other.strip_prefix("power_of_");
            let choices: Option<u32> = choices.and_then(|choices| choices.parse().ok());
            let choices = choices.ok_or_else(|| format!("no way to say the balance `{other}`"))?;
            format!("{{choices: {choices}}}")
        }
    };
    Ok(balance)
}

pub(crate) fn study(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    let single = Single::read(&case.model())?;
    let (requests, full) = effort.requests(case);
    let limits: Vec<&String> = case
        .expect
        .keys()
        .filter(|name| wait_limit(name).is_some())
        .collect();
    let within = limits.iter().filter_map(|name| wait_limit(name));
    let within = within.map(|multiple| (multiple * single.work.mean * 1e9).round() as u64);
    let spans = effort.spans(
        requests / single.lambda,
        memory(single.work.mean, single.load()),
    );
    let questions = Questions {
        cores: single.cores,
        replicas: single.setting.replicas,
        within: within.collect(),
        ..Questions::default()
    };
    let mut draft = Draft::poisson(spans.end() as f64 / 1e9, &rate(single.lambda)).station(
        &single.service,
        &single.work,
        "",
    );
    draft.balance = single.balance.clone();
    let watch = Watch::new(spans, [questions], 0);
    let mut watch = run(&draft.check(effort.seed)?, watch, &mut |_| ())?;
    watch.finish(spans.end());
    let station = &watch.stations[0];
    let mut seen = Seen::new(requests, full);
    let mut slow = None;
    for name in case.expect.keys() {
        if let Some(multiple) = slowdown(name) {
            if slow.is_none() {
                slow = Some(slowdowns(&single, effort, requests)?);
            }
            let found = slow
                .as_ref()
                .and_then(|slow| slow.get(&multiple_key(multiple)));
            seen.note(name, found.copied());
        } else {
            seen.note(name, station.quantity(name, single.setting, &limits));
        }
    }
    Ok(seen)
}

/// `slowdown_at_half_mean`, `slowdown_at_2x_mean`: of requests with so many times the mean demand.
fn slowdown(name: &str) -> Option<f64> {
    let at = name.strip_prefix("slowdown_at_")?.strip_suffix("_mean")?;
    match at {
        "half" => Some(0.5),
        "" | "the" => Some(1.0),
        _ => at.strip_suffix('x')?.parse().ok(),
    }
}

/// A number as something that can be looked up.
fn multiple_key(multiple: f64) -> u64 {
    multiple.to_bits()
}

/// The share of marked requests of each demand.
const MARKED: f64 = 0.05;

/// How slow requests of a known demand are, in a run of its own: among all others come marked ones with just that demand,
/// and the others are rarer by the load that those bring. The law under test holds whatever the distribution.
fn slowdowns(
    single: &Single,
    effort: &Effort,
    requests: f64,
) -> Result<BTreeMap<u64, Estimate>, Fault> {
    let demands = [0.5, 1.0, 2.0];
    let marked_load: f64 = demands.iter().map(|demand| demand * MARKED).sum();
    let rest = 1.0 - marked_load;
    let lambda = single.lambda * (rest + MARKED * demands.len() as f64);
    let mut work = single.work.clone();
    for kind in &mut work.kinds {
        kind.share *= rest;
    }
    let first = work.kinds.len();
    for demand in demands {
        let mut marked = Work::constant(single.work.mean * demand).kinds;
        marked[0].share = MARKED;
        work.kinds.append(&mut marked);
    }
    let spans = effort.spans(requests / lambda, memory(work.mean, single.load()));
    let draft =
        Draft::poisson(spans.end() as f64 / 1e9, &rate(lambda)).station(&single.service, &work, "");
    let watch = Watch::new(spans, [], work.kinds.len());
    let watch = run(&draft.check(effort.seed)?, watch, &mut |_| ())?;
    let slowdown = |(n, demand): (usize, &f64)| {
        let mean = single.work.mean * demand * 1e9;
        let estimate = watch.pages.estimate(move |pages| {
            let (count, latency) = pages.by_journey[first + n];
            latency / count as f64 / mean
        });
        (multiple_key(*demand), estimate)
    };
    Ok(demands.iter().enumerate().map(slowdown).collect())
}
