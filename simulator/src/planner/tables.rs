//! Waiting times by load and number of replicas: simulated where they are first needed, and blended in between.

use std::collections::BTreeMap;

use super::inverse::Inverse;
use super::station::{self, Station, Waits};

/// The utilisations that are simulated. Above the last, what comes is counted as a backlog instead.
const LOADS: [f64; 11] = [0.0, 0.2, 0.35, 0.5, 0.6, 0.7, 0.78, 0.85, 0.9, 0.94, 0.97];
/// The numbers of replicas that are simulated. More than the last wait no less.
const REPLICAS: [u32; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
/// How many arrivals are simulated: the more, the longer queues remember.
const ARRIVALS: [u32; 11] = [
    0, 20_000, 20_000, 30_000, 40_000, 60_000, 80_000, 100_000, 120_000, 160_000, 240_000,
];
/// Shapes of the time that a slot is held are told apart if their variances differ by this factor.
const SHAPES: f64 = 1.3;

/// The highest utilisation that there are tables for.
pub(super) const HIGHEST: f64 = LOADS[LOADS.len() - 1];

/// What is asked of the tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) service: u16,
    pub(super) station: Station,
    /// Above 0, at most [`HIGHEST`].
    pub(super) utilisation: f64,
    /// The squared coefficient of variation of the time that a slot is held.
    pub(super) variation: f64,
}

/// Service, shape, replicas, load.
type Key = (u16, i16, u8, u8);

/// All that was simulated so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    known: BTreeMap<Key, Waits>,
    /// Samples of the time that a slot is held, with mean 1, by service and shape.
    samples: BTreeMap<(u16, i16), Vec<f32>>,
}

impl Tables {
    /// Makes `into` the waits for what is asked, in mean times that a slot is held; the share that finds no room.
    /// `sample` gives times that slots are held, if they are needed.
    pub(super) fn look_up(
        &mut self,
        asked: Asked,
        sample: impl Fn() -> Vec<f32>,
        into: &mut Inverse,
    ) -> f64 {
        let shape = libm::round(libm::log(asked.variation + 0.05) / libm::log(SHAPES)) as i16;
        let corners = corners(&asked);
        for (replicas, load, _) in corners {
            self.make(
                (asked.service, shape, replicas, load),
                asked.station,
                &sample,
            );
        }
        let known = corners.map(|(replicas, load, weight)| {
            let waits = self.known.get(&(asked.service, shape, replicas, load));
            waits.map(|waits| (weight, waits))
        });
        let known: Vec<(f64, &Waits)> = known
            .into_iter()
            .flatten()
            .filter(|(w, _)| *w > 0.0)
            .collect();
        let parts: Vec<(f64, &Inverse)> = known
            .iter()
            .map(|(w, waits)| (*w, &waits.inverse))
            .collect();
        into.blend(&parts);
        known
            .iter()
            .map(|(weight, waits)| weight * waits.shed)
            .sum()
    }

    /// How many tables were made so far.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    fn make(&mut self, key: Key, station: Station, sample: &impl Fn() -> Vec<f32>) {
        let (service, shape, replicas, load) = key;
        if self.known.contains_key(&key) {
            return;
        }
        let held = self.samples.entry((service, shape)).or_insert_with(sample);
        let station = Station {
            replicas: REPLICAS[usize::from(replicas)],
            ..station
        };
        let load = usize::from(load);
        let waits = station::waits(station, LOADS[load], held, ARRIVALS[load]);
        self.known.insert(key, waits);
    }
}

/// The four simulated neighbours of what is asked, with their weights. Between loads waits grow about as ρ² ÷ (1 − ρ),
/// between numbers of replicas about as their inverse.
fn corners(asked: &Asked) -> [(u8, u8, f64); 4] {
    let growth = |load: f64| load * load / (1.0 - load);
    let (low, high, above) = between(&LOADS, asked.utilisation.min(HIGHEST), growth);
    let inverse = |replicas: u32| -1.0 / f64::from(replicas);
    let (few, many, more) = between(&REPLICAS, asked.station.replicas.max(1), inverse);
    [
        (few, low, (1.0 - more) * (1.0 - above)),
        (few, high, (1.0 - more) * above),
        (many, low, more * (1.0 - above)),
        (many, high, more * above),
    ]
}

/// The places of the two nodes around a value, and the weight of the second on the scale that `on` gives.
fn between<T: Copy + PartialOrd>(nodes: &[T], value: T, on: impl Fn(T) -> f64) -> (u8, u8, f64) {
    let last = nodes.len() - 1;
    let high = nodes.partition_point(|node| *node < value).min(last);
    let low = high.saturating_sub(1);
    let (from, to) = (on(nodes[low]), on(nodes[high]));
    let part = if to > from {
        ((on(value) - from) / (to - from)).clamp(0.0, 1.0)
    } else {
        1.0
    };
    // A node that weighs nothing need not be simulated.
    match part {
        0.0 => (low as u8, low as u8, 1.0),
        1.0 => (high as u8, high as u8, 1.0),
        _ => (low as u8, high as u8, part),
    }
}

#[cfg(test)]
mod tests {
    use scenarios::{Balance, Draws, Stream};

    use super::*;

    fn exponential() -> Vec<f32> {
        let mut luck = Draws::new(1, Stream::Fault { fault: 1 });
        (0..16_384).map(|_| luck.exponential() as f32).collect()
    }

    fn asked(replicas: u32, utilisation: f64) -> Asked {
        Asked {
            service: 0,
            station: Station {
                replicas,
                slots: 2,
                queue: 1000,
                balance: Balance::PowerOfTwo,
                central: false,
            },
            utilisation,
            variation: 1.0,
        }
    }

    #[test]
    fn between_the_nodes_it_is_what_a_simulation_gives() {
        let mut tables = Tables::default();
        let mut blended = Inverse::zero();
        for (replicas, utilisation) in [(3, 0.65), (6, 0.74), (12, 0.55), (24, 0.82), (90, 0.74)] {
            let asked = asked(replicas, utilisation);
            tables.look_up(asked, exponential, &mut blended);
            let direct = station::waits(asked.station, utilisation, &exponential(), 600_000);
            let (is, expected) = (blended.moments().0, direct.inverse.moments().0);
            // Waits are short beside the time that a slot is held, 1: it is the sum that is seen.
            assert!(
                (is - expected).abs() < 0.02,
                "{replicas} at {utilisation}: {is}, not {expected}"
            );
            let tail = direct.inverse.above(1.0);
            assert!(
                (blended.above(1.0) - tail).abs() < 0.012,
                "{replicas} at {utilisation}"
            );
        }
    }

    #[test]
    fn only_what_is_needed_is_simulated() {
        let mut tables = Tables::default();
        let mut blended = Inverse::zero();
        tables.look_up(asked(4, 0.7), exponential, &mut blended);
        assert_eq!(tables.known.len(), 1);
        tables.look_up(asked(4, 0.72), exponential, &mut blended);
        assert_eq!(tables.known.len(), 2);
        tables.look_up(asked(5, 0.72), exponential, &mut blended);
        assert_eq!(tables.known.len(), 4);
    }
}
