//! The front of points of which less is better in both: those that no other is better than.

/// Whether no other of `points` is at most as large in both and smaller in one.
#[must_use]
pub fn is_on(point: (f64, f64), points: &[(f64, f64)]) -> bool {
    let better = |other: &(f64, f64)| {
        other.0 <= point.0 && other.1 <= point.1 && (other.0 < point.0 || other.1 < point.1)
    };
    !points.iter().any(better)
}

/// The places of those on the front, by their second coordinate from the lowest up. Of equal points the first stays.
#[must_use]
pub fn of(points: &[(f64, f64)]) -> Vec<usize> {
    let mut on: Vec<usize> = (0..points.len())
        .filter(|i| is_on(points[*i], points))
        .filter(|i| !points[..*i].contains(&points[*i]))
        .collect();
    on.sort_by(|a, b| {
        points[*a]
            .1
            .total_cmp(&points[*b].1)
            .then(points[*a].0.total_cmp(&points[*b].0))
    });
    on
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_front_by_hand() {
        let points = [
            (3.0, 1.0),
            (2.0, 2.0),
            (2.5, 2.5),
            (1.0, 4.0),
            (2.0, 2.0),
            (1.0, 5.0),
        ];
        assert_eq!(of(&points), [0, 1, 3]);
        assert!(of(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn each_point_is_on_it_or_beaten_by_one_that_is(
            points in prop::collection::vec((0_u8..20, 0_u8..20), 1..40)
        ) {
            let points: Vec<(f64, f64)> =
                points.into_iter().map(|(a, b)| (f64::from(a), f64::from(b))).collect();
            let front = of(&points);
            prop_assert!(!front.is_empty());
            for point in &points {
                prop_assert!(front.iter().any(|i| points[*i].0 <= point.0 && points[*i].1 <= point.1));
            }
            // Along it, what costs more misses less.
            for pair in front.windows(2) {
                let (a, b) = (points[pair[0]], points[pair[1]]);
                prop_assert!(a.1 < b.1 && a.0 > b.0);
            }
        }
    }
}
