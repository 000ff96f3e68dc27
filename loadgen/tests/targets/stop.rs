//! Ends before the end.

use std::time::{Duration, Instant};

use loadgen::{Load, Stop};

use super::server::{Reply, Server, ok};
use super::{plan, run_with, steady};

async fn stopped(server: &Server, asks: u32, drain: Duration) -> (loadgen::Outcome, Duration) {
    let mut plan = plan(steady(100, Duration::from_secs(60)), server.port);
    plan.drain = drain;
    let stop = Stop::new();
    let begin = Instant::now();
    let asked = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        (0..asks).for_each(|_| stop.ask());
        assert!(stop.is_asked());
    };
    let (told, ()) = tokio::join!(run_with(plan, &stop), asked);
    (told.unwrap().outcome, begin.elapsed())
}

#[tokio::test]
async fn asked_once_it_finishes_what_is_open() {
    let server = Server::start(|_, _| ok("{}")).await;
    let (outcome, took) = stopped(&server, 1, Duration::from_secs(5)).await;
    assert_eq!(outcome.counts.served, outcome.counts.offered);
    assert!(
        (10..=60).contains(&outcome.counts.offered),
        "{:?}",
        outcome.counts
    );
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn what_does_not_end_in_the_drain_stays_open() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let (outcome, took) = stopped(&server, 1, Duration::from_millis(400)).await;
    assert_eq!(outcome.counts.open, outcome.counts.offered);
    assert!(took >= Duration::from_millis(700), "{took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn asked_twice_it_ends_at_once() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let (outcome, took) = stopped(&server, 2, Duration::from_secs(30)).await;
    assert_eq!(outcome.counts.open, outcome.counts.offered);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_dropped_run_sends_nothing_more() {
    let server = Server::start(|_, _| ok("{}")).await;
    let load = Load::prepare(plan(steady(200, Duration::from_secs(60)), server.port))
        .await
        .unwrap();
    let stop = Stop::new();
    let run = load.run(Instant::now(), &stop, drop);
    let limit = Duration::from_millis(300);
    assert!(tokio::time::timeout(limit, run).await.is_err());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let seen = server.seen().len();
    assert!(seen > 0);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.seen().len(), seen);
}

#[tokio::test]
async fn asked_before_the_begin_nothing_is_sent() {
    let server = Server::start(|_, _| ok("{}")).await;
    let load = Load::prepare(plan(steady(100, Duration::from_secs(60)), server.port))
        .await
        .unwrap();
    let stop = Stop::new();
    stop.ask();
    let begin = Instant::now() + Duration::from_secs(3600);
    let outcome = load.run(begin, &stop, drop).await.unwrap();
    assert_eq!(outcome.counts.offered, 0);
    assert!(server.seen().is_empty());
}
