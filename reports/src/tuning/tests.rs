//! Tests of what tuning says, on settings made by hand.

use super::*;

fn run(pages: u64, missed: f64, hours: f64) -> Figures {
    Figures {
        pages,
        missed: Some(missed),
        replica_hours: Some(hours),
        ..Figures::default()
    }
}

fn setting(value: &str, as_written: bool, runs: &[(f64, f64)]) -> Setting {
    Setting {
        values: vec![value.to_owned()],
        as_written,
        planned: None,
        confirmed: None,
        runs: runs.iter().map(|(m, h)| run(10_000, *m, *h)).collect(),
        missed: None,
        cost: None,
        saves: None,
        within: Within::NotScored,
        on_front: false,
        yaml: format!("scaling:\n  order: {{policy: hpa, max: 30, target: {{cpu: {value}}}}}\n"),
        manifests: BTreeMap::new(),
    }
}

/// One policy whose target was searched: the less it is, the fewer are missed and the more it costs.
pub(crate) fn tuning() -> Tuning {
    let tried = |value: &str, missed, replica_hours| Tried {
        values: vec![value.to_owned()],
        outcome: Outcome {
            missed,
            replica_hours,
        },
    };
    Tuning {
        schema_version: 0,
        scenario: "flash-sale".into(),
        about: "A product drop at noon.".into(),
        command: "rushhour tune flash-sale --seed 1".into(),
        budget: 0.001,
        tuned_on: [1, 2]
            .map(|seed| RunOf {
                day: "flash-sale".into(),
                seed,
            })
            .to_vec(),
        scored_on: [3, 4, 5]
            .map(|seed| RunOf {
                day: "flash-sale".into(),
                seed,
            })
            .to_vec(),
        policies: vec![Tuned {
            policy: "as-written".into(),
            parameters: vec![Parameter {
                name: "cpu".into(),
                values: ["40%", "60%", "80%"].map(str::to_owned).to_vec(),
                written: "80%".into(),
                places: vec!["scaling.order.target.cpu".into()],
            }],
            tried: vec![
                tried("40%", 0.0001, 14.0),
                tried("60%", 0.0007, 11.0),
                tried("80%", 0.02, 9.0),
            ],
            settings: vec![
                setting(
                    "40%",
                    false,
                    &[(0.0002, 14.0), (0.0001, 14.2), (0.0003, 14.1)],
                ),
                setting(
                    "60%",
                    false,
                    &[(0.0007, 11.0), (0.0008, 11.1), (0.0006, 11.2)],
                ),
                setting("80%", true, &[(0.02, 9.0), (0.03, 9.1), (0.01, 9.2)]),
            ],
        }],
        recommended: None,
        interrupted: false,
        notes: vec!["The scenario has no history.".into()],
    }
}

#[test]
fn the_cheapest_within_the_budget_is_taken() {
    let judged = tuning().judged();
    let (_, taken) = judged.taken().expect("one kept it");
    assert_eq!(taken.values, ["60%"]);
    assert_eq!(taken.within, Within::Yes);
    let saved = taken.saves.expect("there is something to compare with");
    assert!((saved.mean - 2.0).abs() < 1e-9 && saved.low <= saved.mean);
    let order: Vec<_> = judged.policies[0]
        .settings
        .iter()
        .map(|s| s.values[0].as_str())
        .collect();
    assert_eq!(order, ["80%", "60%", "40%"], "from the cheapest up");
    assert!(judged.policies[0].settings.iter().all(|s| s.on_front));
}

#[test]
fn an_interval_that_holds_the_budget_is_taken_only_for_want_of_better() {
    let mut tuning = tuning();
    for run in &mut tuning.policies[0].settings[1].runs {
        run.missed = run.missed.map(|m| m * 1.3);
    }
    tuning.policies[0].settings[1].runs[0].missed = Some(0.0002);
    let strict = tuning.clone().judged();
    assert_eq!(strict.taken().expect("the dear one").1.values, ["40%"]);
    tuning.policies[0].settings.remove(0);
    let judged = tuning.judged();
    let (_, taken) = judged.taken().expect("its mean is within");
    assert_eq!(
        (taken.values[0].as_str(), taken.within),
        ("60%", Within::Perhaps)
    );
    assert!(judged.text().contains("cannot tell"), "{}", judged.text());
}

#[test]
fn without_a_setting_that_keeps_it_nothing_is_advised() {
    let mut tuning = tuning();
    tuning.budget = 1e-6;
    let judged = tuning.judged();
    assert_eq!(judged.recommended, None);
    assert!(judged.text().contains("No setting kept the budget"));
    let mut empty = super::tests::tuning();
    empty.policies[0].settings.clear();
    assert!(empty.judged().text().contains("nothing was scored"));
}

#[test]
fn shares_over_runs_weigh_pages_and_nothing_is_made_up() {
    let outcome = Outcome::of(&[run(1000, 0.1, 2.0), run(3000, 0.0, 4.0)]).expect("data");
    assert!((outcome.missed - 0.025).abs() < 1e-12 && (outcome.replica_hours - 3.0).abs() < 1e-12);
    assert_eq!(Outcome::of(&[run(10, 0.0, 1.0), Figures::default()]), None);
    assert_eq!(Outcome::of(&[]), None);
}

#[test]
fn it_looks_like_this() {
    let judged = tuning().judged();
    insta::assert_snapshot!("text", judged.text());
    insta::assert_snapshot!("markdown", judged.markdown());
}
