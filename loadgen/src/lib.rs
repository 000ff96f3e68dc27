//! Open-loop HTTP load, measured from the intended instant.
//!
//! Requests are sent when the schedule says, whether or not earlier ones were answered, so that a slow target gets no
//! mercy and hides nothing. Latency counts from the instant a request was due, service time from the instant it was
//! sent, and the difference, lateness, tells whether the generator kept its own promise: if it did not, the run is
//! invalid and says why.
//!
//! [`Load::prepare`] checks what can be checked before a run, [`Load::prepare_inside`] lets those who are inside at the
//! start do what they did before, and [`Load::run`] runs it:
//!
//! ```no_run
//! # async fn example(scenario: std::sync::Arc<scenarios::Scenario>) -> Result<(), loadgen::LoadError> {
//! use std::time::{Duration, Instant};
//! let plan = loadgen::Plan::new(scenario, "http://127.0.0.1:8080".parse()?);
//! let mut load = loadgen::Load::prepare(plan).await?;
//! load.prepare_inside(Duration::from_secs(20)).await?;
//! let stop = loadgen::Stop::new();
//! let begin = Instant::now() + Duration::from_millis(200);
//! let outcome = load.run(begin, &stop, |emission| drop(emission)).await?;
//! assert!(outcome.invalid.is_empty(), "the generator could not keep its promise");
//! # Ok(()) }
//! ```
//!
//! What it does not do: no TLS, no HTTP/2, no redirects and no cookies; names are resolved once, before the run.

mod crowd;
mod error;
mod failure;
mod http;
mod load;
mod outcome;
mod plan;
mod pool;
mod preflight;
mod report;
mod stop;
mod tally;
mod worker;

pub use crowd::Inside;
pub use error::LoadError;
pub use failure::{Failure, FailureKind, Failures};
pub use load::Load;
pub use outcome::{InvalidReason, Outcome};
pub use plan::{Caps, Plan, Target, TargetError};
pub use report::{Collected, Emission};
pub use stop::Stop;
