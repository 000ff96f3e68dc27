//! What a plan rests on: runs of the worst hour with these or those replicas.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Ratio, Replicas};
use reports::analysis::{Analysis, Service as Seen};
use reports::gates::{Outcome, Unit};
use reports::record::Record;
use scenarios::{Policy, Scaling, Scenario, Service, Step};

use super::sizing::{Judged, Sizes};
use super::{Around, header, pool, remember};
use crate::exit::Failure;
use crate::wiring;

/// The span that is planned for: the worst.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
/// Of that hour so much lies before the worst instant.
const BEFORE: Duration = Duration::from_secs(45 * 60);
/// How full slots may be for a first guess of what is needed.
const GUESS: f64 = 0.75;
/// A service with nothing to do needs this many times what it has at most: nobody plans for more.
const AMPLE: u32 = 4;

/// What was asked of the services over the whole scenario, from a run in which nothing was ever short.
pub(crate) struct Demand {
    /// The length of a window.
    length: Duration,
    /// By service, window after window: replicas whose slots were all held, and requests per second.
    pub(crate) services: BTreeMap<String, Vec<(f64, f64)>>,
}

impl Demand {
    /// Simulates the whole scenario with ample replicas and nothing that breaks.
    pub(crate) fn of(scenario: &Scenario, around: Around<'_>) -> Result<Self, Failure> {
        let mut ample = scenario.clone();
        ample.faults.clear();
        let sizes = most(scenario);
        let ample = Arc::new(stand_still(&ample, &sizes));
        let policies = BTreeMap::new();
        let record = remember(&ample, policies, header(&ample, String::new()), around)?;
        Ok(Self::read(&record, &ample))
    }

    fn read(record: &Record, scenario: &Scenario) -> Self {
        let length = record.header.grid.length;
        let mut services: BTreeMap<String, Vec<(f64, f64)>> = scenario
            .services
            .keys()
            .map(|name| (name.clone(), Vec::new()))
            .collect();
        for window in record.windows() {
            for (name, seen) in &mut services {
                let offered = window.services.get(name).map_or(0, |s| s.counts.offered);
                let workload = window.workloads.get(name);
                let held = workload.and_then(|w| {
                    let full = wiring::fullness(scenario.services.get(name)?, w)?;
                    Some(full * f64::from(w.ready.get()))
                });
                seen.push((held.unwrap_or(0.0), offered as f64 / length.as_secs_f64()));
            }
        }
        Self { length, services }
    }

    /// The worst hour: the one around the instant at which most replicas are needed. All of a shorter scenario.
    pub(crate) fn worst(&self, scenario: &Scenario) -> (Duration, Duration) {
        if scenario.duration <= HOUR {
            return (Duration::ZERO, scenario.duration);
        }
        let windows = self.services.values().map(Vec::len).max().unwrap_or(0);
        let needed = |place: usize| -> f64 {
            let at = |seen: &Vec<(f64, f64)>| seen.get(place).map_or(0.0, |(held, _)| *held);
            self.services.values().map(at).sum()
        };
        let worst = (0..windows).max_by(|a, b| needed(*a).total_cmp(&needed(*b)));
        let place = u32::try_from(worst.unwrap_or(0)).unwrap_or(u32::MAX);
        let at = self.length.saturating_mul(place);
        let from = at.saturating_sub(BEFORE).min(scenario.duration - HOUR);
        (from, from + HOUR)
    }

    /// A first guess of what each service needs between these instants.
    pub(crate) fn guess(&self, (from, to): (Duration, Duration)) -> Sizes {
        let length = self.length.as_secs_f64().max(1e-9);
        let first = (from.as_secs_f64() / length) as usize;
        let last = (to.as_secs_f64() / length).ceil() as usize;
        let guess = |(name, seen): (&String, &Vec<(f64, f64)>)| {
            let inside = seen.iter().take(last).skip(first);
            let held = inside.map(|(held, _)| *held).fold(0.0, f64::max);
            (name.clone(), ((held / GUESS).ceil() as u32).max(1))
        };
        self.services.iter().map(guess).collect()
    }

