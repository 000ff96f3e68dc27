//! Registry, gateway and made-up replicas, each on a thread and runtime of its own, so that it can be killed.

mod world;

use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;

use self::world::{Behaviour, World, eventually, get, get_with, post};
use crate::protocol::{Drain, Drained, ReplicaState, headers};
use crate::testing;
use metrics::{Grid, Timestamp};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_page_goes_to_its_service_with_all_that_the_replica_needs() {
    let world = World::start(&[("catalogue", 1), ("payment", 1)]).await;
    let trace = "00-00000007000000000000000180000002-8000000000000000-01";
    let answer = get_with(
        world.gateway,
        "/products/7?full=yes",
        &[
            (headers::TRACEPARENT, trace),
            (headers::OPERATION, "forged"),
            ("authorization", "Bearer x"),
        ],
    )
    .await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[headers::REPLICA], "catalogue-0");
    let seen: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(seen["uri"], "/products/7?full=yes");
    assert_eq!(seen[headers::OPERATION], "product");
    assert_eq!(seen[headers::TRACEPARENT], trace);
    assert_eq!(seen["authorization"], "Bearer x");
    let left: u64 = seen[headers::DEADLINE_MS]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((300..=380).contains(&left), "{left} ms of 400 are left");
    let answer = get(world.gateway, "/products/best").await;
    let seen: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(seen[headers::OPERATION], "best", "the longest literal wins");
    let answer = post(world.gateway, "/internal/payment/charge", "{}", &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_the_shop_does_not_have_is_said_clearly() {
    let world = World::start(&[("catalogue", 1)]).await;
    for path in [
        "/nothing",
        "/products",
        "/products/",
        "/internal/payment/charge",
        "/products/1/2",
    ] {
        let answer = get(world.gateway, path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let answer = post(world.gateway, "/internal/payment/charge", "{}", &[]).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()[headers::SHED], "no_replica");
    assert!(answer.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn a_killed_replica_fails_nothing_but_what_it_had() {
    let mut world = World::start(&[("catalogue", 3)]).await;
    for _ in 0..20 {
        assert_eq!(get(world.gateway, "/").await.status(), StatusCode::OK);
    }
    world.kill("catalogue-1");
    for _ in 0..60 {
        let answer = get(world.gateway, "/").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_ne!(answer.headers()[headers::REPLICA], "catalogue-1");
    }
}

#[tokio::test]
async fn a_killed_registry_fails_nothing_and_knows_all_again_within_two_leases() {
    let mut world = World::start(&[("catalogue", 2)]).await;
    world.kill_registry();
    for _ in 0..30 {
        assert_eq!(get(world.gateway, "/").await.status(), StatusCode::OK);
    }
    world.start_registry().await;
    for _ in 0..30 {
        assert_eq!(get(world.gateway, "/").await.status(), StatusCode::OK);
    }
    eventually(world::LEASE * 2, "both are listed again", async || {
        world.listed().await == 2
    })
    .await;
    assert_eq!(get(world.gateway, "/").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_killed_gateway_is_back_at_once_on_its_port() {
    let mut world = World::start(&[("catalogue", 2)]).await;
    assert_eq!(get(world.gateway, "/").await.status(), StatusCode::OK);
    world.kill_gateway();
    let before = std::time::Instant::now();
    world.start_gateway().await;
    assert_eq!(get(world.gateway, "/").await.status(), StatusCode::OK);
    assert!(before.elapsed() < SECOND);
}

#[tokio::test]
async fn a_replica_that_answers_only_500_is_ejected() {
    let world = World::start(&[("catalogue", 3)]).await;
    world.behave("catalogue-0", Behaviour::Fail);
    let mut failed = 0;
    for _ in 0..100 {
        failed += u32::from(get(world.gateway, "/").await.status() != StatusCode::OK);
    }
    assert_eq!(failed, 5, "as many as it takes in a row");
}

#[tokio::test]
async fn a_replica_that_hangs_is_found_by_its_health_checks() {
    let world = World::start(&[("catalogue", 3)]).await;
    world.behave("catalogue-0", Behaviour::Hang);
    eventually(SECOND, "it is left alone", async || {
        world.available("catalogue").await == 2
    })
    .await;
    for _ in 0..30 {
        assert_eq!(get(world.gateway, "/").await.status(), StatusCode::OK);
    }
    world.behave("catalogue-0", Behaviour::Echo);
    eventually(SECOND, "it is back", async || {
        world.available("catalogue").await == 3
    })
    .await;
}

#[tokio::test]
async fn a_lease_that_expires_while_its_replica_lives_changes_nothing() {
    let world = World::start(&[("catalogue", 2)]).await;
    world.lease("catalogue-0", None);
    eventually(world::LEASE * 2, "its lease has expired", async || {
        world.listed().await == 1
    })
    .await;
    let mut asked = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let answer = get(world.gateway, "/").await;
        assert_eq!(answer.status(), StatusCode::OK);
        asked.insert(answer.headers()[headers::REPLICA].clone());
    }
    assert_eq!(asked.len(), 2, "it lives, so it is used");
}

#[tokio::test]
async fn a_draining_replica_gets_nothing_once_that_is_acknowledged() {
    let world = World::start(&[("catalogue", 2)]).await;
    let registered = world.drain("catalogue-0").await;
    let seen = world
        .client()
        .acknowledged(registered.version, SECOND)
        .await
        .unwrap();
    assert!(seen.acknowledged);
    for _ in 0..30 {
        let answer = get(world.gateway, "/").await;
        assert_eq!(answer.headers()[headers::REPLICA], "catalogue-1");
    }
}

#[tokio::test]
async fn a_dead_payment_fails_fast_and_takes_no_other_with_it() {
    let world = World::start(&[("catalogue", 1), ("payment", 2)]).await;
    for id in ["payment-0", "payment-1"] {
        world.behave(id, Behaviour::HangOnRequests);
    }
    let timeout = [(headers::TIMEOUT_MS, "30")];
    for _ in 0..10 {
        let answer = post(world.gateway, "/internal/payment/charge", "{}", &timeout).await;
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    }
    let before = std::time::Instant::now();
    let answer = post(world.gateway, "/internal/payment/charge", "{}", &timeout).await;
    assert_eq!(answer.headers()[headers::SHED], "breaker_open");
    assert!(before.elapsed() < Duration::from_millis(25), "at once");
    assert_eq!(get(world.gateway, "/").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_caller_whose_callee_failed_is_not_blamed() {
    let world = World::start(&[("order", 1)]).await;
    world.behave("order-0", Behaviour::FailCall);
    for _ in 0..30 {
        let answer = post(world.gateway, "/checkout", "{}", &[]).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            answer.headers()[headers::REPLICA],
            "order-0",
            "no breaker, no ejection"
        );
    }
}

#[tokio::test]
async fn a_bulkhead_holds_and_gives_back_when_askers_go_away() {
    let world = World::start(&[("payment", 1)]).await;
    let mut settings = testing::settings();
    settings.bulkhead.in_flight = 2;
    settings.time_limit = Duration::from_secs(30);
    world.client().set("gateway", &settings).await.unwrap();
    world.behave("payment-0", Behaviour::HangOnRequests);
    let gateway = world.gateway;
    let hanging: Vec<_> = (0..2)
        .map(|_| {
            tokio::spawn(async move { post(gateway, "/internal/payment/charge", "{}", &[]).await })
        })
        .collect();
    eventually(SECOND, "both are in flight", async || {
        world.drained().await.services["payment"].in_flight == 2
    })
    .await;
    let answer = post(gateway, "/internal/payment/charge", "{}", &[]).await;
    assert_eq!(answer.headers()[headers::SHED], "bulkhead");
    for asker in hanging {
        asker.abort();
    }
    eventually(SECOND, "both are given back", async || {
        world.drained().await.services["payment"].in_flight == 0
    })
    .await;
}

#[tokio::test]
async fn calls_are_retried_as_often_as_they_may_be_within_the_budget() {
    let world = World::start(&[("payment", 2)]).await;
    world.behave("payment-0", Behaviour::Fail);
    let retries = [(headers::RETRIES, "1")];
    for _ in 0..20 {
        let answer = post(world.gateway, "/internal/payment/charge", "{}", &retries).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
    world.behave("payment-1", Behaviour::Fail);
    let before = world.asked();
    post(world.gateway, "/internal/payment/charge", "{}", &[]).await;
    assert_eq!(world.asked() - before, 1, "without leave there is no retry");
}

#[tokio::test]
async fn connections_that_break_are_tried_elsewhere_if_that_is_safe() {
    let world = World::start(&[("catalogue", 2), ("order", 2)]).await;
    world.behave("catalogue-0", Behaviour::Break);
    world.behave("order-0", Behaviour::Break);
    world.behave("order-1", Behaviour::Break);
    for _ in 0..10 {
        assert_eq!(get(world.gateway, "/").await.status(), StatusCode::OK);
    }
    let before = world.asked();
    let answer = post(world.gateway, "/checkout", "{}", &[]).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(world.asked() - before, 1, "it might have been done");
    let key = [(headers::IDEMPOTENCY_KEY, "k")];
    post(world.gateway, "/checkout", "{}", &key).await;
    assert!(world.asked() - before > 2, "the key makes it safe");
}

#[tokio::test]
async fn settings_change_while_it_runs_and_bad_ones_do_not() {
    let world = World::start(&[("payment", 1)]).await;
    world.behave("payment-0", Behaviour::HangOnRequests);
    let mut settings = testing::settings();
    settings.time_limit = Duration::from_millis(40);
    world.client().set("gateway", &settings).await.unwrap();
    settings.time_limit = Duration::ZERO;
    let refused = world.client().set("gateway", &settings).await.unwrap_err();
    assert!(refused.to_string().contains("time_limit"), "{refused}");
    eventually(SECOND, "the new limit holds", async || {
        let before = std::time::Instant::now();
        let answer = post(world.gateway, "/internal/payment/charge", "{}", &[]).await;
        answer.status() == StatusCode::GATEWAY_TIMEOUT
            && before.elapsed() < Duration::from_millis(200)
    })
    .await;
}

#[tokio::test]
async fn counts_add_up() {
    let world = World::start(&[("catalogue", 1), ("payment", 1)]).await;
    world.behave("payment-0", Behaviour::Fail);
    let grid = Grid {
        start: Timestamp::EPOCH,
        length: Duration::from_millis(750),
    };
    world.drain_by(Drain { grid }).await;
    for _ in 0..8 {
        get(world.gateway, "/").await;
    }
    for _ in 0..3 {
        post(world.gateway, "/internal/payment/charge", "{}", &[]).await;
    }
    let drained: Drained = world.drain_by(Drain { grid }).await;
    let mut sum = metrics::Window::new(Timestamp::EPOCH, grid.length);
    for piece in &drained.pieces {
        assert_eq!(piece.start, grid.window_of(piece.start));
        sum.add(piece);
    }
    let (catalogue, payment) = (&sum.services["catalogue"], &sum.services["payment"]);
    assert_eq!((catalogue.counts.offered, catalogue.counts.served), (8, 8));
    assert_eq!((payment.counts.offered, payment.counts.failed), (3, 3));
    assert_eq!(catalogue.latency.as_ref().unwrap().len(), 8);
    assert_eq!(catalogue.service_time.as_ref().unwrap().len(), 8);
    assert_eq!(drained.overhead.unwrap().len(), 11);
    assert!(world.drain_by(Drain { grid }).await.pieces.is_empty());
    let text = get(world.gateway, "/metrics").await;
    let text = String::from_utf8(text.body().to_vec()).unwrap();
    for line in [
        "rushhour_gateway_requests_total{service=\"catalogue\",end=\"served\"} 8",
        "rushhour_gateway_requests_total{service=\"payment\",end=\"failed\"} 3",
        "rushhour_gateway_latency_seconds_count{service=\"catalogue\"} 8",
        "rushhour_gateway_replicas_available{service=\"payment\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn the_same_traces_go_to_the_same_replicas() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let world = World::start(&[("catalogue", 4)]).await;
        let mut chosen = Vec::new();
        for journey in 0..20 {
            let trace = scenarios::Trace {
                run: 1,
                journey,
                page: 0,
                hop: 0,
                attempt: 0,
            };
            let trace = trace.to_string();
            let answer = get_with(world.gateway, "/", &[(headers::TRACEPARENT, &trace)]).await;
            chosen.push(answer.headers()[headers::REPLICA].clone());
        }
        runs.push(chosen);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn readiness_is_said_of_all_services() {
    let world = World::start(&[("catalogue", 1), ("order", 1)]).await;
    let answer = get(world.gateway, "/readyz").await;
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(
        body,
        json!({"error": "not_ready", "why": "no replica of payment takes requests"})
    );
    assert_eq!(
        world.client_state("catalogue-0").await,
        Some(ReplicaState::Ready)
    );
}

#[tokio::test]
async fn hostile_clients_are_cut_off_and_others_served() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let world = World::start(&[("catalogue", 1)]).await;
    let many = (0..100).map(|i| format!("h{i}: x\r\n")).collect::<String>();
    let long = "x".repeat(100 << 10);
    for (bytes, status) in [
        ("\u{16}\u{3}\u{1} no HTTP\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"), "431"),
        (
            format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {long}\r\n\r\n"),
            "431",
        ),
        (format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), "431"),
        (
            "POST /checkout HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n".to_owned(),
            "413",
        ),
    ] {
        let mut stream = tokio::net::TcpStream::connect(world.gateway).await.unwrap();
        // It may be cut off before all is sent.
        let _sent = stream.write_all(bytes.as_bytes()).await;
        let mut answer = [0; 12];
        let read = tokio::time::timeout(SECOND, stream.read_exact(&mut answer))
            .await
            .unwrap();
        if read.is_ok() {
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(answer.ends_with(status), "{answer} and not {status}");
        }
        assert_eq!(get(world.gateway, "/").await.status(), StatusCode::OK);
    }
}
