//! From a scenario to what the worlds, the engine and the record need of it.

mod days;
mod own;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Grid, Timestamp};
use reports::record::{
    Audit, End, Ending, Event, Header, Host, PolicyHeader, SCHEMA, ServiceHeader, World,
};
use scaler::{HpaController, PolicySpec, SimpleHpa, StepRecord};
use scenarios::{Discipline, Policy, Scaling, Scenario, Service};

/// The header of a run of `scenario`, already compressed to its speed.
pub(crate) fn header(
    scenario: &Scenario,
    world: World,
    command: String,
    start: Timestamp,
) -> Header {
    Header {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").into(),
        name: scenario.name.clone(),
        about: scenario.about.clone(),
        world,
        command,
        scenario: serde_json::to_value(scenario).unwrap_or_default(),
        seed: scenario.seed,
        draws: scenarios::DRAWS_VERSION.into(),
        speed: scenario.speed,
        start,
        duration: scenario.duration,
        period: scenario.control.period,
        grid: Grid::of_run(start, scenario.duration, scenario.control.period),
        slo: scenario.slo,
        gates: scenario.gates.clone(),
        phases: scenario.phases.clone(),
        services: services(scenario),
        policies: recorded(specs(scenario, start)),
    }
}

/// Policies that begin anew, as the record has them.
pub(crate) fn recorded(specs: BTreeMap<String, PolicySpec>) -> BTreeMap<String, PolicyHeader> {
    let header = |(name, spec)| (name, PolicyHeader { spec, state: None });
    specs.into_iter().map(header).collect()
}

fn services(scenario: &Scenario) -> BTreeMap<String, ServiceHeader> {
    let full_rates = crate::full_rate::full_rates(scenario);
    let header = |(name, service): (&String, &Service)| {
        let scaling = scenario.scaling.get(name);
        let header = ServiceHeader {
            slots: service.slots,
            limit: service.limit,
            policy: scaling.map_or("none", |s| s.policy.name()).into(),
            min: scaling.map_or(service.replicas, |s| s.min),
            max: scaling.map_or(service.replicas, |s| s.max),
            replicas: service.replicas,
            start_up: service.start_up.quantile(metrics::Quantile::P50),
            full_rate: full_rates.get(name).copied().flatten(),
        };
        (name.clone(), header)
    };
    scenario.services.iter().map(header).collect()
}

/// How many requests a replica works on at once, whatever bounds them: its slots, or else its cores.
pub(crate) fn width(service: &Service) -> u32 {
    let cores = match service.discipline {
        Discipline::Sharing { cores, .. } => (cores.ceil() as u32).max(1),
        Discipline::Fifo => u32::MAX,
    };
    service.slots.unwrap_or(u32::MAX).min(cores).max(1)
}

/// How full a service's replicas were, of the [`width`] of all: slots held, or where cores are shared the work on them.
pub(crate) fn fullness(service: &Service, seen: &metrics::Workload) -> Option<f64> {
    match service.discipline {
        Discipline::Sharing { .. } => seen.cpu.or(seen.busy),
        Discipline::Fifo => seen.busy.or(seen.cpu),
    }
}

/// Where and when this run is.
pub(crate) fn host(started: Timestamp) -> Host {
    let system = rustix::system::uname();
    let processor = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
    Host {
        started,
        cpus: std::thread::available_parallelism()
            .map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        system: format!(
            "{} {}",
            system.sysname().to_string_lossy(),
            system.release().to_string_lossy()
        ),
        processor,
    }
}

/// The wall clock, read once at a run's start.
pub(crate) fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// A policy in a box, as the control loop keeps them.
pub(crate) type BoxedPolicy = Box<dyn scaler::Policy + Send>;

/// The policies of the services that scale, by service. One that scales with each request is the world's own business.
///
/// # Errors
/// If a policy's parameters make no sense: the scenario's own check does not know upstream's rules.
pub(crate) fn policies(
    scenario: &Scenario,
    start: Timestamp,
) -> anyhow::Result<BTreeMap<String, BoxedPolicy>> {
    built(&specs(scenario, start))
}

/// The policies that these describe.
///
/// # Errors
/// If one's parameters make no sense.
pub(crate) fn built(
    specs: &BTreeMap<String, PolicySpec>,
) -> anyhow::Result<BTreeMap<String, BoxedPolicy>> {
    let policy = |(name, spec): (&String, &PolicySpec)| {
        let policy = spec.build();
        policy
            .map(|p| (name.clone(), p))
            .map_err(|e| anyhow::anyhow!("scaling.{name}: {e}"))
    };
    specs.iter().map(policy).collect()
}

/// The policies of the services that scale as data, so that the record can hold them.
pub(crate) fn specs(scenario: &Scenario, start: Timestamp) -> BTreeMap<String, PolicySpec> {
    let decided = |(_, scaling): &(&String, &Scaling)| scaling.policy != Policy::PerRequest;
    let spec = |(name, scaling): (&String, &Scaling)| {
        (name.clone(), policy(scenario, name, scaling, start))
    };
    scenario.scaling.iter().filter(decided).map(spec).collect()
}

