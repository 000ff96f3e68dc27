//! A probe that looks at one service at a few instants only: cheap enough for thousands of short runs.

use simulator::{Left, Probe};

/// How many are in the first service at each of some instants, in order.
pub(crate) struct Glance<'a> {
    instants: &'a [u64],
    in_system: u32,
    pub(crate) noted: Vec<u32>,
}

impl<'a> Glance<'a> {
    pub(crate) fn new(instants: &'a [u64]) -> Self {
        Self {
            instants,
            in_system: 0,
            noted: Vec::with_capacity(instants.len()),
        }
    }

    /// Notes what there was at each instant before `at`.
    pub(crate) fn advance(&mut self, at: u64) {
        while self
            .instants
            .get(self.noted.len())
            .is_some_and(|next| *next < at)
        {
            self.noted.push(self.in_system);
        }
    }
}

impl Probe for Glance<'_> {
    fn arrives(&mut self, at: u64, service: u16, _replica: u32) {
        self.advance(at);
        self.in_system += u32::from(service == 0);
    }

    fn leaves(&mut self, at: u64, service: u16, _replica: u32, _sojourn: u64, _how: Left) {
        self.advance(at);
        self.in_system -= u32::from(service == 0);
    }
}
