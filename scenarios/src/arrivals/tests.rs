use proptest::prelude::*;

use super::*;
use crate::testing::{changed, constant, fitted, journey, page, r, s, scenario};
use crate::{
    ArrivalProcess, Counts, Curve, Flash, Journey, JourneyIndex, Next, Outcome, Recorded, Term,
};

/// A single page, and a shopper leaves.
fn one_page() -> Journey {
    journey("one", vec![page("p", &[])])
}

fn flash(journey: Option<u32>) -> Term {
    let (at, rise, hold, decay) = (s(20.0), s(2.0), s(20.0), s(30.0));
    let curve = Curve::Flash(Flash {
        at,
        peak: r(30.0),
        rise,
        hold,
        decay,
    });
    Term {
        curve,
        journey: journey.map(JourneyIndex),
    }
}

/// All that an arrival is, as text.
fn line(arrival: &Arrival) -> String {
    let who = match &arrival.who {
        Who::Shopper(shopper) => format!("{:?} {:?}", shopper.journey, shopper.asked()),
        Who::Place(place) => format!("place {place}"),
    };
    format!("{} {} {who}", arrival.index, arrival.at.as_nanos())
}

fn lines(arrivals: Arrivals) -> Vec<String> {
    arrivals.map(|arrival| line(&arrival)).collect()
}

/// Scenarios of every unit, process and beginning.
fn all_kinds() -> Vec<Arc<Scenario>> {
    let mut all = vec![];
    for unit in [Unit::Journeys, Unit::Requests, Unit::Shoppers] {
        for begin in [Begin::Stationary, Begin::Empty] {
            for arrivals in [ArrivalProcess::Poisson, ArrivalProcess::Even] {
                let journeys = vec![fitted::chain(), one_page()];
                let terms = vec![constant(20.0), flash(Some(1)), flash(None)];
                all.push(changed(scenario(journeys, terms), |scenario| {
                    scenario.traffic.unit = unit;
                    scenario.traffic.begin = begin;
                    scenario.traffic.arrivals = arrivals;
                }));
            }
        }
    }
    all
}

#[test]
fn any_number_of_workers_make_up_the_same_schedule() {
    for scenario in all_kinds() {
        let whole = lines(Arrivals::new(Arc::clone(&scenario)));
        assert!(whole.len() >= 10, "{:?}", scenario.traffic.unit);
        for workers in 1..=3 {
            let mut united: Vec<Arrival> = (0..workers)
                .flat_map(|worker| Arrivals::for_worker(Arc::clone(&scenario), worker, workers))
                .collect();
            united.sort_by_key(|arrival| arrival.index);
            let united: Vec<String> = united.iter().map(line).collect();
            assert_eq!(united, whole, "{workers} workers, {:?}", scenario.traffic);
        }
    }
}

#[test]
fn a_place_stays_with_one_worker() {
    let scenario = all_kinds()
        .into_iter()
        .find(|s| s.traffic.unit == Unit::Requests)
        .unwrap();
    let mut owners = std::collections::BTreeMap::new();
    for worker in 0..3 {
        for arrival in Arrivals::for_worker(Arc::clone(&scenario), worker, 3) {
            let Who::Place(place) = arrival.who else {
                panic!("a crowd")
            };
            assert_eq!(*owners.entry(place).or_insert(worker), worker);
        }
    }
    assert_eq!(
        owners.len(),
        20,
        "a crowd for all, and one for the journey with its own term"
    );
}

#[test]
fn arrivals_are_in_order_and_before_the_end() {
    for scenario in all_kinds() {
        let mut last = Duration::ZERO;
        for (index, arrival) in (0..).zip(Arrivals::new(Arc::clone(&scenario))) {
            assert_eq!(arrival.index, index);
            assert!(arrival.at >= last && arrival.at < scenario.duration);
            last = arrival.at;
        }
    }
}

#[test]
fn no_two_shoppers_have_the_same_number() {
    for scenario in all_kinds() {
        let mut numbers: Vec<u64> = Arrivals::new(scenario)
            .filter_map(|arrival| match arrival.who {
                Who::Shopper(shopper) => Some(shopper.index),
                Who::Place(_) => None,
            })
            .collect();
        let count = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), count);
    }
}

#[test]
fn the_seed_changes_poisson_arrivals_and_nothing_else_does() {
    let with = |seed: u64| {
        changed(scenario(vec![one_page()], vec![constant(20.0)]), |s| {
            s.seed = seed;
        })
    };
    assert_eq!(lines(Arrivals::new(with(1))), lines(Arrivals::new(with(1))));
    assert_ne!(lines(Arrivals::new(with(1))), lines(Arrivals::new(with(2))));
}

