//! What happens next.
//!
//! Events are in one total order: by instant, and at equal instants in the order in which they were scheduled. An event
//! is one number, `instant << 72 | order << 32 | kind << 28 | subject`, so that comparing two events is comparing two
//! numbers.
//!
//! Events lie unsorted in buckets of 4.2 ms until their bucket's turn comes; then they are sorted, once. What is scheduled
//! into a bucket after that is in a binary heap, and what lies beyond the last bucket in another. So scheduling costs next
//! to nothing, and nothing grows with the number of those who wait for long, such as shoppers who think.
//! Messages that all take the same time come in the order in which they were sent, and have a queue of their own; so have
//! time limits, as far as each ends after the one before it.
//!
//! Whoever no longer waits for an event forgets its order number, and the event finds nobody. Only time limits, of which
//! hardly one is still waited for when it comes, are sorted out before: whenever there are twice as many as were left the
//! last time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A bucket spans 2^22 ns: so short that an event seldom comes into the one whose turn it is.
const SHIFT: u32 = 22;
/// How many buckets there are: 69 s.
const BUCKETS: usize = 16384;
const WORDS: usize = BUCKETS / 64;
/// The latest instant that an event can have: 2^56 ns are 834 days. The one after it is nobody's.
pub(crate) const LATEST: u64 = (1 << 56) - 2;
/// Fewer time limits than this are not worth sorting out.
const FEW_LIMITS: usize = 64;
/// The largest subject.
pub(crate) const MOST_SUBJECTS: usize = 1 << 28;

/// What happens to a subject.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A span's step ends.
    StepEnds,
    /// A replica that shares its processor finishes its next piece of work.
    WorkDone,
    /// A span's time limit is over.
    TimeOut,
    /// A span has been in the gateway long enough and goes on.
    Forward,
    /// A span's message reaches its replica.
    Reaches,
    /// A span's answer reaches the gateway.
    Answers,
    /// A span has no more patience to wait for a slot.
    Impatient,
    /// A shopper's next page is due.
    PageDue,
    /// A replica's start-up is over.
    Ready,
    /// A draining replica has had enough time.
    DrainLimit,
    /// A replica is asked whether it is well.
    HealthCheck,
    /// A dead replica is forgotten.
    Sweep,
    /// A node is there.
    NodeReady,
    /// A fault begins: twice its place; or ends: one more.
    Fault,
    /// A service is to start what it lacks.
    Reconcile,
    /// A beat: of windows, scrapes or decisions.
    Beat,
}

const KINDS: [Kind; 16] = [
    Kind::StepEnds,
    Kind::WorkDone,
    Kind::TimeOut,
    Kind::Forward,
    Kind::Reaches,
    Kind::Answers,
    Kind::Impatient,
    Kind::PageDue,
    Kind::Ready,
    Kind::DrainLimit,
    Kind::HealthCheck,
    Kind::Sweep,
    Kind::NodeReady,
    Kind::Fault,
    Kind::Reconcile,
    Kind::Beat,
];

/// The order number of a scheduled event: whoever waits for the event keeps it. 0 is no event's.
pub(crate) type Token = u64;

/// An event whose instant has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Due {
    pub(crate) at: u64,
    pub(crate) token: Token,
    pub(crate) kind: Kind,
    pub(crate) subject: u32,
}

impl Due {
    #[inline]
    const fn of(packed: u128) -> Self {
        let low = packed as u32;
        Self {
            at: instant_of(packed),
            token: (packed >> 32) as u64 & ((1 << 40) - 1),
            kind: KINDS[(low >> 28) as usize],
            subject: low & ((1 << 28) - 1),
        }
    }
}

/// When a packed event is.
#[inline]
const fn instant_of(packed: u128) -> u64 {
    (packed >> 72) as u64
}

/// All scheduled events.
#[derive(Debug)]
pub(crate) struct Calendar {
    /// What was there of the buckets before `turn` when their turn came, the last first.
    sorted: Vec<u128>,
    /// What was scheduled into them afterwards.
    fresh: BinaryHeap<Reverse<u128>>,
    /// The buckets from `turn` on, each at its number modulo [`BUCKETS`].
    buckets: Vec<Vec<u128>>,
    /// Memory for buckets that have none, last in, first out: few cache lines are in use when few buckets hold anything.
    spare: Vec<Vec<u128>>,
    /// Which of them hold anything, a bit each.
    filled: [u64; WORDS],
    /// The number of the first bucket that is not in `near` yet.
    turn: u64,
    /// What is beyond the last bucket.
    far: BinaryHeap<Reverse<u128>>,
    /// Messages that all take the same time.
    messages: VecDeque<u128>,
    /// Time limits, each later than the one before it.
    limits: VecDeque<u128>,
    last_limit: u64,
    /// How many of them are too many.
    many_limits: usize,
    /// The first of both queues.
    queued: u128,
    /// The first of all that is near or queued.
    first: u128,
    /// What is later never happens, and is not kept.
    end: u64,
    order: u64,
}

