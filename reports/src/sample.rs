//! Made-up runs for tests: a flash sale of twenty minutes at speed 20, drawn from a small model. Same kind, same events.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{
    Bound, Counts, Gate, GateLevel, GateMetric, GatePer, Generator, Grid, Phase, Quantile,
    Replicas, Series, Slo, Timestamp, Window, Workload,
};
use scaler::{Clip, Decision, Observation, Reason, Status, Term, Verdict, WriteOutcome};

use crate::record::{
    Audit, End, Ending, Event, Header, Host, Record, SCHEMA, ServiceHeader, World,
};

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
        decided.decision.reason.sentence = evil.into();
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
        slots: 2,
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

/// Requests per second of all pages at an instant of scenario time.
fn load(t: f64) -> f64 {
    let flash = match t {
        _ if t < 300.0 => 0.0,
        _ if t < 330.0 => (t - 300.0) / 30.0,
        _ if t < 450.0 => 1.0,
        _ => libm::exp(-(t - 450.0) / 120.0),
    };
    200.0 + 1080.0 * flash
}

/// The state of the model.
struct Run {
    kind: Kind,
    draw: u64,
    ready: u32,
    desired: u32,
    /// Replicas that become ready, and in which period.
    coming: Vec<(u32, u32)>,
    /// Requests waiting at the catalogue.
    backlog: f64,
}

impl Run {
    fn new(kind: Kind) -> Self {
        let min = services(kind)["catalogue"].min.get();
        Self {
            kind,
            draw: 42,
            ready: min,
            desired: min,
            coming: Vec::new(),
            backlog: 0.0,
        }
    }

