use scenarios::{Arrivals, Crowd, Next, NoFiles, Outcome, Who, library_scenario};

use super::*;

const STEP: Duration = Duration::from_secs(10);

fn flash_sale(change: impl FnOnce(&mut Scenario)) -> Arc<Scenario> {
    let text = library_scenario("flash-sale").unwrap();
    let mut scenario = Scenario::read("flash-sale", text.as_bytes(), &NoFiles, &[]).unwrap();
    change(&mut scenario);
    scenario.shared()
}

/// How often each page is asked for in each step when every answer comes at once.
fn walked(scenario: &Arc<Scenario>) -> Vec<Vec<f64>> {
    let steps = scenario.duration.as_nanos().div_ceil(STEP.as_nanos()) as usize;
    let pages: usize = scenario.journeys.iter().map(|j| j.pages.len()).sum();
    let first = |journey: JourneyIndex| -> usize {
        let before = &scenario.journeys[..journey.0 as usize];
        before.iter().map(|j| j.pages.len()).sum()
    };
    let mut counts = vec![vec![0.0; pages]; steps];
    let mut crowd = Crowd::new(Arc::clone(scenario));
    for arrival in Arrivals::new(Arc::clone(scenario)) {
        let mut at = arrival.at;
        match arrival.who {
            Who::Place(place) => {
                let shopper = crowd.arrive(place);
                let page = first(shopper.journey) + shopper.page.0 as usize;
                counts[(at.as_nanos() / STEP.as_nanos()) as usize][page] += 1.0;
            }
            Who::Shopper(mut shopper) => {
                while at < scenario.duration {
                    let page = first(shopper.journey) + shopper.page.0 as usize;
                    counts[(at.as_nanos() / STEP.as_nanos()) as usize][page] += 1.0;
                    match shopper.step(Outcome::Served) {
                        Next::After(thought) => at += thought,
                        Next::Leave => break,
                    }
                }
            }
        }
    }
    counts
}

/// The counts of `steps` in a row, page by page.
fn sums(counts: &[Vec<f64>], steps: std::ops::Range<usize>) -> Vec<f64> {
    let pages = counts[0].len();
    let sum = |page: usize| counts[steps.clone()].iter().map(|row| row[page]).sum();
    (0..pages).map(sum).collect()
}

#[test]
fn visits_are_asked_for_as_shoppers_walk_them() {
    // Ten times as many shoppers: less noise.
    let scenario = flash_sale(|s| {
        for term in &mut s.traffic.rate {
            let curve = Box::new(term.curve.clone());
            let factor = metrics::Ratio::new(10.0).unwrap();
            term.curve = scenarios::Curve::Scaled { factor, curve };
        }
    });
    let demand = Demand::of(&scenario, STEP);
    let walked = walked(&scenario);
    let expected: Vec<Vec<f64>> = (0..demand.steps())
        .map(|s| demand.pages(s).to_vec())
        .collect();
    // Before the sale, the rise of half a minute, its height, and after it.
    for steps in [0..48, 48..51, 51..60, 60..120] {
        let (is, should) = (sums(&expected, steps.clone()), sums(&walked, steps.clone()));
        let all = |counts: &[f64]| counts.iter().sum::<f64>();
        let ratio = all(&is) / all(&should);
        assert!((ratio - 1.0).abs() < 0.02, "{steps:?}: {ratio}");
        for (page, (is, should)) in is.iter().zip(&should).enumerate() {
            // Pages of one visit come together: several times the noise of independent ones.
            let noise = 5.0 * (5.0 * should).sqrt() + 0.02 * should + 1.0;
            assert!(
                (is - should).abs() < noise,
                "{steps:?}, page {page}: {is}, not {should}"
            );
        }
    }
}

#[test]
fn requests_are_exactly_the_curves_in_the_mix_of_the_crowd() {
    let scenario = flash_sale(|s| {
        s.traffic.unit = Unit::Requests;
        s.traffic.crowd = 3000;
    });
    let demand = Demand::of(&scenario, STEP);
    let walked = walked(&scenario);
    let expected: Vec<Vec<f64>> = (0..demand.steps())
        .map(|s| demand.pages(s).to_vec())
        .collect();
    let until = |t: u64| -> f64 {
        let t = Duration::from_secs(t);
        scenario
            .traffic
            .rate
            .iter()
            .map(|term| term.curve.count_until(t))
            .sum()
    };
    let row = &expected[60];
    assert!((row.iter().sum::<f64>() / (until(610) - until(600)) - 1.0).abs() < 1e-9);
    let (is, should) = (sums(&expected, 0..120), sums(&walked, 0..120));
    for (page, (is, should)) in is.iter().zip(&should).enumerate() {
        let noise = 5.0 * (5.0 * should).sqrt() + 0.02 * should + 1.0;
        assert!(
            (is - should).abs() < noise,
            "page {page}: {is}, not {should}"
        );
    }
}

#[test]
fn operations_follow_from_pages_through_the_calls() {
    let scenario = flash_sale(|_| {});
    let demand = Demand::of(&scenario, STEP);
    let place = |service: &str, operation: &str| {
        let is = |id: &&OperationId| id.service == service && id.operation == operation;
        let found = demand.operations().iter().find(is).unwrap();
        demand.operations().binary_search(found).unwrap()
    };
    let rates = demand.rates(55);
    // Each checkout charges once, adds and carts and checkouts ask for a price.
    let checkouts = rates[place("order", "checkout")];
    assert!(checkouts > 0.0);
    assert!((rates[place("payment", "charge")] / checkouts - 1.0).abs() < 1e-9);
    let prices = ["add", "cart", "checkout"]
        .map(|o| rates[place("order", o)])
        .iter()
        .sum::<f64>();
    assert!((rates[place("catalogue", "price")] / prices - 1.0).abs() < 1e-9);
    // 40 ms of its own, and 3 + 8 ms and a bank of 4 ms + a log-normal of median 120 ms and p99 1 s.
    let held = demand.held()[place("order", "checkout")];
    assert!((0.22..0.28).contains(&held), "{held}");
    let loads = demand.loads("payment", 2);
    assert_eq!(loads.len(), demand.steps());
    assert!((loads[55].rate / checkouts - 1.0).abs() < 1e-9);
}

#[test]
fn a_closed_crowd_asks_as_fast_as_it_thinks() {
    let scenario = flash_sale(|s| {
        s.traffic.unit = Unit::Shoppers;
        s.traffic.crowd = 1000;
    });
    let demand = Demand::of(&scenario, STEP);
    let thought = demand.thought().unwrap();
    assert!((10.0..60.0).contains(&thought), "{thought} s");
    let requests: f64 = demand.pages(3).iter().sum();
    assert!((requests - 1000.0 / thought * 10.0).abs() < 1e-6);
}

#[test]
fn visits_of_a_chain_are_its_geometric_sums() {
    let scenario = flash_sale(|_| {});
    let shopper = scenario.journeys.iter().find(|j| j.name == "shopper");
    let mut journey = shopper.unwrap().clone();
    journey.length_cv = 0.0;
    let without = chain::visits(&journey);
    journey.length_cv = 0.8;
    let with: f64 = chain::visits(&journey).iter().sum();
    let without: f64 = without.iter().sum();
    // The chain's own mean is 6.9 pages. Longer visits gain more than shorter ones lose.
    assert!((without - 6.9).abs() < 0.1, "{without}");
    assert!(with > without * 0.95 && with < without * 1.1, "{with}");
}
