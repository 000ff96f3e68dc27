//! Replicas, registry and gateway in one process, on real sockets.

use std::collections::BTreeSet;
use std::path::Path;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use metrics::Replicas;
use scenarios::{Call, Distribution, OperationId, Route, Step};
use serde_json::Value;

use super::*;
use crate::protocol::{Deploy, InjectedFault, InjectedKind, Shop};
use crate::{Databases, process, testing};

/// The paced time of one step of work.
const WORK: Duration = Duration::from_millis(40);

/// A shop of these replicas; all ends with the test's runtime.
struct World {
    folder: tempfile::TempDir,
    databases: Databases,
    registry: SocketAddr,
    gateway: SocketAddr,
}

fn work(time: Duration) -> Step {
    Step::Work(Distribution::constant(time))
}

fn call(service: &str, operation: &str) -> Step {
    Step::Call(Call {
        to: OperationId {
            service: service.into(),
            operation: operation.into(),
        },
        index: 0,
        timeout: None,
        retries: 0,
    })
}

/// A shop whose checkout asks for payment, and whose services are of one slot and one place to wait.
fn shop() -> Shop {
    let mut shop = testing::shop();
    shop.gateway.time_limit = Duration::from_secs(2);
    for service in shop.services.values_mut() {
        (service.slots, service.queue, service.replicas) = (Some(1), Some(1), Replicas(1));
    }
    let steps = |shop: &mut Shop, service: &str, operation: &str, steps: Vec<Step>| {
        let service = shop.services.get_mut(service).unwrap();
        service.operations.get_mut(operation).unwrap().steps = steps;
    };
    steps(&mut shop, "catalogue", "home", vec![work(WORK)]);
    steps(
        &mut shop,
        "order",
        "checkout",
        vec![work(Duration::from_millis(5)), call("payment", "charge")],
    );
    steps(
        &mut shop,
        "payment",
        "charge",
        vec![work(Duration::from_millis(5))],
    );
    let status = Operation {
        route: Some(Route {
            method: scenarios::Method::Get,
            path: "/orders/{id}".into(),
        }),
        steps: vec![],
    };
    shop.services
        .get_mut("order")
        .unwrap()
        .operations
        .insert("status".into(), status);
    shop
}

impl World {
    async fn start(services: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = ["catalogue", "order", "payment"].map(str::to_owned).into();
        let databases = Databases::of(names.iter(), folder.path(), None)
            .await
            .unwrap();
        let config = ChildConfig {
            shop: shop(),
            ..testing::config()
        };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = process::listen(any).await.unwrap();
        let registry = listener.local_addr().unwrap();
        let own = ChildConfig {
            role: Role::Registry,
            ..config.clone()
        };
        tokio::spawn(crate::registry::run(own, listener));
        let listener = process::listen(any).await.unwrap();
        let gateway = listener.local_addr().unwrap();
        let own = ChildConfig {
            registry: Some(registry),
            ..config.clone()
        };
        tokio::spawn(crate::gateway::run(own, listener));
        let world = Self {
            folder,
            databases,
            registry,
            gateway,
        };
        for service in services {
            world.replica(&config, service).await;
        }
        for service in services {
            world.until_available(service).await;
        }
        world
    }

