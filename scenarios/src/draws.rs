//! Luck that depends on what it is for, never on what was drawn before.
//!
//! The key of a stream is a sum of its purpose and its entity's numbers, each times an odd number of its own, and of the
//! mixed seed, put through the finaliser of SplitMix64 (Steele, Lea, Flood: *Fast splittable pseudorandom number
//! generators*, OOPSLA 2014); the draws of a stream are SplitMix64 from that key. Any change of a value is a change of
//! [`VERSION`].

use std::convert::Infallible;

use rand::rand_core::TryRng;

use crate::distribution::minus_log;

/// The algorithm's name and version, as records carry it.
pub const VERSION: &str = "splitmix64/2";

/// 2⁶⁴ ÷ the golden ratio, odd: the step of SplitMix64's counter.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// What each of a stream's words is multiplied by: the first digits of √2, √3 and √7 behind the point, made odd. With
/// generic factors two streams meet no oftener than random keys do.
const FACTORS: [u64; 3] = [
    0x6a09_e667_f3bc_c909,
    0xbb67_ae85_84ca_a73b,
    0xa54f_f53a_5f1d_36f1,
];

/// What a draw is for.
///
/// *Journey* is the shopper's number, [`Shopper::index`](crate::Shopper::index).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    /// The arrivals of one term of the rate.
    Arrivals {
        /// The term's place.
        curve: u32,
    },
    /// One shopper: which journey, where it starts, length factor.
    Journey {
        /// The shopper.
        journey: u64,
    },
    /// What a shopper thinks after a page, and where the shopper goes next.
    Think {
        /// The shopper.
        journey: u64,
        /// The page's number in the journey, from 0.
        page: u32,
    },
    /// The work and waits of one hop.
    Demand {
        /// The shopper.
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
        /// The shopper.
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
        /// The shopper.
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
    /// What one variable of a shopper is at first.
    Variable {
        /// The shopper.
        journey: u64,
        /// The variable's place in the journey.
        variable: u32,
    },
    /// Which of several values in an answer a shopper takes.
    Extract {
        /// The shopper.
        journey: u64,
        /// The page's number in the journey, from 0.
        page: u32,
        /// The value's place among those taken from the page.
        extract: u32,
    },
    /// Who came before the start, by one term of the rate.
    Before {
        /// The term's place.
        curve: u32,
    },
    /// How far a place of a standing crowd has walked before the start.
    Crowd {
        /// The place.
        place: u32,
    },
    /// Whether a recorded arrival is kept when time is compressed.
    Thin {
        /// The arrival's place in the record.
        arrival: u64,
    },
    /// How long a request waits for a slot before it leaves.
    Patience {
        /// The shopper.
        journey: u64,
        /// The page's number in the journey, from 0.
        page: u32,
        /// Which call.
        hop: u32,
        /// Which try, from 0.
        attempt: u32,
    },
    /// What the gateway adds to a request, then how long its message takes, then how long the answer.
    Network {
        /// The shopper.
        journey: u64,
        /// The page's number in the journey, from 0.
        page: u32,
        /// Which call.
        hop: u32,
        /// Which try, from 0.
        attempt: u32,
    },
    /// How long a node takes to be there.
    Node {
        /// The node's ordinal: none is used twice.
        ordinal: u32,
    },
    /// When a fault comes again, and how long it lasts.
    Recurrence {
        /// The fault's place in the file.
        fault: u32,
    },
    /// What was counted at a service in the days before the start.
    Days {
        /// The service's place among the services.
        service: u32,
    },
    /// Whether a request is one of those that a fault makes fail.
    Failure {
        /// The shopper.
        journey: u64,
        /// The page's number in the journey, from 0.
        page: u32,
        /// Which call.
        hop: u32,
        /// Which try, from 0.
        attempt: u32,
    },
}

impl Stream {
    /// The purpose with the rarest number, and the other numbers: together no two streams share them.
    #[inline]
    fn words(self) -> [u64; 3] {
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        let tag = |tag: u64, low: u32| tag << 32 | u64::from(low);
        match self {
            Self::Arrivals { curve } => [tag(1, 0), u64::from(curve), 0],
            Self::Journey { journey } => [tag(2, 0), journey, 0],
            Self::Think { journey, page } => [tag(3, 0), journey, u64::from(page)],
            Self::Demand {
                journey,
                page,
                hop,
                attempt,
            } => [tag(4, attempt), journey, pair(page, hop)],
            Self::Retry {
                journey,
                page,
                hop,
                attempt,
            } => [tag(5, attempt), journey, pair(page, hop)],
            Self::StartUp { service, ordinal } => [tag(6, 0), pair(service, ordinal), 0],
            Self::Balance {
                journey,
                page,
                hop,
                attempt,
            } => [tag(7, attempt), journey, pair(page, hop)],
            Self::Fault { fault } => [tag(8, 0), u64::from(fault), 0],
            Self::Variable { journey, variable } => [tag(9, 0), journey, u64::from(variable)],
            Self::Extract {
                journey,
                page,
                extract,
            } => [tag(10, 0), journey, pair(page, extract)],
            Self::Before { curve } => [tag(11, 0), u64::from(curve), 0],
            Self::Crowd { place } => [tag(12, 0), u64::from(place), 0],
            Self::Thin { arrival } => [tag(13, 0), arrival, 0],
            Self::Failure {
                journey,
                page,
                hop,
                attempt,
            } => [tag(14, attempt), journey, pair(page, hop)],
            Self::Patience {
                journey,
                page,
                hop,
                attempt,
            } => [tag(15, attempt), journey, pair(page, hop)],
            Self::Network {
                journey,
                page,
                hop,
                attempt,
            } => [tag(16, attempt), journey, pair(page, hop)],
            Self::Node { ordinal } => [tag(17, 0), u64::from(ordinal), 0],
            Self::Recurrence { fault } => [tag(18, 0), u64::from(fault), 0],
            Self::Days { service } => [tag(19, 0), u64::from(service), 0],
        }
    }
}

