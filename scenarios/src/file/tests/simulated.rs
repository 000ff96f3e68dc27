//! What a scenario says of a plant that only the simulated world has in full.

use super::*;
use crate::{
    Balance, Checked, Contention, Discipline, NodeSize, OnFailure, Prices, Remarks, WarmUp,
};

pub(super) fn checked(text: &str) -> Checked {
    Scenario::checked("my-sale.yaml", text.as_bytes(), &Folder, &[])
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The design's example with more said of its catalogue.
pub(super) fn catalogue_with(fields: &str) -> String {
    design_with("    slots: 2 ", &format!("    {fields}\n    # "))
}

/// The design's example with more said at its top.
pub(super) fn with(top: &str) -> String {
    format!("{DESIGN}{top}\n")
}

pub(super) fn mistake(text: &str) -> String {
    let mistakes = read(text).expect_err("there is a mistake in it");
    assert_eq!(mistakes.count(), 1, "{mistakes}");
    mistakes.list()[0].what.clone()
}

pub(super) fn said(remarks: &Remarks) -> Vec<(usize, &str)> {
    let list = remarks.list().iter();
    list.map(|remark| (remark.line, remark.what.as_str()))
        .collect()
}

#[test]
fn without_a_word_a_plant_is_plain() {
    let Checked {
        scenario,
        left_out,
        beyond_local,
        ..
    } = checked(DESIGN);
    let catalogue = &scenario.services["catalogue"];
    assert_eq!(catalogue.discipline, Discipline::Fifo);
    assert_eq!((catalogue.slots, catalogue.queue), (Some(2), Some(64)));
    assert_eq!((&catalogue.patience, catalogue.warm_up), (&None, None));
    assert_eq!(
        scenario.network.latency,
        Distribution::Constant(Duration::ZERO)
    );
    assert_eq!((scenario.nodes, scenario.prices), (None, Prices::default()));
    assert!(left_out.is_empty() && beyond_local.is_empty());
    assert_eq!(left_out.to_string(), "");
}

#[test]
fn work_may_share_the_cores() {
    let text = catalogue_with(
        "discipline: sharing\n    cores: 4\n    contention: {alpha: 0.02, beta: 0.0005}",
    );
    let Checked {
        scenario,
        beyond_local,
        ..
    } = checked(&text);
    let catalogue = &scenario.services["catalogue"];
    let contention = Contention {
        alpha: 0.02,
        beta: 0.0005,
    };
    assert_eq!(
        catalogue.discipline,
        Discipline::Sharing {
            cores: 4.0,
            contention
        }
    );
    assert_eq!((catalogue.slots, catalogue.cpu.milli()), (None, 4000));
    assert_eq!(
        said(&beyond_local),
        [(22, "`rushhour run` cannot do `discipline: sharing`")]
    );
    let limited = text.replace("cores: 4", "cores: 0.5\n    slots: 100");
    let limited = good(&limited);
    let catalogue = &limited.services["catalogue"];
    assert_eq!((catalogue.slots, catalogue.cpu.milli()), (Some(100), 500));
}

#[test]
fn the_total_rate_follows_the_universal_scalability_law() {
    let none = Contention::default();
    for (working, cores, rate) in [(0, 4.0, 0.0), (1, 4.0, 1.0), (3, 4.0, 3.0), (9, 4.0, 4.0)] {
        assert_eq!(none.total_rate(working, cores), rate, "{working}");
    }
    assert_eq!(none.total_rate(1, 0.5), 0.5);
    let law = Contention {
        alpha: 0.02,
        beta: 0.0005,
    };
    let rate = law.total_rate(20, 100.0);
    assert!((rate - 20.0 / (1.0 + 0.02 * 19.0 + 0.0005 * 380.0)).abs() < 1e-12);
    assert!(law.total_rate(200, 1000.0) < law.total_rate(45, 1000.0));
}

#[test]
fn a_warm_up_leads_evenly_to_full_speed() {
    let text = catalogue_with("warm_up: {for: 30s, from: 0.5}");
    let Checked {
        scenario, left_out, ..
    } = checked(&text);
    let warm_up: WarmUp = scenario.services["catalogue"].warm_up.unwrap();
    for (ready_for, speed) in [(0, 0.5), (15, 0.75), (30, 1.0), (3000, 1.0)] {
        assert_eq!(warm_up.speed(secs(ready_for)), speed, "{ready_for}");
    }
    assert_eq!(
        said(&left_out),
        [(22, "`rushhour run` leaves out `warm_up`")]
    );
}

#[test]
fn slots_and_queues_may_be_unlimited_and_a_queue_may_be_none() {
    let text = catalogue_with("slots: unlimited").replace("queue: 64", "queue: 0");
    let text = text.replace("target: {cpu", "target: {requests: 50/s, cpu");
    let Checked {
        scenario,
        beyond_local,
        ..
    } = checked(&text);
    let catalogue = &scenario.services["catalogue"];
    assert_eq!((catalogue.slots, catalogue.queue), (None, Some(0)));
    assert_eq!(catalogue.cpu.milli(), 1000);
    assert_eq!(
        said(&beyond_local),
        [(22, "`rushhour run` cannot do unlimited slots")]
    );
    let endless = checked(&design_with("queue: 64", "queue: unlimited"));
    assert_eq!(endless.scenario.services["catalogue"].queue, None);
    assert!(endless.beyond_local.is_empty());
    let busy = text.replace("requests: 50/s", "busy: 70%");
    assert_eq!(
        mistake(&busy),
        "a target for `busy` of a service with unlimited slots"
    );
    assert_eq!(
        mistake(&design_with("queue: 64", "queue: unlimitd")),
        "`unlimitd` is not a whole number or `unlimited`"
    );
}

#[test]
fn those_who_wait_may_leave() {
    let text = catalogue_with("patience: {exponential: 200ms}");
    let checked = checked(&text);
    let mean = Duration::from_millis(200);
    assert_eq!(
        checked.scenario.services["catalogue"].patience,
        Some(Distribution::Exponential { mean })
    );
    assert_eq!(
        said(&checked.beyond_local),
        [(22, "`rushhour run` cannot do `patience`")]
    );
}

#[test]
fn balancing_has_its_rules_and_services_may_have_their_own() {
    for (written, balance) in [
        ("random", Balance::Random),
        ("round_robin", Balance::RoundRobin),
        ("least_connections", Balance::LeastConnections),
        ("power_of_two", Balance::PowerOfTwo),
        ("{choices: 1}", Balance::Random),
        ("{choices: 2}", Balance::PowerOfTwo),
        ("{choices: 3}", Balance::Choices(3)),
    ] {
        let scenario = good(&with(&format!("gateway: {{balance: {written}}}")));
        assert_eq!(scenario.balance_of("payment"), balance, "{written}");
        let scenario = good(&catalogue_with(&format!("balance: {written}")));
        assert_eq!(scenario.balance_of("catalogue"), balance, "{written}");
        assert_eq!(scenario.balance_of("payment"), Balance::PowerOfTwo);
    }
    assert_eq!(
        mistake(&with("gateway: {balance: {choices: 0}}")),
        "choices = 0"
    );
}

#[test]
fn the_way_takes_time() {
    let text = with(
        "network: {latency: 0.25ms}\ngateway: {overhead: {mean: 50us, cv: 1}, retries: {backoff: {exponential: 1s}}}",
    );
    let Checked {
        scenario, left_out, ..
    } = checked(&text);
    let quarter = Duration::from_micros(250);
    assert_eq!(scenario.network.latency, Distribution::Constant(quarter));
    assert_eq!(scenario.gateway.overhead.mean(), Duration::from_micros(50));
    assert_eq!(
        scenario.gateway.retries.backoff,
        Some(Distribution::Exponential { mean: secs(1) })
    );
    let told: Vec<&str> = said(&left_out).iter().map(|(_, what)| *what).collect();
    assert_eq!(
        told,
        [
            "`rushhour run` leaves out the network's latency",
            "`rushhour run` leaves out the gateway's overhead"
        ]
    );
}

#[test]
fn shoppers_may_never_give_up() {
    let text = design_with(
        "on_failure: {retry: 2, after: 2s}",
        "on_failure: {retry: unlimited, after: {exponential: 50ms}}",
    );
    let mean = Duration::from_millis(50);
    assert_eq!(
        good(&text).journeys[0].pages[1].on_failure,
        OnFailure {
            retry: None,
            after: Distribution::Exponential { mean },
            chance: metrics::Ratio::ONE,
            go_on: false
        }
    );
}

const NODES: &str = "nodes: {size: {cpu: 8}, count: 3, max: 9, zones: 3}\nprices: {node_hour: 0.2}";

#[test]
fn replicas_stand_on_nodes_and_nodes_are_lost() {
    let text = with(NODES).replace(
        "kill: payment, replicas: 1}",
        "lose: zone, zone: 2, for: 2m}\n  - {at: 16m, lose: node, nodes: 2}\n  - {at: 17m, lose: zone}",
    );
    let Checked {
        scenario,
        warnings,
        left_out,
        beyond_local,
    } = checked(&text);
    let nodes = scenario.nodes.unwrap();
    assert_eq!((nodes.count, nodes.max, nodes.zones), (3, 9, 3));
    assert!(matches!(nodes.size, NodeSize::Cpu(cpu) if cpu.milli() == 8000));
    assert!((nodes.provisioning.mean().as_secs_f64() - 97.4).abs() < 1.0);
    assert_eq!(scenario.prices.node_hour, Some(0.2));
    let faults: Vec<_> = scenario.faults.iter().map(|f| (&f.kind, f.lasts)).collect();
    assert_eq!(
        faults,
        [
            (&FaultKind::LoseZone { zone: Some(2) }, secs(120)),
            (&FaultKind::LoseNode { nodes: 2 }, Duration::ZERO),
            (&FaultKind::LoseZone { zone: None }, Duration::ZERO),
        ]
    );
    assert_eq!(said(&left_out)[0].1, "`rushhour run` leaves out the nodes");
    assert_eq!(beyond_local.list().len(), 3);
    let tight: Vec<_> = said(&warnings);
    assert!(
        !tight.iter().any(|(_, what)| what.contains("room")),
        "{tight:?}"
    );
}

#[test]
fn nodes_that_are_too_small_are_told_of() {
    let small = with(NODES).replace("cpu: 8", "cpu: 1500m");
    let mistakes = read(&small).unwrap_err();
    let first = &mistakes.list()[0];
    assert_eq!(first.what, "no replica of auth fits on a node");
    assert_eq!(first.label, "it asks for 2 cores, a node has 1.5");
    let few = checked(&with(NODES).replace("cpu: 8", "replicas: 1"));
    let last = few.warnings.list().last().unwrap();
    assert_eq!(last.what, "not all replicas have room at the start");
    assert_eq!(
        last.label,
        "the services start with 5 replicas, 3 nodes have room for 3"
    );
}

#[test]
fn what_makes_no_sense_of_nodes_and_replicas_is_a_mistake() {
    let lost = |fault: &str| with(NODES).replace("kill: payment, replicas: 1", fault);
    for (text, what) in [
        (
            design_with("kill: payment, replicas: 1", "lose: node"),
            "a scenario without `nodes` loses some",
        ),
        (lost("lose: zone, zone: 3"), "zone = 3"),
        (lost("lose: node, nodes: 10"), "nodes = 10"),
        (
            lost("lose: node, zone: 1"),
            "`zone` means nothing for `lose`",
        ),
        (
            lost("lose: rack"),
            "`rack` is not something that can be lost",
        ),
        (
            with(NODES).replace("max: 9", "max: 2"),
            "max is below count: 2 below 3",
        ),
        (
            with(NODES).replace("cpu: 8", "cpu: 8, replicas: 3"),
            "the size of a node said 2 times",
        ),
        (
            catalogue_with("cores: 2"),
            "`cores` means nothing for the discipline `fifo`",
        ),
        (
            catalogue_with("discipline: sharing\n    cores: 0"),
            "a replica with 0 cores",
        ),
        (
            catalogue_with("discipline: sharing\n    contention: {alpha: 2}"),
            "alpha = 2",
        ),
        (
            catalogue_with("warm_up: {for: 0s, from: 0.5}"),
            "a warm-up of zero",
        ),
        (
            catalogue_with("warm_up: {for: 1m, from: 0%}"),
            "a warm-up from no speed at all",
        ),
        (
            design_with("expect: 6x", "expect: 6x, service: katalogue"),
            "a calendar event of a service that is not there: `katalogue`",
        ),
    ] {
        assert_eq!(mistake(&text), what);
    }
}

#[test]
fn a_calendar_may_speak_of_one_service() {
    let text = design_with("expect: 6x", "expect: 6x, service: catalogue");
    assert_eq!(
        good(&text).calendar[0].service.as_deref(),
        Some("catalogue")
    );
}
