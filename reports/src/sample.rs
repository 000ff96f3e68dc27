//! Made-up runs for tests: a flash sale of twenty minutes at speed 20, drawn from a small model. Same kind, same events.

mod model;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{
    Bound, Gate, GateLevel, GateMetric, GatePer, Grid, Phase, Quantile, Replicas, Slo, Timestamp,
};

use crate::record::{
    Audit, End, Ending, Event, Header, Host, Record, SCHEMA, ServiceHeader, World,
};

use model::Run;

/// How the run goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Enough replicas from the start: all gates hold.
    Passed,
    /// Too few at the start: latency leaves its limit in the rise.
    Failed,
    /// The generator was late, and two minutes were not measured: nothing can be said.
    Invalid,
    /// As `Failed`, but stopped in the middle.
    Interrupted,
}

const SPEED: f64 = 20.0;
const PERIOD_S: f64 = 15.0;
const WINDOWS: u32 = 80;
/// What a catalogue replica takes with all slots held, in requests per second.
const FULL: f64 = 100.0;

/// The record of a run of this kind.
#[must_use]
pub fn record(kind: Kind) -> Record {
    Record::from_events(events(kind)).expect("the first event is a header")
}

/// The record of a run of this kind in the simulated world: without a host, a generator or an audit.
#[must_use]
pub fn simulated(kind: Kind) -> Record {
    let events = events(kind).into_iter().filter_map(|event| match event {
        Event::Header(mut header) => {
            header.world = World::Simulated;
            Some(Event::Header(header))
        }
        Event::Window(mut window) => {
            window.generator = None;
            Some(Event::Window(window))
        }
        Event::Host(_) | Event::Audit(_) => None,
        other => Some(other),
    });
    Record::from_events(events).expect("the first event is a header")
}

/// A run of this kind whose every name and sentence tries to break out of where it is written.
#[must_use]
pub fn hostile() -> Record {
    let mut record = record(Kind::Failed);
    let evil =
        "</script><script>alert(1)</script>\u{1b}[2J\u{202e}|`x`\r\n::error::]]>\"'&\u{0}=1+1";
    record.header.name = evil.into();
    record.header.about = evil.into();
    record.header.command = evil.into();
    for gate in &mut record.header.gates {
        gate.text = format!("{} {evil}", gate.text);
    }
    for phase in &mut record.header.phases {
        phase.name = format!("{} {evil}", phase.name);
    }
    for decided in &mut record.decisions {
        std::sync::Arc::make_mut(&mut decided.decision.reason).retell(evil);
    }
    for fault in &mut record.faults {
        fault.what = evil.into();
    }
    let mut page = record.windows().next().expect("it has windows");
    page.pages = page
        .pages
        .into_iter()
        .map(|(name, series)| (format!("{name}{evil}"), series))
        .collect();
    record.push(Event::Window(page));
    record.audit = Some(Audit {
        violations: vec![evil.into()],
        violation_count: 1,
        ..Audit::default()
    });
    record.settle();
    record
}

/// The events of a run of this kind, in the order of a live world.
#[must_use]
pub fn events(kind: Kind) -> Vec<Event> {
    let mut run = Run::new(kind);
    let mut events = vec![Event::Header(Box::new(header(kind))), Event::Host(host())];
    let last = if kind == Kind::Interrupted {
        30
    } else {
        WINDOWS
    };
    for index in 0..last {
        run.period(index, &mut events);
    }
    let violations = Vec::new();
    events.push(Event::Audit(Audit {
        acknowledged: 1204,
        placed: 1206,
        charged: 1206,
        refunded: 2,
        violation_count: 0,
        violations,
    }));
    let how = match kind {
        Kind::Interrupted => Ending::Interrupted,
        _ => Ending::Completed,
    };
    events.push(Event::End(End { at: at(last), how }));
    events
}

fn start() -> Timestamp {
    Timestamp::from_secs(1_795_776_600)
}

fn at(index: u32) -> Timestamp {
    start() + Duration::from_secs_f64(PERIOD_S / SPEED) * index
}

fn world(scenario_s: f64) -> Duration {
    Duration::from_secs_f64(scenario_s / SPEED)
}

