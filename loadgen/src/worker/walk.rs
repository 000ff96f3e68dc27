//! A shopper's walk: page after page, try after try.

use std::cmp::Ordering;
use std::rc::Rc;
use std::time::{Duration, Instant};

use scenarios::{Arrival, Asked, Next, Outcome, PageRequest, Shopper, Trace, Who};

use super::{State, Worker};
use crate::Collected;
use crate::http::{Answer, Conn, End, Exchange};
use crate::pool::Seat;
use crate::tally::{Ended, PageFacts, PageId, Took};

/// A shopper whose next request is due.
#[derive(Debug)]
pub(super) struct Due {
    /// When, since the start.
    pub(super) at: Duration,
    shopper: Box<Shopper>,
    /// If it is another try of a page: of which, and how the last one ended.
    again: Option<Again>,
}

/// Another try of a page.
#[derive(Clone, Copy, Debug)]
struct Again {
    page_number: u64,
    last: Ended,
    took: Took,
}

// The earliest is the greatest, as the heap wants it; at equal instants the shopper who came first.
impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.shopper.index).cmp(&(self.at, self.shopper.index))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

/// Who asks.
#[derive(Debug)]
enum Walker {
    /// A shopper, who waits for the answer.
    Alone(Box<Shopper>),
    /// A place in the standing crowd, whose next page comes in any case. The copy of its shopper is there only to read
    /// those values from the answer that are to be told.
    Place {
        place: u32,
        asked: Asked,
        copy: Option<Box<Shopper>>,
    },
}

/// A request that is to be sent.
#[derive(Debug)]
pub(super) struct Job {
    /// Its page, among those offered.
    pub(super) page_number: u64,
    page: PageId,
    /// When it was due, since the start.
    intended: Duration,
    request: PageRequest,
    trace: Trace,
    walker: Walker,
}

impl State {
    /// A page is due.
    fn offer(&mut self, page: PageId, intended: Duration) -> u64 {
        self.pages_offered += 1;
        self.tally.offered(page, intended);
        self.open.insert(self.pages_offered, (page, intended));
        self.pages_offered
    }

    /// A page has ended without an answer.
    pub(super) fn end_page(&mut self, page_number: u64, ended: Ended) {
        self.end_page_after(page_number, ended, Took::default());
    }

    fn end_page_after(&mut self, page_number: u64, ended: Ended, took: Took) {
        if let Some((page, intended)) = self.open.remove(&page_number) {
            self.tally.ended(page, intended, ended, took);
        }
    }
}

impl Worker {
    fn page_of(&self, shopper: &Shopper) -> PageId {
        self.orders.pages.id(shopper.journey, shopper.page)
    }

    fn facts(&self, page: PageId) -> &PageFacts {
        self.orders.pages.facts(page)
    }

    /// Somebody comes, or a place of the crowd has its turn.
    pub(super) fn arrive(self: &Rc<Self>, arrival: Arrival) {
        match arrival.who {
            Who::Shopper(mut shopper) => {
                self.recall(&mut shopper);
                self.ask(Due {
                    at: arrival.at,
                    shopper: Box::new(shopper),
                    again: None,
                });
            }
            Who::Place(place) => {
                let job = {
                    let mut state = self.state.borrow_mut();
                    let shopper = state.crowd.arrive(place);
                    self.recall(shopper);
                    let page = self.page_of(shopper);
                    let tells = !self.facts(page).collect.is_empty();
                    let walker = Walker::Place {
                        place,
                        asked: shopper.asked(),
                        copy: tells.then(|| Box::new(shopper.clone())),
                    };
                    let (request, trace) = self.request(shopper);
                    let page_number = state.offer(page, arrival.at);
                    Job {
                        page_number,
                        page,
                        intended: arrival.at,
                        request,
                        trace,
                        walker,
                    }
                };
                self.dispatch(job);
            }
        }
    }

    /// One who is inside at the start knows what was learned before it.
    fn recall(&self, shopper: &mut Shopper) {
        let prepared = self.orders.prepared.get(&shopper.index);
        if let Some(prepared) = prepared.filter(|known| known.asked() == shopper.asked()) {
            shopper.clone_from(prepared);
        }
    }

