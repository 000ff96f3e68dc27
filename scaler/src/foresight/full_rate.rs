//! What one replica takes with all its slots held, learned from what replicas did.

use serde::{Deserialize, Serialize};

/// An estimate follows what it sees within this many seconds.
const MEMORY: f64 = 164.0;
/// Younger than this many seconds of learning, an estimate moves freely.
const YOUNG: f64 = 900.0;
/// An older one moves at most by this share an hour: upwards beyond what it was lately, downwards while replicas are mostly
/// idle and busy is a weak witness. Downwards under load it is free: too high an estimate costs requests, too low a one only
/// replicas.
const SHARE_PER_HOUR: f64 = 0.2;
/// What it was lately counts half as much above what it is after so many seconds. Up to there a fall is taken back freely: slots
/// that were all held, by a dependency that hung or in a reading that lied, are no slower version.
const LATELY: f64 = 86_400.0;
/// Less busy than this, replicas say nothing of what they could do; for the very first estimate they count as this busy.
const IDLE: (f64, f64) = (0.05, 0.005);
/// From here on replicas are busy enough to be believed at once.
const BUSY: f64 = 0.5;
/// What busy replicas do less than this share, and than so many standard errors, below the estimate is no chance: a slower
/// version, or a slower machine. Then it follows within so many seconds. As far above the estimate is no chance either.
const SLOWER: (f64, f64) = (0.05, 4.0);
const FAST: f64 = 30.0;

/// Requests per second at which all slots of one replica are held.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct FullRate {
    rate: Option<f64>,
    /// Seconds that it rests on.
    seconds: f64,
    /// The highest that it was lately.
    #[serde(default)]
    lately: f64,
}

impl FullRate {
    pub(super) const fn rate(&self) -> Option<f64> {
        self.rate
    }

    pub(super) fn is_sound(&self) -> bool {
        self.rate.is_none_or(|rate| (1e-9..1e15).contains(&rate))
            && (0.0..=1e9).contains(&self.seconds)
            && (0.0..1e15).contains(&self.lately)
    }

    /// `ready` replicas answered `done` requests per second while a share `busy` of their slots was held, for `dt` seconds:
    /// by Little's law, done ÷ (busy · ready) is what each could take.
    pub(super) fn learn(&mut self, done: f64, busy: f64, ready: f64, dt: f64) {
        // Of the nearly idle this is less than they could do, which is on the safe side.
        let seen = done / (busy.max(IDLE.1) * ready);
        if !((1e-6..1e12).contains(&seen) && busy.is_finite()) {
            return;
        }
        let Some(rate) = self.rate else {
            *self = Self {
                rate: Some(seen),
                seconds: dt,
                lately: seen,
            };
            return;
        };
        let dt = dt.min(60.0);
        // Of so many requests whose work has about the spread of its mean, the mean is good to 1 ÷ √n.
        let chance = SLOWER.0.max(SLOWER.1 / (done * dt).max(1.0).sqrt());
        let slower = busy >= BUSY && seen < rate * (1.0 - chance);
        let back = rate < self.lately && seen > rate * (1.0 + chance);
        // Even the nearly idle can do no less than they do.
        if dt <= 0.0 || (busy <= IDLE.0 && !back) {
            return;
        }
        let follows = |memory: f64| 1.0 - libm::exp(-dt / memory);
        let memory = if slower { FAST } else { MEMORY };
        let gain = follows(memory).max(dt / (self.seconds + dt));
        let mut moved = rate + gain * (seen - rate);
        if self.seconds > YOUNG {
            let step = rate * SHARE_PER_HOUR * dt / 3600.0;
            let least = if busy < BUSY { rate - step } else { 0.0 };
            let most = if back { self.lately } else { 0.0 };
            moved = moved.clamp(least, most.max(rate + step));
        }
        self.rate = Some(moved);
        self.seconds = (self.seconds + dt).min(1e9);
        let above = (self.lately - moved).max(0.0);
        self.lately = moved + above * libm::exp2(-dt / LATELY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(steps: u32, done: f64, busy: f64) -> FullRate {
        let mut full_rate = FullRate::default();
        for _ in 0..steps {
            full_rate.learn(done, busy, 4.0, 15.0);
        }
        full_rate
    }

    #[test]
    fn it_is_done_over_what_was_busy() {
        assert_eq!(learned(1, 160.0, 0.5).rate(), Some(80.0));
        assert_eq!(FullRate::default().rate(), None);
    }

    #[test]
    fn idle_or_absurd_readings_teach_nothing() {
        let mut full_rate = learned(9, 160.0, 0.5);
        let before = full_rate;
        for (done, busy) in [
            (1.0, 0.01),
            (f64::NAN, 0.5),
            (1.0, f64::NAN),
            (-3.0, 0.5),
            (1e308, 1e-308),
        ] {
            full_rate.learn(done, busy, 4.0, 15.0);
        }
        full_rate.learn(160.0, 0.5, 0.0, 15.0);
        assert_eq!(full_rate, before);
    }

    #[test]
    fn a_much_slower_version_is_mostly_believed_within_a_minute_and_a_few_slow_requests_are_not() {
        let mut deployed = learned(100, 160.0, 0.5);
        let mut unlucky = learned(100, 1.6, 0.5);
        for _ in 0..4 {
            deployed.learn(160.0, 0.65, 4.0, 15.0);
            unlucky.learn(1.6, 0.65, 4.0, 15.0);
        }
        assert!(deployed.rate().unwrap() < 66.0, "{deployed:?}");
        assert!(unlucky.rate().unwrap() > 0.73, "{unlucky:?}");
    }

    #[test]
    fn a_slower_version_is_believed_under_load_within_minutes_and_a_faster_one_slowly() {
        let mut slower = learned(100, 160.0, 0.5);
        let mut faster = slower;
        for _ in 0..40 {
            slower.learn(160.0, 0.65, 4.0, 15.0);
            faster.learn(160.0, 0.25, 4.0, 15.0);
        }
        assert!(slower.rate().unwrap() < 63.5, "{slower:?}");
        assert!(faster.rate().unwrap() < 83.0, "{faster:?}");
    }

    #[test]
    fn a_fall_that_was_none_is_taken_back_at_once_and_no_further() {
        let mut lied = learned(100, 160.0, 0.5);
        for _ in 0..40 {
            lied.learn(160.0, 1.0, 4.0, 15.0);
        }
        assert!(lied.rate().unwrap() < 41.0, "{lied:?}");
        // By then there may be so many that each is nearly idle.
        for (busy, replicas) in [(0.5, 4.0), (0.02, 100.0)] {
            let mut after = lied;
            for _ in 0..40 {
                after.learn(160.0, busy, replicas, 15.0);
            }
            let rate = after.rate().unwrap();
            assert!((74.0..80.5).contains(&rate), "{busy}: {after:?}");
        }
        for _ in 0..40 {
            lied.learn(320.0, 0.5, 4.0, 15.0);
        }
        let rate = lied.rate().unwrap();
        assert!((79.0..83.0).contains(&rate), "{lied:?}");
    }

    #[test]
    fn a_slower_version_is_no_lie() {
        let mut slower = learned(100, 160.0, 0.5);
        for step in 0..400 {
            let chance = if step % 2 == 0 { 0.98 } else { 1.02 };
            slower.learn(160.0 * chance, 0.65, 4.0, 15.0);
            assert!(step < 20 || slower.rate().unwrap() < 63.0, "{slower:?}");
        }
    }
}
