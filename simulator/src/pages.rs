//! Shoppers: their pages, tries, thoughts.
//!
//! The shopper's own part is `scenarios::Shopper` (or, for a standing crowd, `scenarios::Crowd`), as in the load
//! generator; here is what becomes of each page.

use scenarios::{JourneyIndex, Next, Outcome, PageIndex, Shopper, Who};

use crate::calendar::Kind;
use crate::model::{NONE, nanos};
use crate::span::{Asker, End};
use crate::world::World;
use crate::{PageEnd, Probe};

/// A page that somebody has asked for, or the thought before the next.
#[derive(Debug)]
pub(crate) struct Visit {
    who: Walker,
    /// The page, among all pages.
    page: u16,
    /// The window in which its first try was due.
    window: u32,
    /// When its first try was due.
    intended: u64,
    /// When its last try was sent.
    sent: u64,
    /// Whether it is another try of the page that is due.
    again: bool,
}

/// Who walks.
#[derive(Debug)]
enum Walker {
    /// Nobody: the number is free.
    Gone,
    /// A shopper, who waits for the answer.
    Alone(Shopper),
    /// One of a standing crowd, whose next page comes in any case.
    Crowd { index: u64, number: u32 },
}

impl Visit {
    /// The shopper's number.
    #[inline]
    pub(crate) fn index(&self) -> u64 {
        match &self.who {
            Walker::Alone(shopper) => shopper.index,
            Walker::Crowd { index, .. } => *index,
            Walker::Gone => 0,
        }
    }

    /// The page's number in the journey.
    #[inline]
    pub(crate) fn number(&self) -> u32 {
        match &self.who {
            Walker::Alone(shopper) => shopper.number,
            Walker::Crowd { number, .. } => *number,
            Walker::Gone => 0,
        }
    }

    /// Which try of the page it is.
    #[inline]
    pub(crate) fn attempt(&self) -> u32 {
        match &self.who {
            Walker::Alone(shopper) => shopper.attempt,
            Walker::Crowd { .. } | Walker::Gone => 0,
        }
    }
}

impl<P: Probe> World<P> {
    fn page_of(&self, journey: JourneyIndex, page: PageIndex) -> u16 {
        self.model.journeys[journey.0 as usize] + page.0 as u16
    }

    /// Somebody comes, or a place of the crowd has its turn.
    pub(crate) fn arrive(&mut self) {
        let Some(arrival) = self.next_arrival.take() else {
            return;
        };
        self.next_arrival = self.arrivals.next();
        let (who, page) = match arrival.who {
            Who::Shopper(shopper) => {
                let page = self.page_of(shopper.journey, shopper.page);
                (Walker::Alone(shopper), page)
            }
            Who::Place(place) => {
                let shopper = self.crowd.arrive(place);
                let (index, number) = (shopper.index, shopper.number);
                let (journey, page) = (shopper.journey, shopper.page);
                let page = self.page_of(journey, page);
                (Walker::Crowd { index, number }, page)
            }
        };
        let visit = self.visits.insert(Visit {
            who,
            page,
            window: 0,
            intended: self.now,
            sent: self.now,
            again: false,
        });
        self.page_due(visit);
    }

    /// A page is due, or another try of it.
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
    pub(crate) fn page_ended(&mut self, index: u32, end: End) {
        let now = self.now;
        let visit = &mut self.visits[index];
        let page = visit.page;
        let (latency, attempt) = (now - visit.intended, visit.attempt());
        let took = (latency, now - visit.sent);
        let window = visit.window;
        let known = &self.model.pages[usize::from(page)];
        let how = page_end(end);
        self.probe
            .page(now, known.journey, known.place, latency, attempt, how);
        let Walker::Alone(shopper) = &mut visit.who else {
            self.windows.page_ended(window, page, end, took);
            return self.end_visit(index);
        };
        let next = shopper.step(match end {
            End::Served => Outcome::Served,
            End::Failed | End::Shed | End::TimedOut => Outcome::NotServed,
        });
        let due = match next {
            Next::After(wait) => now.saturating_add(nanos(wait)),
            Next::Leave => u64::MAX,
        };
        let again = shopper.attempt > 0;
        let (journey, next_page) = (shopper.journey, shopper.page);
        if due >= self.model.end {
            self.windows.page_ended(window, page, end, took);
            return self.end_visit(index);
        }
        visit.again = again;
        if again {
            self.probe.waits_to_retry(now, due - now);
        } else {
            self.windows.page_ended(window, page, end, took);
            self.visits[index].page = self.page_of(journey, next_page);
        }
        self.calendar.schedule(due, Kind::PageDue, index);
    }

    /// A page is still open at the end of the run.
    pub(crate) fn leave_open(&mut self, index: u32) {
        let visit = &self.visits[index];
        self.windows.page_open(visit.window, visit.page);
    }

    fn end_visit(&mut self, index: u32) {
        self.visits[index].who = Walker::Gone;
        self.visits.remove(index);
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
