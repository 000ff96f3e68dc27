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
use std::sync::Arc;
use std::time::Duration;

use metrics::{Reading, Replicas, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::Pad;
use crate::{
    Condition, ConditionStatus, Decision, Event, MetricId, Observation, Policy, PolicyState,
    Reason, Sample, Scale, Status, Verdict, Wants, WriteOutcome,
};
pub(crate) use explain::Found;
use memory::{Memory, Saved};
use metric::Metric;
use normalise::{Events, Limit, Recommendation};
use pods::Room;
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
    why: Why,
    events: Vec<Event>,
    error: Option<String>,
}

/// Why it rescales.
#[derive(Clone, Copy, Debug, Default)]
enum Why {
    #[default]
    Nothing,
    /// There are more or fewer than the bounds allow, in upstream's words.
    Bound(&'static str),
    /// The metric in this place is above its target.
    Above(Option<usize>),
    /// All are below theirs.
    Below,
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
    metrics: Arc<[Metric]>,
    rules: Option<Rules>,
    tolerance: Tolerance,
    /// Whether the older rules keep no rate, for the question what would have been without it.
    any_rate: bool,
    memory: Memory,
    pending: Pending,
    room: Room,
    reasons: Pad,
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
        let metrics: Arc<[Metric]> = spec.metrics.iter().map(Metric::new).collect();
        let mut wants = Wants {
            period: controller.sync_period,
            ..Wants::default()
        };
        for metric in metrics.iter() {
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
            room: Room::default(),
            reasons: Pad::default(),
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
    pub(crate) fn decide_on(
        &mut self,
        seen: &Observation,
        metrics: &Metrics,
        reason: &mut Reason,
    ) -> Verdict {
        self.pending = Pending {
            at: seen.at,
            ..Pending::default()
        };
        self.reconcile(seen, metrics, reason)
    }

    pub(crate) const fn conditions(&self) -> &Arc<BTreeMap<String, Condition>> {
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

    fn reconcile(&mut self, seen: &Observation, metrics: &Metrics, reason: &mut Reason) -> Verdict {
        let scale = match self.read_scale(seen) {
            Ok(scale) => scale,
            Err(why) => return self.no_scale(&why, reason),
        };
        let cur = i32::try_from(scale.spec.get()).unwrap_or(i32::MAX);
        self.pending.cur = cur;
        self.memory.set(
            "AbleToScale",
            ConditionStatus::True,
            "SucceededGetScale",
            format_args!("the HPA controller was able to get the target's current scale"),
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
                self.by_metrics(seen, metrics, scale, cur, reason)
            } else {
                self.disabled(reason)
            }
        } else if cur > self.max {
            self.correct(cur, self.max, Limit::TooMany, reason)
        } else if cur < self.min {
            self.correct(cur, self.min, Limit::TooFew, reason)
        } else {
            self.by_metrics(seen, metrics, scale, cur, reason)
        }
    }

    fn no_scale(&mut self, why: &str, reason: &mut Reason) -> Verdict {
        self.warn("FailedGetScale", why.to_owned());
        self.memory.set(
            "AbleToScale",
            ConditionStatus::False,
            "FailedGetScale",
            format_args!("the HPA controller was unable to get the target's current scale: {why}"),
        );
        let error = format!(
            "failed to query scale subresource for {}: {why}",
            self.reference
        );
        self.pending.error = Some(error);
        reason.say(
            "no_scale",
            format_args!("the scale could not be read: {why}"),
        );
        Verdict::Hold
    }

    /// Someone scaled to zero by hand: it leaves the workload alone.
    fn disabled(&mut self, reason: &mut Reason) -> Verdict {
        self.decided(0, Why::Nothing);
        self.memory.set(
            "ScalingActive",
            ConditionStatus::False,
            "ScalingDisabled",
            format_args!("scaling is disabled since the replica count of the target is zero"),
        );
        if !self.controller.scale_to_zero {
            self.memory.remove("ScaledToZero");
        }
        let sentence =
            format_args!("the workload was scaled to zero, which switches its autoscaler off");
        reason.say("disabled", sentence);
        Verdict::Hold
    }

    /// The replicas there are lie outside the bounds: nothing else is looked at.
    fn correct(&mut self, cur: i32, bound: i32, limit: Limit, reason: &mut Reason) -> Verdict {
        let why = match limit {
            Limit::TooMany => {
                let sentence = format_args!(
                    "{}, more than the maximum of {bound}",
                    count(cur).in_words()
                );
                reason.say("above_max", sentence);
                "Current number of replicas above Spec.MaxReplicas"
            }
            _ => {
                let sentence = format_args!(
                    "{}, fewer than the minimum of {bound}",
                    count(cur).in_words()
                );
                reason.say("below_min", sentence);
                "Current number of replicas below Spec.MinReplicas"
            }
        };
        self.decided(bound, Why::Bound(why));
        clip(reason, limit.clip(), cur, bound);
        Verdict::Scale(count(bound))
    }

    fn by_metrics(
        &mut self,
        seen: &Observation,
        metrics: &Metrics,
        scale: &Scale,
        cur: i32,
        reason: &mut Reason,
    ) -> Verdict {
        let mut found = reason.take_hpa().unwrap_or_default();
        found.begin(&self.metrics);
        let (best, winner) = match self.compute(seen, metrics, scale, cur, &mut found) {
            Ok(best) => best,
            Err(why) => {
                self.pending.stage = Stage::NoNumber;
                self.warn("FailedComputeMetricsReplicas", why.clone());
                self.pending.error = Some(format!(
                    "failed to compute desired number of replicas based on listed metrics for {}: {why}",
                    self.reference
                ));
                found.failure = why;
                reason.because = "no_data".into();
                reason.hpa(found);
                return Verdict::Hold;
            }
        };
        found.best = Some((best, winner));
        reason.because = "metric".into();
        reason.hpa(found);
        let proposal = best.max(0);
        reason.wanted = Some(count(proposal));
        let why = match proposal.cmp(&cur) {
            std::cmp::Ordering::Greater => Why::Above(winner),
            std::cmp::Ordering::Less => Why::Below,
            std::cmp::Ordering::Equal => Why::Nothing,
        };
        let asleep = self.controller.scale_to_zero && self.memory.is_true("ScaledToZero");
        let mut desired = self.normalise(seen.at, cur, proposal, reason);
        if cur == 0 && self.min != 0 && asleep && desired < self.min {
            clip(reason, "min", desired, self.min);
            desired = self.min;
        }
        self.decided(desired, why);
        Verdict::Scale(count(desired))
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
        self.memory.set(
            "AbleToScale",
            ConditionStatus::True,
            word,
            format_args!("{message}"),
        );
        let limited = if to == stable {
            ConditionStatus::False
        } else {
            ConditionStatus::True
        };
        self.memory.set(
            "ScalingLimited",
            limited,
            limit.reason(),
            format_args!("{}", limit.message()),
        );
        to
    }
}

impl Policy for Hpa {
    fn wants(&self) -> &Wants {
        &self.wants
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let mut reason = self.reasons.page();
        let verdict = self.decide_on(seen, &seen.metrics, Arc::make_mut(&mut reason));
        self.reasons.keep(&reason);
        Decision {
            verdict,
            reason,
            next: seen.at + self.wants.period,
        }
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
            conditions: Arc::clone(&self.memory.conditions),
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

fn clip(reason: &mut Reason, by: &'static str, from: i32, to: i32) {
    if from != to {
        reason.clip(by, count(from), count(to));
    }
}
