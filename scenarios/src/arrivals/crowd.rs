//! A standing crowd: shoppers who never leave, because the end of a journey is the begin of another.

use std::sync::Arc;

use super::before::{self, Inside};
use crate::draws::{Draws, Stream};
use crate::shopper::Stay;
use crate::time::nanos;
use crate::{Asked, Begin, JourneyIndex, Next, Outcome, Scenario, Shopper, Unit};

/// How many pages a place has walked at least before the start, so that its page is a typical one: some forty journeys.
const WALKED: u32 = 256;

/// The places of a standing crowd: [`Traffic::crowd`](crate::Traffic::crowd) for all journeys together, and as many for
/// each journey that has a term of the rate to itself.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Shoppers of one crowd.
    size: u32,
    /// Whose crowds there are, in order.
    crowds: Vec<Option<JourneyIndex>>,
    /// Each term's crowd.
    of_term: Vec<usize>,
    /// Whose turn it is next in each crowd.
    turns: Vec<u32>,
}

impl Places {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let journeys = || scenario.traffic.rate.iter().map(|term| term.journey);
        let mut crowds: Vec<_> = journeys().collect();
        crowds.sort_unstable();
        crowds.dedup();
        if scenario.traffic.unit == Unit::Shoppers {
            crowds = vec![None];
        }
        let of_term = journeys()
            .map(|journey| {
                crowds
                    .iter()
                    .position(|crowd| *crowd == journey)
                    .unwrap_or(0)
            })
            .collect();
        let turns = vec![0; crowds.len()];
        Self {
            size: scenario.traffic.crowd.max(1),
            crowds,
            of_term,
            turns,
        }
    }

    /// The place whose turn it is at an arrival of `term`.
    #[inline]
    pub(super) fn take(&mut self, term: usize) -> u32 {
        let crowd = self.of_term[term];
        let turn = self.turns[crowd];
        self.turns[crowd] = if turn + 1 < self.size { turn + 1 } else { 0 };
        crowd as u32 * self.size + turn
    }

    fn count(&self) -> u32 {
        self.size.saturating_mul(self.crowds.len() as u32)
    }

    fn stay(&self, place: u32) -> Stay {
        let journey = self
            .crowds
            .get((place / self.size) as usize)
            .copied()
            .flatten();
        Stay {
            stride: self.count(),
            journey,
        }
    }
}

/// The standing crowd behind [`Unit::Requests`].
///
/// Which page a place asks for at its n-th turn comes from draws alone: not from how the pages before came out, and not
/// from whether their answers have come at all. So a request is never late because another is, the rate is exactly the
/// curve's, and the mix the chain's. What an answer tells is used from the next turn on that follows it.
#[derive(Clone, Debug)]
pub struct Crowd {
    scenario: Arc<Scenario>,
    places: Places,
    shoppers: Vec<Option<Shopper>>,
}

impl Crowd {
    /// The crowd of `scenario`; places are filled when their turn comes first.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>) -> Self {
        let places = Places::new(&scenario);
        let shoppers = vec![None; places.count() as usize];
        Self {
            scenario,
            places,
            shoppers,
        }
    }

    /// How many places there are.
    #[must_use]
    pub fn places(&self) -> u32 {
        self.places.count()
    }

    /// The place's next turn: its shopper, on the page that is due. At the first turn the shopper is somewhere inside a
    /// journey; see [`Shopper::from_the_start`] for what came before.
    ///
    /// # Panics
    /// If there is no such place.
    #[inline]
    pub fn arrive(&mut self, place: u32) -> &mut Shopper {
        let slot = &mut self.shoppers[place as usize];
        match slot {
            Some(shopper) => {
                shopper.turn();
                shopper
            }
            None => slot.insert(prepared(&self.scenario, &self.places, place)),
        }
    }

    /// The place's shopper as it will be at its first turn, to be prepared before the start; nothing after that turn.
    #[must_use]
    pub fn first(&self, place: u32) -> Option<Shopper> {
        match self.shoppers.get(place as usize)? {
            None => Some(prepared(&self.scenario, &self.places, place)),
            Some(_) => None,
        }
    }

    /// Takes from the answer to a page that the place asked for what its `extract` wants. It may come late: an answer to
    /// one who has left the place meanwhile is dropped.
    pub fn learn(
        &mut self,
        place: u32,
        asked: Asked,
        body: &[u8],
        header: impl Fn(&str) -> Option<String>,
    ) {
        if let Some(Some(shopper)) = self.shoppers.get_mut(place as usize) {
            shopper.learn_from(asked, body, header);
        }
    }
}

/// The shopper of a place after a walk so long that where it began is forgotten.
fn prepared(scenario: &Arc<Scenario>, places: &Places, place: u32) -> Shopper {
    let mut shopper = Shopper::staying(Arc::clone(scenario), place.into(), places.stay(place));
    if scenario.traffic.begin == Begin::Stationary {
        let mut draws = Draws::new(scenario.seed, Stream::Crowd { place });
        for _ in 0..WALKED + draws.below(WALKED.into()) as u32 {
            shopper.turn();
        }
    }
    shopper
}

/// The crowd of a closed model, each with the instant of its first page.
pub(super) fn closed(scenario: &Arc<Scenario>, places: &Places, begin: Begin) -> Vec<Inside> {
    let shopper =
        |place: u32| Shopper::staying(Arc::clone(scenario), place.into(), places.stay(place));
    let all = 0..places.count();
    if begin == Begin::Empty {
        return all
            .map(|place| Inside {
                at: 0,
                shopper: shopper(place),
            })
            .collect();
    }
    let page = seconds_per_page(shopper(0));
    let mut inside: Vec<Inside> = all
        .map(|place| {
            let mut draws = Draws::new(scenario.seed, Stream::Crowd { place });
            let ago = nanos(page * f64::from(WALKED) * (1.0 + draws.uniform()));
            before::still_inside(shopper(place), ago).unwrap_or_else(|| Inside {
                at: 0,
                shopper: shopper(place),
            })
        })
        .collect();
    inside.sort_by_key(|inside| (inside.at, inside.shopper.index));
    inside
}

/// The mean time from a page to the next, from the walk of one shopper.
fn seconds_per_page(mut shopper: Shopper) -> f64 {
    const PAGES: u32 = 4096;
    let thought: f64 = (0..PAGES)
        .map(|_| match shopper.step(Outcome::Served) {
            Next::After(think) => think.as_secs_f64(),
            Next::Leave => 0.0,
        })
        .sum();
    thought / f64::from(PAGES)
}