impl Calendar {
    /// Nothing is scheduled yet; the run ends at `end`.
    pub(crate) fn new(end: u64) -> Self {
        Self {
            sorted: Vec::new(),
            fresh: BinaryHeap::new(),
            buckets: vec![Vec::new(); BUCKETS],
            spare: vec![],
            filled: [0; WORDS],
            turn: 0,
            far: BinaryHeap::new(),
            messages: VecDeque::new(),
            limits: VecDeque::new(),
            last_limit: 0,
            many_limits: FEW_LIMITS,
            queued: u128::MAX,
            first: u128::MAX,
            end,
            order: 0,
        }
    }

    #[inline]
    fn pack(&mut self, at: u64, kind: Kind, subject: u32) -> u128 {
        self.order += 1;
        let low = (kind as u32) << 28 | subject;
        u128::from(at.min(LATEST)) << 72 | u128::from(self.order) << 32 | u128::from(low)
    }

    /// Schedules an event.
    #[inline(always)]
    pub(crate) fn schedule(&mut self, at: u64, kind: Kind, subject: u32) -> Token {
        let packed = self.pack(at, kind, subject);
        let bucket = at.min(LATEST) >> SHIFT;
        // What is before the turn wraps round, and is ahead of all buckets.
        if bucket.wrapping_sub(self.turn) >= BUCKETS as u64 {
            self.schedule_outside(at, packed);
            return self.order;
        }
        let place = bucket as usize % BUCKETS;
        let events = &mut self.buckets[place];
        if events.capacity() == 0 {
            *events = self.spare.pop().unwrap_or_default();
        }
        events.push(packed);
        self.filled[place / 64] |= 1 << (place % 64);
        self.order
    }

    /// Schedules an event that is in none of the buckets: near, or far.
    #[inline(never)]
    fn schedule_outside(&mut self, at: u64, packed: u128) {
        if at.min(LATEST) >> SHIFT < self.turn {
            self.fresh.push(Reverse(packed));
            self.first = self.first.min(packed);
        } else if at <= self.end {
            self.far.push(Reverse(packed));
        }
    }

    /// An order number for something that ends otherwise than by an event of its own.
    #[inline]
    pub(crate) fn token(&mut self) -> Token {
        self.order += 1;
        self.order
    }

    /// Schedules an event that is not earlier than the last one scheduled so.
    #[inline]
    pub(crate) fn send(&mut self, at: u64, kind: Kind, subject: u32) -> Token {
        let packed = self.pack(at, kind, subject);
        self.messages.push_back(packed);
        self.queue(packed);
        self.order
    }

    /// Schedules the end of a time limit.
    #[inline]
    pub(crate) fn limit(&mut self, at: u64, subject: u32) -> Token {
        if at < self.last_limit {
            return self.schedule(at, Kind::TimeOut, subject);
        }
        if at > self.end {
            return self.token();
        }
        let packed = self.pack(at, Kind::TimeOut, subject);
        self.last_limit = at;
        self.limits.push_back(packed);
        self.queue(packed);
        self.order
    }

    #[inline]
    fn queue(&mut self, packed: u128) {
        self.queued = self.queued.min(packed);
        self.first = self.first.min(packed);
    }

    /// Takes out the first of both queues.
    fn dequeue(&mut self) {
        if self.messages.front() == Some(&self.queued) {
            self.messages.pop_front();
        } else {
            self.limits.pop_front();
        }
        self.find_queued();
    }

    fn find_queued(&mut self) {
        let first = |queue: &VecDeque<u128>| queue.front().copied().unwrap_or(u128::MAX);
        self.queued = first(&self.messages).min(first(&self.limits));
    }

