//! A replica's slots and waiting room: who is in, and for how long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a request in a replica does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Doing {
    /// It waits for a slot.
    Queued,
    /// It holds a slot.
    Held,
    /// It holds a slot and works.
    Working,
    /// It holds a slot and waits.
    Waiting,
}

/// How many do what, and for how many seconds in all. Plain data: time is an argument.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    counts: [u32; 4],
    seconds: [f64; 4],
    last: Duration,
}

impl Ledger {
    fn advance(&mut self, now: Duration) {
        let span = now.saturating_sub(self.last).as_secs_f64();
        for (seconds, count) in self.seconds.iter_mut().zip(self.counts) {
            *seconds += span * f64::from(count);
        }
        self.last = self.last.max(now);
    }

    fn begin(&mut self, now: Duration, doing: Doing) {
        self.advance(now);
        self.counts[doing as usize] += 1;
    }

    fn end(&mut self, now: Duration, doing: Doing) {
        self.advance(now);
        let count = &mut self.counts[doing as usize];
        *count = count.saturating_sub(1);
    }

    /// How many do it.
    pub(super) fn count(&self, doing: Doing) -> u32 {
        self.counts[doing as usize]
    }

    /// For how many seconds in all it was done, each request for itself.
    pub(super) fn seconds(&self, doing: Doing) -> f64 {
        self.seconds[doing as usize]
    }
}

/// Slots and the waiting room before them. First come, first served.
#[derive(Debug)]
pub(super) struct Room {
    slots: Arc<Semaphore>,
    /// How many slots there are, those that are held included.
    count: u32,
    /// How many may wait; nothing: any number.
    queue: Option<u32>,
    since: Instant,
    ledger: Mutex<Ledger>,
}

/// The waiting room is full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Full;

/// A request does something until this is dropped.
#[derive(Debug)]
pub(super) struct Busy {
    room: Arc<Room>,
    doing: Doing,
}

/// A slot, until this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    // The order matters: the ledger must know that the slot is free before the next one takes it.
    _held: Busy,
    _permit: OwnedSemaphorePermit,
}

impl Room {
    /// A room with so many slots and so many places to wait; nothing: without limit. A semaphore counts to 2²⁹ − 1 at
    /// least, more requests than a process can hold.
    pub(super) fn new(slots: Option<u32>, queue: Option<u32>) -> Arc<Self> {
        const MOST: u32 = (1 << 29) - 1;
        let count = slots.map_or(MOST, |slots| slots.min(MOST));
        Arc::new(Self {
            slots: Arc::new(Semaphore::new(count as usize)),
            count,
            queue,
            since: Instant::now(),
            ledger: Mutex::default(),
        })
    }

    /// How many slots there are.
    pub(super) const fn slots(&self) -> u32 {
        self.count
    }

    /// Waits for a slot.
    ///
    /// # Errors
    /// At once, if too many wait already.
    pub(super) async fn enter(self: &Arc<Self>) -> Result<Slot, Full> {
        // A free slot is never taken past those who wait: freed slots go to them directly.
        let permit = match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        Ok(Slot {
            _held: self.begin(Doing::Held),
            _permit: permit,
        })
    }

    async fn wait(self: &Arc<Self>) -> Result<OwnedSemaphorePermit, Full> {
        let queued = self.lock().count(Doing::Queued);
        if self.queue.is_some_and(|most| queued >= most) {
            return Err(Full);
        }
        let queued = self.begin(Doing::Queued);
        let permit = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        drop(queued);
        Ok(permit)
    }

    /// Notes that a request does something, until the answer is dropped.
    pub(super) fn begin(self: &Arc<Self>, doing: Doing) -> Busy {
        let now = self.since.elapsed();
        self.lock().begin(now, doing);
        Busy {
            room: Arc::clone(self),
            doing,
        }
    }

    /// How things stand now.
    pub(super) fn ledger(&self) -> Ledger {
        let now = self.since.elapsed();
        let mut ledger = self.lock();
        ledger.advance(now);
        ledger.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        // No task panics while it holds the lock; if one did, a count might be off by one, no more.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let now = self.room.since.elapsed();
        self.room.lock().end(now, self.doing);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn seconds_add_up_over_all_who_do_it() {
        let mut ledger = Ledger::default();
        ledger.begin(ms(0), Doing::Held);
        ledger.begin(ms(100), Doing::Held);
        ledger.begin(ms(100), Doing::Queued);
        ledger.end(ms(300), Doing::Held);
        ledger.end(ms(400), Doing::Held);
        ledger.advance(ms(1000));
        assert!((ledger.seconds(Doing::Held) - 0.6).abs() < 1e-9);
        assert!((ledger.seconds(Doing::Queued) - 0.9).abs() < 1e-9);
        assert_eq!(ledger.count(Doing::Queued), 1);
    }

    #[test]
    fn an_instant_that_goes_back_adds_nothing() {
        let mut ledger = Ledger::default();
        ledger.begin(ms(500), Doing::Working);
        ledger.advance(ms(400));
        ledger.end(ms(600), Doing::Working);
        ledger.end(ms(600), Doing::Working);
        assert!((ledger.seconds(Doing::Working) - 0.1).abs() < 1e-9);
        assert_eq!(
            ledger.count(Doing::Working),
            0,
            "an end too many is no debt"
        );
    }

    #[tokio::test]
    async fn those_who_wait_are_served_in_their_order_and_one_too_many_is_turned_away() {
        let room = Room::new(Some(1), Some(2));
        let first = room.enter().await.unwrap();
        let (order, mut came) = tokio::sync::mpsc::unbounded_channel();
        for name in ["second", "third"] {
            let (room, order) = (Arc::clone(&room), order.clone());
            tokio::spawn(async move {
                let slot = room.enter().await.unwrap();
                order.send(name).unwrap();
                drop(slot);
            });
            tokio::task::yield_now().await;
        }
        assert_eq!(room.enter().await.unwrap_err(), Full);
        assert_eq!(room.ledger().count(Doing::Queued), 2);
        drop(first);
        assert_eq!(came.recv().await, Some("second"));
        assert_eq!(came.recv().await, Some("third"));
        assert_eq!(room.ledger().count(Doing::Held), 0);
        room.enter().await.unwrap();
    }

    #[tokio::test]
    async fn one_who_stops_waiting_leaves_the_room() {
        let room = Room::new(Some(1), Some(1));
        let slot = room.enter().await.unwrap();
        let waits = tokio::spawn({
            let room = Arc::clone(&room);
            async move { room.enter().await.map(drop) }
        });
        tokio::task::yield_now().await;
        waits.abort();
        assert!(waits.await.unwrap_err().is_cancelled());
        assert_eq!(room.ledger().count(Doing::Queued), 0);
        drop(slot);
        room.enter().await.unwrap();
    }
}
