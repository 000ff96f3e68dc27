//! Scenarios, written in the scenario language and checked as any file is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use scenarios::{Files, Policy, Scenario, ScheduleEntry};
use simulator::{Event, Probe, Simulation};

use super::case::Fault;
use super::work::{Work, time};

/// A scenario in the making. Nothing in it takes time, refuses or gives up but what is said.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) seconds: f64,
    /// What is beside the rate in `traffic`, and the rate as a list of curves.
    pub(crate) traffic: String,
    pub(crate) rate: Option<String>,
    pub(crate) journeys: Vec<String>,
    pub(crate) services: Vec<String>,
    pub(crate) balance: String,
    pub(crate) scaling: Vec<String>,
    pub(crate) faults: Vec<String>,
    pub(crate) period: f64,
    pub(crate) files: Vec<(String, String)>,
}

impl Draft {
    /// Arrivals of a Poisson process.
    pub(crate) fn poisson(seconds: f64, rate: &str) -> Self {
        Self {
            seconds,
            traffic: "arrivals: poisson, begin: empty".to_owned(),
            rate: Some(rate.to_owned()),
            journeys: Vec::new(),
            services: Vec::new(),
            balance: "power_of_two".to_owned(),
            scaling: Vec::new(),
            faults: Vec::new(),
            // Nobody decides anything, or when it is said.
            period: 86_400.0,
            files: Vec::new(),
        }
    }

    /// A fixed crowd.
    pub(crate) fn crowd(seconds: f64, shoppers: u32) -> Self {
        Self {
            traffic: format!("unit: shoppers, crowd: {shoppers}, begin: empty"),
            rate: None,
            ..Self::poisson(seconds, "")
        }
    }

    /// A service `station` whose requests are all of the same work, each a journey of one page; `page` is what is said of
    /// the page beyond its path.
    pub(crate) fn station(mut self, service: &str, work: &Work, page: &str) -> Self {
        let mut operations = String::new();
        for (n, kind) in work.kinds.iter().enumerate() {
            let steps: Vec<String> = kind
                .steps
                .iter()
                .map(|step| format!("work: {step}"))
                .collect();
            // Steps of the same name stand in mappings of their own.
            let steps = steps.join("}, {");
            let _ = write!(
                operations,
                "serve{n}: {{route: GET /serve{n}, do: [{{{steps}}}]}}, "
            );
            self.journeys.push(format!(
                "visit{n}: {{weight: {}, start: page, pages: {{page: {{get: /serve{n}{page}}}}}}}",
                kind.share
            ));
        }
        self.services.push(format!(
            "station: {{{service}, operations: {{{operations}}}}}"
        ));
        self.files.extend(work.files.iter().cloned());
        self
    }

    /// The text of the file.
    pub(crate) fn text(&self, seed: u64) -> String {
        let rate = match &self.rate {
            Some(rate) => format!(", rate: {rate}"),
            None => String::new(),
        };
        let mut text = format!(
            "version: 1\nname: theory\nduration: {}\nseed: {seed}\ntraffic: {{{}{rate}}}\n",
            time(self.seconds),
            self.traffic
        );
        let mut part = |name: &str, lines: &[String], before: &str| {
            if !lines.is_empty() {
                let _ = writeln!(text, "{name}:");
            }
            for line in lines {
                let _ = writeln!(text, "  {before}{line}");
            }
        };
        part("journeys", &self.journeys, "");
        let services: Vec<String> = self.services.iter().map(|service| plain(service)).collect();
        part("services", &services, "");
        part("scaling", &self.scaling, "");
        part("faults", &self.faults, "- ");
        let _ = write!(
            text,
            "gateway:\n  balance: {}\n  time_limit: 366d\n  \
             retries: {{ratio: 100%, floor: 10000000/s, backoff: 0s}}\n  \
             breaker: {{failures: 100%, least: 4294967295, window: 1s}}\n  bulkhead: {{in_flight: 1000000}}\n  \
             ejection: {{most: 0%}}\n  health: {{interval: 1d}}\n\
             control:\n  period: {}\n  scrape: {{interval: 1d, window: 1d, lag: 0s}}\n",
            self.balance,
            time(self.period)
        );
        text
    }

    /// The scenario, checked.
    pub(crate) fn check(&self, seed: u64) -> Result<Arc<Scenario>, Fault> {
        let files = Beside(self.files.iter().cloned().collect());
        let text = self.text(seed);
        match Scenario::read("theory.yaml", text.as_bytes(), &files, &[]) {
            Ok(scenario) => Ok(Arc::new(scenario)),
            Err(mistakes) => Err(format!("the language refuses it: {mistakes}\n{text}")),
        }
    }
}

/// A service that starts at once, if nothing else is said, and whose latency nobody judges.
fn plain(service: &str) -> String {
    let at_once = if service.contains("start_up: ") {
        ""
    } else {
        "start_up: 0s, "
    };
    service.replacen(": {", &format!(": {{{at_once}limit: 366d, "), 1)
}

/// `N` or `unlimited`.
pub(crate) fn at_most(limit: Option<u32>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}

/// Files that exist in memory only.
struct Beside(BTreeMap<String, String>);

impl Files for Beside {
    fn open(&self, name: &str) -> std::io::Result<Box<dyn Read>> {
        match self.0.get(name) {
            Some(text) => Ok(Box::new(std::io::Cursor::new(text.clone().into_bytes()))),
            None => Err(std::io::ErrorKind::NotFound.into()),
        }
    }
}

/// Runs a scenario to its end, in the product's engine. `told` gets the events.
pub(crate) fn run<P: Probe>(
    scenario: &Arc<Scenario>,
    probe: P,
    told: &mut dyn FnMut(Event),
) -> Result<P, Fault> {
    let end = scenario.duration;
    let simulation = Simulation::with_probe(Arc::clone(scenario), policies(scenario), probe);
    let mut simulation = simulation.map_err(|e| format!("the engine refuses it: {e}"))?;
    let progress = simulation.advance(end, told);
    progress.map_err(|e| format!("the engine gives up: {e}"))?;
    Ok(simulation.into_probe())
}

/// The policies of the services that scale by the clock; the engine itself does the rest.
fn policies(scenario: &Scenario) -> BTreeMap<String, Box<dyn scaler::Policy + Send>> {
    let mut policies: BTreeMap<String, Box<dyn scaler::Policy + Send>> = BTreeMap::new();
    for (service, scaling) in &scenario.scaling {
        if let Policy::Schedule(entries) = &scaling.policy {
            let entry = |entry: &ScheduleEntry| scaler::ScheduleEntry {
                at: scenario.starts + entry.at,
                replicas: entry.replicas,
            };
            let entries = entries.iter().map(entry).collect();
            let policy = scaler::Schedule::new(entries, scenario.control.period);
            policies.insert(service.clone(), Box::new(policy));
        }
    }
    policies
}

/// Seconds as nanoseconds. What is longer than anything can be is longer than the engine allows, too.
pub(crate) fn nanos(seconds: f64) -> u64 {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1 << 32));
    time.as_nanos() as u64
}
