//! Knative's Pod Autoscaler, decision for decision as knative/serving 98e5ef90 (v0.51) makes them.
//!
//! One [`Policy::decide`] is one tick of upstream's autoscaler and one run of its reconciler: one-second readings go
//! into a stable and a panic window, their averages ask for replicas, and the reconciler bounds that and takes the way
//! to zero. Where upstream wraps around on absurd values, this saturates.

mod decider;
mod delay;
mod explain;
mod reconciler;
mod spec;
mod window;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use metrics::{Reading, Replicas, Timestamp};
use serde::{Deserialize, Serialize};

use crate::decision::Pad;
use crate::{
    Condition, ConditionStatus, Decision, MetricId, Observation, Phase, Policy, PolicyState,
    ReadyState, Reason, Status, Verdict, Wants, WriteOutcome,
};
pub use decider::{KpaDecider, KpaRecommendation, KpaSteps};
pub(crate) use explain::Found;
use reconciler::Reconciler;
pub use spec::{KpaMetric, KpaSpec};
use window::Window;

const KIND: &str = "kpa/1";

/// The Knative Pod Autoscaler of one workload.
#[derive(Clone, Debug)]
pub struct Kpa {
    wants: Wants,
    metric: MetricId,
    spec: KpaSpec,
    stable: Window,
    panic: Window,
    /// Nothing until the workload was seen once.
    brain: Option<(KpaDecider, Reconciler)>,
    last: Last,
    pending: Pending,
    /// What its status says, once the workload was seen.
    conditions: Arc<BTreeMap<String, Condition>>,
    reasons: Pad,
}

/// What its status tells of earlier steps.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Last {
    current: Option<Replicas>,
    desired: Option<Replicas>,
    scaled: Option<Timestamp>,
}

/// What is to be concluded once the decision was carried out.
#[derive(Clone, Debug, Default)]
struct Pending {
    at: Timestamp,
    /// Replicas wanted, if that is known, and replicas ready; nothing if the workload could not be seen.
    came_to: Option<(Option<i32>, u32)>,
    error: Option<String>,
}

/// All of it, as it is saved.
#[derive(Deserialize, Serialize)]
struct Saved {
    stable: window::Saved,
    panic: window::Saved,
    decider: Option<decider::Memory>,
    reconciler: Option<Reconciler>,
    last: Last,
}

impl Kpa {
    /// The autoscaler that a specification describes. It copes with ones that make no sense: ask
    /// [`KpaSpec::validate`] first where that matters.
    #[must_use]
    pub fn new(spec: KpaSpec) -> Self {
        let metric = spec.metric_id();
        let bucket = spec.bucket.as_nanos().max(1);
        let buckets = |span: std::time::Duration| {
            i64::try_from(span.as_nanos().div_ceil(bucket)).unwrap_or(i64::MAX)
        };
        Self {
            wants: Wants {
                period: spec.tick,
                replicas: true,
                samples: [metric.clone()].into(),
                ..Wants::default()
            },
            metric,
            stable: Window::new(buckets(spec.stable_window), spec.weighted),
            panic: Window::new(buckets(spec.panic_window), spec.weighted),
            spec,
            brain: None,
            last: Last::default(),
            pending: Pending::default(),
            conditions: Arc::default(),
            reasons: Pad::default(),
        }
    }

    fn bucket(&self, at: Timestamp) -> i64 {
        let bucket = i64::try_from(self.spec.bucket.as_nanos()).unwrap_or(i64::MAX);
        at.as_nanos().div_euclid(bucket.max(1))
    }

    fn record(&mut self, seen: &Observation) {
        for sample in seen.samples.iter().filter(|s| s.metric == self.metric) {
            // A reading that is no number is none: upstream's average would never be one again.
            if sample.value.is_finite() {
                let bucket = self.bucket(sample.at);
                self.stable.record(bucket, sample.value);
                self.panic.record(bucket, sample.value);
            }
        }
    }

    /// The averages of both windows.
    fn averages(&self, seen: &Observation) -> Result<(f64, f64), Cow<'static, str>> {
        if let Some(Reading::NoData(why)) = seen.metrics.get(&self.metric) {
            return Err(why.to_string().into());
        }
        let now = self.bucket(seen.at);
        if self.stable.is_new() {
            return Err("nothing was read yet".into());
        }
        // With the activator always in the path nobody scrapes: no readings then mean no requests.
        if self.stable.is_stale(now) && self.spec.target_burst_capacity != -1.0 {
            return Err("nothing was read for longer than the stable window".into());
        }
        Ok((self.stable.average(now), self.panic.average(now)))
    }

    fn run(&mut self, seen: &Observation, reason: &mut Reason) -> Verdict {
        let scale = match &seen.scale {
            Reading::Value { value, .. } => value,
            Reading::NoData(why) => {
                reason.say(
                    "no_scale",
                    format_args!("the scale could not be read: {why}"),
                );
                self.pending.error = Some(reason.sentence().into_owned());
                return Verdict::Hold;
            }
        };
        let averages = self.averages(seen);
        let ready = ready(seen);
        self.last.current = Some(scale.spec);
        let spec = &self.spec;
        let (decider, reconciler) = self.brain.get_or_insert_with(|| {
            (
                KpaDecider::new(spec.clone(), seen.at, ready),
                Reconciler::new(spec, seen.at, scale.spec.get(), ready),
            )
        });
        let recommendation = averages.map(|(stable, panic)| {
            let recommendation = decider.decide(seen.at, ready, stable, panic);
            reconciler.desired = Some(recommendation.desired);
            reconciler.excess = recommendation.excess_burst_capacity;
            (stable, panic, recommendation)
        });
        let outcome = reconciler.reconcile(spec, seen.at);
        self.pending.came_to = Some((outcome.want, ready));
        let found = Found {
            metric: spec.metric,
            target: spec.target,
            stable_window: spec.stable_window,
            panic_window: spec.panic_window,
            ready,
            current: scale.spec,
            recommendation,
            outcome,
            proxied: reconciler.is_proxied(),
        };
        found.tell(reason);
        match outcome.want {
            Some(want) if outcome.write => {
                let want = count(want);
                self.last.desired = Some(want);
                Verdict::Scale(want)
            }
            _ => Verdict::Hold,
        }
    }
}