    /// The highest load of a service between these instants, in requests per second.
    pub(crate) fn peak_rps(&self, name: &str, (from, to): (Duration, Duration)) -> Option<f64> {
        let length = self.length.as_secs_f64().max(1e-9);
        let first = (from.as_secs_f64() / length) as usize;
        let last = (to.as_secs_f64() / length).ceil() as usize;
        let seen = self.services.get(name)?;
        let inside = seen.iter().take(last).skip(first).map(|(_, rps)| *rps);
        inside.reduce(f64::max).filter(|rps| *rps > 0.0)
    }
}

/// The most replicas of each service that are looked at.
pub(crate) fn most(scenario: &Scenario) -> Sizes {
    let most = |(name, service): (&String, &Service)| {
        let max = scenario.scaling.get(name).map_or(0, |s| s.max.get());
        let most = max.max(service.replicas.get()).max(1);
        (name.clone(), most.saturating_mul(AMPLE).min(10_000))
    };
    scenario.services.iter().map(most).collect()
}

/// The scenario with so many replicas of each service from the beginning to the end.
pub(crate) fn stand_still(scenario: &Scenario, sizes: &Sizes) -> Scenario {
    let mut still = scenario.clone();
    for (name, size) in sizes {
        if let Some(service) = still.services.get_mut(name) {
            service.replicas = Replicas(*size);
        }
        if let Some(scaling) = still.scaling.get_mut(name) {
            *scaling = Scaling {
                policy: Policy::Static,
                min: Replicas(*size),
                max: Replicas(*size),
            };
        }
    }
    still
}

/// The scenario with its own policies between these bounds. Those that do not scale stand still at the lower one.
pub(crate) fn bounded(scenario: &Scenario, min: &Sizes, max: &Sizes) -> Scenario {
    let mut bounded = scenario.clone();
    for (name, min) in min {
        let Some(service) = bounded.services.get_mut(name) else {
            continue;
        };
        match bounded.scaling.get_mut(name).filter(|s| follows_load(s)) {
            Some(scaling) => {
                let max = max.get(name).copied().unwrap_or(*min).max(*min);
                (scaling.min, scaling.max) = (Replicas(*min), Replicas(max));
                service.replicas = Replicas(service.replicas.get().clamp(*min, max));
            }
            None => {
                service.replicas = Replicas(*min);
                bounded.scaling.remove(name);
            }
        }
    }
    bounded
}

/// Whether a policy follows what it sees: then a lower bound can be less than what the peak needs.
pub(crate) fn follows_load(scaling: &Scaling) -> bool {
    !matches!(scaling.policy, Policy::Static | Policy::Schedule(_))
}

/// Runs of one hour with these or those replicas.
pub(crate) struct Trials<'a> {
    pub(crate) around: Around<'a>,
    pub(crate) jobs: usize,
    pub(crate) seeds: Vec<u64>,
    /// How many runs there were.
    pub(crate) tried: u64,
}

/// How one run came out.
pub(crate) struct Tried {
    pub(crate) seed: u64,
    pub(crate) run: Analysis,
    pub(crate) met: bool,
}

