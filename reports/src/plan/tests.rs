use serde_json::json;

use super::*;

fn service(name: &str, min: u32, max: u32) -> ServicePlan {
    ServicePlan {
        service: name.into(),
        policy: "hpa".into(),
        scales: true,
        today: (2, 32),
        min,
        max,
        peak: min,
        peak_rps: Some(353.2),
        knee_rps: Some(14.2),
        headroom: Some(0.25),
        cpu: 2.0,
        metrics: vec![json!({
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
        })],
        behavior: Some(json!({"scaleUp": {"stabilizationWindowSeconds": 0}})),
        target: Some("target: {cpu: 70%}".into()),
    }
}

fn plan() -> Plan {
    let run = |seed| Confirmed {
        seed,
        missed: Some(0.0042),
        p99_ms: Some(420.0),
        met: true,
    };
    Plan {
        schema_version: SCHEMA_VERSION,
        scenario: "flash-sale".into(),
        about: "A product drop at noon.".into(),
        command: "rushhour plan flash-sale".into(),
        met: true,
        interrupted: false,
        notes: vec!["Nothing else.".into()],
        slo: "99 % of the pages within 1.00 s".into(),
        from_s: 0.0,
        to_s: 1200.0,
        tried: 37,
        runs: (42..47).map(run).collect(),
        services: vec![service("order", 22, 28), service("payment", 17, 22)],
        breaks: Some(Breaks {
            service: "payment".into(),
            at: 1.31,
            how: "12 % of its requests were turned away".into(),
        }),
        cost: Cost {
            replicas: (39, 50),
            mean_replicas: Some(41.2),
            nodes: Some((10, 13)),
            per_hour: Some((1.9, 2.47)),
            worst_hour: Some(2.02),
        },
    }
}

#[test]
fn in_a_terminal_it_looks_like_this() {
    insta::assert_snapshot!(plan().text());
}

#[test]
fn as_markdown_it_looks_like_this() {
    insta::assert_snapshot!(plan().markdown());
}

#[test]
fn what_was_not_confirmed_is_not_promised() {
    let mut plan = plan();
    plan.met = false;
    plan.runs[0].met = false;
    assert!(
        plan.text().contains("is kept in 4 of 5 runs"),
        "{}",
        plan.text()
    );
    plan.runs.clear();
    assert!(plan.text().contains("no capacity keeps"), "{}", plan.text());
    plan.interrupted = true;
    assert!(plan.text().contains("interrupted"), "{}", plan.text());
    assert!(!plan.text().contains("no capacity"), "{}", plan.text());
}

#[test]
fn a_name_stays_a_name() {
    let mut plan = plan();
    for (name, written) in [
        ("on", "\"on\""),
        ("a: b", "\"a: b\""),
        ("1e3", "\"1e3\""),
        ("x\n- y", "\"x\\n- y\""),
    ] {
        plan.services[0].service = name.into();
        let manifests = plan.manifests();
        assert!(
            manifests.contains(&format!("  name: {written}\n")),
            "{manifests}"
        );
        let scaling = plan.scaling_yaml();
        assert!(
            scaling.contains(&format!("\n  {written}: {{policy: hpa")),
            "{scaling}"
        );
    }
    plan.command = "x\nscaling: 3".into();
    assert!(
        plan.scaling_yaml()
            .lines()
            .skip(1)
            .any(|l| l == "# Made by: x scaling: 3")
    );
}

#[test]
fn without_anything_that_scales_there_is_nothing_to_paste() {
    let mut plan = plan();
    for service in &mut plan.services {
        service.scales = false;
        service.metrics.clear();
    }
    assert!(plan.scaling_yaml().ends_with("scaling:\n  {}\n"));
    assert!(!plan.manifests().contains("---"));
}
