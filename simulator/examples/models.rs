//! How fast the simulator is, on models of its own: `cargo run --profile max -p simulator --example models [MODEL…]`.
//!
//! Requests are pages; events are not counted, because cheap ones make any engine look fast. M/M/10 has two events for
//! each request by any count: its arrival and its end.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark reads the clock and says what it found"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{Counts, Histogram, Precision, Quantile};
use scaler::{HpaController, HpaTarget, Policy, SimpleHpa};
use scenarios::{NoFiles, Scenario};
use simulator::{Event, Simulation};

/// Two in three look, one in six fills a cart, one in six buys.
const JOURNEYS: &str = "
journeys:
  shopper:
    start: {home: 40%, search: 40%, cart: 10%, checkout: 10%}
    pages:
      home: {get: /, think: {median: 10s, p90: 40s}, next: {search: 50%, home: 30%}}
      search: {get: /search, think: {median: 10s, p90: 40s}, next: {search: 50%, cart: 30%}}
      cart: {get: /cart, think: {median: 10s, p90: 40s}, next: {checkout: 50%, home: 20%}}
      checkout: {post: /checkout, think: {median: 10s, p90: 40s}, next: {home: 20%}}
";

fn services(extra: &str, replicas: [u32; 4]) -> String {
    let [auth, catalogue, order, payment] = replicas;
    format!(
        "
services:
  auth:
    {{replicas: {auth}, slots: 2, queue: 64, {extra} operations: {{verify: {{do: [work: {{mean: 3ms, cv: 0.3}}]}}}}}}
  catalogue:
    replicas: {catalogue}
    slots: 2
    queue: 64
    {extra_line}
    operations:
      home: {{route: GET /, do: [work: {{mean: 15ms, cv: 0.9}}]}}
      search: {{route: GET /search, do: [work: {{mean: 20ms, cv: 0.9}}]}}
      price: {{do: [work: {{mean: 3ms, cv: 0.9}}]}}
  order:
    replicas: {order}
    slots: 4
    queue: 64
    {extra_line}
    operations:
      cart: {{route: GET /cart, do: [work: {{mean: 5ms, cv: 0.7}}, call: catalogue.price]}}
      checkout:
        route: POST /checkout
        do: [work: {{mean: 8ms, cv: 0.7}}, call: auth.verify, call: catalogue.price, call: {{to: payment.charge, retries: 1}}]
  payment:
    {{replicas: {payment}, slots: 4, queue: 64, {extra} operations: {{charge: {{do: [work: {{mean: 2ms, cv: 0.5}}, wait: {{median: 40ms, p99: 200ms}}]}}}}}}
",
        extra_line = extra.trim_end_matches([',', ' '])
            .replace(", ", "\n    "),
    )
}

fn shop(seconds: u32, rate: &str, extra: &str, more: &str) -> String {
    format!(
        "version: 1\nname: shop\nduration: {seconds}s\ntraffic: {{unit: requests, rate: [{rate}]}}\n{more}\n{JOURNEYS}{}",
        services(extra, [4, 24, 12, 10])
    )
}

fn mm10(seconds: u32) -> String {
    format!(
        "version: 1\nname: mm10\nduration: {seconds}s\ntraffic: {{unit: requests, rate: [constant: {{rate: 8000/s}}]}}\n\
         journeys: {{one: {{start: page, pages: {{page: {{get: /}}}}}}}}\n\
         services: {{one: {{replicas: 1, slots: 10, queue: unlimited, operations: {{page: {{route: GET /, do: [work: {{exponential: 1ms}}]}}}}}}}}\n"
    )
}

fn day(unit: &str, scale: f64) -> String {
    let rate = |mean: f64| format!("{}/s", mean * scale);
    let curves = format!(
        "diurnal: {{mean: {}, peak: {}, peak_at: \"20:00\"}}\n    - flash: {{at: 9h, peak: {}, rise: 2m, hold: 20m, decay: 60m}}\n    - flash: {{at: 19h, peak: {}, rise: 5m, hold: 30m, decay: 60m}}",
        rate(1710.0),
        rate(3000.0),
        rate(2500.0),
        rate(3900.0)
    );
    format!(
        "version: 1\nname: black-friday-day\nduration: 24h\ntraffic:\n  unit: {unit}\n  rate:\n    - {curves}\n\
         network: {{latency: 250us}}\n{JOURNEYS}{}\n\
         scaling:\n  auth: {{policy: hpa, min: 2, max: 40, target: {{cpu: 60%}}}}\n  catalogue: {{policy: hpa, min: 10, max: 200, target: {{cpu: 60%}}}}\n\
         \x20 order: {{policy: hpa, min: 5, max: 100, target: {{busy: 60%}}}}\n  payment: {{policy: hpa, min: 5, max: 100, target: {{busy: 60%}}}}\n",
        services("start_up: {median: 25s, p90: 35s},", [4, 24, 12, 10])
    )
}

