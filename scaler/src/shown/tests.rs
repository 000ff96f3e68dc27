use metrics::NoData;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn read(value: &Value) -> Result<Observation, String> {
    let shown = serde_json::from_str::<Shown>(&value.to_string());
    shown.map(Shown::observation).map_err(|e| e.to_string())
}

fn seconds(at: i64) -> Timestamp {
    Timestamp::from_secs(at)
}

#[test]
fn what_is_short_to_write_means_the_whole() {
    let seen = read(&json!({
        "at": "1970-01-01T00:01:40Z",
        "scale": 4,
        "replicas": [{"id": "a", "ready": true, "requests": {"cpu": "500m"}, "usage": {"cpu": 0.069}}, {"id": "b"}],
        "metrics": {"external/queue": 120, "pods/rate": [{"replica": "a", "value": "1500m"}], "external/gone": null},
        "traffic": {"offered": 12.5, "busy": {"value": 0.5, "at": 95, "window": 15, "coverage": 0.9},
                    "queued": null, "shed": {"no_data": "the gateway is down"}, "slow": {"no_data": "not_yet"}},
        "samples": [{"at": 99.5, "metric": "pods/concurrency", "value": 3}],
    }))
    .unwrap();
    let at = seconds(100);
    assert_eq!(seen.at, at);
    let scale = seen.scale.value().unwrap();
    assert_eq!((scale.spec, scale.status), (Replicas(4), Replicas(4)));
    assert_eq!(seen.replicas[0].ready.state, ReadyState::True);
    assert_eq!(seen.replicas[1].ready.state, ReadyState::Unset);
    let used = &seen.usage.value().unwrap()[0];
    assert_eq!((used.replica.as_str(), used.at), ("a", at));
    assert_eq!(used.containers[0].usage["cpu"], Quantity::from_milli(69));
    let metric = |name: &str| &seen.metrics[&name.parse::<MetricId>().unwrap()];
    assert_eq!(
        metric("external/queue").value().unwrap()[0].value,
        Quantity::from_milli(120_000)
    );
    assert_eq!(
        metric("pods/rate").value().unwrap()[0].value,
        Quantity::from_milli(1500)
    );
    assert_eq!(*metric("external/gone"), Reading::NoData(NoData::Empty));
    let traffic = &seen.traffic;
    assert_eq!(traffic.offered, Reading::now(Rps::new(12.5).unwrap(), at));
    assert_eq!(traffic.busy.at(), Some(seconds(95)));
    assert_eq!(traffic.queued, Reading::NoData(NoData::Empty));
    assert_eq!(
        traffic.shed,
        Reading::NoData(NoData::Failed("the gateway is down".into()))
    );
    assert_eq!(traffic.slow, Reading::NoData(NoData::NotYet));
    assert_eq!(traffic.served, Reading::NoData(NoData::NotAsked));
    assert_eq!(seen.samples[0].at, Timestamp::from_millis(99_500));
}

#[test]
fn replicas_may_only_be_counted() {
    let seen = read(&json!({"at": 5, "scale": {"replicas": 3, "status": 2, "version": 17}, "replicas": {"ready": 1, "starting": 1}})).unwrap();
    let scale = seen.scale.value().unwrap();
    assert_eq!(
        (scale.spec, scale.status, scale.version.0.as_str()),
        (Replicas(3), Replicas(2), "17")
    );
    let states: Vec<_> = seen.replicas.iter().map(|r| r.ready.state).collect();
    assert_eq!(states, [ReadyState::True, ReadyState::False]);
    let many = read(&json!({"at": 5, "replicas": {"ready": 4_000_000_000_u32}})).unwrap();
    assert_eq!(many.replicas.len(), 100_000);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    for (line, needle) in [
        (json!({"at": 5, "sclae": 4}), "unknown field `sclae`"),
        (json!({"at": "noon"}), "an instant: `2026-11-27T11:50:00Z`"),
        (json!({"at": 1_767_571_200_000_000_000_i64}), "an instant"),
        (json!({"scale": 4}), "missing field `at`"),
        (json!({"at": 5, "scale": -1}), "neither a good value"),
        (
            json!({"at": 5, "traffic": {"offered": -1}}),
            "neither a good value",
        ),
        (
            json!({"at": 5, "traffic": {"offered": {"value": 1, "covrage": 1}}}),
            "neither a good value",
        ),
        (
            json!({"at": 5, "traffic": {"ofered": 1}}),
            "unknown field `ofered`",
        ),
        (
            json!({"at": 5, "replicas": [{"ready": true}]}),
            "replicas are a list",
        ),
        (json!({"at": 5, "metrics": {"queue": 1}}), "names no metric"),
        (
            json!({"at": 5, "metrics": {"external/q": "many"}}),
            "neither a good value",
        ),
    ] {
        let error = read(&line).unwrap_err();
        assert!(error.contains(needle), "{line}: {error}");
        assert!(error.contains("line 1 column"), "{error}");
    }
}

fn instants() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        any::<i32>().prop_map(|s| Timestamp::from_secs(i64::from(s))),
        (-1_i64 << 60..1 << 60).prop_map(Timestamp::from_nanos)
    ]
}

fn no_data() -> impl Strategy<Value = NoData> {
    prop_oneof![
        Just(NoData::NotAsked),
        Just(NoData::NotYet),
        Just(NoData::Empty),
        Just(NoData::Stale),
        ".{0,6}".prop_map(NoData::Failed),
        ".{0,6}".prop_map(NoData::Unreachable),
        ".{0,6}".prop_map(NoData::Absurd),
    ]
}

