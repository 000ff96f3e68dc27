//! What all workers have counted, put together once a second.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Counts, Grid, Histogram, Precision, Timestamp, Window};

use crate::tally::Piece;
use crate::{Failures, Outcome};

/// What a run tells while it goes on, once a second.
#[derive(Clone, Debug, PartialEq)]
pub enum Emission {
    /// A piece of a window: pieces of the same start add up. Late results come as pieces of earlier windows.
    Window(Window),
    /// A variable got a new value from a served answer.
    Collected(Collected),
}

/// A variable's new value, such as the number of an order that was acknowledged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Collected {
    /// The variable.
    pub variable: String,
    /// What the answer said.
    pub value: String,
    /// The page, as `journey/page`.
    pub page: String,
    /// The shopper.
    pub shopper: u64,
    /// When the answer was complete.
    pub at: Timestamp,
}

/// One second of all workers.
#[derive(Debug, Default)]
struct Second {
    told: u32,
    windows: BTreeMap<Timestamp, Window>,
    collected: Vec<Collected>,
    cpu: Option<f64>,
    connections: u64,
}

/// Puts the workers' pieces together, second by second, and sums the run up.
#[derive(Debug)]
pub(crate) struct Report {
    grid: Grid,
    workers: u32,
    seconds: BTreeMap<u64, Second>,
    counts: Counts,
    lateness: Histogram,
    failures: Failures,
    queued: u64,
    peak: u64,
    /// CPU time and wall time by window, then by worker.
    cpu: BTreeMap<Timestamp, BTreeMap<u32, (Duration, Duration)>>,
}

impl Report {
    pub(crate) fn new(grid: Grid, workers: u32) -> Self {
        Self {
            grid,
            workers,
            seconds: BTreeMap::new(),
            counts: Counts::default(),
            lateness: Histogram::new(Precision::Whole),
            failures: Failures::default(),
            queued: 0,
            peak: 0,
            cpu: BTreeMap::new(),
        }
    }

    /// Takes a piece. What is complete by it is emitted.
    pub(crate) fn add(&mut self, piece: Piece, emit: &mut impl FnMut(Emission)) {
        self.add_cpu(&piece);
        self.failures.add(piece.failures);
        let second = self.seconds.entry(piece.second).or_default();
        second.told += 1;
        second.connections += u64::from(piece.connections);
        second.collected.extend(piece.collected);
        for window in piece.windows {
            let start = window.start;
            second
                .windows
                .entry(start)
                .or_insert_with(|| Window::new(start, window.length))
                .add(&window);
        }
        if let Some((busy, wall)) = piece.cpu {
            let share = share(busy, wall);
            second.cpu = Some(second.cpu.map_or(share, |other| other.max(share)));
        }
        while let Some(first) = self.seconds.first_entry() {
            if first.get().told < self.workers {
                break;
            }
            let (number, second) = first.remove_entry();
            self.emit(number, second, emit);
        }
    }

    fn add_cpu(&mut self, piece: &Piece) {
        let Some((busy, wall)) = piece.cpu else {
            return;
        };
        let at = self.grid.start + Duration::from_secs(piece.second);
        let sums = self.cpu.entry(self.grid.window_of(at)).or_default();
        let sum = sums.entry(piece.worker).or_default();
        *sum = (sum.0 + busy, sum.1 + wall);
    }

    fn emit(&mut self, number: u64, mut second: Second, emit: &mut impl FnMut(Emission)) {
        self.peak = self.peak.max(second.connections);
        let at = self.grid.start + Duration::from_secs(number);
        let own = self.grid.window_of(at);
        if second.connections > 0 || second.cpu.is_some() {
            let window = second
                .windows
                .entry(own)
                .or_insert_with(|| Window::new(own, self.grid.length));
            let generator = window.generator.get_or_insert_default();
            generator.connections = second.connections;
            generator.cpu = second.cpu;
        }
        for window in second.windows.into_values() {
            for series in window.pages.values() {
                self.counts.add(&series.counts);
            }
            if let Some(generator) = &window.generator {
                self.queued += generator.queued;
                if let Some(lateness) = &generator.lateness {
                    self.lateness.add(lateness);
                }
            }
            emit(Emission::Window(window));
        }
        for collected in second.collected {
            emit(Emission::Collected(collected));
        }
    }

    /// The run is over: what is left is emitted, and all is summed up.
    pub(crate) fn finish(mut self, emit: &mut impl FnMut(Emission)) -> Outcome {
        for (number, second) in std::mem::take(&mut self.seconds) {
            self.emit(number, second, emit);
        }
        let busiest = |workers: &BTreeMap<u32, (Duration, Duration)>| {
            let shares = workers.values().map(|(busy, wall)| share(*busy, *wall));
            shares.fold(0.0, f64::max)
        };
        let cpu = self.cpu.values().map(busiest).collect();
        Outcome::judged(
            self.counts,
            self.lateness,
            self.failures,
            cpu,
            (self.queued, self.peak),
        )
    }
}

fn share(busy: Duration, wall: Duration) -> f64 {
    if wall.is_zero() {
        return 0.0;
    }
    (busy.as_secs_f64() / wall.as_secs_f64()).min(1.0)
}
