//! The wall clock of a process: read once at its start, then counted on, so that it never jumps.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use metrics::Timestamp;

/// A clock that never goes back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Timestamp,
    since: Instant,
}

impl Clock {
    /// Reads the wall clock, once.
    #[must_use]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            wall: Timestamp::EPOCH + since_epoch,
            since: Instant::now(),
        }
    }

    /// The wall clock at the start plus what has elapsed since.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.wall + self.since.elapsed()
    }
}
