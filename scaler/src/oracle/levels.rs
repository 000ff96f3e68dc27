//! What each level of replicas saves, and when it is worth being on.
//!
//! Level l is the l-th replica. With a loss that is convex in the number of replicas, the cheapest number over time is
//! the number of levels that are each on when it is cheapest for them alone: two states, a cost per step when on, and a
//! cost to switch on. That is a shortest path through two states, found in one pass (Viterbi).

use super::CapacityCurve;

/// Utilisations below this are as good as none.
const LEAST_UTILISATION: f64 = 0.01;

/// A curve may end in a jump, below which it is not bad yet.
const JUST_BELOW: f64 = 1.0 - 1e-9;

/// The share of requests that miss, by the room there is: replicas ÷ the replicas whose slots would all be held. The
/// lower convex hull of a capacity curve: with too little room, the surplus alone is lost.
///
/// The hull of the curve over the room is the hull for every load, since the number of replicas is the room scaled.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    /// (room, share), the first at no room, where all miss; from the last on the share stays.
    corners: Vec<(f64, f64)>,
}

impl Loss {
    pub(super) fn of(curve: &CapacityCurve) -> Self {
        let mut hull = Self {
            corners: vec![(0.0, 1.0)],
        };
        let mut at = 1.0;
        for bend in curve.bends().chain([LEAST_UTILISATION]) {
            // Straight over the utilisation is curved over the room: a step of a hundredth shows the curve.
            while at > bend.max(LEAST_UTILISATION) {
                hull.add(1.0 / at, curve.missed(at));
                at /= 1.01;
            }
            at = bend.max(LEAST_UTILISATION);
            hull.add(1.0 / at, curve.missed(at * JUST_BELOW));
        }
        hull
    }

    /// Adds a point to the right of all others.
    fn add(&mut self, room: f64, missed: f64) {
        if self.corners.last().is_some_and(|(last, _)| room <= *last) {
            return;
        }
        let fall = |(from, high): (f64, f64), (to, low): (f64, f64)| (high - low) / (to - from);
        while let [.., before, last] = self.corners[..]
            && fall(before, last) <= fall(last, (room, missed))
        {
            self.corners.pop();
        }
        if self.corners.last().is_some_and(|(_, last)| missed < *last) {
            self.corners.push((room, missed));
        }
    }

    /// The share that misses with this room.
    pub(super) fn missed(&self, room: f64) -> f64 {
        self.missed_from(&mut 0, room)
    }

    /// The same for rooms that grow: looked for from `place` on, which is moved along.
    pub(super) fn missed_from(&self, place: &mut usize, room: f64) -> f64 {
        while let Some((to, _)) = self.corners.get(*place + 1)
            && *to <= room
        {
            *place += 1;
        }
        let (from, high) = self.corners[*place];
        match self.corners.get(*place + 1) {
            Some((to, low)) => high - (high - low) * (room - from) / (to - from),
            None => high,
        }
    }
}

/// When a level is on, at the least cost: `cost` of each step in which it is on, and `start` for each time that it is
/// switched on. Of equally cheap ways the one that is off more.
///
/// With v the cost of being on less that of being off after a step, v' = cost + v clamped to 0 … `start`: who is on may
/// go off for nothing, who is off may go on for `start`. Going back, one who is on was on before if v < `start`, one who
/// is off was on before if v < 0.
pub(super) fn cheapest(
    costs: impl Iterator<Item = f64>,
    start: f64,
    on_at_first: bool,
    differences: &mut Vec<f64>,
    mut on: impl FnMut(usize),
) {
    differences.clear();
    let mut v = if on_at_first { 0.0 } else { start };
    for cost in costs {
        v = cost + v.clamp(0.0, start);
        differences.push(v);
    }
    let mut is_on = false;
    for (step, v) in differences.iter().enumerate().rev() {
        is_on = *v < if is_on { start } else { 0.0 };
        if is_on {
            on(step);
        }
    }
}
