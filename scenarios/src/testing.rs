//! Scenarios for tests, built by hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Quantile, Ratio, Rps, Slo, Timestamp};

use crate::{
    ArrivalProcess, Balance, Begin, Breaker, Bulkhead, Control, Curve, Distribution, Ejection,
    Gateway, HealthCheck, Journey, Method, Network, OnFailure, Page, PageIndex, Prices,
    RetryBudget, Scenario, Scrape, Term, Traffic, Unit,
};

pub(crate) fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

pub(crate) fn r(rate: f64) -> Rps {
    Rps::new(rate).unwrap()
}

/// A curve of one rate, for all journeys.
pub(crate) fn constant(rate: f64) -> Term {
    Term {
        curve: Curve::Constant { rate: r(rate) },
        journey: None,
    }
}

/// A page of this name that is asked for at `/<name>` and thought about for a second.
pub(crate) fn page(name: &str, next: &[(u32, f64)]) -> Page {
    Page {
        name: name.to_owned(),
        method: Method::Get,
        path: format!("/{name}"),
        body: None,
        headers: BTreeMap::new(),
        extract: vec![],
        operation: None,
        think: Distribution::constant(s(1.0)),
        next: next
            .iter()
            .map(|(page, chance)| (PageIndex(*page), *chance))
            .collect(),
        on_failure: OnFailure {
            retry: Some(0),
            after: Distribution::Constant(Duration::ZERO),
            chance: Ratio::ONE,
            go_on: false,
        },
    }
}

/// A journey that starts on its first page.
pub(crate) fn journey(name: &str, pages: Vec<Page>) -> Journey {
    Journey {
        name: name.to_owned(),
        weight: 1.0,
        start: vec![(PageIndex(0), 1.0)],
        pages,
        length_cv: 0.0,
        variables: BTreeMap::new(),
    }
}

/// A hundred seconds of these journeys at this rate; Poisson, from an empty shop, with a crowd of ten.
pub(crate) fn scenario(journeys: Vec<Journey>, rate: Vec<Term>) -> Scenario {
    Scenario {
        name: "test".to_owned(),
        about: String::new(),
        starts: Timestamp::EPOCH,
        zone: "UTC".to_owned(),
        duration: s(100.0),
        seed: 1,
        speed: 1.0,
        traffic: Traffic {
            unit: Unit::Journeys,
            arrivals: ArrivalProcess::Poisson,
            begin: Begin::Empty,
            rate,
            crowd: 10,
        },
        journeys,
        services: BTreeMap::new(),
        gateway: gateway(),
        network: Network {
            latency: Distribution::Constant(Duration::ZERO),
        },
        nodes: None,
        prices: Prices::default(),
        control: Control {
            period: s(15.0),
            scrape: Scrape {
                interval: s(15.0),
                window: s(30.0),
                lag: s(0.0),
            },
        },
        scaling: BTreeMap::new(),
        calendar: vec![],
        faults: vec![],
        slo: Slo {
            within: s(0.3),
            share: Quantile::P99,
        },
        gates: vec![],
        phases: vec![],
    }
}

fn gateway() -> Gateway {
    Gateway {
        balance: Balance::PowerOfTwo,
        time_limit: s(5.0),
        overhead: Distribution::Constant(Duration::ZERO),
        retries: RetryBudget {
            ratio: Ratio::ZERO,
            floor: 0.0,
            backoff: None,
        },
        breaker: Breaker {
            failures: Ratio::ONE,
            least: 20,
            window: s(10.0),
            open: s(5.0),
        },
        bulkhead: Bulkhead { in_flight: 1000 },
        ejection: Ejection {
            consecutive: 5,
            time: s(10.0),
            most: Ratio::ONE,
        },
        health: HealthCheck {
            interval: s(1.0),
            timeout: s(1.0),
            unwell: 3,
        },
    }
}

/// The chain of pages fitted to real shops' clickstreams: `recommended_chain` of the findings behind the specification,
/// made from the page-to-page counts of a software shop (P. Giudici, Applied Data Mining), RetailRocket's funnel and the
/// session lengths of UCI's e-shop clothing 2008. Mean 6.89 pages.
pub(crate) mod fitted {
    use super::{Journey, Page, PageIndex, journey, page};