/// Why a search ended before its end.
pub(crate) enum Ended {
    /// Somebody asked to stop.
    Halted,
    Failed(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Trials<'_> {
    /// Runs `scenario` with each of the first `seeds` seeds.
    pub(crate) fn all(&mut self, scenario: &Scenario, seeds: usize) -> Result<Vec<Tried>, Ended> {
        let seeds: Vec<u64> = self.seeds.iter().take(seeds).copied().collect();
        self.tried += seeds.len() as u64;
        let around = self.around;
        let ran = pool::in_order(&seeds, self.jobs, |seed| {
            (!around.halt.is_asked()).then(|| one(scenario, *seed, around))
        });
        if around.halt.is_asked() {
            return Err(Ended::Halted);
        }
        let ran: Result<Vec<Tried>, Failure> = ran.into_iter().flatten().collect();
        Ok(ran?)
    }

    /// Judges `scenario` by the first `seeds` seeds: it must do in each.
    pub(crate) fn judge(&mut self, scenario: &Scenario, seeds: usize) -> Result<Judged, Ended> {
        Ok(judged(&self.all(scenario, seeds)?))
    }
}

fn one(scenario: &Scenario, seed: u64, around: Around<'_>) -> Result<Tried, Failure> {
    let mut scenario = scenario.clone();
    scenario.seed = seed;
    let scenario = Arc::new(scenario);
    let policies = wiring::policies(&scenario, scenario.starts).map_err(Failure::usage)?;
    let record = remember(
        &scenario,
        policies,
        header(&scenario, String::new()),
        around,
    )?;
    let run = Analysis::of(&record);
    Ok(Tried {
        seed,
        met: met(&run),
        run,
    })
}

/// Whether a run kept the SLO, and every gate but those on cost: more capacity cannot help those.
fn met(run: &Analysis) -> bool {
    let kept = run
        .total
        .missed
        .is_some_and(|missed| missed <= 1.0 - run.about.share + 1e-12);
    let failed = run
        .gates
        .iter()
        .any(|g| g.outcome == Outcome::Fail && g.unit != Unit::ReplicaMin);
    kept && !failed
}

/// All of them together: each must do, and what was fullest counts.
pub(crate) fn judged(tried: &[Tried]) -> Judged {
    let mut full: BTreeMap<String, f64> = BTreeMap::new();
    for service in tried.iter().flat_map(|t| &t.run.services) {
        let most = full.entry(service.name.clone()).or_default();
        *most = most.max(service.peak_busy.unwrap_or(0.0));
    }
    Judged {
        met: !tried.is_empty() && tried.iter().all(|t| t.met),
        full,
    }
}

/// Which service a run broke at, and what was seen of it: of those that were full the one that waits for no other that was.
pub(crate) fn culprit<'a>(scenario: &Scenario, run: &'a Analysis) -> Option<(&'a Seen, String)> {
    const FULL: f64 = 0.9;
    let is_full = |s: &&Seen| s.peak_busy.is_some_and(|busy| busy >= FULL);
    let full: Vec<&Seen> = run.services.iter().filter(is_full).collect();
    let waits = |s: &Seen| {
        let calls = calls(scenario, &s.name);
        full.iter()
            .any(|other| other.name != s.name && calls.contains(&other.name))
    };
    let lost = |s: &Seen| s.counts.errors() as f64 / s.counts.offered.max(1) as f64;
    let first = full
        .iter()
        .filter(|s| !waits(s))
        .max_by(|a, b| lost(a).total_cmp(&lost(b)));
    let fullest = || {
        let busy = |s: &Seen| s.peak_busy.unwrap_or(0.0);
        run.services
            .iter()
            .max_by(|a, b| busy(a).total_cmp(&busy(b)))
    };
    let service = first.copied().or_else(fullest)?;
    let busy = reports::words::percent(service.peak_busy.unwrap_or(0.0));
    let shed = service.counts.shed as f64 / service.counts.offered.max(1) as f64;
    let how = if shed >= 0.01 {
        format!(
            "{} of its requests were turned away",
            reports::words::percent(shed)
        )
    } else {
        format!("{busy} of its slots were held at its fullest")
    };
    Some((service, how))
}

