//! What a scenario says of waiting, trying again, and breaking down again and again.

use metrics::Replicas;

use super::simulated::{catalogue_with, checked, mistake, said, with};
use super::*;
use crate::{FaultKind, Policy, Waiting};

#[test]
fn requests_may_wait_at_the_gateway() {
    let found = checked(&catalogue_with("waiting: gateway"));
    assert_eq!(
        found.scenario.services["catalogue"].waiting,
        Waiting::Gateway
    );
    assert_eq!(found.scenario.services["order"].waiting, Waiting::Replica);
    let what = "`rushhour run` cannot do `waiting: gateway`";
    assert_eq!(said(&found.beyond_local)[0].1, what);
}

#[test]
fn replicas_may_come_and_go_with_requests() {
    let hpa = "{policy: hpa, min: 2, max: 30, target: {cpu: 70%}}";
    let text = catalogue_with("waiting: gateway");
    let scaled = |text: &str, entry: &str| {
        let text = text.replace(hpa, entry);
        assert!(text.contains(entry), "the design has changed");
        text
    };
    let found = checked(&scaled(&text, "{policy: per_request, min: 0, max: 9}"));
    let scaling = &found.scenario.scaling["catalogue"];
    assert_eq!(scaling.policy, Policy::PerRequest);
    assert_eq!((scaling.min, scaling.max), (Replicas(0), Replicas(9)));
    assert_eq!(found.beyond_local.list().len(), 2);
    let cases = [
        (
            scaled(DESIGN, "{policy: per_request, max: 9}"),
            "`per_request` for a service whose replicas hold those who wait",
        ),
        (
            scaled(
                &catalogue_with("waiting: gateway\n    slots: unlimited"),
                "{policy: per_request, max: 9}",
            ),
            "`per_request` for a service with unlimited slots",
        ),
        (
            scaled(&text, "{policy: per_request, max: 9, target: {cpu: 70%}}"),
            "`target` means nothing for `per_request`",
        ),
    ];
    for (text, what) in cases {
        assert_eq!(mistake(&text), what);
    }
}

#[test]
fn shoppers_may_lose_patience_at_any_try() {
    let text = design_with(
        "on_failure: {retry: 2, after: 2s}",
        "on_failure: {retry: 2, after: 2s, chance: 60%}",
    );
    let on_failure = &checked(&text).scenario.journeys[0].pages[1].on_failure;
    assert_eq!(on_failure.chance.get(), 0.6);
}

fn faults(list: &str) -> Vec<(FaultKind, Duration, Duration)> {
    let text = with("").replace("  - {at: 14m, kill: payment, replicas: 1}\n", list);
    let scenario = checked(&text).scenario;
    let fault = |fault: &crate::Fault| (fault.kind.clone(), fault.at, fault.lasts);
    scenario.faults.iter().map(fault).collect()
}

#[test]
fn what_breaks_may_break_again() {
    let freeze = || FaultKind::Freeze {
        service: "payment".to_owned(),
        replicas: None,
    };
    let s = Duration::from_secs;
    assert_eq!(
        faults("  - {at: 5m, for: 1m, freeze: payment, every: 6m}\n"),
        [
            (freeze(), s(300), s(60)),
            (freeze(), s(720), s(60)),
            (freeze(), s(1140), s(60))
        ]
    );
    // The run lasts twenty minutes: the last is over with it.
    let list = "  - {at: 0s, for: {exponential: 2s}, freeze: payment, every: {exponential: 8s}}\n";
    let drawn = faults(list);
    assert!((90..160).contains(&drawn.len()), "{}", drawn.len());
    for pair in drawn.windows(2) {
        assert!(pair[0].1 + pair[0].2 < pair[1].1);
    }
    assert!(drawn.iter().all(|(_, at, lasts)| *at + *lasts <= s(1200)));
    assert_eq!(drawn, faults(list), "the same file, the same luck");
    let kills = faults("  - {at: 1m, kill: payment, every: 5m}\n");
    let instants: Vec<_> = kills.iter().map(|(_, at, _)| at.as_secs() / 60).collect();
    assert_eq!(instants, [1, 6, 11, 16]);
}

#[test]
fn faults_that_come_too_often_are_refused() {
    let fault = |fault: &str| with("").replace("{at: 14m, kill: payment, replicas: 1}", fault);
    let cases = [
        (
            "{at: 0s, kill: payment, every: 1ms}",
            "a fault that comes more than 1000000 times",
        ),
        (
            "{at: 0s, kill: payment, every: 0s}",
            "a time between two faults of zero",
        ),
        ("{at: 0s, for: 0s, freeze: payment}", "a fault of zero"),
        ("{at: 0s, freeze: payment}", "`freeze` without `for`"),
        (
            "{at: 19m, for: 2m, freeze: payment}",
            "a fault that ends after the run",
        ),
        (
            "{at: 0s, for: 1s, freeze: payment, factor: 2}",
            "`factor` means nothing for `freeze`",
        ),
    ];
    for (written, what) in cases {
        assert_eq!(mistake(&fault(written)), what);
    }
}

#[test]
fn a_rate_may_be_a_wave() {
    let wave = |fields: &str| {
        design_with(
            "- constant: {rate: 12/s}",
            &format!("- sine: {{mean: 12/s, {fields}}}"),
        )
    };
    let scenario = checked(&wave("amplitude: 50%, period: 4m, at: 1m")).scenario;
    let rate = |seconds| {
        scenario.traffic.rate[0]
            .curve
            .rate_at(Duration::from_secs(seconds))
            .get()
    };
    for (seconds, due) in [(60, 12.0), (120, 18.0), (0, 6.0), (240, 6.0), (360, 18.0)] {
        assert!(
            (rate(seconds) - due).abs() < 1e-9,
            "{seconds}: {}",
            rate(seconds)
        );
    }
    assert_eq!(
        mistake(&wave("amplitude: 50%, period: 0s")),
        "period = 0, must be above 0"
    );
}
