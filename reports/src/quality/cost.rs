//! What the scaling cost: replicas, starts, changes.

use crate::analysis::{Analysis, ReplicaStep, ServiceInterval};

/// A change followed by its opposite within this many seconds of scenario time is a flap.
const FLAP_S: f64 = 600.0;

/// A change of a workload's number of replicas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Change {
    at_s: f64,
    up: bool,
}

/// The changes that were written, in the order of time.
pub(super) fn changes(run: &Analysis, service: &str) -> Vec<Change> {
    let groups = run
        .decisions
        .groups
        .iter()
        .filter(|g| g.workload == service);
    let steps = groups.flat_map(|g| &g.steps).filter(|s| s.error.is_none());
    let mut changes: Vec<Change> = steps
        .map(|s| Change {
            at_s: s.at_s,
            up: s.to > s.from,
        })
        .collect();
    changes.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    changes
}

/// How many changes were followed, or rather taken back, by one in the other direction within ten minutes.
pub(super) fn flaps(changes: &[Change]) -> u64 {
    let flap =
        |pair: &&[Change]| pair[0].up != pair[1].up && pair[1].at_s - pair[0].at_s <= FLAP_S + 1e-6;
    changes.windows(2).filter(flap).count() as u64
}

/// Replica-hours from creation on: starting and draining replicas are paid.
pub(super) fn replica_hours(run: &Analysis, service: &str) -> Option<f64> {
    let cost = run.cost.services.iter().find(|s| s.service == service)?;
    Some(cost.paid_replica_min / 60.0)
}

/// Replicas that were started: the sum of all increases of those that start or are ready. What starts and ends within one
/// window is not seen, and nothing is concluded across a gap.
pub(super) fn starts(steps: &[ReplicaStep]) -> Option<u64> {
    steps.iter().find_map(|s| s.count)?;
    let there = |s: &ReplicaStep| s.count.map(|c| c.ready + c.starting);
    let more = |pair: &[ReplicaStep]| {
        let (before, now) = there(&pair[0]).zip(there(&pair[1]))?;
        Some(u64::from(now.saturating_sub(before)))
    };
    Some(steps.windows(2).filter_map(more).sum())
}

/// Time that slots were held ÷ time that slots existed, starting replicas included.
pub(super) fn useful(windows: &[ServiceInterval]) -> Option<f64> {
    let (mut held, mut there) = (0.0, 0.0);
    for window in windows {
        let (Some(busy), Some(ready)) = (window.busy, window.ready) else {
            continue;
        };
        let length = window.to_s - window.from_s;
        held += busy * f64::from(ready) * length;
        there += f64::from(ready + window.starting.unwrap_or(0)) * length;
    }
    (there > 0.0).then(|| held / there)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::ReplicaCount;

    #[test]
    fn a_flap_is_a_change_taken_back_within_ten_minutes() {
        let change = |at_s: f64, up: bool| Change { at_s, up };
        let changes = [
            change(0.0, true),
            change(60.0, true),
            change(300.0, false),
            change(1200.0, true),
            change(1300.0, false),
        ];
        assert_eq!(flaps(&changes), 2);
        assert_eq!(flaps(&changes[..2]), 0);
        assert_eq!(flaps(&[]), 0);
    }

    #[test]
    fn starts_are_increases_and_gaps_say_nothing() {
        let step = |at_s: f64, there: Option<(u32, u32)>| ReplicaStep {
            at_s,
            count: there.map(|(ready, starting)| ReplicaCount {
                desired: ready,
                ready,
                starting,
                draining: 1,
            }),
        };
        let steps = [
            step(0.0, Some((2, 0))),
            step(1.0, Some((2, 3))),
            step(2.0, Some((5, 0))),
            step(3.0, None),
            step(4.0, Some((9, 0))),
            step(5.0, Some((4, 1))),
            step(6.0, Some((5, 1))),
        ];
        assert_eq!(starts(&steps), Some(4));
        assert_eq!(starts(&steps[3..4]), None);
    }

    #[test]
    fn useful_is_what_was_held_of_what_was_there() {
        let window = |busy: Option<f64>, ready: u32, starting: u32| ServiceInterval {
            busy,
            ready: Some(ready),
            starting: Some(starting),
            ..ServiceInterval::empty(0.0, 15.0)
        };
        let windows = [
            window(Some(0.5), 2, 2),
            window(Some(1.0), 4, 0),
            window(None, 9, 9),
        ];
        assert_eq!(useful(&windows), Some(5.0 / 8.0));
        assert_eq!(useful(&windows[2..]), None);
    }
}
