//! What shoppers do.

use std::collections::BTreeMap;

use metrics::Ratio;
use serde::{Deserialize, Serialize};

use super::OperationId;
use crate::Distribution;

/// A journey's place in [`crate::Scenario::journeys`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct JourneyIndex(pub u32);

/// A page's place in [`Journey::pages`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct PageIndex(pub u32);

/// A Markov chain of pages.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Journey {
    /// Its name.
    pub name: String,
    /// Its share among the journeys, relative to the others'.
    pub weight: f64,
    /// Where it starts, each with its chance; the chances add up to 1. Real visits begin on any page that a search
    /// engine or a message can lead to.
    pub start: Vec<(PageIndex, f64)>,
    /// Its pages.
    pub pages: Vec<Page>,
    /// Coefficient of variation of the length factor that each shopper draws (log-normal, mean 1): it divides the
    /// chances to leave, which makes session lengths heavy-tailed. Zero: a plain Markov chain.
    pub length_cv: f64,
    /// Variables that each shopper begins with, by name.
    pub variables: BTreeMap<String, Variable>,
}

impl Journey {
    /// The page at `index`.
    ///
    /// # Panics
    /// If the index is not of this journey.
    #[must_use]
    #[inline]
    pub fn page(&self, index: PageIndex) -> &Page {
        &self.pages[index.0 as usize]
    }

    /// How many pages a shopper looks at on average, if all are served: the sum of the expected visits
    /// v = start + Pᵀ·v of the chain, page after page. Infinite if shoppers hardly ever leave: if after ten thousand
    /// pages one in a million is still there. The length factor, whose mean is 1, is left out.
    #[must_use]
    pub fn mean_pages(&self) -> f64 {
        const MOST: u32 = 10_000;
        const FEW: f64 = 1e-6;
        let mut here = vec![0.0; self.pages.len()];
        for (page, chance) in &self.start {
            here[page.0 as usize] += chance;
        }
        let mut sum = 0.0;
        for _ in 0..MOST {
            let there: f64 = here.iter().sum();
            sum += there;
            if there < FEW {
                return sum;
            }
            let mut next = vec![0.0; here.len()];
            for (page, inside) in self.pages.iter().zip(&here) {
                for (to, chance) in &page.next {
                    next[to.0 as usize] += inside * chance;
                }
            }
            here = next;
        }
        f64::INFINITY
    }
}

/// How a shopper's variable begins.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variable {
    /// Always this text.
    Text(String),
    /// A whole number from 1 to `count`, the k-th with weight 1 ÷ k^`skew` (0: all alike).
    Number {
        /// How many there are.
        count: u32,
        /// How much the first are preferred.
        skew: f64,
    },
}

/// One page of a journey.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Page {
    /// Its name.
    pub name: String,
    /// How it is asked for.
    pub method: Method,
    /// Its path, beginning with `/`; `{name}` stands for a variable.
    pub path: String,
    /// Its body (JSON), if any; `{name}` stands for a variable.
    pub body: Option<String>,
    /// Headers beyond the usual ones; values may hold variables. A header whose variable is unset is left out.
    pub headers: BTreeMap<String, String>,
    /// What is taken from its answer.
    pub extract: Vec<Extract>,
    /// The operation that answers it, if the scenario describes services.
    pub operation: Option<OperationId>,
    /// What a shopper thinks after the answer.
    pub think: Distribution,
    /// Where the shopper goes next, with its chance; what is missing to 1 leaves.
    pub next: Vec<(PageIndex, f64)>,
    /// What the shopper does when it fails.
    pub on_failure: OnFailure,
}

/// How a page is asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// It only reads.
    Get,
    /// It changes something.
    Post,
    /// It replaces something.
    Put,
    /// It removes something.
    Delete,
}

/// A variable taken from an answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Extract {
    /// The variable that is set.
    pub variable: String,
    /// Where the value stands.
    pub from: Source,
}

/// Where a value stands in an answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// In the JSON body, at this pointer; a `*` stands for any element, drawn at random.
    Json(String),
    /// In this header.
    Header(String),
}

/// What a shopper does when a page fails.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct OnFailure {
    /// How many times the page is asked for again; nothing: until it is served.
    pub retry: Option<u32>,
    /// How long the shopper waits before each.
    pub after: Distribution,
    /// The chance that the shopper has the patience, each time anew; otherwise it was the last try.
    pub chance: Ratio,
    /// Whether the shopper goes on as if all were well after the last try; otherwise the shopper leaves.
    pub go_on: bool,
}
