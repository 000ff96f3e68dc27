//! The Horizontal Pod Autoscaler, decision for decision as Kubernetes 1.37 makes them.
//!
//! One [`Policy::decide`] and [`Policy::settle`] together are one reconcile of upstream's controller, in its order:
//! read the scale, compute every metric, take the largest proposal, stabilise it, limit it, write, and say how things
//! stand. Where upstream wraps around on absurd values, this saturates.

mod compute;
mod explain;
mod labels;
mod memory;
mod metric;
mod normalise;
mod outcome;
mod pods;
mod rules;
mod simple;
mod spec;
mod validate;
mod waive;
mod whole;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Reading, Replicas, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Clip, Condition, ConditionStatus, Decision, Event, MetricId, Observation, Policy, PolicyState,
    Reason, Sample, Scale, Status, Term, Verdict, Wants, WriteOutcome,
};
use memory::{Memory, Saved};
use metric::Metric;
use normalise::{Events, Limit, Recommendation};
use rules::{Rules, Tolerance, compile, tolerance};
pub use simple::{HpaTarget, SimpleHpa};
pub use spec::{
    Behavior, ContainerResourceSource, ExternalSource, HpaSpec, LabelExpression, LabelSelector,
    MetricIdentifier, MetricSpec, MetricTarget, ObjectReference, ObjectSource, PodsSource,
    QuantityText, ResourceSource, ScalingPolicy, ScalingRules,
};

const KIND: &str = "hpa/1";

/// Metrics by name, as an observation has them.
pub(crate) type Metrics = BTreeMap<MetricId, Reading<Vec<Sample>>>;

/// The flags of the controller that runs all HPAs.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct HpaController {
    /// Between two reconciles.
    pub sync_period: Duration,
    /// How far from the target is near enough, as a share of it.
    pub tolerance: f64,
    /// How long the highest recommendation holds on the way down.
    pub downscale_stabilization: Duration,
    /// How long after its start a pod's CPU may be that of its start.
    pub cpu_initialization: Duration,
    /// Until when after its start a pod that is not ready counts as never having been.
    pub initial_readiness_delay: Duration,
    /// Whether it may scale to zero and wake up again (on since 1.37).
    pub scale_to_zero: bool,
}

impl Default for HpaController {
    fn default() -> Self {
        Self {
            sync_period: Duration::from_secs(15),
            tolerance: 0.1,
            downscale_stabilization: Duration::from_secs(300),
            cpu_initialization: Duration::from_secs(300),
            initial_readiness_delay: Duration::from_secs(30),
            scale_to_zero: true,
        }
    }
}

impl HpaController {
    /// The same in a world that goes `speed` times faster.
    #[must_use]
    pub fn at_speed(&self, speed: f64) -> Self {
        Self {
            sync_period: self.sync_period.div_f64(speed),
            downscale_stabilization: self.downscale_stabilization.div_f64(speed),
            cpu_initialization: self.cpu_initialization.div_f64(speed),
            initial_readiness_delay: self.initial_readiness_delay.div_f64(speed),
            ..self.clone()
        }
    }
}

/// What is to be said once the decision was carried out.
#[derive(Clone, Debug, Default)]
struct Pending {
    at: Timestamp,
    cur: i32,
    desired: i32,
    stage: Stage,
    /// Upstream's words for why it rescales.
    why: String,
    events: Vec<Event>,
    error: Option<String>,
}

/// How far a reconcile came.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stage {
    /// The scale could not be read.
    #[default]
    NoScale,
    /// No number came out.
    NoNumber,
    /// A number came out.
    Decided,
}

/// The Horizontal Pod Autoscaler of one workload.
#[derive(Clone, Debug)]
pub struct Hpa {
    controller: HpaController,
    wants: Wants,
    reference: String,
    /// Why its target cannot exist.
    bad_reference: Option<String>,
    min: i32,
    max: i32,
    metrics: Vec<Metric>,
    rules: Option<Rules>,
    tolerance: Tolerance,
    /// Whether the older rules keep no rate, for the question what would have been without it.
    any_rate: bool,
    memory: Memory,
    pending: Pending,
}

