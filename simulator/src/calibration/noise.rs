//! How much the figures of a staircase scatter, and together.

/// Numbers by chance that are the same every time: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
#[derive(Clone, Copy, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A place among so many.
    pub(super) const fn below(&mut self, most: usize) -> usize {
        ((self.next() as u128 * most as u128) >> 64) as usize
    }
}

/// A positive definite matrix as the product of a lower triangle and its mirror image (Cholesky).
#[derive(Clone, Debug)]
pub(super) struct Triangle(Vec<Vec<f64>>);

impl Triangle {
    /// Nothing if the matrix is not positive definite. Only its lower half is read.
    pub(super) fn of(matrix: &[Vec<f64>]) -> Option<Self> {
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
        for (i, row) in matrix.iter().enumerate() {
            let mut made = Vec::with_capacity(i + 1);
            for j in 0..=i {
                let other: &[f64] = if i == j { &made } else { &rows[j] };
                let rest = row[j] - dot(&made[..j], &other[..j]);
                if i == j {
                    let positive = rest > 1e-14 * row[i].abs();
                    made.push(positive.then(|| rest.sqrt())?);
                } else {
                    made.push(rest / other[j]);
                }
            }
            rows.push(made);
        }
        Some(Self(rows))
    }

    /// The values as numbers that scatter by one, each on its own.
    pub(super) fn whiten(&self, values: &[f64]) -> Vec<f64> {
        let mut white: Vec<f64> = Vec::with_capacity(values.len());
        for (row, value) in self.0.iter().zip(values) {
            let known = white.len();
            white.push((value - dot(&row[..known], &white)) / row[known]);
        }
        white
    }

    /// The logarithm of the determinant.
    pub(super) fn log_determinant(&self) -> f64 {
        let diagonal = self.0.iter().filter_map(|row| row.last());
        2.0 * diagonal.map(|v| libm::log(*v)).sum::<f64>()
    }
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// How the figures of a staircase scatter.
#[derive(Clone, Debug)]
pub(super) struct Noise {
    pub(super) scatter: Triangle,
    /// By how much each figure changes with its step's rate: of the logarithms.
    pub(super) slopes: Vec<f64>,
}

/// Figures of one simulated staircase.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    /// One after the other.
    pub(super) figures: Vec<f64>,
    /// For each figure by how much more was due at its step than was meant: the logarithm.
    pub(super) more: Vec<f64>,
}

impl Drawn {
    /// The figures as they would be had as much been due as was meant.
    pub(super) fn levelled(&self, slopes: &[f64]) -> Vec<f64> {
        let all = self.figures.iter().zip(&self.more).zip(slopes);
        all.map(|((figure, more), slope)| figure - slope * more)
            .collect()
    }
}

/// The same staircases with the measured times, and with those of other feet.
pub(super) struct Scattered {
    pub(super) same: Vec<Drawn>,
    pub(super) other: Vec<Drawn>,
}

impl Noise {
    /// From staircases that were simulated with other luck. Figures of different steps scatter on their own, but for what
    /// the foot's luck does to all of them. `blocks` has the number of figures of each step, `floors` the least scatter
    /// of each figure; `mean_of` says over how many staircases those that are compared with this will be averaged.
    /// Nothing if it cannot be told.
    pub(super) fn of(
        drawn: &Scattered,
        blocks: &[usize],
        floors: &[f64],
        mean_of: u32,
    ) -> Option<Self> {
        let n = drawn.same.len() as f64;
        let slopes = slopes(&drawn.same);
        let levelled = |all: &[Drawn]| -> Vec<Vec<f64>> {
            all.iter().map(|one| one.levelled(&slopes)).collect()
        };
        let (same, other) = (levelled(&drawn.same), levelled(&drawn.other));
        let means = means(&same);
        let own: Vec<Vec<f64>> = same.iter().map(|one| minus(one, &means)).collect();
        let feet: Vec<Vec<f64>> = other.iter().zip(&same).map(|(a, b)| minus(a, b)).collect();
        let mut matrix = vec![vec![0.0; floors.len()]; floors.len()];
        let mut from = 0;
        for &block in blocks {
            // What is taken from the diagonal: the mean and the slope. The second factor makes the inverse, which is what
            // counts, right on average (T. W. Anderson, An Introduction to Multivariate Statistical Analysis, 7.7).
            let free = n - 2.0;
            let inverse = free / (free - block as f64 - 1.0).max(1.0);
            let factor = inverse * (1.0 + 1.0 / f64::from(mean_of)) / free.max(1.0);
            for i in from..from + block {
                for j in from..=i {
                    matrix[i][j] += factor * own.iter().map(|one| one[i] * one[j]).sum::<f64>();
                }
            }
            from += block;
        }
        for (i, floor) in floors.iter().enumerate() {
            for j in 0..=i {
                matrix[i][j] += feet.iter().map(|one| one[i] * one[j]).sum::<f64>() / n;
            }
            matrix[i][i] += floor * floor;
        }
        let scatter = Triangle::of(&matrix)?;
        Some(Self { scatter, slopes })
    }

