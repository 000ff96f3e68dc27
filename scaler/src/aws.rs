//! AWS's step scaling and target tracking, after the documents of Application Auto Scaling and CloudWatch.
//!
//! **Approximate**: what runs at AWS is not public. What is here is what its guides and its API's reference say; where
//! they say nothing, the choice is told in the comment beside it. There are no recorded decisions to hold it against.
//!
//! Readings become one datapoint a period. When one is complete, each alarm is evaluated, and while one is in alarm, its
//! policy acts at every evaluation, within the cooldowns.

mod alarm;
mod explain;
mod metric;
mod spec;
mod step;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use metrics::{Replicas, Timestamp};
use serde::{Deserialize, Serialize};

use crate::decision::Pad;
use crate::{
    Condition, Decision, Observation, Policy, PolicyState, Reason, Status, Verdict, Wants,
    WriteOutcome,
};
pub use alarm::{AwsAlarm, AwsMissing};
use explain::Seen;
pub use metric::AwsMetric;
pub use spec::{AwsTarget, StepScalingSpec, TargetTrackingSpec};
pub use step::{AwsAdjustment, AwsStep};
use watch::{Asks, Rule, Watch, Watched};

/// One or several scaling policies of AWS's on one workload.
#[derive(Clone, Debug)]
pub struct Aws {
    kind: &'static str,
    wants: Wants,
    target: AwsTarget,
    watches: Vec<Watch>,
    memory: Memory,
    pending: Pending,
    /// What each of them asks for.
    asked: Vec<Asks>,
    /// There are none, which a status must be told without allocating.
    conditions: Arc<BTreeMap<String, Condition>>,
    reasons: Pad,
}

/// What it must not forget.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct Memory {
    watched: Vec<Watched>,
    /// The last scale-out, while it counts.
    out: Option<ScaledOut>,
    /// When it scaled in last.
    scaled_in: Option<Timestamp>,
    current: Option<Replicas>,
    desired: Option<Replicas>,
    last_scale: Option<Timestamp>,
}

/// A scale-out.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
struct ScaledOut {
    at: Timestamp,
    /// Replicas before it.
    base: u32,
}

/// What is to be concluded once the decision was carried out.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    at: Timestamp,
    /// From how many to how many, and how many there were before the scale-out that still counts.
    change: Option<(u32, u32, u32)>,
    has_scale: bool,
}

impl StepScalingSpec {
    /// The policy. It copes with a spec that makes no sense: ask [`validate`](Self::validate) first where that matters.
    #[must_use]
    pub fn build(&self) -> Aws {
        let rule = Rule::Steps {
            alarm: self.alarm,
            out: self.scale_out.clone(),
            down: self.scale_in.clone(),
            magnitude: self.min_adjustment,
        };
        let metric = self.metric;
        Aws::new("step/1", self.target, vec![Watch { metric, rule }])
    }
}

impl TargetTrackingSpec {
    /// The policy. It copes with a spec that makes no sense: ask [`validate`](Self::validate) first where that matters.
    #[must_use]
    pub fn build(&self) -> Aws {
        let watch = |&(metric, target): &(AwsMetric, f64)| Watch {
            metric,
            rule: Rule::Track {
                target,
                down: !self.disable_scale_in,
            },
        };
        let watches = self.targets.iter().map(watch).collect();
        Aws::new("target_tracking/1", self.target, watches)
    }
}

impl Aws {
    fn new(kind: &'static str, target: AwsTarget, watches: Vec<Watch>) -> Self {
        let mut wants = Wants {
            period: target.tick,
            ..Wants::default()
        };
        for watch in &watches {
            watch.metric.want(&mut wants);
        }
        let memory = Memory {
            watched: vec![Watched::default(); watches.len()],
            ..Memory::default()
        };
        Self {
            kind,
            wants,
            target,
            watches,
            memory,
            pending: Pending::default(),
            asked: Vec::new(),
            conditions: Arc::default(),
            reasons: Pad::default(),
        }
    }

    /// Reads all metrics, and says whether a datapoint is complete with it.
    fn read(&mut self, seen: &Observation) -> bool {
        let period = self.target.period;
        let mut is_over = false;
        for (watch, watched) in self.watches.iter().zip(&mut self.memory.watched) {
            let value = watch.metric.read(seen, period);
            if watched.points.take(seen.at, value, period, watch.kept()) {
                watch.evaluate(watched);
                is_over = true;
            }
        }
        is_over
    }