impl Hpa {
    /// The autoscaler that a spec describes, defaults filled in. It copes with specs that admission would refuse:
    /// ask [`HpaSpec::validate`] first where that matters.
    #[must_use]
    pub fn new(spec: HpaSpec, controller: HpaController) -> Self {
        let spec = spec.defaulted();
        // Upstream puts its flag in as whole seconds.
        let window = Duration::from_secs(controller.downscale_stabilization.as_secs());
        let behavior = spec.behavior.as_ref();
        let rules = behavior.map(|written| compile(written, window, f64::from));
        let tolerance = tolerance(behavior, controller.tolerance);
        Self::assemble(&spec, controller, rules, tolerance)
    }

    fn assemble(
        spec: &HpaSpec,
        controller: HpaController,
        rules: Option<Rules>,
        tolerance: Tolerance,
    ) -> Self {
        let metrics: Vec<Metric> = spec.metrics.iter().map(Metric::new).collect();
        let mut wants = Wants {
            period: controller.sync_period,
            ..Wants::default()
        };
        for metric in &metrics {
            metric.want(&mut wants);
        }
        let target = &spec.scale_target_ref;
        Self {
            controller,
            wants,
            reference: format!("{}/{}", target.kind, target.name),
            bad_reference: validate::group_of(&target.api_version).err(),
            min: spec.min_replicas.unwrap_or(1),
            max: spec.max_replicas,
            metrics,
            rules,
            tolerance,
            any_rate: false,
            memory: Memory::default(),
            pending: Pending::default(),
        }
    }

    /// The same in a world that goes `speed` times faster; `controller` is already of that world.
    pub(crate) fn faster(spec: HpaSpec, controller: HpaController, speed: f64) -> Self {
        let spec = spec.defaulted();
        let window = controller.downscale_stabilization;
        let behavior = spec.behavior.as_ref();
        let rules = behavior.map(|written| compile(written, window, |s| f64::from(s) / speed));
        let near = tolerance(behavior, controller.tolerance);
        Self::assemble(&spec, controller, rules, near)
    }

    /// One with a `behavior` whose seconds are those of a compressed scenario, all defaults filled in.
    pub(crate) fn compressed(
        spec: &HpaSpec,
        behavior: Option<&Behavior<f64>>,
        controller: HpaController,
    ) -> Self {
        let window = controller.downscale_stabilization;
        let rules = behavior.map(|written| compile(written, window, |s| s));
        let near = tolerance(behavior, controller.tolerance);
        Self::assemble(spec, controller, rules, near)
    }

    /// Decides on what was seen, but on these metrics.
    pub(crate) fn decide_on(&mut self, seen: &Observation, metrics: &Metrics) -> Decision {
        self.pending = Pending {
            at: seen.at,
            ..Pending::default()
        };
        let (verdict, reason) = self.reconcile(seen, metrics);
        Decision {
            verdict,
            reason,
            next: seen.at + self.wants.period,
        }
    }

    pub(crate) const fn conditions(&self) -> &BTreeMap<String, Condition> {
        &self.memory.conditions
    }

