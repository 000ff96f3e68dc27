//! AWS's step scaling and target tracking as a service's scaling.

use std::time::Duration;

use metrics::Replicas;
use scaler::{
    AwsAdjustment, AwsAlarm, AwsMetric, AwsMissing, AwsStep, AwsTarget, PolicySpec,
    StepScalingSpec, TargetTrackingSpec,
};

use super::super::format::{AlarmFile, ScalingEntry, ScalingStepFile};
use super::super::mistake::Span;
use super::super::units::Amount;
use super::super::written::{At, Form};
use super::{Meaning, spans, spoken, time};
use crate::{Control, Policy, Service};

/// What means something for step scaling.
pub(super) const STEP_FIELDS: &[&str] = &[
    "policy",
    "min",
    "max",
    "target",
    "steps",
    "alarm",
    "min_adjustment",
    "scale_out_cooldown",
    "scale_in_cooldown",
];
/// What means something for target tracking.
pub(super) const TRACKING_FIELDS: &[&str] = &[
    "policy",
    "min",
    "max",
    "target",
    "scale_out_cooldown",
    "scale_in_cooldown",
    "disable_scale_in",
];

/// How long a datapoint of AWS's own alarms is.
const MINUTE: Duration = Duration::from_secs(60);

impl Meaning<'_> {
    pub(super) fn step(
        &mut self,
        entry: &ScalingEntry,
        at: Span,
        (service, control): (&Service, &Control),
        bounds: (Replicas, Replicas),
    ) -> Option<Policy> {
        let targets = self.watched(entry, at, "step", service);
        let place = entry.target.at().unwrap_or(at);
        if targets.len() > 1 {
            let rule = "its steps are of one metric: leave one target";
            self.found
                .add(place, "step scaling on several metrics", "", rule);
        }
        let (metric, threshold) = *targets.first()?;
        let file = entry.alarm.value();
        let period = self.datapoint(file, control);
        let (scale_out, scale_in) = match entry.steps.value() {
            None => StepScalingSpec::usual_steps(threshold),
            Some(list) => self.scaling_steps(&list.0, threshold),
        };
        let least = entry.min_adjustment.value().map_or(1, |count| count.0);
        let spec = StepScalingSpec {
            target: scalable(entry, control, bounds, period),
            metric,
            alarm: self.alarm(file),
            scale_out,
            scale_in,
            min_adjustment: self.within(
                least,
                entry.min_adjustment.at(),
                "min_adjustment",
                1..=super::scaling::MOST,
            ),
        };
        self.steps_together(entry, &spec);
        Some(Policy::Upstream(Box::new(PolicySpec::Step(Box::new(spec)))))
    }

    /// What is wrong with the steps as a whole. What could not be read is not also said to be missing.
    fn steps_together(&mut self, entry: &ScalingEntry, spec: &StepScalingSpec) {
        let (Some(list), Some(at)) = (entry.steps.value(), entry.steps.at()) else {
            return;
        };
        let are_all_read = list.0.len() == spec.scale_out.len() + spec.scale_in.len();
        let mistakes = spec.validate().into_iter();
        for mistake in mistakes.filter(|m| are_all_read && m.field.starts_with("scale_")) {
            let what = format!("steps that cannot be: {}", mistake.detail);
            let rule = "`steps: [{above: 0%, add: 10%}, {below: 20%, remove: 10%}]`";
            self.found.add(at, what, "", rule);
        }
    }

    pub(super) fn target_tracking(
        &mut self,
        entry: &ScalingEntry,
        at: Span,
        (service, control): (&Service, &Control),
        bounds: (Replicas, Replicas),
    ) -> Policy {
        let period = MINUTE.max(control.period);
        let spec = TargetTrackingSpec {
            target: scalable(entry, control, bounds, period),
            targets: self.watched(entry, at, "target_tracking", service),
            disable_scale_in: entry.disable_scale_in.value().is_some_and(|flag| flag.0),
        };
        Policy::Upstream(Box::new(PolicySpec::TargetTracking(Box::new(spec))))
    }

    /// The metrics, and what they should be.
    fn watched(
        &mut self,
        entry: &ScalingEntry,
        at: Span,
        policy: &str,
        service: &Service,
    ) -> Vec<(AwsMetric, f64)> {
        self.busy_of_limited(entry, service);
        let form = "`target: {cpu: 70%}`, or busy, or requests: 50/s, or concurrency: 3";
        let file = match entry.target.value() {
            Some(Form::Long(file)) => file,
            found => {
                // What could not be read is not also said to be missing.
                if found.is_some() || !entry.target.is_there() {
                    let place = entry.target.at().unwrap_or(at);
                    let what = format!("{policy} without a target");
                    self.found.add(place, what, "", form);
                }
                return Vec::new();
            }
        };
        let all = [
            (
                AwsMetric::Cpu,
                file.cpu.value().map(|part| part.0),
                file.cpu.at(),
            ),
            (
                AwsMetric::Busy,
                file.busy.value().map(|part| part.0),
                file.busy.at(),
            ),
            (
                AwsMetric::Requests,
                file.requests.value().map(|rate| rate.0),
                file.requests.at(),
            ),
            (
                AwsMetric::Concurrency,
                file.concurrency.value().map(|number| number.0),
                file.concurrency.at(),
            ),
        ];
        let mut targets = Vec::new();
        for (metric, value, place) in all {
            let (Some(value), Some(place)) = (value, place) else {
                continue;
            };
            if value <= 0.0 {
                self.found
                    .add(place, "a target of zero", "", "a target is above 0");
            }
            targets.push((metric, value));
        }
        if targets.is_empty() {
            let place = entry.target.at().unwrap_or(at);
            let what = format!("{policy} without a target");
            self.found.add(place, what, "", form);
        }
        targets
    }

    fn datapoint(&mut self, file: Option<&AlarmFile>, control: &Control) -> Duration {
        let usual = MINUTE.max(control.period);
        let Some(field) = file.map(|file| &file.period) else {
            return usual;
        };
        let period = time(field, usual);
        if let Some(at) = field.at().filter(|_| period < control.period) {
            let what = format!("a datapoint of {}", spoken(period));
            let rule = format!(
                "at least one reading makes a datapoint, and there is one every control.period ({})",
                spoken(control.period)
            );
            self.found.add(at, what, "", rule);
        }
        period.max(control.period)
    }

    fn alarm(&mut self, file: Option<&AlarmFile>) -> AwsAlarm {
        let usual = AwsAlarm::default();
        let Some(file) = file else { return usual };
        let periods = file.periods.value().map_or(usual.periods, |count| count.0);
        let periods = self.within(periods, file.periods.at(), "periods", 1..=60);
        let datapoints = file.datapoints.value().map_or(periods, |count| count.0);
        AwsAlarm {
            periods,
            datapoints: self.within(datapoints, file.datapoints.at(), "datapoints", 1..=periods),
            missing: file
                .missing
                .value()
                .map_or(AwsMissing::default(), |word| word.0.0),
        }
    }

    /// The steps out and in, each from the threshold on.
    fn scaling_steps(
        &mut self,
        list: &[At<ScalingStepFile>],
        threshold: f64,
    ) -> (Vec<AwsStep>, Vec<AwsStep>) {
        let (mut out, mut down) = (Vec::new(), Vec::new());
        for At { value, at, .. } in list {
            let Some((is_out, share)) = self.beyond(value, *at) else {
                continue;
            };
            let Some(adjustment) = self.adjustment(value, *at, is_out) else {
                continue;
            };
            let (steps, beyond) = if is_out {
                (&mut out, 1.0 + share)
            } else {
                (&mut down, 1.0 - share)
            };
            let at_value = threshold * beyond;
            if steps.iter().any(|step: &AwsStep| step.at == at_value) {
                let rule = "each step begins at another distance";
                self.found.add(*at, "two steps in one place", "", rule);
                continue;
            }
            steps.push(AwsStep {
                at: at_value,
                adjustment,
            });
        }
        out.sort_by(|a, b| a.at.total_cmp(&b.at));
        down.sort_by(|a, b| b.at.total_cmp(&a.at));
        (out, down)
    }

    /// On which side of the target, and how far from it as a share.
    fn beyond(&mut self, file: &ScalingStepFile, at: Span) -> Option<(bool, f64)> {
        let sides = spans([("above", file.above.at()), ("below", file.below.at())]);
        if sides.len() != 1 {
            self.found.add(
                at,
                "a step is either above or below the target",
                "",
                "`{above: 20%, add: 30%}`, or `{below: 20%, remove: 10%}`",
            );
            return None;
        }
        match (file.above.value(), file.below.value()) {
            (Some(share), _) => Some((true, share.0)),
            (_, Some(share)) => Some((false, share.0)),
            _ => None,
        }
    }

    fn adjustment(
        &mut self,
        file: &ScalingStepFile,
        at: Span,
        is_out: bool,
    ) -> Option<AwsAdjustment> {
        let there = spans([
            ("add", file.add.at()),
            ("remove", file.remove.at()),
            ("set", file.set.at()),
        ]);
        let fits = |name: &str| name == "set" || (name == "add") == is_out;
        if there.len() != 1 || !there.iter().all(|(name, _)| fits(name)) {
            let (side, form) = if is_out {
                ("above", "`add: 30%`, `add: 3` or `set: 12`")
            } else {
                ("below", "`remove: 30%`, `remove: 3` or `set: 2`")
            };
            let what = format!("a step {side} the target does one thing");
            self.found.add(at, what, "", form);
            return None;
        }
        if let Some(count) = file.set.value() {
            return Some(AwsAdjustment::ExactCapacity(count.0));
        }
        let field = if is_out { &file.add } else { &file.remove };
        let amount = field.value()?.0;
        if let (Amount::Percent(percent), false) = (amount, is_out)
            && percent > 100.0
        {
            let rule = "from 0% to 100%";
            self.found
                .add(field.at().unwrap_or(at), "more than all", "", rule);
        }
        let sign = if is_out { 1 } else { -1 };
        Some(match amount {
            Amount::Percent(percent) => {
                AwsAdjustment::PercentChangeInCapacity(percent * f64::from(sign))
            }
            Amount::Count(count) => {
                AwsAdjustment::ChangeInCapacity(i32::try_from(count).unwrap_or(i32::MAX) * sign)
            }
        })
    }
}

fn scalable(
    entry: &ScalingEntry,
    control: &Control,
    (min, max): (Replicas, Replicas),
    period: Duration,
) -> AwsTarget {
    let other = AwsTarget::default();
    AwsTarget {
        min,
        max,
        period,
        tick: control.period.min(period),
        scale_out_cooldown: time(&entry.scale_out_cooldown, other.scale_out_cooldown),
        scale_in_cooldown: time(&entry.scale_in_cooldown, other.scale_in_cooldown),
    }
}
