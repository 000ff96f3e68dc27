//! Why a scenario cannot be simulated, or not to its end.

use std::time::Duration;

/// Why a scenario cannot be simulated, or not to its end.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// There is nothing to simulate.
    #[error("the scenario describes no services, so there is nothing to simulate: add `services:`")]
    NoServices,
    /// A page has nobody who answers it.
    #[error(
        "page `{page}` of journey `{journey}` has no operation: give some service an operation with the page's method and path"
    )]
    NoOperation {
        /// The journey.
        journey: String,
        /// The page.
        page: String,
    },
    /// The scenario is larger than the engine can number.
    #[error("the scenario has {count} {what}, at most {most} can be simulated")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// The scenario lasts longer than the engine can count.
    #[error("the scenario lasts {0:?}, at most 731 days can be simulated")]
    TooLong(Duration),
    /// More requests are open at once than memory should hold.
    #[error(
        "after {at:?} more than {most} {what} are open at once: the shop has no limit that would turn them away. Give its services a `queue` or the gateway a `bulkhead`, or lower the rate"
    )]
    TooManyOpen {
        /// When, since the start.
        at: Duration,
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// Time does not go on.
    #[error(
        "after {at:?} more than {most} events happen at one instant: somebody asks again and again without any wait. Give `think` or `on_failure.after` a length above 0, or lower the rate"
    )]
    Stuck {
        /// When, since the start.
        at: Duration,
        /// How many there may be.
        most: u64,
    },
}
