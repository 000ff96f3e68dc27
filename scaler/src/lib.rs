//! Decisions: an [`Observation`] goes in, a [`Decision`] with its [`Reason`] comes out.
//!
//! The policy tried in a simulation is, line for line, the one that runs in a cluster: a [`Policy`] is a synchronous
//! function of what it is shown. It reads no clock, starts no thread and draws no random number; time arrives in the
//! observation. A world is one [`Plant`] per workload, and [`step`] joins the two.
//!
//! What it does not do: it fetches nothing, writes nothing and knows no world.

mod aws;
mod decision;
mod decorators;
mod field_error;
mod figures;
mod fixed;
mod foresight;
mod hpa;
mod import;
mod keda;
mod kpa;
mod live;
mod observation;
mod oracle;
mod plant;
mod policy;
mod policy_spec;
mod readings;
mod rota;
mod seconds;
mod shown;
mod sight;
mod step;

pub use aws::{
    Aws, AwsAdjustment, AwsAlarm, AwsMetric, AwsMissing, AwsStep, AwsTarget, StepScalingSpec,
    TargetTrackingSpec,
};
pub use decision::{Clip, Decision, Reason, Term, Verdict};
pub use decorators::{Bounded, ChangeRate, Guarded, RateLimited, Stabilized, Trust};
pub use field_error::{FieldError, FieldErrorKind};
pub use fixed::{Schedule, ScheduleEntry, Static};
pub use foresight::{
    Clock, ExpectedEvent, Foresight, ForesightSpec, History, Reactive, ReactiveSpec,
};
pub use hpa::{
    Behavior, ContainerResourceSource, ExternalSource, Hpa, HpaController, HpaSpec, HpaTarget,
    LabelExpression, LabelSelector, MetricIdentifier, MetricSpec, MetricTarget, ObjectReference,
    ObjectSource, PodsSource, QuantityText, ResourceSource, ScalingPolicy, ScalingRules, SimpleHpa,
};
pub use import::{
    ImportError, Imported, ManifestNumber, ObjectPlace, import, import_checked, keda_thresholds,
    manifest_numbers, with_numbers,
};
pub use keda::{
    Formula, FormulaError, Keda, KedaAnnotations, KedaCron, KedaEvent, KedaFallback,
    KedaFallbackBehavior, KedaMetric, KedaMetricType, KedaModifiers, KedaResource,
    KedaResourceTarget, KedaSource, KedaSpec, KedaTrigger,
};
pub use kpa::{Kpa, KpaDecider, KpaMetric, KpaRecommendation, KpaSpec, KpaSteps};
pub use live::Live;
pub use observation::{
    Container, ContainerKind, ContainerUsage, MetricId, Observation, ParseMetricIdError, Phase,
    Readiness, ReadySample, ReadyState, ReplicaObservation, ReplicaUsage, Resources, Sample, Scale,
    Selector, Traffic, Version,
};
pub use oracle::{CapacityCurve, CapacityError, Load, Oracle, OracleSpec, OracleTask, Plan};
pub use plant::{MetricsSource, Plant, ScaleTarget, WriteOutcome};
pub use policy::{Condition, ConditionStatus, Event, Policy, PolicyState, Status, Wants};
pub use policy_spec::{PolicyError, PolicySpec};
pub use readings::{Average, Counters, Offered, Sampling, Scrapes};
pub use rota::Rota;
pub use seconds::{AtGateway, Second, Seconds};
pub use shown::{Shown, ShownDecision, ShownScale};
pub use sight::{SeenReplica, Sight, WORLD_METRICS};
pub use step::{Mode, StepRecord, Workload, step, step_all};
