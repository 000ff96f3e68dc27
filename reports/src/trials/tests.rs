use super::*;

fn figures(missed: f64, replica_hours: f64) -> Figures {
    Figures {
        pages: 1000,
        missed: Some(missed),
        errors: Some(missed / 2.0),
        p50_ms: Some(40.0),
        p99_ms: Some(300.0 + missed * 1e4),
        replica_hours: Some(replica_hours),
        above_limit_s: Some(missed * 1e3),
        changes: 4,
        ..Figures::default()
    }
}

fn runs(missed: [f64; 5], hours: f64) -> Vec<Figures> {
    missed.map(|m| figures(m, hours + m)).to_vec()
}

fn trials(variants: Vec<Variant>) -> Trials {
    Trials {
        schema_version: 0,
        scenario: "flash-sale".into(),
        about: "A product drop at noon.".into(),
        speed: 1.0,
        command: "rushhour compare flash-sale".into(),
        seeds: vec![42, 43, 44, 45, 46],
        variants,
        differences: Vec::new(),
        notes: Vec::new(),
    }
    .with_differences()
}

fn three() -> Trials {
    let base = [0.05, 0.06, 0.04, 0.055, 0.045];
    let better = base.map(|m| m / 2.0 + 0.001);
    let variant = |name: &str, floor, runs| Variant::new(name.into(), vec![], floor, runs);
    trials(vec![
        variant("as-written", false, runs(base, 8.0)),
        variant("hpa:cpu=50%", false, runs(better, 9.5)),
        variant("oracle", true, runs([0.001; 5], 5.0)),
    ])
}

#[test]
fn equal_variants_differ_by_exactly_nothing() {
    let same = runs([0.05, 0.06, 0.04, 0.055, 0.045], 8.0);
    let trials = trials(vec![
        Variant::new("a".into(), vec![], false, same.clone()),
        Variant::new("b".into(), vec![], false, same),
    ]);
    assert_eq!(trials.differences.len(), Measure::ALL.len());
    for difference in &trials.differences {
        assert_eq!(difference.says, Says::Equal, "{difference:?}");
        assert_eq!(difference.mean, Some(0.0));
        assert_eq!((difference.low, difference.high), (Some(0.0), Some(0.0)));
    }
}

#[test]
fn what_an_interval_around_zero_says_is_nothing() {
    let missed = [0.05, 0.06, 0.04, 0.055, 0.045];
    let other = [0.055, 0.055, 0.045, 0.05, 0.048];
    let trials = trials(vec![
        Variant::new("a".into(), vec![], false, runs(missed, 8.0)),
        Variant::new("b".into(), vec![], false, runs(other, 8.0)),
    ]);
    let missed = &trials.differences[0];
    assert_eq!(missed.says, Says::CannotTell, "{missed:?}");
    let text = trials.text();
    assert!(text.contains("cannot tell whether misses differ"), "{text}");
}

#[test]
fn a_run_without_a_value_leaves_the_measure_without_one() {
    let mut some = runs([0.05, 0.06, 0.04, 0.055, 0.045], 8.0);
    some[3].p99_ms = None;
    let trials = trials(vec![
        Variant::new("a".into(), vec![], false, runs([0.1; 5], 8.0)),
        Variant::new("b".into(), vec![], false, some),
    ]);
    let p99 = trials
        .differences
        .iter()
        .find(|d| d.measure == Measure::P99);
    assert_eq!(p99.unwrap().says, Says::NoData);
    assert_eq!(trials.variants[1].over_runs(Measure::P99).mean, None);
}

#[test]
fn in_a_terminal_it_looks_like_this() {
    insta::assert_snapshot!(three().text());
}

#[test]
fn as_markdown_it_looks_like_this() {
    insta::assert_snapshot!(three().markdown());
}

#[test]
fn it_survives_the_trip_through_json() {
    let trials = three();
    let text = serde_json::to_string(&trials).unwrap();
    assert_eq!(serde_json::from_str::<Trials>(&text).unwrap(), trials);
}
