//! The simplex search of Nelder and Mead, with their own coefficients.

/// Where a search ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) at: Vec<f64>,
    pub(super) loss: f64,
}

/// The point with the least `loss` that is found from `start` with first steps as long as `steps`, in about so many
/// `tries`, or when its corners' losses differ by no more than `flat`. A loss that is no number counts as infinite.
pub(super) fn least(
    start: &[f64],
    steps: &[f64],
    tries: u32,
    flat: f64,
    loss: impl FnMut(&[f64]) -> f64,
) -> Found {
    let mut search = Search { loss, left: tries };
    let mut simplex = vec![search.at(start.to_vec())];
    for (place, step) in steps.iter().enumerate() {
        let mut corner = start.to_vec();
        corner[place] += step;
        simplex.push(search.at(corner));
    }
    loop {
        simplex.sort_by(|a, b| a.loss.total_cmp(&b.loss));
        let (best, worst) = (simplex[0].loss, simplex[simplex.len() - 1].loss);
        let flat = worst - best <= flat;
        if simplex.len() == 1 || flat || search.left == 0 {
            return simplex.swap_remove(0);
        }
        search.step(&mut simplex);
    }
}

struct Search<L> {
    loss: L,
    left: u32,
}

impl<L: FnMut(&[f64]) -> f64> Search<L> {
    fn at(&mut self, at: Vec<f64>) -> Found {
        self.left = self.left.saturating_sub(1);
        let loss = (self.loss)(&at);
        let loss = if loss.is_nan() { f64::INFINITY } else { loss };
        Found { at, loss }
    }

    /// One step of a sorted simplex of two corners or more: its worst corner is replaced, or all go towards the best.
    fn step(&mut self, simplex: &mut [Found]) {
        let last = simplex.len() - 1;
        let centre = centre(&simplex[..last]);
        let worst = simplex[last].clone();
        let towards = |way: f64| -> Vec<f64> {
            let pairs = centre.iter().zip(&worst.at);
            pairs.map(|(c, w)| c + way * (c - w)).collect()
        };
        let reflected = self.at(towards(1.0));
        if reflected.loss < simplex[0].loss {
            let expanded = self.at(towards(2.0));
            simplex[last] = if expanded.loss < reflected.loss {
                expanded
            } else {
                reflected
            };
            return;
        }
        if reflected.loss < simplex[last - 1].loss {
            simplex[last] = reflected;
            return;
        }
        let outside = reflected.loss < worst.loss;
        let contracted = self.at(towards(if outside { 0.5 } else { -0.5 }));
        if contracted.loss < worst.loss.min(reflected.loss) {
            simplex[last] = contracted;
            return;
        }
        let best = simplex[0].at.clone();
        for corner in &mut simplex[1..] {
            let pairs = corner.at.iter().zip(&best);
            *corner = self.at(pairs.map(|(c, b)| f64::midpoint(*c, *b)).collect());
        }
    }
}

fn centre(corners: &[Found]) -> Vec<f64> {
    let n = corners.len() as f64;
    let length = corners.first().map_or(0, |c| c.at.len());
    (0..length)
        .map(|place| corners.iter().map(|c| c.at[place]).sum::<f64>() / n)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f64) -> f64 {
        x * x
    }

    #[test]
    fn it_finds_the_bottom_of_valleys() {
        let bowl = least(&[5.0, -3.0], &[1.0, 1.0], 400, 1e-9, |p| {
            square(p[0] - 1.0) + 4.0 * square(p[1] - 2.0)
        });
        assert!(
            (bowl.at[0] - 1.0).abs() < 1e-3 && (bowl.at[1] - 2.0).abs() < 1e-3,
            "{bowl:?}"
        );
        // Rosenbrock's, which is curved and nearly flat along its bottom.
        let banana = least(&[-1.2, 1.0], &[0.5, 0.5], 2000, 1e-9, |p| {
            100.0 * square(p[1] - p[0] * p[0]) + square(1.0 - p[0])
        });
        assert!((banana.at[0] - 1.0).abs() < 1e-2, "{banana:?}");
    }

    #[test]
    fn it_keeps_to_its_tries_and_survives_what_is_no_number() {
        let mut tries = 0;
        let found = least(&[1.0], &[1.0], 17, 0.0, |p| {
            tries += 1;
            if p[0] < 0.0 { f64::NAN } else { p[0] }
        });
        assert!(tries <= 20, "{tries}");
        assert!(found.loss >= 0.0 && found.loss < 1.0, "{found:?}");
        let alone = least(&[], &[], 10, 0.0, |_| 3.0);
        assert_eq!(alone.loss, 3.0);
    }
}
