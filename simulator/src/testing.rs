//! Scenarios and runs for tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counts, Window};
use scaler::{HpaController, SimpleHpa};
use scenarios::{NoFiles, Policy, Scenario};

use crate::observe::BoxedPolicy;
use crate::{Event, Probe, Simulation};

/// A scenario from its text.
pub(crate) fn scenario(text: &str) -> Arc<Scenario> {
    let read = Scenario::read("test.yaml", text.as_bytes(), &NoFiles, &[]);
    Arc::new(read.unwrap_or_else(|mistakes| panic!("{mistakes}")))
}

/// One service with one operation, asked for at this rate by shoppers who see one page.
pub(crate) fn one_service(duration: &str, rate: &str, service: &str, more: &str) -> String {
    format!(
        "version: 1\nname: test\nduration: {duration}\ntraffic: {{begin: empty, rate: [constant: {{rate: {rate}}}]}}\n\
         journeys: {{shopper: {{start: page, pages: {{page: {{get: /}}}}}}}}\n\
         services: {{shop: {service}}}\n{more}"
    )
}

/// The policies of a scenario, as the commands make them.
pub(crate) fn policies(scenario: &Scenario) -> BTreeMap<String, BoxedPolicy> {
    let policy = |(name, scaling): (&String, &scenarios::Scaling)| {
        let period = scenario.control.period;
        let policy: BoxedPolicy = match &scaling.policy {
            Policy::Hpa { targets, .. } => {
                let target = |target: &scenarios::HpaTarget| match *target {
                    scenarios::HpaTarget::Cpu(share) => scaler::HpaTarget::Cpu(share),
                    scenarios::HpaTarget::Busy(share) => scaler::HpaTarget::Busy(share),
                    scenarios::HpaTarget::Requests(rate) => scaler::HpaTarget::Requests(rate),
                };
                let hpa = SimpleHpa {
                    targets: targets.iter().map(target).collect(),
                    min: scaling.min,
                    max: scaling.max,
                    behavior: None,
                    rate_period: Duration::from_secs(15),
                    controller: HpaController {
                        sync_period: period,
                        ..HpaController::default()
                    },
                };
                Box::new(hpa.build().unwrap())
            }
            Policy::Upstream(spec) => {
                let bounded = spec.as_ref().clone().between(scaling.min, scaling.max);
                bounded.build().unwrap()
            }
            _ => Box::new(scaler::Static::new(
                scenario.services[name].replicas,
                period,
            )),
        };
        (name.clone(), policy)
    };
    scenario.scaling.iter().map(policy).collect()
}

/// All that a run told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) windows: Vec<Window>,
    pub(crate) steps: usize,
    pub(crate) faults: Vec<String>,
    /// All events as text.
    pub(crate) text: String,
}

impl Told {
    pub(crate) fn take(&mut self, event: Event) {
        match &event {
            Event::Window(window) => {
                let json = serde_json::to_string(window).unwrap();
                writeln!(self.text, "window {json}").unwrap();
            }
            Event::Step {
                workload,
                at,
                record,
            } => {
                let json = serde_json::to_string(record).unwrap();
                writeln!(self.text, "step {workload} {at} {json}").unwrap();
                self.steps += 1;
            }
            other => writeln!(self.text, "{other:?}").unwrap(),
        }
        match event {
            Event::Window(window) => self.windows.push(window),
            Event::Fault { what, .. } => self.faults.push(what),
            Event::Step { .. } | Event::End { .. } => {}
        }
    }

    /// All pages together.
    pub(crate) fn pages(&self) -> Counts {
        let mut sum = Counts::default();
        for window in &self.windows {
            sum.add(&window.all_pages().counts);
        }
        sum
    }

    /// One service's requests.
    pub(crate) fn service(&self, name: &str) -> Counts {
        let mut sum = Counts::default();
        for series in self.windows.iter().filter_map(|w| w.services.get(name)) {
            sum.add(&series.counts);
        }
        sum
    }
}

/// A whole run with its policies.
pub(crate) fn run(scenario: &Arc<Scenario>) -> Told {
    run_with(scenario, policies(scenario), crate::NoProbe).0
}

/// A whole run, watched.
pub(crate) fn run_with<P: Probe>(
    scenario: &Arc<Scenario>,
    policies: BTreeMap<String, BoxedPolicy>,
    probe: P,
) -> (Told, P) {
    let mut told = Told::default();
    let mut simulation = Simulation::with_probe(Arc::clone(scenario), policies, probe).unwrap();
    let progress = simulation
        .advance(Duration::MAX, &mut |event| told.take(event))
        .unwrap();
    assert!(progress.done);
    (told, simulation.into_probe())
}
