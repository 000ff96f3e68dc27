//! What policies are shown in the laws: whole and sane, or as absurd as the types allow.

use std::time::Duration;

use metrics::{NoData, Quantity, Ratio, Reading, Replicas, Rps, Timestamp};
use scaler::{
    AwsAlarm, AwsMetric, AwsMissing, AwsTarget, Clock, Container, ContainerUsage, Foresight,
    ForesightSpec, History, HpaController, HpaTarget, KpaSpec, MetricId, Observation, Policy,
    PolicySpec, ReactiveSpec, Readiness, ReadySample, ReadyState, ReplicaObservation, ReplicaUsage,
    Sample, Scale, ScheduleEntry, SimpleHpa, StepScalingSpec, TargetTrackingSpec, Traffic, Trust,
};
use serde_json::json;

use broken::{Broken, Fault};

pub(crate) mod broken;

/// All subjects have these bounds.
pub(crate) const MIN: u32 = 2;
pub(crate) const MAX: u32 = 40;
/// Requests per second that a replica takes.
pub(crate) const CAPACITY: f64 = 100.0;

/// Draws of one case (splitmix64).
#[derive(Clone)]
pub(crate) struct Draws(u64);

impl Draws {
    pub(crate) const fn new(case: u64) -> Self {
        Self(case.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// In [0, 1).
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    pub(crate) fn absurd(&mut self) -> f64 {
        let share = self.share();
        self.one(&[
            0.0,
            -1.0,
            1e-308,
            1e308,
            -1e308,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e12,
            share * 4000.0,
        ])
    }

    pub(crate) fn absurd_milli(&mut self) -> i64 {
        let any = self.next() as i64;
        let sane = self.below(2_000_000) as i64;
        self.one(&[i64::MIN, i64::MAX, 0, -1, 1, any, sane, sane])
    }
}

/// A policy.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) spec: PolicySpec,
    /// What it knows when a case begins; nothing: what its spec says.
    learned: Option<Foresight>,
    /// What is wrong with it, to see that a law notices.
    pub(crate) fault: Option<Fault>,
}

impl Subject {
    /// As a case begins with it.
    pub(crate) fn build(&self) -> Box<dyn Policy + Send> {
        match &self.learned {
            Some(learned) => Box::new(learned.clone()),
            None => self.fresh(),
        }
    }

    /// As its spec says alone: for what was saved.
    pub(crate) fn fresh(&self) -> Box<dyn Policy + Send> {
        let policy = self.spec.build().unwrap();
        match self.fault {
            Some(fault) => Box::new(Broken::new(policy, fault)),
            None => policy,
        }
    }
}

/// When a case begins.
pub(crate) const fn start() -> Timestamp {
    Timestamp::from_secs(100_000)
}

/// Four days before a case begins: up and down by three fifths, noise, and a jump each day, two minutes after the time of day at
/// which it begins.
fn days() -> History {
    let mut draws = Draws::new(1);
    let slots = 4 * 5760_i64;
    let rate = |slot: i64| {
        let until = (slots - slot) as f64 * 15.0;
        let now = start().as_secs() as f64 - until;
        let usual = 600.0 - 360.0 * libm::cos(now / 86_400.0 * std::f64::consts::TAU);
        let after = (-until).rem_euclid(86_400.0) - 120.0;
        let jump = if (0.0..1200.0).contains(&after) {
            2.0
        } else {
            1.0
        };
        Some(usual * jump * (0.97 + 0.06 * draws.share()))
    };
    History {
        until: start(),
        rates: (0..slots).map(rate).collect(),
        start_ups: vec![Duration::from_secs(45); 30],
    }
}

fn ours() -> ReactiveSpec {
    ReactiveSpec {
        min: Replicas(MIN),
        max: Replicas(MAX),
        period: Duration::from_secs(15),
        slots: 4,
        limit: Duration::from_millis(500),
        budget: Ratio::new(0.001).unwrap(),
        price: None,
        hold: None,
        events: Vec::new(),
        clock: Clock::default(),
    }
}

fn hpa(targets: Vec<HpaTarget>, behavior: Option<serde_json::Value>) -> PolicySpec {
    PolicySpec::Hpa(SimpleHpa {
        targets,
        min: Replicas(MIN),
        max: Replicas(MAX),
        behavior,
        rate_period: Duration::from_secs(15),
        controller: HpaController::default(),
    })
}

/// Rates of an HPA whose law is that they hold: four up in a minute, a tenth down in a minute.
pub(crate) fn rates() -> serde_json::Value {
    json!({
        "scaleUp": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 60}]},
        "scaleDown": {"stabilizationWindowSeconds": 0,
            "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}
    })
}

