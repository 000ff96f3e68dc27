//! What a replica takes with all its slots held, from the scenario's own work times and the paths of its shoppers.

use std::collections::BTreeMap;
use std::time::Duration;

use scenarios::{Call, Curve, Discipline, Journey, OperationId, Scenario, Step, Unit};

/// Instants of a run at which its load is looked at.
const INSTANTS: u32 = 500;
/// Walks are followed until fewer than this many of a shopper are still inside.
const NEGLIGIBLE: f64 = 1e-6;
/// A journey is followed for at most so many pages: one that never ends has found its mix long before.
const MOST_PAGES: usize = 10_000;

/// By service: requests per second at which all slots of a replica would be held, that is slots ÷ the mean time that a
/// slot is held, with the operations asked for as often as at the scenario's peak, if nothing ever waited. Calls count: a
/// slot is held while they are answered. Nothing for a service whose operations take no time, whose slots are unlimited or
/// whose work shares its cores: there a full replica is not one whose slots are held.
///
/// A service that no page leads to has its operations weighed alike.
pub(crate) fn full_rates(scenario: &Scenario) -> BTreeMap<String, Option<f64>> {
    let asked = asked_at_peak(scenario);
    let rate = |name: &String| {
        let service = scenario.services.get(name)?;
        let slots = service
            .slots
            .filter(|_| service.discipline == Discipline::Fifo)?;
        let of = |operation: &String| OperationId {
            service: name.clone(),
            operation: operation.clone(),
        };
        let (mut held, mut requests) = (0.0, 0.0);
        for operation in service.operations.keys().map(of) {
            let weight = asked.get(&operation).copied().unwrap_or(0.0);
            held += weight * held_seconds(scenario, &operation);
            requests += weight;
        }
        if requests <= 0.0 {
            let all = service.operations.keys().map(of);
            held = all.map(|o| held_seconds(scenario, &o)).sum();
            requests = service.operations.len() as f64;
        }
        (held > 0.0).then(|| f64::from(slots) * requests / held)
    };
    let services = scenario.services.keys();
    services.map(|name| (name.clone(), rate(name))).collect()
}

/// By journey: how many requests reach `service` for each arrival that a curve counts: a shopper, or with
/// [`Unit::Requests`] a page.
pub(crate) fn per_arrival(scenario: &Scenario, service: &str) -> Vec<f64> {
    let of = |journey: &Journey| {
        let visits = visits(journey);
        let mut asked = BTreeMap::new();
        for (page, visits) in journey.pages.iter().zip(&visits) {
            if let Some(operation) = &page.operation {
                add(scenario, operation, *visits, &mut asked);
            }
        }
        let own = asked.iter().filter(|(id, _)| id.service == service);
        let reach: f64 = own.map(|(_, requests)| requests).sum();
        let pages: f64 = visits.iter().sum();
        match scenario.traffic.unit {
            Unit::Requests => reach / pages.max(1e-9),
            Unit::Journeys | Unit::Shoppers => reach,
        }
    };
    scenario.journeys.iter().map(of).collect()
}

/// The mean time that an operation holds its slot. Calls do not go in circles: the scenario's check sees to it.
fn held_seconds(scenario: &Scenario, id: &OperationId) -> f64 {
    let call = |call: &Call| held_seconds(scenario, &call.to);
    let seconds = |step: &Step| match step {
        Step::Work(time) | Step::Wait(time) => time.mean().as_secs_f64(),
        Step::Call(one) => call(one),
        Step::All(calls) => calls.iter().map(call).fold(0.0, f64::max),
    };
    steps(scenario, id).iter().map(seconds).sum()
}

fn steps<'a>(scenario: &'a Scenario, id: &OperationId) -> &'a [Step] {
    let service = scenario.services.get(&id.service);
    let operation = service.and_then(|s| s.operations.get(&id.operation));
    operation.map_or(&[], |o| &o.steps)
}

/// How often each operation is asked for at the scenario's peak, against the others.
fn asked_at_peak(scenario: &Scenario) -> BTreeMap<OperationId, f64> {
    let lengths: Vec<Vec<f64>> = scenario.journeys.iter().map(visits).collect();
    let pages = |t: Duration| {
        let shoppers = shoppers(scenario, t);
        let pages = shoppers.iter().zip(&lengths);
        pages
            .map(|(rate, visits)| rate * visits.iter().sum::<f64>())
            .sum::<f64>()
    };
    let instants = (0..INSTANTS).map(|i| scenario.duration * i / INSTANTS);
    let peak = instants.max_by(|a, b| pages(*a).total_cmp(&pages(*b)));
    let shoppers = shoppers(scenario, peak.unwrap_or_default());
    let mut asked = BTreeMap::new();
    for ((journey, rate), visits) in scenario.journeys.iter().zip(shoppers).zip(&lengths) {
        for (page, visits) in journey.pages.iter().zip(visits) {
            if let Some(operation) = &page.operation {
                add(scenario, operation, rate * visits, &mut asked);
            }
        }
    }
    asked
}

