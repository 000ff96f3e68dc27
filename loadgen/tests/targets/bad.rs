//! Targets that do not do their job: each a counted failure, never a hang or a panic.

use std::time::{Duration, Instant};

use loadgen::{FailureKind, InvalidReason, Load, LoadError, Stop};
use metrics::Quantile;

use super::server::{Reply, Server, ok};
use super::{lasting, plan, run, scenario, steady};

/// Ten requests in half a second, to be answered within 300 ms.
fn ten(port: u16) -> loadgen::Plan {
    let mut plan = plan(steady(20, Duration::from_millis(500)), port);
    plan.time_limit = Duration::from_millis(300);
    plan
}

fn head(status: &str, headers: &str) -> Reply {
    Reply::Bytes(format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\n\r\n").into_bytes())
}

#[tokio::test]
async fn answers_that_are_none_are_told_apart() {
    let gib = "HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n";
    let endless = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let head_without_end = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(100_000));
    let mut all = tokio::task::JoinSet::new();
    for (reply, kind, why) in [
        (
            Reply::Bytes(b"what?\r\n\r\n".to_vec()),
            FailureKind::Garbage,
            "no HTTP",
        ),
        (Reply::Last(vec![0; 5000]), FailureKind::Garbage, "zeros"),
        (
            Reply::Flood(gib.into()),
            FailureKind::TooLong,
            "a GiB, announced",
        ),
        (
            Reply::Flood(endless.into()),
            FailureKind::TooLong,
            "zeros without end",
        ),
        (
            Reply::Flood(head_without_end.into()),
            FailureKind::TooLong,
            "a head without end",
        ),
        (Reply::Reset, FailureKind::Broken, "a reset"),
        (
            Reply::Last(vec![]),
            FailureKind::Broken,
            "closed without a word",
        ),
        (
            Reply::Last(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfour".to_vec()),
            FailureKind::Broken,
            "less than was announced",
        ),
        (head("500 No", ""), FailureKind::Status(500), "an error"),
        (head("503 No", ""), FailureKind::Status(503), "unavailable"),
    ] {
        all.spawn(fails(reply, kind, why));
    }
    while let Some(one) = all.join_next().await {
        one.unwrap();
    }
}

async fn fails(reply: Reply, kind: FailureKind, why: &str) {
    let server = Server::start(move |_, _| reply.clone()).await;
    let told = run(ten(server.port)).await;
    let (counts, failures) = (told.outcome.counts, told.outcome.failures);
    assert_eq!(counts.failed, 10, "{why}: {counts:?} {failures:?}");
    assert_eq!(failures.of(kind), 10, "{why}: {failures:?}");
    assert_eq!(failures.0[&kind].page, "visitor/home");
}

#[tokio::test]
async fn more_than_was_announced_spoils_the_connection_only() {
    let more = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{} and more".to_vec();
    let server = Server::start(move |_, _| Reply::Bytes(more.clone())).await;
    let told = run(ten(server.port)).await;
    assert_eq!(
        told.outcome.counts.served, 10,
        "{:?}",
        told.outcome.failures
    );
}

#[tokio::test]
async fn shed_and_timed_out_are_not_failed() {
    let server = Server::start(|_, n| match n % 2 {
        0 => head("503 No", "x-rushhour-shed: queue\r\n"),
        _ => head("504 No", ""),
    })
    .await;
    let counts = run(ten(server.port)).await.outcome.counts;
    assert_eq!((counts.shed, counts.timed_out, counts.failed), (5, 5, 0));
}

#[tokio::test]
async fn who_does_not_answer_in_time_has_timed_out_at_the_limit() {
    let drip = Reply::Drip(b"HTTP/1.1 200 OK\r\n\r\n".to_vec());
    for reply in [Reply::Silence, drip] {
        let server = Server::start(move |_, _| reply.clone()).await;
        let told = run(ten(server.port)).await;
        assert_eq!(told.outcome.counts.timed_out, 10);
        let mut all = metrics::Series::default();
        told.windows.iter().for_each(|w| all.add(&w.all_pages()));
        let latency = all.latency.unwrap();
        for q in [Quantile::P50, Quantile::P99] {
            let q = latency.quantile(q).unwrap();
            assert!(
                q.abs_diff(Duration::from_millis(300)) < Duration::from_millis(3),
                "{q:?}"
            );
        }
    }
}

#[tokio::test]
async fn who_still_waits_for_a_connection_at_the_end_was_never_sent() {
    let server = Server::start(|_, _| Reply::Silence).await;
    let mut plan = ten(server.port);
    plan.connections = 1;
    plan.drain = Duration::from_millis(100);
    let outcome = run(plan).await.outcome;
    // Each that has its turn has what is left of its limit. At 600 ms it is that of the seventh.
    let counts = outcome.counts;
    assert!((1..=3).contains(&counts.unsent), "{counts:?}");
    assert!((0..=1).contains(&counts.open), "{counts:?}");
    assert!(counts.timed_out >= 6, "{counts:?}");
    let reasons = &outcome.invalid[..];
    assert!(
        matches!(
            reasons,
            [
                InvalidReason::Late { queued: 9, .. },
                InvalidReason::Unsent { .. }
            ]
        ),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn what_could_not_be_sent_before_its_limit_is_not_sent_at_all() {
    let server = Server::start(|_, _| ok("{}")).await;
    let load = Load::prepare(ten(server.port)).await.unwrap();
    // As if the generator had been asleep for two seconds.
    let begin = Instant::now() - Duration::from_secs(2);
    let outcome = load.run(begin, &Stop::new(), drop).await.unwrap();
    assert_eq!((outcome.counts.offered, outcome.counts.unsent), (10, 10));
    assert_eq!(outcome.unsent_share(), 1.0);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_kept_connection_that_is_dead_is_replaced_once_for_those_who_only_read() {
    let half = Duration::from_millis(500);
    for (method, failed) in [("get", 0), ("post", 5)] {
        // The second request on a connection finds it closing.
        let used = std::sync::Mutex::new(std::collections::BTreeSet::new());
        let server = Server::start(move |request, _| {
            match used.lock().unwrap().insert(request.connection) {
                true => ok("{}"),
                false => Reply::Last(vec![]),
            }
        })
        .await;
        let scenario = scenario(&format!(
            "
duration: 1s
traffic: {{unit: journeys, arrivals: even, begin: empty, rate: [constant: {{rate: 20/s}}]}}
journeys: {{visitor: {{weight: 1, start: home, pages: {{home: {{{method}: /}}}}}}}}
slo: {{within: 300ms, share: 99%}}
"
        ));
        let counts = run(plan(lasting(half, &scenario), server.port))
            .await
            .outcome
            .counts;
        assert_eq!((counts.offered, counts.failed), (10, failed), "{method}");
    }
}

#[tokio::test]
async fn a_target_that_goes_away_is_counted_and_the_run_goes_on() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let load = Load::prepare(ten(port)).await.unwrap();
    drop(listener);
    let outcome = load.run(Instant::now(), &Stop::new(), drop).await.unwrap();
    assert_eq!(outcome.failures.of(FailureKind::Refused), 10);
    assert_eq!(outcome.counts.failed, 10);
}

#[tokio::test]
async fn what_can_be_known_before_is_said_before() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refuses = listener.local_addr().unwrap().port();
    drop(listener);
    let with = |url: &str, change: &dyn Fn(&mut loadgen::Plan)| {
        let mut plan =
            loadgen::Plan::new(steady(1000, Duration::from_secs(10)), url.parse().unwrap());
        change(&mut plan);
        plan
    };
    let owned = |plan: &mut loadgen::Plan| plan.owned = Some("192.0.2.1".into());
    let there = "http://192.0.2.1";
    for (plan, needle) in [
        (
            with(&format!("http://127.0.0.1:{refuses}"), &|_| ()),
            "cannot reach http://127.0.0.1",
        ),
        (
            with("http://no-such-host.invalid", &|_| ()),
            "no-such-host.invalid",
        ),
        (with(there, &|_| ()), "--i-own-the-target 192.0.2.1"),
        (
            with(there, &|p| p.owned = Some("other".into())),
            "--i-own-the-target 192.0.2.1",
        ),
        (with(there, &owned), "above the cap of 500"),
        (
            with(there, &|p| {
                owned(p);
                p.caps.duration = Duration::from_secs(9);
            }),
            "above the cap of 9s",
        ),
        (with(there, &|p| p.connections = u32::MAX), "open files"),
        (with(there, &|p| p.workers = 0), "must be at least 1"),
    ] {
        let asked = Instant::now();
        let error: LoadError = Load::prepare(plan).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(needle), "{text}");
        assert!(!text.contains('\n'), "{text}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{text}");
    }
}
