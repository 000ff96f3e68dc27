//! Targets that do their job, and what is told of it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use loadgen::{FailureKind, InvalidReason, Load, Stop};
use metrics::Quantile;
use scenarios::Trace;

use super::server::{Reply, Server, ok, ok_bytes};
use super::{Told, plan, run, scenario, steady};

#[tokio::test]
async fn all_that_was_due_is_served_and_counted() {
    let server = Server::start(|_, _| ok("{}")).await;
    let told = run(plan(steady(100, Duration::from_secs(1)), server.port)).await;
    let counts = told.outcome.counts;
    assert_eq!((counts.offered, counts.served), (100, 100));
    assert_eq!(server.seen().len(), 100);
    let pages = |w: &metrics::Window| w.pages.keys().all(|page| page == "visitor/home");
    assert!(told.windows.iter().all(pages));
    assert_eq!(told.outcome.lateness.len(), 100);
    assert!(told.outcome.connections >= 1);
    let head = &server.seen()[0].head;
    for line in [
        "host: 127.0.0.1:",
        "traceparent: 00-",
        "user-agent: rushhour/",
    ] {
        assert!(head.contains(line), "{head}");
    }
}

/// A second's stall, as it must show by hand: requests come every 10 ms, and those that come in the stall are answered at
/// its end. Of 300 requests the 297th in the order of latency is the fourth longest: 990, 980, 970, 960 ms.
#[tokio::test]
async fn a_stall_shows_in_latency_though_two_connections_could_hide_it() {
    let first: OnceLock<Instant> = OnceLock::new();
    let server = Server::start(move |_, _| {
        let since = first.get_or_init(Instant::now).elapsed();
        let stall = Duration::from_micros(1_002_500)..Duration::from_secs(2);
        if stall.contains(&since) {
            return Reply::After(stall.end - since, ok_bytes("{}"));
        }
        ok("{}")
    })
    .await;
    let mut plan = plan(steady(100, Duration::from_secs(3)), server.port);
    plan.connections = 2;
    let told = run(plan).await;
    let mut all = metrics::Series::default();
    for window in &told.windows {
        all.add(&window.all_pages());
    }
    let p99 = |h: Option<metrics::Histogram>| h.unwrap().quantile(Quantile::P99).unwrap();
    let (latency, service_time) = (p99(all.latency), p99(all.service_time));
    let by_hand = Duration::from_millis(960);
    assert!(
        latency.abs_diff(by_hand) < Duration::from_millis(40),
        "{latency:?}"
    );
    assert!(
        service_time < Duration::from_millis(200),
        "{service_time:?}"
    );
    // Two connections were too few to send on time, and that is said, too.
    let queued = told.outcome.queued;
    assert!((90..=100).contains(&queued), "{queued}");
    assert!(matches!(
        told.outcome.invalid[..],
        [InvalidReason::Late { .. }]
    ));
}

const WALK: &str = "
duration: 2s
traffic:
  unit: requests
  arrivals: poisson
  rate: [constant: {rate: 60/s}]
journeys:
  visitor:
    weight: 1
    start: home
    variables: {thing: {count: 100, skew: 1.1}}
    pages:
      home: {get: /, think: 0s, next: {thing: 70%}}
      thing: {get: '/thing/{thing}', think: 0s, next: {home: 50%, thing: 30%}}
slo: {within: 300ms, share: 99%}
";

/// What was asked for, by whom; and how much was due of which page in which window.
type Schedule = (Vec<(Trace, String)>, Vec<(i64, String, u64)>);

async fn schedule(workers: u32) -> Schedule {
    let server = Server::start(|_, _| ok("{}")).await;
    let mut plan = plan(scenario(WALK), server.port);
    plan.workers = workers;
    plan.grid.length = Duration::from_millis(50);
    let Told { windows, .. } = run(plan).await;
    let trace = |head: &str| {
        let value = head.lines().find_map(|l| l.strip_prefix("traceparent: "));
        value.unwrap().parse::<Trace>().unwrap()
    };
    let mut asked: Vec<_> = server
        .seen()
        .into_iter()
        .map(|s| (trace(&s.head), s.line))
        .collect();
    asked.sort();
    let mut offered = std::collections::BTreeMap::new();
    for window in windows {
        for (page, series) in window.pages {
            *offered.entry((window.start.as_nanos(), page)).or_insert(0) += series.counts.offered;
        }
    }
    let offered = offered
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|((at, page), n)| (at, page, n));
    (asked, offered.collect())
}

#[tokio::test]
async fn the_same_seed_is_the_same_schedule_on_one_and_two_workers() {
    let (one, again, two) = tokio::join!(schedule(1), schedule(1), schedule(2));
    assert!(one.0.len() > 80, "{}", one.0.len());
    assert_eq!(one, again);
    assert_eq!(one, two);
}

