//! The search for the least numbers of replicas that do: pure, whatever judges them.

use std::collections::BTreeMap;

/// Replicas by service.
pub(crate) type Sizes = BTreeMap<String, u32>;

/// What came of trying some sizes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Judged {
    /// Whether they do.
    pub(crate) met: bool,
    /// How full each service was at its fullest: slots held ÷ slots.
    pub(crate) full: BTreeMap<String, f64>,
}

/// Above this a service counts as full: it is what is given more first.
const FULL: f64 = 0.75;
/// By so much a service that is full is given more.
const MORE: f64 = 0.25;
/// How often it is tried to give more.
const GROWTHS: u32 = 40;
/// How often all services are looked at for what they can spare: what one spares may change what another can.
const PASSES: u32 = 3;

/// The least sizes, from `least` to `most`, for which `judge` says that they do: no single service could do with fewer.
/// Begins with `start`, gives more to whoever is full until they do, and then takes away again. Nothing if even `most` does
/// not do; whatever error `judge` has.
pub(crate) fn search<E>(
    start: &Sizes,
    (least, most): (&Sizes, &Sizes),
    mut judge: impl FnMut(&Sizes) -> Result<Judged, E>,
) -> Result<Option<Sizes>, E> {
    let Some(enough) = grown(start, most, &mut judge)? else {
        return Ok(None);
    };
    shrunk(enough, least, &mut judge).map(Some)
}

fn grown<E>(
    start: &Sizes,
    most: &Sizes,
    judge: &mut impl FnMut(&Sizes) -> Result<Judged, E>,
) -> Result<Option<Sizes>, E> {
    let mut sizes = start.clone();
    for (name, size) in &mut sizes {
        *size = (*size).min(most.get(name).copied().unwrap_or(*size));
    }
    for _ in 0..GROWTHS {
        let judged = judge(&sizes)?;
        if judged.met {
            return Ok(Some(sizes));
        }
        let is_full = |name: &String| judged.full.get(name).is_some_and(|full| *full > FULL);
        let anyone = sizes.keys().any(is_full);
        let before = sizes.clone();
        for (name, size) in &mut sizes {
            if !anyone || is_full(name) {
                let more = (f64::from(*size) * (1.0 + MORE)).ceil() as u32;
                let most = most.get(name).copied().unwrap_or(u32::MAX);
                *size = more.max(*size + 1).min(most);
            }
        }
        if sizes == before {
            // Those who are full have all there may be: perhaps the others help.
            let all = most.iter().filter(|(name, _)| sizes.contains_key(*name));
            let all: Sizes = all.map(|(name, most)| (name.clone(), *most)).collect();
            return Ok((all != sizes && judge(&all)?.met).then_some(all));
        }
    }
    Ok(None)
}

/// Takes away from one service after the other what it can spare, the largest first.
fn shrunk<E>(
    mut sizes: Sizes,
    least: &Sizes,
    judge: &mut impl FnMut(&Sizes) -> Result<Judged, E>,
) -> Result<Sizes, E> {
    for _ in 0..PASSES {
        let before = sizes.clone();
        let mut order: Vec<(u32, String)> = before.iter().map(|(n, s)| (*s, n.clone())).collect();
        order.sort_by(|a, b| b.cmp(a));
        for (_, name) in order {
            let least = least.get(&name).copied().unwrap_or(1);
            sizes = with_least(sizes, &name, least, judge)?;
        }
        if sizes == before {
            break;
        }
    }
    Ok(sizes)
}

/// The fewest of one service, the others as they are, by halving: `sizes` do.
fn with_least<E>(
    sizes: Sizes,
    name: &str,
    least: u32,
    judge: &mut impl FnMut(&Sizes) -> Result<Judged, E>,
) -> Result<Sizes, E> {
    let mut enough = sizes;
    let Some(mut high) = enough.get(name).copied() else {
        return Ok(enough);
    };
    let mut low = least;
    while low < high {
        // Near what does it is likelier that it does: so first a step down, then the half.
        let middle = if high - low > 2 && high == enough[name] && low == least {
            high - (high - low).div_ceil(3)
        } else {
            low + (high - low) / 2
        };
        let mut fewer = enough.clone();
        fewer.insert(name.to_owned(), middle);
        if judge(&fewer)?.met {
            enough = fewer;
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(enough)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn sizes(pairs: &[(&str, u32)]) -> Sizes {
        pairs.iter().map(|(n, s)| ((*n).to_owned(), *s)).collect()
    }

    /// Does if each service has what it needs; how full it is follows from that.
    fn judge(needed: &Sizes) -> impl FnMut(&Sizes) -> Result<Judged, Infallible> {
        let needed = needed.clone();
        move |sizes| {
            let full = |(name, size): (&String, &u32)| {
                let full = f64::from(needed[name]) * 0.9 / f64::from(*size);
                (name.clone(), full.min(1.0))
            };
            Ok(Judged {
                met: needed.iter().all(|(name, n)| sizes[name] >= *n),
                full: sizes.iter().map(full).collect(),
            })
        }
    }

    fn found(start: &Sizes, most: &Sizes, needed: &Sizes) -> Option<Sizes> {
        let least = start.keys().map(|n| (n.clone(), 1)).collect();
        let Ok(found) = search(start, (&least, most), judge(needed));
        found
    }

    #[test]
    fn it_finds_what_is_needed_from_above_and_from_below() {
        let most = sizes(&[("a", 100), ("b", 100), ("c", 100)]);
        for needed in [
            sizes(&[("a", 1), ("b", 1), ("c", 1)]),
            sizes(&[("a", 7), ("b", 31), ("c", 2)]),
            sizes(&[("a", 100), ("b", 1), ("c", 99)]),
        ] {
            for start in [1, 2, 10, 50, 100, 1000] {
                let start = sizes(&[("a", start), ("b", start), ("c", start)]);
                assert_eq!(
                    found(&start, &most, &needed),
                    Some(needed.clone()),
                    "{start:?}"
                );
            }
        }
    }

    #[test]
    fn what_nobody_has_is_not_found() {
        let start = sizes(&[("a", 1), ("b", 1)]);
        let most = sizes(&[("a", 10), ("b", 10)]);
        assert_eq!(found(&start, &most, &sizes(&[("a", 11), ("b", 1)])), None);
        assert_eq!(
            found(&start, &most, &sizes(&[("a", 10), ("b", 10)])),
            Some(most)
        );
    }

    #[test]
    fn it_does_not_take_many_tries() {
        let needed = sizes(&[("a", 22), ("b", 17), ("c", 9), ("d", 4)]);
        let start = sizes(&[("a", 18), ("b", 14), ("c", 12), ("d", 6)]);
        let most = start.keys().map(|n| (n.clone(), 1000)).collect();
        let least = start.keys().map(|n| (n.clone(), 1)).collect();
        let mut tries = 0;
        let mut inner = judge(&needed);
        let Ok(found) = search(&start, (&least, &most), |sizes| {
            tries += 1;
            inner(sizes)
        });
        assert_eq!(found, Some(needed.clone()));
        assert!(tries < 60, "{tries}");
    }

    #[test]
    fn an_error_is_handed_on() {
        let start = sizes(&[("a", 1)]);
        let result = search(&start, (&start, &start), |_| Err("no"));
        assert_eq!(result, Err("no"));
    }
}
