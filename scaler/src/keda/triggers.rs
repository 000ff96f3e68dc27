//! What the triggers say: their values, their failures, what stands in for those, and the formula over them.
//!
//! After `pkg/fallback/fallback.go`, `pkg/scaling/modifiers/formula.go` and `pkg/scaling/scale_handler.go` of
//! kedacore/keda 8b4f083c.

use std::fmt;

use metrics::{Quantity, Reading, Timestamp};
use serde::{Deserialize, Serialize};

use super::formula::Formula;
use super::spec::{KedaEvent, KedaFallbackBehavior, KedaMetric, KedaMetricType, KedaSpec};
use crate::figures::Plain;
use crate::{MetricId, Observation, Phase, ReadyState};

/// What must not be forgotten of one trigger that is not of a resource.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Health {
    /// How often it failed in a row, by whoever read it.
    pub(super) failures: u32,
    /// What the last poll read, if it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cached: Option<Result<i64, String>>,
}

/// What a trigger came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Came {
    /// In milli-units.
    Value(i64),
    /// It failed for too long: this stands in.
    Fallback(i64),
    /// It failed for too long: it is nil in the formula.
    Nil,
    /// It failed.
    Failed(String),
}

/// Reads a trigger.
pub(super) fn read(id: &MetricId, event: &KedaEvent, seen: &Observation) -> Result<i64, String> {
    let traffic = &seen.traffic;
    match &event.metric {
        KedaMetric::Requests => of(&traffic.offered, |rate| rate.get()),
        KedaMetric::InFlight => of(&traffic.in_flight, |n| *n),
        KedaMetric::Queued => of(&traffic.queued, |n| *n),
        KedaMetric::Cron(cron) if cron.is_on(seen.at) => {
            Ok(i64::from(cron.replicas.get()).saturating_mul(1000))
        }
        KedaMetric::Cron(_) => Ok(0),
        KedaMetric::External(_) => match seen.metrics.get(id) {
            Some(Reading::Value { value, .. }) if !value.is_empty() => {
                Ok(value.iter().fold(0_i64, |sum, sample| {
                    sum.saturating_add(sample.value.milli())
                }))
            }
            Some(Reading::NoData(why)) => Err(why.to_string()),
            Some(_) => Err("nothing was returned".into()),
            None => Err("nobody gives this metric".into()),
        },
    }
}

/// Whether a trigger is active, and in words why.
#[derive(Clone, Copy, Debug)]
pub(super) enum Active {
    /// By the clock.
    Cron(bool),
    /// By its value, and what it must be above.
    Above(Quantity, Quantity),
}

/// Whether a trigger that says so much is active. One by the clock is by the clock alone, however few replicas it asks
/// for.
pub(super) fn activity(event: &KedaEvent, milli: i64, now: Timestamp) -> Active {
    match &event.metric {
        KedaMetric::Cron(cron) => Active::Cron(cron.is_on(now)),
        _ => Active::Above(Quantity::from_milli(milli), event.activation),
    }
}

impl Active {
    pub(super) fn is_active(self) -> bool {
        match self {
            Self::Cron(on) => on,
            Self::Above(value, least) => value > least,
        }
    }
}

impl fmt::Display for Active {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(on) => write!(f, "is {}", if *on { "on" } else { "off" }),
            Self::Above(value, least) => {
                let not = if self.is_active() { "" } else { " not" };
                let (value, least) = (Plain(value.milli()), Plain(least.milli()));
                write!(f, "{value} is{not} above {least}")
            }
        }
    }
}

fn of<T>(reading: &Reading<T>, value: impl Fn(&T) -> f64) -> Result<i64, String> {
    match reading {
        Reading::NoData(why) => Err(why.to_string()),
        Reading::Value { value: read, .. } => {
            let value = value(read);
            if value.is_finite() {
                // Truncated, as KEDA does.
                Ok((value * 1000.0) as i64)
            } else {
                Err(format!("{value} is no amount"))
            }
        }
    }
}

/// Counts failures, and lets the fallback stand in after too many.
pub(super) fn with_fallback(
    spec: &KedaSpec,
    event: &KedaEvent,
    health: &mut Health,
    read: Result<i64, String>,
    seen: &Observation,
) -> Came {
    let Some(fallback) = spec.fallback.as_ref().filter(|_| is_valid(spec)) else {
        return read.map_or_else(Came::Failed, Came::Value);
    };
    let why = match read {
        Ok(value) => {
            health.failures = 0;
            return Came::Value(value);
        }
        Err(why) => why,
    };
    health.failures = health.failures.saturating_add(1);
    if health.failures <= fallback.failure_threshold {
        return Came::Failed(why);
    }
    if fallback.behavior == KedaFallbackBehavior::ScalingModifiers {
        return Came::Nil;
    }
    let current = || seen.scale.value().map(|scale| f64::from(scale.spec.get()));
    let fixed = f64::from(fallback.replicas.get());
    let replicas = match fallback.behavior {
        KedaFallbackBehavior::CurrentReplicas => current(),
        KedaFallbackBehavior::CurrentReplicasIfHigher => current().map(|n| n.max(fixed)),
        KedaFallbackBehavior::CurrentReplicasIfLower => current().map(|n| n.min(fixed)),
        _ => Some(fixed),
    };
    let (target, kind) = match &spec.modifiers {
        Some(modifiers) => (modifiers.target, modifiers.metric_type),
        None => (event.threshold.milli() as f64 / 1000.0, event.metric_type),
    };
    let share = match kind {
        KedaMetricType::AverageValue => Some(1.0),
        KedaMetricType::Value => Some(f64::from(ready(seen))).filter(|n| *n > 0.0),
    };
    match (replicas, share) {
        (Some(replicas), Some(share)) => {
            Came::Fallback((target * 1000.0 * (replicas / share)) as i64)
        }
        (None, _) => Came::Failed(why),
        (_, None) => Came::Failed("error performing fallback".into()),
    }
}

/// With a formula, KEDA wants its target to be a whole number.
fn is_valid(spec: &KedaSpec) -> bool {
    let modifiers = spec.modifiers.as_ref();
    modifiers.is_none_or(|m| m.target > 0.0 && m.target.trunc() == m.target)
}

fn ready(seen: &Observation) -> u32 {
    let is = |r: &&crate::ReplicaObservation| {
        r.phase == Phase::Running && r.ready.state == ReadyState::True
    };
    u32::try_from(seen.replicas.iter().filter(is).count()).unwrap_or(u32::MAX)
}

/// The one number of all triggers, in milli-units.
pub(super) fn composite(
    spec: &KedaSpec,
    formula: &Formula,
    all: &[Came],
    values: &mut Vec<Option<f64>>,
) -> Result<i64, String> {
    let stands_in = all.iter().find_map(|came| match came {
        Came::Fallback(value) => Some(*value),
        _ => None,
    });
    if let Some(value) = stands_in {
        return Ok(value);
    }
    values.clear();
    values.extend(all.iter().map(|came| match came {
        Came::Value(milli) => Some(*milli as f64 / 1000.0),
        _ => None,
    }));
    let number = match formula.evaluate(values) {
        Ok(Some(number)) => number,
        Ok(None) => match (&spec.fallback, &spec.modifiers) {
            (Some(fallback), Some(modifiers)) => {
                f64::from(fallback.replicas.get()) * modifiers.target
            }
            _ => return Err("the formula is nil and there is no fallback".into()),
        },
        Err(error) => return Err(format!("error trying to run custom formula: {error}")),
    };
    if number.is_nan() {
        return Err("the formula gives no number".into());
    }
    Ok((number * 1000.0) as i64)
}