#[test]
fn a_term_more_moves_no_arrival_of_the_others() {
    let instants = |terms: Vec<Term>| -> Vec<Duration> {
        let arrivals = Arrivals::new(scenario(vec![one_page(), one_page()], terms).shared());
        let of_first = arrivals.filter(|arrival| match &arrival.who {
            Who::Shopper(shopper) => shopper.journey == JourneyIndex(0),
            Who::Place(_) => false,
        });
        of_first.map(|arrival| arrival.at).collect()
    };
    let first = || Term {
        journey: Some(JourneyIndex(0)),
        ..constant(5.0)
    };
    assert_eq!(
        instants(vec![first()]),
        instants(vec![first(), flash(Some(1))])
    );
}

#[test]
fn poisson_counts_vary_as_much_as_they_should() {
    const WINDOWS: usize = 20_000;
    let scenario = changed(
        scenario(vec![one_page()], vec![constant(10.0)]),
        |scenario| {
            scenario.duration = s(WINDOWS as f64);
        },
    );
    let mut counts = vec![0_u32; WINDOWS];
    for arrival in Arrivals::new(scenario) {
        counts[arrival.at.as_secs() as usize] += 1;
    }
    let mean = f64::from(counts.iter().sum::<u32>()) / WINDOWS as f64;
    let square = |x: f64| x * x;
    let variance: f64 = counts
        .iter()
        .map(|count| square(f64::from(*count) - mean))
        .sum::<f64>()
        / WINDOWS as f64;
    // Five deviations: of the mean 0.022 each, of the index of dispersion 0.01 each.
    assert!((mean - 10.0).abs() < 0.11, "{mean}");
    assert!((variance / mean - 1.0).abs() < 0.05, "{}", variance / mean);
}

#[test]
fn poisson_arrivals_follow_the_curve() {
    let long = changed(scenario(vec![one_page()], vec![flash(None); 40]), |_| {});
    let curve = &flash(None).curve;
    let arrivals: Vec<f64> = Arrivals::new(Arc::clone(&long))
        .map(|a| a.at.as_secs_f64())
        .collect();
    for window in 0..20 {
        let (from, to) = (f64::from(window) * 5.0, f64::from(window + 1) * 5.0);
        let expected = 40.0 * (curve.count(to) - curve.count(from));
        let count = arrivals
            .iter()
            .filter(|at| (from..to).contains(*at))
            .count() as f64;
        assert!(
            (count - expected).abs() <= 5.0 * expected.sqrt(),
            "{from}: {count}, not {expected}"
        );
    }
}

#[test]
fn even_arrivals_keep_the_counts_of_every_bin() {
    let counts = [3.0, 0.0, 0.0, 250.0, 1.0, 17.0];
    let bins = Counts::new(s(10.0), counts, metrics::Ratio::ONE).unwrap();
    let term = Term {
        curve: Curve::Trace(bins),
        journey: None,
    };
    let scenario = changed(scenario(vec![one_page()], vec![term]), |scenario| {
        scenario.traffic.arrivals = ArrivalProcess::Even;
    });
    let mut seen = [0.0; 6];
    for arrival in Arrivals::new(scenario) {
        seen[(arrival.at.as_secs() / 10) as usize] += 1.0;
    }
    assert_eq!(seen, counts);
}

#[test]
fn even_arrivals_are_even() {
    let scenario = changed(
        scenario(vec![one_page()], vec![constant(8.0)]),
        |scenario| {
            scenario.traffic.arrivals = ArrivalProcess::Even;
        },
    );
    let instants: Vec<u128> = Arrivals::new(scenario).map(|a| a.at.as_micros()).collect();
    assert_eq!(instants.len(), 800);
    assert!(
        (0..)
            .zip(&instants)
            .all(|(n, at)| *at == 62_500 + n * 125_000)
    );
}

#[test]
fn recorded_arrivals_come_at_their_very_instants() {
    let instants = vec![
        0,
        1,
        1,
        999_999_999,
        5_000_000_001,
        99_999_999_999,
        100_000_000_000,
    ];
    let curve = Curve::Recorded(Recorded::new(instants.clone()).unwrap());
    let scenario = changed(
        scenario(
            vec![one_page()],
            vec![Term {
                curve,
                journey: None,
            }],
        ),
        |scenario| {
            scenario.traffic.arrivals = ArrivalProcess::Recorded;
        },
    );
    let came: Vec<u64> = Arrivals::new(scenario)
        .map(|a| a.at.as_nanos() as u64)
        .collect();
    // All but the last, which is at the end and so not before it.
    assert_eq!(came, instants[..6]);
}

/// A hundred-second think after each of about five pages, so that many are inside.
fn long_journey() -> Journey {
    let mut thoughtful = page("p", &[(0, 0.8)]);
    thoughtful.think = crate::Distribution::from_mean_cv(s(20.0), 1.0).unwrap();
    journey("long", vec![thoughtful])
}

