//! One shopper's walk through a journey.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::{JourneyIndex, Method, Page, PageIndex, Scenario};

/// A shopper in the middle of a journey: on a page that is due or was just asked for.
#[derive(Clone, Debug)]
pub struct Shopper {
    scenario: Arc<Scenario>,
    /// The arrival's index, which names the shopper in all draws.
    pub index: u64,
    /// The journey.
    pub journey: JourneyIndex,
    /// The page that is due.
    pub page: PageIndex,
    /// Its number in the journey, from 0.
    pub number: u32,
    /// Which try of this page it is, from 0.
    pub attempt: u32,
    variables: BTreeMap<String, String>,
}

/// A request, ready to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PageRequest {
    /// The method.
    pub method: Method,
    /// The path with its query, variables filled in and escaped.
    pub path: String,
    /// The JSON body, if any, variables filled in and escaped.
    pub body: Option<String>,
    /// Headers beyond the usual ones.
    pub headers: Vec<(String, String)>,
}

/// How a page came out, as far as the shopper's next step depends on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It was served.
    Served,
    /// It was not.
    NotServed,
}

/// What the shopper does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Asks for the page the shopper is now on, so long after the answer.
    After(Duration),
    /// Leaves.
    Leave,
}

impl Shopper {
    /// Shopper `index` at the start of `journey`.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>, index: u64, journey: JourneyIndex) -> Self {
        Self {
            scenario,
            index,
            journey,
            page: PageIndex(0),
            number: 0,
            attempt: 0,
            variables: BTreeMap::new(),
        }
    }

    /// The page that is due.
    #[must_use]
    pub fn current(&self) -> &Page {
        self.scenario.journey(self.journey).page(self.page)
    }

    /// The request for the page that is due.
    #[must_use]
    pub fn request(&self) -> PageRequest {
        todo!()
    }

    /// Takes from an answer what the page's `extract` asks for. What is not there is left as it was.
    pub fn learn(&mut self, body: &[u8], header: impl Fn(&str) -> Option<String>) {
        drop((body, header));
        todo!()
    }

    /// A variable's value, if it is set.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Steps on to the next page, or the next try of this one.
    pub fn step(&mut self, outcome: Outcome) -> Next {
        let _ = outcome;
        todo!()
    }
}
