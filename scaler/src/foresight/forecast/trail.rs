//! Where the load comes from: its means over the last two minutes to the last hour.

use serde::{Deserialize, Serialize};

use super::packed;

/// The spans that it is averaged over, in slots: 2, 5, 15 and 60 minutes.
pub(super) const SPANS: [usize; 4] = [8, 20, 60, 240];
const LONGEST: usize = SPANS[3];
/// Log loads are kept in units of this, so that sums are exact and do not drift.
const UNIT: f64 = 1_048_576.0;
/// Nothing is known of this slot.
const GAP: i32 = i32::MIN;

/// The log loads of the last hour, and their sums over each span.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Trail {
    /// The slot after the newest.
    end: i64,
    /// By slot modulo their number.
    #[serde(with = "packed::integers")]
    logs: Vec<i32>,
    sums: [i64; 4],
    counts: [u32; 4],
}

impl Default for Trail {
    fn default() -> Self {
        Self {
            end: i64::MIN / 2,
            logs: vec![GAP; LONGEST],
            sums: [0; 4],
            counts: [0; 4],
        }
    }
}

fn place(slot: i64) -> usize {
    slot.rem_euclid(LONGEST as i64) as usize
}

impl Trail {
    pub(super) fn is_sound(&self) -> bool {
        let mut again = Self {
            end: self.end,
            ..Self::default()
        };
        if self.logs.len() != LONGEST {
            return false;
        }
        again.logs.clone_from(&self.logs);
        again.count();
        again == *self
    }

    /// Counts the sums anew.
    fn count(&mut self) {
        for (i, span) in SPANS.iter().enumerate() {
            let known = (1..=*span as i64)
                .map(|back| self.logs[place(self.end.wrapping_sub(back))])
                .filter(|log| *log != GAP);
            (self.sums[i], self.counts[i]) = known.fold((0, 0), |(sum, count), log| {
                (sum + i64::from(log), count + 1)
            });
        }
    }

    /// The log load of a slot, if it is known. Slots come in order; those left out are gaps.
    pub(super) fn push(&mut self, slot: i64, log: Option<f64>) {
        if slot < self.end {
            return;
        }
        if slot - self.end >= LONGEST as i64 || self.end == i64::MIN / 2 {
            *self = Self {
                end: slot,
                ..Self::default()
            };
        }
        while self.end < slot {
            self.add(GAP);
        }
        let fixed = |log: f64| (log.clamp(-1000.0, 1000.0) * UNIT) as i32;
        self.add(log.filter(|log| log.is_finite()).map_or(GAP, fixed));
    }

    fn add(&mut self, log: i32) {
        for (i, span) in SPANS.iter().enumerate() {
            let leaves = self.logs[place(self.end - *span as i64)];
            if leaves != GAP {
                self.sums[i] -= i64::from(leaves);
                self.counts[i] -= 1;
            }
            if log != GAP {
                self.sums[i] += i64::from(log);
                self.counts[i] += 1;
            }
        }
        self.logs[place(self.end)] = log;
        self.end += 1;
    }

    /// The mean log load over each span before the slot after the newest; a span of which nothing is known takes the next longer
    /// one's. Nothing if less than half of the longest is known.
    pub(super) fn means(&self) -> Option<[f64; 4]> {
        if (self.counts[3] as usize) * 2 < LONGEST {
            return None;
        }
        let mut means = [0.0; 4];
        for i in (0..4).rev() {
            means[i] = if self.counts[i] > 0 {
                self.sums[i] as f64 / (f64::from(self.counts[i]) * UNIT)
            } else {
                means[i + 1]
            };
        }
        Some(means)
    }

    /// The lowest log load of the last `slots` slots; nothing if none of them is known.
    pub(super) fn lowest(&self, slots: usize) -> Option<f64> {
        let last = (1..=slots.min(LONGEST) as i64)
            .map(|back| self.logs[place(self.end.wrapping_sub(back))]);
        let lowest = last.filter(|log| *log != GAP).min()?;
        Some(f64::from(lowest) / UNIT)
    }

    /// The mean log load from an hour to a quarter of an hour before its end, and the slot in the middle of that; nothing if less
    /// than half of it is known.
    pub(super) fn before(&self) -> Option<(f64, i64)> {
        let (count, sum) = (self.counts[3] - self.counts[2], self.sums[3] - self.sums[2]);
        let middle = self.end - ((SPANS[3] + SPANS[2]) / 2) as i64;
        (count as usize * 2 >= SPANS[3] - SPANS[2])
            .then(|| (sum as f64 / (f64::from(count) * UNIT), middle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_those_of_the_spans() {
        let mut trail = Trail::default();
        for slot in 1000..1240 {
            trail.push(slot, Some(f64::from(u8::from(slot >= 1232)) * 4.0));
        }
        let means = trail.means().unwrap();
        let expected = [4.0, 1.6, 8.0 * 4.0 / 60.0, 8.0 * 4.0 / 240.0];
        for (mean, expected) in means.iter().zip(expected) {
            assert!((mean - expected).abs() < 1e-5, "{means:?}");
        }
        assert_eq!(trail.before(), Some((0.0, 1240 - 150)));
        assert_eq!(trail.lowest(8), Some(4.0));
        assert_eq!(trail.lowest(9), Some(0.0));
    }

    #[test]
    fn gaps_count_for_nothing() {
        let mut trail = Trail::default();
        for slot in 0..200 {
            trail.push(slot, (slot % 2 == 0).then_some(3.0));
        }
        assert_eq!(trail.means(), None, "too little is known");
        for slot in 200..260 {
            trail.push(slot, Some(3.0));
        }
        assert_eq!(trail.means(), Some([3.0; 4]));
        trail.push(290, Some(f64::NAN));
        assert_eq!(
            trail.means(),
            Some([3.0; 4]),
            "nothing of two minutes is known"
        );
        assert!(trail.is_sound());
        trail.push(9000, Some(1.0));
        assert_eq!(trail.means(), None);
    }

    #[test]
    fn sums_do_not_drift() {
        let mut trail = Trail::default();
        for slot in 0..100_000 {
            trail.push(slot, (slot % 7 != 0).then_some(slot as f64 * 1e-3));
        }
        assert!(trail.is_sound());
        let text = serde_json::to_string(&trail).unwrap();
        assert_eq!(serde_json::from_str::<Trail>(&text).unwrap(), trail);
        trail.sums[1] += 1;
        assert!(!trail.is_sound());
    }
}
