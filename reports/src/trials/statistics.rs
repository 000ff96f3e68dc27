//! Differences of pairs, with an interval.

/// How sure an interval is.
pub const CONFIDENCE: f64 = 0.95;

/// The mean difference of pairs, and where it lies with [`CONFIDENCE`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// How many pairs.
    pub pairs: usize,
    /// The mean of the differences.
    pub mean: f64,
    /// Its interval's lower end.
    pub low: f64,
    /// Its interval's upper end.
    pub high: f64,
}

/// The mean of `b − a` over pairs, with Student's interval: mean ± t · s ÷ √n with n − 1 degrees of freedom. Pairs that
/// are all alike have an interval of no width. Nothing with fewer than two pairs, or if a value is not finite.
///
/// # Panics
/// If there are not as many of `a` as of `b`.
#[must_use]
pub fn paired(a: &[f64], b: &[f64]) -> Option<Paired> {
    assert_eq!(a.len(), b.len(), "each has its partner");
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    if differences.len() < 2 || !differences.iter().all(|d| d.is_finite()) {
        return None;
    }
    let n = differences.len() as f64;
    // The same difference each time is exactly that: a sum would round.
    let first = differences[0];
    let mean = if differences.iter().all(|d| *d == first) {
        first
    } else {
        differences.iter().sum::<f64>() / n
    };
    let squares: f64 = differences.iter().map(|d| (d - mean) * (d - mean)).sum();
    let error = (squares / (n - 1.0) / n).sqrt();
    let half = student_t(f64::midpoint(1.0, CONFIDENCE), n - 1.0) * error;
    Some(Paired {
        pairs: differences.len(),
        mean,
        low: mean - half,
        high: mean + half,
    })
}

/// The value that Student's t with so many degrees of freedom stays below with the probability `p`, from 0.5 to 1.
#[must_use]
pub fn student_t(p: f64, degrees: f64) -> f64 {
    // P(T > t) = ½ · I(ν ÷ (ν + t²); ν/2, ½): NIST's Digital Library of Mathematical Functions, 8.17.
    let above = |t: f64| 0.5 * incomplete_beta(degrees / (degrees + t * t), degrees / 2.0, 0.5);
    let (mut low, mut high) = (0.0, 1.0);
    while above(high) > 1.0 - p && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if above(middle) > 1.0 - p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22) after Lentz.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges quickly on the left side only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front = libm::exp(
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
            + a * libm::log(x)
            + b * libm::log1p(-x),
    ) / a;
    let tiny = 1e-300;
    let away = |v: f64| if v.abs() < tiny { tiny } else { v };
    // 1 + 1 ÷ (1 + d₁ ÷ (1 + d₂ ÷ …)): the one in front is taken off at the end.
    let (mut c, mut d, mut fraction) = (1.0, 0.0, 1.0);
    for step in 0..300_u32 {
        let m = f64::from(step / 2);
        let term = match step {
            0 => 1.0,
            _ if step % 2 == 0 => m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            _ => -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        };
        d = 1.0 / away(1.0 + term * d);
        c = away(1.0 + term / c);
        fraction *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front * (fraction - 1.0)
}

/// The middle value; nothing of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 0 => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        _ => Some(sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn student_t_agrees_with_the_tables() {
        for (p, degrees, t) in [
            (0.975, 1.0, 12.706_205),
            (0.975, 4.0, 2.776_445),
            (0.975, 9.0, 2.262_157),
            (0.95, 4.0, 2.131_847),
            (0.975, 29.0, 2.045_230),
            (0.975, 1e6, 1.959_966),
            (0.5, 5.0, 0.0),
        ] {
            let is = student_t(p, degrees);
            assert!((is - t).abs() < 1e-5, "{p} with {degrees}: {is}");
        }
    }

    #[test]
    fn equal_pairs_differ_by_exactly_nothing() {
        let values = [0.1, 0.7, 1e-9, 1234.5, 3.0];
        let equal = paired(&values, &values).unwrap();
        assert_eq!((equal.mean, equal.low, equal.high), (0.0, 0.0, 0.0));
        let above = values.map(|v| v + 0.25);
        let shifted = paired(&[1.0, 2.0, 3.0], &[1.5, 2.5, 3.5]).unwrap();
        assert_eq!((shifted.mean, shifted.low, shifted.high), (0.5, 0.5, 0.5));
        assert!(paired(&values, &above).unwrap().low > 0.2);
    }

    #[test]
    fn an_interval_by_hand() {
        // Differences 1, 2, 3: mean 2, s = 1, t(2) = 4.302653, half = 4.302653 ÷ √3.
        let paired = paired(&[0.0; 3], &[1.0, 2.0, 3.0]).unwrap();
        assert!((paired.mean - 2.0).abs() < 1e-12);
        assert!((paired.high - 2.0 - 2.484_138).abs() < 1e-5, "{paired:?}");
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(paired(&[1.0], &[2.0]), None);
        assert_eq!(paired(&[1.0, f64::NAN], &[2.0, 1.0]), None);
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    }

    proptest! {
        #[test]
        fn turning_the_pair_round_turns_the_interval_round(
            pairs in prop::collection::vec((-1e3_f64..1e3, -1e3_f64..1e3), 2..20)
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let (there, back) = (paired(&a, &b).unwrap(), paired(&b, &a).unwrap());
            prop_assert!((there.mean + back.mean).abs() < 1e-9);
            prop_assert!((there.low + back.high).abs() < 1e-9);
            prop_assert!(there.low <= there.mean && there.mean <= there.high);
        }
    }
}
