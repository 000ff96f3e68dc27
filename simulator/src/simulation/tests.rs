mod upstream;

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

/// The mean sojourn in seconds of one service's requests.
fn mean_sojourn(text: &str) -> f64 {
    let (_, sums) = run_with(&scenario(text), BTreeMap::new(), Sums::default());
    sums.sojourn as f64 / 1e9 / sums.left as f64
}

#[test]
fn sharing_a_processor_is_insensitive_to_how_work_is_distributed() {
    // M/G/1-PS: mean work ÷ (1 − load), whatever the distribution.
    let service = "{replicas: 1, slots: unlimited, queue: unlimited, discipline: sharing, cores: 1, operations: {page: {route: GET /, do: [work: {mean: 500us, cv: 2}]}}}";
    let mean = mean_sojourn(&one_service("600s", "1000/s", service, ""));
    assert!((mean / 1e-3 - 1.0).abs() < 0.03, "{mean}");
}

#[test]
fn one_queue_at_the_gateway_makes_one_queue_of_all_replicas() {
    let service = |waiting: &str| {
        let of = format!(
            "{{replicas: 4, slots: 1, queue: unlimited, waiting: {waiting}, operations: {{page: {{route: GET /, do: [work: {{exponential: 2ms}}]}}}}}}"
        );
        mean_sojourn(&one_service("300s", "1600/s", &of, ""))
    };
    // M/M/4 at a load of 0.8: Erlang's C is 0.5964, and the mean wait C · 2 ms ÷ (4 · 0.2).
    let one_queue = service("gateway");
    let expected = 0.002 + 0.5964 * 0.002 / 0.8;
    assert!((one_queue / expected - 1.0).abs() < 0.04, "{one_queue}");
    assert!(service("replica") > one_queue * 1.1);
}

#[test]
fn messages_take_their_time_there_and_back() {
    let service = "{replicas: 1, slots: 4, queue: 64, operations: {page: {route: GET /, do: [work: {mean: 10ms, cv: 0}]}}}";
    for latency in ["3ms", "{mean: 3ms, cv: 0.5}"] {
        let more = format!("network: {{latency: {latency}}}\ngateway: {{overhead: 2ms}}");
        let text = one_service("100s", "20/s", service, &more);
        let (_, sums) = run_with(&scenario(&text), BTreeMap::new(), Sums::default());
        let mean = sums.page_latency as f64 / 1e6 / sums.served_pages as f64;
        assert!((mean - 18.0).abs() < 0.3, "{latency}: {mean}");
    }
}

/// A run that may end with an error.
fn outcome(text: &str) -> Result<Told, SimulationError> {
    let scenario = scenario(text);
    let mut told = Told::default();
    let mut simulation = Simulation::new(Arc::clone(&scenario), policies(&scenario))?;
    simulation.advance(Duration::MAX, &mut |event| told.take(event))?;
    Ok(told)
}

const PLAIN: &str =
    "{replicas: 2, slots: 2, queue: 16, operations: {page: {route: GET /, do: [work: 10ms]}}}";

#[test]
fn nothing_at_all_takes_no_time_and_ends() {
    let nothing =
        "{replicas: 1, slots: 1, queue: 4, operations: {page: {route: GET /, do: [work: 0s]}}}";
    let told = outcome(&one_service("10s", "1000/s", nothing, "")).unwrap();
    holds(&told.pages());
    assert_eq!(told.pages().served, told.pages().offered);
    let told = outcome(&one_service("10s", "0/s", PLAIN, "")).unwrap();
    assert_eq!(told.pages(), Counts::default());
    assert!(
        told.text
            .ends_with("End { at: Timestamp(1767571210000000000) }\n"),
        "{}",
        told.text
    );
}

#[test]
fn whoever_asks_again_and_again_at_one_instant_is_told_so() {
    let text = one_service(
        "10s",
        "1/s",
        "{replicas: 1, slots: 1, queue: 0, operations: {page: {route: GET /, do: [work: 5s]}}}",
        "",
    )
    .replace(
        "{get: /}",
        "{get: /, on_failure: {retry: unlimited, after: 0s}}",
    );
    let scenario = scenario(&text);
    let mut simulation = Simulation::new(scenario, BTreeMap::new()).unwrap();
    simulation.most_at_once = 100_000;
    let ended = simulation.advance(Duration::MAX, &mut |_| {});
    assert!(matches!(ended, Err(SimulationError::Stuck { .. })));
}

#[test]
fn what_is_more_than_the_bulkhead_holds_is_turned_away() {
    let endless = "{replicas: 1, slots: 1, queue: unlimited, operations: {page: {route: GET /, do: [work: 100s]}}}";
    let more = "gateway: {time_limit: 1h, bulkhead: {in_flight: 100000}}";
    let told = outcome(&one_service("3s", "100000/s", endless, more)).unwrap();
    holds(&told.pages());
    assert_eq!(told.pages().open, 100_000);
}

