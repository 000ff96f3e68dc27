//! How things stand in each service during one step of time, and how long its operations hold a slot because of it.

use super::inverse::Inverse;
use super::shop::{Shop, Step};
use super::tables::HIGHEST;

/// One service during a step.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// Replicas that answer.
    pub(super) ready: u32,
    /// How many times longer work and waits take than they should.
    pub(super) slower: (f64, f64),
    /// How many times longer work takes because others share the processor.
    pub(super) stretch: f64,
    /// The share of answers that are failures.
    pub(super) fail: f64,
    /// Slots needed ÷ slots there are; may be above 1.
    pub(super) utilisation: f64,
    /// The mean time that a slot is held, in seconds.
    pub(super) held: f64,
    /// The wait for a slot without a backlog, in mean times that a slot is held.
    pub(super) waits: Inverse,
    /// The wait behind a backlog, in seconds.
    pub(super) behind: f64,
    /// The share of requests that find no room.
    pub(super) shed: f64,
    /// Mean and variance of the whole wait, in seconds.
    pub(super) wait: (f64, f64),
    /// Requests that are answered ÷ those that come; above 1 while a backlog is worked off.
    pub(super) answered: f64,
    /// Requests that wait because more came than could be answered.
    pub(super) backlog: f64,
    /// Of those answered, the share whose own time was above the service's limit.
    pub(super) slow: f64,
}

/// Mean and variance of a time in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Moments {
    pub(super) mean: f64,
    pub(super) variance: f64,
}

impl Moments {
    fn add(&mut self, mean: f64, variance: f64) {
        self.mean += mean;
        self.variance += variance;
    }
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            ready: 0,
            slower: (1.0, 1.0),
            stretch: 1.0,
            fail: 0.0,
            utilisation: 0.0,
            held: 0.0,
            waits: Inverse::zero(),
            behind: 0.0,
            shed: 0.0,
            wait: (0.0, 0.0),
            answered: 1.0,
            backlog: 0.0,
            slow: 0.0,
        }
    }
}

impl State {
    /// Lets `count` requests come where `room` can be answered, during a step of so many seconds. What comes beyond that
    /// waits, up to `longest`; what comes even beyond that finds no room.
    pub(super) fn stand(&mut self, count: f64, room: f64, seconds: f64, longest: f64) {
        let before = self.backlog;
        let there = before + count;
        self.utilisation = if room > 0.0 { there / room } else { 0.0 };
        if self.ready == 0 {
            self.backlog = 0.0;
            self.shed = if count > 0.0 { 1.0 } else { 0.0 };
            self.behind = 0.0;
            self.answered = 0.0;
            return;
        }
        let left = (there - room).max(0.0);
        self.backlog = left.min(longest);
        let lost = left - self.backlog;
        self.answered = if count > 0.0 {
            there.min(room) / count
        } else {
            1.0
        };
        self.shed = if count > 0.0 {
            (lost / count).min(1.0)
        } else {
            0.0
        };
        self.behind = (before + self.backlog) / 2.0 * seconds / room.max(1e-12);
    }

    /// Mean and variance of the whole wait, from its parts.
    pub(super) fn sum_up(&mut self) {
        let (mean, square) = self.waits.moments();
        let variance = (square - mean * mean).max(0.0);
        self.wait = (
            self.behind + mean * self.held,
            variance * self.held * self.held,
        );
    }

    /// Whether more came than the tables are for.
    pub(super) fn is_overloaded(&self) -> bool {
        self.utilisation > HIGHEST || self.backlog > 0.0 || self.shed > 0.5
    }
}

/// How long an operation holds its slot, and how much of that is work, as its service and those it calls stand.
pub(super) fn held(shop: &Shop, states: &[State], operation: usize) -> (Moments, Moments) {
    let meant = &shop.operations[operation];
    let (work_slower, wait_slower) = states[meant.service].slower;
    let stretch = states[meant.service].stretch;
    let (mut held, mut work) = (Moments::default(), Moments::default());
    for step in &meant.steps {
        match step {
            Step::Work(time) => {
                let mean = time.mean * work_slower;
                let variance = time.variance * work_slower * work_slower;
                held.add(mean * stretch, variance * stretch * stretch);
                work.add(mean, variance);
            }
            Step::Wait(time) => {
                held.add(
                    time.mean * wait_slower,
                    time.variance * wait_slower * wait_slower,
                );
            }
            Step::Calls(calls) => {
                let each = calls.clone().map(|call| sojourn(shop, states, call));
                let all = each.reduce(longer).unwrap_or_default();
                held.add(all.mean, all.variance);
            }
        }
    }
    (held, work)
}

/// How long a call takes, from the asker's point of view.
fn sojourn(shop: &Shop, states: &[State], call: usize) -> Moments {
    let call = shop.calls[call];
    let (mut all, _) = held(shop, states, call.operation);
    let (mean, variance) = states[call.service].wait;
    all.add(mean, variance);
    all.add(shop.overhead.mean, shop.overhead.variance);
    all.add(2.0 * shop.network.mean, 2.0 * shop.network.variance);
    // Who has waited for so long does not wait longer.
    all.mean = all.mean.min(call.limit);
    all
}

/// The longer of two times that do not depend on each other, as if they were normal (C. E. Clark, *The greatest of a
/// finite set of random variables*, Operations Research 9, 1961).
fn longer(a: Moments, b: Moments) -> Moments {
    let spread = (a.variance + b.variance).sqrt();
    if spread <= 0.0 {
        return Moments {
            mean: a.mean.max(b.mean),
            variance: 0.0,
        };
    }
    let z = (a.mean - b.mean) / spread;
    let below = |z: f64| libm::erfc(-z / std::f64::consts::SQRT_2) / 2.0;
    let density = libm::exp(-z * z / 2.0) / std::f64::consts::TAU.sqrt();
    let square = |m: Moments| m.mean * m.mean + m.variance;
    let mean = a.mean * below(z) + b.mean * below(-z) + spread * density;
    let mean_square =
        square(a) * below(z) + square(b) * below(-z) + (a.mean + b.mean) * spread * density;
    Moments {
        mean,
        variance: (mean_square - mean * mean).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_of_two_is_what_clark_says() {
        // Two standard normals: 1 ÷ √π, and a variance of 1 − 1 ÷ π.
        let normal = Moments {
            mean: 0.0,
            variance: 1.0,
        };
        let both = longer(normal, normal);
        assert!((both.mean - 0.564_189_58).abs() < 1e-6, "{both:?}");
        assert!((both.variance - 0.681_690_11).abs() < 1e-6, "{both:?}");
        let certain = |mean| Moments {
            mean,
            variance: 0.0,
        };
        assert_eq!(longer(certain(1.0), certain(2.0)), certain(2.0));
    }
}
