//! Never down before a while has agreed, and never far at once.

use serde::{Deserialize, Serialize};

/// Entries that are kept; beyond that the oldest are merged, on the safe side.
const MOST: usize = 48;
/// The span that limits count in, in seconds.
const SPAN: f64 = 15.0;

/// What was wanted lately: the highest of the last while.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Wanted(Vec<(f64, u32)>);

impl Wanted {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `n` is wanted at `now`; what is older than `keep` seconds is forgotten.
    pub(super) fn push(&mut self, now: f64, n: u32, keep: f64) {
        while self.0.last().is_some_and(|(_, last)| *last <= n) {
            self.0.pop();
        }
        let old = self.0.partition_point(|(at, _)| *at <= now - keep);
        self.0.drain(..old);
        if self.0.capacity() < MOST {
            self.0.reserve_exact(MOST - self.0.len());
        }
        if self.0.len() >= MOST {
            // The highest stays as long as the one after it.
            self.0[1].1 = self.0[0].1;
            self.0.remove(0);
        }
        self.0.push((now, n));
    }

    /// The highest of the last `window` seconds.
    pub(super) fn highest(&self, now: f64, window: f64) -> u32 {
        let first = self.0.partition_point(|(at, _)| *at <= now - window);
        self.0.get(first).map_or(0, |(_, n)| *n)
    }
}

/// What was asked for lately, which limits go from: from when on, the fewest and the most.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Asked(Vec<(f64, u32, u32)>);

impl Asked {
    /// `spec` is asked for at `now`.
    pub(super) fn push(&mut self, now: f64, spec: u32) {
        if self
            .0
            .last()
            .is_some_and(|(_, low, high)| *low == spec && *high == spec)
        {
            return;
        }
        // What was in force when the span began is still needed.
        let begun = self.0.partition_point(|(at, _, _)| *at <= now - SPAN);
        self.0.drain(..begun.saturating_sub(1));
        if self.0.len() >= MOST {
            let (_, low, high) = self.0.remove(1);
            self.0[0].1 = self.0[0].1.min(low);
            self.0[0].2 = self.0[0].2.max(high);
        }
        self.0.push((now, spec, spec));
    }

    /// From how many to how many it may go now, from `spec`: up to twice or ten more than the fewest of the last 15 s, down
    /// by a tenth or one of the most. Whoever changed it, it counts.
    pub(super) fn limits(&self, now: f64, spec: u32) -> (u32, u32) {
        let begun = self.0.partition_point(|(at, _, _)| *at <= now - SPAN);
        let span = &self.0[begun.saturating_sub(1)..];
        let low = span.iter().map(|(_, low, _)| *low).fold(spec, u32::min);
        let high = span.iter().map(|(_, _, high)| *high).fold(spec, u32::max);
        let most = low.saturating_mul(2).max(low.saturating_add(10));
        let least = high.saturating_sub((high / 10).max(1));
        (least.min(spec), most.max(spec))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_of_the_window_holds() {
        let mut wanted = Wanted::default();
        for (at, n) in [(0.0, 9), (15.0, 4), (30.0, 6), (45.0, 2)] {
            wanted.push(at, n, 600.0);
        }
        assert_eq!(wanted.highest(45.0, 60.0), 9);
        assert_eq!(wanted.highest(60.0, 60.0), 6);
        assert_eq!(wanted.highest(90.0, 60.0), 2);
        assert_eq!(wanted.highest(200.0, 60.0), 0);
    }

    #[test]
    fn too_many_are_merged_on_the_safe_side() {
        let mut wanted = Wanted::default();
        for i in 0..1000 {
            wanted.push(f64::from(i), 2000 - i as u32, 1e9);
        }
        assert_eq!(wanted.highest(999.0, 1e9), 2000);
        assert!(wanted.0.len() <= MOST);
    }

    #[test]
    fn limits_count_from_where_the_span_began() {
        let mut asked = Asked::default();
        asked.push(0.0, 30);
        assert_eq!(asked.limits(100.0, 30), (27, 60));
        asked.push(100.0, 27);
        assert_eq!(
            asked.limits(105.0, 27),
            (27, 54),
            "a tenth has gone already"
        );
        assert_eq!(asked.limits(115.0, 27), (25, 54));
        asked.push(120.0, 3);
        assert_eq!(asked.limits(140.0, 3), (2, 13), "few may become ten more");
        assert_eq!(Asked::default().limits(0.0, 0), (0, 10));
    }
}
