//! Policies that know the future: the floor for comparisons.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Quantile, Ratio};
use scaler::{CapacityCurve, Load, OracleSpec, OracleTask, PolicySpec};
use scenarios::{Draws, Scaling, Scenario, Stream};

use super::SEED;
use super::shop::Shop;
use super::state::State;
use super::station::{self, Station};
use super::walk::Walk;
use crate::demand::Demand;

/// The utilisations at which misses are simulated, and how many arrivals each takes.
const LOADS: [(f64, u32); 10] = [
    (0.2, 20_000),
    (0.4, 40_000),
    (0.5, 60_000),
    (0.6, 60_000),
    (0.7, 80_000),
    (0.8, 100_000),
    (0.85, 120_000),
    (0.9, 160_000),
    (0.94, 200_000),
    (0.97, 240_000),
];
/// How many requests are looked at for how long they take by themselves.
const SAMPLE: usize = 16_384;
/// Of what a service is asked, this share comes when no more replicas are needed than a curve is made for.
const TYPICAL: f64 = 0.75;

/// For each service that scales, the oracle whose misses stay within a share `budget` of what it is asked, at the least
/// cost. A miss is a request whose own time is above the service's limit; those that would miss on an idle replica come
/// on top of the budget, since no number of replicas can help them.
///
/// Services without a limit of slots have nothing to plan, and no oracle.
#[must_use]
pub fn oracles(scenario: &Arc<Scenario>, budget: Ratio) -> BTreeMap<String, PolicySpec> {
    let demand = Demand::of(scenario, super::step_of(scenario, scenario.control.period));
    let shop = Shop::of(scenario);
    let mut policies = BTreeMap::new();
    for (place, name) in scenario.services.keys().enumerate() {
        let Some(scaling) = scenario.scaling.get(name) else {
            continue;
        };
        if let Some(task) = task(scenario, (&demand, &shop), (place, name), scaling) {
            let lead = scenario.services[name].start_up.quantile(Quantile::P99);
            let all = (budget.get() + task.curve.least()).min(1.0);
            let plan = task.plan_within(Ratio::new(all).unwrap_or(budget));
            let period = scenario.control.period;
            let oracle = OracleSpec::new(&plan, scenario.starts, lead, period);
            policies.insert(name.clone(), PolicySpec::Oracle(oracle));
        }
    }
    policies
}

/// What the oracle of a service has to solve; nothing if its replicas have slots without limit.
fn task(
    scenario: &Scenario,
    (demand, shop): (&Demand, &Shop),
    (place, name): (usize, &str),
    scaling: &Scaling,
) -> Option<OracleTask> {
    let meant = &scenario.services[name];
    let slots = meant.slots?;
    let loads = demand.loads(name, slots);
    Some(OracleTask {
        step: demand.step(),
        curve: curve(shop, demand, place, &loads),
        loads,
        start_up: meant.start_up.mean(),
        min: scaling.min,
        max: scaling.max,
        replicas: meant.replicas,
    })
}

/// The share of a service's requests whose own time is above its limit, by utilisation: simulated with about as many
/// replicas as it mostly needs, in the mix of the step in which it is asked most.
fn curve(shop: &Shop, demand: &Demand, service: usize, loads: &[Load]) -> CapacityCurve {
    let meant = &shop.services[service];
    let needed = |load: &Load| load.rate / load.full_rate;
    let busiest = (0..loads.len()).max_by(|a, b| loads[*a].rate.total_cmp(&loads[*b].rate));
    let mut all: Vec<f64> = loads.iter().map(needed).collect();
    all.sort_by(f64::total_cmp);
    let typical = all.get((all.len() as f64 * TYPICAL) as usize);
    let requests = sample(shop, service, &demand.rates(busiest.unwrap_or(0)));
    let mean = requests.iter().map(|(held, _)| held).sum::<f64>() / requests.len().max(1) as f64;
    let held: Vec<f32> = requests
        .iter()
        .map(|(held, _)| (held / mean.max(1e-12)) as f32)
        .collect();
    let station = Station {
        replicas: (typical.copied().unwrap_or(1.0) / 0.7)
            .ceil()
            .clamp(1.0, 128.0) as u32,
        slots: meant.slots,
        queue: meant.queue,
        balance: meant.balance,
        central: meant.central,
    };
    let alone = requests
        .iter()
        .filter(|(_, own)| *own > meant.limit)
        .count();
    let mut points = vec![(0.0, alone as f64 / requests.len().max(1) as f64)];
    for (utilisation, arrivals) in LOADS {
        let waits = station::waits(station, utilisation, &held, arrivals);
        let late = |(_, own): &(f64, f64)| waits.inverse.above((meant.limit - own) / mean);
        let late = requests.iter().map(late).sum::<f64>() / requests.len().max(1) as f64;
        points.push((
            utilisation,
            (waits.shed + (1.0 - waits.shed) * late).clamp(0.0, 1.0),
        ));
    }
    CapacityCurve::from_points(points).unwrap_or_else(|_| {
        // Not reached: utilisations rise and shares are shares. M/M/k is as good a guess as any.
        CapacityCurve::of_slots(
            meant.slots,
            Duration::from_secs_f64(mean),
            Duration::from_secs_f64(meant.limit),
        )
    })
}

/// How long requests hold a slot in a shop without any queue, and how long of that is their service's own time; in the
/// mix of these rates of operations.
fn sample(shop: &Shop, service: usize, rates: &[f64]) -> Vec<(f64, f64)> {
    let mut idle = vec![State::new(); shop.services.len()];
    idle.iter_mut().for_each(|state| state.ready = 1);
    let mut walk = Walk {
        shop,
        states: &idle,
        luck: Draws::new(
            SEED,
            Stream::Fault {
                fault: service as u32,
            },
        ),
        hops: vec![],
    };
    let own = shop.services[service].operations.clone();
    let all: f64 = rates[own.clone()].iter().sum();
    let mut requests = vec![];
    let mut share = 0.0;
    for operation in own {
        share += if all > 0.0 {
            rates[operation] / all
        } else {
            1.0
        };
        let until = (share.min(1.0) * SAMPLE as f64).round() as usize;
        while requests.len() < until {
            walk.hops.clear();
            let held = walk.held(operation);
            requests.push((held.seconds, held.seconds - held.calls));
        }
    }
    requests
}
