//! Processor sharing with contention.
//!
//! All who work share the replica's cores evenly, none faster than one core, and the total falls with their number as the
//! Universal Scalability Law says (`scenarios::Contention`). Instead of everyone's rest, one clock is kept: the *virtual
//! time*, the work that anyone who had been there from the beginning would have got so far. It runs at the rate of one
//! of those who work; whoever comes at virtual time v with work w is done at v + w, whatever happens meanwhile.
//! (S. F. Yashkov, *Processor-sharing queues: some progress in analysis*, 1987.)

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use scenarios::Contention;

use crate::calendar::Token;

/// Work that is done to less than this many nanoseconds is done.
const DONE: f64 = 0.5;

/// Those who share one replica's processor.
#[derive(Debug)]
pub(crate) struct Sharing {
    cores: f64,
    contention: Contention,
    /// How many work.
    working: u32,
    /// The virtual time at `since`, in nanoseconds of work.
    clock: f64,
    since: u64,
    /// Nanoseconds of work that each gets per nanosecond.
    rate: f64,
    /// Whether the replica stands still.
    frozen: bool,
    /// CPU time used so far, contention included: everyone who works keeps a core busy, as far as there are cores.
    cpu: f64,
    /// When each is done in virtual time (non-negative, so that the bits of the numbers are ordered like the numbers), with
    /// the order number that its request waits for.
    done: BinaryHeap<Reverse<(u64, Token, u32)>>,
    /// The next event that was scheduled, and its instant.
    pub(crate) event: (Token, u64),
}

impl Sharing {
    pub(crate) fn new(cores: f64, contention: Contention, now: u64) -> Self {
        Self {
            cores,
            contention,
            working: 0,
            clock: 0.0,
            since: now,
            rate: 0.0,
            frozen: false,
            cpu: 0.0,
            done: BinaryHeap::new(),
            event: (0, u64::MAX),
        }
    }

    /// Goes on to `now`.
    #[inline]
    pub(crate) fn advance(&mut self, now: u64) {
        let span = (now - self.since) as i64 as f64;
        self.since = now;
        self.clock += span * self.rate;
        if !self.frozen {
            self.cpu += span * f64::from(self.working).min(self.cores);
        }
    }

    /// CPU time used until the last [`Sharing::advance`], in nanoseconds.
    pub(crate) const fn cpu(&self) -> f64 {
        self.cpu
    }

    /// Someone begins to work.
    pub(crate) fn add(&mut self, now: u64, work: u64, token: Token, span: u32) {
        self.advance(now);
        let done = self.clock + work as i64 as f64;
        self.done.push(Reverse((done.to_bits(), token, span)));
        self.working += 1;
        self.set_rate();
    }

    /// Someone stops: done, or gone before.
    pub(crate) fn remove(&mut self, now: u64) {
        self.advance(now);
        self.working -= 1;
        if self.working == 0 {
            self.clock = 0.0;
            self.done.clear();
        }
        self.set_rate();
    }

    /// The replica stands still, or goes on.
    pub(crate) fn freeze(&mut self, now: u64, frozen: bool) {
        self.advance(now);
        self.frozen = frozen;
        self.set_rate();
    }

    fn set_rate(&mut self) {
        let working = self.working;
        self.rate = if working == 0 || self.frozen {
            0.0
        } else {
            self.contention.total_rate(working, self.cores) / f64::from(working)
        };
    }

    /// Who is done first, and how many nanoseconds from the last [`Sharing::advance`] if nobody comes or goes. `works` says
    /// whether someone still works.
    #[inline]
    pub(crate) fn first(&mut self, works: impl Fn(u32, Token) -> bool) -> Option<(u32, u64)> {
        while let Some(Reverse((done, token, span))) = self.done.peek().copied() {
            if !works(span, token) {
                self.done.pop();
                continue;
            }
            let left = f64::from_bits(done) - self.clock;
            if left < DONE {
                return Some((span, 0));
            }
            if self.rate <= 0.0 {
                return None;
            }
            return Some((span, whole_above(left / self.rate)));
        }
        None
    }

    /// Takes out who is done first.
    pub(crate) fn pop(&mut self) {
        self.done.pop();
    }
}

/// The least whole number that is not below a number of at least 0. Without the instruction for it, `f64::ceil` is a call.
#[inline]
fn whole_above(number: f64) -> u64 {
    let below = number as i64;
    below as u64 + u64::from((below as f64) < number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(sharing: &mut Sharing) -> Option<(u32, u64)> {
        sharing.first(|_, _| true)
    }

    #[test]
    fn two_share_one_core_and_whoever_is_alone_has_it_all() {
        let mut sharing = Sharing::new(1.0, Contention::default(), 0);
        sharing.add(0, 1000, 1, 7);
        assert_eq!(first(&mut sharing), Some((7, 1000)));
        sharing.add(400, 300, 2, 8);
        assert_eq!(first(&mut sharing), Some((8, 600)), "300 at half the rate");
        sharing.advance(1000);
        assert_eq!(first(&mut sharing), Some((8, 0)));
        sharing.pop();
        sharing.remove(1000);
        assert_eq!(first(&mut sharing), Some((7, 300)));
        sharing.advance(1300);
        assert!((sharing.cpu() - 1300.0).abs() < 1e-9);
    }

    #[test]
    fn nobody_is_faster_than_a_core_and_contention_slows_all() {
        let contention = Contention {
            alpha: 0.5,
            beta: 0.0,
        };
        let mut sharing = Sharing::new(4.0, contention, 0);
        sharing.add(0, 1000, 1, 1);
        assert_eq!(first(&mut sharing), Some((1, 1000)));
        sharing.add(0, 1000, 2, 2);
        // Two of four cores, at 2 ÷ 1.5 of one core's rate together.
        assert_eq!(first(&mut sharing), Some((1, 1500)));
        sharing.advance(1500);
        assert!((sharing.cpu() - 3000.0).abs() < 1e-9, "contention is work");
    }

    #[test]
    fn who_stands_still_gets_nothing_done() {
        let mut sharing = Sharing::new(1.0, Contention::default(), 0);
        sharing.add(0, 1000, 1, 1);
        sharing.freeze(200, true);
        assert_eq!(first(&mut sharing), None);
        sharing.freeze(5200, false);
        assert_eq!(first(&mut sharing), Some((1, 800)));
        assert!((sharing.cpu() - 200.0).abs() < 1e-9);
    }
}
