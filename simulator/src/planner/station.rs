//! How long requests wait for a slot in a group of replicas: a short simulation of nothing else.
//!
//! Arrivals are Poisson, the time that a slot is held is drawn from a sample, and a replica is chosen as the gateway
//! does. Everything is in units of the mean time that a slot is held, so that one result serves for any.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use scenarios::{Balance, Draws, Stream};

use super::inverse::Inverse;

/// Ticks per mean time that a slot is held.
const TICKS: f64 = (1_u64 << 24) as f64;

/// A group of replicas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station {
    pub(super) replicas: u32,
    pub(super) slots: u32,
    pub(super) queue: u32,
    pub(super) balance: Balance,
    /// Whether all wait in one queue for the next free slot of any replica.
    pub(super) central: bool,
}

/// What those who come to a group find.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    /// How long those who get a slot wait for it, in mean times that a slot is held.
    pub(super) inverse: Inverse,
    /// The share that finds no room to wait.
    pub(super) shed: f64,
}

impl Waits {
    /// Nobody waits.
    pub(super) fn none() -> Self {
        Self {
            inverse: Inverse::zero(),
            shed: 0.0,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Replica {
    held: u32,
    /// When those who wait came.
    waiting: VecDeque<u64>,
}

impl Replica {
    fn in_flight(&self) -> usize {
        self.held as usize + self.waiting.len()
    }
}

struct Run<'a> {
    station: Station,
    /// How long slots are held, with mean 1.
    held: &'a [f32],
    replicas: Vec<Replica>,
    /// (when a slot becomes free, of which replica).
    busy: BinaryHeap<Reverse<(u64, u32)>>,
    luck: Draws,
    /// The replica chosen last, for round robin.
    last: u32,
    /// Replicas among which one is chosen.
    drawn: Vec<u32>,
}

/// What `arrivals` find at this utilisation when slots are held for times from the sample `held`, whose mean is 1; the
/// first tenth, who find it emptier than usual, do not count.
pub(super) fn waits(station: Station, utilisation: f64, held: &[f32], arrivals: u32) -> Waits {
    if held.is_empty() || utilisation <= 0.0 {
        return Waits::none();
    }
    // One queue for all is one replica with all slots.
    let station = if station.central {
        Station {
            replicas: 1,
            slots: station.slots.saturating_mul(station.replicas.max(1)),
            ..station
        }
    } else {
        station
    };
    let mut run = Run {
        station,
        held,
        replicas: vec![Replica::default(); station.replicas.max(1) as usize],
        busy: BinaryHeap::new(),
        // The same luck for all: neighbours in a table differ by their load alone.
        luck: Draws::new(0, Stream::Fault { fault: 0 }),
        last: 0,
        drawn: vec![],
    };
    let slots = f64::from(station.replicas.max(1)) * f64::from(station.slots);
    let between = TICKS / (utilisation * slots);
    let early = arrivals / 10;
    let (mut now, mut shed, mut zeros) = (0.0, 0_u32, 0);
    let mut waited = Vec::with_capacity(arrivals as usize / 2);
    for arrival in 0..arrivals {
        now += between * run.luck.exponential();
        let count = arrival >= early;
        run.leave_until(now as u64, |ticks| {
            if count {
                waited.push((ticks as f64 / TICKS) as f32);
            }
        });
        match run.come(now as u64) {
            Came::Begins if count => zeros += 1,
            Came::Shed if count => shed += 1,
            _ => {}
        }
    }
    waited.sort_unstable_by(f32::total_cmp);
    Waits {
        inverse: Inverse::of_sorted(zeros, &waited),
        shed: f64::from(shed) / f64::from((arrivals - early).max(1)),
    }
}

enum Came {
    Begins,
    Waits,
    Shed,
}

impl Run<'_> {
    /// All slots that become free until `now` are given to those who wait; tells how long each waited.
    fn leave_until(&mut self, now: u64, mut waited: impl FnMut(u64)) {
        while let Some(Reverse((at, place))) = self.busy.peek().copied()
            && at <= now
        {
            let replica = &mut self.replicas[place as usize];
            if let Some(came) = replica.waiting.pop_front() {
                waited(at - came);
                let until = at + self.draw();
                if let Some(mut first) = self.busy.peek_mut() {
                    *first = Reverse((until, place));
                }
            } else {
                replica.held -= 1;
                self.busy.pop();
            }
        }
    }

    fn come(&mut self, now: u64) -> Came {
        let place = self.choose();
        let replica = &mut self.replicas[place as usize];
        if replica.held < self.station.slots {
            replica.held += 1;
            let until = now + self.draw();
            self.busy.push(Reverse((until, place)));
            Came::Begins
        } else if replica.waiting.len() < self.station.queue as usize {
            replica.waiting.push_back(now);
            Came::Waits
        } else {
            Came::Shed
        }
    }

    fn draw(&mut self) -> u64 {
        let place = self.luck.below(self.held.len() as u64) as usize;
        (f64::from(self.held[place]) * TICKS) as u64
    }

    /// As `routing`'s pool does when all replicas are well.
    fn choose(&mut self) -> u32 {
        let count = self.replicas.len() as u32;
        if count == 1 {
            return 0;
        }
        match self.station.balance {
            Balance::PowerOfTwo => {
                let bits = self.luck.bits();
                let first = below(count, bits as u32);
                let second = below(count - 1, (bits >> 32) as u32);
                let second = second + u32::from(second >= first);
                self.less_busy(first, second)
            }
            Balance::RoundRobin => {
                self.last = (self.last + 1) % count;
                self.last
            }
            Balance::Random => below(count, self.luck.bits() as u32),
            Balance::LeastConnections => {
                let start = below(count, self.luck.bits() as u32);
                (0..count)
                    .map(|i| (start + i) % count)
                    .reduce(|a, b| self.less_busy(a, b))
                    .unwrap_or(start)
            }
            Balance::Choices(choices) => {
                // So many different ones (R. Floyd's algorithm).
                self.drawn.clear();
                for last in count.saturating_sub(choices)..count {
                    let place = below(last + 1, self.luck.bits() as u32);
                    let taken = self.drawn.contains(&place);
                    self.drawn.push(if taken { last } else { place });
                }
                let drawn = self.drawn.iter().copied();
                drawn.reduce(|a, b| self.less_busy(a, b)).unwrap_or(0)
            }
        }
    }

    fn less_busy(&self, a: u32, b: u32) -> u32 {
        let in_flight = |place: u32| self.replicas[place as usize].in_flight();
        if in_flight(b) < in_flight(a) { b } else { a }
    }
}

fn below(count: u32, bits: u32) -> u32 {
    ((u64::from(bits) * u64::from(count)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exponential() -> Vec<f32> {
        let mut luck = Draws::new(1, Stream::Fault { fault: 1 });
        let mut held: Vec<f32> = (0..65_536).map(|_| luck.exponential() as f32).collect();
        let mean = held.iter().sum::<f32>() / held.len() as f32;
        held.iter_mut().for_each(|h| *h /= mean);
        held
    }

    fn station(replicas: u32, slots: u32) -> Station {
        Station {
            replicas,
            slots,
            queue: u32::MAX,
            balance: Balance::PowerOfTwo,
            central: false,
        }
    }

    #[test]
    fn one_replica_is_the_queue_m_m_c() {
        // Mean waits of M/M/1 at 0.7 and M/M/2 at 0.8, in mean service times: ρ ÷ (1 − ρ), and C ÷ (2 · (1 − ρ)).
        for (slots, utilisation, mean, wait) in [(1, 0.7, 2.333, 0.7), (2, 0.8, 1.778, 0.711)] {
            let waits = waits(station(1, slots), utilisation, &exponential(), 400_000);
            let is = waits.inverse.moments().0;
            assert!((is / mean - 1.0_f64).abs() < 0.05, "{slots} slots: {is}");
            let share = waits.inverse.above(1e-6);
            assert!(
                (share / wait - 1.0_f64).abs() < 0.02,
                "{slots} slots: {share} wait"
            );
        }
    }

    #[test]
    fn two_choices_are_as_the_mean_field_says() {
        // Sojourn of the supermarket model at 0.9 with many replicas (Mitzenmacher 2001): Σ λ^(2^i − 1) over i ≥ 1 ÷ λ … the
        // mean number in system is Σ λ^(2^i − 1), hence the mean wait that sum ÷ λ − 1.
        let lambda: f64 = 0.9;
        let in_system: f64 = (1..12)
            .map(|i| libm::pow(lambda, f64::from((1_u32 << i) - 1)))
            .sum();
        let expected = in_system / lambda - 1.0;
        let is = waits(station(200, 1), lambda, &exponential(), 2_000_000)
            .inverse
            .moments()
            .0;
        assert!((is / expected - 1.0).abs() < 0.04, "{is}, not {expected}");
    }

    #[test]
    fn one_queue_for_two_replicas_is_one_for_their_slots() {
        let central = Station {
            central: true,
            ..station(2, 1)
        };
        // M/M/2 at 0.8 again.
        let is = waits(central, 0.8, &exponential(), 400_000)
            .inverse
            .moments()
            .0;
        assert!((is / 1.778 - 1.0).abs() < 0.05, "{is}");
    }

    #[test]
    fn a_short_queue_sheds_as_erlang_says() {
        // M/M/1/1: λ ÷ (1 + λ) find no room.
        let only = Station {
            queue: 0,
            ..station(1, 1)
        };
        let waits = waits(only, 0.8, &exponential(), 400_000);
        assert!(
            (waits.shed / (0.8 / 1.8) - 1.0).abs() < 0.01,
            "{}",
            waits.shed
        );
        assert!(waits.inverse.moments().0 < 1e-9);
    }
}