    /// Between 0 and 1, from a 64-bit congruential generator: its quality does not matter here.
    fn uniform(&mut self) -> f64 {
        self.draw = self
            .draw
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.draw >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn period(&mut self, index: u32, events: &mut Vec<Event>) {
        let t = f64::from(index) * PERIOD_S;
        self.coming.retain(|(due, n)| {
            let now = *due <= index;
            self.ready += if now { *n } else { 0 };
            !now
        });
        if index == 56 {
            events.push(Event::Fault {
                at: at(index),
                lasts: world(20.0),
                service: Some("payment".into()),
                what: "kill 1 replica of payment".into(),
            });
        }
        self.decide(index, t, events);
        let measured = !(self.kind == Kind::Invalid && (480.0..600.0).contains(&t));
        let window = self.window(index, t);
        if measured {
            events.push(Event::Window(window));
        }
    }

    fn decide(&mut self, index: u32, t: f64, events: &mut Vec<Event>) {
        let min = services(self.kind)["catalogue"].min.get();
        let seen = load(t - 1.0);
        let unclipped = (seen * 1.15 / 78.0).ceil() as u32;
        let wanted = unclipped
            .max(self.desired.min(self.ready).saturating_sub(2))
            .clamp(min, 30);
        let before = self.desired;
        if wanted > self.desired {
            self.coming.push((index + 2, wanted - self.desired));
        } else if wanted < self.ready {
            self.ready = wanted.max(1);
        }
        self.desired = wanted;
        let mut reason = Reason::new(
            "metric",
            format!(
                "{seen:.0} req/s are expected, and each replica takes 78 req/s within the limit"
            ),
        );
        reason.wanted = Some(Replicas(unclipped));
        reason.terms = vec![Term {
            name: "load expected".into(),
            value: format!("{seen:.1} req/s"),
        }];
        if unclipped < wanted {
            reason.clips = vec![Clip {
                by: "min".into(),
                from: Replicas(unclipped),
                to: Replicas(wanted),
            }];
        }
        self.emit(index, before, reason, events);
    }

    fn emit(&self, index: u32, before: u32, reason: Reason, events: &mut Vec<Event>) {
        let workload = || "catalogue".to_owned();
        let scale = scaler::Scale {
            spec: Replicas(before),
            status: Replicas(before),
            ..scaler::Scale::default()
        };
        events.push(Event::Observation {
            workload: workload(),
            observation: Box::new(Observation {
                at: at(index),
                scale: metrics::Reading::now(scale, at(index)),
                ..Observation::default()
            }),
        });
        events.push(Event::Decision {
            workload: workload(),
            at: at(index),
            decision: Decision {
                verdict: Verdict::Scale(Replicas(self.desired)),
                reason,
                next: at(index + 1),
            },
        });
        events.push(Event::Written {
            workload: workload(),
            at: at(index),
            outcome: if before == self.desired {
                WriteOutcome::Unchanged
            } else {
                WriteOutcome::Written
            },
            status: Status {
                current: Some(Replicas(before)),
                desired: Some(Replicas(self.desired)),
                ..Status::default()
            },
        });
    }

    fn window(&mut self, index: u32, t: f64) -> Window {
        let length = PERIOD_S / SPEED;
        let rate = load(t + PERIOD_S / 2.0);
        let full = f64::from(self.ready) * FULL;
        self.backlog = (self.backlog + (rate - full) * length).max(0.0);
        let wait_ms = self.backlog / full * 1e3;
        let busy = (rate / full).min(1.0);
        let mut window = Window::new(at(index), world(PERIOD_S));
        for (page, share) in [
            ("home", 0.2),
            ("search", 0.35),
            ("product", 0.4),
            ("checkout", 0.05),
        ] {
            let series = self.series(rate * share * length, busy, wait_ms);
            window.pages.insert(format!("shopper/{page}"), series);
        }
        for (name, share) in [
            ("auth", 0.3),
            ("catalogue", 1.0),
            ("order", 0.2),
            ("payment", 0.05),
        ] {
            let (busy, wait) = if name == "catalogue" {
                (busy, wait_ms)
            } else {
                (0.3, 0.0)
            };
            let series = self.series(rate * share * length, busy, wait);
            window.services.insert(name.into(), series);
            let starting = self.coming.iter().map(|(_, n)| n).sum();
            let fixed = services(self.kind)[name].min;
            let is_catalogue = name == "catalogue";
            window.workloads.insert(
                name.into(),
                Workload {
                    desired: if is_catalogue {
                        Replicas(self.desired)
                    } else {
                        fixed
                    },
                    ready: if is_catalogue {
                        Replicas(self.ready)
                    } else {
                        fixed
                    },
                    starting: Replicas(if is_catalogue { starting } else { 0 }),
                    draining: Replicas(0),
                    busy: Some(busy),
                    cpu: Some(busy * 0.7),
                },
            );
        }
        window.generator = Some(self.generator(rate));
        window
    }

    fn series(&mut self, mean: f64, busy: f64, wait_ms: f64) -> Series {
        let offered = (mean + self.normal() * mean.sqrt()).max(0.0).round() as u64;
        let mut series = Series {
            counts: Counts {
                offered,
                served: offered,
                ..Counts::default()
            },
            ..Series::default()
        };
        for _ in 0..offered {
            let work = 28.0 * libm::exp(0.55 * self.normal());
            let ms = work / (1.0 - 0.6 * busy) + wait_ms * self.uniform();
            series.record_latency(Duration::from_secs_f64(ms / 1e3));
            series.record_service_time(Duration::from_secs_f64(ms / 1e3));
            series.counts.slow += u64::from(ms > 300.0);
        }
        if self.uniform() < 0.015 && offered > 0 {
            series.counts.served -= 1;
            series.counts.failed += 1;
        }
        series
    }

    fn generator(&mut self, rate: f64) -> Generator {
        let mut lateness = Series::default();
        let usual = if self.kind == Kind::Invalid {
            24.0
        } else {
            0.08
        };
        for _ in 0..100 {
            let late = usual * self.uniform();
            lateness.record_latency(Duration::from_secs_f64(late / 1e3));
        }
        let cpu = if self.kind == Kind::Invalid {
            0.97
        } else {
            0.1 + rate / 8000.0
        };
        Generator {
            lateness: lateness.latency,
            cpu: Some(cpu),
            queued: 0,
            connections: 64,
        }
    }
}
