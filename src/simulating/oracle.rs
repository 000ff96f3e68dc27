//! What the oracle is told: the load that will come, from a first simulation in which nothing is ever short.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counts, Quantile, Ratio, Replicas};
use reports::record::Record;
use scaler::{CapacityCurve, Load, OracleSpec, OracleTask, PolicySpec};
use scenarios::{Policy, Scenario, Service};

use super::{Around, header, remember};
use crate::exit::Failure;
use crate::wiring;

/// Start-ups longer than this share of all are not waited for.
const LEAD: Quantile = Quantile::P95;
/// What a service alone may miss is not known beforehand: the SLO's share times two to the power of each of these is tried.
const POWERS: (i32, i32) = (-6, 7);
/// How many simulations an oracle takes, its own included.
pub(crate) const RUNS: u32 = 6;

/// The oracle for each service that scales: the cheapest plan that keeps the SLO in a simulation with the very luck that it
/// is for. It costs some simulations, which somebody may stop: then the plan is whatever was found.
pub(crate) fn policies(
    scenario: &Arc<Scenario>,
    around: Around<'_>,
) -> Result<BTreeMap<String, PolicySpec>, Failure> {
    let ample = ample(scenario);
    let pilot = remember(
        &ample,
        BTreeMap::new(),
        header(&ample, String::new()),
        around,
    )?;
    let tasks = tasks(scenario, &pilot);
    let allowed = 1.0 - scenario.slo.share.get();
    let at = |power: i32| {
        let budget = allowed * f64::from(power).exp2();
        followed(
            scenario,
            &tasks,
            Ratio::new(budget.min(1.0)).unwrap_or(Ratio::ZERO),
        )
    };
    // The largest power at which the SLO is still kept: more may be missed at each more.
    let (mut kept, mut broken) = (POWERS.0, POWERS.1);
    while broken - kept > 1 && !around.halt.is_asked() {
        let middle = i32::midpoint(kept, broken);
        let tried = remember(
            scenario,
            wiring::built(&at(middle)).map_err(Failure::usage)?,
            header(scenario, String::new()),
            around,
        )?;
        if missed(&tried) <= allowed {
            kept = middle;
        } else {
            broken = middle;
        }
    }
    Ok(at(kept))
}

fn missed(record: &Record) -> f64 {
    let mut counts = Counts::default();
    for window in record.windows() {
        counts.add(&window.all_pages().counts);
    }
    counts.misses() as f64 / counts.offered.max(1) as f64
}

/// The scenario with the most replicas from the start on, and nothing that breaks.
fn ample(scenario: &Scenario) -> Arc<Scenario> {
    let mut ample = scenario.clone();
    for (name, scaling) in &mut ample.scaling {
        if let Some(service) = ample.services.get_mut(name) {
            service.replicas = scaling.max.max(service.replicas);
        }
        scaling.policy = Policy::Static;
    }
    ample.faults.clear();
    Arc::new(ample)
}

/// What each service that scales has before it; nothing for one that nobody asks.
fn tasks(scenario: &Scenario, pilot: &Record) -> BTreeMap<String, OracleTask> {
    let task = |(name, scaling): (&String, &scenarios::Scaling)| {
        let service = scenario.services.get(name)?;
        let seen = Seen::of(pilot, name, service)?;
        // A page may take as long as the SLO says, and a service's calls are part of what it holds its slot for.
        let limit = scenario.slo.within.max(service.limit);
        let task = OracleTask {
            step: pilot.header.grid.length,
            curve: CapacityCurve::of_slots(wiring::width(service), seen.mean, limit),
            loads: seen.loads,
            start_up: service.start_up.quantile(Quantile::P50),
            min: scaling.min,
            max: scaling.max,
            replicas: service.replicas,
        };
        Some((name.clone(), task))
    };
    scenario.scaling.iter().filter_map(task).collect()
}

/// Policies that follow the cheapest plans of which no more than this share of each service's requests is expected to miss.
fn followed(
    scenario: &Scenario,
    tasks: &BTreeMap<String, OracleTask>,
    budget: Ratio,
) -> BTreeMap<String, PolicySpec> {
    let policy = |(name, task): (&String, &OracleTask)| {
        let lead = scenario
            .services
            .get(name)
            .map_or(Duration::ZERO, |s| s.start_up.quantile(LEAD));
        let plan = task.plan_within(budget);
        let oracle = OracleSpec::new(&plan, scenario.starts, lead, scenario.control.period);
        (name.clone(), PolicySpec::Oracle(oracle))
    };
    tasks.iter().map(policy).collect()
}

/// What was seen of a service.
struct Seen {
    loads: Vec<Load>,
    /// How long a request holds its slot.
    mean: Duration,
}

impl Seen {
    /// Nothing if nobody asked for it.
    fn of(pilot: &Record, name: &str, service: &Service) -> Option<Self> {
        let length = pilot.header.grid.length.as_secs_f64();
        let width = f64::from(wiring::width(service));
        let (mut rates, mut held, mut requests) = (Vec::new(), 0.0, 0.0);
        for window in pilot.windows() {
            let offered = window.services.get(name).map_or(0, |s| s.counts.offered);
            let workload = window.workloads.get(name);
            let busy = workload.and_then(|w| Some((wiring::fullness(service, w)?, w.ready)));
            if let Some((busy, Replicas(ready))) = busy {
                held += busy * f64::from(ready) * width * length;
                requests += offered as f64;
            }
            rates.push(offered as f64 / length);
        }
        if requests <= 0.0 || held <= 0.0 {
            return None;
        }
        let mean = held / requests;
        let full_rate = width / mean;
        let load = |rate| Load { rate, full_rate };
        Some(Self {
            loads: rates.into_iter().map(load).collect(),
            mean: Duration::from_secs_f64(mean),
        })
    }
}
