//! One thread that walks the schedule, sends its part on time and counts what becomes of it.
//!
//! Shoppers who think are structs in a heap; only a request in flight is a task. Everything is on one thread, so that
//! nothing on the way of a request takes a lock.

mod clock;
mod walk;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::iter::Peekable;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pacer::Pacer;
use scenarios::{Arrivals, Crowd};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::LocalSet;

use crate::crowd::Prepared;
use crate::http::Wire;
use crate::pool::Pool;
use crate::stop::Urgency;
use crate::tally::{Ended, PageId, Pages, Piece, Tally};
use crate::{Plan, Stop};
use clock::CpuClock;
use walk::{Due, Job};

/// After so many requests others get a turn.
const AT_ONCE: u32 = 16;
/// How often the worker tells what it has counted.
const TELLING: Duration = Duration::from_secs(1);

/// What a worker is told.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    pub(crate) plan: Arc<Plan>,
    pub(crate) wire: Wire,
    pub(crate) pages: Arc<Pages>,
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) number: u32,
    pub(crate) begin: Instant,
}

/// One worker. Instants are since the start.
pub(super) struct Worker {
    orders: Orders,
    state: RefCell<State>,
    /// Rouses the schedule: something is due earlier than it thinks, or the last open request has ended.
    rouse: Notify,
    /// Until when the schedule sleeps.
    asleep_until: Cell<Duration>,
    /// Nothing that is due from then on is sent.
    end: Cell<Duration>,
}

/// What changes while it runs. Never borrowed across an `await`.
struct State {
    tally: Tally,
    pool: Pool<Job>,
    /// Shoppers who think.
    due: BinaryHeap<Due>,
    /// Pages that were offered and have not ended, with their intended instants.
    open: BTreeMap<u64, (PageId, Duration)>,
    pages_offered: u64,
    crowd: Crowd,
}

/// Runs a worker on this thread until the run is over.
pub(crate) fn run(
    orders: Orders,
    stop: &Stop,
    pieces: mpsc::UnboundedSender<Piece>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = LocalSet::new();
    let worker = Rc::new(Worker::new(orders));
    let schedule = Schedule::new(Rc::clone(&worker), pieces);
    runtime.block_on(local.run_until(async {
        let pacer = Pacer::new(worker.orders.plan.pacing)?;
        schedule.run(&pacer, stop.watch()).await;
        Ok(())
    }))
}

impl Worker {
    fn new(orders: Orders) -> Self {
        let scenario = &orders.plan.scenario;
        let state = State {
            tally: Tally::new(orders.plan.grid, scenario, &orders.pages),
            pool: Pool::new(orders.plan.connections),
            due: BinaryHeap::new(),
            open: BTreeMap::new(),
            pages_offered: 0,
            crowd: Crowd::new(Arc::clone(scenario)),
        };
        Self {
            state: RefCell::new(state),
            rouse: Notify::new(),
            asleep_until: Cell::new(Duration::MAX),
            end: Cell::new(scenario.duration),
            orders,
        }
    }

    /// Now, since the start; zero before it.
    fn now(&self) -> Duration {
        self.orders.begin.elapsed()
    }

    /// The instant of a time since the start.
    fn instant(&self, at: Duration) -> Instant {
        self.orders.begin + at
    }
}

/// The order in which a worker's requests are sent.
struct Schedule {
    worker: Rc<Worker>,
    arrivals: Peekable<Arrivals>,
    pieces: mpsc::UnboundedSender<Piece>,
    cpu: CpuClock,
    /// The second that is being counted.
    second: u64,
}

impl Schedule {
    fn new(worker: Rc<Worker>, pieces: mpsc::UnboundedSender<Piece>) -> Self {
        let plan = &worker.orders.plan;
        let scenario = Arc::clone(&plan.scenario);
        let arrivals = Arrivals::for_worker(scenario, worker.orders.number, plan.workers);
        Self {
            arrivals: arrivals.peekable(),
            cpu: CpuClock::new(),
            pieces,
            second: 0,
            worker,
        }
    }

    async fn run(mut self, pacer: &Pacer, mut stop: watch::Receiver<Urgency>) {
        // The first arrival may take a while to find: a trace has to be read up to it.
        let _ = self.arrivals.peek();
        tokio::select! {
            () = pacer.until(self.worker.orders.begin) => {}
            _ = stop.wait_for(|urgency| *urgency != Urgency::Run) => {}
        }
        self.cpu = CpuClock::new();
        self.send(pacer, &mut stop).await;
        self.worker.close(&mut self.arrivals);
        self.drain(pacer, &mut stop).await;
        self.worker.give_up();
        self.tell();
    }

