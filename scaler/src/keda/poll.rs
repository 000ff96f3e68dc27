//! KEDA's own loop: whether there is activity at all, and the steps between none and some.
//!
//! After `pkg/scaling/executor/scale_scaledobjects.go` of kedacore/keda 8b4f083c.

use std::time::Duration;

use metrics::{Replicas, Timestamp};

use super::spec::KedaSpec;
use crate::ConditionStatus;

/// What all triggers together say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Activity {
    pub(super) active: bool,
    /// One of them failed.
    pub(super) failed: bool,
}

/// What a poll wants done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// From none (or idle) to some.
    Activate(Replicas),
    /// To none, or idle.
    Deactivate(Replicas),
    /// Up to the minimum.
    ToMinimum(Replicas),
}

impl Step {
    pub(super) const fn replicas(self) -> Replicas {
        match self {
            Self::Activate(n) | Self::Deactivate(n) | Self::ToMinimum(n) => n,
        }
    }
}

/// What a poll came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) step: Option<Step>,
    /// Whether it counts as activity now, whatever becomes of the step.
    pub(super) refreshes: bool,
    pub(super) ready: Said,
    pub(super) active: Said,
    /// How long the cooldown still lasts, if that is what it waits for.
    pub(super) cools: Option<Duration>,
}

/// A condition: its status, reason and message.
pub(super) type Said = (ConditionStatus, &'static str, &'static str);

const READY: Said = (
    ConditionStatus::True,
    "ScaledObjectReady",
    "ScaledObject is defined correctly and is ready for scaling",
);

/// What is to be done with so many replicas.
pub(super) fn request(
    spec: &KedaSpec,
    activity: &Activity,
    now: Timestamp,
    current: Replicas,
    (created, last_active): (Timestamp, Option<Timestamp>),
) -> Outcome {
    if activity.active || spec.annotations.force_activation {
        return active(spec, activity, current);
    }
    let mut outcome = Outcome {
        step: None,
        refreshes: false,
        ready: READY,
        active: (
            ConditionStatus::False,
            "ScalerNotActive",
            "Scaling is not performed because triggers are not active",
        ),
        cools: None,
    };
    let min = spec.min.unwrap_or_default();
    let fallback = spec.fallback.as_ref().map(|fallback| fallback.replicas);
    if activity.failed && fallback.is_some_and(|replicas| replicas > Replicas::ZERO) {
        // Whoever is at zero would keep the HPA from reaching the replicas of the fallback.
        return outcome;
    }
    if activity.failed && fallback.is_none() {
        outcome.ready = (
            ConditionStatus::False,
            "TriggerError",
            "Triggers defined in ScaledObject are not working correctly",
        );
        return outcome;
    }
    let above = match spec.idle {
        Some(idle) => current > idle,
        None => false,
    };
    if above || (current > Replicas::ZERO && min == Replicas::ZERO) {
        if spec.annotations.paused_scale_in {
            return outcome;
        }
        let until = match last_active {
            None => created + spec.initial_cooldown_period,
            Some(at) => at + spec.cooldown_period,
        };
        if until < now {
            outcome.step = Some(Step::Deactivate(spec.idle.unwrap_or(min)));
        } else {
            outcome.cools = Some(until.since(now));
            outcome.active = (
                ConditionStatus::False,
                "ScalerCooldown",
                "Scaler cooling down because triggers are not active",
            );
        }
    } else if spec.idle.is_none() && current < min {
        outcome.step = Some(Step::ToMinimum(min));
    }
    outcome
}

fn active(spec: &KedaSpec, activity: &Activity, current: Replicas) -> Outcome {
    let min = spec.min.unwrap_or_default();
    let mut outcome = Outcome {
        step: None,
        refreshes: false,
        ready: READY,
        active: (
            ConditionStatus::True,
            "ScalerActive",
            if spec.annotations.force_activation {
                "Scaling is performed because activation is being forced by annotation"
            } else {
                "Scaling is performed because triggers are active"
            },
        ),
        cools: None,
    };
    if (spec.idle.is_some() && current < min) || current == Replicas::ZERO {
        if !spec.annotations.paused_scale_out {
            outcome.step = Some(Step::Activate(min.max(Replicas(1))));
        }
    } else if activity.failed {
        outcome.ready = (
            ConditionStatus::Unknown,
            "PartialTriggerError",
            "Some triggers defined in ScaledObject are not working correctly",
        );
    } else {
        outcome.refreshes = true;
    }
    outcome
}
