//! Ending a run before its end.

use tokio::sync::watch;

/// How urgently a run is to end.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Urgency {
    /// It goes on.
    #[default]
    Run,
    /// Nothing new; what is open gets its time to drain.
    Drain,
    /// At once.
    Now,
}

/// Ends a run early. Clones end the same run.
#[derive(Clone, Debug)]
pub struct Stop {
    urgency: watch::Sender<Urgency>,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Nothing is to stop yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            urgency: watch::Sender::new(Urgency::Run),
        }
    }

    /// Asks to stop, as Ctrl-C does: the first time nothing new is sent and open requests get their time to drain; from
    /// the second time on it ends at once.
    pub fn ask(&self) {
        self.urgency.send_modify(|urgency| {
            *urgency = match urgency {
                Urgency::Run => Urgency::Drain,
                Urgency::Drain | Urgency::Now => Urgency::Now,
            };
        });
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.urgency.borrow() != Urgency::Run
    }

    /// Ends it at once.
    pub(crate) fn now(&self) {
        self.urgency.send_replace(Urgency::Now);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Urgency> {
        self.urgency.subscribe()
    }
}

/// Ends the run at once when dropped, unless it was disarmed: what somebody who may be dropped or panic holds.
#[derive(Debug)]
pub(crate) struct StopOnDrop(Option<Stop>);

impl StopOnDrop {
    pub(crate) fn new(stop: &Stop) -> Self {
        Self(Some(stop.clone()))
    }

    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(stop) = &self.0 {
            stop.now();
        }
    }
}
