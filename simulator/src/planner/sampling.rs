//! Sampled requests: each stands for as many as there are more of them than are sampled.

use metrics::Series;
use scenarios::{Draws, Scenario, Stream};

use super::flow::Pages;
use super::shop::Shop;
use super::state::State;
use super::tally::Tally;
use super::walk::Walk;
use super::{SAMPLES, SEED};

/// How much of the newest step goes into running means.
const NEWEST: f64 = 0.2;

/// One page's requests that no sample stands for yet.
#[derive(Clone, Debug, Default)]
struct Waiting {
    requests: u64,
    /// Samples that are due, less than one.
    due: f64,
}

/// The sampled requests.
#[derive(Clone, Debug)]
pub(super) struct Sampling {
    seed: u64,
    /// How many a second.
    rate: f64,
    /// A served page above this is slow, in seconds.
    within: f64,
    waiting: Vec<Waiting>,
    pages: Vec<Tally>,
    services: Vec<Tally>,
    /// The mean latency of a page, lately, in seconds.
    latency: f64,
}

impl Sampling {
    pub(super) fn new(scenario: &Scenario, shop: &Shop) -> Self {
        Self {
            seed: scenario.seed ^ SEED,
            rate: SAMPLES * scenario.speed,
            within: scenario.slo.within.as_secs_f64(),
            waiting: vec![Waiting::default(); shop.pages.len()],
            pages: vec![Tally::new(); shop.pages.len()],
            services: vec![Tally::new(); shop.services.len()],
            latency: 0.0,
        }
    }

    /// The mean latency of a page, lately, in seconds.
    pub(super) const fn latency(&self) -> f64 {
        self.latency
    }

    /// Samples the requests of a step of so many seconds.
    pub(super) fn sample(
        &mut self,
        shop: &Shop,
        states: &mut [State],
        pages: &Pages,
        (step, seconds): (usize, f64),
    ) {
        // By the roots of their numbers: pages that are seldom asked for are often the slow ones, and make the tail.
        let root = |drawn: u64| (drawn as f64).sqrt();
        let roots: f64 = pages.drawn.iter().map(|drawn| root(*drawn)).sum();
        let each = self.rate * seconds / roots.max(1.0);
        let mut seen = Seen::new(states.len());
        for (page, drawn) in pages.drawn.iter().enumerate() {
            let waiting = &mut self.waiting[page];
            waiting.requests += drawn;
            waiting.due += (root(*drawn) * each).min(*drawn as f64);
            let samples = (waiting.due as u64).min(waiting.requests);
            waiting.due -= samples as f64;
            self.walk(shop, states, (page, step), samples, &mut seen);
        }
        seen.into_means(states, &mut self.latency);
    }

    /// Lets so many samples stand for all requests for a page that none stands for yet.
    fn walk(
        &mut self,
        shop: &Shop,
        states: &[State],
        (page, step): (usize, usize),
        samples: u64,
        seen: &mut Seen,
    ) {
        let Some(call) = shop.pages[page].filter(|_| samples > 0) else {
            return;
        };
        let stream = Stream::Demand {
            journey: step as u64,
            page: page as u32,
            hop: 0,
            attempt: 0,
        };
        let mut walk = Walk {
            shop,
            states,
            luck: Draws::new(self.seed, stream),
            hops: Vec::new(),
        };
        for left in (1..=samples).rev() {
            let weight = self.waiting[page].requests / left;
            self.waiting[page].requests -= weight;
            walk.hops.clear();
            let (end, latency) = walk.request(call);
            self.pages[page].add(end, latency, self.within, weight);
            for hop in &walk.hops {
                let tally = &mut self.services[hop.service];
                tally.add(hop.end, hop.latency, f64::INFINITY, weight);
                tally.retried(u64::from(hop.retries) * weight);
                seen.hop(hop.service, hop.slow, weight);
            }
            seen.page(latency, weight);
        }
    }

    /// What was counted in a window that has ended: the series of its pages and services.
    pub(super) fn close(
        &mut self,
        shop: &Shop,
        states: &[State],
        step: usize,
    ) -> (Vec<Series>, Vec<Series>) {
        let mut seen = Seen::new(states.len());
        for page in 0..self.pages.len() {
            let left = u64::from(self.waiting[page].requests > 0);
            // Luck of its own: the step's is used up by its samples.
            self.walk(shop, states, (page, usize::MAX - step), left, &mut seen);
        }
        let take = |tallies: &mut [Tally]| tallies.iter_mut().map(Tally::take).collect();
        (take(&mut self.pages), take(&mut self.services))
    }
}

/// Means over the samples of a step.
struct Seen {
    /// Of each service: slow requests, and all.
    services: Vec<(u64, u64)>,
    seconds: f64,
    pages: f64,
}

impl Seen {
    fn new(services: usize) -> Self {
        Self {
            services: vec![(0, 0); services],
            seconds: 0.0,
            pages: 0.0,
        }
    }

    fn hop(&mut self, service: usize, slow: bool, weight: u64) {
        let (slows, all) = &mut self.services[service];
        *slows += if slow { weight } else { 0 };
        *all += weight;
    }

    fn page(&mut self, latency: f64, weight: u64) {
        self.seconds += latency * weight as f64;
        self.pages += weight as f64;
    }

    fn into_means(self, states: &mut [State], latency: &mut f64) {
        for (state, (slow, all)) in states.iter_mut().zip(self.services) {
            if all > 0 {
                state.slow += NEWEST * (slow as f64 / all as f64 - state.slow);
            }
        }
        if self.pages > 0.0 {
            *latency += NEWEST * (self.seconds / self.pages - *latency);
        }
    }
}
