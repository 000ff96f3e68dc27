//! The rule of the library, in the simulated world: at its peak at least two services need four times the replicas that they
//! start with, none needs more than its maximum, and whoever stays at the start fails the SLO.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counts, Replicas};
use scenarios::{NoFiles, Scenario, library};
use simulator::{Event, Simulation};

/// How full slots may be on average at the peak, as the library's autoscalers have it.
const TARGET: f64 = 0.7;
/// What is looked at: so long before the peak, and so long after it.
const BEFORE: Duration = Duration::from_secs(6 * 60);
const AFTER: Duration = Duration::from_secs(5 * 60);

/// What came of a run.
#[derive(Default)]
struct Ran {
    pages: Counts,
    /// By service, the most slots that were held on average over a minute.
    held: BTreeMap<String, f64>,
}

impl Ran {
    fn missed(&self) -> f64 {
        self.pages.misses() as f64 / self.pages.offered.max(1) as f64
    }
}

/// Runs a scenario with the replicas of its start, and no policy.
fn run(scenario: &Scenario) -> Ran {
    let scenario = Arc::new(scenario.clone());
    let mut simulation = Simulation::new(Arc::clone(&scenario), BTreeMap::new())
        .unwrap_or_else(|e| panic!("{}: {e}", scenario.name));
    let mut ran = Ran::default();
    // By service and minute: slots held × windows, and how many windows there were.
    let mut minutes: BTreeMap<(String, u64), (f64, f64)> = BTreeMap::new();
    let mut told = |event: Event| {
        let Event::Window(window) = event else { return };
        ran.pages.add(&window.all_pages().counts);
        let minute = window.start.since(scenario.starts).as_secs() / 60;
        for (name, workload) in &window.workloads {
            let slots = scenario.services[name]
                .slots
                .expect("the library's slots are counted");
            if let Some(busy) = workload.busy {
                let sum = minutes.entry((name.clone(), minute)).or_default();
                sum.0 += busy * f64::from(workload.ready.get()) * f64::from(slots);
                sum.1 += 1.0;
            }
        }
    };
    while !simulation
        .advance(Duration::MAX, &mut told)
        .unwrap_or_else(|e| panic!("{}: {e}", scenario.name))
        .done
    {}
    for ((name, _), (held, windows)) in minutes {
        let most = ran.held.entry(name).or_default();
        *most = most.max(held / windows);
    }
    ran
}

/// The part around the instant at which the arrivals lead to most pages.
fn around_peak(scenario: &Scenario) -> Scenario {
    const INSTANTS: u32 = 4000;
    let rate = |place: u32| scenario.page_rate_at(scenario.duration * place / INSTANTS);
    let peak = (0..INSTANTS).max_by(|a, b| rate(*a).total_cmp(&rate(*b)));
    let at = scenario.duration * peak.unwrap_or(0) / INSTANTS;
    scenario.part(at.saturating_sub(BEFORE), at + AFTER)
}

/// With as many replicas as there may be, and nothing that breaks: what is held then is what is asked for.
fn with_all_there_may_be(scenario: &Scenario) -> Scenario {
    let mut ample = scenario.clone();
    ample.faults.clear();
    for (name, service) in &mut ample.services {
        service.replicas = ample.scaling[name].max;
    }
    ample
}

#[test]
fn every_scenario_of_the_library_is_worth_scaling_for() {
    let mut wrong = Vec::new();
    for (name, text) in library() {
        let scenario = Scenario::read(name, text.as_bytes(), &NoFiles, &[])
            .unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let peak = around_peak(&scenario);
        let allowed = 1.0 - scenario.slo.share.get();
        let ample = run(&with_all_there_may_be(&peak));
        let stayed = run(&peak);
        println!(
            "{name}: {} pages around the peak; {:.3} % missed with all replicas there may be, {:.1} % with those of the start",
            ample.pages.offered,
            ample.missed() * 100.0,
            stayed.missed() * 100.0
        );
        let mut grown = 0;
        for (service, held) in &ample.held {
            let meant = &scenario.services[service];
            let slots = f64::from(meant.slots.expect("counted"));
            let (Replicas(start), Replicas(max)) = (meant.replicas, scenario.scaling[service].max);
            let needed = (held / (slots * TARGET)).ceil() as u32;
            println!(
                "  {service}: {held:.1} slots held, needs {needed} of at most {max}, starts with {start}"
            );
            grown += u32::from(needed >= 4 * start);
            if needed > max {
                wrong.push(format!(
                    "{name}: {service} needs {needed}, more than its maximum of {max}"
                ));
            }
        }
        if grown < 2 {
            wrong.push(format!(
                "{name}: {grown} services need four times what they start with"
            ));
        }
        if stayed.missed() <= allowed {
            wrong.push(format!("{name}: staying at the start keeps the SLO"));
        }
        if ample.missed() > allowed {
            wrong.push(format!(
                "{name}: even with all replicas there may be the SLO is not kept"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
