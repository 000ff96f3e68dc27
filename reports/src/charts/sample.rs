//! Long series made short without losing their extremes, and series with gaps cut into what is there.

use super::marks::Point;

/// The most points that a series is drawn with.
pub(crate) const MOST_POINTS: usize = 2000;

/// A stretch of a step series: from, to, and the value if there is one.
pub(crate) type Step = (f64, f64, Option<f64>);

/// At most `most` points (and at least four): of each of `most / 2` buckets the lowest and the highest, in time order.
pub(crate) fn thin(points: &[Point], most: usize) -> Vec<Point> {
    let most = most.max(4);
    if points.len() <= most {
        return points.to_vec();
    }
    let size = points.len().div_ceil(most / 2);
    points
        .chunks(size)
        .flat_map(|bucket| {
            let by_height = |a: &&Point, b: &&Point| a.1.total_cmp(&b.1);
            let low = bucket.iter().min_by(by_height).copied();
            let high = bucket.iter().max_by(by_height).copied();
            let mut pair: Vec<Point> = low.into_iter().chain(high).collect();
            pair.sort_by(|a, b| a.0.total_cmp(&b.0));
            pair.dedup();
            pair
        })
        .collect()
}

/// The outlines of a step series, a new one after each gap, with a corner only where the value changes. With more than
/// [`MOST_POINTS`] corners, neighbours are joined to their lowest and highest.
pub(crate) fn outlines(steps: &[Step]) -> Vec<Vec<Point>> {
    let mut all: Vec<Vec<Point>> = Vec::new();
    let mut end = f64::NAN;
    for (from, to, value) in steps {
        let Some(value) = *value else {
            end = f64::NAN;
            continue;
        };
        let joined = (from - end).abs() < 1e-9;
        match all.last_mut().filter(|_| joined) {
            Some(line) => {
                extend(line, *from, *to, value);
            }
            None => all.push(vec![(*from, value), (*to, value)]),
        }
        end = *to;
    }
    let corners: usize = all.iter().map(Vec::len).sum();
    if corners <= MOST_POINTS {
        return all;
    }
    all.iter()
        .map(|line| thin(line, MOST_POINTS * line.len() / corners))
        .collect()
}

fn extend(line: &mut Vec<Point>, from: f64, to: f64, value: f64) {
    match line.last_mut() {
        Some(last) if last.1 == value => last.0 = to,
        _ => line.extend([(from, value), (to, value)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn thinning_keeps_the_extremes_and_the_order(values in prop::collection::vec(-1e6_f64..1e6, 0..500), most in 4_usize..200) {
            let points: Vec<Point> = values.iter().enumerate().map(|(i, v)| (i as f64, *v)).collect();
            let thinned = thin(&points, most);
            prop_assert!(thinned.len() <= most.max(4) + 2);
            prop_assert!(thinned.windows(2).all(|w| w[0].0 <= w[1].0));
            let extremes = |p: &[Point]| {
                let low = p.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
                let high = p.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
                (low, high)
            };
            prop_assert_eq!(extremes(&points), extremes(&thinned));
        }
    }

    #[test]
    fn a_gap_is_never_bridged() {
        let steps = [
            (0.0, 1.0, Some(4.0)),
            (1.0, 2.0, None),
            (2.0, 3.0, Some(4.0)),
        ];
        assert_eq!(outlines(&steps).len(), 2);
    }

    #[test]
    fn steps_have_corners_only_where_they_change() {
        let steps = [
            (0.0, 1.0, Some(4.0)),
            (1.0, 2.0, Some(4.0)),
            (2.0, 3.0, Some(6.0)),
        ];
        assert_eq!(
            outlines(&steps),
            vec![vec![(0.0, 4.0), (2.0, 4.0), (2.0, 6.0), (3.0, 6.0)]]
        );
    }
}