/// The first `windows` windows of a run that would have passed, and then the record is cut off: four are three seconds of
/// the wall clock, none are a run of which nothing but its header was written.
#[must_use]
pub fn begun(windows: u32) -> Record {
    let mut events = events(Kind::Passed);
    let mut end = None;
    for event in &mut events {
        if let Event::Header(header) = event {
            header.duration = header.grid.length * windows;
            header.phases.clear();
            end = Some(header.start + header.duration);
        }
    }
    let end = end.expect("every run has a header");
    events.retain(|event| match event {
        Event::Header(_) | Event::Host(_) => true,
        Event::Window(window) => window.start < end,
        Event::Decision { at, .. } | Event::Written { at, .. } => *at < end,
        Event::Observation { observation, .. } => observation.at < end,
        _ => false,
    });
    Record::from_events(events).expect("the first event is a header")
}

/// The header of every kind; they differ in the command.
#[must_use]
pub fn header(kind: Kind) -> Header {
    let period = world(PERIOD_S);
    let set = match kind {
        Kind::Passed => " --set scaling.catalogue.min=24",
        _ => "",
    };
    let phase = |name: &str, from: f64, to: f64| Phase {
        name: name.into(),
        from: world(from),
        to: world(to),
    };
    Header {
        policies: std::collections::BTreeMap::new(),
        schema: SCHEMA,
        version: "0.1.0".into(),
        name: "flash-sale".into(),
        about: "a product drop at noon; six times the traffic within half a minute".into(),
        world: World::Local,
        command: format!("rushhour run flash-sale --seed 42{set}"),
        scenario: serde_json::json!({"name": "flash-sale", "duration_s": 1200.0}),
        seed: 42,
        draws: "philox/1".into(),
        speed: SPEED,
        start: start(),
        duration: world(1200.0),
        period,
        grid: Grid {
            start: start(),
            length: period,
        },
        slo: Slo {
            within: Duration::from_millis(300),
            share: Quantile::P99,
        },
        gates: gates(),
        phases: vec![
            phase("before", 0.0, 300.0),
            phase("rise", 300.0, 330.0),
            phase("peak", 330.0, 450.0),
            phase("decay", 450.0, 1200.0),
        ],
        services: services(kind),
    }
}

fn gates() -> Vec<Gate> {
    let gate = |metric, bound, per, level, text: &str| Gate {
        metric,
        bound,
        per,
        level,
        text: text.into(),
    };
    vec![
        gate(
            GateMetric::Latency(Quantile::P99),
            Bound::Time(Duration::from_millis(300)),
            GatePer::Phase,
            GateLevel::Error,
            "p99 < 300 ms, each phase",
        ),
        gate(
            GateMetric::Errors,
            Bound::Share(0.001),
            GatePer::Run,
            GateLevel::Error,
            "errors < 0.1 %",
        ),
        gate(
            GateMetric::TimeAboveLimit,
            Bound::Time(Duration::from_secs(60)),
            GatePer::Run,
            GateLevel::Error,
            "back in the limit < 60 s",
        ),
        gate(
            GateMetric::Cost,
            Bound::Number(200.0),
            GatePer::Run,
            GateLevel::Warn,
            "cost < 200 replica-minutes",
        ),
    ]
}

fn services(kind: Kind) -> BTreeMap<String, ServiceHeader> {
    let service = |min: u32, full: f64| ServiceHeader {
        slots: Some(2),
        limit: Duration::from_millis(250),
        policy: "foresight".into(),
        min: Replicas(min),
        max: Replicas(30),
        replicas: Replicas(min),
        start_up: world(20.0),
        full_rate: Some(full),
    };
    let catalogue = if kind == Kind::Passed { 24 } else { 4 };
    [
        ("auth", service(2, 470.0)),
        ("catalogue", service(catalogue, FULL)),
        ("order", service(4, 120.0)),
        ("payment", service(3, 60.0)),
    ]
    .into_iter()
    .map(|(name, header)| (name.to_owned(), header))
    .collect()
}

fn host() -> Host {
    Host {
        started: Timestamp::from_secs(1_763_874_120),
        cpus: 2,
        system: "Linux 6.1".into(),
        processor: None,
    }
}