    async fn replica(&self, config: &ChildConfig, service: &str) {
        let listener = process::listen(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let own = ChildConfig {
            role: Role::of_service(service),
            registry: Some(self.registry),
            gateway: Some(self.gateway),
            replica: Some(ReplicaConfig {
                service: service.into(),
                id: format!("{service}-0"),
                ordinal: 0,
                start_up: Duration::ZERO,
                database: self.databases.urls()[service].clone(),
                deploy: Deploy::default(),
            }),
            ..config.clone()
        };
        tokio::spawn(async move { run(own, listener).await.unwrap() });
    }

    /// Waits until the gateway may send requests to a service.
    async fn until_available(&self, service: &str) {
        let line = format!("rushhour_gateway_replicas_available{{service=\"{service}\"}} 1");
        loop {
            let answer = self.ask(Request::get("/metrics"), "").await;
            let text = String::from_utf8_lossy(answer.body()).into_owned();
            if text.lines().any(|l| l == line) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn ask(
        &self,
        request: hyper::http::request::Builder,
        body: &'static str,
    ) -> Response<Bytes> {
        let request = request
            .header("host", "shop")
            .body(Full::new(Bytes::from_static(body.as_bytes())));
        http::exchange(self.gateway, request.unwrap(), Duration::from_secs(5))
            .await
            .unwrap()
    }

    async fn check_out(&self, key: &str) -> (StatusCode, Value) {
        let request = Request::post("/checkout").header(headers::IDEMPOTENCY_KEY, key);
        let answer = self.ask(request, r#"{"product": "7"}"#).await;
        (
            answer.status(),
            serde_json::from_slice(answer.body()).unwrap(),
        )
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }
}

#[tokio::test]
async fn a_checkout_is_one_order_and_one_charge_however_often_it_is_sent() {
    let world = World::start(&["order", "payment"]).await;
    let (status, first) = world.check_out("k").await;
    assert_eq!(status, StatusCode::CREATED, "{first}");
    assert_eq!(
        world.check_out("k").await,
        (StatusCode::CREATED, first.clone())
    );
    let (_, other) = world.check_out("another").await;
    assert_ne!(other["order"], first["order"]);
    let id = first["order"].as_str().unwrap().to_owned();
    let status = world.ask(Request::get(format!("/orders/{id}")), "").await;
    assert_eq!(
        serde_json::from_slice::<Value>(status.body()).unwrap()["state"],
        "placed"
    );
    let found = world.databases.audit(&BTreeSet::from([id])).await.unwrap();
    assert_eq!(
        (found.placed, found.charged, found.violation_count),
        (2, 2, 0),
        "{found:?}"
    );
}

#[tokio::test]
async fn without_payment_nothing_is_ordered_and_the_answer_says_so() {
    let world = World::start(&["order"]).await;
    let began = Instant::now();
    let (status, body) = world.check_out("k").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["error"], "payment_unavailable");
    assert!(
        body["why"]
            .as_str()
            .unwrap()
            .contains("nothing was ordered"),
        "{body}"
    );
    assert!(began.elapsed() < Duration::from_secs(1), "at once");
    let found = world.databases.audit(&BTreeSet::new()).await.unwrap();
    assert_eq!(
        (found.placed, found.charged, found.violation_count),
        (0, 0, 0),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_token_that_is_not_good_orders_nothing_and_a_guest_may() {
    let world = World::start(&["order", "payment"]).await;
    let forged = Request::post("/checkout").header("authorization", "Bearer forged.token");
    let answer = world.ask(forged, r#"{"product": "7"}"#).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(world.check_out("guest").await.0, StatusCode::CREATED);
    assert!(world.folder().join("order.sqlite").exists());
}

#[tokio::test]
async fn a_slot_is_held_for_the_drawn_time_and_one_too_many_is_turned_away() {
    let world = World::start(&["catalogue"]).await;
    let began = Instant::now();
    let home = || async { (world.ask(Request::get("/"), "").await, began.elapsed()) };
    let (first, second, third) = tokio::join!(home(), home(), home());
    let mut all = [first, second, third];
    all.sort_by_key(|(_, took)| *took);
    let [(shed, _), (worked, one), (waited, two)] = &all;
    assert_eq!(shed.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(shed.headers()[headers::SHED], Shed::QueueFull.name());
    assert_eq!(
        (worked.status(), waited.status()),
        (StatusCode::OK, StatusCode::OK)
    );
    assert!(*one >= WORK && *two >= WORK * 2, "{one:?} {two:?}");
    let home: Value = serde_json::from_slice(worked.body()).unwrap();
    assert_eq!(home["products"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn an_injected_fault_comes_and_goes() {
    let world = World::start(&["catalogue"]).await;
    let registry = RegistryClient::new(world.registry);
    let fault = InjectedFault {
        replicas: Some(vec!["catalogue-0".into()]),
        kind: InjectedKind::Fail(1.0),
    };
    for (faults, expected) in [
        (vec![fault], StatusCode::INTERNAL_SERVER_ERROR),
        (vec![], StatusCode::OK),
    ] {
        registry
            .set("faults/catalogue", &Faults { faults })
            .await
            .unwrap();
        // The gateway leaves a failing replica alone after a while: then it answers 503.
        while world.ask(Request::get("/"), "").await.status() != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
