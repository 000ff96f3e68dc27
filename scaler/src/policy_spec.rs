//! Policies as data.

use std::time::Duration;

use metrics::Replicas;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    FieldError, Foresight, ForesightSpec, Guarded, Hpa, HpaController, HpaSpec, KedaSpec, Kpa,
    KpaSpec, Oracle, OracleSpec, Policy, Reactive, ReactiveSpec, Schedule, ScheduleEntry,
    SimpleHpa, Static, Trust,
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
    },
    /// The Knative Pod Autoscaler.
    Kpa(KpaSpec),
    /// KEDA.
    Keda(Box<KedaSpec>),
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

impl PolicySpec {
    /// The policy.
    ///
    /// # Errors
    /// If upstream's admission refuses what an HPA says, or another's parameters make no sense.
    pub fn build(&self) -> Result<Box<dyn Policy + Send>, PolicyError> {
        Ok(match self {
            Self::Static { replicas, period } => Box::new(Static::new(*replicas, *period)),
            Self::Schedule { entries, period } => Box::new(Schedule::new(entries.clone(), *period)),
            Self::Hpa(simple) => Box::new(simple.build()?),
            Self::HpaManifest { spec, controller } => {
                let mistakes = spec.as_ref().clone().defaulted().validate();
                if !mistakes.is_empty() {
                    return Err(PolicyError::Invalid(mistakes));
                }
                Box::new(Hpa::new(spec.as_ref().clone(), controller.clone()))
            }
            Self::Kpa(spec) => {
                let mistakes = spec.validate();
                if !mistakes.is_empty() {
                    return Err(PolicyError::Invalid(mistakes));
                }
                Box::new(Kpa::new(spec.clone()))
            }
            Self::Keda(spec) => Box::new(spec.build()?),
            Self::Reactive(spec) => Box::new(Reactive::new(spec.clone())),
            Self::Foresight(spec) => Box::new(Foresight::new(spec.as_ref().clone())),
            Self::Oracle(spec) => Box::new(Oracle::new(spec.clone())),
            Self::Guarded { inner, trust } => Box::new(Guarded::new(inner.build()?, *trust)),
        })
    }
}
