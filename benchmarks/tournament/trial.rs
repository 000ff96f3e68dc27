//! One run: a day with a policy, in full or in rough strokes, and what it missed and cost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counts, Grid, Ratio};
use scenarios::{Curve, FaultKind, Scenario, Term};
use simulator::{Event, Planner, Simulation};

use super::contenders::{Contender, Level};
use super::day::Day;
use super::floor::Floored;
use super::{memory, wiring};

pub type BoxedPolicy = Box<dyn scaler::Policy + Send>;

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Too slow or not served, as a share of all requests.
    pub missed: f64,
    /// Replicas that existed × time.
    pub hours: f64,
}

/// What simulates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Engine {
    Full,
    Rough,
}

/// Which hours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum When {
    /// Those that count.
    Last,
    /// The same of the day before.
    Before,
}

/// A contender's run with one of its settings.
pub fn of(
    contender: &Contender,
    level: &Level,
    (day, when): (&Day, When),
    engine: Engine,
) -> anyhow::Result<Outcome> {
    let scenario = match when {
        When::Last => day.last(&level.sets)?,
        When::Before => day.before(&level.sets)?,
    };
    let mut specs = wiring::specs(&scenario, scenario.starts);
    for spec in specs.values_mut() {
        memory::prepare(spec, level.price, &scenario, day);
    }
    let mut policies = wiring::built(&specs)?;
    if contender.calendar {
        let floored = |(name, inner): (String, BoxedPolicy)| {
            let policy: BoxedPolicy = Box::new(Floored::new(inner, &scenario));
            (name, policy)
        };
        policies = policies.into_iter().map(floored).collect();
    }
    run(&scenario, policies, (engine, day))
}

/// The run of the policy that knows the future, and plans to miss this share.
pub fn oracle(day: &Day, budget: f64, engine: Engine) -> anyhow::Result<Outcome> {
    let scaling = "scaling.shop={policy: hpa, min: 1, max: 400, target: {cpu: 70%}}".to_owned();
    let scenario = day.last(&[scaling])?;
    let planned = Arc::new(foreseen(&scenario));
    let policies = wiring::built(&simulator::oracles(&planned, Ratio::new(budget)?))?;
    run(&scenario, policies, (engine, day))
}

/// What a plan is made for, which knows only loads: from a bad deploy on, requests that take so many times as long are as
/// good as so many times as many.
fn foreseen(scenario: &Scenario) -> Scenario {
    let mut planned = scenario.clone();
    for fault in &scenario.faults {
        let FaultKind::BadDeploy { factor, .. } = &fault.kind else {
            continue;
        };
        let Ok(more) = Ratio::new(factor - 1.0) else {
            continue;
        };
        let from = |curve: &Curve| Curve::Shifted {
            by: fault.at,
            curve: Box::new(curve.begun(fault.at).scaled(more)),
        };
        let terms = scenario.traffic.rate.iter().map(|term| Term {
            curve: from(&term.curve),
            journey: term.journey,
        });
        planned.traffic.rate.extend(terms);
    }
    planned
}

/// Runs it to its end. What a planner learns of how long requests wait, the day's others need not learn again.
fn run(
    scenario: &Arc<Scenario>,
    policies: BTreeMap<String, BoxedPolicy>,
    (engine, day): (Engine, &Day),
) -> anyhow::Result<Outcome> {
    let grid = Grid::of_run(scenario.starts, scenario.duration, scenario.control.period);
    let mut tally = Tally::default();
    let mut told = |event: Event| tally.take(&event, grid.length);
    let end = Duration::MAX;
    match engine {
        Engine::Full => {
            let mut simulation = Simulation::new(Arc::clone(scenario), policies)?;
            simulation.advance(end, &mut told)?;
        }
        Engine::Rough => {
            let planner = Planner::new(Arc::clone(scenario), policies)?;
            let mut planner = planner.knowing(day.waits.take());
            planner.advance(end, &mut told)?;
            day.waits.replace(planner.waits());
        }
    }
    Ok(Outcome {
        missed: tally.counts.misses() as f64 / tally.counts.offered.max(1) as f64,
        hours: tally.hours,
    })
}

/// Counts what a run tells.
#[derive(Default)]
struct Tally {
    counts: Counts,
    hours: f64,
}

impl Tally {
    fn take(&mut self, event: &Event, length: Duration) {
        if let Event::Window(window) = event {
            for page in window.pages.values() {
                self.counts.add(&page.counts);
            }
            for w in window.workloads.values() {
                let paid = w.ready.get() + w.starting.get() + w.draining.get();
                self.hours += f64::from(paid) * length.as_secs_f64() / 3600.0;
            }
        }
    }
}
