//! What shoppers see: pages, tries, and those who wait to try again.

use simulator::PageEnd;

use super::estimate::Estimate;
use super::histogram::Histogram;
use super::station::Spans;

/// A number from what was counted.
pub(crate) type PageQuantity = Box<dyn Fn(&PageTally) -> f64>;

/// Sums and counts of one span; times in nanoseconds.
#[derive(Clone)]
pub(crate) struct PageTally {
    pub(crate) time: f64,
    pub(crate) tries: u64,
    pub(crate) first_tries: u64,
    pub(crate) first_refused: u64,
    pub(crate) refused: u64,
    pub(crate) served: u64,
    /// Those who will try again, and the sum of how long they wait for it.
    pub(crate) returning: u64,
    pub(crate) away: f64,
    /// Of the served.
    pub(crate) latency: f64,
    pub(crate) latencies: Histogram,
    /// The served and the sum of their latencies, by journey.
    pub(crate) by_journey: Vec<(u64, f64)>,
}

impl PageTally {
    fn new(time: u64, journeys: usize) -> Self {
        Self {
            time: time as f64,
            tries: 0,
            first_tries: 0,
            first_refused: 0,
            refused: 0,
            served: 0,
            returning: 0,
            away: 0.0,
            latency: 0.0,
            latencies: Histogram::new(),
            by_journey: vec![(0, 0.0); journeys],
        }
    }

    fn merge(&mut self, other: &Self) {
        self.time += other.time;
        self.away += other.away;
        self.latency += other.latency;
        for (own, other) in [
            (&mut self.tries, other.tries),
            (&mut self.first_tries, other.first_tries),
            (&mut self.first_refused, other.first_refused),
            (&mut self.refused, other.refused),
            (&mut self.served, other.served),
            (&mut self.returning, other.returning),
        ] {
            *own += other;
        }
        self.latencies.merge(&other.latencies);
        for (own, other) in self.by_journey.iter_mut().zip(&other.by_journey) {
            *own = (own.0 + other.0, own.1 + other.1);
        }
    }

    /// Of those who came, the share who never came through: refused, and not to try again.
    pub(crate) fn lost(&self) -> f64 {
        (self.refused as f64 - self.returning as f64) / self.first_tries as f64
    }
}

/// All pages of a run.
pub(crate) struct Pages {
    spans: Spans,
    tallies: Vec<PageTally>,
}

impl Pages {
    pub(crate) fn new(spans: Spans, journeys: usize) -> Self {
        Self {
            spans,
            tallies: vec![PageTally::new(spans.batch, journeys); spans.batches + 2],
        }
    }

    fn at(&mut self, at: u64) -> &mut PageTally {
        let span = self.spans.of(at).min(self.spans.batches + 1);
        &mut self.tallies[span]
    }

    pub(crate) fn ends(&mut self, at: u64, journey: u16, latency: u64, attempt: u32, how: PageEnd) {
        let tally = self.at(at);
        let refused = how != PageEnd::Served;
        tally.tries += 1;
        tally.refused += u64::from(refused);
        if attempt == 0 {
            tally.first_tries += 1;
            tally.first_refused += u64::from(refused);
        }
        if !refused {
            tally.served += 1;
            tally.latency += latency as f64;
            tally.latencies.add(latency);
            if let Some(sums) = tally.by_journey.get_mut(usize::from(journey)) {
                *sums = (sums.0 + 1, sums.1 + latency as f64);
            }
        }
    }

    pub(crate) fn will_return(&mut self, at: u64, from_now: u64) {
        let tally = self.at(at);
        tally.returning += 1;
        tally.away += from_now as f64;
    }

    /// What `of` says of all batches together, and of each.
    pub(crate) fn estimate(&self, of: impl Fn(&PageTally) -> f64) -> Estimate {
        let batches = &self.tallies[1..=self.spans.batches];
        let mut all = batches[0].clone();
        for batch in &batches[1..] {
            all.merge(batch);
        }
        let values: Vec<f64> = batches.iter().map(&of).collect();
        Estimate::of_batches(of(&all), &values)
    }
}
