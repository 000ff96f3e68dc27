use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::testing::{changed, constant, fitted, journey, page, s, scenario};
use crate::{Distribution, Extract, OnFailure, Source};

fn none(_: &str) -> Option<String> {
    None
}

/// A shop of one journey.
fn shop(journey: crate::Journey) -> Arc<Scenario> {
    scenario(vec![journey], vec![constant(1.0)]).shared()
}

/// Walks a shopper to the end: the pages, by their places.
fn walk(mut shopper: Shopper) -> Vec<usize> {
    let mut pages = vec![shopper.page.0 as usize];
    while let Next::After(_) = shopper.step(Outcome::Served) {
        pages.push(shopper.page.0 as usize);
    }
    pages
}

#[test]
fn the_fitted_chain_shows_its_shares_of_pages() {
    const SHOPPERS: u64 = 60_000;
    let scenario = shop(fitted::chain());
    let mut visits = [0_u32; 12];
    for index in 0..SHOPPERS {
        for page in walk(Shopper::new(Arc::clone(&scenario), index, None)) {
            visits[page] += 1;
        }
    }
    let pages: u32 = visits.iter().sum();
    let mean = f64::from(pages) / SHOPPERS as f64;
    // Lengths have a deviation of about 7: the mean's is 0.03.
    assert!((mean - 6.89).abs() < 0.1, "{mean} pages");
    for ((name, share), visits) in fitted::PAGES.iter().zip(visits) {
        let is = f64::from(visits) / f64::from(pages);
        // Visits come in runs: a tenth of the rare ones, and a fiftieth of the others.
        assert!(
            (is - share).abs() < 0.02 * share + 0.001,
            "{name}: {is}, not {share}"
        );
    }
}

#[test]
fn a_length_factor_makes_lengths_heavy_tailed_and_keeps_their_mean() {
    let lengths = |cv: f64| {
        let chain = page("product", &[(0, 0.9)]);
        let scenario = shop(Journey {
            length_cv: cv,
            ..journey("j", vec![chain])
        });
        let mut lengths: Vec<usize> = (0..40_000)
            .map(|index| walk(Shopper::new(Arc::clone(&scenario), index, None)).len())
            .collect();
        lengths.sort_unstable();
        let mean = lengths.iter().sum::<usize>() as f64 / 40_000.0;
        (mean, lengths[20_000], lengths[39_600])
    };
    let (plain_mean, plain_median, plain_p99) = lengths(0.0);
    let (mean, median, p99) = lengths(1.0);
    assert!((plain_mean - 10.0).abs() < 0.2, "{plain_mean}");
    // A geometric length: p99 ÷ p50 = 6.6. Real ones: 6 to 12.
    assert!(
        (plain_median, plain_p99) == (7, 44) || plain_p99.abs_diff(44) < 3,
        "{plain_p99}"
    );
    assert!((mean - 10.0).abs() < 0.4, "{mean}");
    assert!(p99 as f64 / median as f64 > 10.0, "{median} {p99}");
}

#[test]
fn a_walk_does_not_depend_on_others_or_on_when_it_is_walked() {
    let scenario = shop(fitted::chain());
    let alone = walk(Shopper::new(Arc::clone(&scenario), 17, None));
    let mut shopper = Shopper::new(Arc::clone(&scenario), 17, None);
    let mut other = Shopper::new(Arc::clone(&scenario), 18, None);
    let mut pages = vec![shopper.page.0 as usize];
    while let Next::After(_) = shopper.step(Outcome::Served) {
        other.step(Outcome::NotServed);
        pages.push(shopper.page.0 as usize);
    }
    assert_eq!(pages, alone);
}

#[test]
fn journeys_come_by_their_weights() {
    let journeys = [("a", 97.0), ("b", 3.0), ("never", 0.0)].map(|(name, weight)| Journey {
        weight,
        ..journey(name, vec![page("p", &[])])
    });
    let scenario = scenario(journeys.to_vec(), vec![]).shared();
    let mut counts = [0_u32; 3];
    for index in 0..20_000 {
        counts[Shopper::new(Arc::clone(&scenario), index, None).journey.0 as usize] += 1;
    }
    assert_eq!(counts[2], 0);
    assert!((480..720).contains(&counts[1]), "{counts:?}");
}

#[test]
fn a_known_journey_draws_as_one_that_was_drawn() {
    let scenario = shop(Journey {
        length_cv: 1.0,
        ..fitted::chain()
    });
    for index in 0..100 {
        let drawn = walk(Shopper::new(Arc::clone(&scenario), index, None));
        assert_eq!(
            drawn,
            walk(Shopper::new(Arc::clone(&scenario), index, JourneyIndex(0)))
        );
    }
}

