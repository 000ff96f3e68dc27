//! How many pages shoppers look at.

use super::*;
use crate::testing::{constant, fitted, journey, page, s, scenario};

#[test]
fn the_mean_number_of_pages_solves_the_chain() {
    let again = journey("again", vec![page("a", &[(0, 0.75)])]);
    assert!((again.mean_pages() - 4.0).abs() < 1e-5, "1 / (1 - 0.75)");
    let pages = vec![
        page("a", &[(1, 0.5), (2, 0.25)]),
        page("b", &[(2, 1.0)]),
        page("c", &[]),
    ];
    assert!((journey("way", pages).mean_pages() - 2.25).abs() < 1e-9);
    let chain = fitted::chain().mean_pages();
    assert!((chain - 6.89).abs() < 0.01, "{chain}");
}

#[test]
fn who_never_leaves_looks_at_endless_pages() {
    let endless = journey(
        "endless",
        vec![page("a", &[(1, 1.0)]), page("b", &[(0, 1.0)])],
    );
    assert_eq!(endless.mean_pages(), f64::INFINITY);
}

#[test]
fn page_rates_add_up_over_terms_and_journeys() {
    let four = journey("four", vec![page("a", &[(0, 0.75)])]);
    let one = Journey {
        weight: 3.0,
        ..journey("one", vec![page("a", &[])])
    };
    let own = Term {
        journey: Some(JourneyIndex(0)),
        ..constant(2.0)
    };
    let mut scenario = scenario(vec![four, one], vec![constant(8.0), own]);
    let rate = scenario.page_rate_at(s(1.0));
    assert!(
        (rate - (8.0 * (4.0 + 3.0) / 4.0 + 2.0 * 4.0)).abs() < 1e-4,
        "{rate}"
    );
    scenario.traffic.unit = Unit::Requests;
    assert_eq!(scenario.page_rate_at(s(1.0)), 10.0);
}

#[test]
fn the_first_run_is_within_what_two_cores_were_measured_to_carry() {
    let text = crate::library_scenario("flash-sale").unwrap();
    let scenario = Scenario::read("flash-sale", text.as_bytes(), &crate::NoFiles, &[]).unwrap();
    let peak = (0..=1000)
        .map(|part| scenario.page_rate_at(scenario.duration * part / 1000))
        .fold(0.0, f64::max);
    // docs/benchmarks.md: 420 pages a second on two cores.
    assert!(peak > 50.0 && peak < 420.0, "{peak}");
}
