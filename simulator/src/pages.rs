//! Shoppers: their pages, tries, thoughts.
//!
//! The shopper's own part is `scenarios::Shopper` (or, for a standing crowd, `scenarios::Crowd`), as in the load
//! generator; here is what becomes of each page.

use routing::retried;
use scenarios::{Next, Outcome, Shopper, Stream, Turn};

use crate::calendar::Kind;
use crate::model::{NONE, nanos};
use crate::span::{Asker, End};
use crate::world::World;
use crate::{PageEnd, Probe};

/// A page that somebody has asked for, or the thought before the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    /// The shopper's number.
    pub(crate) shopper: u64,
    /// The page's number in the journey.
    pub(crate) number: u32,
    /// Which try of the page it is.
    pub(crate) attempt: u32,
    /// The page, among all pages.
    page: u16,
    /// Whether it is another try of the page that is due.
    again: bool,
    /// Whether it is one of a standing crowd's, whose next page comes in any case.
    of_crowd: bool,
    /// The window in which its first try was due.
    window: u32,
    /// When its first try was due.
    intended: u64,
    /// When its last try was sent.
    sent: u64,
}

impl Visit {
    #[inline]
    fn of(shopper: &Shopper, page: u16, of_crowd: bool, now: u64) -> Self {
        Self {
            shopper: shopper.index,
            number: shopper.number,
            attempt: shopper.attempt,
            page,
            again: false,
            of_crowd,
            window: 0,
            intended: now,
            sent: now,
        }
    }

    /// What the work and waits of a request for it are drawn from, at the gateway's so-many-th retry (0: none).
    #[inline]
    pub(crate) fn demand(&self, hop: u32, retry: u32) -> Stream {
        Stream::Demand {
            journey: self.shopper,
            page: self.number,
            hop,
            attempt: retried(self.attempt, retry),
        }
    }

    /// What the choice of a replica is drawn from.
    #[inline]
    pub(crate) fn balance(&self, hop: u32, retry: u32) -> Stream {
        Stream::Balance {
            journey: self.shopper,
            page: self.number,
            hop,
            attempt: retried(self.attempt, retry),
        }
    }
}

impl<P: Probe> World<P> {
    /// Somebody comes, or a place of the crowd has its turn.
    #[inline]
    pub(crate) fn arrive(&mut self) {
        let Some((_, turn)) = self.arrivals.turn() else {
            return;
        };
        let visit = if let Turn::Place(place) = turn {
            let shopper = self.crowd.arrive(place);
            let page = self.model.page(shopper.journey, shopper.page);
            self.visits.insert(Visit::of(shopper, page, true, self.now))
        } else {
            let Some(shopper) = self.arrivals.shopper(turn) else {
                return;
            };
            self.come(shopper)
        };
        self.page_due(visit);
    }

    fn come(&mut self, shopper: Shopper) -> u32 {
        let page = self.model.page(shopper.journey, shopper.page);
        let visit = self
            .visits
            .insert(Visit::of(&shopper, page, false, self.now));
        let place = visit as usize;
        if place >= self.shoppers.len() {
            self.shoppers.resize(place + 1, None);
        }
        self.shoppers[place] = Some(shopper);
        visit
    }

    /// A page is due, or another try of it.
    #[inline(always)]
    pub(crate) fn page_due(&mut self, index: u32) {
        let now = self.now;
        let window = self.windows.window(now);
        let visit = &mut self.visits[index];
        visit.sent = now;
        if visit.again {
            self.windows.page_retried(window, visit.page);
        } else {
            visit.intended = now;
            visit.window = window;
            self.windows.page_offered(window, visit.page);
        }
        self.sent += 1;
        let call = self.model.pages[usize::from(visit.page)].call;
        let asker = Asker {
            visit: index,
            parent: NONE,
        };
        self.request(call, asker, 0, u64::MAX);
    }

    /// A try of a page has ended: the shopper tries again, goes on, or leaves.
    #[inline(always)]
    pub(crate) fn page_ended(&mut self, index: u32, end: End) {
        let now = self.now;
        let visit = self.visits[index];
        let known = &self.model.pages[usize::from(visit.page)];
        let (latency, how) = (now - visit.intended, page_end(end));
        self.probe
            .page(now, known.journey, known.place, latency, visit.attempt, how);
        let due = if visit.of_crowd {
            None
        } else {
            self.step_on(index, end)
        };
        if let Some(due) = due {
            self.calendar.schedule(due, Kind::PageDue, index);
            if self.visits[index].again {
                return self.probe.waits_to_retry(now, due - now);
            }
        } else {
            self.visits.remove(index);
        }
        let took = (latency, now - visit.sent);
        self.windows.page_ended(visit.window, visit.page, end, took);
    }

    /// Lets the shopper step on; when the next page is due, or the next try, if that is before the end.
    fn step_on(&mut self, index: u32, end: End) -> Option<u64> {
        let place = &mut self.shoppers[index as usize];
        let shopper = place.as_mut()?;
        let outcome = match end {
            End::Served => Outcome::Served,
            End::Failed | End::Shed | End::TimedOut => Outcome::NotServed,
        };
        let due = match shopper.step(outcome) {
            Next::After(wait) => self.now.saturating_add(nanos(wait)),
            Next::Leave => u64::MAX,
        };
        if due >= self.model.end {
            *place = None;
            return None;
        }
        let visit = &mut self.visits[index];
        visit.again = shopper.attempt > 0;
        if !visit.again {
            visit.page = self.model.page(shopper.journey, shopper.page);
        }
        visit.shopper = shopper.index;
        visit.number = shopper.number;
        visit.attempt = shopper.attempt;
        Some(due)
    }

    /// A page is still open at the end of the run.
    pub(crate) fn leave_open(&mut self, index: u32) {
        let visit = &self.visits[index];
        self.windows.page_open(visit.window, visit.page);
    }
}

const fn page_end(end: End) -> PageEnd {
    match end {
        End::Served => PageEnd::Served,
        End::Failed => PageEnd::Failed,
        End::Shed => PageEnd::Shed,
        End::TimedOut => PageEnd::TimedOut,
    }
}