#[test]
fn one_who_fails_tries_again_and_then_leaves_or_goes_on() {
    let with = |go_on: bool| {
        let on_failure = OnFailure {
            retry: Some(2),
            after: Distribution::Constant(s(3.0)),
            chance: metrics::Ratio::ONE,
            go_on,
        };
        let pages = vec![
            Page {
                on_failure: on_failure.clone(),
                ..page("pay", &[(1, 1.0)])
            },
            page("thanks", &[]),
        ];
        Shopper::new(shop(journey("j", pages)), 0, None)
    };
    let mut leaves = with(false);
    for attempt in 1..=2 {
        assert_eq!(leaves.step(Outcome::NotServed), Next::After(s(3.0)));
        assert_eq!(
            (leaves.attempt, leaves.number, leaves.page),
            (attempt, 0, PageIndex(0))
        );
    }
    assert_eq!(leaves.step(Outcome::NotServed), Next::Leave);

    let mut goes_on = with(true);
    goes_on.step(Outcome::NotServed);
    goes_on.step(Outcome::NotServed);
    assert_eq!(goes_on.step(Outcome::NotServed), Next::After(s(1.0)));
    assert_eq!(
        (goes_on.attempt, goes_on.number, goes_on.page),
        (0, 1, PageIndex(1))
    );

    let mut succeeds = with(false);
    succeeds.step(Outcome::NotServed);
    assert_eq!(succeeds.step(Outcome::Served), Next::After(s(1.0)));
    assert_eq!(
        (succeeds.attempt, succeeds.number, succeeds.page),
        (0, 1, PageIndex(1))
    );
}

