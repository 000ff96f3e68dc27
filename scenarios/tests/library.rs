//! The rule of the library, computed: at the peak at least two services need four times their starting replicas, none
//! more than its maximum, and whoever stays at the start is overloaded.

use std::collections::BTreeMap;
use std::time::Duration;

use scenarios::{
    Call, Journey, NoFiles, OperationId, Scenario, Step, Unit, library, library_scenario,
};

/// How full slots may be on average, as the library's autoscalers have it.
const TARGET: f64 = 0.7;

fn read(name: &str, text: &str) -> Scenario {
    Scenario::read(name, text.as_bytes(), &NoFiles, &[])
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn all() -> Vec<Scenario> {
    library()
        .iter()
        .map(|(name, text)| read(name, text))
        .collect()
}

/// How often a shopper asks for each page: the solution of visits = start + visits · chances, by walking all at once.
fn visits(journey: &Journey) -> Vec<f64> {
    let mut visits = vec![0.0; journey.pages.len()];
    let mut inside = vec![0.0; journey.pages.len()];
    for (page, chance) in &journey.start {
        inside[page.0 as usize] += chance;
    }
    while inside.iter().sum::<f64>() > 1e-9 {
        let mut next = vec![0.0; journey.pages.len()];
        for (place, page) in journey.pages.iter().enumerate() {
            visits[place] += inside[place];
            for (to, chance) in &page.next {
                next[to.0 as usize] += inside[place] * chance;
            }
        }
        inside = next;
    }
    visits
}

/// Shoppers per second and journey at `t`, if everyone walked at once; for requests, as many as make up the rate.
fn shoppers(scenario: &Scenario, t: Duration) -> Vec<f64> {
    let mut rates = vec![0.0; scenario.journeys.len()];
    let weights: f64 = scenario.journeys.iter().map(|journey| journey.weight).sum();
    for term in &scenario.traffic.rate {
        let rate = term.curve.rate_at(t).get();
        match term.journey {
            Some(journey) => rates[journey.0 as usize] += rate,
            None => {
                for (total, journey) in rates.iter_mut().zip(&scenario.journeys) {
                    *total += rate * journey.weight / weights;
                }
            }
        }
    }
    if scenario.traffic.unit == Unit::Requests {
        let pages = pages(scenario, &rates);
        let asked: f64 = rates.iter().sum();
        rates.iter_mut().for_each(|rate| *rate *= asked / pages);
    }
    rates
}

/// Pages per second.
fn pages(scenario: &Scenario, shoppers: &[f64]) -> f64 {
    let length = |journey: &Journey| visits(journey).iter().sum::<f64>();
    scenario
        .journeys
        .iter()
        .zip(shoppers)
        .map(|(journey, rate)| rate * length(journey))
        .sum()
}

/// How long an operation holds a slot on average: its work, its waits, and the calls it waits for; of several at once at
/// least the longest on average.
fn held(scenario: &Scenario, id: &OperationId) -> f64 {
    let call = |call: &Call| held(scenario, &call.to);
    scenario.services[&id.service].operations[&id.operation]
        .steps
        .iter()
        .map(|step| match step {
            Step::Work(time) | Step::Wait(time) => time.mean().as_secs_f64(),
            Step::Call(one) => call(one),
            Step::All(calls) => calls.iter().map(call).fold(0.0, f64::max),
        })
        .sum()
}

/// Adds the slots that `rate` requests per second to `id` keep busy, by service.
fn add(scenario: &Scenario, id: &OperationId, rate: f64, busy: &mut BTreeMap<String, f64>) {
    *busy.entry(id.service.clone()).or_default() += rate * held(scenario, id);
    for step in &scenario.services[&id.service].operations[&id.operation].steps {
        let calls = match step {
            Step::Call(one) => std::slice::from_ref(one),
            Step::All(calls) => calls,
            Step::Work(_) | Step::Wait(_) => &[],
        };
        for call in calls {
            add(scenario, &call.to, rate, busy);
        }
    }
}

/// Slots busy on average at `t`, by service.
fn busy(scenario: &Scenario, t: Duration) -> BTreeMap<String, f64> {
    let mut busy = BTreeMap::new();
    for (journey, rate) in scenario.journeys.iter().zip(shoppers(scenario, t)) {
        for (page, visits) in journey.pages.iter().zip(visits(journey)) {
            let operation = page.operation.as_ref();
            let operation = operation.expect("every page of the library has an operation");
            add(scenario, operation, rate * visits, &mut busy);
        }
    }
    busy
}

/// The instant of the most pages per second.
fn peak(scenario: &Scenario) -> Duration {
    const INSTANTS: u32 = 2000;
    let rate = |t: Duration| {
        let all = shoppers(scenario, t);
        all.iter().sum::<f64>()
    };
    let grid = (0..INSTANTS).map(|place| scenario.duration * place / INSTANTS);
    grid.max_by(|a, b| rate(*a).total_cmp(&rate(*b)))
        .expect("there are instants")
}

/// What a service needs at the peak beside what it has.
struct Need {
    service: String,
    busy: f64,
    needed: u32,
    start: u32,
    max: u32,
    slots: u32,
}

fn slots(service: &scenarios::Service) -> u32 {
    service.slots.expect("the library's slots are limited")
}

fn needs(scenario: &Scenario) -> Vec<Need> {
    let busy = busy(scenario, peak(scenario));
    scenario
        .services
        .iter()
        .map(|(name, service)| {
            let busy = busy.get(name).copied().unwrap_or_default();
            Need {
                service: name.clone(),
                busy,
                needed: (busy / (f64::from(slots(service)) * TARGET)).ceil() as u32,
                start: service.replicas.get(),
                max: scenario.scaling[name].max.get(),
                slots: slots(service),
            }
        })
        .collect()
}

#[test]
fn every_scenario_of_the_library_is_worth_scaling_for() {
    for scenario in all() {
        let at = peak(&scenario);
        let pages = pages(&scenario, &shoppers(&scenario, at));
        println!("{}: {pages:.0} pages/s at {at:?}", scenario.name);
        let needs = needs(&scenario);
        for need in &needs {
            println!(
                "  {}: {:.1} slots busy, needs {} of at most {}, starts with {}",
                need.service, need.busy, need.needed, need.max, need.start
            );
            assert!(
                need.needed <= need.max,
                "{} of {}",
                need.service,
                scenario.name
            );
        }
        let grown = needs
            .iter()
            .filter(|need| need.needed >= 4 * need.start)
            .count();
        assert!(
            grown >= 2,
            "{}: {grown} services need four times their start",
            scenario.name
        );
        let overloaded = needs
            .iter()
            .any(|need| need.busy > f64::from(need.start * need.slots));
        assert!(
            overloaded,
            "{}: staying at the start would do",
            scenario.name
        );
    }
}

#[test]
fn the_start_of_every_scenario_is_not_overloaded() {
    for scenario in all() {
        let busy = busy(&scenario, Duration::ZERO);
        for (name, service) in &scenario.services {
            let full = busy.get(name).copied().unwrap_or_default()
                / f64::from(service.replicas.get() * slots(service));
            assert!(
                full < 0.85,
                "{name} of {} starts at {full:.2}",
                scenario.name
            );
        }
    }
}

#[test]
fn the_first_run_fits_on_a_laptop() {
    // Rates are what they are at any speed: at 20 the machine really answers this many pages a second.
    for name in [
        "flash-sale",
        "flash-sale-unannounced",
        "double-11",
        "world-cup-surge",
    ] {
        let scenario = read(name, library_scenario(name).expect("it is in the library"));
        let at = peak(&scenario);
        let pages = pages(&scenario, &shoppers(&scenario, at));
        let replicas: u32 = needs(&scenario).iter().map(|need| need.needed).sum();
        assert!(
            pages < 460.0 && replicas < 50,
            "{name}: {pages} pages/s, {replicas} replicas"
        );
    }
}

#[test]
fn names_are_those_of_the_files_and_in_order() {
    let names: Vec<&str> = library().iter().map(|(name, _)| *name).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names.len(), 10);
    for (name, scenario) in names.iter().zip(all()) {
        assert_eq!(*name, scenario.name);
    }
}

