//! What a Knative autoscaler is told: annotations and the cluster's configuration, already resolved to figures.

use std::time::Duration;

use metrics::Replicas;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::field_error::Mistakes;
use crate::{FieldError, MetricId};

/// The least target, as upstream has it.
pub(crate) const LEAST_TARGET: f64 = 0.01;

/// What it scales on.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KpaMetric {
    /// Requests in the replicas at once, as the metric `pods/concurrency`.
    #[default]
    Concurrency,
    /// Requests per second, as the metric `pods/requests`.
    Rps,
}

/// A Knative Pod Autoscaler. The defaults are those of Knative's own configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KpaSpec {
    /// What it scales on.
    pub metric: KpaMetric,
    /// How much of the metric a replica should have: `total` × the target utilisation. At least 0.01.
    pub target: f64,
    /// How much of the metric a replica can take.
    pub total: f64,
    /// How much more than the load there should be room for before the activator leaves the path of requests; −1: it
    /// never does, 0: it does whenever there are replicas.
    pub target_burst_capacity: f64,
    /// How many times what the ready replicas should take starts a panic: 2 is 200 %.
    pub panic_threshold: f64,
    /// The span of the average that usually counts, and how long a panic lasts after its last cause.
    pub stable_window: Duration,
    /// The span of the average that may start a panic.
    pub panic_window: Duration,
    /// At most so many times the ready replicas at once.
    pub max_scale_up_rate: f64,
    /// At least the ready replicas ÷ this.
    pub max_scale_down_rate: f64,
    /// For how long the highest recommendation holds on the way down.
    pub scale_down_delay: Duration,
    /// The fewest replicas but zero; below 2: no such rule.
    pub activation_scale: u32,
    /// The fewest replicas until so many were once ready.
    pub initial_scale: u32,
    /// The fewest replicas.
    pub min: Replicas,
    /// The most replicas; 0: no bound.
    pub max: Replicas,
    /// Whether it is routed to. What is not need not have its minimum, nor go down slowly.
    pub reachable: bool,
    /// Whether newer readings weigh more.
    pub weighted: bool,
    /// Whether it may go to zero.
    pub scale_to_zero: bool,
    /// How long the activator must have been in the path before the last replica goes.
    pub scale_to_zero_grace_period: Duration,
    /// How long the last replica stays after it was decided that it may go.
    pub pod_retention: Duration,
    /// How long the first replicas may take to become ready before it gives up.
    pub progress_deadline: Duration,
    /// Between two decisions.
    pub tick: Duration,
    /// The span of one reading.
    pub bucket: Duration,
}

impl Default for KpaSpec {
    fn default() -> Self {
        Self {
            metric: KpaMetric::Concurrency,
            target: 70.0,
            total: 100.0,
            target_burst_capacity: 211.0,
            panic_threshold: 2.0,
            stable_window: Duration::from_secs(60),
            panic_window: Duration::from_secs(6),
            max_scale_up_rate: 1000.0,
            max_scale_down_rate: 2.0,
            scale_down_delay: Duration::ZERO,
            activation_scale: 0,
            initial_scale: 1,
            min: Replicas::ZERO,
            max: Replicas::ZERO,
            reachable: true,
            weighted: false,
            scale_to_zero: true,
            scale_to_zero_grace_period: Duration::from_secs(30),
            pod_retention: Duration::ZERO,
            progress_deadline: Duration::from_secs(600),
            tick: Duration::from_secs(2),
            bucket: Duration::from_secs(1),
        }
    }
}

impl KpaSpec {
    /// The metric of which it needs readings: those of one span of [`bucket`](Self::bucket) are added up.
    #[must_use]
    pub fn metric_id(&self) -> MetricId {
        let name = match self.metric {
            KpaMetric::Concurrency => "concurrency",
            KpaMetric::Rps => "requests",
        };
        MetricId::Pods { name: name.into() }
    }

