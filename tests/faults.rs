//! What must be survived, each with the whole program under load. Every run's audit is checked as well.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Ran, Stage, ask, machine, metric, shop_processes};

/// The shop under steady load, without anything that breaks.
const SHOP: &str = include_str!("scenarios/shop.yaml");
/// When faults happen, in seconds.
const AT: f64 = 5.0;
/// The start-up of its replicas, in seconds.
const START_UP: f64 = 1.0;

/// The shop with `faults` in it.
fn broken(faults: &str) -> Stage {
    Stage::new(&format!("{SHOP}faults:\n{faults}"))
}

/// Runs it, and checks what holds for every run: a verdict, a believable load, and an audit that found nothing.
fn run(stage: &Stage) -> (Ran, Value) {
    let ran = stage.run(&[]);
    let report = checked(stage, &ran);
    (ran, report)
}

/// The report of a run, in which what holds for every run held.
fn checked(stage: &Stage, ran: &Ran) -> Value {
    let report = stage.report();
    assert!(
        report["total"]["counts"]["offered"].as_u64() > Some(300),
        "there was load: {}",
        ran.stdout
    );
    assert_eq!(report["audit"]["violation_count"], 0, "{}", report["audit"]);
    assert!(
        report["audit"]["acknowledged"].as_u64() > Some(10),
        "there were orders: {}",
        report["audit"]
    );
    assert!(
        ran.stdout.contains("audit"),
        "the audit is printed: {}",
        ran.stdout
    );
    report
}

/// Runs the shop with one catalogue replica broken, and watches this gauge of the gateway's until it has gone from its
/// first to its second value: within three seconds from the moment that `said` is on stderr. Pages due later are all
/// served.
fn is_left_alone(fault: &str, said: &str, (gauge, well, broke): (&str, f64, f64)) {
    let _machine = machine();
    let stage = broken(&format!(
        "  - {{at: {AT}s, {fault}, replicas: 1, for: 8s}}\n"
    ));
    let running = stage.under_load(&[]);
    let (gateway, _) = running.addresses();
    let value = || {
        let (status, text) = ask(&gateway, "GET", "/metrics", "");
        assert_eq!(status, 200, "{text}");
        let series = format!("rushhour_gateway_{gauge}{{service=\"catalogue\"}} ");
        metric(&text, &series).unwrap_or_else(|| panic!("no {series} in {text}"))
    };
    assert_eq!(value(), well, "all are well before it");
    let (begin, _) = running.wait_for(said);
    while value() != broke {
        let waited = begin.elapsed();
        assert!(waited < Duration::from_secs(3), "{fault}: {waited:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let left_alone = Instant::now();
    let ran = running.finish(Duration::from_secs(120));
    stage.has_verdict(&ran);
    let report = checked(&stage, &ran);
    assert!(
        !ran.stderr.contains("could not be injected"),
        "{}",
        ran.stderr
    );
    // A page counts by the instant it was due: after three seconds none goes to that replica any more.
    assert!(
        unserved_between(&report, AT + 3.0, 99.0) < 0.5,
        "left alone {:?} after it broke\n{}\n{}",
        left_alone - begin,
        report["windows"],
        ran.stderr
    );
}

fn count(group: &Value, name: &str) -> u64 {
    group["counts"][name].as_u64().unwrap_or(0)
}

/// Pages that were not served, whatever the reason.
fn unserved(group: &Value) -> u64 {
    ["failed", "shed", "timed_out", "unsent", "open"]
        .iter()
        .map(|name| count(group, name))
        .sum()
}

/// The rate of pages not served in the windows between two instants, added up.
fn unserved_between(report: &Value, from: f64, to: f64) -> f64 {
    let windows = report["windows"].as_array().expect("windows");
    let between = windows.iter().filter(|w| {
        let start = w["from_s"].as_f64().expect("a start");
        start >= from && start < to
    });
    let rates = ["failed_rps", "shed_rps", "timed_out_rps"];
    between
        .map(|w| rates.iter().filter_map(|r| w[*r].as_f64()).sum::<f64>())
        .sum()
}

fn service<'a>(report: &'a Value, name: &str) -> &'a Value {
    let services = report["services"].as_array().expect("services");
    services
        .iter()
        .find(|s| s["name"] == name)
        .expect("the service is there")
}

/// When, after `from`, a service first had `ready` replicas ready again after having had fewer.
fn ready_again(report: &Value, name: &str, from: f64, ready: u64) -> f64 {
    let steps = service(report, name)["replicas"]
        .as_array()
        .expect("replicas");
    let after = steps.iter().filter(|s| s["at_s"].as_f64() >= Some(from));
    let mut fewer = false;
    for step in after {
        let count = step["count"]["ready"].as_u64();
        fewer |= count < Some(ready);
        if fewer && count >= Some(ready) {
            return step["at_s"].as_f64().expect("an instant");
        }
    }
    panic!("{name} never had fewer than {ready} replicas, or never had them again: {steps:?}");
}

#[test]
fn a_killed_replica_fails_nothing_but_what_it_had_and_is_replaced_within_its_start_up() {
    let _machine = machine();
    for victim in ["catalogue", "order", "payment", "auth"] {
        let stage = broken(&format!("  - {{at: {AT}s, kill: {victim}, replicas: 1}}\n"));
        let (ran, report) = run(&stage);
        // Its slots and its queue are all that it can have had; at this load it had one or two requests.
        assert!(
            unserved(&report["total"]) <= 4,
            "{victim}: {}\n{}",
            report["total"]["counts"],
            ran.stdout
        );
        let all = if victim == "catalogue" { 3 } else { 2 };
        let again = ready_again(&report, victim, AT - 1.0, all);
        assert!(
            again <= AT + START_UP + 2.0,
            "{victim} is back at {again} s"
        );
    }
}

