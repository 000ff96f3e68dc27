use metrics::{Histogram, Precision, Quantile, Window};

use super::*;
use crate::testing::{Told, policies, scenario};

/// A shop of four services under a load that rises to three times what it was, with HPAs.
fn shop(duration: &str, traffic: &str) -> String {
    format!(
        "version: 1
name: test
duration: {duration}
traffic: {traffic}
journeys:
  shopper:
    start: {{home: 60%, product: 40%}}
    pages:
      home: {{get: /, think: {{median: 8s, p90: 30s}}, next: {{search: 30%, product: 40%}}}}
      search: {{get: /search, think: {{median: 8s, p90: 30s}}, next: {{product: 60%, search: 20%}}}}
      product: {{get: /product, think: {{median: 10s, p90: 40s}}, next: {{product: 40%, add: 20%}}}}
      add: {{post: /cart, think: {{median: 5s, p90: 20s}}, next: {{checkout: 60%, home: 10%}}}}
      checkout: {{post: /checkout}}
services:
  auth:
    replicas: 2
    slots: 4
    queue: 64
    start_up: {{median: 25s, p90: 30s}}
    operations: {{verify: {{do: [work: {{mean: 12ms, cv: 0.3}}]}}}}
  catalogue:
    replicas: 9
    slots: 4
    queue: 64
    start_up: {{median: 25s, p90: 30s}}
    operations:
      home: {{route: GET /, do: [work: {{mean: 20ms, cv: 0.9}}]}}
      search: {{route: GET /search, do: [work: {{mean: 60ms, cv: 0.9}}]}}
      product: {{route: GET /product, do: [work: {{mean: 30ms, cv: 0.9}}]}}
      price: {{do: [work: {{mean: 8ms, cv: 0.9}}]}}
  order:
    replicas: 4
    slots: 8
    queue: 64
    start_up: {{median: 25s, p90: 30s}}
    operations:
      add: {{route: POST /cart, do: [work: {{mean: 20ms, cv: 0.7}}, call: catalogue.price]}}
      checkout:
        route: POST /checkout
        do: [work: {{mean: 30ms, cv: 0.7}}, all: [auth.verify, catalogue.price], call: {{to: payment.charge, timeout: 2s, retries: 1}}]
  payment:
    replicas: 3
    slots: 4
    queue: 64
    start_up: {{median: 25s, p90: 30s}}
    operations: {{charge: {{do: [work: {{mean: 4ms, cv: 0.5}}, wait: {{median: 80ms, p99: 600ms}}]}}}}
scaling:
  auth: {{policy: hpa, min: 2, max: 60, target: {{cpu: 65%}}}}
  catalogue: {{policy: hpa, min: 4, max: 200, target: {{cpu: 65%}}}}
  order: {{policy: hpa, min: 3, max: 90, target: {{busy: 65%}}}}
  payment: {{policy: hpa, min: 2, max: 90, target: {{busy: 65%}}}}
slo: {{within: 1s, share: 99%}}
"
    )
}

/// What is kept of a run: all its windows would fill the memory.
#[derive(Default)]
struct Kept {
    /// Windows put together to five minutes.
    spans: Vec<Window>,
    /// By service.
    replica_hours: BTreeMap<String, f64>,
    windows: usize,
    /// The starts of those that are not to be trusted.
    overloaded: Vec<metrics::Timestamp>,
    steps: usize,
}

impl Kept {
    fn take(&mut self, start: metrics::Timestamp, event: Event) {
        let window = match event {
            Event::Window(window) => window,
            Event::Step { .. } => {
                self.steps += 1;
                return;
            }
            _ => return,
        };
        self.windows += 1;
        if !window.overloaded.is_empty() {
            self.overloaded.push(window.start);
        }
        for (name, workload) in &window.workloads {
            let paid = workload.ready.get() + workload.starting.get();
            *self.replica_hours.entry(name.clone()).or_default() +=
                f64::from(paid) * window.length.as_secs_f64() / 3600.0;
        }
        let place = (window.start.since(start).as_secs() / 300) as usize;
        while self.spans.len() <= place {
            let start = start + Duration::from_secs(300) * self.spans.len() as u32;
            self.spans
                .push(Window::new(start, Duration::from_secs(300)));
        }
        self.spans[place].add(&window);
    }

    fn pages(&self) -> metrics::Counts {
        let mut sum = metrics::Counts::default();
        for window in &self.spans {
            sum.add(&window.all_pages().counts);
        }
        sum
    }

    fn replica_hours(&self) -> f64 {
        self.replica_hours.values().sum()
    }

    fn missed(&self) -> f64 {
        self.pages().misses() as f64 / self.pages().offered as f64
    }
}

fn planned(scenario: &Arc<Scenario>) -> Kept {
    planned_with(scenario, policies(scenario))
}

fn planned_with(scenario: &Arc<Scenario>, policies: BTreeMap<String, BoxedPolicy>) -> Kept {
    let mut kept = Kept::default();
    let mut planner = Planner::new(Arc::clone(scenario), policies).unwrap();
    let progress = planner
        .advance(Duration::MAX, &mut |event| {
            kept.take(scenario.starts, event);
        })
        .unwrap();
    assert!(progress.done);
    assert_eq!(progress.requests, kept.pages().offered);
    println!("{} tables", planner.flow.tables().len());
    kept
}

