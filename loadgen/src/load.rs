//! A checked run, and running it.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::crowd::{self, Prepared};
use crate::http::Wire;
use crate::report::Report;
use crate::stop::StopOnDrop;
use crate::tally::{Pages, Piece};
use crate::worker::{self, Orders};
use crate::{Emission, Inside, LoadError, Outcome, Plan, Stop, preflight};

/// A run that was checked and may begin.
#[derive(Debug)]
pub struct Load {
    plan: Arc<Plan>,
    wire: Wire,
    prepared: Prepared,
}

impl Load {
    /// Checks what can be checked before anything is sent: that the target can be reached and may be loaded, and that
    /// there are enough file descriptors. Takes less than five seconds.
    ///
    /// # Errors
    /// What is wrong, in a line for people.
    pub async fn prepare(plan: Plan) -> Result<Self, LoadError> {
        let address = preflight::check(&plan).await?;
        Ok(Self {
            wire: Wire::new(&plan.target, address),
            plan: Arc::new(plan),
            prepared: Prepared::new(),
        })
    }

    /// Lets the shoppers who are inside at the start do what they did before it, such as log in and fill a cart, so that
    /// their first page finds what it needs. In no count; takes at most `patience`. Without it they come as if out of
    /// nowhere, which a target without state does not mind.
    ///
    /// # Errors
    /// If the thread for it cannot be started. What the target does is no error: see [`Inside`].
    pub async fn prepare_inside(&mut self, patience: Duration) -> Result<Inside, LoadError> {
        let (prepared, inside) = crowd::prepare(&self.plan, &self.wire, patience).await?;
        self.prepared = prepared;
        Ok(inside)
    }

    /// Runs it: `begin` is the instant of the scenario's time 0, best a moment ahead. Tells what happens once a second.
    /// Returns after the scenario's end and the drain, or earlier when it was asked to `stop`; dropping the future stops
    /// it at once.
    ///
    /// # Errors
    /// If a worker cannot be started, or breaks. Whatever the target does is no error, but counted.
    pub async fn run(
        self,
        begin: Instant,
        stop: &Stop,
        mut emit: impl FnMut(Emission),
    ) -> Result<Outcome, LoadError> {
        let pages = Arc::new(Pages::new(&self.plan));
        let prepared = Arc::new(self.prepared);
        let mut report = Report::new(self.plan.grid, self.plan.workers);
        let (pieces, mut told) = mpsc::unbounded_channel();
        let guard = StopOnDrop::new(stop);
        let mut threads = Vec::new();
        for number in 0..self.plan.workers {
            let orders = Orders {
                plan: Arc::clone(&self.plan),
                wire: self.wire.clone(),
                pages: Arc::clone(&pages),
                prepared: Arc::clone(&prepared),
                number,
                begin,
            };
            threads.push(start(orders, stop, pieces.clone())?);
        }
        drop(pieces);
        while let Some(piece) = told.recv().await {
            report.add(piece, &mut emit);
        }
        for thread in threads {
            join(thread)?;
        }
        guard.disarm();
        Ok(report.finish(&mut emit))
    }
}

fn start(
    orders: Orders,
    stop: &Stop,
    pieces: mpsc::UnboundedSender<Piece>,
) -> Result<JoinHandle<io::Result<()>>, LoadError> {
    let stop = stop.clone();
    std::thread::Builder::new()
        .name(format!("load-{}", orders.number))
        .spawn(move || {
            let guard = StopOnDrop::new(&stop);
            worker::run(orders, &stop, pieces)?;
            guard.disarm();
            Ok(())
        })
        .map_err(LoadError::Start)
}

fn join(thread: JoinHandle<io::Result<()>>) -> Result<(), LoadError> {
    match thread.join() {
        Ok(ended) => ended.map_err(LoadError::Start),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(LoadError::Broken(text.unwrap_or("no reason given").into()))
        }
    }
}
