use super::*;
use crate::gates::Outcome;
use crate::record::Event;
use crate::sample::{self, Kind};

fn of(kind: Kind) -> Analysis {
    Analysis::of(&sample::record(kind))
}

#[test]
fn the_law_of_counting_holds_in_every_view() {
    let run = of(Kind::Failed);
    let sum = |groups: &[Group]| groups.iter().map(|g| g.counts.offered).sum::<u64>();
    assert_eq!(sum(&run.phases), run.counts().offered);
    assert_eq!(sum(&run.pages), run.counts().offered);
    let world_s = run.about.window_s / run.about.speed;
    let over_time: f64 = run
        .windows
        .iter()
        .filter_map(|w| w.offered_rps)
        .sum::<f64>()
        * world_s;
    assert!((over_time - run.counts().offered as f64).abs() < 1e-3);
    let heat: u64 = run.heatmap.counts.iter().flatten().sum();
    assert_eq!(heat, run.total.samples());
    let steps: u64 = run.percentiles.iter().map(|s| s.samples).sum();
    assert_eq!(steps, run.total.samples());
}

#[test]
fn a_breach_is_seen_with_its_cause() {
    let run = of(Kind::Failed);
    assert_eq!(run.breaches.len(), 1);
    let split = run.breaches[0].split.as_ref().unwrap();
    assert_eq!(split.service, "catalogue");
    assert!(
        (split.not_seen.from_s - 300.0).abs() < 1e-6,
        "the rise begins at 5:00"
    );
    assert_eq!(split.not_seen.to_s, split.starting.from_s);
    assert_eq!(split.starting.to_s, split.clearing.from_s);
    assert!(split.clearing.to_s >= run.breaches[0].to_s);
    assert_eq!(run.tightest.as_ref().unwrap().service, "catalogue");
    assert_eq!(
        run.recovery_s,
        Some(run.breaches[0].to_s - run.breaches[0].from_s)
    );
    let calm = of(Kind::Passed);
    assert_eq!((calm.breaches.len(), calm.recovery_s), (0, Some(0.0)));
}

#[test]
fn the_knee_is_the_one_of_the_model_that_made_the_run() {
    // The sample's catalogue replicas take 100 req/s with all slots held.
    let run = of(Kind::Failed);
    let safe = run.service("catalogue").unwrap().safe.rps().unwrap();
    assert!((60.0..=105.0).contains(&safe), "{safe}");
}

#[test]
fn a_gap_is_nothing_and_never_zero() {
    let run = of(Kind::Invalid);
    let inside = |from_s: f64| (480.0..600.0).contains(&from_s);
    for window in &run.windows {
        assert_eq!(
            window.offered_rps.is_none(),
            inside(window.from_s),
            "{window:?}"
        );
    }
    let service = run.service("catalogue").unwrap();
    assert!(
        service
            .windows
            .iter()
            .filter(|w| inside(w.from_s))
            .all(|w| w.ready.is_none() && w.capacity_rps.is_none())
    );
    assert!(
        run.percentiles
            .iter()
            .all(|s| s.to_s <= 480.0 + 1e-6 || s.from_s >= 600.0 - 1e-6)
    );
    assert!(run.cost.covered < 0.95);
}

#[test]
fn the_drain_is_no_window_of_the_run() {
    let mut record = sample::record(Kind::Passed);
    let before = Analysis::of(&record);
    let mut drain = record.windows().last().unwrap();
    drain.start = drain.start + drain.length;
    drain.pages.clear();
    let late = drain.services["auth"].counts.served;
    record.push(Event::Window(drain));
    record.settle();
    let after = Analysis::of(&record);
    assert_eq!(after.windows, before.windows);
    let served = |run: &Analysis| run.service("auth").unwrap().counts.served;
    assert_eq!(served(&after), served(&before) + late, "its answers count");
}

#[test]
fn steps_of_one_direction_are_one_group() {
    let decisions = of(Kind::Failed).decisions;
    assert_eq!(decisions.changes, decisions.ups + decisions.downs);
    assert_eq!(decisions.changes + decisions.unchanged, 80);
    assert_eq!(decisions.groups.len(), 2);
    let down = &decisions.groups[1];
    assert_eq!((down.from > down.to, down.to), (true, 4));
    assert_eq!(down.steps.len() as u64, decisions.downs);
}

#[test]
fn used_and_wasted_are_what_was_paid() {
    for service in of(Kind::Failed).cost.services {
        let (used, wasted) = (
            service.used_replica_min.unwrap(),
            service.wasted_replica_min.unwrap(),
        );
        assert!((used + wasted - service.paid_replica_min).abs() < 1e-9);
        assert!(used >= 0.0 && wasted >= 0.0);
    }
}

#[test]
fn a_phase_with_too_few_requests_joins_the_next_and_says_so() {
    let mut record = sample::record(Kind::Passed);
    let phases = &mut record.header.phases;
    phases[1].to = phases[1].from + std::time::Duration::from_millis(1);
    phases[2].from = phases[1].to;
    let run = Analysis::of(&record);
    let peak = run.phases.iter().find(|p| p.name == "peak").unwrap();
    assert_eq!(peak.joined, ["rise"]);
    assert!(
        run.notes
            .iter()
            .any(|n| n.contains("The phase peak holds rise too")),
        "{:?}",
        run.notes
    );
}

#[test]
fn an_empty_record_is_an_answer_too() {
    let header = Event::Header(Box::new(sample::header(Kind::Passed)));
    let record = Record::from_events([header]).unwrap();
    let run = Analysis::of(&record);
    assert_eq!(run.verdict, Verdict::Interrupted);
    assert!(run.windows.is_empty());
    assert!(
        run.gates.iter().all(|g| g.outcome == Outcome::Inconclusive),
        "{:?}",
        run.gates
    );
    assert_eq!(run.recovery_s, None);
}

#[test]
fn the_same_record_says_the_same() {
    assert_eq!(of(Kind::Failed), of(Kind::Failed));
    let json = serde_json::to_string(&of(Kind::Failed)).unwrap();
    let back: Analysis = serde_json::from_str(&json).unwrap();
    assert_eq!(back, of(Kind::Failed));
}
