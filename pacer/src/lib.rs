//! Waiting until an instant, to tens of microseconds.
//!
//! Tokio's own timer ticks in milliseconds, which is half of a fast page's time. On Linux a [`Pacer`] waits on one
//! `timerfd` instead, shared by all who wait on it: ten thousand waiters cost one file descriptor and one task.
//!
//! What it does not do: it follows the real monotonic clock only, not tokio's paused one; and a busy runtime is late
//! by as long as it is busy.

#[cfg(target_os = "linux")]
mod timer;

use std::io;
use std::time::Instant;

/// How much an early wake-up is worth.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// A `timerfd`: late by some tens of microseconds, for a few microseconds of CPU. Elsewhere than on Linux as
    /// [`Mode::Eco`].
    #[default]
    Balanced,
    /// As balanced until 60 µs before, then turning round until the instant: late by a few microseconds, for up to
    /// a core. Elsewhere than on Linux it turns round for up to a millisecond.
    Precise,
    /// Tokio's timer: late by about a millisecond, for next to nothing.
    Eco,
}

/// Lets any number of tasks wait until their instants. Clones share one timer.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use std::time::{Duration, Instant};
/// let pacer = pacer::Pacer::new(pacer::Mode::Balanced)?;
/// let at = Instant::now() + Duration::from_millis(5);
/// pacer.until(at).await;
/// assert!(Instant::now() >= at);
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Pacer {
    timer: Timer,
}

#[derive(Clone, Debug)]
enum Timer {
    #[cfg(target_os = "linux")]
    Fd(timer::FdTimer),
    #[cfg(not(target_os = "linux"))]
    SleepAndYield,
    Tokio,
}

impl Pacer {
    /// A pacer on the tokio runtime that this is called in, whose I/O and time must be enabled. It ends with its last
    /// clone.
    ///
    /// # Errors
    /// If the process has no file descriptor left.
    ///
    /// # Panics
    /// If called outside of a tokio runtime.
    pub fn new(mode: Mode) -> io::Result<Self> {
        let timer = match mode {
            Mode::Eco => Timer::Tokio,
            #[cfg(target_os = "linux")]
            Mode::Balanced => Timer::Fd(timer::FdTimer::new(timer::AtTheEnd::Sleep)?),
            #[cfg(target_os = "linux")]
            Mode::Precise => Timer::Fd(timer::FdTimer::new(timer::AtTheEnd::Spin)?),
            #[cfg(not(target_os = "linux"))]
            Mode::Balanced => Timer::Tokio,
            #[cfg(not(target_os = "linux"))]
            Mode::Precise => Timer::SleepAndYield,
        };
        Ok(Self { timer })
    }

    /// Waits until `at`; never returns before it. If that is past already, it returns at once, without giving others
    /// a turn. Dropping the future is the way to stop waiting.
    pub async fn until(&self, at: Instant) {
        match &self.timer {
            #[cfg(target_os = "linux")]
            Timer::Fd(timer) => timer.until(at).await,
            #[cfg(not(target_os = "linux"))]
            Timer::SleepAndYield => {
                let early = at - std::time::Duration::from_millis(1);
                tokio::time::sleep_until(early.into()).await;
                while Instant::now() < at {
                    tokio::task::yield_now().await;
                }
            }
            Timer::Tokio => {
                if Instant::now() < at {
                    tokio::time::sleep_until(at.into()).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
