//! The same step drives a fluid plant in virtual time: a rate, a capacity per replica, a start-up delay.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use metrics::{NoData, Quantity, Ratio, Reading, Replicas, Timestamp};
use scaler::{
    Container, HpaController, HpaTarget, Live, MetricId, MetricsSource, Mode, Observation, Plant,
    Policy, PolicySpec, ReadyState, ReplicaObservation, ReplicaUsage, Sample, Scale, ScaleTarget,
    ScheduleEntry, SimpleHpa, StepRecord, Version, Wants, Workload, WriteOutcome, step, step_all,
};

/// Virtual plants never wait, so their futures need no executor.
fn poll_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a virtual plant waited"),
    }
}

/// A workload whose replicas each use a share of one core: rate ÷ capacity.
#[derive(Clone)]
struct Fluid {
    rate: fn(f64) -> f64,
    capacity: f64,
    start_up: Duration,
    /// When each replica was asked for, oldest first.
    replicas: Vec<Timestamp>,
    broken: Option<NoData>,
}

impl Fluid {
    fn new(rate: fn(f64) -> f64, replicas: usize) -> Self {
        Self {
            rate,
            capacity: 10.0,
            start_up: Duration::from_secs(20),
            replicas: vec![Timestamp::from_secs(-600); replicas],
            broken: None,
        }
    }
    fn replica(&self, i: usize, asked: Timestamp, now: Timestamp) -> ReplicaObservation {
        let ready = asked + self.start_up <= now;
        let mut replica = ReplicaObservation {
            id: format!("r-{i}"),
            started: Some(asked),
            containers: vec![Container {
                name: "app".into(),
                requests: [("cpu".to_owned(), Quantity::from_milli(1000))].into(),
                ..Container::default()
            }],
            ..ReplicaObservation::default()
        };
        replica.ready.state = if ready {
            ReadyState::True
        } else {
            ReadyState::False
        };
        replica.ready.since = Some(if ready { asked + self.start_up } else { asked });
        replica
    }
}

impl Plant for Fluid {
    async fn observe(&mut self, now: Timestamp, wants: &Wants) -> Observation {
        let ready = |asked: &Timestamp| *asked + self.start_up <= now;
        let share = self
            .replicas
            .iter()
            .filter(|asked| ready(asked))
            .count()
            .max(1) as f64;
        let load = (self.rate)(now.as_secs() as f64) / share;
        let milli = ((load / self.capacity).min(1.0) * 1000.0) as i64;
        let mut seen = Observation {
            at: now,
            scale: Reading::now(
                Scale {
                    spec: Replicas(self.replicas.len() as u32),
                    status: Replicas(self.replicas.len() as u32),
                    ..Scale::default()
                },
                now,
            ),
            ..Observation::default()
        };
        let mut usage = Vec::new();
        for (i, asked) in self.replicas.iter().enumerate() {
            let replica = self.replica(i, *asked, now);
            if ready(asked) {
                usage.push(ReplicaUsage {
                    replica: replica.id.clone(),
                    at: now,
                    window: Duration::from_secs(15),
                    containers: vec![scaler::ContainerUsage {
                        name: "app".into(),
                        usage: [("cpu".to_owned(), Quantity::from_milli(milli))].into(),
                    }],
                });
            }
            seen.replicas.push(replica);
        }
        for id in &wants.metrics {
            let of = |u: &ReplicaUsage| Sample {
                replica: Some(u.replica.clone()),
                value: Quantity::from_milli((load * 1000.0) as i64),
            };
            let reading = Reading::now(usage.iter().map(of).collect(), now);
            seen.metrics.insert(id.clone(), reading);
        }
        seen.usage = Reading::now(usage, now);
        if let Some(why) = &self.broken {
            seen.usage = Reading::NoData(why.clone());
            seen.metrics.clear();
        }
        seen
    }

    async fn scale_to(&mut self, now: Timestamp, n: Replicas, _: Version) -> WriteOutcome {
        self.replicas.resize(n.get() as usize, now);
        WriteOutcome::Written
    }
}

/// Three minutes of calm, five of ten times that, then calm.
fn surge(t: f64) -> f64 {
    if (180.0..480.0).contains(&t) {
        120.0
    } else {
        12.0
    }
}

