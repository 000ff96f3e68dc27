//! Two counts over a trailing span.

use std::time::Duration;

use metrics::Timestamp;

/// How many steps a span has. What is counted is forgotten between 90 % and 100 % of the span later.
const STEPS: usize = 10;

/// Two counts over a trailing span, in steps of a tenth of it. Constant in time and memory.
#[derive(Clone, Debug)]
pub(crate) struct Rolling {
    step_ns: i64,
    /// The number of the newest step since the epoch.
    newest: i64,
    /// The first instant after it: up to there nothing is to be forgotten, and nothing to be divided.
    newest_end: i64,
    /// The newest step's cell.
    place: usize,
    cells: [(u32, u32); STEPS],
    sum: (u64, u64),
}

impl Rolling {
    /// Nothing counted yet, over `span` (at least a microsecond).
    pub(crate) fn new(span: Duration) -> Self {
        let span = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Self {
            step_ns: (span / STEPS as i64).max(100),
            newest: i64::MIN,
            newest_end: i64::MIN,
            place: 0,
            cells: [(0, 0); STEPS],
            sum: (0, 0),
        }
    }

    /// Counts. An instant before the newest counts as the newest.
    #[inline]
    pub(crate) fn add(&mut self, now: Timestamp, first: u32, second: u32) {
        self.advance(now);
        let cell = &mut self.cells[self.place];
        let (a, b) = (cell.0.saturating_add(first), cell.1.saturating_add(second));
        self.sum.0 += u64::from(a - cell.0);
        self.sum.1 += u64::from(b - cell.1);
        *cell = (a, b);
    }

    /// Both counts over the span that ends at `now`.
    pub(crate) fn sums(&mut self, now: Timestamp) -> (u64, u64) {
        self.advance(now);
        self.sum
    }

    /// Forgets what is older than the span before `now`.
    #[inline]
    fn advance(&mut self, now: Timestamp) {
        if now.as_nanos() >= self.newest_end {
            self.turn(now);
        }
    }

    fn turn(&mut self, now: Timestamp) {
        let step = now.as_nanos().div_euclid(self.step_ns);
        if step <= self.newest {
            return;
        }
        let passed = step.saturating_sub(self.newest).min(STEPS as i64);
        for back in 0..passed {
            let cell = &mut self.cells[Self::cell(step - back)];
            self.sum.0 -= u64::from(cell.0);
            self.sum.1 -= u64::from(cell.1);
            *cell = (0, 0);
        }
        self.newest = step;
        self.newest_end = step.saturating_add(1).saturating_mul(self.step_ns);
        self.place = Self::cell(step);
    }

    fn cell(step: i64) -> usize {
        step.rem_euclid(STEPS as i64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forgets_after_the_span() {
        let mut counts = Rolling::new(Duration::from_secs(10));
        counts.add(Timestamp::from_millis(500), 3, 1);
        counts.add(Timestamp::from_millis(5_000), 1, 0);
        assert_eq!(counts.sums(Timestamp::from_millis(9_999)), (4, 1));
        assert_eq!(counts.sums(Timestamp::from_millis(10_000)), (1, 0));
        assert_eq!(counts.sums(Timestamp::from_secs(3600)), (0, 0));
    }

    proptest! {
        #[test]
        fn the_sum_is_what_was_counted_in_the_span(times in prop::collection::vec(0_i64..40_000, 0..200)) {
            let mut times = times;
            times.sort_unstable();
            let mut counts = Rolling::new(Duration::from_secs(10));
            for (i, at) in times.iter().enumerate() {
                counts.add(Timestamp::from_millis(*at), 1, 0);
                let from = at.div_euclid(1000) - 9;
                let expected = times[..=i].iter().filter(|t| t.div_euclid(1000) >= from).count() as u64;
                prop_assert_eq!(counts.sums(Timestamp::from_millis(*at)).0, expected);
            }
        }

        #[test]
        fn no_instant_panics(times in prop::collection::vec(any::<i64>(), 0..50), span in any::<u64>()) {
            let mut counts = Rolling::new(Duration::from_nanos(span));
            for at in times {
                counts.add(Timestamp::from_nanos(at), u32::MAX, 1);
            }
        }
    }
}
