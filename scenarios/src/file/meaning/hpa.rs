//! The Horizontal Pod Autoscaler as a service's scaling.

use std::time::Duration;

use metrics::Ratio;
use serde_json::{Map, Value};

use super::super::format::{BehaviorFile, RulesFile, ScalingEntry, TargetFile};
use super::super::mistake::Span;
use super::super::units::Number;
use super::super::written::{At, Field, Form};
use super::{Meaning, refuse, spans, time};
use crate::{HpaTarget, Policy, Service};

impl Meaning<'_> {
    pub(super) fn hpa(&mut self, entry: &ScalingEntry, at: Span) -> Policy {
        let targets = self.targets(&entry.target, at);
        let tolerance = entry.tolerance.value().map_or(0.1, |share| share.0);
        Policy::Hpa {
            targets,
            behavior: entry.behavior.0.as_ref().map(|at| self.behavior(&at.value)),
            stabilization: time(&entry.stabilization, Duration::from_secs(300)),
            tolerance: Ratio::new(tolerance).unwrap_or(Ratio::ZERO),
            cpu_initialization: time(&entry.cpu_initialization, Duration::from_secs(300)),
            initial_readiness_delay: time(&entry.initial_readiness_delay, Duration::from_secs(30)),
        }
    }

    /// Slots held ÷ slots means nothing without a limit.
    pub(super) fn busy_of_limited(&mut self, entry: &ScalingEntry, service: &Service) {
        let busy = match entry.target.value() {
            Some(Form::Long(target)) => target.busy.at(),
            _ => None,
        };
        if let Some(at) = busy.filter(|_| service.slots.is_none()) {
            self.found.add(
                at,
                "a target for `busy` of a service with unlimited slots",
                "busy is slots held ÷ slots",
                "give the service a number of `slots`, or use another target: cpu, requests",
            );
        }
    }

    fn targets(&mut self, field: &Field<Form<Number, TargetFile>>, at: Span) -> Vec<HpaTarget> {
        let file = match field.value() {
            Some(Form::Long(file)) => file.clone(),
            Some(Form::Short(_)) => {
                self.found.add(
                    field.at().unwrap_or(at),
                    "a target without its metric",
                    "",
                    "`target: {cpu: 70%}`, or busy, or requests: 50/s",
                );
                return Vec::new();
            }
            None => TargetFile::default(),
        };
        let what = "an hpa";
        refuse(self.found, what, [("concurrency", file.concurrency.at())]);
        let there = spans([
            ("cpu", file.cpu.at()),
            ("busy", file.busy.at()),
            ("requests", file.requests.at()),
        ]);
        if there.is_empty() && (field.value().is_some() || !field.is_there()) {
            self.found.add(field.at().unwrap_or(at), "an hpa without a target", "", "`target: {cpu: 70%}`, or busy, or requests: 50/s; of several the largest proposal wins");
        }
        let mut targets = Vec::new();
        let zero = [
            (file.cpu.0.as_ref().map(|at| (at.value.0, at.at))),
            (file.busy.0.as_ref().map(|at| (at.value.0, at.at))),
            (file.requests.0.as_ref().map(|at| (at.value.0, at.at))),
        ];
        for (_, at) in zero
            .into_iter()
            .flatten()
            .filter(|(value, _)| *value <= 0.0)
        {
            self.found
                .add(at, "a target of zero", "", "a target is above 0");
        }
        let ratio = |value: f64| Ratio::new(value).unwrap_or(Ratio::ONE);
        targets.extend(file.cpu.value().map(|part| HpaTarget::Cpu(ratio(part.0))));
        targets.extend(file.busy.value().map(|part| HpaTarget::Busy(ratio(part.0))));
        targets.extend(
            file.requests
                .value()
                .map(|rate| HpaTarget::Requests(rate.0)),
        );
        targets
    }

    /// `spec.behavior` in the form of `autoscaling/v2`.
    pub(super) fn behavior(&mut self, file: &BehaviorFile) -> Value {
        let mut behavior = Map::new();
        for (name, rules) in [("scaleUp", &file.scaleUp), ("scaleDown", &file.scaleDown)] {
            if let Some(rules) = rules.value() {
                behavior.insert(name.to_owned(), self.rules(rules));
            }
        }
        Value::Object(behavior)
    }

    fn rules(&mut self, rules: &RulesFile) -> Value {
        let mut json = Map::new();
        if let Some(seconds) = rules.stabilizationWindowSeconds.value() {
            let at = rules.stabilizationWindowSeconds.at();
            let seconds = self.within(seconds.0, at, "stabilizationWindowSeconds", 0..=3600);
            json.insert("stabilizationWindowSeconds".to_owned(), seconds.into());
        }
        if let Some(select) = rules.selectPolicy.value() {
            json.insert("selectPolicy".to_owned(), select.0.0.into());
        }
        if let Some(tolerance) = rules.tolerance.value() {
            json.insert("tolerance".to_owned(), tolerance.0.into());
        }
        if let Some(list) = &rules.policies.0 {
            if list.value.0.is_empty() {
                self.found.add(
                    list.at,
                    "no scaling policies",
                    "",
                    "at least one, or leave `policies` out",
                );
            }
            let mut policies = Vec::new();
            for At { value, .. } in &list.value.0 {
                let (Some(kind), Some(amount), Some(period)) = (
                    value.r#type.value(),
                    value.value.value(),
                    value.periodSeconds.value(),
                ) else {
                    continue;
                };
                let amount = self.within(amount.0, value.value.at(), "value", 1..=1_000_000);
                let period = self.within(
                    period.0,
                    value.periodSeconds.at(),
                    "periodSeconds",
                    1..=1800,
                );
                policies.push(
                    serde_json::json!({"type": kind.0.0, "value": amount, "periodSeconds": period}),
                );
            }
            json.insert("policies".to_owned(), policies.into());
        }
        Value::Object(json)
    }
}