fn hpa(target: HpaTarget) -> PolicySpec {
    PolicySpec::Hpa(SimpleHpa {
        targets: vec![target],
        min: Replicas(2),
        max: Replicas(30),
        behavior: None,
        rate_period: Duration::from_secs(15),
        controller: HpaController {
            // These replicas start cold but cheap.
            cpu_initialization: Duration::from_secs(30),
            ..HpaController::default()
        },
    })
}

fn run(mut plant: Fluid, spec: &PolicySpec, mode: Mode) -> Vec<StepRecord> {
    let mut policy = spec.build().unwrap();
    let mut records = Vec::new();
    let mut now = Timestamp::EPOCH;
    while now < Timestamp::from_secs(1500) {
        let record = poll_once(step(now, &mut plant, policy.as_mut(), mode));
        now = record.decision.next;
        records.push(record);
    }
    records
}

fn replicas(records: &[StepRecord]) -> Vec<u32> {
    let spec = |r: &StepRecord| r.observation.scale.value().unwrap().spec.get();
    records.iter().map(spec).collect()
}

#[test]
fn the_hpa_follows_a_surge_up_and_down_and_keeps_its_minimum() {
    let cpu = HpaTarget::Cpu(Ratio::new(0.7).unwrap());
    for target in [cpu, HpaTarget::Requests(7.0)] {
        let records = run(Fluid::new(surge, 2), &hpa(target), Mode::Active);
        let counts = replicas(&records);
        let peak = *counts.iter().max().unwrap();
        assert!((16..=20).contains(&peak), "{target:?}: {counts:?}");
        assert_eq!(counts.last(), Some(&2), "{target:?}: {counts:?}");
        assert!(counts.iter().all(|n| *n >= 2), "{target:?}: {counts:?}");
        // The surge ends at 480 s, and the highest recommendation holds for 300 s more.
        let first_down = counts.windows(2).position(|w| w[1] < w[0]).unwrap();
        assert!(first_down * 15 >= 770, "down at {} s", first_down * 15);
    }
}

