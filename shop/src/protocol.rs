//! What the shop's processes say to each other: the configuration of a child, leases, the watch, headers.
//!
//! Every process of the shop is `rushhour serve <role>`. The first line of its standard input is a [`ChildConfig`] in
//! JSON; standard input then stays open, and the process ends as soon as it closes. Once it listens, it prints one
//! line, [`Listening`] in JSON, to standard output. All addresses are of the loopback.
//!
//! | who | request | answer |
//! | --- | --- | --- |
//! | registry | `PUT /services/{service}/{replica}` with a [`Lease`] | [`Registered`] |
//! | registry | `DELETE /services/{service}/{replica}` | [`Registered`] |
//! | registry | `GET /watch?epoch=&since=&wait_ms=&watcher=&part=` | [`Snapshot`], at once if there is news, else when there is or `wait_ms` is over; with `part=config` of the configuration only |
//! | registry | `GET /acknowledged?version=&wait_ms=` | [`Acknowledged`]: whether all watchers have come back for more than that version |
//! | registry | `PUT /config/{key}` with a value; `GET /config`, `GET /config/{key}` | [`Setting`]; 422 and [`ErrorBody`] for a bad one, and the last good one stays |
//! | gateway | the pages of the scenario, by their operations' routes | the replica's |
//! | gateway | `POST /internal/{service}/{operation}`, which must be safe to repeat | the replica's |
//! | gateway | `POST /windows` with [`Drain`] | [`Drained`]: what was counted since the last time |
//! | all | `GET /healthz`, `/readyz`, `/metrics` | 200; 200 or 503; Prometheus text |
//! | replica | what the gateway forwards: method, path, query, body, and the headers of [`headers`] | |

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use metrics::{Grid, Ratio, Window};
use scenarios::{Gateway, Scenario, Service};
use serde::{Deserialize, Serialize};

/// Headers of calls inside the shop. Besides these, `traceparent` names the call: run, journey, page, hop, attempt.
pub mod headers {
    /// To a replica: the operation that is called. From a page's route the gateway knows it.
    pub const OPERATION: &str = "x-rushhour-operation";
    /// To the gateway and to a replica: how many whole milliseconds are left until nobody waits for the answer.
    pub const DEADLINE_MS: &str = "x-rushhour-deadline-ms";
    /// To the gateway, of an internal call: how many whole milliseconds each try may take
    /// ([`scenarios::Call::timeout`]); without it, the gateway's time limit holds.
    pub const TIMEOUT_MS: &str = "x-rushhour-timeout-ms";
    /// To the gateway, of an internal call: how many times it may be tried again ([`scenarios::Call::retries`]).
    pub const RETRIES: &str = "x-rushhour-retries";
    /// From the gateway: the replica that answered.
    pub const REPLICA: &str = "x-rushhour-replica";
    /// From the gateway or a replica, with 503: why the request was turned away, a [`super::Shed`].
    pub const SHED: &str = "x-rushhour-shed";
    /// From a replica, with 500 or more: the called service that made it fail. Then neither the replica nor its service is
    /// blamed for it: no ejection, no breaker, no retry.
    pub const FAILED_CALL: &str = "x-rushhour-failed-call";
    /// To the gateway and to a replica: the shopper's key that makes a repeated request the same request.
    pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
    /// The name of the call: run, journey, page, hop, attempt.
    pub const TRACEPARENT: &str = "traceparent";
}

/// How long a replica's lease lasts by default. It is renewed every third of it.
pub const LEASE: Duration = Duration::from_secs(3);

/// What a process of the shop is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Who is there, and how everything is set.
    Registry,
    /// What all calls go through.
    Gateway,
    /// A replica of `auth`.
    Auth,
    /// A replica of `catalogue`.
    Catalogue,
    /// A replica of `order`.
    Order,
    /// A replica of `payment`.
    Payment,
    /// A replica of any other service, which does its steps and nothing else.
    Service,
}

/// A text that is no [`Role`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the shop has no `{0}`: use registry, gateway, auth, catalogue, order, payment or service")]
pub struct UnknownRole(pub String);

impl Role {
    /// All of them, in the order in which they are started.
    pub const ALL: [Self; 7] = [
        Self::Registry,
        Self::Gateway,
        Self::Auth,
        Self::Catalogue,
        Self::Order,
        Self::Payment,
        Self::Service,
    ];

    /// What a replica of the service with this name is.
    #[must_use]
    pub fn of_service(service: &str) -> Self {
        match service {
            "auth" => Self::Auth,
            "catalogue" => Self::Catalogue,
            "order" => Self::Order,
            "payment" => Self::Payment,
            _ => Self::Service,
        }
    }

    /// Its name, as in `rushhour serve NAME`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::Gateway => "gateway",
            Self::Auth => "auth",
            Self::Catalogue => "catalogue",
            Self::Order => "order",
            Self::Payment => "payment",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| UnknownRole(text.chars().take(64).collect()))
    }
}

/// The first line on a child's standard input.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ChildConfig {
    /// What it is.
    pub role: Role,
    /// Where it listens: an address of the loopback; port 0: any.
    pub listen: SocketAddr,
    /// Where the registry is. Only the registry itself has none.
    pub registry: Option<SocketAddr>,
    /// Where the gateway is, for replicas that call others.
    pub gateway: Option<SocketAddr>,
    /// The run's number, which `traceparent` carries.
    pub run: u32,
    /// What of the scenario the shop needs.
    pub shop: Shop,
    /// Which replica it is, if it is one.
    pub replica: Option<ReplicaConfig>,
}