fn policies(scenario: &Scenario) -> BTreeMap<String, Box<dyn Policy + Send>> {
    let policy = |(name, scaling): (&String, &scenarios::Scaling)| {
        let targets = match &scaling.policy {
            scenarios::Policy::Hpa { targets, .. } => targets.clone(),
            _ => vec![],
        };
        let target = |target: &scenarios::HpaTarget| match *target {
            scenarios::HpaTarget::Cpu(share) => HpaTarget::Cpu(share),
            scenarios::HpaTarget::Busy(share) => HpaTarget::Busy(share),
            scenarios::HpaTarget::Requests(rate) => HpaTarget::Requests(rate),
        };
        let hpa = SimpleHpa {
            targets: targets.iter().map(target).collect(),
            min: scaling.min,
            max: scaling.max,
            behavior: None,
            rate_period: Duration::from_secs(15),
            controller: HpaController::default(),
        };
        let built: Box<dyn Policy + Send> = Box::new(hpa.build().expect("the targets are sound"));
        (name.clone(), built)
    };
    scenario.scaling.iter().map(policy).collect()
}

/// The most memory that this process has ever had, in MiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

fn measure(name: &str, text: &str) {
    let read = Scenario::read("speed.yaml", text.as_bytes(), &NoFiles, &[]);
    let scenario = Arc::new(read.unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}")));
    let policies = policies(&scenario);
    let began = Instant::now();
    let mut run = Simulation::new(scenario, policies).expect("it can be simulated");
    let (mut counts, mut latency) = (Counts::default(), Histogram::new(Precision::Window));
    let mut most: BTreeMap<String, u32> = BTreeMap::new();
    let progress = run
        .advance(Duration::MAX, &mut |event| {
            let Event::Window(window) = event else { return };
            let pages = window.all_pages();
            counts.add(&pages.counts);
            pages.latency.iter().for_each(|one| latency.add(one));
            for (service, workload) in window.workloads {
                let most = most.entry(service).or_default();
                *most = (*most).max(workload.ready.get());
            }
        })
        .expect("it can be simulated to its end");
    let took = began.elapsed().as_secs_f64();
    let millis = |q| latency.quantile(q).map_or(0.0, |t| t.as_secs_f64() * 1e3);
    println!(
        "{name:>10}: {:.2} M requests/s, {:.2} M requests in {took:.1} s, p50 {:.1} ms, p99 {:.1} ms, not served {:.3} %, most ready {:?}, {} MiB",
        progress.requests as f64 / took / 1e6,
        progress.requests as f64 / 1e6,
        millis(Quantile::P50),
        millis(Quantile::P99),
        counts.errors() as f64 / counts.offered.max(1) as f64 * 100.0,
        most.values().collect::<Vec<_>>(),
        memory(),
    );
}

fn main() {
    let mut wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.is_empty() {
        wanted = ["mm10", "shop", "all"].map(String::from).to_vec();
    }
    let rate = "constant: {rate: 2000/s}";
    let sharing = "discipline: sharing, cores: 2, contention: {alpha: 0.02, beta: 0.0005}, warm_up: {for: 30s, from: 50%},";
    for name in wanted {
        let text = match name.as_str() {
            "mm10" => mm10(1000),
            "shop" => shop(2000, rate, "", ""),
            "all" => shop(
                1000,
                rate,
                sharing,
                "network: {latency: 250us}\ngateway: {time_limit: 1s}",
            ),
            "requests" => day("requests", 1.0),
            "journeys" => day("journeys", 0.41),
            other => panic!("no model {other}: mm10, shop, all, requests, journeys"),
        };
        measure(&name, &text);
    }
}
