//! One replica: who is in it, what it has counted, what is wrong with it.

use metrics::Timestamp;
use routing::ReplicaKey;
use scaler::Counters;

use crate::calendar::Token;
use crate::model::{NONE, Room};
use crate::sharing::Sharing;

/// Where a replica is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Life {
    /// It waits for a node.
    Pending,
    /// It does not take requests yet.
    Starting,
    /// It takes requests.
    Ready,
    /// It finishes what it has.
    Draining,
    /// It ended without a word; the gateway may still try it.
    Dead,
    /// It is gone; its number is free.
    Gone,
}

/// All that is wrong with one replica at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ailment {
    /// How many times longer work takes.
    pub(crate) work: f64,
    /// How many times longer waits take.
    pub(crate) wait: f64,
    /// The share of answers that are 500, 0 to 1.
    pub(crate) fail: f64,
    /// Whether nothing is answered.
    pub(crate) hang: bool,
    /// Whether it stands still: nothing goes on in it.
    pub(crate) freeze: bool,
}

impl Ailment {
    /// A healthy replica.
    pub(crate) const NONE: Self = Self {
        work: 1.0,
        wait: 1.0,
        fail: 0.0,
        hang: false,
        freeze: false,
    };

    /// Whether a health check sees it.
    pub(crate) fn is_seen(&self) -> bool {
        self.hang || self.freeze || self.fail >= 1.0
    }
}

/// Who is in a replica, and for how many nanoseconds in all: the integral of each number over time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ledger {
    /// Requests that hold a slot.
    pub(crate) held: u32,
    /// Of these, those that work.
    pub(crate) working: u32,
    /// Requests that wait for a slot.
    pub(crate) queued: u32,
    /// Whether those who work do so in vain, because the replica stands still.
    pub(crate) still: bool,
    last: u64,
    pub(crate) held_ns: u64,
    pub(crate) queued_ns: u64,
    pub(crate) work_ns: u64,
}

impl Ledger {
    /// Nobody is in, from `now` on.
    pub(crate) fn from(now: u64) -> Self {
        Self {
            last: now,
            ..Self::default()
        }
    }

    /// Counts the time until `now`.
    #[inline(always)]
    pub(crate) fn advance(&mut self, now: u64) {
        if now == self.last {
            return;
        }
        let span = now - self.last;
        self.last = now;
        self.held_ns += span * u64::from(self.held);
        self.queued_ns += span * u64::from(self.queued);
        let working = if self.still { 0 } else { self.working };
        self.work_ns += span * u64::from(working);
    }
}

/// One replica.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) service: u16,
    pub(crate) room: Room,
    /// Its number: the first ever of its service is 0, and none is used twice.
    pub(crate) ordinal: u32,
    pub(crate) life: Life,
    /// Its place in the gateway's list.
    pub(crate) key: ReplicaKey,
    pub(crate) ledger: Ledger,
    /// Those who wait for a slot, from the first to the last.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// Requests here, hung ones included, or on their way here.
    pub(crate) open: u32,
    /// Requests on their way to a slot that is kept for them.
    pub(crate) coming: u32,
    /// Those who share the processor, if it is shared.
    pub(crate) sharing: Option<Box<Sharing>>,
    /// The node it runs on.
    pub(crate) node: u32,
    /// Whether it is noted that a slot is free for someone who waits.
    pub(crate) noted: bool,
    pub(crate) ailment: Ailment,
    pub(crate) served: u64,
    pub(crate) failed: u64,
    pub(crate) shed: u64,
    pub(crate) slow: u64,
    /// When it was wanted.
    pub(crate) created: Timestamp,
    /// When it was started, if it was.
    pub(crate) started: Option<Timestamp>,
    /// The last change of whether it takes requests.
    pub(crate) since: Timestamp,
    /// When it became ready, in nanoseconds since the start.
    pub(crate) ready_at: u64,
    /// Until then it works more slowly.
    pub(crate) cold_until: u64,
    /// The deploy it is of.
    pub(crate) deploy: u32,
    /// The event that changes its life next.
    pub(crate) next_event: Token,
    /// Whether its health is asked about at the moment.
    pub(crate) checked: bool,
    /// What it had counted at the end of the last window (held, work), and when that was.
    pub(crate) told: (u64, u64, u64),
}

impl Replica {
    pub(crate) fn new(
        (service, room): (u16, Room),
        ordinal: u32,
        key: ReplicaKey,
        (now, instant): (u64, Timestamp),
    ) -> Self {
        Self {
            service,
            room,
            ordinal,
            life: Life::Pending,
            key,
            ledger: Ledger::from(now),
            first: NONE,
            last: NONE,
            open: 0,
            coming: 0,
            sharing: None,
            node: NONE,
            noted: false,
            ailment: Ailment::NONE,
            served: 0,
            failed: 0,
            shed: 0,
            slow: 0,
            created: instant,
            started: None,
            since: instant,
            ready_at: now,
            cold_until: 0,
            deploy: 0,
            next_event: 0,
            checked: false,
            told: (0, 0, now),
        }
    }

    /// Whether a request that comes gets a slot at once.
    #[inline]
    pub(crate) fn has_slot(&self) -> bool {
        self.ledger.held < self.room.slots && self.first == NONE
    }

    /// Counts the time until `now`.
    pub(crate) fn advance(&mut self, now: u64) {
        self.ledger.advance(now);
        if let Some(sharing) = &mut self.sharing {
            sharing.advance(now);
        }
    }

    /// Time in work until the last [`Replica::advance`], in nanoseconds.
    pub(crate) fn work_ns(&self) -> u64 {
        let shared = self.sharing.as_ref().map_or(0.0, |s| s.cpu());
        self.ledger.work_ns + shared as u64
    }

    /// Whether it neither leaves nor has left.
    pub(crate) fn stays(&self) -> bool {
        matches!(self.life, Life::Pending | Life::Starting | Life::Ready)
    }

    /// What a scrape would read.
    pub(crate) fn counters(&self) -> Counters {
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let (ledger, slots) = (&self.ledger, self.room.slots);
        Counters {
            slots: if slots == u32::MAX {
                0.0
            } else {
                f64::from(slots)
            },
            busy_seconds: seconds(ledger.held_ns),
            work_seconds: seconds(self.work_ns()),
            in_flight_seconds: seconds(ledger.held_ns + ledger.queued_ns),
            queued_seconds: seconds(ledger.queued_ns),
            overrun_seconds: 0.0,
            served: self.served as f64,
            failed: self.failed as f64,
            shed: self.shed as f64,
            slow: self.slow as f64,
            here: f64::from(ledger.held) + f64::from(ledger.queued),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_adds_up_everyones_time() {
        let mut ledger = Ledger::from(100);
        ledger.held = 2;
        ledger.working = 1;
        ledger.advance(150);
        ledger.queued = 3;
        ledger.advance(160);
        assert_eq!(
            (ledger.held_ns, ledger.work_ns, ledger.queued_ns),
            (120, 60, 30)
        );
    }
}