    /// Forgets the time limits that nobody waits for.
    #[cold]
    fn sort_out_limits(&mut self, waited_for: &impl Fn(u32, Token) -> bool) {
        self.limits.retain(|limit| {
            let due = Due::of(*limit);
            waited_for(due.subject, due.token)
        });
        self.many_limits = (2 * self.limits.len()).max(FEW_LIMITS);
        self.find_queued();
        self.find_first();
    }

    /// The next event, if it is not after `limit`. `waited_for` says whether anybody still waits for an event; it is
    /// asked only about time limits, and only to be rid of them early.
    #[inline]
    pub(crate) fn next(
        &mut self,
        limit: u64,
        waited_for: impl Fn(u32, Token) -> bool,
    ) -> Option<Due> {
        let limit = limit.min(LATEST);
        loop {
            if self.nothing_near() {
                if self.limits.len() >= self.many_limits {
                    self.sort_out_limits(&waited_for);
                }
                self.refill(limit.min(instant_of(self.queued)), &waited_for);
            }
            let first = self.first;
            if instant_of(first) > limit {
                return None;
            }
            self.take_out(first);
            let due = Due::of(first);
            if due.kind != Kind::TimeOut || waited_for(due.subject, due.token) {
                return Some(due);
            }
        }
    }

    /// Takes out the first of all.
    #[inline]
    fn take_out(&mut self, first: u128) {
        if self.sorted.last() == Some(&first) {
            self.sorted.pop();
        } else if first == self.queued {
            self.dequeue();
        } else {
            self.fresh.pop();
        }
        self.find_first();
    }

    #[inline]
    fn find_first(&mut self) {
        let sorted = self.sorted.last().copied().unwrap_or(u128::MAX);
        let fresh = self.fresh.peek().map_or(u128::MAX, |event| event.0);
        self.first = sorted.min(fresh).min(self.queued);
    }

    #[inline]
    fn nothing_near(&self) -> bool {
        self.sorted.is_empty() && self.fresh.is_empty()
    }

    /// Turns buckets until there is a near event, or the next bucket begins after `limit`.
    fn refill(&mut self, limit: u64, waited_for: &impl Fn(u32, Token) -> bool) {
        while self.nothing_near() && self.turn << SHIFT <= limit {
            let Some(bucket) = self.next_filled() else {
                return;
            };
            if bucket << SHIFT > limit {
                return;
            }
            self.turn = bucket + 1;
            let place = bucket as usize % BUCKETS;
            self.filled[place / 64] &= !(1 << (place % 64));
            let events = std::mem::take(&mut self.buckets[place]);
            self.spare.push(std::mem::replace(&mut self.sorted, events));
            self.sorted.retain(|event| {
                let due = Due::of(*event);
                due.kind != Kind::TimeOut || waited_for(due.subject, due.token)
            });
            while let Some(Reverse(event)) = self.far.peek().copied()
                && instant_of(event) >> SHIFT < self.turn
            {
                self.far.pop();
                self.sorted.push(event);
            }
            self.sorted.sort_unstable_by(|a, b| b.cmp(a));
            self.find_first();
        }
    }

