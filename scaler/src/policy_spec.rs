//! Policies as data.

use std::time::Duration;

use metrics::{Replicas, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    FieldError, Foresight, ForesightSpec, Guarded, Hpa, HpaController, HpaSpec, KedaSpec, Kpa,
    KpaSpec, Oracle, OracleSpec, Policy, Reactive, ReactiveSpec, Schedule, ScheduleEntry,
    SimpleHpa, Static, StepScalingSpec, TargetTrackingSpec, Trust,
};

/// Why there can be no such policy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PolicyError {
    /// `behavior` is not of the form that it must be.
    #[error("behavior: {0}")]
    Behavior(String),
    /// Upstream's admission refuses the spec.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
}

/// A policy and its parameters.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(tag = "policy", rename_all = "snake_case")]
pub enum PolicySpec {
    /// Always the same.
    Static {
        /// That many.
        replicas: Replicas,
        /// How often it is looked after.
        period: Duration,
    },
    /// Replicas by the clock.
    Schedule {
        /// From which instant how many.
        entries: Vec<ScheduleEntry>,
        /// How often it is looked after.
        period: Duration,
    },
    /// The Horizontal Pod Autoscaler with a few targets.
    Hpa(SimpleHpa),
    /// The Horizontal Pod Autoscaler as a manifest has it.
    HpaManifest {
        /// `spec` of `autoscaling/v2`.
        spec: Box<HpaSpec>,
        /// The controller's flags.
        #[serde(default)]
        controller: HpaController,
        /// How many times faster than a cluster it lives: by so much its `behavior`'s seconds are divided. The flags are
        /// those of the faster world already.
        #[serde(default = "one")]
        speed: f64,
    },
    /// The Knative Pod Autoscaler.
    Kpa(KpaSpec),
    /// KEDA.
    Keda(Box<KedaSpec>),
    /// AWS's step scaling, approximately.
    Step(Box<StepScalingSpec>),
    /// AWS's target tracking, approximately.
    TargetTracking(Box<TargetTrackingSpec>),
    /// Our own, without history.
    Reactive(ReactiveSpec),
    /// Our own.
    Foresight(Box<ForesightSpec>),
    /// The one that knows the future: a bound, and nothing to run.
    Oracle(OracleSpec),
    /// Another policy, which holds instead of going down on missing, stale or thin data.
    Guarded {
        /// The other one.
        inner: Box<Self>,
        /// What is trusted.
        #[serde(default)]
        trust: Trust,
    },
}

const fn one() -> f64 {
    1.0
}

