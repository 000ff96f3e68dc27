//! What the controller must not forget, and its compact saved form.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use metrics::{Replicas, Timestamp};
use serde::{Deserialize, Serialize};

use super::normalise::{Recommendation, ScaleEvent};
use crate::{Condition, ConditionStatus};

/// The controller's memory of one workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Memory {
    /// Nothing until the first step.
    pub(super) recommendations: Option<Vec<Recommendation>>,
    pub(super) up: Vec<ScaleEvent>,
    pub(super) down: Vec<ScaleEvent>,
    pub(super) conditions: Arc<BTreeMap<String, Condition>>,
    pub(super) current: Option<Replicas>,
    pub(super) desired: Option<Replicas>,
    pub(super) last_scale: Option<Timestamp>,
}

/// [`Memory`] as it is saved.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Saved {
    #[serde(skip_serializing_if = "Option::is_none")]
    recommendations: Option<Packed>,
    up: Packed,
    down: Packed,
    conditions: Arc<BTreeMap<String, Condition>>,
    current: Option<Replicas>,
    desired: Option<Replicas>,
    last_scale: Option<Timestamp>,
}

/// Numbers with their instants, as `number, step, number, step, …`: each step is the time since the one before (the
/// first since the epoch), in `unit` nanoseconds.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Packed {
    unit: i64,
    start: i64,
    list: Vec<i64>,
    /// Which entries are outdated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outdated: Vec<usize>,
}

impl Packed {
    fn of(entries: impl Iterator<Item = (i32, Timestamp)> + Clone) -> Self {
        let start = entries.clone().next().map_or(0, |(_, at)| at.as_nanos());
        let mut last = start;
        let mut steps: Vec<(i32, i64)> = Vec::new();
        for (number, at) in entries {
            steps.push((number, at.as_nanos().saturating_sub(last)));
            last = at.as_nanos();
        }
        let unit = steps
            .iter()
            .fold(0, |unit, (_, step)| gcd(unit, step.saturating_abs()));
        let unit = unit.max(1);
        Self {
            unit,
            start,
            list: steps
                .iter()
                .flat_map(|(n, step)| [i64::from(*n), step / unit])
                .collect(),
            outdated: Vec::new(),
        }
    }

    fn entries(&self) -> Vec<(i32, Timestamp)> {
        let mut at = self.start;
        let pairs = self.list.chunks_exact(2);
        pairs
            .map(|pair| {
                at = at.saturating_add(pair[1].saturating_mul(self.unit));
                let number = pair[0].clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
                (number, Timestamp::from_nanos(at))
            })
            .collect()
    }

    fn events(list: &[ScaleEvent]) -> Self {
        let outdated = list.iter().enumerate().filter(|(_, event)| event.outdated);
        Self {
            outdated: outdated.map(|(i, _)| i).collect(),
            ..Self::of(list.iter().map(|event| (event.change, event.at)))
        }
    }

    fn to_events(&self) -> Vec<ScaleEvent> {
        let entries = self.entries().into_iter().enumerate();
        entries
            .map(|(i, (change, at))| ScaleEvent {
                change,
                at,
                outdated: self.outdated.contains(&i),
            })
            .collect()
    }
}

const fn gcd(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Memory {
    /// Sets a condition.
    pub(super) fn set(
        &mut self,
        kind: &str,
        status: ConditionStatus,
        reason: &str,
        message: fmt::Arguments<'_>,
    ) {
        Condition::set(&mut self.conditions, kind, status, reason, message);
    }

    /// Takes a condition away.
    pub(super) fn remove(&mut self, kind: &str) {
        if self.conditions.contains_key(kind) {
            Arc::make_mut(&mut self.conditions).remove(kind);
        }
    }

    pub(super) fn is_true(&self, kind: &str) -> bool {
        let condition = self.conditions.get(kind);
        condition.is_some_and(|c| c.status == ConditionStatus::True)
    }

    pub(super) fn save(&self) -> Saved {
        let recommendations = self.recommendations.as_ref();
        Saved {
            recommendations: recommendations
                .map(|list| Packed::of(list.iter().map(|rec| (rec.replicas, rec.at)))),
            up: Packed::events(&self.up),
            down: Packed::events(&self.down),
            conditions: self.conditions.clone(),
            current: self.current,
            desired: self.desired,
            last_scale: self.last_scale,
        }
    }

    pub(super) fn restored(saved: Saved) -> Self {
        let unpack = |packed: Packed| {
            let entries = packed.entries().into_iter();
            entries
                .map(|(replicas, at)| Recommendation { replicas, at })
                .collect()
        };
        Self {
            recommendations: saved.recommendations.map(unpack),
            up: saved.up.to_events(),
            down: saved.down.to_events(),
            conditions: saved.conditions,
            current: saved.current,
            desired: saved.desired,
            last_scale: saved.last_scale,
        }
    }
}
