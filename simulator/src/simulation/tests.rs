use std::sync::Arc;
use std::time::Duration;

use metrics::Counts;
use scenarios::library_scenario;

use super::*;
use crate::testing::{Told, one_service, policies, run, run_with, scenario};
use crate::{Left, PageEnd};

/// Sums over all requests of a run.
#[derive(Default)]
struct Sums {
    arrived: u64,
    waited: u64,
    begun: u64,
    sojourn: u64,
    left: u64,
    served_pages: u64,
    page_latency: u64,
}

impl Probe for Sums {
    fn arrives(&mut self, _: u64, _: u16, _: u32) {
        self.arrived += 1;
    }
    fn begins(&mut self, _: u64, _: u16, _: u32, waited: u64) {
        self.waited += waited;
        self.begun += 1;
    }
    fn leaves(&mut self, _: u64, _: u16, _: u32, sojourn: u64, how: Left) {
        assert_eq!(how, Left::Served);
        self.sojourn += sojourn;
        self.left += 1;
    }
    fn page(&mut self, _: u64, _: u16, _: u16, latency: u64, _: u32, how: PageEnd) {
        assert_eq!(how, PageEnd::Served);
        self.served_pages += 1;
        self.page_latency += latency;
    }
}

fn holds(law: &Counts) {
    assert_eq!(
        law.offered,
        law.served + law.failed + law.shed + law.timed_out + law.unsent + law.open,
        "{law:?}"
    );
}

#[test]
fn one_server_waits_as_queueing_theory_says() {
    let service = "{replicas: 1, slots: 1, queue: 1000000, operations: {page: {route: GET /, do: [work: {exponential: 500us}]}}}";
    let scenario = scenario(&one_service("600s", "1000/s", service, ""));
    let (told, sums) = run_with(&scenario, BTreeMap::new(), Sums::default());
    let seconds = |nanos: u64, count: u64| nanos as f64 / 1e9 / count as f64;
    // M/M/1 at a load of one half: 1 ÷ (μ − λ) in the system, half of it waiting.
    let sojourn = seconds(sums.sojourn, sums.left);
    let waited = seconds(sums.waited, sums.begun);
    assert!((sojourn / 1e-3 - 1.0).abs() < 0.03, "{sojourn}");
    assert!((waited / 0.5e-3 - 1.0).abs() < 0.05, "{waited}");
    assert_eq!(sums.page_latency, sums.sojourn, "nothing lies between");
    assert_eq!(sums.served_pages, told.pages().served);
    holds(&told.pages());
}

#[test]
fn the_same_seed_tells_the_same_whatever_the_strides() {
    let written = scenario(library_scenario("flash-sale").unwrap());
    let scenario = Arc::new((*written).clone().at_speed(20.0).unwrap());
    let whole = run(&scenario);
    let mut told = Told::default();
    let mut simulation = Simulation::new(Arc::clone(&scenario), policies(&scenario)).unwrap();
    let mut until = Duration::ZERO;
    while !simulation
        .advance(until, &mut |event| told.take(event))
        .unwrap()
        .done
    {
        until += Duration::from_millis(333);
    }
    assert_eq!(whole.text, told.text);
    let mut other = (*scenario).clone();
    other.seed += 1;
    assert_ne!(run(&Arc::new(other)).text, whole.text);
}

#[test]
fn a_flash_sale_is_a_disaster_without_scaling_and_better_with_it() {
    let scenario = scenario(library_scenario("flash-sale").unwrap());
    let (fixed, _) = run_with(&scenario, BTreeMap::new(), NoProbe);
    let scaled = run(&scenario);
    for told in [&fixed, &scaled] {
        holds(&told.pages());
        for service in scenario.services.keys() {
            holds(&told.service(service));
        }
        assert_eq!(told.pages().open, 0, "all end within the drain");
    }
    let misses = |told: &Told| told.pages().misses() as f64 / told.pages().offered as f64;
    assert!(misses(&fixed) > 0.1, "{}", misses(&fixed));
    assert!(
        misses(&scaled) < misses(&fixed) * 0.9,
        "{}",
        misses(&scaled)
    );
    assert_eq!(fixed.steps, 0);
    assert_eq!(scaled.steps, 4 * 79, "each period but the last instant");
    let most = |service: &str| {
        let workloads = scaled
            .windows
            .iter()
            .filter_map(|w| w.workloads.get(service));
        workloads.map(|w| w.ready.get()).max().unwrap()
    };
    assert!(most("payment") >= 4, "{}", most("payment"));
}

/// How long the one request of ten seconds takes that comes at 5 s, when the shop does `steps` and is hit by `fault`.
fn sojourn(steps: &str, fault: &str) -> Duration {
    let service = format!("{{operations: {{page: {{route: GET /, do: [{steps}]}}}}}}");
    let text = one_service("10s", "0.1/s", &service, &format!("faults: [{fault}]"));
    let text = text.replace("begin: empty", "begin: empty, arrivals: even");
    let (_, sums) = run_with(&scenario(&text), BTreeMap::new(), Sums::default());
    assert_eq!(sums.left, 1);
    Duration::from_nanos(sums.sojourn)
}

#[test]
fn a_replica_that_stands_still_goes_on_where_it_was() {
    let freeze = |at: &str| format!("{{at: {at}, for: 2s, freeze: shop}}");
    let cases = [
        // In the middle of its work; while it waits for something outside, which goes on; before it comes.
        ("work: 1s, wait: 1s", freeze("5400ms"), 4000),
        ("work: 1s, wait: 1s", freeze("6200ms"), 3200),
        ("wait: 3s", freeze("5500ms"), 3000),
        ("work: 1s", freeze("4s"), 2000),
        ("work: 1s", freeze("1s"), 1000),
    ];
    for (steps, fault, millis) in cases {
        assert_eq!(
            sojourn(steps, &fault).as_millis(),
            millis,
            "{steps} {fault}"
        );
    }
}
