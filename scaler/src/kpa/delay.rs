//! The highest recommendation of the last few slots: how a scale-down is delayed.
//!
//! After `pkg/autoscaler/aggregation/max/window.go` of knative/serving 98e5ef90.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// A sliding maximum over so many slots of time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Delay {
    slots: i64,
    /// Slots with their recommendations; only those that may still be the highest, so they fall from front to back.
    highest: VecDeque<(i64, i32)>,
}

impl Delay {
    /// Over so many slots, at least one.
    pub(super) fn new(slots: i64) -> Self {
        let slots = slots.max(1);
        Self {
            slots,
            highest: VecDeque::with_capacity(slots.min(64) as usize),
        }
    }

    /// Adds a recommendation, and gives the highest. Of several in one slot the highest counts.
    pub(super) fn highest(&mut self, slot: i64, replicas: i32) -> i32 {
        let mut replicas = replicas;
        while self.highest.back().is_some_and(|(_, r)| replicas >= *r) {
            self.highest.pop_back();
        }
        while self
            .highest
            .front()
            .is_some_and(|(old, _)| slot.saturating_sub(*old) >= self.slots)
        {
            self.highest.pop_front();
        }
        if let Some((_, last)) = self.highest.pop_back_if(|(last, _)| *last == slot) {
            replicas = replicas.max(last);
        }
        self.highest.push_back((slot, replicas));
        self.highest.front().map_or(replicas, |(_, r)| *r)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_recommendation_waits_for_all_slots() {
        let mut delay = Delay::new(3);
        let told = [
            (10, 5),
            (11, 2),
            (12, 3),
            (12, 1),
            (13, 1),
            (14, 1),
            (15, 1),
            (15, 4),
            (16, 0),
        ];
        let got = told.map(|(slot, n)| delay.highest(slot, n));
        assert_eq!(got, [5, 5, 5, 5, 3, 3, 1, 4, 4]);
    }
}