    /// A shopper asks for the page that is due.
    pub(super) fn ask(self: &Rc<Self>, due: Due) {
        let page = self.page_of(&due.shopper);
        let page_number = {
            let mut state = self.state.borrow_mut();
            match due.again {
                Some(again) => {
                    state.tally.retried(page, due.at);
                    again.page_number
                }
                None => state.offer(page, due.at),
            }
        };
        let (request, trace) = self.request(&due.shopper);
        self.dispatch(Job {
            page_number,
            page,
            intended: due.at,
            request,
            trace,
            walker: Walker::Alone(due.shopper),
        });
    }

    fn request(&self, shopper: &Shopper) -> (PageRequest, Trace) {
        let trace = Trace {
            run: self.orders.plan.run,
            journey: shopper.index,
            page: shopper.number,
            hop: 0,
            attempt: shopper.attempt,
        };
        (shopper.request(), trace)
    }

    /// Sends a request if there is a connection for it; otherwise it waits. One whose limit is over already is not sent.
    fn dispatch(self: &Rc<Self>, job: Job) {
        if self.now() >= self.limit(&job) {
            return self.not_sent(job);
        }
        let mut state = self.state.borrow_mut();
        let conn = match state.pool.seat() {
            Seat::Kept(conn) => Some(conn),
            Seat::New => None,
            Seat::Wait => {
                state.tally.queued(job.intended);
                return state.pool.queue(job);
            }
        };
        drop(state);
        drop(tokio::task::spawn_local(Rc::clone(self).serve(job, conn)));
    }

    /// Until when an answer is waited for.
    fn limit(&self, job: &Job) -> Duration {
        job.intended + self.orders.plan.time_limit
    }

    /// When the first of those who wait for a connection has waited too long.
    pub(super) fn next_expiry(&self) -> Duration {
        let state = self.state.borrow();
        state
            .pool
            .first()
            .map_or(Duration::MAX, |job| self.limit(job))
    }

    /// Those who have waited for a connection until their limit were never sent.
    pub(super) fn expire(&self) {
        while self.next_expiry() <= self.now() {
            let job = self.state.borrow_mut().pool.give_up_first();
            job.into_iter().for_each(|job| self.not_sent(job));
        }
    }

    /// Uses a seat for a request, and for those who waited for one.
    async fn serve(self: Rc<Self>, mut job: Job, mut conn: Option<Conn>) {
        loop {
            if self.now() >= self.limit(&job) {
                self.not_sent(job);
            } else {
                conn = self.send(job, conn).await;
            }
            let next = self.state.borrow_mut().pool.release(conn);
            let Some(next) = next else { return };
            (job, conn) = next;
        }
    }

    async fn send(&self, job: Job, conn: Option<Conn>) -> Option<Conn> {
        let sent = Instant::now();
        let lateness = sent.saturating_duration_since(self.instant(job.intended));
        self.state.borrow_mut().tally.sent(job.intended, lateness);
        let want = self.facts(job.page).want;
        let limit = self.instant(self.limit(&job));
        let asked = (&job.request, job.trace);
        let exchange = self.orders.wire.exchange(conn, asked, want, limit).await;
        let Exchange { end, ended, conn } = exchange;
        self.answered(job, end, sent, ended);
        conn
    }

    fn answered(&self, job: Job, end: End, sent: Instant, at: Instant) {
        let first = self.state.borrow().open.get(&job.page_number).copied();
        let (_, first) = first.expect("a page is open until its last try has ended");
        let took = Took {
            latency: at.saturating_duration_since(self.instant(first)),
            service_time: at.saturating_duration_since(sent),
        };
        let ended = match &end {
            End::Served(_) => Ended::Served,
            End::Shed => Ended::Shed,
            End::TimedOut => Ended::TimedOut,
            End::Failed(kind, why) => {
                let mut state = self.state.borrow_mut();
                state.tally.failed(*kind, self.facts(job.page), why);
                Ended::Failed
            }
        };
        let at = at.saturating_duration_since(self.orders.begin);
        let page_number = job.page_number;
        match (job.walker, end) {
            (Walker::Alone(mut shopper), End::Served(answer)) => {
                self.learn(&mut shopper, job.page, &answer, at);
                self.step(shopper, page_number, ended, took, at);
            }
            (Walker::Alone(shopper), _) => self.step(shopper, page_number, ended, took, at),
            (Walker::Place { place, asked, copy }, end) => {
                if let End::Served(answer) = end {
                    self.learn_in_crowd(place, asked, &answer);
                    if let Some(mut copy) = copy {
                        self.learn(&mut copy, job.page, &answer, at);
                    }
                }
                self.end_page(page_number, ended, took);
            }
        }
    }

