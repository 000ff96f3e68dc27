//! A search over settings for the front of cost against misses, around a budget of misses. It draws nothing, so that it
//! finds the same however many threads try settings.

use reports::tuning::{Outcome, front};

/// A setting: the place of each parameter's value among its values.
pub(crate) type Candidate = Vec<usize>;

/// What there is to choose from.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    /// How many values each parameter has.
    pub(crate) sizes: Vec<usize>,
    /// The setting as it was written.
    pub(crate) start: Candidate,
}

/// One setting that was tried.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tried {
    pub(crate) candidate: Candidate,
    pub(crate) outcome: Outcome,
}

/// Settings that are tried at once.
const BATCH: usize = 8;
/// Of the front so many are followed first: those nearest to the budget.
const PARENTS: usize = 4;
/// How far from a setting of the front its neighbours are.
const STEPS: [isize; 4] = [1, -1, 2, -2];
/// Fewer misses than this share are as good as none.
const NONE: f64 = 1e-7;

/// Tries at most `most` settings: first the start and all values of the first parameter, then the neighbours of the front,
/// those near the budget first, until there is no new one. `all` tries several and gives what they came to, in order;
/// fewer if somebody asked to stop, and then the search is over.
pub(crate) fn search<E>(
    space: &Space,
    (budget, most): (f64, usize),
    mut all: impl FnMut(&[Candidate]) -> Result<Vec<Outcome>, E>,
) -> Result<Vec<Tried>, E> {
    let mut tried: Vec<Tried> = Vec::new();
    let mut next = first(space);
    while tried.len() < most && !next.is_empty() {
        next.truncate(most - tried.len());
        let outcomes = all(&next)?;
        let stopped = outcomes.len() < next.len();
        let pairs = next.into_iter().zip(outcomes);
        tried.extend(pairs.map(|(candidate, outcome)| Tried { candidate, outcome }));
        if stopped {
            break;
        }
        next = neighbours(space, &tried, budget);
    }
    Ok(tried)
}

/// The start, and all values of the first parameter.
fn first(space: &Space) -> Vec<Candidate> {
    let mut first = vec![space.start.clone()];
    for value in 0..space.sizes.first().copied().unwrap_or(0) {
        let mut candidate = space.start.clone();
        candidate[0] = value;
        if !first.contains(&candidate) {
            first.push(candidate);
        }
    }
    first
}

/// The next settings to try: new neighbours of the front.
fn neighbours(space: &Space, tried: &[Tried], budget: f64) -> Vec<Candidate> {
    let mut parents = front_of(tried);
    let far = |t: &&Tried| off(t.outcome.missed, budget);
    parents.sort_by(|a, b| far(a).total_cmp(&far(b)));
    let mut next: Vec<Candidate> = Vec::new();
    for (place, parent) in parents.iter().enumerate() {
        if place >= PARENTS && !next.is_empty() {
            break;
        }
        for candidate in around(space, &parent.candidate) {
            let known = tried.iter().any(|t| t.candidate == candidate) || next.contains(&candidate);
            if !known {
                next.push(candidate);
            }
            if next.len() == BATCH {
                return next;
            }
        }
    }
    next
}

fn around<'a>(space: &'a Space, from: &'a Candidate) -> impl Iterator<Item = Candidate> + 'a {
    let all = STEPS
        .iter()
        .flat_map(|step| (0..space.sizes.len()).map(move |knob| (knob, *step)));
    all.filter_map(|(knob, step)| {
        let value = from[knob].checked_add_signed(step)?;
        (value < space.sizes[knob]).then(|| {
            let mut candidate = from.clone();
            candidate[knob] = value;
            candidate
        })
    })
}

/// How far misses are from the budget, as a ratio's logarithm.
fn off(missed: f64, budget: f64) -> f64 {
    libm::fabs(libm::log(missed.max(NONE) / budget.max(NONE)))
}

fn front_of(tried: &[Tried]) -> Vec<&Tried> {
    let points: Vec<(f64, f64)> = tried
        .iter()
        .map(|t| (t.outcome.missed, t.outcome.replica_hours))
        .collect();
    front::of(&points).into_iter().map(|i| &tried[i]).collect()
}