fn simulated(scenario: &Arc<Scenario>, policies: BTreeMap<String, BoxedPolicy>) -> Kept {
    let mut kept = Kept::default();
    let mut simulation = crate::Simulation::new(Arc::clone(scenario), policies).unwrap();
    simulation
        .advance(Duration::MAX, &mut |event| {
            kept.take(scenario.starts, event);
        })
        .unwrap();
    kept
}

/// All that is told of a planned run, as text.
fn told(scenario: &Arc<Scenario>, stride: Duration) -> String {
    let mut told = Told::default();
    let mut planner = Planner::new(Arc::clone(scenario), policies(scenario)).unwrap();
    let mut until = Duration::ZERO;
    loop {
        until = until.saturating_add(stride);
        let progress = planner
            .advance(until, &mut |event| told.take(event))
            .unwrap();
        assert!(progress.at <= until);
        if progress.done {
            return told.text;
        }
    }
}

fn latency(window: &Window, quantile: Quantile) -> Option<f64> {
    let mut all = Histogram::new(Precision::Whole);
    for series in window.pages.values() {
        if let Some(latency) = &series.latency {
            all.add(latency);
        }
    }
    Some(all.quantile(quantile)?.as_secs_f64())
}

/// How far a planner's result is from the simulation's.
#[derive(Debug)]
struct Distance {
    /// Median of the relative errors over calm spans of five minutes.
    p50: f64,
    p99: f64,
    /// The same of each service's p99, the largest.
    service: f64,
    calm: usize,
    /// Replica-hours, relative.
    replicas: f64,
    requests: f64,
}