#[test]
fn ten_thousand_replicas_and_a_service_that_nobody_calls() {
    let text = one_service("30s", "2000/s", "{replicas: 10000, slots: 1, queue: 1, operations: {page: {route: GET /, do: [work: 10ms]}}}", "")
        .replace("services: {", "services: {idle: {replicas: 1, slots: 1, queue: 1, operations: {nothing: {do: [work: 1s]}}}, ");
    let told = outcome(&text).unwrap();
    assert!(told.pages().served > told.pages().offered * 99 / 100);
    assert_eq!(told.service("idle"), Counts::default());
}

#[test]
fn retries_and_contention_make_a_collapse_that_stays() {
    // Far below its knee the shop serves the load with room to spare (nearer to it, luck alone would do what the burst does);
    // a burst fills it with more than it works best with, and those who ask again keep it there.
    let service = "{replicas: 1, slots: 200, queue: 0, discipline: sharing, cores: 4, contention: {alpha: 0.02, beta: 0.002}, operations: {page: {route: GET /, do: [work: {mean: 20ms, cv: 0.5}]}}}";
    let text = |burst: &str| {
        one_service(
            "300s",
            "60/s",
            service,
            "gateway: {time_limit: 1s, breaker: {least: 1000000}, ejection: {most: 0%}}",
        )
        .replace(
            "60/s}",
            &format!("60/s}}, pulse: {{at: 60s, every: 1h, width: 10s, height: {burst}}}"),
        )
        .replace("{get: /}", "{get: /, on_failure: {retry: 5, after: 200ms}}")
    };
    let late = |told: &Told| {
        let from = told.windows.len() - 5;
        let mut sum = Counts::default();
        told.windows[from..]
            .iter()
            .for_each(|w| sum.add(&w.all_pages().counts));
        sum.errors() as f64 / sum.offered.max(1) as f64
    };
    let calm = outcome(&text("0/s")).unwrap();
    let burst = outcome(&text("400/s")).unwrap();
    assert!(late(&calm) < 0.01, "{}", late(&calm));
    assert!(late(&burst) > 0.3, "long after the burst: {}", late(&burst));
    let busy = |told: &Told| told.windows[15].workloads["shop"].cpu.unwrap();
    // Nothing is served, and all cores are busy.
    assert!(busy(&burst) > 0.99, "contention is work: {}", busy(&burst));
    assert!(busy(&calm) < 0.6, "{}", busy(&calm));
}

#[test]
fn every_fault_has_its_effect_and_the_books_balance() {
    let faults = "faults:\n  - {at: 20s, kill: shop, replicas: 1}\n  - {at: 40s, slow: shop, factor: 3x, for: 10s}\n  - {at: 60s, fail: shop, share: 50%, for: 10s}\n  \
                  - {at: 80s, hang: shop, replicas: 1, for: 10s}\n  - {at: 300s, bad_deploy: shop, factor: 2x, share: 10%}\n  \
                  - {at: 200s, kill: gateway}\n  - {at: 220s, kill: registry}\n  - {at: 230s, lose_lease: shop, replicas: 1, for: 5s}\n  - {at: 240s, no_metrics: true, for: 30s}\n  \
                  - {at: 280s, freeze: shop, for: 2s}\n";
    let service = "{replicas: 3, slots: 4, queue: 16, start_up: 5s, operations: {page: {route: GET /, do: [work: {mean: 20ms, cv: 0.5}]}}}";
    let scaling = "scaling: {shop: {policy: hpa, min: 3, max: 9, target: {cpu: 60%}}}\n";
    let told = outcome(&one_service(
        "320s",
        "100/s",
        service,
        &format!("{faults}{scaling}"),
    ))
    .unwrap();
    holds(&told.pages());
    holds(&told.service("shop"));
    assert_eq!(told.faults.len(), 10, "{:?}", told.faults);
    let errors = |from: usize, to: usize| -> u64 {
        told.windows[from..to]
            .iter()
            .map(|w| w.all_pages().counts.errors())
            .sum()
    };
    assert!(
        errors(4, 5) > 400,
        "half of the answers are errors for ten seconds"
    );
    assert!(
        told.windows[12].all_pages().counts.errors() < 20,
        "and all is well again"
    );
    assert!(told.text.contains("metrics are out"));
    let ready = |window: usize| told.windows[window].workloads["shop"].ready.get();
    assert_eq!(ready(3), 3, "the killed one was replaced");
}

#[test]
fn a_lost_node_takes_its_replicas_and_those_who_find_no_room_wait_for_another() {
    let service = "{replicas: 4, slots: 2, queue: 16, start_up: 1s, operations: {page: {route: GET /, do: [work: {mean: 20ms, cv: 0.5}]}}}";
    let more = "nodes: {size: {replicas: 2}, count: 2, max: 3, provisioning: 30s, zones: 2}\nfaults: [{at: 31s, lose: node}]\n";
    let told = outcome(&one_service("120s", "20/s", service, more)).unwrap();
    let ready: Vec<u32> = told
        .windows
        .iter()
        .map(|w| w.workloads["shop"].ready.get())
        .collect();
    assert_eq!(ready, [4, 4, 2, 2, 4, 4, 4, 4], "{:?}", told.faults);
    holds(&told.pages());
}