    /// Sends what is due, until the end or until it is asked to stop.
    async fn send(&mut self, pacer: &Pacer, stop: &mut watch::Receiver<Urgency>) {
        let end = self.worker.end.get();
        loop {
            self.send_due(end).await;
            self.worker.expire();
            self.tell_seconds();
            if *stop.borrow() != Urgency::Run || self.worker.now() >= end {
                return;
            }
            let next = self.next_due().min(self.next_telling()).min(end);
            self.worker.asleep_until.set(next);
            tokio::select! {
                () = pacer.until(self.worker.instant(next)) => {}
                () = self.worker.rouse.notified() => {}
                _ = stop.changed() => {}
            }
            self.worker.asleep_until.set(Duration::ZERO);
        }
    }

    /// Waits for the open requests, but not for ever.
    async fn drain(&mut self, pacer: &Pacer, stop: &mut watch::Receiver<Urgency>) {
        let deadline = self.worker.now() + self.worker.orders.plan.drain;
        loop {
            self.worker.expire();
            self.tell_seconds();
            let is_done = self.worker.state.borrow().open.is_empty();
            if is_done || *stop.borrow() == Urgency::Now || self.worker.now() >= deadline {
                return;
            }
            let next = deadline
                .min(self.next_telling())
                .min(self.worker.next_expiry());
            tokio::select! {
                () = pacer.until(self.worker.instant(next)) => {}
                () = self.worker.rouse.notified() => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Sends all that is due by now, in the order of time.
    async fn send_due(&mut self, end: Duration) {
        let mut sent = 0;
        loop {
            let now = self.worker.now().min(end);
            let arrival = self.arrivals.peek().map(|arrival| arrival.at);
            let thinking = self.worker.state.borrow().due.peek().map(|due| due.at);
            match (arrival, thinking) {
                (Some(at), other) if at <= now && other.is_none_or(|other| at <= other) => {
                    let arrival = self.arrivals.next().expect("it was just seen");
                    self.worker.arrive(arrival);
                }
                (_, Some(at)) if at <= now => {
                    let due = self.worker.state.borrow_mut().due.pop();
                    self.worker.ask(due.expect("it was just seen"));
                }
                _ => return,
            }
            sent += 1;
            if sent % AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    fn next_due(&mut self) -> Duration {
        let arrival = self.arrivals.peek().map(|arrival| arrival.at);
        let thinking = self.worker.state.borrow().due.peek().map(|due| due.at);
        let first = [arrival, thinking].into_iter().flatten().min();
        first
            .unwrap_or(Duration::MAX)
            .min(self.worker.next_expiry())
    }

    fn next_telling(&self) -> Duration {
        TELLING * u32::try_from(self.second + 1).unwrap_or(u32::MAX)
    }

    /// Tells of every second that is over.
    fn tell_seconds(&mut self) {
        while self.worker.now() >= self.next_telling() {
            self.tell();
            self.second += 1;
        }
    }

    fn tell(&mut self) {
        let worker = &self.worker;
        let mut state = worker.state.borrow_mut();
        let orders = &worker.orders;
        let mut piece = state.tally.take(&orders.pages, orders.number, self.second);
        piece.connections = state.pool.take_peak();
        piece.cpu = self.cpu.since_last();
        // If nobody listens any more, the run was dropped, and this worker is about to be told.
        drop(self.pieces.send(piece));
    }
}

impl Worker {
    /// The run is over: nothing new is sent. What was due and was not sent is counted so, and pages that were to be tried
    /// again have ended as their last try did.
    fn close(&self, arrivals: &mut Peekable<Arrivals>) {
        let end = self.now().min(self.end.get());
        self.end.set(end);
        while let Some(arrival) = arrivals.next_if(|arrival| arrival.at < end) {
            self.miss_arrival(arrival);
        }
        let due = std::mem::take(&mut self.state.borrow_mut().due);
        for due in due {
            self.miss(due, end);
        }
    }

    /// There is no more time: who still waits for a connection was never sent, and what is in flight stays open.
    fn give_up(&self) {
        let mut state = self.state.borrow_mut();
        while let Some(job) = state.pool.give_up_first() {
            state.end_page(job.page_number, Ended::Unsent);
        }
        let open: Vec<u64> = state.open.keys().copied().collect();
        for page in open {
            state.end_page(page, Ended::Open);
        }
    }
}
