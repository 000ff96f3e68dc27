//! Fetching what there is to see: from each replica at the scenario's interval, from the gateway once a second.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use metrics::{Grid, Timestamp, Window};
use scaler::Counters;

use super::state::{Shared, sampling};
use crate::Clock;
use crate::http;
use crate::protocol::{Drain, Drained};

/// The longest that one scrape may take.
const LIMIT: Duration = Duration::from_secs(1);
/// The shortest interval between scrapes, however fast the scenario runs.
pub(super) const SHORTEST: Duration = Duration::from_millis(50);
/// How often the gateway is asked, unless windows are shorter: each window needs a sample.
const GATEWAY: Duration = Duration::from_secs(1);

/// Scrapes all replicas for ever. One that does not answer in time is a gap.
pub(super) async fn replicas(shared: Arc<Shared>) {
    let scrape = shared.scenario.control.scrape;
    let sampling = sampling(scrape);
    let mut ticks = tokio::time::interval(scrape.interval.max(SHORTEST));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        for (service, replicas) in shared.with_all(|w| (w.service.clone(), w.addresses())) {
            for (id, address) in replicas {
                let (shared, service) = (Arc::clone(&shared), service.clone());
                tokio::spawn(async move {
                    let limit = scrape.interval.clamp(SHORTEST, LIMIT);
                    let Some(counters) = counters(address, limit).await else {
                        return;
                    };
                    let now = shared.now();
                    shared.with(&service, |workload, _| {
                        if workload.fleet.members.contains_key(&id) {
                            workload
                                .scrapes
                                .entry(id)
                                .or_default()
                                .push(now, counters, &sampling);
                        }
                    });
                });
            }
        }
    }
}

/// What a replica has counted, if it says so in time.
pub(super) async fn counters(address: std::net::SocketAddr, limit: Duration) -> Option<Counters> {
    let request = Request::builder()
        .uri("/metrics")
        .header(hyper::header::HOST, address.to_string())
        .body(Full::new(Bytes::new()))
        .expect("the request is well-formed");
    let answer = http::exchange(address, request, limit).await.ok()?;
    let text = std::str::from_utf8(answer.body()).ok()?;
    Counters::parse(text).filter(|_| answer.status().is_success())
}

/// Asks the gateway for what it counted, and tells it together with how the workloads are.
pub(super) async fn gateway(shared: Arc<Shared>, address: std::net::SocketAddr, grid: Grid) {
    let clock = shared.clock();
    // The gateway counts by the wall clock, the run by the world's own time: the two differ by a constant.
    let shift = clock
        .now()
        .as_nanos()
        .saturating_sub(Clock::start().now().as_nanos());
    let there = Grid {
        start: shifted(grid.start, -shift),
        length: grid.length,
    };
    // What was asked before the start (whoever is inside then has logged in already) is of no window.
    drain(address, there).await;
    let every = GATEWAY.min(grid.length).max(SHORTEST);
    let mut ticks = tokio::time::interval_at(clock.begin.into(), every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        tell_workloads(&shared, grid);
        if let Some(drained) = drain(address, there).await {
            take(&shared, drained, shift);
        }
    }
}

/// What the gateway counted since the last time, if it answers.
async fn drain(address: std::net::SocketAddr, grid: Grid) -> Option<Drained> {
    let body = serde_json::to_vec(&Drain { grid }).expect("a grid has a JSON form");
    let request = Request::builder()
        .method(Method::POST)
        .uri("/windows")
        .header(hyper::header::HOST, address.to_string())
        .header(hyper::header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .expect("the request is well-formed");
    let answer = http::exchange(address, request, LIMIT).await.ok()?;
    serde_json::from_slice(answer.body()).ok()
}

fn tell_workloads(shared: &Shared, grid: Grid) {
    let now = shared.now();
    let mut window = Window::new(grid.window_of(now), grid.length);
    window.workloads = shared.samples();
    shared.tell_window(window);
}

fn take(shared: &Shared, drained: Drained, shift: i64) {
    let now = shared.now();
    let sampling = sampling(shared.scenario.control.scrape);
    for mut piece in drained.pieces {
        for (service, series) in &piece.services {
            if shared.scenario.services.contains_key(service) {
                shared.with(service, |workload, _| {
                    workload.offered.push(now, series.counts.offered, &sampling);
                    workload.came += series.counts.offered;
                });
            }
        }
        piece.start = shifted(piece.start, shift);
        shared.tell_window(piece);
    }
}

fn shifted(at: Timestamp, by: i64) -> Timestamp {
    Timestamp::from_nanos(at.as_nanos().saturating_add(by))
}
