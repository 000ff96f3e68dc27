//! The plant of every live world: readings from one place, the scale from another.

use metrics::{Replicas, Timestamp};

use crate::{MetricsSource, Observation, Plant, ScaleTarget, Version, Wants, WriteOutcome};

/// A workload in a live world. Worlds differ only in `S` and `T`.
#[derive(Clone, Debug)]
pub struct Live<S, T> {
    /// Where readings come from.
    pub source: S,
    /// What is scaled.
    pub target: T,
}

impl<S, T> Live<S, T> {
    /// Joins a source and a target.
    pub const fn new(source: S, target: T) -> Self {
        Self { source, target }
    }
}

impl<S: MetricsSource + Send, T: ScaleTarget + Send> Plant for Live<S, T> {
    async fn observe(&mut self, now: Timestamp, wants: &Wants) -> Observation {
        let scale = self.target.read(now).await;
        let mut seen = self.source.observe(now, wants).await;
        seen.at = now;
        seen.scale = scale;
        seen
    }

    async fn scale_to(
        &mut self,
        now: Timestamp,
        replicas: Replicas,
        seen: Version,
    ) -> WriteOutcome {
        self.target.write(now, replicas, seen).await
    }
}
