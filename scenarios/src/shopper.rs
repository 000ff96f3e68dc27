//! One shopper's walk through a journey.

mod fill;
mod learn;
mod zipf;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::distribution::{exp, normal_quantile};
use crate::draws::{Draws, Stream};
use crate::{Distribution, Journey, JourneyIndex, Method, Page, PageIndex, Scenario, Variable};

/// A shopper in the middle of a journey: on a page that is due or was just asked for.
///
/// All that a shopper does comes from the scenario, its seed, the shopper's number and how the pages came out; never from
/// an instant. A waiting shopper is about a hundred bytes and what was learned from answers.
#[derive(Clone, Debug)]
pub struct Shopper {
    scenario: Arc<Scenario>,
    /// The number that names the shopper in all draws and traces; no two shoppers of a run have the same.
    pub index: u64,
    /// The journey.
    pub journey: JourneyIndex,
    /// The page that is due.
    pub page: PageIndex,
    /// Its number in the journey, from 0.
    pub number: u32,
    /// Which try of this page it is, from 0.
    pub attempt: u32,
    /// Divides the chances to leave.
    length: f64,
    /// What answers have told, by the page and the place in its `extract` that first told it.
    learned: Vec<(Told, Box<str>)>,
    stay: Option<Stay>,
}

/// Which value of which page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Told {
    page: PageIndex,
    extract: u32,
}

/// That the end of a journey is the begin of another, as in a standing crowd.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stay {
    /// From one shopper's number to that of the next in the same place.
    pub(crate) stride: u32,
    /// The journey of all that come to this place; nothing: of any, by weight.
    pub(crate) journey: Option<JourneyIndex>,
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