impl PolicySpec {
    /// Its name, as scenarios have it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Static { .. } => "static",
            Self::Schedule { .. } => "schedule",
            Self::Hpa(_) | Self::HpaManifest { .. } => "hpa",
            Self::Kpa(_) => "kpa",
            Self::Keda(_) => "keda",
            Self::Step(_) => "step",
            Self::TargetTracking(_) => "target_tracking",
            Self::Reactive(_) => "reactive",
            Self::Foresight(_) => "foresight",
            Self::Oracle(_) => "oracle",
            Self::Guarded { inner, .. } => inner.name(),
        }
    }

    /// The shortest time between two of its decisions.
    #[must_use]
    pub fn period(&self) -> Duration {
        match self {
            Self::Static { period, .. } | Self::Schedule { period, .. } => *period,
            Self::Hpa(simple) => simple.controller.sync_period,
            Self::HpaManifest { controller, .. } => controller.sync_period,
            Self::Kpa(spec) => spec.tick,
            Self::Keda(spec) => spec.polling_interval.min(spec.controller.sync_period),
            Self::Step(spec) => spec.target.tick,
            Self::TargetTracking(spec) => spec.target.tick,
            Self::Reactive(spec) => spec.period,
            Self::Foresight(spec) => spec.common.period,
            Self::Oracle(spec) => spec.period,
            Self::Guarded { inner, .. } => inner.period(),
        }
    }

    /// The fewest and the most replicas, if it has bounds.
    #[must_use]
    pub fn bounds(&self) -> Option<(Replicas, Replicas)> {
        let count = |n: i32| Replicas(u32::try_from(n).unwrap_or(0));
        match self {
            Self::Static { .. } | Self::Schedule { .. } | Self::Oracle(_) => None,
            Self::Hpa(simple) => Some((simple.min, simple.max)),
            Self::HpaManifest { spec, .. } => Some((
                count(spec.min_replicas.unwrap_or(1)),
                count(spec.max_replicas),
            )),
            Self::Kpa(spec) => Some((spec.min, spec.max)),
            Self::Keda(spec) => Some((spec.min.unwrap_or_default(), spec.max)),
            Self::Step(spec) => Some((spec.target.min, spec.target.max)),
            Self::TargetTracking(spec) => Some((spec.target.min, spec.target.max)),
            Self::Reactive(spec) => Some((spec.min, spec.max)),
            Self::Foresight(spec) => Some((spec.common.min, spec.common.max)),
            Self::Guarded { inner, .. } => inner.bounds(),
        }
    }

    /// Whether it goes to zero replicas by itself, with so many as the fewest.
    #[must_use]
    pub fn reaches_zero(&self, min: Replicas) -> bool {
        let none = min == Replicas::ZERO;
        match self {
            Self::Kpa(spec) => none && spec.scale_to_zero,
            Self::Keda(spec) => none || spec.idle == Some(Replicas::ZERO),
            Self::HpaManifest { controller, .. } => none && controller.scale_to_zero,
            Self::Guarded { inner, .. } => inner.reaches_zero(min),
            _ => false,
        }
    }

    /// The same between other bounds.
    #[must_use]
    pub fn between(mut self, min: Replicas, max: Replicas) -> Self {
        let bound = |n: Replicas| i32::try_from(n.get()).unwrap_or(i32::MAX);
        match &mut self {
            Self::Static { .. } | Self::Schedule { .. } | Self::Oracle(_) => {}
            Self::Hpa(simple) => (simple.min, simple.max) = (min, max),
            Self::HpaManifest { spec, .. } => {
                (spec.min_replicas, spec.max_replicas) = (Some(bound(min)), bound(max));
            }
            Self::Kpa(spec) => (spec.min, spec.max) = (min, max),
            Self::Keda(spec) => (spec.min, spec.max) = (Some(min), max),
            Self::Step(spec) => (spec.target.min, spec.target.max) = (min, max),
            Self::TargetTracking(spec) => (spec.target.min, spec.target.max) = (min, max),
            Self::Reactive(spec) => (spec.min, spec.max) = (min, max),
            Self::Foresight(spec) => (spec.common.min, spec.common.max) = (min, max),
            Self::Guarded { inner, .. } => **inner = inner.as_ref().clone().between(min, max),
        }
        self
    }

    /// The same in a world that goes `speed` times faster from `origin` on: all that it counts in is so much shorter, and
    /// its instants so much nearer.
    #[must_use]
    pub fn at_speed(mut self, speed: f64, origin: Timestamp) -> Self {
        let nearer = |at: Timestamp| origin + at.since(origin).div_f64(speed);
        match &mut self {
            Self::Static { period, .. } => *period = period.div_f64(speed),
            Self::Schedule { entries, period } => {
                *period = period.div_f64(speed);
                for entry in entries {
                    entry.at = nearer(entry.at);
                }
            }
            Self::Hpa(simple) => {
                simple.rate_period = simple.rate_period.div_f64(speed);
                simple.controller = simple.controller.at_speed(speed);
                simple.behavior = simple.behavior.take().map(|b| faster_seconds(b, speed));
            }
            Self::HpaManifest {
                controller,
                speed: own,
                ..
            } => {
                *controller = controller.at_speed(speed);
                *own *= speed;
            }
            Self::Kpa(spec) => *spec = spec.at_speed(speed),
            Self::Keda(spec) => **spec = spec.at_speed(speed, origin),
            Self::Step(spec) => spec.target = spec.target.at_speed(speed),
            Self::TargetTracking(spec) => spec.target = spec.target.at_speed(speed),
            Self::Reactive(spec) => hasten(spec, speed, nearer),
            Self::Foresight(spec) => hasten(&mut spec.common, speed, nearer),
            Self::Oracle(spec) => {
                spec.period = spec.period.div_f64(speed);
                spec.lead = spec.lead.div_f64(speed);
                for (at, _) in &mut spec.changes {
                    *at = nearer(*at);
                }
            }
            Self::Guarded { inner, .. } => **inner = inner.as_ref().clone().at_speed(speed, origin),
        }
        self
    }

    /// Reads one as YAML or JSON, in the form in which a record's header has it.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|e| e.to_string())
    }

    /// The policy.
    ///
    /// # Errors
    /// If upstream's admission refuses what an HPA says, or another's parameters make no sense.
    pub fn build(&self) -> Result<Box<dyn Policy + Send>, PolicyError> {
        Ok(match self {
            Self::Static { replicas, period } => Box::new(Static::new(*replicas, *period)),
            Self::Schedule { entries, period } => Box::new(Schedule::new(entries.clone(), *period)),
            Self::Hpa(simple) => Box::new(simple.build()?),
            Self::HpaManifest {
                spec,
                controller,
                speed,
            } => {
                valid(spec.as_ref().clone().defaulted().validate())?;
                let (spec, controller) = (spec.as_ref().clone(), controller.clone());
                Box::new(if *speed == 1.0 {
                    Hpa::new(spec, controller)
                } else {
                    Hpa::faster(spec, controller, *speed)
                })
            }
            Self::Kpa(spec) => {
                valid(spec.validate())?;
                Box::new(Kpa::new(spec.clone()))
            }
            Self::Keda(spec) => Box::new(spec.build()?),
            Self::Step(spec) => {
                valid(spec.validate())?;
                Box::new(spec.build())
            }
            Self::TargetTracking(spec) => {
                valid(spec.validate())?;
                Box::new(spec.build())
            }
            Self::Reactive(spec) => Box::new(Reactive::new(spec.clone())),
            Self::Foresight(spec) => Box::new(Foresight::new(spec.as_ref().clone())),
            Self::Oracle(spec) => Box::new(Oracle::new(spec.clone())),
            Self::Guarded { inner, trust } => Box::new(Guarded::new(inner.build()?, *trust)),
        })
    }
}

fn valid(mistakes: Vec<FieldError>) -> Result<(), PolicyError> {
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(PolicyError::Invalid(mistakes))
    }
}

/// Our own policies count in the time of a clock, which goes faster.
fn hasten(spec: &mut ReactiveSpec, speed: f64, nearer: impl Fn(Timestamp) -> Timestamp) {
    spec.period = spec.period.div_f64(speed);
    spec.clock.speed *= speed;
    for event in &mut spec.events {
        event.at = nearer(event.at);
        event.until = event.until.map(&nearer);
    }
}

/// The windows and periods of `spec.behavior`, wherever they stand in it: seconds, then no longer whole.
pub(crate) fn faster_seconds(mut behavior: serde_json::Value, speed: f64) -> serde_json::Value {
    match &mut behavior {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                let is_span = matches!(
                    name.as_str(),
                    "stabilizationWindowSeconds" | "periodSeconds"
                );
                *field = match field.as_f64().filter(|_| is_span) {
                    Some(seconds) => (seconds / speed).into(),
                    None => faster_seconds(field.take(), speed),
                };
            }
        }
        serde_json::Value::Array(items) => {
            for item in items {
                *item = faster_seconds(item.take(), speed);
            }
        }
        _ => {}
    }
    behavior
}
