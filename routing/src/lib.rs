//! Where a request goes, and whether it may: the gateway's rules.
//!
//! One [`Upstream`] holds what the gateway knows of one called service: its replicas, who of them is left alone, the
//! circuit breaker, the bulkhead and the retry budget. Each try of a request begins with [`Upstream::begin`] and ends with
//! [`Upstream::end`]. The gateway of the local world and the simulator call the same code.
//!
//! Pure: time and luck are arguments. What it does not do: it sends nothing, measures nothing and waits for nothing.

mod breaker;
mod budget;
mod pool;
mod rolling;
mod upstream;

pub use breaker::{BreakerState, CircuitBreaker, Permit};
pub use budget::{RetryBudget, backoff, retried};
pub use pool::{Choice, Health, Pool, ReplicaKey, Standing, Verdict};
pub use upstream::{Refusal, Try, Upstream};
