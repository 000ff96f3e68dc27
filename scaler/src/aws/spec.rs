//! What AWS's scaling policies are told.

use std::time::Duration;

use metrics::Replicas;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alarm::AwsAlarm;
use super::metric::AwsMetric;
use super::step::{AwsAdjustment, AwsStep};
use crate::FieldError;
use crate::field_error::Mistakes;

/// The most datapoints of an alarm. CloudWatch takes as many as there are periods in a day.
const MOST_PERIODS: u32 = 60;

/// What both kinds of policies are told.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsTarget {
    /// The fewest replicas.
    pub min: Replicas,
    /// The most replicas.
    pub max: Replicas,
    /// How long a datapoint is.
    pub period: Duration,
    /// How often the metric is read. Alarms are evaluated when a datapoint is complete.
    pub tick: Duration,
    /// How long after a scale-out only a larger one goes on, of which what was added already is taken off.
    pub scale_out_cooldown: Duration,
    /// How long after a scale-in no other follows. A scale-out ends it.
    pub scale_in_cooldown: Duration,
}

/// Step scaling: an alarm for each direction, and for each step beyond it what is done.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StepScalingSpec {
    /// Bounds and times.
    #[serde(default)]
    pub target: AwsTarget,
    /// What is watched.
    pub metric: AwsMetric,
    /// When the alarms go off.
    #[serde(default)]
    pub alarm: AwsAlarm,
    /// Steps on the way out, from the threshold of its alarm up.
    pub scale_out: Vec<AwsStep>,
    /// Steps on the way in, from the threshold of its alarm down.
    pub scale_in: Vec<AwsStep>,
    /// The least number of replicas that a percentage changes.
    #[serde(default = "one")]
    pub min_adjustment: u32,
}

/// Target tracking: a metric or several, each of which should be at its target.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TargetTrackingSpec {
    /// Bounds and times.
    #[serde(default)]
    pub target: AwsTarget,
    /// What is watched, and what it should be. The one that asks for most wins; it scales in only if all agree.
    pub targets: Vec<(AwsMetric, f64)>,
    /// Whether it never scales in.
    #[serde(default)]
    pub disable_scale_in: bool,
}

const fn one() -> u32 {
    1
}

impl Default for AwsTarget {
    /// Datapoints of a minute, and the cooldowns of ECS services.
    fn default() -> Self {
        Self {
            min: Replicas(1),
            max: Replicas(10),
            period: Duration::from_secs(60),
            tick: Duration::from_secs(15),
            scale_out_cooldown: Duration::from_secs(300),
            scale_in_cooldown: Duration::from_secs(300),
        }
    }
}

impl AwsTarget {
    /// The same in a world that goes `speed` times faster: all its spans are so much shorter.
    #[must_use]
    pub fn at_speed(self, speed: f64) -> Self {
        let faster = |span: Duration| span.div_f64(speed);
        Self {
            period: faster(self.period),
            tick: faster(self.tick),
            scale_out_cooldown: faster(self.scale_out_cooldown),
            scale_in_cooldown: faster(self.scale_in_cooldown),
            ..self
        }
    }

    fn check(&self, found: &mut Mistakes) {
        if self.max.get() == 0 {
            found.invalid("target.max", "must be at least 1");
        }
        if self.min > self.max {
            found.invalid("target.min", "must be at most `max`");
        }
        for (name, span) in [("target.period", self.period), ("target.tick", self.tick)] {
            if span.is_zero() {
                found.invalid(name, "must be longer than 0");
            }
        }
    }
}

impl StepScalingSpec {
    /// The steps that a policy has if none are said: from a threshold on a tenth more, a fifth above it three tenths more,
    /// a fifth below it a tenth fewer, and two fifths below it three tenths fewer. AWS has no steps of its own: these are
    /// its guide's example, in shares of the threshold.
    #[must_use]
    pub fn usual_steps(threshold: f64) -> (Vec<AwsStep>, Vec<AwsStep>) {
        let step = |share: f64, percent: f64| AwsStep {
            at: threshold * share,
            adjustment: AwsAdjustment::PercentChangeInCapacity(percent),
        };
        (
            vec![step(1.0, 10.0), step(1.2, 30.0)],
            vec![step(0.8, -10.0), step(0.6, -30.0)],
        )
    }

    /// What would make it meaningless.
    #[must_use]
    pub fn validate(&self) -> Vec<FieldError> {
        let mut found = Mistakes::default();
        self.target.check(&mut found);
        let alarm = &self.alarm;
        if !(1..=MOST_PERIODS).contains(&alarm.periods) {
            found.invalid("alarm.periods", "must be from 1 to 60");
        }
        if !(1..=alarm.periods.max(1)).contains(&alarm.datapoints) {
            found.invalid("alarm.datapoints", "must be from 1 to `periods`");
        }
        if self.scale_out.is_empty() && self.scale_in.is_empty() {
            found.required("scale_out", "at least one step is needed");
        }
        let is_sorted = |steps: &[AwsStep], sign: f64| {
            steps.iter().all(|step| step.at.is_finite())
                && steps
                    .windows(2)
                    .all(|pair| pair[0].at * sign < pair[1].at * sign)
        };
        for (name, steps, sign) in [
            ("scale_out", &self.scale_out, 1.0),
            ("scale_in", &self.scale_in, -1.0),
        ] {
            if !is_sorted(steps, sign) {
                found.invalid(name, "each step must be farther out than the one before");
            }
            let wrong = |step: &AwsStep| match step.adjustment {
                AwsAdjustment::ChangeInCapacity(by) => f64::from(by) * sign < 0.0,
                AwsAdjustment::PercentChangeInCapacity(by) => {
                    !(by.is_finite() && by * sign >= 0.0 && by >= -100.0)
                }
                AwsAdjustment::ExactCapacity(_) => false,
            };
            if steps.iter().any(wrong) {
                found.invalid(name, "steps out add replicas, steps in remove them");
            }
        }
        if let (Some(out), Some(down)) = (self.scale_out.first(), self.scale_in.first())
            && out.at <= down.at
        {
            found.invalid("scale_in", "must begin below where `scale_out` begins");
        }
        found.sorted()
    }
}

impl TargetTrackingSpec {
    /// What would make it meaningless.
    #[must_use]
    pub fn validate(&self) -> Vec<FieldError> {
        let mut found = Mistakes::default();
        self.target.check(&mut found);
        if self.targets.is_empty() {
            found.required("targets", "at least one target is needed");
        }
        for (place, (metric, target)) in self.targets.iter().enumerate() {
            let at = format!("targets[{place}]");
            if !(target.is_finite() && *target > 0.0) {
                found.invalid(&at, "must be greater than 0");
            }
            if self.targets[..place].iter().any(|(m, _)| m == metric) {
                found.invalid(at, "each target must be of another metric");
            }
        }
        found.sorted()
    }
}
