//! Least squares with a little pull towards zero.

use serde::{Deserialize, Serialize};

/// What a forecast weighs: see [`super::fit::Weights`].
pub(super) const FEATURES: usize = 8;
pub(super) type Row = [f64; FEATURES];

/// The normal equations X'X and X'y, row by row.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Equations {
    xx: [Row; FEATURES],
    xy: Row,
    rows: f64,
}

impl Equations {
    pub(super) fn is_sound(&self) -> bool {
        self.xx
            .iter()
            .chain([&self.xy])
            .flatten()
            .all(|x| x.is_finite())
            && self.rows >= 0.0
    }

    /// Rows that were added.
    pub(super) const fn rows(&self) -> f64 {
        self.rows
    }

    /// One more row. Only the lower half of X'X is kept.
    pub(super) fn add(&mut self, x: &Row, y: f64) {
        for (i, row) in self.xx.iter_mut().enumerate() {
            for j in 0..=i {
                row[j] += x[i] * x[j];
            }
            self.xy[i] += x[i] * y;
        }
        self.rows += 1.0;
    }

    /// (X'X + diag(penalty))⁻¹ X'y by Cholesky's decomposition (Golub and Van Loan, *Matrix Computations*, 4.2); nothing if the
    /// matrix is not positive definite.
    pub(super) fn solve(&self, penalty: &Row) -> Option<Row> {
        let mut lower = self.xx;
        for j in 0..FEATURES {
            for i in j..FEATURES {
                let done: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
                let own = if i == j { penalty[i] } else { 0.0 };
                let rest = self.xx[i][j] + own - done;
                if i == j {
                    if rest.is_nan() || rest <= 0.0 {
                        return None;
                    }
                    lower[j][j] = rest.sqrt();
                } else {
                    lower[i][j] = rest / lower[j][j];
                }
            }
        }
        let mut x = self.xy;
        for i in 0..FEATURES {
            let done: f64 = (0..i).map(|k| lower[i][k] * x[k]).sum();
            x[i] = (x[i] - done) / lower[i][i];
        }
        for i in (0..FEATURES).rev() {
            let done: f64 = (i + 1..FEATURES).map(|k| lower[k][i] * x[k]).sum();
            x[i] = (x[i] - done) / lower[i][i];
        }
        x.iter().all(|x| x.is_finite()).then_some(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> impl Iterator<Item = Row> {
        let mut state = 9_u64;
        std::iter::from_fn(move || {
            Some(std::array::from_fn(|i| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let x = (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
                if i == 0 { 1.0 } else { x }
            }))
        })
    }

    #[test]
    fn it_finds_what_rows_were_made_from() {
        let truth = [0.3, -1.0, 2.0, 0.0, 0.5, -0.25, 4.0, 1.5];
        let mut equations = Equations::default();
        for row in rows().take(200) {
            let y = row.iter().zip(truth).map(|(x, b)| x * b).sum();
            equations.add(&row, y);
        }
        let found = equations.solve(&[1e-9; FEATURES]).unwrap();
        for (found, truth) in found.iter().zip(truth) {
            assert!((found - truth).abs() < 1e-6, "{found} {truth}");
        }
        let pulled = equations.solve(&[1e6; FEATURES]).unwrap();
        assert!(pulled.iter().all(|b| b.abs() < 0.001), "{pulled:?}");
    }

    #[test]
    fn without_rows_there_is_no_answer() {
        assert_eq!(Equations::default().solve(&[0.0; FEATURES]), None);
        assert_eq!(
            Equations::default().solve(&[1.0; FEATURES]),
            Some([0.0; FEATURES])
        );
        let mut equations = Equations::default();
        equations.add(&[f64::NAN; FEATURES], 1.0);
        assert_eq!(equations.solve(&[1.0; FEATURES]), None);
        assert!(!equations.is_sound());
    }
}