    /// The number of the first bucket from `turn` on that holds anything, counting what is far.
    fn next_filled(&self) -> Option<u64> {
        let far = self.far.peek().map(|event| instant_of(event.0) >> SHIFT);
        let start = self.turn as usize % BUCKETS;
        let mut word = start / 64;
        let mut bits = self.filled[word] & (u64::MAX << (start % 64));
        for step in 0..=WORDS {
            if bits != 0 {
                let place = word * 64 + bits.trailing_zeros() as usize;
                let ahead = (place + BUCKETS - start) % BUCKETS;
                let bucket = self.turn + ahead as u64;
                return Some(far.map_or(bucket, |far| far.min(bucket)));
            }
            word = (word + 1) % WORDS;
            bits = self.filled[word];
            if step + 1 == WORDS {
                // Round again: what is left of the first word lies before the start.
                bits &= !(u64::MAX << (start % 64));
            }
        }
        far
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(calendar: &mut Calendar, until: u64) -> Vec<(u64, u32)> {
        std::iter::from_fn(|| calendar.next(until, |_, _| true))
            .map(|due| (due.at, due.subject))
            .collect()
    }

    #[test]
    fn equal_instants_keep_the_order_of_scheduling() {
        let mut calendar = Calendar::new(LATEST);
        for subject in 0..10 {
            calendar.schedule(1_000_000_000, Kind::StepEnds, subject);
        }
        let subjects: Vec<u32> = drain(&mut calendar, LATEST).iter().map(|d| d.1).collect();
        assert_eq!(subjects, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_comes_before_its_limit_and_nothing_is_lost() {
        let mut calendar = Calendar::new(LATEST);
        calendar.schedule(5_000_000_000_000, Kind::PageDue, 1);
        calendar.schedule(10, Kind::PageDue, 2);
        assert_eq!(drain(&mut calendar, 9), []);
        assert_eq!(drain(&mut calendar, 10), [(10, 2)]);
        assert_eq!(drain(&mut calendar, 4_999_999_999_999), []);
        calendar.schedule(6_000, Kind::PageDue, 3);
        assert_eq!(
            drain(&mut calendar, LATEST),
            [(6_000, 3), (5_000_000_000_000, 1)]
        );
    }

    #[test]
    fn what_would_come_after_the_end_is_not_kept() {
        let mut calendar = Calendar::new(100_000_000_000);
        calendar.schedule(100_000_000_001, Kind::TimeOut, 1);
        calendar.schedule(100_000_000_000, Kind::TimeOut, 2);
        assert_eq!(calendar.far.len(), 1);
        assert_eq!(drain(&mut calendar, LATEST), [(100_000_000_000, 2)]);
    }

    #[test]
    fn a_time_limit_that_nobody_waits_for_is_dropped_with_its_bucket() {
        let mut calendar = Calendar::new(LATEST);
        let token = calendar.schedule(1 << 30, Kind::TimeOut, 7);
        calendar.schedule(1 << 30, Kind::TimeOut, 8);
        let due = calendar.next(LATEST, |_, waited| waited == token).unwrap();
        assert_eq!((due.subject, due.token), (7, token));
        assert_eq!(calendar.next(LATEST, |_, _| true), None);
    }

    #[test]
    fn a_time_limit_that_ends_before_another_comes_before_it_and_one_after_the_end_never() {
        let mut calendar = Calendar::new(1 << 40);
        calendar.limit(1 << 35, 1);
        calendar.limit(1 << 34, 2);
        calendar.limit((1 << 40) + 1, 3);
        let token = calendar.limit(1 << 36, 4);
        assert_eq!(calendar.limits.len(), 2);
        let due: Vec<u32> =
            std::iter::from_fn(|| calendar.next(LATEST, |_, waited| waited != token))
                .map(|due| due.subject)
                .collect();
        assert_eq!(due, [2, 1]);
    }

    #[test]
    fn time_limits_that_nobody_waits_for_are_not_kept_and_the_others_come() {
        let mut calendar = Calendar::new(LATEST);
        let waited: Vec<Token> = (1..=10_000)
            .filter_map(|place| {
                let token = calendar.limit(1 << 40, 0);
                calendar.schedule(place << SHIFT, Kind::StepEnds, 0);
                let due = calendar.next(1 << 39, |_, token| token % 1000 == 1);
                assert_eq!(due.map(|due| due.at), Some(place << SHIFT));
                assert!(calendar.limits.len() <= FEW_LIMITS);
                (token % 1000 == 1).then_some(token)
            })
            .collect();
        let due = std::iter::from_fn(|| calendar.next(LATEST, |_, token| token % 1000 == 1));
        assert_eq!(due.map(|due| due.token).collect::<Vec<_>>(), waited);
    }

    proptest! {
        #[test]
        fn events_come_as_a_sorted_list_would_give_them(
            steps in prop::collection::vec((0_u64..200_000_000_000, 0_u64..40_000_000_000, 0_u8..3), 1..200),
        ) {
            let (mut calendar, mut now, mut number) = (Calendar::new(LATEST), 0, 0);
            let mut list: Vec<(u64, u32)> = vec![];
            for (ahead, pass, kind) in steps {
                if kind == 0 {
                    calendar.send(now + 250_000, Kind::Reaches, number);
                    list.push((now + 250_000, number));
                } else {
                    if kind == 1 {
                        calendar.schedule(now + ahead, Kind::StepEnds, number);
                    } else {
                        calendar.limit(now + ahead, number);
                    }
                    list.push((now + ahead, number));
                }
                number += 1;
                now += pass;
                list.sort_unstable();
                let due = list.iter().take_while(|(at, _)| *at <= now).count();
                let expected: Vec<_> = list.drain(..due).collect();
                prop_assert_eq!(drain(&mut calendar, now), expected);
            }
        }
    }
}