    /// The scale, if it can be read and its target can exist.
    fn read_scale<'a>(&self, seen: &'a Observation) -> Result<&'a Scale, String> {
        if let Some(why) = &self.bad_reference {
            return Err(format!(
                "invalid API version in scale target reference: {why}"
            ));
        }
        match &seen.scale {
            Reading::Value { value, .. } => Ok(value),
            Reading::NoData(metrics::NoData::Failed(why)) => Err(why.clone()),
            Reading::NoData(why) => Err(why.to_string()),
        }
    }

    fn reconcile(&mut self, seen: &Observation, metrics: &Metrics) -> (Verdict, Reason) {
        let scale = match self.read_scale(seen) {
            Ok(scale) => scale,
            Err(why) => return self.no_scale(&why),
        };
        let cur = i32::try_from(scale.spec.get()).unwrap_or(i32::MAX);
        self.pending.cur = cur;
        self.memory.set(
            "AbleToScale",
            ConditionStatus::True,
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        );
        // The first step: so that the first scale-down waits a whole window.
        let at = seen.at;
        self.memory
            .recommendations
            .get_or_insert_with(|| vec![Recommendation { replicas: cur, at }]);
        let asleep = self.controller.scale_to_zero && self.memory.is_true("ScaledToZero");
        if cur == 0 {
            let wakes = self.metrics.iter().any(Metric::wakes);
            if asleep && (self.min != 0 || wakes) {
                self.by_metrics(seen, metrics, scale, cur)
            } else {
                self.disabled()
            }
        } else if cur > self.max {
            self.correct(cur, self.max, Limit::TooMany)
        } else if cur < self.min {
            self.correct(cur, self.min, Limit::TooFew)
        } else {
            self.by_metrics(seen, metrics, scale, cur)
        }
    }

    fn no_scale(&mut self, why: &str) -> (Verdict, Reason) {
        self.warn("FailedGetScale", why.to_owned());
        self.memory.set(
            "AbleToScale",
            ConditionStatus::False,
            "FailedGetScale",
            &format!("the HPA controller was unable to get the target's current scale: {why}"),
        );
        let error = format!(
            "failed to query scale subresource for {}: {why}",
            self.reference
        );
        self.pending.error = Some(error);
        (
            Verdict::Hold,
            Reason::new("no_scale", format!("the scale could not be read: {why}")),
        )
    }

    /// Someone scaled to zero by hand: it leaves the workload alone.
    fn disabled(&mut self) -> (Verdict, Reason) {
        self.decided(0, String::new());
        self.memory.set(
            "ScalingActive",
            ConditionStatus::False,
            "ScalingDisabled",
            "scaling is disabled since the replica count of the target is zero",
        );
        if !self.controller.scale_to_zero {
            self.memory.conditions.remove("ScaledToZero");
        }
        let sentence = "the workload was scaled to zero, which switches its autoscaler off";
        (Verdict::Hold, Reason::new("disabled", sentence))
    }

    /// The replicas there are lie outside the bounds: nothing else is looked at.
    fn correct(&mut self, cur: i32, bound: i32, limit: Limit) -> (Verdict, Reason) {
        let (because, why, sentence) = match limit {
            Limit::TooMany => (
                "above_max",
                "Current number of replicas above Spec.MaxReplicas",
                format!(
                    "{}, more than the maximum of {bound}",
                    count(cur).in_words()
                ),
            ),
            _ => (
                "below_min",
                "Current number of replicas below Spec.MinReplicas",
                format!(
                    "{}, fewer than the minimum of {bound}",
                    count(cur).in_words()
                ),
            ),
        };
        self.decided(bound, why.to_owned());
        let mut reason = Reason::new(because, sentence);
        clip(&mut reason, limit.clip(), cur, bound);
        (Verdict::Scale(count(bound)), reason)
    }

    fn by_metrics(
        &mut self,
        seen: &Observation,
        metrics: &Metrics,
        scale: &Scale,
        cur: i32,
    ) -> (Verdict, Reason) {
        let mut reason = Reason::new("metric", "");
        let (best, name) = match self.compute(seen, metrics, scale, cur, &mut reason) {
            Ok(best) => best,
            Err(why) => {
                self.pending.stage = Stage::NoNumber;
                self.warn("FailedComputeMetricsReplicas", why.clone());
                self.pending.error = Some(format!(
                    "failed to compute desired number of replicas based on listed metrics for {}: {why}",
                    self.reference
                ));
                reason.because = "no_data".into();
                reason.sentence = why;
                return (Verdict::Hold, reason);
            }
        };
        reason.terms.push(Term {
            name: "proposal".into(),
            value: best.to_string(),
        });
        let proposal = best.max(0);
        reason.wanted = Some(count(proposal));
        let why = match proposal.cmp(&cur) {
            std::cmp::Ordering::Greater => format!("{name} above target"),
            std::cmp::Ordering::Less => "All metrics below target".to_owned(),
            std::cmp::Ordering::Equal => String::new(),
        };
        let asleep = self.controller.scale_to_zero && self.memory.is_true("ScaledToZero");
        let mut desired = self.normalise(seen.at, cur, proposal, &mut reason);
        if cur == 0 && self.min != 0 && asleep && desired < self.min {
            clip(&mut reason, "min", desired, self.min);
            desired = self.min;
        }
        self.decided(desired, why);
        (Verdict::Scale(count(desired)), reason)
    }

    /// Stabilises and limits, and says so in conditions and clips.
    fn normalise(&mut self, now: Timestamp, cur: i32, proposal: i32, reason: &mut Reason) -> i32 {
        let list = self.memory.recommendations.get_or_insert_default();
        let bounds = (self.min, self.max);
        let (stable, (to, limit)) = match &self.rules {
            None => {
                let window = self.controller.downscale_stabilization;
                let stable = normalise::stabilise_legacy(list, now, window, proposal);
                let from = if self.any_rate { i32::MAX } else { cur };
                (stable, normalise::limit_legacy(from, bounds, stable))
            }
            Some(Rules { up, down }) => {
                let windows = (up.window, down.window);
                let stable = normalise::stabilise(list, now, windows, cur, proposal);
                let events = Events {
                    up: &self.memory.up,
                    down: &self.memory.down,
                };
                let limited = normalise::limit(now, (up, down), events, bounds, (cur, stable));
                (stable, limited)
            }
        };
        clip(reason, "stabilisation", proposal, stable);
        clip(reason, limit.clip(), stable, to);
        let (word, message) = if stable == proposal {
            ("ReadyForNewScale", "recommended size matches current size")
        } else if self.rules.is_some() && proposal >= cur {
            (
                "ScaleUpStabilized",
                "recent recommendations were lower than current one, applying the lowest recent recommendation",
            )
        } else {
            (
                "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent recommendation",
            )
        };
        self.memory
            .set("AbleToScale", ConditionStatus::True, word, message);
        let limited = if to == stable {
            ConditionStatus::False
        } else {
            ConditionStatus::True
        };
        self.memory
            .set("ScalingLimited", limited, limit.reason(), limit.message());
        to
    }
}

