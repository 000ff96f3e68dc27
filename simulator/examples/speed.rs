//! How fast the simulator is: `speed SCENARIO.yaml…` runs each on one thread, with policies that hold, and prints its pages,
//! the seconds they took, and the mean, p50 and p99 of the pages in milliseconds.

#![expect(
    clippy::disallowed_types,
    reason = "it measures the simulator from outside, by the clock and from files"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{Histogram, Precision, Quantile};
use scenarios::{NoFiles, Scenario};
use simulator::{Event, NoProbe, Simulation};

fn main() {
    for path in std::env::args().skip(1) {
        let text = std::fs::read(&path).expect("a scenario to read");
        let scenario = Scenario::read(&path, &text, &NoFiles, &[]);
        let scenario = Arc::new(scenario.unwrap_or_else(|mistakes| panic!("{mistakes}")));
        measure(&scenario);
    }
}

#[expect(clippy::print_stdout, reason = "it is what the program is for")]
fn measure(scenario: &Arc<Scenario>) {
    let run = Simulation::with_probe(Arc::clone(scenario), BTreeMap::new(), NoProbe);
    let mut run = run.unwrap_or_else(|error| panic!("{error}"));
    let mut pages = Histogram::new(Precision::Whole);
    let begin = Instant::now();
    let progress = run.advance(Duration::MAX, &mut |event| {
        if let Event::Window(window) = event
            && let Some(latency) = window.all_pages().latency
        {
            pages.add(&latency);
        }
    });
    let seconds = begin.elapsed().as_secs_f64();
    let sent = progress.unwrap_or_else(|error| panic!("{error}")).requests;
    let milliseconds = |time: Option<Duration>| time.map_or(f64::NAN, |t| t.as_secs_f64() * 1e3);
    println!(
        "{} {sent} {seconds:.3} {:.2} {:.2} {:.2}",
        scenario.name,
        milliseconds(pages.mean()),
        milliseconds(pages.quantile(Quantile::P50)),
        milliseconds(pages.quantile(Quantile::P99)),
    );
}