    fn learn_in_crowd(&self, place: u32, asked: Asked, answer: &Answer) {
        let crowd = &mut self.state.borrow_mut().crowd;
        crowd.learn(place, asked, &answer.body, |name| answer.header(name));
    }

    /// A shopper learns from an answer; new values that are to be told are.
    fn learn(&self, shopper: &mut Shopper, page: PageId, answer: &Answer, at: Duration) {
        let facts = self.facts(page);
        let value = |shopper: &Shopper, name: &str| shopper.variable(name).map(String::from);
        let names = || facts.collect.iter();
        let before: Vec<_> = names().map(|name| value(shopper, name)).collect();
        shopper.learn(&answer.body, |name| answer.header(name));
        for (name, before) in names().zip(before) {
            let Some(value) = value(shopper, name).filter(|now| before.as_ref() != Some(now))
            else {
                continue;
            };
            self.state.borrow_mut().tally.collected(Collected {
                variable: name.clone(),
                value,
                page: facts.name.clone(),
                shopper: shopper.index,
                at: self.orders.plan.grid.start + at,
            });
        }
    }

    /// A shopper goes on from a page that has ended `at`: to another try of it, to the next, or away.
    fn step(
        &self,
        mut shopper: Box<Shopper>,
        page_number: u64,
        last: Ended,
        took: Took,
        at: Duration,
    ) {
        let next = shopper.step(match last {
            Ended::Served => Outcome::Served,
            _ => Outcome::NotServed,
        });
        let due = match next {
            Next::After(wait) => at.saturating_add(wait),
            Next::Leave => Duration::MAX,
        };
        let again = (shopper.attempt > 0).then_some(Again {
            page_number,
            last,
            took,
        });
        // A time-out's instant may be a little before it was noticed, and the end in between.
        if due.max(self.now()) >= self.end.get() {
            return self.end_page(page_number, last, took);
        }
        if again.is_none() {
            self.end_page(page_number, last, took);
        }
        self.state.borrow_mut().due.push(Due {
            at: due,
            shopper,
            again,
        });
        if due < self.asleep_until.get() {
            self.rouse.notify_one();
        }
    }

    fn end_page(&self, page_number: u64, ended: Ended, took: Took) {
        let mut state = self.state.borrow_mut();
        state.end_page_after(page_number, ended, took);
        if state.open.is_empty() && self.now() >= self.end.get() {
            self.rouse.notify_one();
        }
    }

    /// A request's limit was over before it could be sent.
    fn not_sent(&self, job: Job) {
        let at = self.now();
        match job.walker {
            Walker::Alone(shopper) => {
                self.step(shopper, job.page_number, Ended::Unsent, Took::default(), at);
            }
            Walker::Place { .. } => {
                self.end_page(job.page_number, Ended::Unsent, Took::default());
            }
        }
    }

    /// An arrival was due before the run was stopped, but was not sent.
    pub(super) fn miss_arrival(&self, arrival: Arrival) {
        let mut state = self.state.borrow_mut();
        let page = match arrival.who {
            Who::Shopper(shopper) => self.page_of(&shopper),
            Who::Place(place) => self.page_of(state.crowd.arrive(place)),
        };
        let page_number = state.offer(page, arrival.at);
        state.end_page(page_number, Ended::Unsent);
    }

    /// The run is over at `end` for somebody who was to ask again.
    pub(super) fn miss(&self, due: Due, end: Duration) {
        let mut state = self.state.borrow_mut();
        if let Some(again) = due.again {
            state.end_page_after(again.page_number, again.last, again.took);
        } else if due.at < end {
            let page_number = state.offer(self.page_of(&due.shopper), due.at);
            state.end_page(page_number, Ended::Unsent);
        }
    }
}