/// A page with everything that can be filled in.
fn buying() -> Arc<Scenario> {
    let json = |variable: &str, pointer: &str| Extract {
        variable: variable.to_owned(),
        from: Source::Json(pointer.to_owned()),
    };
    let header = Extract {
        variable: "session".to_owned(),
        from: Source::Header("x-session".to_owned()),
    };
    let list = Page {
        extract: vec![
            json("product", "/items/*/id"),
            json("token", "/token"),
            header,
        ],
        ..page("list", &[(1, 1.0)])
    };
    let buy = Page {
        method: Method::Post,
        path: "/products/{product}/buy?q={words}&n={many}".to_owned(),
        body: Some(r#"{"note": "{words}", "product": {product}, "open": {}}"#.to_owned()),
        headers: BTreeMap::from([
            ("authorization".to_owned(), "Bearer {token}".to_owned()),
            ("x-session".to_owned(), "{session}".to_owned()),
        ]),
        // The list's token may be renewed here.
        extract: vec![json("token", "/token")],
        ..page("buy", &[])
    };
    let variables = BTreeMap::from([
        (
            "many".to_owned(),
            Variable::Number {
                count: 9,
                skew: 0.0,
            },
        ),
        (
            "words".to_owned(),
            Variable::Text("a \"b\"/ü\n&".to_owned()),
        ),
    ]);
    shop(Journey {
        variables,
        ..journey("j", vec![list, buy])
    })
}

#[test]
fn variables_are_filled_in_so_that_they_cannot_change_a_requests_shape() {
    let mut shopper = Shopper::new(buying(), 5, None);
    let answer = br#"{"items": [{"id": 31}, {"id": 32}, {"id": 33}], "token": "t\r\nx: 1"}"#;
    shopper.learn(answer, |name| {
        (name == "x-session").then(|| "s-1".to_owned())
    });
    shopper.step(Outcome::Served);
    let request = shopper.request();
    let product = shopper.variable("product").unwrap().into_owned();
    let many = shopper.variable("many").unwrap().into_owned();
    assert!(["31", "32", "33"].contains(&product.as_str()));
    assert!((1..=9).contains(&many.parse::<u32>().unwrap()));
    assert_eq!(
        request.path,
        format!("/products/{product}/buy?q=a%20%22b%22%2F%C3%BC%0A%26&n={many}")
    );
    let body: serde_json::Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
    assert_eq!(body["note"], "a \"b\"/ü\n&");
    assert_eq!(body["product"].to_string(), product);
    assert_eq!(
        request.headers,
        [("authorization", "Bearer tx: 1"), ("x-session", "s-1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn what_is_not_known_is_empty_and_its_headers_are_left_out() {
    let mut shopper = Shopper::new(buying(), 5, None);
    shopper.learn(b"no JSON", none);
    shopper.step(Outcome::Served);
    let request = shopper.request();
    assert!(
        request.path.starts_with("/products//buy?"),
        "{}",
        request.path
    );
    assert_eq!(request.headers, []);
}

#[test]
fn the_latest_answer_rules_and_a_bad_one_changes_nothing() {
    let mut shopper = Shopper::new(buying(), 5, None);
    let asked = shopper.asked();
    shopper.learn(br#"{"token": "old"}"#, none);
    shopper.step(Outcome::Served);
    for nothing in [
        r#"{"token": null}"#,
        r#"{"token": ["a"]}"#,
        "{}",
        "",
        "[",
        "3",
    ] {
        shopper.learn(nothing.as_bytes(), none);
        assert_eq!(
            shopper.variable("token").as_deref(),
            Some("old"),
            "after {nothing}"
        );
    }
    let long = format!(r#"{{"token": "{}"}}"#, "x".repeat(4097));
    shopper.learn(long.as_bytes(), none);
    assert_eq!(shopper.variable("token").as_deref(), Some("old"));
    shopper.learn(br#"{"token": "new"}"#, none);
    assert_eq!(shopper.variable("token").as_deref(), Some("new"));
    // The first page's answer comes late, and again.
    shopper.learn_from(asked, br#"{"token": "late"}"#, none);
    assert_eq!(shopper.variable("token").as_deref(), Some("late"));
    assert_eq!(shopper.learned.len(), 1);
    shopper.learn_from(
        Asked { index: 6, ..asked },
        br#"{"token": "another's"}"#,
        none,
    );
    assert_eq!(shopper.variable("token").as_deref(), Some("late"));
}

#[test]
fn which_element_is_taken_is_drawn_for_each_page_and_shopper() {
    let scenario = buying();
    let answer = br#"{"items": [{"id": 0}, {"id": 1}, {"id": 2}, {"id": 3}]}"#;
    let mut counts = [0_u32; 4];
    for index in 0..4000 {
        let taken = || {
            let mut shopper = Shopper::new(Arc::clone(&scenario), index, None);
            shopper.learn(answer, none);
            shopper
                .variable("product")
                .unwrap()
                .parse::<usize>()
                .unwrap()
        };
        assert_eq!(taken(), taken());
        counts[taken()] += 1;
    }
    assert!(
        counts.iter().all(|count| (850..1150).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn numbers_are_as_skewed_as_they_are_meant() {
    const N: u32 = 100_000;
    for skew in [0.0, 0.5, 1.0, 1.3, 3.0] {
        let mut draws = Draws::new(1, Stream::Fault { fault: 0 });
        let mut counts = [0_u32; 20];
        for _ in 0..N {
            counts[zipf::draw(20, skew, &mut draws) as usize - 1] += 1;
        }
        let weight = |k: u32| libm::pow(f64::from(k), -skew);
        let total: f64 = (1..=20).map(weight).sum();
        for (k, count) in (1..).zip(counts) {
            let expected = f64::from(N) * weight(k) / total;
            let off = f64::from(count) - expected;
            assert!(
                off.abs() < 5.0 * expected.sqrt() + 1.0,
                "skew {skew}, {k}: {count}, not {expected}"
            );
        }
    }
}

#[test]
fn one_inside_can_be_walked_again_from_the_start() {
    let scenario = changed(scenario(vec![fitted::chain()], vec![constant(1.0)]), |_| {});
    let mut shopper = Shopper::new(scenario, 3, None);
    let mut pages = vec![shopper.page];
    while shopper.number < 6 {
        if shopper.step(Outcome::Served) == Next::Leave {
            shopper = Shopper::new(Arc::clone(&shopper.scenario), shopper.index + 1, None);
            pages.clear();
        }
        pages.push(shopper.page);
    }
    let mut again = shopper.from_the_start();
    let mut walked = vec![again.page];
    while again.number < shopper.number {
        again.step(Outcome::Served);
        walked.push(again.page);
    }
    assert_eq!((walked, again.asked()), (pages, shopper.asked()));
}

#[test]
fn a_waiting_shopper_is_small() {
    assert!(
        size_of::<Shopper>() <= 104,
        "{} bytes",
        size_of::<Shopper>()
    );
}

proptest! {
    #[test]
    fn no_template_and_no_value_panics(template in ".{0,40}", value in ".{0,20}") {
        let lookup = |_: &str| Some(Cow::Borrowed(value.as_str()));
        let path = fill::path(&template, lookup);
        let json = fill::json(&template, lookup);
        let header = fill::header(&template, lookup);
        if !template.contains('{') {
            prop_assert_eq!((&path, &json, header.as_ref()), (&template, &template, Some(&template)));
        }
    }

    #[test]
    fn a_value_in_a_json_string_stays_that_value(value in any::<String>()) {
        let json = fill::json(r#"{"v": "{v}"}"#, |_| Some(Cow::Borrowed(value.as_str())));
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(parsed["v"].as_str(), Some(value.as_str()));
    }

    #[test]
    fn no_answer_panics(body in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut shopper = Shopper::new(buying(), 1, None);
        shopper.learn(&body, |_| Some(String::from_utf8_lossy(&body).into_owned()));
        shopper.step(Outcome::Served);
        prop_assert!(shopper.request().path.starts_with("/products/"));
    }
}