/// A seed that is mixed already: for whoever makes many generators of it.
#[derive(Clone, Copy, Debug)]
pub struct Seed(u64);

impl Seed {
    /// This seed, mixed.
    #[must_use]
    #[inline]
    pub const fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(GAMMA)))
    }

    /// The generator for `stream`.
    #[must_use]
    #[inline]
    pub fn draws(self, stream: Stream) -> Draws {
        // Products do not wait for each other, as mixing word after word would.
        let [purpose, entity, place] = stream.words();
        let key = self
            .0
            .wrapping_add(purpose.wrapping_mul(FACTORS[0]))
            .wrapping_add(entity.wrapping_mul(FACTORS[1]))
            .wrapping_add(place.wrapping_mul(FACTORS[2]));
        Draws { state: mix(key) }
    }
}

/// A generator for one purpose: 2⁶⁴ draws, from the seed and the purpose alone.
#[derive(Clone, Debug)]
pub struct Draws {
    state: u64,
}

impl Draws {
    /// The generator for `stream` under `seed`.
    #[must_use]
    #[inline]
    pub fn new(seed: u64, stream: Stream) -> Self {
        Seed::new(seed).draws(stream)
    }

    /// The next 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// A number strictly between 0 and 1: the middle of one of 2⁵³ equal cells.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        unit_interval(self.bits())
    }

    /// A whole number from 0 to `below` − 1, each alike but for a bias under `below` ÷ 2⁶⁴; 0 if `below` is 0.
    #[inline]
    pub fn below(&mut self, below: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(below)) >> 64) as u64
    }

    /// Exponential with mean 1.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        minus_log(self.uniform())
    }
}

/// Random bits as a number strictly between 0 and 1.
#[inline]
pub(crate) fn unit_interval(bits: u64) -> f64 {
    const CELL: f64 = 1.0 / (1_u64 << 53) as f64;
    // The last cell's middle, 1 − 2⁻⁵⁴, would round to 1.
    // Processors turn signed numbers into floating-point ones in one step.
    (((bits >> 11) as i64 as f64 + 0.5) * CELL).min(1.0 - CELL)
}

/// SplitMix64's finaliser (Stafford's variant 13): a bijection that spreads every bit over all.
#[inline]
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl TryRng for Draws {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.bits() >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.bits())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        fill(bytes, || self.bits());
        Ok(())
    }
}

/// The draws of a stream, made when the first is asked for: where there may be nothing to draw, their key need not be worked
/// out.
#[derive(Clone, Debug)]
pub struct LateDraws {
    seed: Seed,
    stream: Stream,
    skipped: u8,
    draws: Option<Draws>,
}

impl LateDraws {
    /// The draws of `stream` after so many that are `skipped`.
    #[must_use]
    #[inline]
    pub const fn new(seed: Seed, stream: Stream, skipped: u8) -> Self {
        Self {
            seed,
            stream,
            skipped,
            draws: None,
        }
    }

    #[inline]
    fn bits(&mut self) -> u64 {
        let draws = self.draws.get_or_insert_with(|| {
            let mut draws = self.seed.draws(self.stream);
            (0..self.skipped).for_each(|_| {
                draws.bits();
            });
            draws
        });
        draws.bits()
    }
}

impl TryRng for LateDraws {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.bits() >> 32) as u32)
    }

    #[inline]
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.bits())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        fill(bytes, || self.bits());
        Ok(())
    }
}

/// Fills bytes with random bits, the lowest first.
fn fill(bytes: &mut [u8], mut bits: impl FnMut() -> u64) {
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&bits().to_le_bytes()[..chunk.len()]);
    }
}

/// The hop of the `index`-th call that `parent` makes. The page itself is hop 0; each hop has at most 15 calls, and
/// calls nest at most 7 deep, so that no two calls of a page share a hop.
#[must_use]
pub fn child_hop(parent: u32, index: u8) -> u32 {
    parent * 16 + u32::from(index) + 1
}

#[cfg(test)]
mod tests;