#[tokio::test]
async fn a_journey_goes_on_with_what_the_answers_said() {
    let server = Server::start(|request, n| {
        if request.line.starts_with("POST /login") {
            return ok(&format!(r#"{{"token": "t{n}"}}"#));
        }
        ok(r#"{"order": "o-1"}"#)
    })
    .await;
    let scenario = scenario(
        "
duration: 1s
traffic: {unit: journeys, arrivals: even, begin: empty, rate: [constant: {rate: 10/s}]}
journeys:
  buyer:
    weight: 1
    start: login
    pages:
      login:
        post: /login
        body: {name: x}
        extract: {token: /token}
        next: {buy: 100%}
        think: 1ms
      buy:
        post: /buy
        headers: {authorization: 'Bearer {token}'}
        extract: {order: /order}
slo: {within: 300ms, share: 99%}
",
    );
    let mut plan = plan(scenario, server.port);
    plan.collect.insert("order".into());
    let told = run(plan).await;
    let counts = told.outcome.counts;
    assert_eq!((counts.offered, counts.served), (20, 20));
    assert_eq!(told.collected.len(), 10);
    assert!(
        told.collected
            .iter()
            .all(|c| c.value == "o-1" && c.page == "buyer/buy")
    );
    let seen = server.seen();
    let buys = seen.iter().filter(|s| s.line.starts_with("POST /buy"));
    assert!(
        buys.into_iter()
            .all(|s| s.head.contains("authorization: bearer t"))
    );
    let logins = seen.iter().filter(|s| s.line.starts_with("POST /login"));
    assert!(logins.into_iter().all(|s| s.body == r#"{"name":"x"}"#));
}

#[tokio::test]
async fn a_retry_is_load_but_no_offer() {
    let server = Server::start(|request, _| {
        if request.head.contains("-8000000000000000-01") {
            return Reply::Bytes(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n".to_vec());
        }
        ok("{}")
    })
    .await;
    let scenario = scenario(
        "
duration: 1s
traffic: {unit: journeys, arrivals: even, begin: empty, rate: [constant: {rate: 20/s}]}
journeys:
  buyer: {weight: 1, start: buy, pages: {buy: {get: /, on_failure: {retry: 2, after: 200ms}}}}
slo: {within: 100ms, share: 99%}
",
    );
    let told = run(plan(scenario, server.port)).await;
    let counts = told.outcome.counts;
    // Those of the last 200 ms have no time left to try again, and end as they are.
    assert_eq!(counts.offered, 20);
    assert!((3..=5).contains(&counts.failed), "{counts:?}");
    assert_eq!(counts.retries, counts.served);
    assert_eq!(
        counts.slow, counts.served,
        "the wait before the retry counts"
    );
    assert_eq!(told.outcome.failures.of(FailureKind::Status(500)), 20);
}

/// Everybody must log in before anything else: those who are inside at the start as well.
#[tokio::test]
async fn those_inside_at_the_start_have_done_what_came_before() {
    for unit in ["requests", "journeys"] {
        let server = Server::start(|request, n| {
            if request.line.starts_with("POST /login") {
                return ok(&format!(r#"{{"token": "t{n}"}}"#));
            }
            match request.head.contains("authorization: bearer t") {
                true => ok("{}"),
                false => Reply::Bytes(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n".to_vec()),
            }
        })
        .await;
        let scenario = scenario(&format!(
            "
duration: 1s
traffic: {{unit: {unit}, begin: stationary, rate: [constant: {{rate: 40/s}}]}}
journeys:
  visitor:
    weight: 1
    start: login
    pages:
      login: {{post: /login, body: {{}}, extract: {{token: /token}}, think: 300ms, next: {{look: 100%}}}}
      look: {{get: /look, headers: {{authorization: 'Bearer {{token}}'}}, think: 300ms, next: {{look: 80%}}}}
slo: {{within: 300ms, share: 99%}}
"
        ));
        let mut load = Load::prepare(plan(scenario, server.port)).await.unwrap();
        let inside = load.prepare_inside(Duration::from_secs(20)).await.unwrap();
        assert!(inside.shoppers > 10, "{inside:?}");
        assert_eq!(
            (inside.requests, inside.failed, inside.late),
            (inside.shoppers, 0, 0)
        );
        let begin = Instant::now() + Duration::from_millis(50);
        let outcome = load.run(begin, &Stop::new(), drop).await.unwrap();
        assert_eq!(
            outcome.counts.served, outcome.counts.offered,
            "{:?}",
            outcome.failures
        );
    }
}
