//! KEDA as a service's scaling.

use std::time::Duration;

use metrics::{Quantity, Replicas};
use scaler::{
    FieldError, HpaController, KedaAnnotations, KedaEvent, KedaFallback, KedaMetric,
    KedaMetricType, KedaModifiers, KedaResource, KedaResourceTarget, KedaSource, KedaSpec,
    KedaTrigger, PolicySpec,
};

use super::super::format::{ScalingEntry, TriggerFile};
use super::super::mistake::Span;
use super::super::units::OneOf;
use super::super::words::Per;
use super::super::written::{At, Field};
use super::scaling::MOST;
use super::{Meaning, spans, spoken, time};
use crate::{Control, Policy};

/// The longest time between two looks.
const LONGEST: Duration = crate::LONGEST_DURATION;

impl Meaning<'_> {
    pub(super) fn keda(
        &mut self,
        entry: &ScalingEntry,
        at: Span,
        control: &Control,
        (min, max): (Replicas, Replicas),
    ) -> Policy {
        let other = KedaSpec::default();
        let spec = KedaSpec {
            polling_interval: self.polling(entry, other.polling_interval),
            cooldown_period: time(&entry.cooldown, other.cooldown_period),
            initial_cooldown_period: time(&entry.initial_cooldown, other.initial_cooldown_period),
            idle: entry.idle.value().map(|count| Replicas(count.0)),
            min: Some(min),
            max,
            fallback: self.fallback(entry),
            triggers: self.triggers(entry, at),
            modifiers: entry.modifiers.value().and_then(|file| {
                Some(KedaModifiers {
                    formula: file.formula.value()?.0.clone(),
                    target: file.target.value()?.0,
                    activation_target: file.activation.value().map_or(0.0, |number| number.0),
                    metric_type: metric_type(&file.per),
                })
            }),
            behavior: entry.behavior.0.as_ref().map(|at| self.behavior(&at.value)),
            rate_period: other.rate_period,
            controller: controller(entry, control),
            annotations: self.annotations(entry),
        };
        self.keda_mistakes(entry, at, &spec);
        Policy::Upstream(Box::new(PolicySpec::Keda(Box::new(spec))))
    }

    fn polling(&mut self, entry: &ScalingEntry, default: Duration) -> Duration {
        let polling = time(&entry.polling, default);
        let least = Duration::from_secs(1);
        if let Some(at) = entry.polling.at().filter(|_| polling < least) {
            let what = format!("polling = {}", spoken(polling));
            self.found.add(at, what, "", "from 1s to 366d");
        }
        polling.clamp(least, LONGEST)
    }

    fn fallback(&mut self, entry: &ScalingEntry) -> Option<KedaFallback> {
        let file = entry.fallback.value()?;
        let replicas = file.replicas.value()?.0;
        Some(KedaFallback {
            failure_threshold: file.failures.value()?.0,
            replicas: Replicas(self.within(replicas, file.replicas.at(), "replicas", 0..=MOST)),
            behavior: file
                .behavior
                .value()
                .map_or_else(Default::default, |word| word.0.0),
        })
    }

    fn annotations(&mut self, entry: &ScalingEntry) -> KedaAnnotations {
        let Some(file) = entry.annotations.value() else {
            return KedaAnnotations::default();
        };
        let paused = file.paused_replicas.value().map(|count| count.0);
        let flag = |field: &Field<super::super::units::Flag>| field.value().is_some_and(|f| f.0);
        KedaAnnotations {
            paused: flag(&file.paused),
            paused_replicas: paused.map(|count| {
                let at = file.paused_replicas.at();
                Replicas(self.within(count, at, "paused_replicas", 0..=MOST))
            }),
            paused_scale_in: flag(&file.paused_scale_in),
            paused_scale_out: flag(&file.paused_scale_out),
            force_activation: flag(&file.force_activation),
        }
    }

    fn triggers(&mut self, entry: &ScalingEntry, at: Span) -> Vec<KedaTrigger> {
        let Some(list) = entry.triggers.value().filter(|list| !list.0.is_empty()) else {
            self.found.add(
                entry.triggers.at().unwrap_or(at),
                "keda without triggers",
                "",
                "`triggers: [{requests: 50/s}]`, or concurrency, queue, cpu, cron",
            );
            return Vec::new();
        };
        let triggers = list.0.iter().filter_map(|At { value, at, .. }| {
            let source = self.trigger(value, *at)?;
            let name = value.name.value().map(|name| name.0.clone());
            Some(KedaTrigger {
                name: name.unwrap_or_default(),
                source,
            })
        });
        triggers.collect()
    }

    fn trigger(&mut self, file: &TriggerFile, at: Span) -> Option<KedaSource> {
        let kinds = spans([
            ("requests", file.requests.at()),
            ("concurrency", file.concurrency.at()),
            ("queue", file.queue.at()),
            ("cpu", file.cpu.at()),
            ("cron", file.cron.at()),
        ]);
        let [(kind, _)] = kinds.as_slice() else {
            self.found.add(
                at,
                "a trigger has exactly one metric",
                "",
                "one of: requests, concurrency, queue, cpu, cron",
            );
            return None;
        };
        if matches!(*kind, "cpu" | "cron") {
            let others = [
                ("activation", file.activation.at()),
                ("per", file.per.at()),
                ("cached", file.cached.at()),
            ];
            super::refuse(self.found, &format!("a {kind} trigger"), others);
        }
        if let Some(cpu) = file.cpu.value() {
            // Whole percents, as the HPA knows them.
            let percent = ((cpu.0 * 100.0).round() as i32).max(i32::from(cpu.0 > 0.0));
            return Some(KedaSource::Cpu(KedaResource {
                container: None,
                target: KedaResourceTarget::Utilization(percent),
            }));
        }
        let (metric, threshold) = if let Some(rate) = file.requests.value() {
            (KedaMetric::Requests, rate.0)
        } else if let Some(number) = file.concurrency.value() {
            (KedaMetric::InFlight, number.0)
        } else if let Some(number) = file.queue.value() {
            (KedaMetric::Queued, number.0)
        } else {
            let cron = file.cron.0.as_ref()?;
            (
                KedaMetric::Cron(self.cron_trigger(&cron.value, cron.at)?),
                1.0,
            )
        };
        Some(KedaSource::Event(KedaEvent {
            metric,
            threshold: milli(threshold),
            activation: milli(file.activation.value().map_or(0.0, |number| number.0)),
            metric_type: metric_type(&file.per),
            cached: file.cached.value().is_some_and(|flag| flag.0),
        }))
    }

    /// What KEDA itself finds wrong with it, at the fields that it is about.
    fn keda_mistakes(&mut self, entry: &ScalingEntry, at: Span, spec: &KedaSpec) {
        let incomplete = |list: &At<super::super::written::List<TriggerFile>>| {
            list.value.0.len() != spec.triggers.len()
        };
        if entry.triggers.0.as_ref().is_none_or(incomplete) {
            // What could not be read is not also said to be wrong.
            return;
        }
        for FieldError { field, detail, .. } in spec.validate() {
            let place = self.place_of(entry, &field).unwrap_or(at);
            let what = if detail.is_empty() {
                "is missing"
            } else {
                &detail
            };
            self.found.add(place, what, "", "as KEDA checks it");
        }
    }

    /// Where the field of a `ScaledObject` stands here.
    fn place_of(&self, entry: &ScalingEntry, field: &str) -> Option<Span> {
        let rest = field.strip_prefix("spec.").unwrap_or(field);
        let first = rest.split(['.', '[']).next().unwrap_or(rest);
        match first {
            "maxReplicaCount" => entry.max.at(),
            "minReplicaCount" => entry.min.at(),
            "idleReplicaCount" => entry.idle.at(),
            "pollingInterval" => entry.polling.at(),
            "fallback" => entry.fallback.at(),
            "advanced" => {
                let file = entry.modifiers.value()?;
                if rest.ends_with("formula") {
                    file.formula.at()
                } else {
                    file.target.at()
                }
            }
            "triggers" => {
                let index = rest.split_once('[')?.1.split_once(']')?.0;
                let list = entry.triggers.value()?;
                list.0.get(index.parse::<usize>().ok()?).map(|item| item.at)
            }
            _ => None,
        }
    }
}

/// The flags of the controller that runs the HPA.
pub(super) fn controller(entry: &ScalingEntry, control: &Control) -> HpaController {
    let other = HpaController::default();
    HpaController {
        sync_period: control.period,
        tolerance: entry.tolerance.value().map_or(0.1, |share| share.0),
        downscale_stabilization: time(&entry.stabilization, other.downscale_stabilization),
        cpu_initialization: time(&entry.cpu_initialization, other.cpu_initialization),
        initial_readiness_delay: time(
            &entry.initial_readiness_delay,
            other.initial_readiness_delay,
        ),
        ..other
    }
}

fn metric_type(per: &Field<OneOf<Per>>) -> KedaMetricType {
    match per.value().map(|word| word.0) {
        Some(Per::Service) => KedaMetricType::Value,
        Some(Per::Replica) | None => KedaMetricType::AverageValue,
    }
}

fn milli(value: f64) -> Quantity {
    Quantity::from_milli((value * 1000.0).round() as i64)
}
