//! A small shop for tests.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Quantity, Ratio, Replicas};
use scenarios::{
    Balance, Breaker, Bulkhead, Discipline, Distribution, Ejection, Gateway, HealthCheck, Method,
    Operation, RetryBudget, Route, Service, Waiting, WorkMode,
};

use crate::protocol::{ChildConfig, Role, Shop};

/// Settings with short times.
pub(crate) fn settings() -> Gateway {
    Gateway {
        balance: Balance::PowerOfTwo,
        time_limit: Duration::from_millis(400),
        overhead: Distribution::Constant(Duration::ZERO),
        retries: RetryBudget {
            ratio: Ratio::new(0.2).unwrap(),
            floor: 5.0,
            backoff: None,
        },
        breaker: Breaker {
            failures: Ratio::new(0.5).unwrap(),
            least: 10,
            window: Duration::from_secs(10),
            open: Duration::from_secs(60),
        },
        bulkhead: Bulkhead { in_flight: 100 },
        ejection: Ejection {
            consecutive: 5,
            time: Duration::from_secs(60),
            most: Ratio::new(0.5).unwrap(),
        },
        health: HealthCheck {
            interval: Duration::from_millis(20),
            timeout: Duration::from_millis(50),
            unwell: 2,
        },
    }
}

/// A catalogue with a page, an order that can check out, a payment that only services call.
pub(crate) fn shop() -> Shop {
    let service = |operations: &[(&str, Option<(Method, &str)>)]| Service {
        replicas: Replicas(2),
        slots: Some(2),
        queue: Some(8),
        waiting: Waiting::Replica,
        discipline: Discipline::Fifo,
        patience: None,
        start_up: Distribution::Constant(Duration::ZERO),
        warm_up: None,
        limit: Duration::from_millis(100),
        cpu: Quantity::from_milli(2000),
        work: WorkMode::Paced,
        drain: Duration::from_secs(1),
        balance: None,
        operations: operations
            .iter()
            .map(|(name, route)| {
                let route = route.map(|(method, path)| Route {
                    method,
                    path: path.to_owned(),
                });
                (
                    (*name).to_owned(),
                    Operation {
                        route,
                        steps: Vec::new(),
                    },
                )
            })
            .collect(),
    };
    Shop {
        seed: 1,
        services: BTreeMap::from([
            (
                "catalogue".to_owned(),
                service(&[
                    ("home", Some((Method::Get, "/"))),
                    ("product", Some((Method::Get, "/products/{id}"))),
                    ("best", Some((Method::Get, "/products/best"))),
                ]),
            ),
            (
                "order".to_owned(),
                service(&[("checkout", Some((Method::Post, "/checkout")))]),
            ),
            ("payment".to_owned(), service(&[("charge", None)])),
        ]),
        gateway: settings(),
    }
}

/// The configuration of a gateway that knows no registry.
pub(crate) fn config() -> ChildConfig {
    ChildConfig {
        role: Role::Gateway,
        listen: ([127, 0, 0, 1], 0).into(),
        registry: None,
        gateway: None,
        run: 1,
        shop: shop(),
        replica: None,
    }
}
