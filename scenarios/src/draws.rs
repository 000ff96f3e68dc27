//! Luck that depends on what it is for, never on what was drawn before.

/// The algorithm's name and version, as records carry it.
pub const VERSION: &str = "splitmix64/1";

/// What a draw is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// The arrivals of one term of the rate.
    Arrivals {
        /// The term's place.
        curve: u32,
    },
    /// One shopper: variables, length factor.
    Journey {
        /// The arrival's index.
        journey: u64,
    },
    /// What a shopper thinks after a page, and where the shopper goes next.
    Think {
        /// The arrival's index.
        journey: u64,
        /// The page's number in the journey, from 0.
        page: u32,
    },
    /// The work and waits of one hop.
    Demand {
        /// The arrival's index.
        journey: u64,
        /// The page's number in the journey, from 0.
        page: u32,
        /// Which call: see [`child_hop`].
        hop: u32,
        /// Which try, from 0.
        attempt: u32,
    },
    /// Jitter of a retry.
    Retry {
        /// The arrival's index.
        journey: u64,
        /// The page's number in the journey, from 0.
        page: u32,
        /// Which call.
        hop: u32,
        /// Which try, from 1.
        attempt: u32,
    },
    /// A replica's start-up.
    StartUp {
        /// The service's place among the services.
        service: u32,
        /// The replica's ordinal: the first ever is 0, and none is used twice.
        ordinal: u32,
    },
    /// Which replica answers.
    Balance {
        /// The arrival's index.
        journey: u64,
        /// The page's number in the journey, from 0.
        page: u32,
        /// Which call.
        hop: u32,
        /// Which try, from 0.
        attempt: u32,
    },
    /// Whom a fault hits.
    Fault {
        /// The fault's place.
        fault: u32,
    },
}

/// A generator for one purpose.
#[derive(Clone, Debug)]
pub struct Draws {
    state: u64,
}

impl Draws {
    /// The generator for `stream` under `seed`.
    #[must_use]
    pub fn new(seed: u64, stream: Stream) -> Self {
        let _ = (seed, stream);
        todo!()
    }
}

impl rand::rand_core::TryRng for Draws {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        todo!()
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.state)
    }

    fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
        todo!()
    }
}

/// The hop of the `index`-th call that `parent` makes. The page itself is hop 0; each hop has at most 15 calls, and
/// calls nest at most 7 deep, so that no two calls of a page share a hop.
#[must_use]
pub fn child_hop(parent: u32, index: u8) -> u32 {
    parent * 16 + u32::from(index) + 1
}
