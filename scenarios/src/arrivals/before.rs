//! Those who came before the start and are not done yet.

use std::sync::Arc;

use crate::draws::{Draws, Stream};
use crate::time::nanos;
use crate::{JourneyIndex, Next, Outcome, Scenario, Shopper};

/// Numbers of shoppers who came before the start begin here: no run has as many newcomers, and they fit into the 53 bits
/// that every JSON reader keeps.
const FIRST: u64 = 1 << 48;

/// Numbers of shoppers who only serve to find out how long journeys take.
const PILOT: u64 = 1 << 52;

/// How many of them there are for one term.
const PILOTS: u64 = 1024;

/// A journey that has not ended after so many pages never will, for our purpose.
const PAGES_MAX: u32 = 10_000;

/// How much of the time that shoppers are inside may be lost by looking back only so far.
const LOST: f64 = 0.001;

/// The most arrivals before the start that are walked for one term.
const WALKED_MAX: f64 = 2e6;

/// One who is inside at the start.
#[derive(Clone, Debug)]
pub(super) struct Inside {
    /// When the next page is due, in nanoseconds since the start.
    pub(super) at: u64,
    pub(super) shopper: Shopper,
}

/// All who are inside at the start, if each term's rate had always been what it is at the start and every page had been
/// served at once; in the order of their next pages.
///
/// The arrivals of the last so many seconds are walked, and those still inside kept; how many seconds is found from a
/// thousand journeys, so that the longer ones lost make up a thousandth of all time inside.
pub(super) fn stationary(scenario: &Arc<Scenario>) -> Vec<Inside> {
    let mut inside = vec![];
    let mut number = FIRST;
    for (place, term) in scenario.traffic.rate.iter().enumerate() {
        let rate = term.curve.rate(0.0);
        if rate <= 0.0 {
            continue;
        }
        let horizon = horizon(scenario, term.journey).min(WALKED_MAX / rate);
        let mut draws = Draws::new(
            scenario.seed,
            Stream::Before {
                curve: place as u32,
            },
        );
        let mut ago = draws.exponential() / rate;
        while ago < horizon {
            let shopper = Shopper::new(Arc::clone(scenario), number, term.journey);
            inside.extend(still_inside(shopper, nanos(ago)));
            number += 1;
            ago += draws.exponential() / rate;
        }
    }
    inside.sort_by_key(|inside| (inside.at, inside.shopper.index));
    inside
}

/// Walks one who came so many nanoseconds ago up to the start.
pub(super) fn still_inside(mut shopper: Shopper, ago: u64) -> Option<Inside> {
    let mut gone = 0_u64;
    for _ in 0..PAGES_MAX {
        let Next::After(think) = shopper.step(Outcome::Served) else {
            return None;
        };
        gone = gone.saturating_add(think.as_nanos() as u64);
        if gone > ago {
            return Some(Inside {
                at: gone - ago,
                shopper,
            });
        }
    }
    None
}

/// How many seconds to look back.
fn horizon(scenario: &Arc<Scenario>, journey: Option<JourneyIndex>) -> f64 {
    let mut lengths: Vec<f64> = (PILOT..PILOT + PILOTS)
        .map(|number| length(Shopper::new(Arc::clone(scenario), number, journey)))
        .collect();
    lengths.sort_by(f64::total_cmp);
    let total: f64 = lengths.iter().sum();
    // From the longest down: what a horizon loses is the part of the longer ones beyond it.
    let mut beyond = 0.0;
    for (longer, pair) in lengths.windows(2).rev().enumerate() {
        beyond += (pair[1] - pair[0]) * (longer + 1) as f64;
        if beyond > LOST * total {
            return pair[1];
        }
    }
    lengths.last().copied().unwrap_or_default()
}

/// How many seconds a journey takes if every page is served at once.
fn length(mut shopper: Shopper) -> f64 {
    let mut seconds = 0.0;
    for _ in 0..PAGES_MAX {
        let Next::After(think) = shopper.step(Outcome::Served) else {
            break;
        };
        seconds += think.as_secs_f64();
    }
    seconds
}
