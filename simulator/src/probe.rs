//! Something that watches a run closely: theory tests, calibration.

/// Watches a run. Every method does nothing unless it is written anew, and calls are resolved when the program is
/// compiled, so that [`NoProbe`] costs nothing.
///
/// `at` is nanoseconds since the start, `service` the service's place among the scenario's services in order of name,
/// `replica` the replica's ordinal.
#[expect(unused_variables, reason = "the names say what a probe is shown")]
pub trait Probe {
    /// A try reaches a replica, or the gateway's own queue: then `replica` is [`u32::MAX`].
    fn arrives(&mut self, at: u64, service: u16, replica: u32) {}
    /// A try gets its slot, after it has `waited` so many nanoseconds for it.
    fn begins(&mut self, at: u64, service: u16, replica: u32, waited: u64) {}
    /// A try leaves, so many nanoseconds after it arrived.
    fn leaves(&mut self, at: u64, service: u16, replica: u32, sojourn: u64, how: Left) {}
    /// A try of a page ended, `latency` nanoseconds after the page's first try was due. `attempt` counts from 0.
    fn page(&mut self, at: u64, journey: u16, page: u16, latency: u64, attempt: u32, how: PageEnd) {
    }
    /// A shopper waits before the same page is asked for again.
    fn waits_to_retry(&mut self, at: u64, from_now: u64) {}
    /// A service's numbers have changed.
    fn replicas(&mut self, at: u64, service: u16, ready: u32, starting: u32) {}
}

/// How a try leaves a replica.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Left {
    /// Answered well.
    Served,
    /// Answered badly.
    Failed,
    /// Turned away: there was no room.
    Shed,
    /// It had no more patience to wait for a slot.
    Abandoned,
    /// Its time limit was over, or its asker was gone.
    TimedOut,
    /// Its replica ended.
    Killed,
}

/// How a try of a page ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PageEnd {
    /// Answered well.
    Served,
    /// Answered badly.
    Failed,
    /// Turned away.
    Shed,
    /// Not answered in time.
    TimedOut,
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProbe;

impl Probe for NoProbe {}
