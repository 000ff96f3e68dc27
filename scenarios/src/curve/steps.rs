//! A rate until the next step.

use std::sync::Arc;
use std::time::Duration;

use metrics::Rps;
use serde::{Deserialize, Serialize};

use super::{CurveError, faster};

/// λ(t) = the rate of the last step at or before t; 0 before the first, and the last one's for ever.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(try_from = "Vec<(Duration, Rps)>", into = "Vec<(Duration, Rps)>")]
pub struct Steps(Arc<[Step]>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    at: Duration,
    rate: Rps,
    /// Seconds.
    start: f64,
    /// Arrivals before it.
    before: f64,
}

impl Steps {
    /// From each instant on, that rate.
    ///
    /// # Errors
    /// If there is none, or one is not after the one before it.
    pub fn new(steps: Vec<(Duration, Rps)>) -> Result<Self, CurveError> {
        let mut all: Vec<Step> = Vec::with_capacity(steps.len());
        for (at, rate) in steps {
            let start = at.as_secs_f64();
            let before = match all.last() {
                None => 0.0,
                Some(last) if last.at >= at => {
                    return Err(CurveError::StepsBack {
                        place: all.len() + 1,
                        at,
                        before: last.at,
                    });
                }
                Some(last) => last.before + last.rate.get() * (start - last.start),
            };
            all.push(Step {
                at,
                rate,
                start,
                before,
            });
        }
        if all.is_empty() {
            Err(CurveError::NoSteps)
        } else {
            Ok(Self(all.into()))
        }
    }

    fn step_at(&self, t: f64) -> Option<&Step> {
        let place = self.0.partition_point(|step| step.start <= t);
        self.0.get(place.checked_sub(1)?)
    }

    pub(super) fn rate(&self, t: f64) -> f64 {
        self.step_at(t).map_or(0.0, |step| step.rate.get())
    }

    pub(super) fn count(&self, t: f64) -> f64 {
        self.step_at(t)
            .map_or(0.0, |step| step.before + step.rate.get() * (t - step.start))
    }

    pub(super) fn invert(&self, count: f64) -> Option<f64> {
        // The step that reaches the count is the last that begins below it; its rate is above 0, or it is the last.
        let place = self.0.partition_point(|step| step.before < count);
        let step = self.0.get(place.checked_sub(1)?)?;
        let t = step.start + (count - step.before) / step.rate.get();
        let end = self.0.get(place).map_or(f64::MAX, |next| next.start);
        t.is_finite().then_some(t.min(end))
    }

    pub(super) fn corners(&self) -> Vec<f64> {
        self.0.iter().map(|step| step.start).collect()
    }

    pub(super) fn compressed(&self, speed: f64) -> Self {
        let mut steps: Vec<_> = self
            .0
            .iter()
            .map(|step| (faster(step.at, speed), step.rate))
            .collect();
        // Two that fall on one nanosecond: the later rules.
        steps.reverse();
        steps.dedup_by_key(|(at, _)| *at);
        steps.reverse();
        Self::new(steps).expect("compression keeps the order, and equal instants are gone")
    }
}

impl TryFrom<Vec<(Duration, Rps)>> for Steps {
    type Error = CurveError;

    fn try_from(steps: Vec<(Duration, Rps)>) -> Result<Self, CurveError> {
        Self::new(steps)
    }
}

impl From<Steps> for Vec<(Duration, Rps)> {
    fn from(steps: Steps) -> Self {
        steps.0.iter().map(|step| (step.at, step.rate)).collect()
    }
}
