use super::*;
use crate::sample::{self, Kind};

fn run(kind: Kind) -> Analysis {
    Analysis::of(&sample::record(kind))
}

/// The same run after `change`, with its findings made again.
fn after(kind: Kind, change: impl FnOnce(&mut Analysis)) -> Findings {
    let mut run = run(kind);
    change(&mut run);
    Findings::of(&run)
}

#[test]
fn the_verdict_says_what_the_data_say() {
    let table = [
        (after(Kind::Passed, |_| ()), "The shop held. "),
        (
            after(Kind::Passed, |r| r.total.missed = Some(0.9)),
            "The shop did not hold. ",
        ),
        (
            after(Kind::Failed, |_| ()),
            "The shop did not hold for 75 s (from 5:00 to 6:15). ",
        ),
        (
            after(Kind::Failed, |r| r.total.missed = Some(0.01)),
            "The shop held, except for 75 s (",
        ),
        (
            after(Kind::Failed, |r| r.breaches[0].to_s = 1100.0),
            "The shop did not hold: for 13 min 20 s",
        ),
        (
            after(Kind::Invalid, |_| ()),
            "This run decides nothing: the generator was late",
        ),
        (
            after(Kind::Interrupted, |_| ()),
            "The run was stopped at 7:30 of 20:00. ",
        ),
    ];
    for (findings, begin) in table {
        assert!(findings.verdict.starts_with(begin), "{}", findings.verdict);
    }
}

#[test]
fn a_cause_is_named_only_where_the_record_shows_one() {
    let with = after(Kind::Failed, |_| ());
    assert!(
        with.hero
            .title
            .ends_with(": load outran the catalogue replicas that were ready")
    );
    assert!(with.why.is_some() && with.advice.is_some() && with.breach.is_some());
    let without = after(Kind::Failed, |r| r.breaches[0].split = None);
    assert_eq!(
        without.hero.title,
        "Latency left its limit of 300 ms for 75 s in the phase rise"
    );
    assert_eq!(
        (without.why, without.advice, without.breach),
        (None, None, None)
    );
}

#[test]
fn advice_never_goes_beyond_the_maximum_nor_into_a_shell() {
    let command = |change: fn(&mut Analysis)| after(Kind::Failed, change).advice.unwrap().command;
    assert!(
        command(|_| ())
            .unwrap()
            .contains("--set scaling.catalogue.min=")
    );
    let capped = command(|r| r.services.iter_mut().for_each(|s| s.max = 5));
    assert!(capped.unwrap().contains("--set scaling.catalogue.max="));
    assert_eq!(
        command(|r| r.about.command = "rushhour run x; rm -rf /".into()),
        None
    );
}

#[test]
fn neutral_titles_where_there_is_no_finding() {
    let empty = after(Kind::Passed, |r| {
        r.percentiles.clear();
        r.services.clear();
        r.tightest = None;
        r.total.p99_ms = None;
        r.cost = super::super::Cost::default();
        r.decisions = super::super::Decisions::default();
        r.honesty.lateness_p99_ms = None;
    });
    assert_eq!(empty.hero.title, "Load, latency and capacity");
    assert_eq!(empty.knee.title, "Latency against load");
    assert_eq!(empty.percentiles.title, "Latency by percentile");
    assert_eq!(empty.cost.title, "Cost");
    assert_eq!(empty.services.title, "The services");
    assert_eq!(empty.decisions.title, "Decisions");
    assert_eq!(empty.honesty.title, "The load");
}

#[test]
fn two_humps_are_seen_and_one_is_not() {
    let with = |column: Vec<u64>| {
        after(Kind::Passed, |r| {
            r.heatmap.edges_ms = (0..=column.len()).map(|i| 10.0 * (i + 1) as f64).collect();
            r.heatmap.counts = vec![column];
        })
    };
    assert!(
        with(vec![10, 500, 100, 20, 90, 200, 30])
            .heatmap
            .title
            .starts_with("Two kinds of answers")
    );
    assert_eq!(
        with(vec![10, 500, 300, 200, 90, 20, 3]).heatmap.title,
        "All latencies over time"
    );
}
