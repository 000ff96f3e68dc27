use std::time::Duration;

use super::*;
use crate::record::{Audit, Record};
use crate::sample::{self, Kind};

fn run(kind: Kind) -> Analysis {
    Analysis::of(&sample::record(kind))
}

fn gate(metric: GateMetric, bound: Bound, per: GatePer) -> Gate {
    Gate {
        metric,
        bound,
        per,
        level: GateLevel::Error,
        text: "gate".into(),
    }
}

#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a row per gate")]
#[test]
fn each_gate_holds_or_not_for_a_reason() {
    let (good, bad) = (run(Kind::Passed), run(Kind::Failed));
    let limit = Bound::Time(Duration::from_millis(300));
    let p99 = GateMetric::Latency(Quantile::P99);
    let minute = Bound::Time(Duration::from_secs(60));
    use {GateMetric as M, GatePer as P, Outcome as O};
    let table = [
        ("calm", &good, gate(p99, limit, P::Phase), O::Pass),
        ("the rise", &bad, gate(p99, limit, P::Phase), O::Fail),
        ("the whole", &bad, gate(p99, limit, P::Run), O::Fail),
        (
            "the median is fine",
            &bad,
            gate(M::Latency(Quantile::P50), limit, P::Run),
            O::Pass,
        ),
        (
            "five of 26,000",
            &good,
            gate(M::Errors, Bound::Share(0.001), P::Run),
            O::Pass,
        ),
        (
            "five of 26,000",
            &good,
            gate(M::Errors, Bound::Share(0.0001), P::Run),
            O::Fail,
        ),
        (
            "too slow counts",
            &bad,
            gate(M::Misses, Bound::Share(0.01), P::Run),
            O::Fail,
        ),
        (
            "never left",
            &good,
            gate(M::TimeAboveLimit, minute, P::Run),
            O::Pass,
        ),
        (
            "75 s",
            &bad,
            gate(M::TimeAboveLimit, minute, P::Run),
            O::Fail,
        ),
        (
            "more is better",
            &good,
            gate(M::Throughput, Bound::Number(1e6), P::Run),
            O::Fail,
        ),
        (
            "more is better",
            &good,
            gate(M::Throughput, Bound::Number(1.0), P::Phase),
            O::Pass,
        ),
        (
            "too few for it",
            &good,
            gate(M::Latency(Quantile::new(0.99999).unwrap()), limit, P::Run),
            O::Inconclusive,
        ),
        (
            "no proof in so few",
            &good,
            gate(M::Errors, Bound::Share(1e-9), P::Page),
            O::Fail,
        ),
        (
            "another unit",
            &good,
            gate(p99, Bound::Share(0.1), P::Run),
            O::Inconclusive,
        ),
    ];
    for (why, run, gate, meant) in table {
        let result = judge_one(&gate, run);
        assert_eq!(result.outcome, meant, "{why}: {result:?}");
        assert_eq!(result.why.is_some(), meant == O::Inconclusive, "{why}");
    }
}

#[test]
fn an_exit_code_for_each_verdict() {
    for (kind, verdict, code) in [
        (Kind::Passed, Verdict::PassedWithWarnings, 0),
        (Kind::Failed, Verdict::Failed, 1),
        (Kind::Invalid, Verdict::Invalid, 3),
        (Kind::Interrupted, Verdict::Interrupted, 130),
    ] {
        assert_eq!(run(kind).verdict, verdict);
        assert_eq!(verdict.exit_code(), code);
    }
}

#[test]
fn what_the_audit_finds_fails_any_finished_run() {
    for kind in [Kind::Passed, Kind::Invalid] {
        let mut record = sample::record(kind);
        let audit = record.audit.as_mut().unwrap();
        audit.violation_count = 1;
        audit.violations = vec!["order 7 was charged twice".into()];
        let run = Analysis::of(&record);
        assert_eq!(run.verdict, Verdict::Failed);
        assert!(run.findings.verdict.contains("The audit found 1 violation"));
        let last = run.gates.last().unwrap();
        assert_eq!(
            (last.outcome, last.place.as_str()),
            (Outcome::Fail, "order 7 was charged twice")
        );
    }
}

#[test]
fn where_no_order_was_placed_no_audit_passes() {
    let mut record = sample::record(Kind::Passed);
    let gates = |record: &Record| Analysis::of(record).gates.len();
    let audited = gates(&record);
    record.audit = Some(Audit::default());
    assert_eq!(gates(&record), audited - 1);
    record.audit = Some(Audit {
        placed: 1,
        ..Audit::default()
    });
    assert_eq!(gates(&record), audited);
    let run = Analysis::of(&record);
    let place = &run.gates.last().unwrap().place;
    assert_eq!(place, "1 order placed, none acknowledged");
}

#[test]
fn a_warning_gate_never_fails_a_run() {
    let mut record = sample::record(Kind::Failed);
    for gate in &mut record.header.gates {
        gate.level = GateLevel::Warn;
    }
    assert_eq!(Analysis::of(&record).verdict, Verdict::PassedWithWarnings);
}

#[test]
fn a_planned_run_can_fail_and_never_passes() {
    for (kind, verdict) in [
        (Kind::Passed, Verdict::Invalid),
        (Kind::Failed, Verdict::Failed),
    ] {
        let mut record = sample::simulated(kind);
        record.header.world = World::Planned;
        let run = Analysis::of(&record);
        assert_eq!(run.verdict, verdict);
        assert!(!run.gates.is_empty());
        assert!(run.gates.iter().all(|g| g.outcome != Outcome::Pass));
        assert!(
            run.notes
                .iter()
                .any(|note| note.contains("planned in rough strokes"))
        );
        record.header.gates.clear();
        assert_eq!(
            Analysis::of(&record).verdict,
            Verdict::Invalid,
            "without gates"
        );
    }
}
