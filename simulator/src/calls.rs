//! Calls that a request makes of other services while it holds its slot.

use scenarios::child_hop;

use crate::Probe;
use crate::model::NONE;
use crate::span::{Asker, End, Reply, State};
use crate::world::World;

impl<P: Probe> World<P> {
    /// Makes calls, all at once.
    pub(crate) fn make_calls(&mut self, index: u32, from: u16, to: u16) {
        let now = self.now;
        let span = &mut self.spans[index];
        span.state = State::Calling;
        span.calls_since = now;
        span.open = (to - from) as u8;
        span.child = NONE;
        let (visit, hop, until) = (span.visit, span.hop, span.until);
        for call in from..to {
            let place = self.model.calls[usize::from(call)].index;
            if until <= now {
                // Nobody waits for it any more.
                self.call_ended(index, NONE, place, End::TimedOut);
                continue;
            }
            let asker = Asker {
                visit,
                parent: index,
            };
            self.request(call, asker, child_hop(hop, place), until - now);
        }
    }

    /// A call that a request made has ended.
    pub(crate) fn call_ended(&mut self, index: u32, child: u32, place: u8, end: End) {
        self.unlink(index, child);
        let span = &mut self.spans[index];
        span.open -= 1;
        let reply = match end {
            End::Served => None,
            End::TimedOut => Some(Reply::CallTimedOut),
            End::Failed | End::Shed => Some(Reply::CallFailed),
        };
        if let Some(reply) = reply
            && span.failed.is_none_or(|(first, _)| place < first)
        {
            span.failed = Some((place, reply));
        }
        if span.open > 0 {
            return;
        }
        span.own_since += self.now - span.calls_since;
        if self.replicas[span.replica].ailment.freeze {
            span.state = State::Called;
            return self.stand_still(index);
        }
        self.called(index);
    }

    /// All calls that a request waited for have ended.
    pub(crate) fn called(&mut self, index: u32) {
        let span = &mut self.spans[index];
        match span.failed {
            Some((_, reply)) => self.finish(index, reply),
            None => {
                span.step += 1;
                self.next_step(index);
            }
        }
    }

    /// Takes a call from the list of those that a request waits for.
    fn unlink(&mut self, index: u32, child: u32) {
        if child == NONE {
            return;
        }
        let after = self.spans[child].sibling;
        if self.spans[index].child == child {
            self.spans[index].child = after;
            return;
        }
        let mut one = self.spans[index].child;
        while one != NONE && self.spans[one].sibling != child {
            one = self.spans[one].sibling;
        }
        if one != NONE {
            self.spans[one].sibling = after;
        }
    }

    /// Calls that a request waits for have nobody any more who asked.
    pub(crate) fn forsake_calls(&mut self, index: u32) {
        let mut child = std::mem::replace(&mut self.spans[index].child, NONE);
        while child != NONE {
            let next = self.spans[child].sibling;
            self.forsaken(child);
            child = next;
        }
    }
}