fn reading<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Reading<T>> {
    let full = (value, instants(), 0_u64..1 << 50, 0.0..=1.0_f64);
    prop_oneof![
        no_data().prop_map(Reading::NoData),
        full.prop_map(|(value, at, window, coverage)| Reading::Value {
            value,
            at,
            window: std::time::Duration::from_nanos(window),
            coverage: Ratio::new(coverage).unwrap(),
        })
    ]
}

fn resources() -> impl Strategy<Value = Resources> {
    prop::collection::btree_map(
        "[a-z]{1,3}",
        any::<i64>().prop_map(Quantity::from_milli),
        0..3,
    )
}

fn replicas() -> impl Strategy<Value = ReplicaObservation> {
    let state = prop_oneof![
        Just(ReadyState::True),
        Just(ReadyState::False),
        Just(ReadyState::Unknown),
        Just(ReadyState::Unset)
    ];
    let phase = prop_oneof![
        Just(Phase::Running),
        Just(Phase::Pending),
        Just(Phase::Failed)
    ];
    let ready =
        (state, prop::option::of(instants())).prop_map(|(state, since)| Readiness { state, since });
    let container = ("[a-z]{0,3}", resources()).prop_map(|(name, requests)| Container {
        name,
        kind: ContainerKind::Sidecar,
        requests,
    });
    let times = (prop::option::of(instants()), prop::option::of(instants()));
    let containers = prop::collection::vec(container, 0..2);
    (
        ".{0,4}",
        phase,
        ready,
        times,
        any::<bool>(),
        containers,
        prop::option::of(resources()),
    )
        .prop_map(
            |(id, phase, ready, (created, started), deleting, containers, requests)| {
                ReplicaObservation {
                    id,
                    phase,
                    created,
                    started,
                    ready,
                    deleting,
                    containers,
                    requests,
                }
            },
        )
}

fn observations() -> impl Strategy<Value = Observation> {
    let scale = (any::<u32>(), any::<u32>(), ".{0,3}").prop_map(|(spec, status, version)| Scale {
        spec: Replicas(spec),
        status: Replicas(status),
        selector: Selector::Ambiguous,
        version: Version(version),
    });
    let usage = (".{0,3}", instants(), 0_u64..1 << 50, resources()).prop_map(
        |(replica, at, window, usage)| ReplicaUsage {
            replica,
            at,
            window: std::time::Duration::from_nanos(window),
            containers: vec![ContainerUsage {
                name: "c".into(),
                usage,
            }],
        },
    );
    let sample = (prop::option::of(".{0,3}"), any::<i64>()).prop_map(|(replica, milli)| Sample {
        replica,
        value: Quantity::from_milli(milli),
    });
    let metric = ".{1,4}".prop_map(|name| MetricId::External { name });
    let rate = || reading((0.0..1e9_f64).prop_map(|rate| Rps::new(rate).unwrap()));
    let traffic = (
        rate(),
        rate(),
        reading(any::<f64>().prop_filter("finite", |v| v.is_finite())),
        reading((0.0..=1.0_f64).prop_map(|v| Ratio::new(v).unwrap())),
    );
    let traffic = traffic.prop_map(|(offered, shed, queued, busy)| Traffic {
        offered,
        shed,
        queued,
        busy,
        ..Traffic::default()
    });
    let samples = (instants(), -1e9..1e9_f64).prop_map(|(at, value)| ReadySample {
        at,
        metric: "pods/concurrency".parse().unwrap(),
        value,
    });
    (
        instants(),
        reading(scale),
        prop::collection::vec(replicas(), 0..3),
        reading(prop::collection::vec(usage, 0..3)),
        prop::collection::btree_map(metric, reading(prop::collection::vec(sample, 0..3)), 0..3),
        traffic,
        prop::collection::vec(samples, 0..3),
    )
        .prop_map(
            |(at, scale, replicas, usage, metrics, traffic, samples)| Observation {
                at,
                scale,
                replicas,
                usage,
                metrics,
                traffic,
                samples,
            },
        )
}

proptest! {
    #[test]
    fn nothing_is_lost_on_the_way(seen in observations()) {
        let text = serde_json::to_string(&Shown::of(&seen)).unwrap();
        let back: Shown = serde_json::from_str(&text).map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
        prop_assert_eq!(back.observation(), seen, "{}", text);
    }
}

#[test]
fn a_scale_that_is_none_says_why() {
    let read = |text: &str| serde_json::from_str::<ShownScale>(text).map_err(|e| e.to_string());
    assert_eq!(read("4"), Ok(ShownScale::Number(Replicas(4))));
    for (text, part) in [
        ("-3", "-3 replicas are fewer than none"),
        (
            "99999999999",
            "99999999999 replicas are more than the 4294967295",
        ),
        (
            r#"{"replicas": -3}"#,
            "invalid value: integer `-3`, expected u32",
        ),
        (
            r#"{"replicas": 4, "versoin": "17"}"#,
            "unknown field `versoin`, expected one of `replicas`",
        ),
        (r#"{"status": 4}"#, "missing field `replicas`"),
        (
            r#""four""#,
            r#"invalid type: string "four", expected a number of replicas or `{"#,
        ),
        ("4.5", "invalid type: floating point `4.5`"),
    ] {
        let said = read(text).unwrap_err();
        assert!(said.contains(part), "{text}: {said}");
    }
}
