use super::*;
use crate::sample::{self, Kind};

fn of(kind: Kind) -> Analysis {
    Analysis::of(&sample::record(kind))
}

#[test]
fn a_run_is_no_different_from_itself() {
    let run = of(Kind::Failed);
    let same = Comparison::new(&run.clone().into(), &run);
    assert_eq!((same.missed, same.unlike.len()), (0, 0));
    assert!(same.met > 0);
    for figure in same.figures.iter().filter(|f| f.outcome != Outcome::TooFew) {
        assert_eq!(figure.error, Some(0.0), "{figure:?}");
    }
    assert_eq!(same.subjects().len(), 5, "the whole and four services");
}

#[test]
fn a_prediction_that_is_off_misses_its_goals_and_says_so_everywhere() {
    let measured = of(Kind::Passed);
    let mut predicted = measured.clone();
    for step in &mut predicted.percentiles {
        step.p99_ms = step.p99_ms.map(|ms| ms * 1.5);
    }
    for service in &mut predicted.services {
        for window in &mut service.windows {
            window.ready = window.ready.map(|n| n * 2);
        }
    }
    predicted.about.seed += 1;
    let off = Comparison::new(&predicted.into(), &measured);
    let p99 = off.figure(None, Measure::P99, Some(Band::Calm)).unwrap();
    assert!((p99.error.unwrap() - 0.5).abs() < 1e-9, "{p99:?}");
    assert_eq!(p99.outcome, Outcome::Missed);
    let replicas = off
        .figure(Some("catalogue"), Measure::Replicas, None)
        .unwrap();
    assert_eq!(replicas.outcome, Outcome::Missed);
    let p50 = off.figure(None, Measure::P50, Some(Band::Calm)).unwrap();
    assert_eq!((p50.error, p50.outcome), (Some(0.0), Outcome::Met));
    for text in [off.markdown(), off.lines(200).join("\n")] {
        assert!(text.contains("MISSED") && text.contains("15 %"), "{text}");
        assert!(text.contains("The seed differs"), "{text}");
    }
    assert!(off.lines(60).iter().all(|l| l.chars().count() <= 60));
}

#[test]
fn what_a_hardly_different_world_does_is_chance() {
    let run = of(Kind::Passed);
    let slower = |factor: f64| {
        let mut run = run.clone();
        for step in &mut run.percentiles {
            step.p50_ms = step.p50_ms.map(|ms| ms * factor);
        }
        run
    };
    let against = |measured: f64, nearby: &[f64]| {
        let prediction = Prediction {
            run: run.clone(),
            nearby: nearby.iter().map(|f| slower(*f)).collect(),
        };
        Comparison::new(&prediction, &slower(measured))
    };
    let p50 = |c: &Comparison| {
        let figure = c.figure(None, Measure::P50, Some(Band::Calm)).unwrap();
        (figure.outcome, figure.nearby)
    };
    let chance = against(1.25, &[1.1, 1.3, 1.2]);
    let (outcome, nearby) = p50(&chance);
    assert_eq!(outcome, Outcome::Missed);
    assert!(
        (nearby.unwrap() - 0.3).abs() < 1e-9,
        "the largest: {nearby:?}"
    );
    assert_eq!(chance.chance, chance.missed);
    let said = chance.lines(200).join("\n");
    assert!(
        said.contains("nearby 30 %") && said.contains("no further off"),
        "{said}"
    );

    let more = against(1.25, &[1.1]);
    assert_eq!((more.chance, more.chance_text()), (0, None));
    assert_eq!(p50(&against(1.25, &[])), (Outcome::Missed, None));
}

#[test]
fn without_data_nothing_is_said() {
    let empty = Analysis::of(&sample::begun(0));
    let nothing = Comparison::new(&empty.clone().into(), &of(Kind::Passed));
    assert_eq!((nothing.met, nothing.missed), (0, 0));
    assert!(nothing.figures.iter().all(|f| f.outcome == Outcome::TooFew));
    let all = Comparison::new(&empty.clone().into(), &empty);
    assert!(all.title().contains("too little"));
}

#[test]
fn it_looks_like_this() {
    let (measured, predicted) = (of(Kind::Failed), of(Kind::Passed));
    let lines = Comparison::new(&predicted.into(), &measured).lines(140);
    insta::assert_snapshot!(lines.join("\n"));
}
