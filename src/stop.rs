//! Ctrl-C and the order to end.

use std::sync::Arc;

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

/// The order to stop, for work that waits for nothing and looks now and then.
#[derive(Clone, Debug)]
pub(crate) struct Halt {
    stop: watch::Receiver<Stop>,
    /// As long as someone holds it, the second order ends the program.
    _in_force: Arc<()>,
}

impl Halt {
    /// Listens for signals on a thread of its own. The first is only noted; the second ends the program at once.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let receiver = runtime.block_on(async { listen() })?;
        let mut second = receiver.clone();
        let held = Arc::new(());
        let in_force = Arc::downgrade(&held);
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                runtime.block_on(async {
                    let now = second.wait_for(|stop| matches!(stop, Stop::Now(_))).await;
                    if let Some(exit) = now.ok().and_then(|stop| stop.exit())
                        && in_force.strong_count() > 0
                    {
                        std::process::exit(exit as i32);
                    }
                });
            })?;
        Ok(Self {
            stop: receiver,
            _in_force: held,
        })
    }

    /// How far an order to stop has got.
    pub(crate) fn stop(&self) -> Stop {
        *self.stop.borrow()
    }

    /// Whether someone asked.
    pub(crate) fn is_asked(&self) -> bool {
        self.stop() != Stop::No
    }
}
