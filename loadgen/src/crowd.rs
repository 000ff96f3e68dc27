//! Shoppers who are inside at the start: what they did before is done before the clock starts.
//!
//! One who is about to check out has logged in and filled a cart. Those earlier pages are asked for as fast as a few
//! connections allow, and left out of all counts; those that only read and teach nothing are skipped.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use scenarios::{Arrivals, Crowd, Method, Outcome, Scenario, Shopper, Trace, Unit, Who};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use crate::http::{Conn, End, Want, Wire};
use crate::{LoadError, Plan};

/// So many are prepared at once: few, because the shop may be small before its rush.
const AT_ONCE: usize = 8;

/// How the shoppers who are inside at the start were prepared.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Inside {
    /// Those who had something to do before.
    pub shoppers: u64,
    /// Requests for it.
    pub requests: u64,
    /// Requests that were not served.
    pub failed: u64,
    /// Shoppers for whom there was no time left: they go in with what they know.
    pub late: u64,
}

/// Shoppers as they are at their first turn, by their number.
pub(crate) type Prepared = BTreeMap<u64, Shopper>;

/// Prepares all who are inside at the start, for at most `patience`. Works on a thread of its own, as connections do.
pub(crate) async fn prepare(
    plan: &Arc<Plan>,
    wire: &Wire,
    patience: Duration,
) -> Result<(Prepared, Inside), LoadError> {
    let (plan, wire) = (Arc::clone(plan), wire.clone());
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new()
        .name("load-prepare".into())
        .spawn(move || drop(tell.send(prepare_here(plan, wire, patience))))
        .map_err(LoadError::Start)?;
    match told.await {
        Ok(prepared) => prepared.map_err(LoadError::Start),
        Err(_) => Err(LoadError::Broken("while it prepared shoppers".into())),
    }
}

fn prepare_here(plan: Arc<Plan>, wire: Wire, patience: Duration) -> io::Result<(Prepared, Inside)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let crew = Rc::new(Crew {
        waiting: RefCell::new(inside(&plan.scenario).into()),
        prepared: RefCell::default(),
        sum: RefCell::default(),
        deadline: Instant::now() + patience,
        plan,
        wire,
    });
    crew.sum.borrow_mut().shoppers = crew.waiting.borrow().len() as u64;
    let local = LocalSet::new();
    runtime.block_on(local.run_until(async {
        let hands: Vec<_> = (0..AT_ONCE)
            .map(|_| tokio::task::spawn_local(Rc::clone(&crew).work()))
            .collect();
        for hand in hands {
            hand.await.map_err(io::Error::other)?;
        }
        let prepared = std::mem::take(&mut *crew.prepared.borrow_mut());
        let sum = *crew.sum.borrow();
        Ok((prepared, sum))
    }))
}

/// Those who have done something before their first turn.
fn inside(scenario: &Arc<Scenario>) -> Vec<Shopper> {
    let mut inside: Vec<Shopper> = match scenario.traffic.unit {
        Unit::Requests => {
            let crowd = Crowd::new(Arc::clone(scenario));
            (0..crowd.places())
                .filter_map(|place| crowd.first(place))
                .collect()
        }
        Unit::Journeys | Unit::Shoppers => Arrivals::new(Arc::clone(scenario))
            .filter_map(|arrival| match arrival.who {
                Who::Shopper(shopper) => Some(shopper),
                Who::Place(_) => None,
            })
            .filter(|shopper| shopper.number > 0)
            .collect(),
    };
    inside.retain(|shopper| shopper.number > 0);
    inside
}

struct Crew {
    plan: Arc<Plan>,
    wire: Wire,
    deadline: Instant,
    waiting: RefCell<VecDeque<Shopper>>,
    prepared: RefCell<Prepared>,
    sum: RefCell<Inside>,
}

impl Crew {
    /// Prepares one shopper after the other.
    async fn work(self: Rc<Self>) {
        let mut conn = None;
        loop {
            let next = self.waiting.borrow_mut().pop_front();
            let Some(shopper) = next else { return };
            if Instant::now() >= self.deadline {
                self.sum.borrow_mut().late += 1;
                continue;
            }
            let prepared = self.walk(&shopper, &mut conn).await;
            self.prepared.borrow_mut().insert(shopper.index, prepared);
        }
    }

    /// The shopper, after all the pages that came before.
    async fn walk(&self, shopper: &Shopper, conn: &mut Option<Conn>) -> Shopper {
        let mut walker = shopper.from_the_start();
        while walker.index == shopper.index && walker.number < shopper.number {
            let page = walker.current();
            if page.method != Method::Get || !page.extract.is_empty() {
                self.ask(&mut walker, conn).await;
            }
            walker.step(Outcome::Served);
        }
        walker
    }

    async fn ask(&self, walker: &mut Shopper, conn: &mut Option<Conn>) {
        let trace = Trace {
            run: self.plan.run,
            journey: walker.index,
            page: walker.number,
            hop: 0,
            attempt: 0,
        };
        let limit = (Instant::now() + self.plan.time_limit).min(self.deadline);
        let asked = (&walker.request(), trace);
        let exchange = self
            .wire
            .exchange(conn.take(), asked, Want::Body, limit)
            .await;
        *conn = exchange.conn;
        let mut sum = self.sum.borrow_mut();
        sum.requests += 1;
        match exchange.end {
            End::Served(answer) => walker.learn(&answer.body, |name| answer.header(name)),
            End::Shed | End::TimedOut | End::Failed(..) => sum.failed += 1,
        }
    }
}
