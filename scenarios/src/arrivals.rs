//! Who comes when.

use std::sync::Arc;
use std::time::Duration;

use crate::{Scenario, Shopper};

/// One arrival.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its place in the schedule: the same whatever the number of threads or machines.
    pub index: u64,
    /// When its first request is due, since the start.
    pub at: Duration,
    /// The shopper, on the page that is due. With [`Unit::Requests`](crate::Unit) only the crowd's place: see
    /// [`Arrivals::crowd`].
    pub shopper: Option<Shopper>,
}

/// All arrivals of a scenario in the order of time, from the scenario and its seed alone.
#[derive(Clone, Debug)]
pub struct Arrivals {
    scenario: Arc<Scenario>,
}

impl Arrivals {
    /// The schedule of `scenario`.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>) -> Self {
        Self { scenario }
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let _ = &self.scenario;
        todo!()
    }
}
