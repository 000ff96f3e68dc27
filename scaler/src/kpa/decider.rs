//! How many replicas two averages ask for: the stable one, and the panic one when the load leaps.
//!
//! After `pkg/autoscaler/scaling/autoscaler.go` of knative/serving 98e5ef90. Where upstream's conversions wrap around,
//! these saturate.

use metrics::Timestamp;
use serde::{Deserialize, Serialize};

use super::delay::Delay;
use super::spec::KpaSpec;

/// Knative's decision without what comes before it (the windows) and after it (bounds, activation, scale to zero).
#[derive(Clone, Debug, PartialEq)]
pub struct KpaDecider {
    spec: KpaSpec,
    memory: Memory,
}

/// What it must not forget.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Memory {
    /// The last cause of the panic that is on.
    panic: Option<Timestamp>,
    /// The most replicas that this panic asked for: it never goes below.
    most: i32,
    /// Made once: a changed delay has no effect on a decider that is there.
    delay: Option<Delay>,
}

/// What the two averages ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KpaRecommendation {
    /// That many replicas, before the reconciler's rules.
    pub desired: i32,
    /// What there is room for beyond the load and the burst that should have room; negative: not enough. −1 if there
    /// is always to be more, 0 if never.
    pub excess_burst_capacity: i32,
    /// How it came to `desired`.
    pub steps: KpaSteps,
}

/// The way to a recommendation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KpaSteps {
    /// Whether the average of the panic window made it.
    pub by_panic: bool,
    /// Whether a panic is on, which never goes down.
    pub panicking: bool,
    /// The average ÷ the target, rounded up.
    pub asked: f64,
    /// After the limits on how fast it goes up and down.
    pub limited: i32,
    /// After the fewest replicas but zero.
    pub activated: i32,
    /// After the most that this panic asked for.
    pub held: i32,
}

/// One average on its way.
#[derive(Clone, Copy)]
struct Wish {
    asked: f64,
    limited: i32,
    activated: i32,
}

impl KpaDecider {
    /// One that is made at `now`, with so many replicas ready. With more than one it begins in panic, so that it does
    /// not go down before it has seen enough.
    #[must_use]
    pub fn new(spec: KpaSpec, now: Timestamp, ready: u32) -> Self {
        let slots = slots(&spec);
        Self {
            memory: Memory {
                panic: (ready > 1).then_some(now),
                most: i32::try_from(ready).unwrap_or(i32::MAX),
                delay: (!spec.scale_down_delay.is_zero()).then(|| Delay::new(slots)),
            },
            spec,
        }
    }

    /// Decides by another specification from now on. Whether and how long it delays scale-downs stays as it was.
    pub fn update(&mut self, spec: KpaSpec) {
        self.spec = spec;
    }

    /// Forgets what one of the rules keeps, so that it does nothing in the next decision.
    pub(super) fn forget(&mut self, rule: &str) {
        match rule {
            "panic" => (self.memory.panic, self.memory.most) = (None, 0),
            "scale_down_delay" => self.memory.delay = None,
            _ => {}
        }
    }

    pub(super) const fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(super) fn remember(spec: KpaSpec, memory: Memory) -> Self {
        Self { spec, memory }
    }

    /// What `stable` and `panic`, the averages of the two windows, ask for with so many replicas ready.
    pub fn decide(
        &mut self,
        now: Timestamp,
        ready: u32,
        stable: f64,
        panic: f64,
    ) -> KpaRecommendation {
        let some = f64::from(ready.max(1));
        let by_stable = self.wish(some, stable);
        let by_panic = self.wish(some, panic);
        self.panics(now, by_panic.asked / some >= self.spec.panic_threshold);
        let panicking = self.memory.panic.is_some();
        let higher = panicking && by_panic.activated > by_stable.activated;
        let wish = if higher { by_panic } else { by_stable };
        let mut desired = wish.activated;
        if panicking {
            self.memory.most = self.memory.most.max(desired);
            desired = self.memory.most;
        }
        let held = desired;
        if self.spec.reachable
            && let Some(delay) = &mut self.memory.delay
        {
            let slot = slot(now, &self.spec);
            desired = delay.highest(slot, desired);
        }
        KpaRecommendation {
            desired,
            excess_burst_capacity: excess(&self.spec, f64::from(ready), panic),
            steps: KpaSteps {
                by_panic: higher,
                panicking,
                asked: wish.asked,
                limited: wish.limited,
                activated: wish.activated,
                held,
            },
        }
    }