impl Policy for Kpa {
    fn wants(&self) -> &Wants {
        &self.wants
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        self.pending = Pending {
            at: seen.at,
            ..Pending::default()
        };
        self.record(seen);
        let mut reason = self.reasons.page();
        let verdict = self.run(seen, Arc::make_mut(&mut reason));
        self.reasons.keep(&reason);
        Decision {
            verdict,
            reason,
            next: seen.at + self.spec.tick,
        }
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        let pending = std::mem::take(&mut self.pending);
        let mut error = pending.error;
        match outcome {
            WriteOutcome::Failed(why) => {
                error
                    .get_or_insert_with(|| format!("failed to apply scale to scale target: {why}"));
            }
            WriteOutcome::Lost => {
                error = Some("the target was changed by someone else meanwhile".into());
            }
            WriteOutcome::Written | WriteOutcome::Unchanged | WriteOutcome::DryRun => {
                if *outcome == WriteOutcome::Written {
                    self.last.scaled = Some(pending.at);
                }
                if let (Some((want, ready)), Some((_, reconciler))) =
                    (pending.came_to, &mut self.brain)
                {
                    reconciler.conclude(&self.spec, pending.at, want, ready);
                }
            }
        }
        if let Some((_, reconciler)) = &self.brain {
            let (status, reason, message) = reconciler.condition();
            let message = format_args!("{message}");
            Condition::set(&mut self.conditions, "Active", status, reason, message);
            let status = if reconciler.initialized {
                ConditionStatus::True
            } else {
                ConditionStatus::Unknown
            };
            let nothing = format_args!("");
            Condition::set(
                &mut self.conditions,
                "ScaleTargetInitialized",
                status,
                "",
                nothing,
            );
        }
        Status {
            current: self.last.current,
            desired: self.last.desired.or(self.last.current),
            last_scale: self.last.scaled,
            conditions: Arc::clone(&self.conditions),
            error,
            events: Vec::new(),
        }
    }

    fn save(&self) -> PolicyState {
        let brain = self.brain.as_ref();
        PolicyState::of(
            KIND,
            &Saved {
                stable: self.stable.save(),
                panic: self.panic.save(),
                decider: brain.map(|(decider, _)| decider.memory().clone()),
                reconciler: brain.map(|(_, reconciler)| reconciler.clone()),
                last: self.last.clone(),
            },
        )
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        let saved = state.read::<Saved>(KIND)?;
        self.stable.restore(saved.stable);
        self.panic.restore(saved.panic);
        self.brain = match (saved.decider, saved.reconciler) {
            (Some(memory), Some(reconciler)) => {
                Some((KpaDecider::remember(self.spec.clone(), memory), reconciler))
            }
            _ => None,
        };
        self.last = saved.last;
        self.conditions = Arc::default();
        Ok(())
    }

    fn rules(&self) -> Vec<&'static str> {
        vec![
            "rate",
            "activation_scale",
            "panic",
            "scale_down_delay",
            "initial_scale",
            "min",
            "max",
        ]
    }

    fn waive(&mut self, rule: &str) {
        let spec = &mut self.spec;
        match rule {
            "rate" => {
                (spec.max_scale_up_rate, spec.max_scale_down_rate) = (f64::INFINITY, f64::INFINITY);
            }
            "activation_scale" => spec.activation_scale = 0,
            "panic" => spec.panic_threshold = f64::INFINITY,
            "initial_scale" => spec.initial_scale = spec.initial_scale.min(1),
            "min" => spec.min = Replicas::ZERO,
            // Zero means that there is no maximum.
            "max" => spec.max = Replicas::ZERO,
            _ => {}
        }
        if let Some((decider, _)) = &mut self.brain {
            decider.update(spec.clone());
            decider.forget(rule);
        }
    }
}

/// Replicas that take requests.
fn ready(seen: &Observation) -> u32 {
    let takes = |r: &&crate::ReplicaObservation| {
        r.phase == Phase::Running && r.ready.state == ReadyState::True && !r.deleting
    };
    u32::try_from(seen.replicas.iter().filter(takes).count()).unwrap_or(u32::MAX)
}

fn count(replicas: i32) -> Replicas {
    Replicas(u32::try_from(replicas).unwrap_or(0))
}

#[cfg(test)]
mod tests;