    /// Before anything is known: each figure on its own.
    pub(super) fn guessed(scatters: &[f64]) -> Option<Self> {
        let row = |(i, s): (usize, &f64)| {
            let mut row = vec![0.0; scatters.len()];
            row[i] = s * s;
            row
        };
        let matrix: Vec<Vec<f64>> = scatters.iter().enumerate().map(row).collect();
        Some(Self {
            scatter: Triangle::of(&matrix)?,
            slopes: vec![0.0; scatters.len()],
        })
    }

    /// How unlikely these deviations are: the sum of their squares, in units of their scatter.
    pub(super) fn unlikely(&self, off: &[f64]) -> f64 {
        self.scatter.whiten(off).iter().map(|v| v * v).sum()
    }
}

/// Each figure's regression on what more was due.
fn slopes(drawn: &[Drawn]) -> Vec<f64> {
    let count = drawn.first().map_or(0, |one| one.figures.len());
    let slope = |i: usize| {
        let n = drawn.len() as f64;
        let mean = |of: fn(&Drawn) -> &Vec<f64>| drawn.iter().map(|d| of(d)[i]).sum::<f64>() / n;
        let (figure, more) = (mean(|d| &d.figures), mean(|d| &d.more));
        let off = |d: &Drawn| (d.figures[i] - figure, d.more[i] - more);
        let (mut both, mut squares) = (0.0, 0.0);
        for (figure, more) in drawn.iter().map(off) {
            both += figure * more;
            squares += more * more;
        }
        if squares > 0.0 { both / squares } else { 0.0 }
    };
    (0..count).map(slope).collect()
}

fn means(all: &[Vec<f64>]) -> Vec<f64> {
    let count = all.first().map_or(0, Vec::len);
    let mean = |i: usize| all.iter().map(|one| one[i]).sum::<f64>() / all.len() as f64;
    (0..count).map(mean).collect()
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_triangle_whitens_what_it_is_made_of() {
        let matrix = [vec![4.0], vec![2.0, 3.0], vec![0.4, -0.5, 2.0]].to_vec();
        let triangle = Triangle::of(&matrix).unwrap();
        // x' M⁻¹ x by hand for the first two: M⁻¹ = [3 −2; −2 4] ÷ 8.
        let two = Triangle::of(&matrix[..2]).unwrap();
        let white = two.whiten(&[1.0, 2.0]);
        assert!((dot(&white, &white) - (3.0 - 8.0 + 16.0) / 8.0).abs() < 1e-12);
        assert!((two.log_determinant() - libm::log(8.0)).abs() < 1e-12);
        assert_eq!(triangle.whiten(&[2.0, 1.0, 0.2])[0], 1.0);
        assert!(Triangle::of(&[vec![1.0], vec![1.0, 1.0]]).is_none(), "flat");
        assert!(Triangle::of(&[vec![f64::NAN]]).is_none());
    }

    #[test]
    fn scatter_is_that_of_steps_and_of_the_foot_together() {
        // Two steps of a figure each; the first follows its rate, and both follow the foot.
        let mut chance = Chance::new(3);
        let mut even = || chance.next() as f64 / u64::MAX as f64 - 0.5;
        let mut scattered = Scattered {
            same: Vec::new(),
            other: Vec::new(),
        };
        for _ in 0..4000 {
            let (more, first, second, foot) = (even(), even(), even(), even());
            let drawn = |foot: f64| Drawn {
                figures: vec![2.0 * more + 0.1 * first + foot, 0.2 * second + foot],
                more: vec![more, 0.0],
            };
            scattered.same.push(drawn(0.0));
            scattered.other.push(drawn(foot));
        }
        let noise = Noise::of(&scattered, &[1, 1], &[0.0, 0.0], 1).unwrap();
        assert!((noise.slopes[0] - 2.0).abs() < 0.01 && noise.slopes[1] == 0.0);
        // Numbers that are even from −½ to ½ have a variance of 1/12; what is compared scatters as well.
        let (a, b, both) = (
            0.02 / 12.0 + 1.0 / 12.0,
            0.08 / 12.0 + 1.0 / 12.0,
            1.0 / 12.0,
        );
        let expected = (b - 2.0 * both + a) / (a * b - both * both);
        assert!((noise.unlikely(&[1.0, 1.0]) / expected - 1.0).abs() < 0.05);
        let apart = (b + 2.0 * both + a) / (a * b - both * both);
        assert!((noise.unlikely(&[1.0, -1.0]) / apart - 1.0).abs() < 0.05);
    }
}
