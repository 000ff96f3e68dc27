//! Ctrl-C and the order to end.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::exit::Exit;

/// How far an order to stop has got.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Stop {
    /// Nobody asked.
    No,
    /// Asked once: drain, report, end.
    Drain(Signal),
    /// Asked again: end now, with what there is.
    Now(Signal),
}

/// Who asked.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// The order to end, or a terminal that went away.
    Terminate,
}

impl Stop {
    /// The exit code, if someone asked.
    pub(crate) fn exit(self) -> Option<Exit> {
        match self {
            Self::No => None,
            Self::Drain(Signal::Interrupt) | Self::Now(Signal::Interrupt) => {
                Some(Exit::Interrupted)
            }
            Self::Drain(Signal::Terminate) | Self::Now(Signal::Terminate) => Some(Exit::Terminated),
        }
    }
}

/// Listens for signals. Must be called inside a runtime.
pub(crate) fn listen() -> std::io::Result<watch::Receiver<Stop>> {
    let (sender, receiver) = watch::channel(Stop::No);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            let who = tokio::select! {
                _ = interrupt.recv() => Signal::Interrupt,
                _ = terminate.recv() => Signal::Terminate,
                _ = hangup.recv() => Signal::Terminate,
                () = sender.closed() => return,
            };
            sender.send_modify(|stop| {
                *stop = if *stop == Stop::No {
                    Stop::Drain(who)
                } else {
                    Stop::Now(who)
                };
            });
        }
    });
    Ok(receiver)
}