/// Adds requests to an operation, and to those that it calls.
fn add(scenario: &Scenario, id: &OperationId, rate: f64, asked: &mut BTreeMap<OperationId, f64>) {
    *asked.entry(id.clone()).or_default() += rate;
    for step in steps(scenario, id) {
        let calls = match step {
            Step::Call(one) => std::slice::from_ref(one),
            Step::All(calls) => calls,
            Step::Work(_) | Step::Wait(_) => &[],
        };
        for call in calls {
            add(scenario, &call.to, rate, asked);
        }
    }
}

/// Shoppers per second by journey at `t`.
fn shoppers(scenario: &Scenario, t: Duration) -> Vec<f64> {
    arrivals(scenario, |curve| curve.rate_at(t).get())
}

/// Arrivals per second by journey, from those of each curve.
pub(crate) fn arrivals(scenario: &Scenario, rate: impl Fn(&Curve) -> f64) -> Vec<f64> {
    let mut rates = vec![0.0; scenario.journeys.len()];
    let weights: f64 = scenario.journeys.iter().map(|j| j.weight).sum();
    for term in &scenario.traffic.rate {
        let rate = rate(&term.curve);
        match term.journey {
            Some(journey) => {
                if let Some(own) = rates.get_mut(journey.0 as usize) {
                    *own += rate;
                }
            }
            None if weights > 0.0 => {
                for (total, journey) in rates.iter_mut().zip(&scenario.journeys) {
                    *total += rate * journey.weight / weights;
                }
            }
            None => {}
        }
    }
    rates
}

/// How often a shopper asks for each page, by walking all at once.
fn visits(journey: &Journey) -> Vec<f64> {
    let none = || vec![0.0; journey.pages.len()];
    let (mut visits, mut inside) = (none(), none());
    for (page, chance) in &journey.start {
        inside[page.0 as usize] += chance;
    }
    for _ in 0..MOST_PAGES {
        if inside.iter().sum::<f64>() <= NEGLIGIBLE {
            break;
        }
        let mut next = none();
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

#[cfg(test)]
mod tests {
    use super::*;
    use scenarios::NoFiles;

    fn rates(operations: &str, pages: &str) -> BTreeMap<String, Option<f64>> {
        let text = format!(
            "version: 1\nname: one\nduration: 1m\nseed: 1\ntraffic:\n  rate:\n    - constant: {{rate: 5/s}}\njourneys:\n  shopper:\n    weight: 1\n    start: home\n    pages:\n{pages}services:\n  catalogue:\n    replicas: 1\n    slots: 2\n    queue: 4\n    start_up: {{median: 1s, p90: 2s}}\n    limit: 1s\n    operations:\n{operations}slo: {{within: 1s, share: 99%}}\n"
        );
        let scenario = Scenario::read("one.yaml", text.as_bytes(), &NoFiles, &[]);
        full_rates(&scenario.unwrap_or_else(|mistakes| panic!("{mistakes}")))
    }

    #[test]
    fn operations_count_as_often_as_shoppers_ask_for_them() {
        let operations = "      home: {do: [work: {mean: 20ms, cv: 0}]}\n      search: {do: [work: {mean: 120ms, cv: 0}]}\n";
        let home = "      home: {get: /, think: {median: 1s, p90: 2s}, next: {search: 25%}}\n      search: {get: \"/search?q=x\", think: {median: 1s, p90: 2s}}\n";
        let rate = rates(operations, home)["catalogue"].unwrap();
        // Four of five requests are home pages: 40 ms on average.
        assert!((rate - 50.0).abs() < 1e-3, "{rate}");
    }

    #[test]
    fn the_librarys_services_all_have_one() {
        for (name, text) in scenarios::library() {
            let scenario = Scenario::read(name, text.as_bytes(), &NoFiles, &[]);
            let scenario = scenario.unwrap_or_else(|mistakes| panic!("{mistakes}"));
            for (service, rate) in full_rates(&scenario) {
                assert!(
                    rate.is_some_and(|r| r > 1.0 && r < 2000.0),
                    "{name}: {service}"
                );
            }
        }
    }
}
