//! How much of its core a worker uses.

use std::time::{Duration, Instant};

/// Of a shorter time a share says nothing.
const SHORTEST: Duration = Duration::from_millis(100);

/// The CPU time of this thread.
#[derive(Debug)]
pub(super) struct CpuClock {
    last: (Option<Duration>, Instant),
}

impl CpuClock {
    pub(super) fn new() -> Self {
        Self {
            last: (thread_time(), Instant::now()),
        }
    }

    /// CPU time and wall time since it last answered; nothing if that is less than 100 ms ago.
    pub(super) fn since_last(&mut self) -> Option<(Duration, Duration)> {
        let now = (thread_time(), Instant::now());
        if now.1 - self.last.1 < SHORTEST {
            return None;
        }
        let last = std::mem::replace(&mut self.last, now);
        let busy = now.0?.saturating_sub(last.0?);
        Some((busy, now.1 - last.1))
    }
}

#[cfg(target_os = "linux")]
fn thread_time() -> Option<Duration> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(Duration::new(
        u64::try_from(now.tv_sec).ok()?,
        u32::try_from(now.tv_nsec).ok()?,
    ))
}

#[cfg(not(target_os = "linux"))]
fn thread_time() -> Option<Duration> {
    None
}
