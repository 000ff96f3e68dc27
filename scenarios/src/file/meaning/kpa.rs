//! Knative's Pod Autoscaler as a service's scaling.

use std::time::Duration;

use metrics::Replicas;
use scaler::{KpaMetric, KpaSpec, PolicySpec};

use super::super::format::{ScalingEntry, TargetFile};
use super::super::mistake::{Concern, Span};
use super::super::units::{Count, Multiple, Part, Share, Time};
use super::super::words::Aggregation;
use super::super::written::{Field, Form};
use super::scaling::MOST;
use super::{Meaning, refuse, spans, spoken};
use crate::{Policy, Service};

/// What means something for it.
pub(super) const FIELDS: &[&str] = &[
    "policy",
    "min",
    "max",
    "target",
    "utilization",
    "window",
    "panic_window",
    "panic_threshold",
    "burst_capacity",
    "initial_scale",
    "activation_scale",
    "scale_down_delay",
    "pod_retention",
    "grace_period",
    "aggregation",
    "max_up_rate",
    "max_down_rate",
    "progress_deadline",
];

const HOUR: Duration = Duration::from_secs(3600);

impl Meaning<'_> {
    pub(super) fn kpa(
        &mut self,
        entry: &ScalingEntry,
        at: Span,
        service: &Service,
        (min, max): (Replicas, Replicas),
    ) -> Policy {
        let other = KpaSpec::default();
        let (metric, target) = self.kpa_target(entry, service);
        let utilization = self.share_within(&entry.utilization, "utilization", 0.7, (0.01, 1.0));
        let window = self.span_within(
            &entry.window,
            "window",
            other.stable_window,
            Duration::from_secs(6)..=HOUR,
        );
        let panic = self.share_within(&entry.panic_window, "panic_window", 0.1, (0.01, 1.0));
        let deadline = other.progress_deadline;
        let spec = KpaSpec {
            metric,
            target_burst_capacity: match entry.burst_capacity.value().map(|most| most.0) {
                None => other.target_burst_capacity,
                Some(None) => -1.0,
                Some(Some(capacity)) => f64::from(capacity),
            },
            panic_threshold: self.part_within(&entry.panic_threshold, 2.0, (1.1, 10.0)),
            max_scale_up_rate: self.above_one(&entry.max_up_rate, other.max_scale_up_rate),
            max_scale_down_rate: self.above_one(&entry.max_down_rate, other.max_scale_down_rate),
            scale_down_delay: self.span_within(
                &entry.scale_down_delay,
                "scale_down_delay",
                Duration::ZERO,
                Duration::ZERO..=HOUR,
            ),
            activation_scale: self.activation_scale(&entry.activation_scale, min, max),
            initial_scale: {
                let initial = entry.initial_scale.value().map_or(1, |count| count.0);
                self.within(initial, entry.initial_scale.at(), "initial_scale", 1..=MOST)
            },
            min,
            max,
            weighted: entry.aggregation.value().map(|word| word.0) == Some(Aggregation::Weighted),
            scale_to_zero_grace_period: self
                .some_time(&entry.grace_period, other.scale_to_zero_grace_period),
            pod_retention: self.span_within(
                &entry.pod_retention,
                "pod_retention",
                Duration::ZERO,
                Duration::ZERO..=HOUR,
            ),
            progress_deadline: self.some_time(&entry.progress_deadline, deadline),
            ..other
        };
        let spec = spec
            .with_target(Some(target), None, utilization)
            .with_window(window, panic * 100.0);
        // What its own check still finds is of no field: it would be a gap in the checks above.
        for mistake in spec.validate() {
            self.found.add(at, mistake.to_string(), "", "");
        }
        Policy::Upstream(Box::new(PolicySpec::Kpa(spec)))
    }

    /// What it scales on, and how much of that a replica can take.
    fn kpa_target(&mut self, entry: &ScalingEntry, service: &Service) -> (KpaMetric, f64) {
        let slots = service.slots.map_or(100.0, f64::from);
        let (target, at) = match (&entry.target.value(), entry.target.at()) {
            (Some(target), Some(at)) => (*target, at),
            _ => return (KpaMetric::Concurrency, slots),
        };
        let (metric, value) = match target {
            Form::Short(number) => (KpaMetric::Concurrency, number.0),
            Form::Long(file) => {
                let others = [("cpu", file.cpu.at()), ("busy", file.busy.at())];
                if !spans(others).is_empty() {
                    refuse(self.found, "a kpa", others);
                    return (KpaMetric::Concurrency, slots);
                }
                self.kpa_metric(file, at)
                    .unwrap_or((KpaMetric::Concurrency, slots))
            }
        };
        if value < 0.01 {
            let rule = "a target is at least 0.01";
            self.found.add(at, "a target that is too low", "", rule);
        } else if metric == KpaMetric::Concurrency && value > slots && service.slots.is_some() {
            self.found.remark(
                Concern::Doubtful,
                at,
                format!("a target of {value} requests in a replica that works on {slots} at once"),
                "the others wait in it",
                "a target up to the service's `slots` leaves room for no queue; without `target` it is `slots`",
            );
        }
        (metric, value.max(0.01))
    }

    fn kpa_metric(&mut self, file: &TargetFile, at: Span) -> Option<(KpaMetric, f64)> {
        let there = spans([
            ("concurrency", file.concurrency.at()),
            ("requests", file.requests.at()),
        ]);
        if there.len() != 1 {
            self.found.add(
                at,
                "a kpa scales on one metric",
                "",
                "`target: {concurrency: 70}`, or `target: {requests: 150/s}`",
            );
            return None;
        }
        match (file.concurrency.value(), file.requests.value()) {
            (Some(number), _) => Some((KpaMetric::Concurrency, number.0)),
            (_, Some(rate)) => Some((KpaMetric::Rps, rate.0)),
            _ => None,
        }
    }

    fn activation_scale(&mut self, field: &Field<Count>, min: Replicas, max: Replicas) -> u32 {
        let (Some(count), Some(at)) = (field.value(), field.at()) else {
            return 0;
        };
        let scale = self.within(count.0, Some(at), "activation_scale", 2..=MOST);
        if scale < min.get() || scale > max.get() {
            self.found.add(
                at,
                format!("activation_scale = {scale}, which is not from min {min} to max {max}"),
                "",
                "min ≤ activation_scale ≤ max",
            );
            return 0;
        }
        scale
    }

    fn share_within(
        &mut self,
        field: &Field<Share>,
        name: &str,
        default: f64,
        (least, most): (f64, f64),
    ) -> f64 {
        let share = field.value().map_or(default, |share| share.0);
        self.percent_within(share, field.at(), name, (least, most))
    }

    fn part_within(&mut self, field: &Field<Part>, default: f64, range: (f64, f64)) -> f64 {
        let part = field.value().map_or(default, |part| part.0);
        self.percent_within(part, field.at(), "panic_threshold", range)
    }

    fn percent_within(
        &mut self,
        share: f64,
        at: Option<Span>,
        name: &str,
        (least, most): (f64, f64),
    ) -> f64 {
        if let Some(at) = at.filter(|_| !(least..=most).contains(&share)) {
            let percent = |share: f64| (share * 1e6).round() / 1e4;
            let rule = format!("from {}% to {}%", percent(least), percent(most));
            self.found
                .add(at, format!("{name} = {}%", percent(share)), "", rule);
        }
        share.clamp(least, most)
    }

    /// A span in whole seconds within a range.
    fn span_within(
        &mut self,
        field: &Field<Time>,
        name: &str,
        default: Duration,
        range: std::ops::RangeInclusive<Duration>,
    ) -> Duration {
        let span = field.value().map_or(default, |time| time.0);
        let at = field.at();
        if let Some(at) = at.filter(|_| !range.contains(&span) || span.subsec_nanos() > 0) {
            let rule = format!(
                "from {} to {}, in whole seconds",
                spoken(*range.start()),
                spoken(*range.end())
            );
            self.found
                .add(at, format!("{name} = {}", spoken(span)), "", rule);
        }
        span.clamp(*range.start(), *range.end())
    }

    /// A span that is not zero.
    pub(super) fn some_time(&mut self, field: &Field<Time>, default: Duration) -> Duration {
        let span = field.value().map_or(default, |time| time.0);
        self.above_zero(span, field.at(), "a span");
        if span.is_zero() { default } else { span }
    }

    fn above_one(&mut self, field: &Field<Multiple>, default: f64) -> f64 {
        let rate = field.value().map_or(default, |multiple| multiple.0);
        if let Some(at) = field.at().filter(|_| rate <= 1.0) {
            self.found
                .add(at, format!("a rate of {rate}x"), "", "a rate is above 1x");
        }
        if rate > 1.0 { rate } else { default }
    }
}
