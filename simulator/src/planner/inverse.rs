//! Distributions as tables of quantiles, fine in the tail: a draw costs a few nanoseconds.

use metrics::Quantile;
use scenarios::{Distribution, Draws};

/// Each octave holds half of what the one before it holds of the tail: the last ends at 1 in a million.
const OCTAVES: usize = 20;
/// Cells of an octave.
const CELLS: usize = 32;
/// Points of a table.
const POINTS: usize = OCTAVES * CELLS + 1;

/// An inverse distribution function: durations in seconds by the share that they exceed.
#[derive(Clone, Debug)]
pub(super) struct Inverse {
    points: Box<[f32]>,
}

/// The share of all that a point exceeds.
fn exceeded_by(point: usize) -> f64 {
    let (octave, cell) = (point / CELLS, point % CELLS);
    let scale = libm::ldexp(1.0, -(octave as i32) - 1);
    scale * (2.0 - cell as f64 / CELLS as f64)
}

impl Inverse {
    /// A distribution that is always zero.
    pub(super) fn zero() -> Self {
        Self {
            points: vec![0.0; POINTS].into(),
        }
    }

    /// That of `distribution`, `factor` times as long.
    pub(super) fn of(distribution: &Distribution, factor: f64) -> Self {
        let at = |point| {
            let quantile = Quantile::new(1.0 - exceeded_by(point)).unwrap_or(Quantile::P50);
            (distribution.quantile(quantile).as_secs_f64() * factor) as f32
        };
        let mut points: Vec<f32> = (0..POINTS).map(at).collect();
        // A straight line through half of a cell of the lowest values is no worse than what they are.
        points[0] = points[0].min(points[1]);
        Self {
            points: points.into(),
        }
    }

    /// That of a sample of so many zeros and of these values, which must be in order.
    pub(super) fn of_sorted(zeros: usize, sample: &[f32]) -> Self {
        let count = zeros + sample.len();
        let value = |place: usize| match place.checked_sub(zeros) {
            Some(place) => sample.get(place).or(sample.last()).copied().unwrap_or(0.0),
            None => 0.0,
        };
        let at = |point| {
            let place = ((1.0 - exceeded_by(point)) * count as f64 - 0.5).max(0.0);
            let below = place as usize;
            let (low, high) = (value(below), value(below + 1));
            low + (high - low) * (place - below as f64) as f32
        };
        Self {
            points: (0..POINTS).map(at).collect(),
        }
    }

    /// Becomes the sum of these, each so many times: quantile by quantile.
    pub(super) fn blend(&mut self, parts: &[(f64, &Self)]) {
        self.points.fill(0.0);
        for (weight, part) in parts {
            let weight = *weight as f32;
            for (point, more) in self.points.iter_mut().zip(&part.points) {
                *point += weight * more;
            }
        }
    }

    /// Becomes always zero.
    pub(super) fn clear(&mut self) {
        self.points.fill(0.0);
    }

    /// Draws a duration in seconds.
    #[inline]
    pub(super) fn draw(&self, luck: &mut Draws) -> f64 {
        self.at(luck.bits())
    }

    /// The duration that belongs to 64 bits of luck: leading zeros say which octave of the tail, the bits after the first
    /// one which cell of it and where in the cell.
    #[inline]
    fn at(&self, bits: u64) -> f64 {
        let octave = (bits.leading_zeros() as usize).min(OCTAVES - 1);
        // The larger the rest, the more exceed it: the other way round for a quantile.
        let rest = !(bits << octave << 1);
        let cell = (rest >> (64 - CELLS.trailing_zeros())) as usize;
        let part = ((rest << CELLS.trailing_zeros()) >> 40) as f32 / (1_u32 << 24) as f32;
        let point = octave * CELLS + cell;
        let (low, high) = (self.points[point], self.points[point + 1]);
        f64::from(low + (high - low) * part)
    }

    /// The share of draws above `limit` seconds.
    pub(super) fn above(&self, limit: f64) -> f64 {
        let limit = limit as f32;
        let point = self.points.partition_point(|value| *value <= limit);
        match (point.checked_sub(1), self.points.get(point)) {
            (_, None) => 0.0,
            (None, _) => 1.0,
            (Some(below), Some(high)) => {
                let low = self.points[below];
                let part = f64::from((limit - low) / (high - low).max(f32::MIN_POSITIVE));
                let (more, less) = (exceeded_by(below), exceeded_by(point));
                more + (less - more) * part
            }
        }
    }

    /// Mean and mean square.
    pub(super) fn moments(&self) -> (f64, f64) {
        let (mut mean, mut square) = (0.0, 0.0);
        // The share of all in a cell halves from octave to octave; beyond the last there is one in a million.
        let mut share = 0.5 / CELLS as f64;
        for octave in 0..OCTAVES {
            let points = &self.points[octave * CELLS..=(octave + 1) * CELLS];
            let (mut sum, mut squares) = (0.0, 0.0);
            for ends in points.windows(2) {
                let (low, high) = (f64::from(ends[0]), f64::from(ends[1]));
                sum += (low + high) / 2.0;
                squares += (low * low + low * high + high * high) / 3.0;
            }
            mean += share * sum;
            square += share * squares;
            share /= 2.0;
        }
        (mean, square)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scenarios::Stream;

    use super::*;

    fn luck() -> Draws {
        Draws::new(7, Stream::Fault { fault: 0 })
    }

    #[test]
    fn draws_are_those_of_the_distribution_into_the_tail() {
        let mean = Duration::from_millis(100);
        for meant in [
            Distribution::constant(mean),
            Distribution::exponential(mean).unwrap(),
            Distribution::from_mean_cv(mean, 0.9).unwrap(),
        ] {
            let (table, mut luck) = (Inverse::of(&meant, 1.0), luck());
            let mut drawn: Vec<f64> = (0..400_000).map(|_| table.draw(&mut luck)).collect();
            drawn.sort_by(f64::total_cmp);
            let average = drawn.iter().sum::<f64>() / drawn.len() as f64;
            assert!((average / 0.1 - 1.0).abs() < 0.01, "{meant:?}: {average}");
            assert!((table.moments().0 / 0.1 - 1.0).abs() < 0.002, "{meant:?}");
            for q in [0.1, 0.5, 0.9, 0.99, 0.999] {
                let expected = meant.quantile(Quantile::new(q).unwrap()).as_secs_f64();
                let is = drawn[(q * drawn.len() as f64) as usize];
                assert!(
                    (is / expected - 1.0).abs() < 0.03,
                    "{meant:?} at {q}: {is}, not {expected}"
                );
                if is > drawn[0] {
                    let above = table.above(expected);
                    assert!(
                        (above / (1.0 - q) - 1.0).abs() < 0.02,
                        "{meant:?} at {q}: {above}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_sample_comes_back() {
        let sample: Vec<f32> = (0..1000).map(|i| i as f32 / 1000.0).collect();
        let table = Inverse::of_sorted(0, &sample);
        let (mean, square) = table.moments();
        assert!((mean - 0.5).abs() < 0.002, "{mean}");
        assert!((square - 1.0 / 3.0).abs() < 0.002, "{square}");
        assert!((table.above(0.9) - 0.1).abs() < 0.002);
        let half = Inverse::of_sorted(1000, &sample);
        assert!((half.moments().0 - 0.25).abs() < 0.002);
        assert!((half.above(0.0) - 0.5).abs() < 0.002);
        assert!(Inverse::of_sorted(0, &[]).moments().0.abs() < f64::EPSILON);
    }
}