fn keda() -> PolicySpec {
    serde_json::from_value(json!({
        "policy": "keda", "min": MIN, "max": MAX,
        "triggers": [
            {"name": "requests", "source": {"event": {"metric": "requests", "threshold": 70_000}}},
            {"name": "queue", "source": {"event": {"metric": {"external": "queue"}, "threshold": 5000}}}
        ]
    }))
    .unwrap()
}

pub(crate) fn aws() -> AwsTarget {
    AwsTarget {
        min: Replicas(MIN),
        max: Replicas(MAX),
        ..AwsTarget::default()
    }
}

/// Two datapoints of three, and a missing one leaves the alarm as it is.
fn step() -> PolicySpec {
    let (scale_out, scale_in) = StepScalingSpec::usual_steps(0.7);
    PolicySpec::Step(Box::new(StepScalingSpec {
        target: aws(),
        metric: AwsMetric::Cpu,
        alarm: AwsAlarm {
            periods: 3,
            datapoints: 2,
            missing: AwsMissing::Ignore,
        },
        scale_out,
        scale_in,
        min_adjustment: 2,
    }))
}

fn manifest() -> PolicySpec {
    let spec = json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": MIN, "maxReplicas": MAX,
        "metrics": [
            {"type": "ContainerResource", "containerResource":
                {"name": "cpu", "container": "app", "target": {"type": "AverageValue", "averageValue": "700m"}}},
            {"type": "Object", "object": {"describedObject": {"kind": "Ingress", "name": "main"},
                "metric": {"name": "hits"}, "target": {"type": "AverageValue", "averageValue": "70"}}},
            {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "5"}}},
        ],
        "behavior": {},
    });
    PolicySpec::HpaManifest {
        spec: Box::new(serde_json::from_value(spec).unwrap()),
        speed: 1.0,
        controller: HpaController::default(),
    }
}