/// The services that a service calls, over however many others.
fn calls(scenario: &Scenario, name: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut todo = vec![name.to_owned()];
    while let Some(name) = todo.pop() {
        let operations = scenario
            .services
            .get(&name)
            .into_iter()
            .flat_map(|s| s.operations.values());
        let steps = operations.flat_map(|operation| &operation.steps);
        let called = steps.flat_map(|step| match step {
            Step::Call(call) => std::slice::from_ref(call),
            Step::All(calls) => calls,
            Step::Work(_) | Step::Wait(_) => &[],
        });
        for call in called {
            if !found.contains(&call.to.service) {
                found.push(call.to.service.clone());
                todo.push(call.to.service.clone());
            }
        }
    }
    found
}

/// At so many times the load `scenario` no longer does, to a fiftieth, up to three times; with the run that shows it.
pub(crate) fn breaking(
    scenario: &Scenario,
    trials: &mut Trials<'_>,
    seeds: usize,
) -> Result<Option<(f64, Analysis)>, Ended> {
    const STEP: f64 = 1.15;
    const MOST: f64 = 3.0;
    let mut at = |factor: f64| -> Result<Option<Analysis>, Ended> {
        let busier = scenario.busier(Ratio::new(factor).unwrap_or(Ratio::ONE));
        let tried = trials.all(&busier, seeds)?;
        Ok(tried.into_iter().find(|t| !t.met).map(|t| t.run))
    };
    let (mut low, mut high) = (1.0, STEP);
    let mut broken = loop {
        if let Some(run) = at(high)? {
            break run;
        }
        if high >= MOST {
            return Ok(None);
        }
        (low, high) = (high, (high * STEP).min(MOST));
    };
    while high / low > 1.02 {
        let middle = (low * high).sqrt();
        match at(middle)? {
            Some(run) => (high, broken) = (middle, run),
            None => low = middle,
        }
    }
    Ok(Some((high, broken)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flash() -> Scenario {
        let checked = crate::scenario_file::read("flash-sale", &[]);
        checked.unwrap_or_else(|f| panic!("{:#}", f.error)).scenario
    }

    #[test]
    fn who_calls_whom() {
        let scenario = flash();
        let mut called = calls(&scenario, "order");
        called.sort();
        assert_eq!(called, ["auth", "catalogue", "payment"]);
        assert!(calls(&scenario, "payment").is_empty());
    }

    #[test]
    fn the_worst_hour_is_around_the_worst_instant() {
        let mut scenario = flash();
        scenario.duration = Duration::from_secs(86_400);
        let mut seen = vec![(1.0, 10.0); 1440];
        seen[600] = (9.0, 90.0);
        let demand = Demand {
            length: Duration::from_secs(60),
            services: BTreeMap::from([("order".to_owned(), seen)]),
        };
        let (from, to) = demand.worst(&scenario);
        assert_eq!((from.as_secs(), to.as_secs()), (555 * 60, 615 * 60));
        assert_eq!(demand.guess((from, to))["order"], 12);
        assert_eq!(demand.peak_rps("order", (from, to)), Some(90.0));
        assert_eq!(demand.peak_rps("order", (Duration::ZERO, from)), Some(10.0));
        scenario.duration = Duration::from_secs(1200);
        assert_eq!(demand.worst(&scenario), (Duration::ZERO, scenario.duration));
    }

    #[test]
    fn bounds_hold_and_what_does_not_scale_stands_still() {
        let mut scenario = flash();
        scenario.scaling.remove("auth");
        let sizes = |n: u32| scenario.services.keys().map(|s| (s.clone(), n)).collect();
        let bounded = bounded(&scenario, &sizes(5), &sizes(9));
        assert_eq!(bounded.services["auth"].replicas, Replicas(5));
        assert_eq!(bounded.scaling["order"].min, Replicas(5));
        assert_eq!(bounded.scaling["order"].max, Replicas(9));
        assert_eq!(bounded.services["order"].replicas, Replicas(5));
        let still = stand_still(&scenario, &sizes(7));
        assert!(still.scaling.values().all(|s| s.policy == Policy::Static));
        assert!(still.services.values().all(|s| s.replicas == Replicas(7)));
    }
}
