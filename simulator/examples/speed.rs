//! How fast the simulator is: `speed [--rough | --against-rough | --threads N] SCENARIO…`.
//!
//! Runs each scenario on one thread with the HPAs that it names, and prints its name, its pages, the seconds of CPU that
//! they took, and the mean, p50 and p99 of the pages in milliseconds, the replica-hours, and the most memory that the
//! process ever had in MiB. With `--rough` the planner does it. With `--against-rough` both do, and what is printed is how far the planner is
//! from the simulation: the median of the relative errors of p99 over spans of five minutes that are calm in both (p99
//! under 250 ms), and of the replica-hours. With `--threads` eight runs with seeds of their own share N threads; their
//! seconds are those of the clock.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures the simulator from outside, by the clock and from files, and says what it found"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use metrics::{Histogram, Precision, Quantile, Window};
use scaler::{HpaController, HpaTarget, Policy, SimpleHpa};
use scenarios::{NoFiles, Scenario};
use simulator::{Event, Planner, Simulation};

/// How many runs share the threads.
const RUNS: u64 = 8;
/// Spans of the run whose p99 are compared.
const SPAN: Duration = Duration::from_secs(300);
/// A span is calm below this p99.
const CALM: Duration = Duration::from_millis(250);

fn main() {
    let mut words = std::env::args().skip(1).peekable();
    let mode = words.next_if(|word| word.starts_with("--"));
    let threads = words.next_if(|_| mode.as_deref() == Some("--threads"));
    let threads = threads.map(|word| word.parse().expect("a number of threads"));
    for path in words {
        let scenario = read(&path);
        match mode.as_deref() {
            None => Outcome::of(&scenario, false).print(&scenario.name),
            Some("--rough") => Outcome::of(&scenario, true).print(&scenario.name),
            Some("--against-rough") => compare(&scenario),
            Some("--threads") => share(&scenario, threads.unwrap_or(1)),
            Some(other) => panic!("no such flag: {other}"),
        }
    }
}

fn read(path: &str) -> Arc<Scenario> {
    let text = std::fs::read(path).expect("a scenario to read");
    let scenario = Scenario::read(path, &text, &NoFiles, &[]);
    Arc::new(scenario.unwrap_or_else(|mistakes| panic!("{mistakes}")))
}

/// What a run came to.
struct Outcome {
    requests: u64,
    seconds: f64,
    pages: Histogram,
    /// Pages of each span of the run.
    spans: Vec<Histogram>,
    replica_hours: f64,
}

impl Outcome {
    fn of(scenario: &Arc<Scenario>, rough: bool) -> Self {
        let mut outcome = Self {
            requests: 0,
            seconds: 0.0,
            pages: Histogram::new(Precision::Whole),
            spans: vec![],
            replica_hours: 0.0,
        };
        let policies = policies(scenario);
        let begin = cpu_seconds();
        let mut told = |event| {
            if let Event::Window(window) = event {
                outcome.add(scenario, &window);
            }
        };
        let progress = if rough {
            Planner::new(Arc::clone(scenario), policies)
                .and_then(|mut run| run.advance(Duration::MAX, &mut told))
        } else {
            Simulation::new(Arc::clone(scenario), policies)
                .and_then(|mut run| run.advance(Duration::MAX, &mut told))
        };
        let progress = progress.unwrap_or_else(|error| panic!("{error}"));
        outcome.seconds = cpu_seconds() - begin;
        outcome.requests = progress.requests;
        outcome
    }

    fn add(&mut self, scenario: &Scenario, window: &Window) {
        for workload in window.workloads.values() {
            let hours = window.length.as_secs_f64() / 3600.0;
            self.replica_hours += f64::from(workload.ready.get()) * hours;
        }
        let Some(latency) = window.all_pages().latency else {
            return;
        };
        self.pages.add(&latency);
        let since = window.start.since(scenario.starts).as_nanos();
        let span = (since / SPAN.as_nanos()) as usize;
        while self.spans.len() <= span {
            self.spans.push(Histogram::new(Precision::Window));
        }
        self.spans[span].add(&latency);
    }

    fn print(&self, name: &str) {
        let milliseconds =
            |time: Option<Duration>| time.map_or(f64::NAN, |t| t.as_secs_f64() * 1e3);
        println!(
            "{name} {} {:.3} {:.2} {:.2} {:.2} {:.1} {}",
            self.requests,
            self.seconds,
            milliseconds(self.pages.mean()),
            milliseconds(self.pages.quantile(Quantile::P50)),
            milliseconds(self.pages.quantile(Quantile::P99)),
            self.replica_hours,
            memory(),
        );
    }
}

/// How far the planner is from the simulation.
fn compare(scenario: &Arc<Scenario>) {
    let (full, rough) = (Outcome::of(scenario, false), Outcome::of(scenario, true));
    let p99 = |span: &Histogram| span.quantile(Quantile::P99).unwrap_or(Duration::MAX);
    let mut errors: Vec<f64> = full
        .spans
        .iter()
        .map(p99)
        .zip(rough.spans.iter().map(p99))
        .filter(|(full, rough)| *full.max(rough) < CALM)
        .map(|(full, rough)| (rough.as_secs_f64() / full.as_secs_f64() - 1.0).abs())
        .collect();
    errors.sort_by(f64::total_cmp);
    println!(
        "{} full {:.1} s, rough {:.2} s; p99 off by {:.1} % in the median of {} calm spans of {}, replica-hours by {:+.1} %",
        scenario.name,
        full.seconds,
        rough.seconds,
        100.0 * errors.get(errors.len() / 2).copied().unwrap_or(f64::NAN),
        errors.len(),
        full.spans.len(),
        100.0 * (rough.replica_hours / full.replica_hours - 1.0),
    );
}

/// Independent runs on so many threads.
fn share(scenario: &Arc<Scenario>, threads: u64) {
    let next = AtomicU64::new(0);
    let requests = Mutex::new(0);
    let begin = Instant::now();
    let work = || {
        loop {
            let run = next.fetch_add(1, Ordering::Relaxed);
            if run >= RUNS {
                return;
            }
            let mut own = Scenario::clone(scenario);
            own.seed += run;
            let outcome = Outcome::of(&Arc::new(own), false);
            *requests.lock().expect("nobody panicked") += outcome.requests;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let seconds = begin.elapsed().as_secs_f64();
    let requests = *requests.lock().expect("nobody panicked");
    println!(
        "{} {requests} {seconds:.3} on {threads} threads",
        scenario.name
    );
}

fn policies(scenario: &Scenario) -> BTreeMap<String, Box<dyn Policy + Send>> {
    let policy = |(name, scaling): (&String, &scenarios::Scaling)| {
        let scenarios::Policy::Hpa { targets, .. } = &scaling.policy else {
            return None;
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
        Some((name.clone(), built))
    };
    scenario.scaling.iter().filter_map(policy).collect()
}

/// The seconds that this thread has been on a processor: on a shared machine the clock measures the others.
fn cpu_seconds() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanoseconds = told.split(' ').next().and_then(|word| word.parse().ok());
    nanoseconds.map_or(f64::NAN, |nanoseconds: f64| nanoseconds / 1e9)
}

/// The most memory that this process has ever had, in MiB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}
