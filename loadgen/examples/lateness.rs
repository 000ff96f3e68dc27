//! How late requests are sent, and what one costs: two seconds each at some rates, with each pacing, against a server
//! in this process that answers at once.
//!
//! `cargo run --release -p loadgen --example lateness`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement to be read"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use loadgen::{Emission, Load, Outcome, Plan, Stop};
use metrics::{Quantile, Series};
use pacer::Mode;
use scenarios::{NoFiles, Scenario};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
const SECONDS: u64 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || serve(listener.into_std().unwrap()));
    println!("Poisson arrivals for {SECONDS} s; one worker; µs");
    println!(
        "{:>6} {:9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>11}",
        "rate", "pacing", "late p50", "late p99", "lat. p50", "lat. p99", "CPU/req.", "connections"
    );
    for rate in [1000, 2000, 5000] {
        for (name, pacing) in [
            ("balanced", Mode::Balanced),
            ("precise", Mode::Precise),
            ("eco", Mode::Eco),
        ] {
            let (outcome, pages) = run(rate, pacing, port).await;
            let us = |d: Option<Duration>| d.map_or(0, |d| d.as_micros());
            let latency = pages.latency.unwrap();
            let busy = outcome.cpu.iter().sum::<f64>() / outcome.cpu.len() as f64;
            println!(
                "{rate:>6} {name:9} {:>9} {:>9} {:>9} {:>9} {:>9.1} {:>11}",
                us(outcome.lateness_p50()),
                us(outcome.lateness_p99()),
                us(latency.quantile(Quantile::P50)),
                us(latency.quantile(Quantile::P99)),
                busy * SECONDS as f64 * 1e6 / outcome.counts.offered as f64,
                outcome.connections,
            );
        }
    }
}

async fn run(rate: u32, pacing: Mode, port: u16) -> (Outcome, Series) {
    let text = format!(
        "version: 1
name: lateness
about: A measurement.
duration: {SECONDS}s
traffic: {{unit: journeys, arrivals: poisson, begin: empty, rate: [constant: {{rate: {rate}/s}}]}}
journeys: {{visitor: {{weight: 1, start: home, pages: {{home: {{get: /}}}}}}}}
slo: {{within: 300ms, share: 99%}}
"
    );
    let scenario = Scenario::read("lateness.yaml", text.as_bytes(), &NoFiles, &[]).unwrap();
    let target = format!("http://127.0.0.1:{port}").parse().unwrap();
    let mut plan = Plan::new(Arc::new(scenario), target);
    plan.pacing = pacing;
    plan.grid.length = Duration::from_secs(SECONDS);
    let load = Load::prepare(plan).await.unwrap();
    let mut pages = Series::default();
    let begin = Instant::now() + Duration::from_millis(100);
    let outcome = load
        .run(begin, &Stop::new(), |emission| {
            if let Emission::Window(window) = emission {
                pages.add(&window.all_pages());
            }
        })
        .await;
    (outcome.unwrap(), pages)
}

fn serve(listener: std::net::TcpListener) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream));
        }
    });
}

/// Answers every read: the generator sends a request at a time, in one piece.
async fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let mut request = [0; 4096];
    while stream.read(&mut request).await.is_ok_and(|n| n > 0) {
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}