/// What of a checked scenario, already in the run's time, the shop's processes need: not the traffic, which may be large.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Shop {
    /// The seed of all luck.
    pub seed: u64,
    /// The services, by name.
    pub services: BTreeMap<String, Service>,
    /// The gateway's settings at the start.
    pub gateway: Gateway,
}

impl Shop {
    /// The part of `scenario` that the shop needs.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            seed: scenario.seed,
            services: scenario.services.clone(),
            gateway: scenario.gateway.clone(),
        }
    }
}

/// What makes a replica this one.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ReplicaConfig {
    /// Its service's name in the scenario.
    pub service: String,
    /// Its name in registry, metrics and record; no two of a run are the same.
    pub id: String,
    /// Its ordinal in its service: the first ever is 0, and none is used twice.
    pub ordinal: u32,
    /// From its process's start to its readiness, at least.
    pub start_up: Duration,
    /// The service's database: `sqlite:PATH` or `postgres://…`.
    pub database: String,
    /// The deploy it is of.
    pub deploy: Deploy,
}

/// How good the version is that a replica runs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Deploy {
    /// How many times slower its work is; 1 is as written.
    pub factor: f64,
    /// The share of its answers that are 500.
    pub share: Ratio,
}

impl Default for Deploy {
    fn default() -> Self {
        Self {
            factor: 1.0,
            share: Ratio::ZERO,
        }
    }
}

/// The line on a child's standard output once it listens.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Listening {
    /// Where.
    pub listening: SocketAddr,
}

/// What a replica says of itself, for a while.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lease {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its ordinal in its service: see [`ReplicaConfig::ordinal`].
    pub ordinal: u32,
    /// Whether it takes requests.
    pub state: ReplicaState,
    /// How long this holds unless it is renewed, in ms: 100 to 60,000.
    pub lease_ms: u32,
}

/// Whether a replica takes requests.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaState {
    /// Not yet.
    Starting,
    /// It does.
    Ready,
    /// It finishes what it has and takes nothing new.
    Draining,
}

/// The registry's answer to a lease or its end.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Registered {
    /// The registry's life: another number after each start.
    pub epoch: u64,
    /// The version that holds it.
    pub version: u64,
}

/// All that the registry knows.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Snapshot {
    /// The registry's life: another number after each start.
    pub epoch: u64,
    /// Goes up with every change.
    pub version: u64,
    /// The living leases, by service and replica.
    pub services: BTreeMap<String, BTreeMap<String, Lease>>,
    /// The configuration, by key.
    pub config: BTreeMap<String, Setting>,
}

/// One key's value.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Setting {
    /// The snapshot's version that first had this value; 0 if it was never set and is the scenario's.
    pub version: u64,
    /// The value: of `gateway` a [`scenarios::Gateway`], of `faults/<service>` [`Faults`].
    pub value: serde_json::Value,
}

/// Whether all watchers have seen a version.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Acknowledged {
    /// Whether they have; also if there is no watcher.
    pub acknowledged: bool,
}

/// The value of the key `faults/<service>`: what goes wrong in its replicas, until the key is set anew.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// All of them at once; where two are of the same kind, factors multiply and shares add.
    pub faults: Vec<InjectedFault>,
}

/// Something that goes wrong in replicas.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InjectedFault {
    /// Whom it hits, by id; nothing: all.
    pub replicas: Option<Vec<String>>,
    /// What it is.
    pub kind: InjectedKind,
}

/// What goes wrong in a replica.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InjectedKind {
    /// Work takes longer by this factor: over 0, at most 10,000.
    Slow(f64),
    /// Waiting takes longer by this factor: over 0, at most 10,000.
    SlowWait(f64),
    /// This share of the answers, 0 to 1, is 500; health checks too, from 1.
    Fail(f64),
    /// Connections are accepted, and nothing is ever answered.
    Hang,
    /// The lease is not renewed.
    LoseLease,
}

/// What is asked of the gateway once a second.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Drain {
    /// The grid, on this machine's clock, by which requests are counted from now on. A piece never lies in two windows.
    pub grid: Grid,
}

/// What the gateway counted since the last time.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Drained {
    /// Pieces that add up: a request counts, as offered and by its end, in the window of its arrival.
    pub pieces: Vec<Window>,
    /// How things stand now, by service.
    pub services: BTreeMap<String, ServiceState>,
    /// Latency that the gateway itself added: an exchange's whole time less its replica's.
    pub overhead: Option<metrics::Histogram>,
}

/// How a service looks to the gateway.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ServiceState {
    /// Requests in flight.
    pub in_flight: u32,
    /// Replicas that it may send requests to.
    pub available: u32,
    /// Replicas left alone because they failed.
    pub ejected: u32,
    /// Whether the breaker is open.
    pub breaker_open: bool,
}

/// Why a request was turned away with 503.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shed {
    /// A replica's waiting room is full.
    QueueFull,
    /// Too many requests to the service are in flight.
    Bulkhead,
    /// The service failed too often and is left alone for a while.
    BreakerOpen,
    /// No replica takes requests.
    NoReplica,
    /// The process is about to stop.
    Draining,
}

impl Shed {
    /// Its name in [`headers::SHED`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Bulkhead => "bulkhead",
            Self::BreakerOpen => "breaker_open",
            Self::NoReplica => "no_replica",
            Self::Draining => "draining",
        }
    }
}

/// The body of an answer that is an error.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ErrorBody {
    /// What went wrong, in one word: a [`Shed`], `timeout`, `unreachable`, `not_found`, …
    pub error: String,
    /// What, where, why, for people.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_survive_the_trip_through_text() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert!("cat\u{1b}alogue".parse::<Role>().is_err());
    }
}
