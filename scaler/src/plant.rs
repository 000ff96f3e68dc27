//! What a world is to the engine.

use std::future::Future;

use metrics::{Replicas, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Observation, Scale, Version, Wants};
use metrics::Reading;

/// One workload in some world: it can be looked at and scaled.
pub trait Plant {
    /// Looks. It never fails: what could not be read is [`Reading::NoData`].
    fn observe(
        &mut self,
        now: Timestamp,
        wants: &Wants,
    ) -> impl Future<Output = Observation> + Send;

    /// Asks for `replicas`, unless someone else wrote since `seen`.
    fn scale_to(
        &mut self,
        now: Timestamp,
        replicas: Replicas,
        seen: Version,
    ) -> impl Future<Output = WriteOutcome> + Send;
}

/// What became of a decision.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteOutcome {
    /// The world has taken the new number.
    Written,
    /// There was nothing to write.
    Unchanged,
    /// The write failed.
    Failed(String),
    /// It would have been written, but this is a dry run.
    DryRun,
    /// Someone else had written since: nothing was done.
    Lost,
}

/// Where a live world's readings come from. It answers within its own deadline, or says no data.
///
/// One source may serve many workloads from one fetch. It fills in everything of the observation but the scale.
pub trait MetricsSource {
    /// What there is to see of the workload at `now`.
    fn observe(
        &mut self,
        now: Timestamp,
        wants: &Wants,
    ) -> impl Future<Output = Observation> + Send;
}

/// What a live world lets be scaled.
pub trait ScaleTarget {
    /// The target's own account of itself.
    fn read(&mut self, now: Timestamp) -> impl Future<Output = Reading<Scale>> + Send;

    /// Asks for `replicas`, unless someone else wrote since `seen`.
    fn write(
        &mut self,
        now: Timestamp,
        replicas: Replicas,
        seen: Version,
    ) -> impl Future<Output = WriteOutcome> + Send;
}
