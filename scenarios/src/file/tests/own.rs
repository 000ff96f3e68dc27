//! Our own policy in a scenario.

use std::time::Duration;

use metrics::Ratio;

use super::simulated::{catalogue_with, checked, mistake};
use super::*;

const HPA: &str = "{policy: hpa, min: 2, max: 30, target: {cpu: 70%}}";

fn scaled(text: &str, entry: &str) -> String {
    let text = text.replace(HPA, entry);
    assert!(text.contains(entry), "the design has changed");
    text
}

#[test]
fn it_needs_nothing_but_a_maximum() {
    let policy = |entry: &str| {
        let found = checked(&scaled(DESIGN, entry));
        found.scenario.scaling["catalogue"].policy.clone()
    };
    let plain = policy("{policy: reactive, max: 30}");
    assert_eq!(
        plain,
        Policy::Reactive {
            budget: None,
            hold: None
        }
    );
    let budget = Ratio::new(0.005).ok();
    let bold = policy("{policy: reactive, min: 2, max: 30, budget: 0.5%, hold: 3m}");
    assert_eq!(
        bold,
        Policy::Reactive {
            budget,
            hold: Some(Duration::from_secs(180))
        }
    );
    let named = policy("{policy: foresight, max: 30, budget: 0.5%, history: {days: 7}}");
    assert_eq!(
        named,
        Policy::Foresight {
            budget,
            hold: None,
            history: Some(History::Days(7))
        }
    );
}

#[test]
fn whoever_names_no_policy_gets_foresight() {
    let found = checked(&scaled(DESIGN, "{max: 30}"));
    let policy = &found.scenario.scaling["catalogue"].policy;
    assert_eq!(
        *policy,
        Policy::Foresight {
            budget: None,
            hold: None,
            history: None
        }
    );
    let text = scaled(
        &catalogue_with("slots: unlimited"),
        "{max: 30, target: {cpu: 70%}}",
    );
    let mistakes = read(&text).expect_err("there are mistakes in it");
    let said: Vec<&str> = mistakes.list().iter().map(|m| m.what.as_str()).collect();
    assert!(
        said.contains(&"`target` means nothing for a foresight policy"),
        "{said:?}"
    );
    assert!(
        said.contains(&"`foresight` for a service with unlimited slots"),
        "{said:?}"
    );
}

#[test]
fn what_it_cannot_use_is_refused() {
    let cases = [
        (
            scaled(DESIGN, "{policy: reactive}"),
            "scaling without `max`",
        ),
        (
            scaled(DESIGN, "{policy: reactive, max: 30, tolerance: 5%}"),
            "`tolerance` means nothing for a reactive policy",
        ),
        (
            scaled(DESIGN, "{policy: reactive, max: 30, hold: 11m}"),
            "hold = 11m",
        ),
        (
            scaled(DESIGN, "{policy: reactive, max: 30, history: {days: 3}}"),
            "`history` means nothing for a reactive policy",
        ),
        (scaled(DESIGN, "{max: 30, history: {days: 1}}"), "days = 1"),
        (
            scaled(DESIGN, "{max: 30, history: {}}"),
            "a history without days",
        ),
        (
            scaled(DESIGN, "{max: 30, history: {days: 3, file: week.csv}}"),
            "a history that is told twice",
        ),
        (
            scaled(DESIGN, "{policy: reactive, max: 30, budget: 0%}"),
            "a budget that cannot be kept to",
        ),
        (
            scaled(
                DESIGN,
                "{policy: hpa, max: 30, target: {cpu: 70%}, budget: 1%}",
            ),
            "`budget` means nothing for an hpa",
        ),
        (
            scaled(
                &catalogue_with("slots: unlimited"),
                "{policy: reactive, max: 30}",
            ),
            "`reactive` for a service with unlimited slots",
        ),
        (
            scaled(
                &catalogue_with("discipline: sharing\n    cores: 4\n    slots: 20"),
                "{policy: reactive, max: 30}",
            ),
            "`reactive` for a service whose requests share its cores",
        ),
    ];
    for (text, what) in cases {
        assert_eq!(mistake(&text), what);
    }
}
