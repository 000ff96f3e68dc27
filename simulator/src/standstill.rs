//! Replicas that stand still for a while, as a machine does that swaps or collects its garbage.

use crate::Probe;
use crate::span::State;
use crate::world::World;

impl<P: Probe> World<P> {
    /// A request has nothing left to wait for, but its replica stands still.
    pub(crate) fn stand_still(&mut self, index: u32) {
        let span = &mut self.spans[index];
        (span.ends, span.next_event) = (0, 0);
    }

    /// A replica stands still: those who work stop where they are. Waits for something outside go on, but their end is
    /// noticed only when the replica goes on.
    pub(crate) fn freeze(&mut self, place: u32) {
        let now = self.now;
        let replica = &mut self.replicas[place];
        replica.ledger.advance(now);
        replica.ledger.still = true;
        if let Some(sharing) = &mut replica.sharing {
            sharing.freeze(now, true);
        }
        for index in self.spans_of(place) {
            let span = &mut self.spans[index];
            if span.state == State::Working {
                span.ends -= now;
                span.next_event = 0;
            }
        }
    }

    /// A replica that stood still goes on.
    pub(crate) fn thaw(&mut self, place: u32) {
        let now = self.now;
        let replica = &mut self.replicas[place];
        replica.ledger.advance(now);
        replica.ledger.still = false;
        if let Some(sharing) = &mut replica.sharing {
            sharing.freeze(now, false);
            self.plan_work(place);
        }
        for index in self.spans_of(place) {
            let span = &self.spans[index];
            let (state, ends) = (span.state, span.ends);
            let inside = matches!(
                state,
                State::Working | State::Waiting | State::Idle | State::Failing | State::Called
            );
            if inside && span.next_event == 0 {
                self.after(index, state, ends);
            }
        }
    }
}
