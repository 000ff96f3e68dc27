//! The gamma distribution, cut into equal parts.

/// The means of `count` equally likely parts of a gamma distribution with this shape and mean 1, in ascending order.
pub(crate) fn parts(shape: f64, count: usize) -> Vec<f64> {
    let mut parts = Vec::with_capacity(count);
    // What all parts so far add to the mean: E[X; X ≤ x] = P(shape + 1, x) for X with mean 1.
    let (mut below, mut from) = (0.0, 0.0);
    for part in 1..=count {
        let (upto, x) = if part == count {
            (1.0, f64::INFINITY)
        } else {
            let x = quantile(shape, part as f64 / count as f64, from);
            (lower(shape + 1.0, x), x)
        };
        parts.push((upto - below).max(0.0) * count as f64);
        (below, from) = (upto, x);
    }
    parts
}

/// Where the distribution function with scale 1 reaches `q`, by halving.
fn quantile(shape: f64, q: f64, from: f64) -> f64 {
    let mut low = from;
    let mut high = (2.0 * from).max(shape * 1e-12);
    while lower(shape, high) < q {
        high *= 2.0;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if lower(shape, middle) < q {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The regularised lower incomplete gamma function P(a, x): a series below a + 1, a continued fraction above
/// (*Numerical Recipes*, 3rd edition, 6.2).
fn lower(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return front * sum;
    }
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..1000 {
        let i = f64::from(i);
        let an = -i * (i - a);
        b += 2.0;
        d = an * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + an / c;
        c = if c.abs() < TINY { TINY } else { c };
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    1.0 - front * h
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_shape_one_it_is_the_exponential() {
        for x in [0.01, 0.5, 1.0, 3.0, 12.0] {
            assert!((lower(1.0, x) - (1.0 - libm::exp(-x))).abs() < 1e-12, "{x}");
        }
        let parts = parts(1.0, 1000);
        let mean = parts.iter().sum::<f64>() / 1000.0;
        assert!((mean - 1.0).abs() < 1e-9, "{mean}");
        // The median lies between the parts beside it.
        assert!(parts[499] < std::f64::consts::LN_2 && parts[500] > std::f64::consts::LN_2);
    }

    #[test]
    fn mean_and_variance_are_those_of_the_shape() {
        for shape in [0.25, 0.5, 4.0] {
            let parts = parts(shape, 20_000);
            let mean = parts.iter().sum::<f64>() / 20_000.0;
            let square = parts.iter().map(|part| part * part).sum::<f64>() / 20_000.0;
            assert!((mean - 1.0).abs() < 1e-9, "{shape}: {mean}");
            assert!(
                (square - 1.0 - 1.0 / shape).abs() < 2e-3 / shape,
                "{shape}: {square}"
            );
        }
    }
}
