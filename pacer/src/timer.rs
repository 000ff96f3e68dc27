//! One `timerfd` for all who wait, set to the earliest of their instants.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::AbortHandle;

/// How long before an instant turning round begins: above the lateness of a `timerfd` in 90 of 100 cases.
const SPIN: Duration = Duration::from_micros(60);

/// What happens in the last microseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AtTheEnd {
    /// The timer is trusted.
    Sleep,
    /// Turning round, giving others their turn.
    Spin,
}

#[derive(Clone, Debug)]
pub(crate) struct FdTimer {
    shared: Arc<Shared>,
    _driver: Arc<Driver>,
}

/// Ends the task that wakes the waiters.
#[derive(Debug)]
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Debug)]
struct Shared {
    fd: AsyncFd<OwnedFd>,
    epoch: Epoch,
    at_the_end: AtTheEnd,
    waiters: Mutex<Waiters>,
}

/// Who waits, in the order of time; the number tells those of one instant apart.
#[derive(Debug, Default)]
struct Waiters {
    by_instant: BTreeMap<(Instant, u64), Waker>,
    last: u64,
    due: Vec<Waker>,
}

/// The same moment on the standard library's clock and on the kernel's, which are one clock but do not say so.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    instant: Instant,
    monotonic: Duration,
}

impl Epoch {
    /// Reads both clocks a few times and keeps the pair read fastest, lest a preemption in between becomes a constant
    /// lateness.
    fn new() -> Self {
        let read = || {
            let instant = Instant::now();
            let now = clock_gettime(ClockId::Monotonic);
            let took = instant.elapsed();
            let monotonic = Duration::new(now.tv_sec as u64, now.tv_nsec as u32);
            (took, Self { instant, monotonic })
        };
        (0..8)
            .map(|_| read())
            .min_by_key(|(took, _)| *took)
            .map(|(_, epoch)| epoch)
            .expect("there are eight of them")
    }

    /// `at` on the kernel's clock. Never zero, which would stop the timer.
    fn timespec(self, at: Instant) -> Timespec {
        let since = at
            .checked_duration_since(self.instant)
            .map_or(Duration::from_nanos(1), |ahead| self.monotonic + ahead);
        Timespec {
            tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(since.subsec_nanos()),
        }
    }
}

impl FdTimer {
    pub(crate) fn new(at_the_end: AtTheEnd) -> io::Result<Self> {
        let fd = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        let shared = Arc::new(Shared {
            fd: register(fd)?,
            epoch: Epoch::new(),
            at_the_end,
            waiters: Mutex::default(),
        });
        let driver = tokio::spawn(drive(Arc::clone(&shared)));
        Ok(Self {
            shared,
            _driver: Arc::new(Driver(driver.abort_handle())),
        })
    }

    pub(crate) fn until(&self, at: Instant) -> Until<'_> {
        Until {
            shared: &self.shared,
            at,
            number: None,
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is `unsafe`, which is forbidden here; what made it so, a type whose descriptor changes or \
              closes under tokio, `OwnedFd` rules out"
)]
fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}

/// Wakes waiters whenever the timer fires, for ever.
async fn drive(shared: Arc<Shared>) {
    loop {
        match shared.fd.readable().await {
            // Not read: setting the timer anew takes the reading back, and only its next firing is told of again.
            Ok(mut guard) => guard.clear_ready(),
            // The runtime is shutting down.
            Err(_) => return,
        }
        while let Some(next) = shared.wake_due() {
            if shared.at_the_end == AtTheEnd::Sleep || next > Instant::now() + SPIN {
                shared.set(next);
                break;
            }
            tokio::task::yield_now().await;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the timer for a waiter of `at`.
    fn set(&self, at: Instant) {
        let fire = match self.at_the_end {
            AtTheEnd::Sleep => at,
            AtTheEnd::Spin => at.checked_sub(SPIN).unwrap_or(at),
        };
        let timer = Itimerspec {
            it_interval: Timespec::default(),
            it_value: self.epoch.timespec(fire),
        };
        timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &timer)
            .expect("the file descriptor is a timer's and the time is valid");
    }

    /// Wakes all whose instant has come; the earliest of the others.
    fn wake_due(&self) -> Option<Instant> {
        let mut waiters = self.lock();
        let mut due = std::mem::take(&mut waiters.due);
        let now = Instant::now();
        while let Some(first) = waiters.by_instant.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove());
        }
        let next = waiters.by_instant.first_key_value().map(|(key, _)| key.0);
        drop(waiters);
        for waker in due.drain(..) {
            waker.wake();
        }
        self.lock().due = due;
        next
    }
}

/// One who waits.
#[derive(Debug)]
pub(crate) struct Until<'a> {
    shared: &'a Shared,
    at: Instant,
    number: Option<u64>,
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        let mut waiters = self.shared.lock();
        let number = match self.number {
            Some(number) => number,
            None => {
                waiters.last += 1;
                waiters.last
            }
        };
        self.number = Some(number);
        let key = (self.at, number);
        match waiters.by_instant.get_mut(&key) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => {
                waiters.by_instant.insert(key, cx.waker().clone());
                let is_first = waiters
                    .by_instant
                    .first_key_value()
                    .is_some_and(|(first, _)| *first == key);
                if is_first {
                    self.shared.set(self.at);
                }
            }
        }
        Poll::Pending
    }
}

impl Drop for Until<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.shared.lock().by_instant.remove(&(self.at, number));
        }
    }
}