impl Policy for Hpa {
    fn wants(&self) -> &Wants {
        &self.wants
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        self.decide_on(seen, &seen.metrics)
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        if self.pending.stage != Stage::NoScale {
            self.memory.current = Some(count(self.pending.cur));
        }
        if self.pending.stage == Stage::Decided {
            match outcome {
                WriteOutcome::Written => self.written(),
                WriteOutcome::Unchanged => self.memory.desired = self.memory.current,
                WriteOutcome::DryRun => self.memory.desired = Some(count(self.pending.desired)),
                WriteOutcome::Failed(why) => self.failed(why),
                WriteOutcome::Lost => {
                    self.failed("the target was changed by someone else meanwhile");
                }
            }
        }
        let pending = std::mem::take(&mut self.pending);
        Status {
            current: self.memory.current,
            desired: self.memory.desired,
            last_scale: self.memory.last_scale,
            conditions: self.memory.conditions.clone(),
            events: pending.events,
            error: pending.error,
        }
    }

    fn save(&self) -> PolicyState {
        PolicyState::of(KIND, &self.memory.save())
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        self.memory = Memory::restored(state.read::<Saved>(KIND)?);
        Ok(())
    }

    fn rules(&self) -> Vec<&'static str> {
        waive::RULES.to_vec()
    }

    fn waive(&mut self, rule: &str) {
        self.waive_rule(rule);
    }
}

fn count(replicas: i32) -> Replicas {
    Replicas(u32::try_from(replicas).unwrap_or(0))
}

fn clip(reason: &mut Reason, by: &str, from: i32, to: i32) {
    if from != to {
        reason.clips.push(Clip {
            by: by.to_owned(),
            from: count(from),
            to: count(to),
        });
    }
}
