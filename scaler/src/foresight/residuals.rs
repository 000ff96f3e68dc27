//! How far the load goes beyond what was expected of it, and how likely that is.

use serde::{Deserialize, Serialize};

/// The cells that the possible loads are put into, by their upper ends.
pub(super) const CELLS: usize = 15;
const EDGES: [f64; CELLS + 1] = [
    0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.996, 0.999, 1.0,
];
/// Before anything was seen, one in a cell's middle goes so many mean sizes beyond.
const BEFOREHAND: [f64; CELLS] = [
    -0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 1.9, 2.4, 3.0, 3.5, 4.2, 5.0,
];
/// Its size beforehand, in log load, and how many samples it counts for: a quarter of an hour.
const SIZE: f64 = 0.05;
const SAMPLES: f64 = 60.0;
/// Standardised residuals are counted in bins of a quarter, from −4 to 12.
const BINS: usize = 64;
const LOWEST: f64 = -4.0;
const WIDTH: f64 = 0.25;
/// Further beyond, in log load, counts as so far: four and a half times as much. A reading that lies is no reason to keep a
/// margin for days.
const FURTHEST: f64 = 1.5;
/// Samples after which the fast and the slow mean size forget half: 15 minutes and 2 days.
const FAST: f64 = 60.0;
const SLOW: f64 = 11_520.0;

/// A mean that forgets.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: f64, half_life: f64) {
        let keep = libm::exp2(-1.0 / half_life);
        self.sum = self.sum * keep + value;
        self.weight = self.weight * keep + 1.0;
    }
    fn get(&self) -> f64 {
        self.sum / self.weight
    }
}

/// The predictive distribution's width and shape (a conformal tracker after Gibbs and Candès, arXiv 2106.00170, over
/// standardised residuals).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Residuals {
    fast: Mean,
    slow: Mean,
    counts: Vec<f32>,
    /// What positive residuals are multiplied by, so that as many are above the 0.985 quantile as should be.
    widened: f64,
}

impl Default for Residuals {
    fn default() -> Self {
        let beforehand = Mean {
            sum: SIZE * SAMPLES,
            weight: SAMPLES,
        };
        let mut counts = vec![0.0; BINS];
        for (cell, size) in BEFOREHAND.iter().enumerate() {
            counts[bin(*size)] += (SAMPLES * (EDGES[cell + 1] - EDGES[cell])) as f32;
        }
        Self {
            fast: beforehand,
            slow: beforehand,
            counts,
            widened: 1.0,
        }
    }
}

fn bin(size: f64) -> usize {
    (((size - LOWEST) / WIDTH).max(0.0) as usize).min(BINS - 1)
}

impl Residuals {
    /// Whether it has the shape that it must have; what was saved may be damaged.
    pub(super) fn is_sound(&self) -> bool {
        let fine =
            |mean: &Mean| (0.0..1e9).contains(&mean.sum) && (1e-3..1e9).contains(&mean.weight);
        fine(&self.fast)
            && fine(&self.slow)
            && self.counts.len() == BINS
            && self.counts.iter().all(|x| (0.0..1e9).contains(x))
            && self.counts.iter().sum::<f32>() > 0.0
            && (0.5..=4.0).contains(&self.widened)
    }

    fn size(&self) -> f64 {
        let (fast, slow) = (self.fast.get(), self.slow.get());
        (0.34 * fast + 0.66 * slow).max(0.5 * slow) + 0.001
    }

    /// The log load was `by` above what was expected; shapes forget half in `half_life` samples.
    pub(super) fn learn(&mut self, by: f64, half_life: f64) {
        if !by.is_finite() {
            return;
        }
        let by = by.clamp(-FURTHEST, FURTHEST);
        let standard = by / self.size();
        let edge = self.quantile(0.985);
        let above = if standard > self.widened * edge {
            1.0
        } else {
            0.0
        };
        self.widened = (self.widened + 0.02 * (above - 0.035)).clamp(0.7, 3.0);
        let keep = libm::exp2(-1.0 / half_life) as f32;
        for count in &mut self.counts {
            *count *= keep;
        }
        self.counts[bin(standard)] += 1.0;
        self.fast.add(by.abs(), FAST);
        self.slow.add(by.abs(), SLOW);
    }

    fn quantile(&self, q: f64) -> f64 {
        let mut out = [0.0];
        self.quantiles(&[q], &mut out);
        out[0]
    }

    /// Standardised residuals at these quantiles, which rise; each in the middle of its bin.
    fn quantiles(&self, at: &[f64], out: &mut [f64]) {
        let total: f64 = self.counts.iter().map(|c| f64::from(*c)).sum();
        let (mut bin, mut below) = (0, f64::from(self.counts[0]));
        for (q, out) in at.iter().zip(out) {
            while below < q * total && bin + 1 < BINS {
                bin += 1;
                below += f64::from(self.counts[bin]);
            }
            *out = LOWEST + WIDTH * (bin as f64 + 0.5);
        }
    }

    /// What is added to the expected log load so that it is not exceeded with probability `q`.
    pub(super) fn at(&self, q: f64) -> f64 {
        let quantile = self.quantile(q);
        let widened = if quantile > 0.0 { self.widened } else { 1.0 };
        self.size() * quantile * widened
    }

    /// What is added to the expected log load in each cell, and the cell's weight.
    pub(super) fn offsets(&self) -> [(f64, f64); CELLS] {
        let middles: [f64; CELLS] = std::array::from_fn(|i| (EDGES[i] + EDGES[i + 1]) / 2.0);
        let mut sizes = [0.0; CELLS];
        self.quantiles(&middles, &mut sizes);
        let size = self.size();
        std::array::from_fn(|i| {
            let widened = if sizes[i] > 0.0 { self.widened } else { 1.0 };
            (size * sizes[i] * widened, EDGES[i + 1] - EDGES[i])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_a_whole_and_offsets_rise() {
        let offsets = Residuals::default().offsets();
        assert!((offsets.iter().map(|(_, w)| w).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(offsets.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    #[test]
    fn a_load_without_surprises_leaves_no_margin_and_a_wild_one_a_wide_one() {
        let mut calm = Residuals::default();
        let mut wild = Residuals::default();
        for i in 0..2000 {
            calm.learn(0.0, 1440.0);
            wild.learn(if i % 10 == 0 { 0.5 } else { 0.05 }, 1440.0);
        }
        assert!(calm.offsets()[CELLS - 1].0 < 0.02, "{:?}", calm.offsets());
        let wide = wild.offsets()[11].0;
        assert!((0.4..0.8).contains(&wide), "{wide}");
    }

    #[test]
    fn the_share_above_the_margin_comes_to_what_was_asked() {
        let mut residuals = Residuals::default();
        let mut above = 0;
        let mut state = 1_u64;
        for i in 0..20_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let u = (state >> 11) as f64 / (1_u64 << 53) as f64;
            // Exponential, mean 0.05.
            let by = -0.05 * libm::log(1.0 - u);
            if i >= 4000 && by > residuals.offsets()[11].0 {
                above += 1;
            }
            residuals.learn(by, 1440.0);
        }
        let share = f64::from(above) / 16_000.0;
        assert!((0.015..0.05).contains(&share), "{share}");
    }

    #[test]
    fn absurd_residuals_do_no_harm() {
        let mut residuals = Residuals::default();
        for by in [f64::NAN, f64::INFINITY, 1e308, -1e308] {
            residuals.learn(by, 1440.0);
            assert!(residuals.is_sound());
        }
    }
}