    /// Replicas before the scale-out that still counts, or those that there are.
    fn base(&self, now: Timestamp, current: u32) -> u32 {
        let counts = |out: &ScaledOut| now < out.at + self.target.scale_out_cooldown;
        let out = self.memory.out.as_ref().filter(|out| counts(out));
        out.map_or(current, |out| out.base.min(current))
    }

    fn run(&mut self, seen: &Observation, reason: &mut Reason) -> Verdict {
        let is_over = self.read(seen);
        let Some(scale) = seen.scale.value() else {
            let what = format_args!("how many replicas there are could not be read");
            reason.say("no_scale", what);
            return Verdict::Hold;
        };
        self.pending.has_scale = true;
        self.memory.current = Some(scale.spec);
        if !is_over {
            let what = format_args!("the alarms' next datapoint is not complete yet");
            reason.say("not_due", what);
            return Verdict::Hold;
        }
        let current = scale.spec.get();
        let base = self.base(seen.at, current);
        let each = self.watches.iter().zip(&self.memory.watched);
        self.asked.clear();
        self.asked
            .extend(each.map(|(w, m)| w.asks(m, current, base)));
        let told = Seen {
            aws: self,
            now: seen.at,
            current,
            base,
            asked: &self.asked,
        };
        let Some(to) = told.decide(reason) else {
            return Verdict::Hold;
        };
        self.pending.change = (to != current).then_some((current, to, base));
        self.memory.desired = Some(Replicas(to));
        Verdict::Scale(Replicas(to))
    }

    /// Until when nothing scales in.
    fn no_in_until(&self) -> Option<Timestamp> {
        let at = self.memory.scaled_in?;
        Some(at + self.target.scale_in_cooldown)
    }
}

impl Policy for Aws {
    fn wants(&self) -> &Wants {
        &self.wants
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        self.pending = Pending {
            at: seen.at,
            ..Pending::default()
        };
        let mut reason = self.reasons.page();
        let verdict = self.run(seen, Arc::make_mut(&mut reason));
        self.reasons.keep(&reason);
        Decision {
            verdict,
            reason,
            next: seen.at + self.wants.period,
        }
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        let Pending {
            at,
            change,
            has_scale,
        } = std::mem::take(&mut self.pending);
        let memory = &mut self.memory;
        // A cooldown begins with a scaling activity that went well.
        if let (WriteOutcome::Written, Some((from, to, base))) = (outcome, change) {
            memory.last_scale = Some(at);
            if to > from {
                // A larger step within the cooldown begins it anew, and counts from where it began.
                memory.out = Some(ScaledOut { at, base });
                memory.scaled_in = None;
            } else {
                (memory.scaled_in, memory.out) = (Some(at), None);
            }
        }
        let error = match outcome {
            _ if !has_scale => Some("how many replicas there are could not be read".to_owned()),
            WriteOutcome::Failed(why) => Some(why.clone()),
            WriteOutcome::Lost => Some("the target was changed by someone else meanwhile".into()),
            _ => None,
        };
        Status {
            current: memory.current,
            desired: memory.desired.or(memory.current),
            last_scale: memory.last_scale,
            error,
            conditions: Arc::clone(&self.conditions),
            events: Vec::new(),
        }
    }

    fn save(&self) -> PolicyState {
        PolicyState::of(self.kind, &self.memory)
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        let mut memory: Memory = state.read(self.kind)?;
        // Another number of metrics: none of their datapoints can be trusted to be theirs.
        if memory.watched.len() != self.watches.len() {
            memory.watched = vec![Watched::default(); self.watches.len()];
        }
        self.memory = memory;
        Ok(())
    }

    fn rules(&self) -> Vec<&'static str> {
        vec!["cooldown", "min", "max"]
    }

    fn waive(&mut self, rule: &str) {
        match rule {
            "cooldown" => (self.memory.out, self.memory.scaled_in) = (None, None),
            "min" => self.target.min = Replicas::ZERO,
            "max" => self.target.max = Replicas(u32::MAX),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