#[test]
fn the_same_run_twice_gives_the_same_bytes() {
    let bytes = || {
        let spec = hpa(HpaTarget::Cpu(Ratio::new(0.7).unwrap()));
        serde_json::to_vec(&run(Fluid::new(surge, 2), &spec, Mode::Active)).unwrap()
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn reasons_read_well() {
    let spec = hpa(HpaTarget::Cpu(Ratio::new(0.7).unwrap()));
    let records = run(Fluid::new(surge, 2), &spec, Mode::Active);
    let first_up = records
        .iter()
        .find(|r| r.outcome == WriteOutcome::Written)
        .unwrap();
    let sentence = first_up.decision.reason.sentence();
    assert_eq!(
        sentence,
        "mean CPU 100 % of the request against a target of 70 %: 2 × 1.43 = 2.86, so 3 replicas"
    );
    let held = records
        .iter()
        .rev()
        .find(|r| !r.decision.reason.clips.is_empty())
        .unwrap();
    assert_eq!(held.decision.reason.clips[0].by, "stabilisation");
}

#[test]
fn a_dry_run_writes_nothing_and_an_unchanged_number_is_not_written() {
    let spec = PolicySpec::Static {
        replicas: Replicas(5),
        period: Duration::from_secs(15),
    };
    let records = run(Fluid::new(surge, 2), &spec, Mode::DryRun);
    assert!(records.iter().all(|r| r.outcome == WriteOutcome::DryRun));
    let records = run(Fluid::new(surge, 2), &spec, Mode::Active);
    assert_eq!(records[0].outcome, WriteOutcome::Written);
    assert!(
        records[1..]
            .iter()
            .all(|r| r.outcome == WriteOutcome::Unchanged)
    );
}

#[test]
fn a_schedule_is_kept_to_the_instant() {
    let entry = |at, n| ScheduleEntry {
        at: Timestamp::from_secs(at),
        replicas: Replicas(n),
    };
    let spec = PolicySpec::Schedule {
        entries: vec![entry(100, 12), entry(700, 3)],
        period: Duration::from_secs(15),
    };
    let records = run(Fluid::new(surge, 2), &spec, Mode::Active);
    let written: Vec<_> = records
        .iter()
        .filter(|r| r.outcome == WriteOutcome::Written)
        .map(|r| (r.observation.at.as_secs(), r.status.desired.unwrap().get()))
        .collect();
    assert_eq!(written, [(100, 12), (700, 3)]);
}

#[test]
fn without_data_nothing_goes_down() {
    let mut plant = Fluid::new(surge, 12);
    plant.broken = Some(NoData::Unreachable("timed out".into()));
    let records = run(plant, &hpa(HpaTarget::Requests(7.0)), Mode::Active);
    assert!(replicas(&records).iter().all(|n| *n == 12));
    assert_eq!(records[0].decision.reason.because, "no_data");
}

#[test]
fn all_observe_before_any_writes_and_writes_go_by_name() {
    /// A source and a target that note what is done to them.
    struct Noted(&'static str, std::sync::Arc<std::sync::Mutex<Vec<String>>>);
    impl MetricsSource for Noted {
        async fn observe(&mut self, _: Timestamp, _: &Wants) -> Observation {
            self.1.lock().unwrap().push(format!("observe {}", self.0));
            Observation::default()
        }
    }
    impl ScaleTarget for Noted {
        async fn read(&mut self, now: Timestamp) -> Reading<Scale> {
            Reading::now(Scale::default(), now)
        }
        async fn write(&mut self, _: Timestamp, n: Replicas, _: Version) -> WriteOutcome {
            self.1.lock().unwrap().push(format!("write {} {n}", self.0));
            WriteOutcome::Written
        }
    }
    fn sendable<T: Send>(it: T) -> T {
        it
    }
    let log = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let live = |name| Live::new(Noted(name, log.clone()), Noted(name, log.clone()));
    let (mut a, mut b) = (live("a"), live("b"));
    let build = |n| {
        let period = Duration::from_secs(15);
        PolicySpec::Static {
            replicas: Replicas(n),
            period,
        }
        .build()
        .unwrap()
    };
    let (mut one, mut two) = (build(1), build(2));
    let workloads = vec![
        Workload {
            name: "b",
            plant: &mut b,
            policy: two.as_mut(),
        },
        Workload {
            name: "a",
            plant: &mut a,
            policy: one.as_mut(),
        },
    ];
    let records = poll_once(sendable(step_all(
        Timestamp::from_secs(7),
        workloads,
        Mode::Active,
    )));
    assert_eq!(
        *log.lock().unwrap(),
        ["observe a", "observe b", "write a 1", "write b 2"]
    );
    let names: Vec<_> = records.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(records[0].1.observation.at, Timestamp::from_secs(7));
}

#[test]
fn everything_survives_the_trip_through_json_and_has_a_schema() {
    let spec = hpa(HpaTarget::Requests(7.0));
    for record in run(Fluid::new(surge, 2), &spec, Mode::Active) {
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<StepRecord>(&text).unwrap(), record);
    }
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<PolicySpec>(&text).unwrap(), spec);
    let _record = schemars::schema_for!(StepRecord);
    let _policy = schemars::schema_for!(PolicySpec);
}

#[test]
fn a_saved_state_is_small_and_changes_no_decision() {
    let spec = hpa(HpaTarget::Cpu(Ratio::new(0.7).unwrap()));
    let records = run(Fluid::new(surge, 2), &spec, Mode::Active);
    let mut straight = spec.build().unwrap();
    let mut restarted: Box<dyn Policy + Send> = spec.build().unwrap();
    for record in &records {
        let wanted = straight.decide(&record.observation);
        assert_eq!(restarted.decide(&record.observation), wanted);
        assert_eq!(
            restarted.settle(&record.outcome),
            straight.settle(&record.outcome)
        );
        let state = serde_json::to_string(&restarted.save()).unwrap();
        assert!(
            state.len() <= 4096 + 16 * records.len(),
            "{} bytes",
            state.len()
        );
        restarted = spec.build().unwrap();
        restarted
            .restore(&serde_json::from_str(&state).unwrap())
            .unwrap();
    }
}

#[test]
fn wants_name_the_metrics_and_nothing_else() {
    let policy = hpa(HpaTarget::Busy(Ratio::new(0.5).unwrap()))
        .build()
        .unwrap();
    let busy: MetricId = "pods/busy".parse().unwrap();
    assert_eq!(policy.wants().metrics, [busy].into());
    assert!(!policy.wants().usage && !policy.wants().traffic && policy.wants().replicas);
}
