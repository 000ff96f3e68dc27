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

fn with_scaling(text: &str) -> Result<Scenario, Mistakes> {
    let set = Set::scaling("policy.yaml", text.as_bytes())?;
    Scenario::read("my-sale.yaml", DESIGN.as_bytes(), &Folder, &[set])
}

#[test]
fn a_file_s_scaling_takes_the_place_of_that_of_its_services() {
    let before = with(&[]).unwrap();
    let text = "# as planned\nname: whatever\nscaling:\n  catalogue:\n    policy: hpa\n    min: 4\n    max: 44\n    target: {busy: 50%}\n";
    let after = with_scaling(text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(after.scaling["catalogue"].min, Replicas(4));
    assert_eq!(after.scaling["catalogue"].max, Replicas(44));
    assert_eq!(after.calendar, before.calendar, "it has no calendar");
    assert_eq!(after.name, before.name, "the rest is left aside");
}

#[test]
fn a_mistake_in_such_a_file_points_into_it() {
    for (text, needle) in [
        (
            "scaling: {catalogue: {policy: hpa, mni: 3}}",
            "did you mean `min`?",
        ),
        ("scaling: {catalogue: {policy: hpq, max: 3}}", "hpq"),
        ("scaling: {nobody: {policy: static}}", "nobody"),
        ("scaling: 3", "no `scaling`"),
        ("catalogue: {policy: static}", "no `scaling` in it"),
        ("[1, 2]", "no `scaling` in it"),
        ("scaling: [", "policy.yaml"),
        ("", "policy.yaml"),
        ("scaling: \u{1b}", "policy.yaml"),
    ] {
        let told = with_scaling(text).unwrap_err().to_string();
        assert!(told.contains(needle), "{text}: {told}");
        assert!(told.contains("policy.yaml"), "{text}: {told}");
    }
}