/// Misses further from the budget than these factors are not looked at again, if there are others.
const NEAR: (f64, f64) = (1.0 / 30.0, 3.0);

/// The settings of the front around the budget, at most `most`, from the cheapest up; the cheapest that kept the budget is
/// one of them.
pub(crate) fn finalists(tried: &[Tried], budget: f64, most: usize) -> Vec<Tried> {
    let front = front_of(tried);
    let is_near = |t: &&&Tried| (NEAR.0 * budget..=NEAR.1 * budget).contains(&t.outcome.missed);
    let kept = front.iter().position(|t| t.outcome.missed <= budget);
    let mut places: Vec<usize> = front
        .iter()
        .enumerate()
        .filter(|(_, t)| is_near(t))
        .map(|(place, _)| place)
        .collect();
    // The planner sees less than there will be: one that misses less is looked at as well.
    places.extend(kept);
    places.extend(kept.map(|k| k + 1).filter(|k| *k < front.len()));
    if kept.is_none() {
        places.extend(front.len().checked_sub(1));
    }
    places.sort_unstable();
    places.dedup();
    let chosen = evenly(&places, most, kept);
    chosen.into_iter().map(|i| front[i].clone()).collect()
}

/// At most `most` of `places`, evenly, with `always` among them.
fn evenly(places: &[usize], most: usize, always: Option<usize>) -> Vec<usize> {
    if places.len() <= most {
        return places.to_vec();
    }
    let step = (places.len() - 1) as f64 / (most.max(2) - 1) as f64;
    let mut chosen: Vec<usize> = (0..most)
        .map(|i| places[(i as f64 * step).round() as usize])
        .collect();
    if let Some(always) = always.filter(|a| !chosen.contains(a)) {
        let distance = |p: &usize| p.abs_diff(always);
        let nearest = (0..chosen.len()).min_by_key(|i| distance(&chosen[*i]));
        if let Some(nearest) = nearest {
            chosen[nearest] = always;
        }
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// When none of those looked at kept the budget: the next dearer ones that missed no more in rough strokes, at most three.
pub(crate) fn dearer(tried: &[Tried], looked_at: &[Tried]) -> Vec<Tried> {
    let most = looked_at
        .iter()
        .map(|t| t.outcome.replica_hours)
        .fold(0.0, f64::max);
    let least = looked_at
        .iter()
        .map(|t| t.outcome.missed)
        .fold(f64::INFINITY, f64::min);
    let mut next: Vec<&Tried> = tried
        .iter()
        .filter(|t| t.outcome.replica_hours > most * 1.03 && t.outcome.missed <= least)
        .collect();
    next.sort_by(|a, b| a.outcome.replica_hours.total_cmp(&b.outcome.replica_hours));
    let mut chosen: Vec<Tried> = Vec::new();
    for t in next {
        let apart = chosen
            .last()
            .is_none_or(|last| t.outcome.replica_hours > last.outcome.replica_hours * 1.03);
        if apart && chosen.len() < 3 {
            chosen.push(t.clone());
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn space() -> Space {
        Space {
            sizes: vec![16, 7, 5],
            start: vec![10, 4, 2],
        }
    }

    /// A world in which a low first value costs and saves misses, and the second has its best in the middle.
    fn world(candidate: &Candidate) -> Outcome {
        let [a, b, c] = [candidate[0], candidate[1], candidate[2]].map(|v| v as f64);
        Outcome {
            missed: 1e-6 * libm::exp(a * 0.7 + libm::fabs(b - 3.0) * 0.3),
            replica_hours: 100.0 / (1.0 + a * 0.2) + libm::fabs(b - 3.0) * 2.0 + c * 0.5,
        }
    }

    fn found(most: usize) -> Vec<Tried> {
        let all = |next: &[Candidate]| Ok::<_, ()>(next.iter().map(world).collect());
        search(&space(), (0.001, most), all).unwrap()
    }

    #[test]
    fn it_comes_near_the_best_there_is() {
        let found = found(80);
        let kept = |t: &&Tried| t.outcome.missed <= 0.001;
        let best = found
            .iter()
            .filter(kept)
            .map(|t| t.outcome.replica_hours)
            .reduce(f64::min);
        let every =
            (0..16).flat_map(|a| (0..7).flat_map(move |b| (0..5).map(move |c| vec![a, b, c])));
        let ideal = every
            .map(|c| world(&c))
            .filter(|o| o.missed <= 0.001)
            .map(|o| o.replica_hours)
            .fold(f64::INFINITY, f64::min);
        assert!(best.unwrap() <= ideal * 1.01, "{best:?} {ideal}");
    }

    #[test]
    fn nothing_is_tried_twice_and_no_more_than_asked() {
        let found = found(50);
        assert_eq!(found.len(), 50);
        for (i, t) in found.iter().enumerate() {
            assert!(!found[..i].iter().any(|o| o.candidate == t.candidate));
        }
        assert_eq!(
            found[0].candidate,
            space().start,
            "the setting as written is the first"
        );
    }

    #[test]
    fn a_small_space_is_tried_whole_and_an_empty_one_once() {
        let small = Space {
            sizes: vec![3, 2],
            start: vec![0, 0],
        };
        let outcome = |c: &Candidate| Outcome {
            missed: c[0] as f64 * 0.001,
            replica_hours: 9.0 - c[0] as f64 + c[1] as f64,
        };
        let all = |next: &[Candidate]| Ok::<_, ()>(next.iter().map(outcome).collect());
        assert_eq!(search(&small, (0.001, 100), all).unwrap().len(), 6);
        let none = Space {
            sizes: vec![],
            start: vec![],
        };
        let all = |next: &[Candidate]| {
            Ok::<_, ()>(vec![
                Outcome {
                    missed: 0.0,
                    replica_hours: 1.0
                };
                next.len()
            ])
        };
        assert_eq!(search(&none, (0.001, 100), all).unwrap().len(), 1);
    }

    #[test]
    fn whoever_stops_it_gets_what_there_is() {
        let mut batches = 0;
        let all = |next: &[Candidate]| {
            batches += 1;
            let done = if batches == 2 { 3 } else { next.len() };
            Ok::<_, ()>(next.iter().take(done).map(world).collect())
        };
        assert_eq!(search(&space(), (0.001, 100), all).unwrap().len(), 16 + 3);
        assert_eq!(
            search(&space(), (0.001, 9), |_| Err("broken")),
            Err("broken")
        );
    }

    #[test]
    fn finalists_lie_around_the_budget_and_dearer_ones_follow() {
        let found = found(80);
        let finalists = finalists(&found, 0.001, 6);
        assert!((2..=6).contains(&finalists.len()));
        let cheapest = front_of(&found)
            .into_iter()
            .find(|t| t.outcome.missed <= 0.001)
            .unwrap();
        assert!(finalists.contains(cheapest));
        let next = dearer(&found, &finalists);
        assert!(!next.is_empty() && next.len() <= 3);
        let most = finalists.last().unwrap().outcome.replica_hours;
        assert!(next.iter().all(|t| t.outcome.replica_hours > most));
        assert!(dearer(&[], &[]).is_empty());
        assert!(super::finalists(&[], 0.001, 6).is_empty());
    }

    proptest! {
        #[test]
        fn the_cheapest_that_kept_the_budget_is_always_a_finalist(
            points in prop::collection::vec((0_u32..3000, 1_u32..1000), 1..60), most in 2_usize..9
        ) {
            let tried: Vec<Tried> = points.iter().enumerate().map(|(i, (missed, cost))| Tried {
                candidate: vec![i],
                outcome: Outcome { missed: f64::from(*missed) * 1e-6, replica_hours: f64::from(*cost) },
            }).collect();
            let chosen = finalists(&tried, 0.001, most);
            prop_assert!(chosen.len() <= most && !chosen.is_empty());
            let kept = tried.iter().filter(|t| t.outcome.missed <= 0.001);
            if let Some(cheapest) = kept.map(|t| t.outcome.replica_hours).reduce(f64::min) {
                prop_assert!(chosen.iter().any(|t| t.outcome.missed <= 0.001 && t.outcome.replica_hours <= cheapest));
            }
        }
    }
}