fn distance(planned: &Kept, simulated: &Kept) -> Distance {
    let calm: Vec<(&Window, &Window)> = planned
        .spans
        .iter()
        .zip(&simulated.spans)
        .filter(|(a, b)| {
            let good = |w: &Window| latency(w, Quantile::P99).is_some_and(|p99| p99 < 0.6);
            a.overloaded.is_empty() && good(a) && good(b)
        })
        .collect();
    let median = |of: &dyn Fn(&Window) -> Option<f64>| {
        let error = |(a, b): &(&Window, &Window)| Some((of(a)? / of(b)? - 1.0).abs());
        let mut errors: Vec<f64> = calm.iter().filter_map(error).collect();
        errors.sort_by(f64::total_cmp);
        errors.get(errors.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let service = |name: &String| {
        let p99 = |w: &Window| {
            let latency = w.services.get(name)?.latency.as_ref()?;
            Some(latency.quantile(Quantile::P99)?.as_secs_f64())
        };
        println!("p99 of {name}: {:.4}", median(&p99));
        median(&p99)
    };
    println!(
        "replica-hours planned {:.1?}, simulated {:.1?}; missed {:.5} and {:.5}; {} of {} windows overloaded",
        planned.replica_hours,
        simulated.replica_hours,
        planned.missed(),
        simulated.missed(),
        planned.overloaded.len(),
        planned.windows
    );
    Distance {
        p50: median(&|w| latency(w, Quantile::P50)),
        p99: median(&|w| latency(w, Quantile::P99)),
        service: planned
            .replica_hours
            .keys()
            .map(service)
            .fold(0.0, f64::max),
        calm: calm.len(),
        replicas: planned.replica_hours() / simulated.replica_hours() - 1.0,
        requests: planned.pages().offered as f64 / simulated.pages().offered as f64 - 1.0,
    }
}

#[test]
fn a_calm_hour_is_as_the_simulation_has_it() {
    let rate = "{unit: requests, crowd: 4000, rate: [ramp: {from: 400/s, to: 1200/s, over: 50m}]}";
    let scenario = scenario(&shop("1h", rate));
    let distance = distance(
        &planned(&scenario),
        &simulated(&scenario, policies(&scenario)),
    );
    println!("{distance:?}");
    assert!(distance.calm >= 10, "{distance:?}");
    assert!(distance.p99 < 0.05 && distance.p50 < 0.03, "{distance:?}");
    assert!(distance.service < 0.08, "{distance:?}");
    assert!(distance.replicas.abs() < 0.05, "{distance:?}");
    assert!(distance.requests.abs() < 0.01, "{distance:?}");
}

#[test]
fn visits_flow_through_their_thoughts() {
    let rate = "{rate: [constant: {rate: 40/s}, flash: {at: 20m, peak: 40/s, rise: 2m, hold: 5m, decay: 5m}]}";
    let scenario = scenario(&shop("40m", rate));
    let distance = distance(
        &planned(&scenario),
        &simulated(&scenario, policies(&scenario)),
    );
    println!("{distance:?}");
    assert!(distance.requests.abs() < 0.02, "{distance:?}");
    assert!(distance.replicas.abs() < 0.08, "{distance:?}");
    assert!(distance.p50 < 0.03 && distance.p99 < 0.06, "{distance:?}");
}

#[test]
fn the_same_seed_gives_the_same_bytes_in_whatever_strides() {
    let scenario = scenario(&shop("10m", "{rate: [constant: {rate: 30/s}]}"));
    let at_once = told(&scenario, Duration::MAX);
    assert_eq!(at_once, told(&scenario, Duration::MAX));
    assert_eq!(at_once, told(&scenario, Duration::from_secs(7)));
}

#[test]
fn what_another_planner_knows_changes_nothing_but_the_time_it_takes() {
    let scenario = scenario(&shop("10m", "{rate: [constant: {rate: 30/s}]}"));
    let run = |waits: PlannerWaits| {
        let policies = policies(&scenario);
        let planner = Planner::new(Arc::clone(&scenario), policies).unwrap();
        let mut planner = planner.knowing(waits);
        let mut told = Vec::new();
        planner
            .advance(Duration::MAX, &mut |event| told.push(format!("{event:?}")))
            .unwrap();
        (told, planner.waits())
    };
    let (told, waits) = run(PlannerWaits::default());
    let (again, still) = run(waits.clone());
    assert!(told == again, "the same scenario, the same run");
    assert_eq!(
        waits.0.len(),
        still.0.len(),
        "nothing had to be simulated again"
    );
    assert!(waits.0.len() > 0);
}

#[test]
fn an_overload_is_flagged_and_nothing_is_lost() {
    let rate = "{rate: [constant: {rate: 20/s}, flash: {at: 5m, peak: 400/s, rise: 1s, hold: 3m, decay: 1s}]}";
    let scenario = scenario(&shop("10m", rate));
    let planned = planned(&scenario);
    let minute = |start: &metrics::Timestamp| start.since(scenario.starts).as_secs() / 60;
    let minutes: BTreeSet<u64> = planned.overloaded.iter().map(minute).collect();
    assert!(minutes.contains(&5), "{minutes:?}");
    assert!(!minutes.contains(&3), "{minutes:?}");
    let counts = planned.pages();
    assert_eq!(counts.offered, counts.ended(), "{counts:?}");
    assert!(
        counts.shed + counts.timed_out + counts.slow + counts.failed > 1000,
        "{counts:?}"
    );
}

#[test]
fn nobody_comes_and_nobody_is_there() {
    let scenario = scenario(&shop("10m", "{rate: [constant: {rate: 0/s}]}"));
    let planned = planned(&scenario);
    assert_eq!(planned.pages().offered, 0);
    assert!(planned.steps > 0);
    assert!(planned.overloaded.is_empty());
}

#[test]
fn the_oracle_is_cheaper_than_who_looks_back_and_misses_no_more() {
    let rate = "{rate: [constant: {rate: 60/s}, flash: {at: 20m, peak: 120/s, rise: 3m, hold: 5m, decay: 5m}]}";
    let scenario = scenario(&shop("50m", rate));
    let looking_back = simulated(&scenario, policies(&scenario));
    let budget = metrics::Ratio::new(0.01).unwrap();
    let oracles = oracles(&scenario, budget);
    let built = oracles
        .iter()
        .map(|(name, spec)| (name.clone(), spec.build().unwrap()));
    let knowing = simulated(&scenario, built.collect());
    println!(
        "replica-hours {:.2?} and {:.2?}, missed {:.4} and {:.4}",
        knowing.replica_hours,
        looking_back.replica_hours,
        knowing.missed(),
        looking_back.missed()
    );
    assert!(knowing.replica_hours() < looking_back.replica_hours());
    assert!(knowing.missed() < looking_back.missed().max(0.01));
}

/// A Black Friday of some 170 million requests.
fn day() -> Arc<Scenario> {
    let rate = "{unit: requests, crowd: 20000, rate: [
  diurnal: {mean: 1700/s, peak: 3000/s, peak_at: \"15:00\"},
  flash: {at: 6h, peak: 1500/s, rise: 10m, hold: 20m, decay: 1h},
  flash: {at: 9h, peak: 3500/s, rise: 5m, hold: 15m, decay: 1h}]}";
    scenario(&shop("24h", rate))
}

#[test]
fn a_day_is_planned() {
    let planned = planned(&day());
    let requests = planned.pages().offered;
    assert!((150_000_000..190_000_000).contains(&requests), "{requests}");
    assert!(
        planned.overloaded.len() < 300,
        "{}",
        planned.overloaded.len()
    );
    assert_eq!(planned.steps, 4 * 5759);
}

#[test]
fn a_day_is_as_the_simulation_has_it() {
    if std::env::var_os("RUSHHOUR_FULL").is_none() {
        println!("not run: it takes minutes; RUSHHOUR_FULL=1 runs it");
        return;
    }
    let scenario = day();
    let simulated = simulated(&scenario, policies(&scenario));
    let distance = distance(&planned(&scenario), &simulated);
    println!("{distance:?}");
    assert!(distance.p99 < 0.05, "{distance:?}");
    assert!(distance.service < 0.08, "{distance:?}");
    assert!(distance.replicas.abs() < 0.05, "{distance:?}");
    assert!(distance.requests.abs() < 0.01, "{distance:?}");
}