/// Which page was asked for: what an answer that comes later is told by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Asked {
    /// The shopper.
    pub index: u64,
    /// The page.
    pub page: PageIndex,
    /// Its number in the journey, from 0.
    pub number: u32,
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
    /// Shopper `index` at the start of `journey`; without one, of a journey drawn by weight.
    ///
    /// # Panics
    /// If the scenario has no such journey. A checked scenario has at least one.
    #[must_use]
    pub fn new(
        scenario: Arc<Scenario>,
        index: u64,
        journey: impl Into<Option<JourneyIndex>>,
    ) -> Self {
        Self::begin(scenario, index, journey.into(), None)
    }

    /// The same for one who does not leave.
    pub(crate) fn staying(scenario: Arc<Scenario>, index: u64, stay: Stay) -> Self {
        Self::begin(scenario, index, stay.journey, Some(stay))
    }

    fn begin(
        scenario: Arc<Scenario>,
        index: u64,
        journey: Option<JourneyIndex>,
        stay: Option<Stay>,
    ) -> Self {
        let (journey, page, length) = beginning(&scenario, index, journey);
        Self {
            scenario,
            index,
            journey,
            page,
            number: 0,
            attempt: 0,
            length,
            learned: vec![],
            stay,
        }
    }

    /// The same shopper at the beginning of the journey: what one who is inside at the start did before. Stepping it on
    /// with [`Outcome::Served`] until its `number` is the other's walks the very same pages, so that a live world can
    /// let a shopper log in and fill the cart before the clock starts.
    #[must_use]
    pub fn from_the_start(&self) -> Self {
        Self::begin(
            Arc::clone(&self.scenario),
            self.index,
            Some(self.journey),
            self.stay,
        )
    }

    /// The page that is due.
    #[must_use]
    #[inline]
    pub fn current(&self) -> &Page {
        self.meant().page(self.page)
    }

    #[inline]
    fn meant(&self) -> &Journey {
        self.scenario.journey(self.journey)
    }

    /// Which page is due, to be kept until the answer comes.
    #[must_use]
    pub const fn asked(&self) -> Asked {
        Asked {
            index: self.index,
            page: self.page,
            number: self.number,
        }
    }

    /// The request for the page that is due. A variable that is not known is empty; a header that holds one is left out.
    #[must_use]
    pub fn request(&self) -> PageRequest {
        let page = self.current();
        let value = |name: &str| self.variable(name);
        PageRequest {
            method: page.method,
            path: fill::path(&page.path, value),
            body: page.body.as_ref().map(|body| fill::json(body, value)),
            headers: page
                .headers
                .iter()
                .filter_map(|(name, text)| Some((name.clone(), fill::header(text, value)?)))
                .collect(),
        }
    }

    /// Takes from the answer to the page that is due what its `extract` asks for. What is not there, is no text, number
    /// or truth value, or is longer than 4 KiB is left as it was.
    pub fn learn(&mut self, body: &[u8], header: impl Fn(&str) -> Option<String>) {
        self.learn_from(self.asked(), body, header);
    }

    /// The same for an answer to an earlier page. Nothing happens if it was another shopper's.
    pub fn learn_from(
        &mut self,
        asked: Asked,
        body: &[u8],
        header: impl Fn(&str) -> Option<String>,
    ) {
        if asked.index != self.index {
            return;
        }
        let scenario = Arc::clone(&self.scenario);
        let Some(page) = scenario
            .journey(self.journey)
            .pages
            .get(asked.page.0 as usize)
        else {
            return;
        };
        let luck = |extract: u32| {
            let (journey, page) = (asked.index, asked.number);
            Draws::new(
                scenario.seed,
                Stream::Extract {
                    journey,
                    page,
                    extract,
                },
            )
        };
        for (extract, value) in learn::values(&page.extract, body, header, luck) {
            let told = Told {
                page: asked.page,
                extract,
            };
            let name = self.name_of(told).map(str::to_owned);
            match self
                .learned
                .iter()
                .position(|(known, _)| self.name_of(*known) == name.as_deref())
            {
                Some(place) => self.learned[place].1 = value,
                None => self.learned.push((told, value)),
            }
        }
    }

    fn name_of(&self, told: Told) -> Option<&str> {
        let extract = self
            .meant()
            .page(told.page)
            .extract
            .get(told.extract as usize)?;
        Some(&extract.variable)
    }

    /// A variable's value, if it has one: what an answer told, or what the shopper began with.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let learned = self
            .learned
            .iter()
            .find(|(told, _)| self.name_of(*told) == Some(name));
        if let Some((_, value)) = learned {
            return Some(Cow::Borrowed(value));
        }
        let mut variables = self.meant().variables.iter().enumerate();
        let (place, (_, variable)) = variables.find(|(_, (known, _))| *known == name)?;
        match variable {
            Variable::Text(text) => Some(Cow::Borrowed(text)),
            Variable::Number { count, skew } => {
                let stream = Stream::Variable {
                    journey: self.index,
                    variable: place as u32,
                };
                let number = zipf::draw(*count, *skew, &mut Draws::new(self.scenario.seed, stream));
                Some(Cow::Owned(number.to_string()))
            }
        }
    }

    /// Steps on to the next page, or the next try of this one. One of a standing crowd never leaves: the end of a journey
    /// is the begin of another, a thought later.
    pub fn step(&mut self, outcome: Outcome) -> Next {
        self.stride(outcome, |think, draws| think.sample(draws))
    }

    /// Steps on from a page that was served, when nobody wants to know how long the shopper thinks: the draw of that is
    /// the last of its stream, so that it can be left out.
    #[inline]
    pub(crate) fn turn(&mut self) {
        self.stride(Outcome::Served, |_, _| Duration::ZERO);
    }

    #[inline]
    fn stride(
        &mut self,
        outcome: Outcome,
        think: impl FnOnce(&Distribution, &mut Draws) -> Duration,
    ) -> Next {
        if outcome == Outcome::NotServed {
            let on_failure = &self.current().on_failure;
            if on_failure.retry.is_none_or(|most| self.attempt < most) {
                let attempt = self.attempt.saturating_add(1);
                let mut draws = self.hesitation(attempt);
                let wait = on_failure.after.sample(&mut draws);
                if draws.uniform() < on_failure.chance.get() {
                    self.attempt = attempt;
                    return Next::After(wait);
                }
            }
            if !on_failure.go_on {
                let mut draws = self.thought();
                return self.leave(|meant| think(meant, &mut draws));
            }
        }
        let mut draws = self.thought();
        let current = self.scenario.journey(self.journey).page(self.page);
        let Some(page) = next_page(&current.next, self.length, draws.uniform()) else {
            return self.leave(|meant| think(meant, &mut draws));
        };
        let think = think(&current.think, &mut draws);
        self.page = page;
        self.number = self.number.saturating_add(1);
        self.attempt = 0;
        Next::After(think)
    }

    /// The draws of what happens after this page: first where the shopper goes, then how long it takes.
    #[inline]
    fn thought(&self) -> Draws {
        Draws::new(
            self.scenario.seed,
            Stream::Think {
                journey: self.index,
                page: self.number,
            },
        )
    }

    /// The draws of what is waited before this page is asked for again.
    fn hesitation(&self, attempt: u32) -> Draws {
        Draws::new(
            self.scenario.seed,
            Stream::Retry {
                journey: self.index,
                page: self.number,
                hop: 0,
                attempt,
            },
        )
    }

    fn leave(&mut self, think: impl FnOnce(&Distribution) -> Duration) -> Next {
        let Some(stay) = self.stay else {
            return Next::Leave;
        };
        let think = think(&self.current().think);
        self.index += u64::from(stay.stride);
        let (journey, page, length) = beginning(&self.scenario, self.index, stay.journey);
        (self.journey, self.page, self.length) = (journey, page, length);
        (self.number, self.attempt) = (0, 0);
        self.learned.clear();
        Next::After(think)
    }
}

