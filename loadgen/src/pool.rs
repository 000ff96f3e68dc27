//! A bounded number of connections, and the queue of those who wait for one.

use std::collections::VecDeque;

use crate::http::Conn;

/// What a request gets that asks for a connection.
#[derive(Debug)]
pub(crate) enum Seat {
    /// A connection that is open.
    Kept(Conn),
    /// The right to open one.
    New,
    /// Nothing: it waits.
    Wait,
}

/// The connections of one worker. Whoever has a seat gives it back with [`Pool::release`].
#[derive(Debug)]
pub(crate) struct Pool<J> {
    /// Open connections nobody uses; the one used last is taken first, so that as few as possible stay warm.
    idle: Vec<Conn>,
    /// Seats taken, and idle connections.
    open: u32,
    most: u32,
    waiting: VecDeque<J>,
    /// The most seats since it was last asked.
    peak: u32,
}

impl<J> Pool<J> {
    pub(crate) fn new(most: u32) -> Self {
        Self {
            idle: Vec::new(),
            open: 0,
            most,
            waiting: VecDeque::new(),
            peak: 0,
        }
    }

    /// A seat for a new request. With [`Seat::Wait`] the caller queues it.
    pub(crate) fn seat(&mut self) -> Seat {
        while let Some(conn) = self.idle.pop() {
            if !conn.is_closed() {
                return Seat::Kept(conn);
            }
            self.open -= 1;
        }
        if self.open < self.most {
            self.open += 1;
            self.peak = self.peak.max(self.open);
            return Seat::New;
        }
        Seat::Wait
    }

    pub(crate) fn queue(&mut self, job: J) {
        self.waiting.push_back(job);
    }

    /// Gives a seat back with its connection, if that can be used again. If somebody waits, the seat goes on to them.
    pub(crate) fn release(&mut self, conn: Option<Conn>) -> Option<(J, Option<Conn>)> {
        if let Some(job) = self.waiting.pop_front() {
            return Some((job, conn));
        }
        match conn {
            Some(conn) => self.idle.push(conn),
            None => self.open -= 1,
        }
        None
    }

    /// The one who has waited longest.
    pub(crate) fn first(&self) -> Option<&J> {
        self.waiting.front()
    }

    /// The one who has waited longest gives up.
    pub(crate) fn give_up_first(&mut self) -> Option<J> {
        self.waiting.pop_front()
    }

    /// The most connections open at once since it was last asked. Those that the other side closed are let go.
    pub(crate) fn take_peak(&mut self) -> u32 {
        let peak = self.peak;
        let before = self.idle.len();
        self.idle.retain(|conn| !conn.is_closed());
        self.open -= (before - self.idle.len()) as u32;
        self.peak = self.open;
        peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_and_who_waited_first_is_first() {
        let mut pool = Pool::new(2);
        assert!(matches!(pool.seat(), Seat::New));
        assert!(matches!(pool.seat(), Seat::New));
        for job in 0..3 {
            assert!(matches!(pool.seat(), Seat::Wait));
            pool.queue(job);
        }
        assert_eq!(pool.first(), Some(&0));
        assert!(matches!(pool.release(None), Some((0, None))));
        assert_eq!(pool.give_up_first(), Some(1));
        assert!(matches!(pool.release(None), Some((2, None))));
        assert!(pool.release(None).is_none());
        assert!(pool.release(None).is_none());
        assert_eq!(pool.take_peak(), 2);
        assert_eq!(pool.take_peak(), 0);
        assert!(matches!(pool.seat(), Seat::New));
        assert_eq!(pool.take_peak(), 1);
    }
}