    /// What one average asks for, within what may change at once.
    fn wish(&self, ready: f64, average: f64) -> Wish {
        let most = (self.spec.max_scale_up_rate * ready).ceil();
        let least = if self.spec.reachable {
            (ready / self.spec.max_scale_down_rate).floor()
        } else {
            0.0
        };
        let asked = (average / self.spec.target).ceil();
        // `as` saturates, where upstream wraps around.
        let limited = asked.max(least).min(most) as i32;
        let activation = i32::try_from(self.spec.activation_scale).unwrap_or(i32::MAX);
        let activated = if activation > 1 && asked > 0.0 {
            limited.max(activation)
        } else {
            limited
        };
        Wish {
            asked,
            limited,
            activated,
        }
    }

    fn panics(&mut self, now: Timestamp, over: bool) {
        match self.memory.panic {
            _ if over => self.memory.panic = Some(now),
            Some(since) if since + self.spec.stable_window < now => {
                self.memory.panic = None;
                self.memory.most = 0;
            }
            _ => {}
        }
    }
}

fn slots(spec: &KpaSpec) -> i64 {
    let tick = spec.tick.as_nanos().max(1);
    i64::try_from(spec.scale_down_delay.as_nanos().div_ceil(tick)).unwrap_or(i64::MAX)
}

fn slot(now: Timestamp, spec: &KpaSpec) -> i64 {
    let tick = i64::try_from(spec.tick.as_nanos()).unwrap_or(i64::MAX);
    now.as_nanos().div_euclid(tick.max(1))
}

/// Capacity of all ready replicas − the burst that should have room − the load.
fn excess(spec: &KpaSpec, ready: f64, panic: f64) -> i32 {
    let burst = spec.target_burst_capacity;
    if burst == 0.0 {
        0
    } else if burst > 0.0 {
        (ready * spec.total - burst - panic).floor() as i32
    } else {
        -1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn decider(ready: u32) -> KpaDecider {
        let spec = KpaSpec {
            target: 10.0,
            ..KpaSpec::default()
        };
        KpaDecider::new(spec, Timestamp::EPOCH, ready)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn a_panic_lasts_a_stable_window_after_its_last_cause_and_never_goes_down() {
        let mut decider = decider(1);
        assert_eq!(decider.decide(at(0), 1, 10.0, 10.0).desired, 1);
        assert_eq!(
            decider.decide(at(2), 1, 12.0, 20.0).desired,
            2,
            "twice what 1 takes"
        );
        assert_eq!(decider.decide(at(4), 2, 15.0, 90.0).desired, 9);
        assert_eq!(
            decider.decide(at(64), 9, 30.0, 10.0).desired,
            9,
            "not yet over"
        );
        let calm = decider.decide(at(66), 9, 30.0, 10.0);
        assert_eq!(
            (calm.desired, calm.steps.panicking),
            (4, false),
            "half of 9 at once"
        );
    }

    #[test]
    fn one_that_finds_replicas_keeps_them_at_first() {
        let mut decider = decider(8);
        assert_eq!(decider.decide(at(2), 8, 0.0, 0.0).desired, 8);
        assert_eq!(decider.decide(at(62), 8, 0.0, 0.0).desired, 4);
    }

    #[test]
    fn absurd_averages_saturate() {
        let mut decider = decider(1);
        let top = decider.decide(at(0), u32::MAX, f64::MAX, f64::MAX);
        assert_eq!(top.desired, i32::MAX);
        assert_eq!(top.excess_burst_capacity, i32::MIN);
        assert_eq!(
            decider
                .decide(at(Duration::MAX.as_secs() as i64), 1, f64::NAN, f64::NAN)
                .excess_burst_capacity,
            0
        );
    }
}