#[test]
fn without_the_registry_everything_goes_on() {
    let _machine = machine();
    let (ran, report) = run(&broken(&format!("  - {{at: {AT}s, kill: registry}}\n")));
    assert_eq!(
        unserved(&report["total"]),
        0,
        "{}\n{}",
        report["total"]["counts"],
        ran.stdout
    );
    assert!(
        ran.stderr.contains("the registry ended"),
        "it was killed: {}",
        ran.stderr
    );
}

#[test]
fn a_killed_gateway_is_back_within_a_second() {
    let _machine = machine();
    let (ran, report) = run(&broken(&format!("  - {{at: {AT}s, kill: gateway}}\n")));
    assert!(
        ran.stderr.contains("the gateway ended"),
        "it was killed: {}",
        ran.stderr
    );
    assert!(
        unserved_between(&report, AT + 1.0, 99.0) < 0.5,
        "{}\n{}",
        report["windows"],
        ran.stderr
    );
}

#[test]
fn a_replica_that_answers_only_errors_is_left_alone_within_three_seconds() {
    let said = "100 % of answers are 500";
    let gauge = ("replicas_available", 3.0, 2.0);
    is_left_alone("fail: catalogue, share: 100%", said, gauge);
}

#[test]
fn a_replica_that_says_it_is_well_and_answers_errors_is_ejected_within_three_seconds() {
    let gauge = ("replicas_ejected", 0.0, 1.0);
    is_left_alone(
        "fail: catalogue, share: 95%",
        "95 % of answers are 500",
        gauge,
    );
}

#[test]
fn a_replica_that_hangs_is_left_alone_within_three_seconds() {
    let gauge = ("replicas_available", 3.0, 2.0);
    is_left_alone("hang: catalogue", "accepts and never answers", gauge);
}

#[test]
fn a_lease_that_expires_while_its_replica_lives_fails_nothing() {
    let _machine = machine();
    let (ran, report) = run(&broken(&format!(
        "  - {{at: {AT}s, lose_lease: catalogue, replicas: 1, for: 5s}}\n"
    )));
    assert_eq!(
        unserved(&report["total"]),
        0,
        "{}\n{}",
        report["total"]["counts"],
        ran.stdout
    );
}

#[test]
fn a_payment_that_answers_late_or_never_takes_nobody_with_it() {
    let _machine = machine();
    let catalogue_p99 = |report: &Value| {
        service(report, "catalogue")["p99_ms"]
            .as_f64()
            .expect("a p99")
    };
    let (_, calm) = run(&Stage::new(SHOP));
    for fault in ["slow_wait: payment, factor: 1500", "hang: payment"] {
        let stage = broken(&format!("  - {{at: 4s, {fault}, for: 8s}}\n"));
        let ran = stage.run(&[]);
        let report = stage.report();
        assert_eq!(
            report["audit"]["violation_count"], 0,
            "{fault}: {}",
            report["audit"]
        );
        let (with, without) = (catalogue_p99(&report), catalogue_p99(&calm));
        // A fifth more, or what a shared machine does to a few milliseconds anyway.
        assert!(
            with <= (1.2 * without).max(without + 8.0),
            "{fault}: {with} ms against {without} ms"
        );
        let pages = report["pages"].as_array().expect("pages");
        let checkout = pages
            .iter()
            .find(|p| p["name"] == "buyer/checkout")
            .expect("checkouts");
        assert!(
            unserved(checkout) > 0,
            "{fault}: payment was away: {}",
            ran.stdout
        );
        assert!(
            checkout["max_ms"].as_f64() < Some(4000.0),
            "{fault}: orders fail fast: {checkout}"
        );
        let others = pages
            .iter()
            .filter(|p| p["name"] != "buyer/checkout")
            .map(unserved)
            .sum::<u64>();
        assert_eq!(others, 0, "{fault}: {pages:?}");
    }
}

#[test]
fn scaling_down_fails_nothing() {
    let _machine = machine();
    let scaling = "scaling:\n  catalogue: {policy: schedule, min: 1, max: 6, schedule: [{at: 3s, replicas: 5}, {at: 8s, replicas: 1}]}\n";
    let stage = Stage::new(&format!("{SHOP}{scaling}"));
    let (ran, report) = run(&stage);
    assert_eq!(
        unserved(&report["total"]),
        0,
        "{}\n{}",
        report["total"]["counts"],
        ran.stdout
    );
    assert_eq!(service(&report, "catalogue")["peak_ready"], 5);
    assert!(
        report["decisions"]["downs"].as_u64() >= Some(1),
        "{}",
        report["decisions"]
    );
}

#[test]
fn one_run_after_the_other_leaves_no_process() {
    let _machine = machine();
    let stage = Stage::new(&SHOP.replace("duration: 14s", "duration: 4s"));
    let before = shop_processes();
    let ran = stage.run(&[]);
    assert!(ran.took < Duration::from_secs(30), "{:?}", ran.took);
    let after = shop_processes();
    assert_eq!(after, before);
}
