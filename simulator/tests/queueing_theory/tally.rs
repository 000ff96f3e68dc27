//! What is counted at one service in one span of a run.

use super::histogram::Histogram;

/// Numbers in the system from here on share a cell.
const MOST_SEEN: usize = 4096;
/// Replicas are counted by how many requests they hold, up to so many.
pub(crate) const DEPTH: usize = 12;

/// A number from what was counted.
pub(crate) type Quantity = Box<dyn Fn(&Tally) -> f64>;

/// Sums and counts; times in nanoseconds.
#[derive(Clone)]
pub(crate) struct Tally {
    pub(crate) time: f64,
    /// Integrals over time.
    pub(crate) in_system: f64,
    pub(crate) busy: f64,
    pub(crate) cores_busy: f64,
    pub(crate) starting: f64,
    pub(crate) all_ready: f64,
    /// Of cos ωt and sin ωt times the number in the system.
    pub(crate) wave: (f64, f64),
    /// Time with so many in the system.
    pub(crate) at: Vec<f64>,
    /// Integral of the number of replicas that hold at least so many requests.
    pub(crate) deep: [f64; DEPTH],
    pub(crate) arrived: u64,
    pub(crate) begun: u64,
    pub(crate) waited: u64,
    pub(crate) served: u64,
    pub(crate) turned_away: u64,
    pub(crate) given_up: u64,
    /// Of those who begin, and of those who give up.
    pub(crate) wait: f64,
    pub(crate) vain_wait: f64,
    /// Of the served.
    pub(crate) sojourn: f64,
    pub(crate) waits: Histogram,
    pub(crate) sojourns: Histogram,
    /// Those who wait at most so long, per limit asked for.
    pub(crate) within: Vec<u64>,
}

impl Tally {
    pub(crate) fn new(limits: usize) -> Self {
        Self {
            time: 0.0,
            in_system: 0.0,
            busy: 0.0,
            cores_busy: 0.0,
            starting: 0.0,
            all_ready: 0.0,
            wave: (0.0, 0.0),
            at: vec![0.0; 64],
            deep: [0.0; DEPTH],
            arrived: 0,
            begun: 0,
            waited: 0,
            served: 0,
            turned_away: 0,
            given_up: 0,
            wait: 0.0,
            vain_wait: 0.0,
            sojourn: 0.0,
            waits: Histogram::new(),
            sojourns: Histogram::new(),
            within: vec![0; limits],
        }
    }

    #[inline]
    pub(crate) fn spend(&mut self, number: u32, time: f64) {
        let place = (number as usize).min(MOST_SEEN);
        if place >= self.at.len() {
            self.at.resize(place + 1, 0.0);
        }
        self.at[place] += time;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (own, other) in [
            (&mut self.time, other.time),
            (&mut self.in_system, other.in_system),
            (&mut self.busy, other.busy),
            (&mut self.cores_busy, other.cores_busy),
            (&mut self.starting, other.starting),
            (&mut self.all_ready, other.all_ready),
            (&mut self.wave.0, other.wave.0),
            (&mut self.wave.1, other.wave.1),
            (&mut self.wait, other.wait),
            (&mut self.vain_wait, other.vain_wait),
            (&mut self.sojourn, other.sojourn),
        ] {
            *own += other;
        }
        for (own, other) in [
            (&mut self.arrived, other.arrived),
            (&mut self.begun, other.begun),
            (&mut self.waited, other.waited),
            (&mut self.served, other.served),
            (&mut self.turned_away, other.turned_away),
            (&mut self.given_up, other.given_up),
        ] {
            *own += other;
        }
        let most = self.at.len().max(other.at.len());
        self.at.resize(most, 0.0);
        add(&mut self.at, &other.at);
        add(&mut self.deep, &other.deep);
        for (own, other) in self.within.iter_mut().zip(&other.within) {
            *own += other;
        }
        self.waits.merge(&other.waits);
        self.sojourns.merge(&other.sojourns);
    }

    /// The share of time with at least `least` in the system.
    pub(crate) fn at_least(&self, least: usize) -> f64 {
        self.at.iter().skip(least).sum::<f64>() / self.time
    }

    /// The number in the system that is not exceeded in a share `q` of the time.
    pub(crate) fn number_quantile(&self, q: f64) -> f64 {
        let mut below = 0.0;
        for (number, time) in self.at.iter().enumerate() {
            below += time;
            if below >= q * self.time {
                return number as f64;
            }
        }
        f64::NAN
    }

    /// The variance over time of the number in the system; not a number if it was ever beyond what is counted.
    pub(crate) fn number_variance(&self) -> f64 {
        if self.at.len() > MOST_SEEN {
            return f64::NAN;
        }
        let mean = self.in_system / self.time;
        let square =
            |(number, time): (usize, &f64)| (number as f64 - mean) * (number as f64 - mean) * time;
        self.at.iter().enumerate().map(square).sum::<f64>() / self.time
    }
}

fn add(own: &mut [f64], other: &[f64]) {
    for (own, other) in own.iter_mut().zip(other) {
        *own += other;
    }
}
