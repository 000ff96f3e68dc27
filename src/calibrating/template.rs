//! What is put on the target, and the one service that it is taken for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use metrics::{Quantity, Replicas, Rps};
use scenarios::{
    Curve, Discipline, Distribution, Method, NoFiles, Operation, OperationId, Page, Route,
    Scenario, Service, Step, Term, Waiting, WorkMode,
};

use crate::args::CalibrateArgs;
use crate::exit::Failure;
use crate::scenario_file;

/// What the target is called.
pub(crate) const SERVICE: &str = "target";
/// Shoppers that the requests come from.
const CROWD: u32 = 500;

/// The scenario whose pages are asked for, with one service that answers them all.
pub(crate) fn scenario(args: &CalibrateArgs) -> Result<Scenario, Failure> {
    let mut scenario = match &args.scenario {
        Some(name) => of_file(name, args)?,
        None => of_pages(&args.pages)?,
    };
    if let Some(seed) = args.seed {
        scenario.seed = seed;
    }
    scenario.scaling.clear();
    scenario.faults.clear();
    scenario.gates.clear();
    scenario.calendar.clear();
    scenario.phases.clear();
    scenario.nodes = None;
    // Windows of a second: what is drawn again and again to see how sure the fit is.
    scenario.control.period = Duration::from_secs(1);
    scenario.services = BTreeMap::from([(SERVICE.to_owned(), service(&mut scenario))]);
    Ok(scenario)
}

/// The same with a constant rate for so long.
pub(crate) fn at_rate(scenario: &Scenario, rate: f64, lasts: Duration) -> Scenario {
    let mut step = scenario.clone();
    step.duration = lasts;
    step.traffic.rate = vec![Term {
        curve: Curve::Constant {
            rate: Rps::new(rate).unwrap_or(Rps::ZERO),
        },
        journey: None,
    }];
    step
}

fn of_file(name: &str, args: &CalibrateArgs) -> Result<Scenario, Failure> {
    let mut sets = args.sets.clone();
    sets.extend([
        format!("traffic={{unit: requests, crowd: {CROWD}, rate: [constant: {{rate: 1/s}}]}}"),
        "faults=[]".to_owned(),
        "gates=[]".to_owned(),
    ]);
    Ok(scenario_file::read(name, &sets)?.scenario)
}

/// A scenario that asks for these pages, each as often as the others.
fn of_pages(pages: &[String]) -> Result<Scenario, Failure> {
    let mut text = format!(
        "version: 1\nname: {SERVICE}\nabout: Pages of a target.\nduration: 60s\ntraffic: {{unit: requests, crowd: {CROWD}, rate: [constant: {{rate: 1/s}}]}}\njourneys:\n  visitor:\n    start: {{"
    );
    for place in 1..=pages.len() {
        let comma = if place == 1 { "" } else { ", " };
        write!(text, "{comma}page-{place}: {}%", 100.0 / pages.len() as f64)?;
    }
    text += "}\n    pages:\n";
    for (place, page) in (1..).zip(pages) {
        let page = serde_json::to_string(page)?;
        writeln!(text, "      page-{place}: {{get: {page}, think: 1s}}")?;
    }
    Scenario::read("--page", text.as_bytes(), &NoFiles, &[]).map_err(Failure::usage)
}

/// One service with an operation for each route, and every page's operation set to its own.
fn service(scenario: &mut Scenario) -> Service {
    let mut operations: BTreeMap<String, Operation> = BTreeMap::new();
    for journey in &mut scenario.journeys {
        for page in &mut journey.pages {
            let route = route(page);
            let known = operations
                .iter()
                .find(|(_, o)| o.route.as_ref() == Some(&route));
            let name =
                known.map_or_else(|| free(&operations, &page.name), |(name, _)| name.clone());
            operations.entry(name.clone()).or_insert_with(|| Operation {
                route: Some(route),
                steps: vec![Step::Work(Distribution::constant(Duration::ZERO))],
            });
            page.operation = Some(OperationId {
                service: SERVICE.to_owned(),
                operation: name,
            });
        }
    }
    Service {
        replicas: Replicas(1),
        slots: Some(1),
        queue: None,
        waiting: Waiting::default(),
        discipline: Discipline::Fifo,
        patience: None,
        start_up: Distribution::constant(Duration::from_secs(10)),
        warm_up: None,
        limit: scenario.slo.within,
        cpu: Quantity::from_milli(1000),
        work: WorkMode::Paced,
        drain: Duration::from_secs(10),
        balance: None,
        operations,
    }
}

/// A page's name, or with a number behind it if another operation has it.
fn free(operations: &BTreeMap<String, Operation>, name: &str) -> String {
    let mut free = name.to_owned();
    let mut number = 2;
    while operations.contains_key(&free) {
        free = format!("{name}-{number}");
        number += 1;
    }
    free
}

/// How a page is reached: without its query, and with `{name}` for a segment that holds a variable.
fn route(page: &Page) -> Route {
    let path = page.path.split('?').next().unwrap_or("/");
    let segment = |(place, segment): (usize, &str)| {
        if segment.contains('{') {
            format!("{{part{place}}}")
        } else {
            segment.to_owned()
        }
    };
    let path: Vec<String> = path.split('/').enumerate().map(segment).collect();
    Route {
        method: page.method,
        path: path.join("/"),
    }
}

/// A method as a route has it.
pub(crate) fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(scenario: Option<&str>, pages: &[&str]) -> CalibrateArgs {
        CalibrateArgs {
            scenario: scenario.map(str::to_owned),
            pages: pages.iter().map(|p| (*p).to_owned()).collect(),
            ..CalibrateArgs::for_test()
        }
    }

    fn made(args: &CalibrateArgs) -> Scenario {
        scenario(args).unwrap_or_else(|f| panic!("{:#}", f.error))
    }

    #[test]
    fn pages_are_asked_for_alike() {
        let scenario = made(&args(None, &["/", "/list?x=\"1\"", "/p/7"]));
        let starts: Vec<f64> = scenario.journeys[0].start.iter().map(|s| s.1).collect();
        assert!(
            starts
                .iter()
                .all(|chance| (chance - 1.0 / 3.0).abs() < 1e-6),
            "{starts:?}"
        );
        let operations = &scenario.services[SERVICE].operations;
        assert_eq!(operations.len(), 3);
        assert_eq!(
            operations["page-2"].route.as_ref().expect("a route").path,
            "/list"
        );
        assert_eq!(scenario.services.len(), 1);
    }

    #[test]
    fn pages_of_one_route_are_one_operation() {
        // Of the flash sale's pages cart, order-form, pay-form and account are GET /cart; home and info are GET /.
        let scenario = made(&args(Some("flash-sale"), &[]));
        let operation = |journey: usize, name: &str| {
            let pages = &scenario.journeys[journey].pages;
            let page = pages.iter().find(|p| p.name == name).expect("it is there");
            page.operation.clone().expect("it is answered").operation
        };
        let place = scenario
            .journeys
            .iter()
            .position(|j| j.name == "shopper")
            .expect("shoppers");
        assert_eq!(operation(place, "cart"), operation(place, "order-form"));
        assert_ne!(operation(place, "cart"), operation(place, "home"));
        let product = &scenario.services[SERVICE].operations[&operation(place, "product")];
        assert_eq!(
            product.route.as_ref().expect("a route").path,
            "/product/{part2}"
        );
        assert!(scenario.scaling.is_empty() && scenario.gates.is_empty());
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for page in ["list", "", "/\u{1b}"] {
            assert!(scenario(&args(None, &[page])).is_err(), "{page:?}");
        }
    }
}
