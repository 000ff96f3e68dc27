//! How many pages of each kind a visit has.

use scenarios::{Journey, PageIndex};

/// How far the normal distribution is followed to either side, and in which steps: the sum over such a grid is exact to
/// many digits for smooth functions (the trapezoidal rule on the whole line).
const WIDTH: f64 = 6.0;
const STEP: f64 = 0.25;

/// The expected number of requests for each page of a journey, over all visits: the length factors of shoppers are
/// log-normal with mean 1. Zeros if visits never end.
pub(crate) fn visits(journey: &Journey) -> Vec<f64> {
    if journey.length_cv <= 0.0 {
        return with_length(journey, 1.0);
    }
    let variance = libm::log1p(journey.length_cv * journey.length_cv);
    let mut sum = vec![0.0; journey.pages.len()];
    let mut weights = 0.0;
    let mut z = -WIDTH;
    while z <= WIDTH {
        let weight = libm::exp(-z * z / 2.0);
        let length = libm::exp(variance.sqrt() * z - variance / 2.0);
        for (sum, visits) in sum.iter_mut().zip(with_length(journey, length)) {
            *sum += weight * visits;
        }
        weights += weight;
        z += STEP;
    }
    sum.iter_mut().for_each(|sum| *sum /= weights);
    sum
}

/// The same for shoppers of one length factor, which divides the chance to leave: v = start + Pᵀ v.
fn with_length(journey: &Journey, length: f64) -> Vec<f64> {
    let count = journey.pages.len();
    // Row p: v_p − Σ_q P_qp · v_q = start_p.
    let mut rows = vec![vec![0.0; count + 1]; count];
    for (place, row) in rows.iter_mut().enumerate() {
        row[place] = 1.0;
    }
    let starts: f64 = journey.start.iter().map(|(_, chance)| chance).sum();
    for (PageIndex(page), chance) in &journey.start {
        rows[*page as usize][count] += chance / starts;
    }
    for (from, page) in journey.pages.iter().enumerate() {
        let on: f64 = page.next.iter().map(|(_, chance)| chance).sum();
        let stay = 1.0 - ((1.0 - on).max(0.0) / length).min(1.0);
        for (PageIndex(to), chance) in &page.next {
            if on > 0.0 {
                rows[*to as usize][from] -= stay * chance / on;
            }
        }
    }
    solve(rows).unwrap_or_else(|| vec![0.0; count])
}

/// Gauss's elimination with the largest pivot; nothing if there is no one solution.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let count = rows.len();
    for column in 0..count {
        let pivot = (column..count).max_by(|a, b| {
            let size = |row: &usize| rows[*row][column].abs();
            size(a).total_cmp(&size(b))
        })?;
        if rows[pivot][column].abs() < 1e-12 {
            return None;
        }
        rows.swap(column, pivot);
        let (done, rest) = rows.split_at_mut(column + 1);
        let top = &done[column];
        for row in rest {
            let factor = row[column] / top[column];
            if factor != 0.0 {
                for (value, above) in row.iter_mut().zip(top).skip(column) {
                    *value -= factor * above;
                }
            }
        }
    }
    let mut solution = vec![0.0; count];
    for row in (0..count).rev() {
        let known: f64 = (row + 1..count).map(|i| rows[row][i] * solution[i]).sum();
        solution[row] = (rows[row][count] - known) / rows[row][row];
    }
    solution
        .iter()
        .all(|v| v.is_finite() && *v >= -1e-9)
        .then_some(solution)
}