fn policy(scenario: &Scenario, service: &str, scaling: &Scaling, start: Timestamp) -> PolicySpec {
    let period = scenario.control.period;
    match &scaling.policy {
        Policy::Static | Policy::PerRequest => {
            let replicas = scenario
                .services
                .get(service)
                .map_or(scaling.min, |s| s.replicas);
            PolicySpec::Static { replicas, period }
        }
        Policy::Schedule(entries) => {
            let entry = |e: &scenarios::ScheduleEntry| scaler::ScheduleEntry {
                at: start + e.at,
                replicas: e.replicas,
            };
            PolicySpec::Schedule {
                entries: entries.iter().map(entry).collect(),
                period,
            }
        }
        &Policy::Reactive { budget, hold } => {
            let own = own::Own { budget, hold };
            PolicySpec::Reactive(own::reactive(scenario, service, scaling, own, start))
        }
        Policy::Foresight {
            budget,
            hold,
            history,
        } => {
            let (budget, hold, history) = (*budget, *hold, history.as_ref());
            let own = own::Own { budget, hold };
            let spec = own::foresight(scenario, service, scaling, own, history, start);
            PolicySpec::Foresight(Box::new(spec))
        }
        Policy::Upstream(spec) => spec.as_ref().clone().between(scaling.min, scaling.max),
        Policy::Hpa { .. } => match simple_hpa(scenario, scaling) {
            Some(hpa) => PolicySpec::Hpa(hpa),
            None => PolicySpec::Static {
                replicas: scaling.min,
                period,
            },
        },
    }
}

/// The HPA of a service's scaling, if it is one.
pub(crate) fn simple_hpa(scenario: &Scenario, scaling: &Scaling) -> Option<SimpleHpa> {
    let Policy::Hpa {
        targets,
        behavior,
        stabilization,
        tolerance,
        cpu_initialization,
        initial_readiness_delay,
    } = &scaling.policy
    else {
        return None;
    };
    Some(SimpleHpa {
        targets: targets.iter().map(target).collect(),
        min: scaling.min,
        max: scaling.max,
        behavior: behavior.clone(),
        rate_period: UPSTREAM_RATE_PERIOD.div_f64(scenario.speed),
        controller: HpaController {
            sync_period: scenario.control.period,
            tolerance: tolerance.get(),
            downscale_stabilization: *stabilization,
            cpu_initialization: *cpu_initialization,
            initial_readiness_delay: *initial_readiness_delay,
            ..HpaController::default()
        },
    })
}

/// The period of the scaling rules that a `behavior` leaves to upstream's defaults.
const UPSTREAM_RATE_PERIOD: Duration = Duration::from_secs(15);

fn target(target: &scenarios::HpaTarget) -> scaler::HpaTarget {
    match *target {
        scenarios::HpaTarget::Cpu(share) => scaler::HpaTarget::Cpu(share),
        scenarios::HpaTarget::Busy(share) => scaler::HpaTarget::Busy(share),
        scenarios::HpaTarget::Requests(rate) => scaler::HpaTarget::Requests(rate),
    }
}

/// What a simulation told, as the record has it: one to one, but for a step, which is three lines.
pub(crate) fn simulated(event: simulator::Event) -> Vec<Event> {
    match event {
        simulator::Event::Window(window) => vec![Event::Window(window)],
        simulator::Event::Step {
            workload,
            at,
            record,
        } => step(workload, at, *record).into(),
        simulator::Event::Fault {
            at,
            lasts,
            service,
            what,
        } => vec![Event::Fault {
            at,
            lasts,
            service,
            what,
        }],
        simulator::Event::End { at } => vec![Event::End(End {
            at,
            how: Ending::Completed,
        })],
    }
}

/// A step of a policy, as the record has it.
pub(crate) fn step(workload: String, at: Timestamp, step: StepRecord) -> [Event; 3] {
    let StepRecord {
        observation,
        decision,
        outcome,
        status,
    } = step;
    [
        Event::Observation {
            workload: workload.clone(),
            observation: Box::new(observation),
        },
        Event::Decision {
            workload: workload.clone(),
            at,
            decision,
        },
        Event::Written {
            workload,
            at,
            outcome,
            status,
        },
    ]
}

/// What the shop's audit found, as the record has it.
pub(crate) fn audit(found: shop::AuditFindings) -> Audit {
    let shop::AuditFindings {
        acknowledged,
        placed,
        charged,
        refunded,
        violations,
        violation_count,
    } = found;
    Audit {
        acknowledged,
        placed,
        charged,
        refunded,
        violations,
        violation_count,
    }
}

/// The command that was typed, so that it can be typed again.
pub(crate) fn command() -> String {
    let words = std::env::args_os()
        .skip(1)
        .map(|word| quoted(word.to_string_lossy().into_owned()));
    let mut command: Vec<String> = ["rushhour".to_owned()].into_iter().chain(words).collect();
    if command.len() == 1 {
        command.extend(["rehearse", "flash-sale", "--speed", "20"].map(str::to_owned));
    }
    command.join(" ")
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: String) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