/// Where luck leads from a page that has these chances; nothing if it leads out, the chance of which is divided by `length`.
#[inline]
fn next_page(next: &[(PageIndex, f64)], length: f64, luck: f64) -> Option<PageIndex> {
    let on: f64 = next.iter().map(|(_, chance)| chance).sum();
    let stay = 1.0 - ((1.0 - on).max(0.0) / length).min(1.0);
    if luck >= stay {
        return None;
    }
    let place = at_weight(next, |(_, chance)| *chance, luck / stay * on);
    next.get(place).map(|(page, _)| *page)
}

/// Where shopper `index` begins: which journey, if it is not known, which page, and the length factor.
fn beginning(
    scenario: &Scenario,
    index: u64,
    journey: Option<JourneyIndex>,
) -> (JourneyIndex, PageIndex, f64) {
    let mut draws = Draws::new(scenario.seed, Stream::Journey { journey: index });
    // Drawn even if it is known, so that the other draws stay what they are.
    let by_weight = draws.uniform();
    let journey = journey.unwrap_or_else(|| {
        JourneyIndex(pick(&scenario.journeys, |journey| journey.weight, by_weight) as u32)
    });
    let meant = scenario.journey(journey);
    let page = meant
        .start
        .get(pick(&meant.start, |(_, chance)| *chance, draws.uniform()));
    let page = page.map_or(PageIndex(0), |(page, _)| *page);
    let length = length_factor(meant.length_cv, &mut draws);
    (journey, page, length)
}

/// The place of the one whom `luck`, from 0 to 1, falls on when each has a share by weight.
fn pick<T>(all: &[T], weight: impl Fn(&T) -> f64, luck: f64) -> usize {
    let total: f64 = all.iter().map(&weight).sum();
    at_weight(all, weight, luck * total)
}

/// The place of the one up to whom the weights add up to more than `left`.
#[inline]
fn at_weight<T>(all: &[T], weight: impl Fn(&T) -> f64, mut left: f64) -> usize {
    for (place, one) in all.iter().enumerate() {
        left -= weight(one);
        if left < 0.0 {
            return place;
        }
    }
    // Rounding may leave a crumb: it belongs to the last that has any weight.
    all.iter().rposition(|one| weight(one) > 0.0).unwrap_or(0)
}

/// Log-normal with mean 1 and the given coefficient of variation.
fn length_factor(cv: f64, draws: &mut Draws) -> f64 {
    if cv <= 0.0 {
        return 1.0;
    }
    let z = normal_quantile(draws.bits());
    let variance = libm::log1p(cv * cv);
    exp(variance.sqrt() * z - variance / 2.0)
}

#[cfg(test)]
mod tests;
