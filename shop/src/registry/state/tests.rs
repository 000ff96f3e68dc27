use serde_json::json;

use super::*;
use crate::protocol::ReplicaState;
use crate::testing;

fn registry() -> Registry {
    Registry::new(testing::shop(), 7)
}

fn lease(state: ReplicaState) -> Lease {
    Lease {
        address: "127.0.0.1:4000".parse().unwrap(),
        ordinal: 0,
        state,
        lease_ms: 3000,
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

#[test]
fn only_a_change_makes_a_new_version() {
    let mut registry = registry();
    let first = registry
        .put(at(0), "payment", "payment-0", lease(ReplicaState::Ready))
        .unwrap();
    let renewed = registry
        .put(at(1000), "payment", "payment-0", lease(ReplicaState::Ready))
        .unwrap();
    assert_eq!(first, renewed);
    let draining = registry
        .put(
            at(2000),
            "payment",
            "payment-0",
            lease(ReplicaState::Draining),
        )
        .unwrap();
    assert_eq!(draining.version, first.version + 1);
}

#[test]
fn a_lease_that_is_not_renewed_ends() {
    let mut registry = registry();
    for (id, ms) in [("payment-0", 0), ("payment-1", 2000)] {
        registry
            .put(at(ms), "payment", id, lease(ReplicaState::Ready))
            .unwrap();
    }
    assert_eq!(registry.expire(at(2999)), Some(at(3000)));
    assert_eq!(registry.snapshot().services["payment"].len(), 2);
    assert_eq!(registry.expire(at(3000)), Some(at(5000)));
    let left: Vec<_> = registry.snapshot().services["payment"]
        .keys()
        .cloned()
        .collect();
    assert_eq!(left, ["payment-1"]);
}

#[test]
fn an_absurd_lease_is_refused_with_all_its_mistakes() {
    let mut bad = lease(ReplicaState::Ready);
    bad.address = "10.0.0.1:80".parse().unwrap();
    bad.lease_ms = 0;
    let refused = registry()
        .put(at(0), "pay\u{1b}ment", "a b", bad)
        .unwrap_err();
    assert_eq!(refused.0.len(), 4, "{refused}");
    assert!(!refused.to_string().contains('\u{1b}'));
}

#[test]
fn a_bad_setting_is_refused_and_the_last_good_one_stays() {
    let mut registry = registry();
    let good = json!({"faults": [{"replicas": null, "kind": {"slow": 2.0}}]});
    registry.set("faults/payment", good.clone()).unwrap();
    for (key, value, why) in [
        (
            "faults/payment",
            json!({"faults": [{"replicas": null, "kind": {"slow": -1.0}}]}),
            "a negative factor",
        ),
        (
            "faults/payment",
            json!({"faults": [{"replicas": null, "kind": {"fail": 1.5}}]}),
            "a share over 1",
        ),
        (
            "faults/payment",
            json!({"faults": [{"replicas": null, "kind": "explode"}]}),
            "an unknown kind",
        ),
        ("faults/payment", json!({"faulty": []}), "an unknown field"),
        ("faults/bank", json!({"faults": []}), "an unknown service"),
        (
            "gateway",
            json!({"balance": "random"}),
            "not all of the settings",
        ),
        ("colour", json!("red"), "an unknown key"),
    ] {
        let before = registry.version();
        assert!(registry.set(key, value).is_err(), "{why}");
        assert_eq!(registry.version(), before, "{why}");
    }
    assert_eq!(registry.config()["faults/payment"].value, good);
}

#[test]
fn bad_gateway_settings_are_refused_with_all_their_mistakes() {
    let mut settings = testing::settings();
    settings.time_limit = Duration::ZERO;
    settings.bulkhead.in_flight = 0;
    settings.retries.floor = f64::INFINITY;
    let refused = settings::check_gateway(&settings).unwrap_err();
    assert_eq!(refused.0.len(), 3, "{refused}");
    let value = serde_json::to_value(testing::settings()).unwrap();
    assert!(registry().set("gateway", value).is_ok());
}

#[test]
fn a_version_is_acknowledged_when_all_living_watchers_have_seen_it() {
    let mut registry = registry();
    assert!(registry.acknowledged(at(0), 9), "nobody watches");
    let wait = Duration::from_secs(10);
    registry.seen(at(0), "gateway", 8, wait);
    assert!(!registry.acknowledged(at(0), 9));
    assert!(registry.acknowledged(at(11_000), 9), "it is gone");
    registry.seen(at(1), "gateway", 9, wait);
    assert!(registry.acknowledged(at(1), 9));
}

#[test]
fn what_was_never_set_is_as_the_scenario_has_it() {
    let mut registry = Registry::new(testing::shop(), 1);
    let first = registry.config()["gateway"].clone();
    assert_eq!(first.version, 0);
    let value = serde_json::to_value(testing::settings()).unwrap();
    assert_eq!(first.value, value);
    assert_eq!(registry.settings().config.len(), 0, "nobody is told of it");
    let mut other = value;
    other["balance"] = "round_robin".into();
    let set = registry.set("gateway", other.clone()).unwrap();
    assert_eq!(registry.config()["gateway"], set);
    assert_eq!((set.value, set.version), (other, registry.version()));
}

#[test]
fn settings_have_a_version_of_their_own() {
    let mut registry = registry();
    let before = registry.settings_version();
    registry
        .put(at(0), "payment", "payment-0", lease(ReplicaState::Ready))
        .unwrap();
    assert_eq!(registry.settings_version(), before);
    registry
        .set("faults/payment", json!({"faults": []}))
        .unwrap();
    assert!(registry.settings_version() > before);
}