/// These policies, by name.
pub(crate) fn subjects(names: &[&'static str]) -> Vec<Subject> {
    names.iter().map(|name| subject(name)).collect()
}

/// A sane observation: `n` replicas, all ready, that share `rate` requests per second.
pub(crate) fn seen(wants: &scaler::Wants, at: Timestamp, n: u32, rate: f64) -> Observation {
    let each = rate / f64::from(n.max(1));
    let milli = |value: f64| Quantity::from_milli((value * 1000.0) as i64);
    let cpu = each / CAPACITY;
    let mut seen = Observation {
        at,
        scale: Reading::now(scale(n), at),
        replicas: (0..n).map(replica).collect(),
        traffic: traffic(at, rate, cpu),
        ..Observation::default()
    };
    if wants.usage {
        let of = |replica: &ReplicaObservation| used(replica, at, milli(cpu));
        seen.usage = Reading::now(seen.replicas.iter().map(of).collect(), at);
    }
    for id in &wants.metrics {
        let sample = |replica: Option<String>, value| Sample {
            replica,
            value: milli(value),
        };
        let series = match id {
            MetricId::Pods { name } => {
                let value = if name == "requests" { each } else { cpu };
                let of = |r: &ReplicaObservation| sample(Some(r.id.clone()), value);
                seen.replicas.iter().map(of).collect()
            }
            MetricId::Object { .. } => vec![sample(None, rate)],
            MetricId::External { .. } => vec![sample(None, rate / 20.0)],
        };
        seen.metrics.insert(id.clone(), Reading::now(series, at));
    }
    for id in &wants.samples {
        seen.samples.extend((0..2).map(|ago| ReadySample {
            at: Timestamp::from_nanos(at.as_nanos() - ago * 1_000_000_000),
            metric: id.clone(),
            value: rate,
        }));
    }
    seen
}

/// The same readings, of another instant.
pub(crate) fn again(seen: &mut Observation, at: Timestamp) {
    fn moved<T>(reading: &mut Reading<T>, to: Timestamp) {
        if let Reading::Value { at, .. } = reading {
            *at = to;
        }
    }
    seen.at = at;
    moved(&mut seen.scale, at);
    moved(&mut seen.usage, at);
    if let Reading::Value { value, .. } = &mut seen.usage {
        value.iter_mut().for_each(|of| of.at = at);
    }
    for reading in seen.metrics.values_mut() {
        moved(reading, at);
    }
    for (ago, sample) in seen.samples.iter_mut().enumerate() {
        sample.at = at.back(Duration::from_secs(ago as u64 % 2));
    }
    let traffic = &mut seen.traffic;
    for rate in [
        &mut traffic.offered,
        &mut traffic.served,
        &mut traffic.failed,
        &mut traffic.shed,
        &mut traffic.slow,
    ] {
        moved(rate, at);
    }
    moved(&mut traffic.queued, at);
    moved(&mut traffic.in_flight, at);
    moved(&mut traffic.busy, at);
}

fn scale(n: u32) -> Scale {
    Scale {
        spec: Replicas(n),
        status: Replicas(n),
        ..Scale::default()
    }
}

fn replica(i: u32) -> ReplicaObservation {
    ReplicaObservation {
        id: format!("r-{i}"),
        created: Some(Timestamp::EPOCH),
        started: Some(Timestamp::EPOCH),
        ready: Readiness {
            state: ReadyState::True,
            since: Some(Timestamp::EPOCH),
        },
        containers: vec![Container {
            name: "app".into(),
            requests: [("cpu".to_owned(), Quantity::from_milli(1000))].into(),
            ..Container::default()
        }],
        ..ReplicaObservation::default()
    }
}

fn used(replica: &ReplicaObservation, at: Timestamp, cpu: Quantity) -> ReplicaUsage {
    ReplicaUsage {
        replica: replica.id.clone(),
        at,
        window: Duration::from_secs(15),
        containers: vec![ContainerUsage {
            name: "app".into(),
            usage: [("cpu".to_owned(), cpu)].into(),
        }],
    }
}

fn traffic(at: Timestamp, rate: f64, busy: f64) -> Traffic {
    let over = |rate: f64| Reading::over(Rps::new(rate).unwrap(), at, Duration::from_secs(15));
    Traffic {
        offered: over(rate),
        served: over(rate),
        failed: over(0.0),
        shed: over(0.0),
        slow: over(rate * 0.05 * libm::pow(busy.min(1.0), 12.0)),
        queued: Reading::now(0.0, at),
        in_flight: Reading::now(rate * 0.02, at),
        busy: Reading::now(Ratio::new(busy.min(1.0)).unwrap(), at),
    }
}

/// A reading that lies, is old, is thin, or is missing.
fn twisted<T>(draws: &mut Draws, value: T, at: Timestamp) -> Reading<T> {
    let old = Timestamp::from_nanos(at.as_nanos().saturating_sub(draws.next() as i64 >> 20));
    let coverage = Ratio::new(draws.share()).unwrap();
    let window = draws.one(&[Duration::ZERO, Duration::MAX, Duration::from_secs(15)]);
    match draws.below(5) {
        0 => Reading::NoData(NoData::Unreachable("away".into())),
        1 => Reading::NoData(NoData::Absurd("NaN".into())),
        2 => Reading::Value {
            value,
            at: old,
            window,
            coverage,
        },
        _ => Reading::now(value, at),
    }
}

/// An observation as absurd as the types allow.
pub(crate) fn absurd(
    draws: &mut Draws,
    wants: &scaler::Wants,
    at: Timestamp,
    n: u32,
) -> Observation {
    let mut seen = seen(wants, at, n, 100.0);
    let phases = [
        scaler::Phase::Running,
        scaler::Phase::Pending,
        scaler::Phase::Failed,
        scaler::Phase::Succeeded,
        scaler::Phase::Unknown,
    ];
    let states = [
        ReadyState::True,
        ReadyState::False,
        ReadyState::Unknown,
        ReadyState::Unset,
    ];
    for replica in &mut seen.replicas {
        replica.phase = draws.one(&phases);
        replica.ready.state = draws.one(&states);
        replica.ready.since = draws.one(&[None, Some(at), Some(Timestamp::from_nanos(i64::MAX))]);
        replica.started = draws.one(&[None, Some(at), Some(Timestamp::from_nanos(i64::MIN))]);
        replica.deleting = draws.below(8) == 0;
        if draws.below(8) == 0 {
            replica.containers.clear();
        }
    }
    if draws.below(6) == 0 {
        seen.replicas.clear();
    }
    let amount = Quantity::from_milli(draws.absurd_milli());
    if let Reading::Value { value, .. } = &seen.usage {
        let mut all = value.clone();
        for of in &mut all {
            for container in &mut of.containers {
                container.usage.insert("cpu".into(), amount);
            }
        }
        if draws.below(6) == 0 {
            all.clear();
        }
        seen.usage = twisted(draws, all, at);
    }
    for reading in seen.metrics.values_mut() {
        let mut series = reading.value().cloned().unwrap_or_default();
        for sample in &mut series {
            sample.value = Quantity::from_milli(draws.absurd_milli());
        }
        *reading = twisted(draws, series, at);
    }
    for sample in &mut seen.samples {
        sample.value = draws.absurd();
    }
    let rate = |draws: &mut Draws| {
        let value = draws.absurd();
        twisted(draws, Rps::new(value).unwrap_or_default(), at)
    };
    let (queued, in_flight) = (draws.absurd(), draws.absurd());
    seen.traffic = Traffic {
        offered: rate(draws),
        served: rate(draws),
        failed: rate(draws),
        shed: rate(draws),
        slow: rate(draws),
        queued: twisted(draws, queued, at),
        in_flight: twisted(draws, in_flight, at),
        busy: twisted(draws, Ratio::new(0.7).unwrap(), at),
    };
    if draws.below(10) == 0 {
        seen.scale = Reading::NoData(NoData::Failed("etcd".into()));
    }
    seen
}

pub(crate) fn subject(name: &'static str) -> Subject {
    let spec = match name {
        "static" => PolicySpec::Static {
            replicas: Replicas(7),
            period: Duration::from_secs(15),
        },
        "schedule" => PolicySpec::Schedule {
            entries: [(0, 5), (100_100, 9), (100_400, 3)]
                .map(|(at, n)| ScheduleEntry {
                    at: Timestamp::from_secs(at),
                    replicas: Replicas(n),
                })
                .into(),
            period: Duration::from_secs(15),
        },
        "hpa" => hpa(
            vec![
                HpaTarget::Cpu(Ratio::new(0.7).unwrap()),
                HpaTarget::Requests(70.0),
            ],
            None,
        ),
        "hpa_rates" => hpa(
            vec![HpaTarget::Cpu(Ratio::new(0.7).unwrap())],
            Some(rates()),
        ),
        "hpa_manifest" => manifest(),
        "kpa" => PolicySpec::Kpa(KpaSpec {
            metric: scaler::KpaMetric::Rps,
            target: 70.0,
            total: 100.0,
            min: Replicas(MIN),
            max: Replicas(MAX),
            ..KpaSpec::default()
        }),
        "keda" => keda(),
        "step" => step(),
        "target_tracking" => PolicySpec::TargetTracking(Box::new(TargetTrackingSpec {
            target: aws(),
            targets: vec![(AwsMetric::Cpu, 0.7), (AwsMetric::Requests, 70.0)],
            disable_scale_in: false,
        })),
        "reactive" => PolicySpec::Reactive(ours()),
        "foresight" | "foresight_with_days" => PolicySpec::Foresight(Box::new(foresight())),
        other => {
            let inner = subject(other.strip_prefix("guarded_").unwrap()).spec;
            PolicySpec::Guarded {
                inner: Box::new(inner),
                trust: Trust::default(),
            }
        }
    };
    Subject {
        name,
        learned: (name == "foresight_with_days").then(with_days),
        spec,
        fault: None,
    }
}

/// Foresight that has four days behind it.
fn with_days() -> Foresight {
    let mut policy = Foresight::new(foresight());
    policy.remember(&days());
    policy
}

fn foresight() -> ForesightSpec {
    ForesightSpec {
        common: ours(),
        workload: "web".into(),
        history: None,
    }
}
