use super::*;

fn with(sets: &[&str]) -> Result<Scenario, Mistakes> {
    let sets: Vec<Set> = sets.iter().map(|text| Set::parse(text).unwrap()).collect();
    Scenario::read("my-sale.yaml", DESIGN.as_bytes(), &Folder, &sets)
}

#[test]
fn any_value_can_be_set() {
    let scenario = with(&[
        "scaling.catalogue.min=1",
        "scaling.catalogue.target={busy: 60%}",
        "services.order.replicas=3",
        "traffic.rate.1.flash.peak=90/s",
        "gates.0.below=1%",
        "seed=7",
        "control.period=5s",
        "about=A = B",
    ])
    .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(scenario.scaling["catalogue"].min, Replicas(1));
    assert_eq!(scenario.services["order"].replicas, Replicas(3));
    assert!(
        matches!(&scenario.traffic.rate[1].curve, Curve::Flash(flash) if flash.peak.get() == 90.0)
    );
    assert_eq!(scenario.gates[0].text, "misses below 1%");
    assert_eq!((scenario.seed, scenario.control.period), (7, secs(5)));
    assert_eq!(scenario.about, "A = B");
}

#[test]
fn a_mistake_in_a_set_points_at_it() {
    let mistakes = with(&[
        "scaling.catalogue.mni=6",
        "scaling.catalog.min=6",
        "traffic.rate.flash.peak=90/s",
        "seed.more=7",
        "slo.within=300",
        "traffic.rate.1.flash.peak={a: [}",
    ])
    .unwrap_err();
    insta::assert_snapshot!(mistakes);
}

#[test]
fn what_is_no_set_is_refused() {
    for text in [
        "",
        "seed",
        "=7",
        "seed=",
        "a..b=1",
        "a.=1",
        "seed=\u{1b}[31m",
        "a\0b=1",
    ] {
        assert!(Set::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn all_that_is_no_set_is_told_at_once() {
    let mistakes = Set::parse_all(&["seed", "seed=7", "a..b=1"]).unwrap_err();
    let told: Vec<(&str, &str)> = mistakes
        .list()
        .iter()
        .map(|m| (m.text.as_str(), m.what.as_str()))
        .collect();
    assert_eq!(
        told,
        [("seed", "no value in it"), ("a..b=1", "no path in it")]
    );
    let good = Set::parse_all(&["seed=7", "duration=1m"]).unwrap();
    assert_eq!(
        good,
        ["seed=7", "duration=1m"].map(|t| Set::parse(t).unwrap())
    );
}

#[test]
fn the_last_set_wins() {
    assert_eq!(with(&["seed=7", "seed=8"]).unwrap().seed, 8);
}