#[test]
fn a_stationary_start_has_as_many_pages_in_every_second() {
    // Shoppers only think, so pages come at 5 times the rate of shoppers from the first second on.
    let scenario = changed(
        scenario(vec![long_journey()], vec![constant(40.0)]),
        |scenario| {
            scenario.traffic.begin = Begin::Stationary;
            scenario.duration = s(50.0);
        },
    );
    let mut pages = [0_u32; 5];
    for arrival in Arrivals::new(scenario) {
        let Who::Shopper(mut shopper) = arrival.who else {
            panic!("no crowd")
        };
        let mut at = arrival.at;
        while at < s(50.0) {
            pages[(at.as_secs() / 10) as usize] += 1;
            match shopper.step(Outcome::Served) {
                Next::After(think) => at += think,
                Next::Leave => break,
            }
        }
    }
    // 2,000 pages in ten seconds, and a deviation of 45 if they were independent.
    assert!(
        pages.iter().all(|count| (1800..2200).contains(count)),
        "{pages:?}"
    );
}

#[test]
fn an_empty_start_has_nobody_inside() {
    let scenario = scenario(vec![long_journey()], vec![constant(40.0)]).shared();
    let inside = Arrivals::new(scenario).filter(|arrival| match &arrival.who {
        Who::Shopper(shopper) => shopper.number > 0,
        Who::Place(_) => false,
    });
    assert_eq!(inside.count(), 0);
}

#[test]
fn requests_come_at_exactly_the_curves_rate_with_the_chains_mix() {
    let scenario = changed(
        scenario(vec![fitted::chain()], vec![constant(2000.0)]),
        |scenario| {
            scenario.traffic.unit = Unit::Requests;
            scenario.traffic.arrivals = ArrivalProcess::Even;
            scenario.traffic.begin = Begin::Stationary;
            scenario.traffic.crowd = 500;
        },
    );
    let mut crowd = Crowd::new(Arc::clone(&scenario));
    let mut first = [0_u32; 12];
    let mut all = [0_u32; 12];
    let mut total = 0_u32;
    for arrival in Arrivals::new(scenario) {
        let Who::Place(place) = arrival.who else {
            panic!("a crowd")
        };
        let page = crowd.arrive(place).page.0 as usize;
        all[page] += 1;
        if total < 20_000 {
            first[page] += 1;
        }
        total += 1;
    }
    assert_eq!(total, 200_000);
    for (counts, seen, noise) in [(first, 20_000.0, 0.015), (all, 200_000.0, 0.005)] {
        for ((name, share), count) in fitted::PAGES.iter().zip(counts) {
            let is = f64::from(count) / seen;
            assert!(
                (is - share).abs() < noise,
                "{name}: {is}, not {share}, of {seen}"
            );
        }
    }
}

#[test]
fn a_place_walks_by_draws_alone() {
    let scenario = all_kinds()
        .into_iter()
        .find(|s| s.traffic.unit == Unit::Requests)
        .unwrap();
    let (mut alone, mut among) = (Crowd::new(Arc::clone(&scenario)), Crowd::new(scenario));
    let expected = among.first(3).unwrap().asked();
    for turn in 0..200 {
        let asked = alone.arrive(3).asked();
        for place in 0..among.places() {
            let shopper = among.arrive(place);
            if place == 3 {
                assert_eq!(shopper.asked(), asked);
                assert!(turn > 0 || asked == expected);
            }
        }
        // An answer, on time, late or to one who has left, changes no page.
        alone.learn(3, asked, b"{}", |_| None);
    }
    assert!(among.first(3).is_none(), "its first turn is over");
}

#[test]
fn the_crowd_of_a_closed_model_never_leaves() {
    for begin in [Begin::Stationary, Begin::Empty] {
        let scenario = changed(scenario(vec![fitted::chain()], vec![]), |scenario| {
            scenario.traffic.unit = Unit::Shoppers;
            scenario.traffic.begin = begin;
            scenario.traffic.crowd = 300;
        });
        let arrivals: Vec<Arrival> = Arrivals::new(scenario).collect();
        assert_eq!(arrivals.len(), 300);
        let mut number_at_most = 0;
        for arrival in arrivals {
            // Thoughts are a second long.
            assert!(arrival.at < s(1.0) && (begin == Begin::Stationary || arrival.at == s(0.0)));
            let Who::Shopper(mut shopper) = arrival.who else {
                panic!("shoppers")
            };
            number_at_most = number_at_most.max(shopper.number);
            for _ in 0..50 {
                assert_eq!(shopper.step(Outcome::Served), Next::After(s(1.0)));
            }
        }
        assert_eq!(number_at_most > 0, begin == Begin::Stationary);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn workers_never_change_the_schedule(seed: u64, workers in 1_u32..6, kind in 0_usize..12) {
        let scenario = changed((*all_kinds()[kind]).clone(), |scenario| {
            scenario.seed = seed;
            scenario.duration = s(30.0);
        });
        let whole = lines(Arrivals::new(Arc::clone(&scenario)));
        let parts = (0..workers).flat_map(|worker| Arrivals::for_worker(Arc::clone(&scenario), worker, workers));
        let mut united: Vec<Arrival> = parts.collect();
        united.sort_by_key(|arrival| arrival.index);
        prop_assert_eq!(united.iter().map(line).collect::<Vec<_>>(), whole);
    }
}