#[test]
fn what_is_the_same_everywhere_is_the_same() {
    // Each file stands alone, so that it can be copied and changed; here nothing may drift apart.
    let all = all();
    let reference = &all[0];
    for scenario in &all {
        let name = &scenario.name;
        for (service, is) in &scenario.services {
            let was = &reference.services[service];
            assert_eq!(is.operations, was.operations, "{service} of {name}");
            assert_eq!(
                (is.slots, is.queue),
                (was.slots, was.queue),
                "{service} of {name}"
            );
        }
        for journey in &scenario.journeys {
            let others = all.iter().flat_map(|scenario| &scenario.journeys);
            for other in others.filter(|other| other.name == journey.name) {
                assert_eq!(journey.pages, other.pages, "{} of {name}", journey.name);
            }
        }
        assert_eq!(scenario.slo, reference.slo, "{name}");
    }
}

#[test]
fn shoppers_look_at_as_many_pages_as_real_ones() {
    let flash = read(
        "flash-sale",
        library_scenario("flash-sale").expect("it is in the library"),
    );
    let journey = |name: &str| flash.journeys.iter().find(|journey| journey.name == name);
    let shopper = journey("shopper").expect("there are shoppers");
    let pages: f64 = visits(shopper).iter().sum();
    assert!((pages - 6.89).abs() < 0.1, "{pages}");
    let checkout = shopper
        .pages
        .iter()
        .position(|page| page.name == "checkout");
    let bought = visits(shopper)[checkout.expect("there is a checkout")];
    assert!((0.015..0.03).contains(&bought), "{bought}");
}