    /// Sets `target` and `total` as upstream resolves them.
    ///
    /// `target` is the annotation's, for which the cluster's default stands in (100 requests at once, 200 requests/s);
    /// `limit` is the container's own concurrency limit, if it has one; `utilization` is 0.7 unless annotated.
    #[must_use]
    pub fn with_target(
        mut self,
        target: Option<f64>,
        limit: Option<f64>,
        utilization: f64,
    ) -> Self {
        self.total = match self.metric {
            KpaMetric::Rps => target.unwrap_or(200.0),
            KpaMetric::Concurrency => match (target, limit) {
                (Some(target), Some(limit)) => target.min(limit),
                (target, limit) => target.or(limit).unwrap_or(100.0),
            },
        };
        self.target = (self.total * utilization).max(LEAST_TARGET);
        self
    }

    /// Sets both windows as upstream resolves them: the panic window is a percentage, in whole seconds, at least one.
    #[must_use]
    pub fn with_window(mut self, stable: Duration, panic_percentage: f64) -> Self {
        self.stable_window = stable;
        let seconds = (stable.as_secs_f64() * panic_percentage / 100.0).round();
        self.panic_window = Duration::try_from_secs_f64(seconds.max(1.0)).unwrap_or(stable);
        self
    }

    /// The same in a world that goes `speed` times faster: all its spans are so much shorter.
    #[must_use]
    pub fn at_speed(&self, speed: f64) -> Self {
        let faster = |span: Duration| span.div_f64(speed);
        Self {
            stable_window: faster(self.stable_window),
            panic_window: faster(self.panic_window),
            scale_down_delay: faster(self.scale_down_delay),
            scale_to_zero_grace_period: faster(self.scale_to_zero_grace_period),
            pod_retention: faster(self.pod_retention),
            progress_deadline: faster(self.progress_deadline),
            tick: faster(self.tick),
            bucket: faster(self.bucket),
            ..self.clone()
        }
    }

    /// What would make it meaningless. The ranges of Knative's annotations are checked where those are read: here spans
    /// may be those of a compressed scenario.
    #[must_use]
    pub fn validate(&self) -> Vec<FieldError> {
        let mut found = Mistakes::default();
        if !(self.target.is_finite() && self.target >= LEAST_TARGET) {
            found.invalid("target", "must be at least 0.01");
        }
        if !(self.total.is_finite() && self.total > 0.0) {
            found.invalid("total", "must be greater than 0");
        }
        let burst = self.target_burst_capacity;
        if !(burst.is_finite() && (burst >= 0.0 || burst == -1.0)) {
            found.invalid(
                "target_burst_capacity",
                "must be either non-negative or -1 (for unlimited)",
            );
        }
        if !(self.panic_threshold.is_finite() && self.panic_threshold > 1.0) {
            found.invalid("panic_threshold", "must be greater than 1");
        }
        for (name, rate) in [
            ("max_scale_up_rate", self.max_scale_up_rate),
            ("max_scale_down_rate", self.max_scale_down_rate),
        ] {
            if !(rate.is_finite() && rate > 1.0) {
                found.invalid(name, "must be greater than 1");
            }
        }
        for (name, span) in [
            ("stable_window", self.stable_window),
            ("panic_window", self.panic_window),
            ("tick", self.tick),
            ("bucket", self.bucket),
            (
                "scale_to_zero_grace_period",
                self.scale_to_zero_grace_period,
            ),
        ] {
            if span.is_zero() {
                found.invalid(name, "must be longer than 0");
            }
        }
        let (min, max) = (self.min.get(), self.max.get());
        if max != 0 && max < min {
            found.invalid(
                "max",
                format!("max-scale={max} is less than min-scale={min}"),
            );
        }
        let activation = self.activation_scale;
        if activation > 1 && activation < min {
            let what = format!("min-scale={min} is greater than activation-scale={activation}");
            found.invalid("activation_scale", what);
        } else if max != 0 && activation > max {
            let what = format!("max-scale={max} is less than activation-scale={activation}");
            found.invalid("activation_scale", what);
        }
        found.sorted()
    }
}