    /// The pages, with their shares of all requests.
    pub(crate) const PAGES: [(&str, f64); 12] = [
        ("home", 0.1615),
        ("list", 0.2669),
        ("search", 0.0115),
        ("product", 0.4322),
        ("cart_add", 0.0112),
        ("cart_view", 0.0091),
        ("auth", 0.0539),
        ("order", 0.0114),
        ("pay_form", 0.0074),
        ("pay_done", 0.0036),
        ("account", 0.0135),
        ("info", 0.0177),
    ];

    const START: [f64; 12] = [
        0.5239, 0.2749, 0.0028, 0.1716, 0.0, 0.0, 0.026, 0.0, 0.0, 0.0, 0.0, 0.0009,
    ];

    /// From the page of the row to that of the column; the rest leaves.
    const NEXT: [[f64; 12]; 12] = [
        [
            0.2691, 0.345, 0.0147, 0.1288, 0.0001, 0.0018, 0.0386, 0.0, 0.0, 0.0, 0.001, 0.0225,
        ],
        [
            0.0421, 0.3893, 0.0071, 0.4569, 0.0001, 0.0019, 0.0091, 0.0, 0.0, 0.0, 0.0005, 0.0109,
        ],
        [
            0.0536, 0.0731, 0.5263, 0.1413, 0.0, 0.0, 0.0012, 0.0, 0.0, 0.0, 0.0005, 0.0,
        ],
        [
            0.0578, 0.1259, 0.0019, 0.6013, 0.023, 0.0011, 0.0069, 0.0, 0.0, 0.0, 0.0006, 0.0071,
        ],
        [
            0.0127, 0.0372, 0.0, 0.0382, 0.0686, 0.1009, 0.0813, 0.522, 0.0059, 0.0, 0.0157, 0.0127,
        ],
        [
            0.0232, 0.1478, 0.0, 0.0276, 0.0099, 0.0937, 0.032, 0.3871, 0.0055, 0.0011, 0.0827,
            0.0265,
        ],
        [
            0.0369, 0.1096, 0.0, 0.0159, 0.0042, 0.0739, 0.6288, 0.0057, 0.003, 0.0, 0.0447, 0.0108,
        ],
        [
            0.0163, 0.007, 0.0, 0.0093, 0.0054, 0.0272, 0.1432, 0.0941, 0.519, 0.0047, 0.0086,
            0.0303,
        ],
        [
            0.0207, 0.0164, 0.0, 0.0138, 0.0104, 0.0199, 0.0147, 0.0544, 0.1339, 0.4275, 0.0147,
            0.0052,
        ],
        [
            0.0593, 0.0511, 0.0, 0.0099, 0.0, 0.1532, 0.0708, 0.0346, 0.0346, 0.1186, 0.3394,
            0.0115,
        ],
        [
            0.0457, 0.0605, 0.0, 0.0134, 0.0021, 0.0493, 0.0654, 0.0077, 0.0035, 0.0, 0.5848,
            0.0373,
        ],
        [
            0.0924, 0.182, 0.0, 0.0625, 0.0009, 0.0119, 0.0278, 0.0, 0.0, 0.0, 0.0122, 0.3423,
        ],
    ];

    fn entries(chances: &[f64; 12]) -> Vec<(PageIndex, f64)> {
        (0..)
            .map(PageIndex)
            .zip(*chances)
            .filter(|(_, chance)| *chance > 0.0)
            .collect()
    }

    /// The chain as a journey, every page thought about for a second.
    pub(crate) fn chain() -> Journey {
        let pages = PAGES.iter().zip(&NEXT).map(|((name, _), next)| Page {
            next: entries(next),
            ..page(name, &[])
        });
        Journey {
            start: entries(&START),
            ..journey("fitted", pages.collect())
        }
    }
}

/// The scenario behind a shared pointer with `change` applied.
pub(crate) fn changed(mut scenario: Scenario, change: impl FnOnce(&mut Scenario)) -> Arc<Scenario> {
    change(&mut scenario);
    scenario.shared()
}
