//! How services scale, and what is known beforehand.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Ratio, Replicas};
use serde_json::{Map, Value};

use super::super::format::{
    BehaviorFile, CalendarFile, RulesFile, ScalingEntry, ScalingFile, ScheduleFile, TargetFile,
};
use super::super::mistake::Span;
use super::super::words::PolicyName;
use super::super::written::{At, Field, List};
use super::{Meaning, known, refuse, spans, time};
use crate::{CalendarEvent, HpaTarget, Policy, Scaling, ScheduleEntry, Service, Waiting};

/// The most replicas of a service.
const MOST: u32 = 10_000;

impl Meaning<'_> {
    pub(super) fn scaling(
        &mut self,
        field: &Field<ScalingFile>,
        services: &BTreeMap<String, Service>,
    ) -> (BTreeMap<String, Scaling>, Vec<CalendarEvent>) {
        let file = field.or(ScalingFile::default());
        let mut all = BTreeMap::new();
        for (key, At { value, at, .. }) in &file.services {
            let what = format!(
                "scaling of a service that is not there: `{}`",
                super::short(&key.name)
            );
            if known(self.found, services, &key.name, key.at, &what)
                && let Some(service) = services.get(&key.name)
                && let Some(scaling) = self.scaling_of(value, *at, key.at, service)
            {
                all.insert(key.name.clone(), scaling);
            }
        }
        (all, self.calendar(&file.calendar, services))
    }

    fn scaling_of(
        &mut self,
        entry: &ScalingEntry,
        at: Span,
        name: Span,
        service: &Service,
    ) -> Option<Scaling> {
        let from_file;
        let entry = match &entry.file.0 {
            None => entry,
            Some(At { value, at, .. }) => {
                self.nothing_beside_file(entry);
                from_file = self.manifest(entry, &value.0, *at)?;
                &from_file
            }
        };
        let policy = match entry.policy.value() {
            Some(word) => word.0,
            None if entry.policy.is_there() => return None,
            None => PolicyName::Foresight,
        };
        if !matches!(policy, PolicyName::Foresight | PolicyName::Reactive) {
            let what = "a policy without a price";
            refuse(self.found, what, [("budget", entry.budget.at())]);
        }
        let (min, max) = self.bounds(entry, at, policy, service);
        let policy = match policy {
            PolicyName::Static => {
                self.nothing_of_hpa(entry, "a static policy");
                refuse(
                    self.found,
                    "a static policy",
                    [("schedule", entry.schedule.at())],
                );
                Policy::Static
            }
            PolicyName::Schedule => {
                self.nothing_of_hpa(entry, "a schedule");
                Policy::Schedule(self.schedule(&entry.schedule, at, min, max))
            }
            PolicyName::PerRequest => {
                self.per_request(entry, service);
                Policy::PerRequest
            }
            PolicyName::Reactive => Policy::Reactive {
                budget: self.own(entry, name, "reactive", service),
            },
            PolicyName::Foresight => Policy::Foresight {
                budget: self.own(entry, name, "foresight", service),
            },
            PolicyName::Hpa => {
                refuse(self.found, "an hpa", [("schedule", entry.schedule.at())]);
                self.busy_of_limited(entry, service);
                self.hpa(entry, at)
            }
        };
        Some(Scaling { policy, min, max })
    }

    fn nothing_beside_file(&mut self, entry: &ScalingEntry) {
        let others = [
            ("policy", entry.policy.at()),
            ("min", entry.min.at()),
            ("max", entry.max.at()),
            ("target", entry.target.at()),
            ("behavior", entry.behavior.at()),
            ("schedule", entry.schedule.at()),
        ];
        refuse(
            self.found,
            "scaling from a file, which says it itself",
            others,
        );
    }

    pub(super) fn nothing_of_hpa(&mut self, entry: &ScalingEntry, what: &str) {
        let others = [
            ("target", entry.target.at()),
            ("behavior", entry.behavior.at()),
            ("stabilization", entry.stabilization.at()),
            ("tolerance", entry.tolerance.at()),
            ("cpu_initialization", entry.cpu_initialization.at()),
            (
                "initial_readiness_delay",
                entry.initial_readiness_delay.at(),
            ),
        ];
        refuse(self.found, what, others);
    }

    /// Replicas for requests that wait at the gateway.
    fn per_request(&mut self, entry: &ScalingEntry, service: &Service) {
        let what = "`per_request`";
        self.nothing_of_hpa(entry, what);
        refuse(self.found, what, [("schedule", entry.schedule.at())]);
        self.beyond_local(
            entry.policy.at(),
            what,
            "decisions there come once a period",
        );
        let Some(at) = entry.policy.at() else { return };
        if service.waiting != Waiting::Gateway {
            let rule =
                "requests wait at the gateway for a replica: `waiting: gateway` of the service";
            self.found.add(
                at,
                "`per_request` for a service whose replicas hold those who wait",
                "",
                rule,
            );
        }
        if service.slots.is_none() {
            let rule = "with unlimited slots one replica is always enough: give the service a number of `slots`";
            self.found.add(
                at,
                "`per_request` for a service with unlimited slots",
                "",
                rule,
            );
        }
    }

    fn bounds(
        &mut self,
        entry: &ScalingEntry,
        at: Span,
        policy: PolicyName,
        service: &Service,
    ) -> (Replicas, Replicas) {
        let start = service.replicas.get();
        let min = entry.min.value().map_or(start, |count| count.0);
        let decides = matches!(
            policy,
            PolicyName::Hpa | PolicyName::Foresight | PolicyName::Reactive
        );
        let least = u32::from(decides);
        let min = self.within(min, entry.min.at().or(Some(at)), "min", least..=MOST);
        let Some(max) = entry.max.value() else {
            if decides && !entry.max.is_there() {
                self.found.add(
                    at,
                    "scaling without `max`",
                    "`max` is missing",
                    "say how many replicas there may be at most: `max: 30`",
                );
            }
            return (
                Replicas(min),
                Replicas(if policy == PolicyName::Static {
                    start.max(min)
                } else {
                    MOST
                }),
            );
        };
        let max = self.within(max.0, entry.max.at(), "max", 1..=MOST);
        if min > max {
            self.found.add(
                at,
                format!("min is above max: {min} above {max}"),
                "",
                "min ≤ max",
            );
        } else if start > max {
            // One that starts below its minimum starts with the minimum: so `--set scaling.order.min=16` is enough.
            let what = format!("the service starts with {start} replicas, above max {max}");
            self.found.add(
                at,
                what,
                "",
                "set `replicas` of the service, or `max`, so that the start is not above it",
            );
        }
        (Replicas(min), Replicas(max))
    }

    fn schedule(
        &mut self,
        field: &Field<List<ScheduleFile>>,
        at: Span,
        min: Replicas,
        max: Replicas,
    ) -> Vec<ScheduleEntry> {
        let Some(list) = field.value().filter(|list| !list.0.is_empty()) else {
            self.found.add(
                at,
                "a schedule without entries",
                "",
                "`schedule: [{at: 9m, replicas: 12}]`",
            );
            return Vec::new();
        };
        let mut entries: Vec<ScheduleEntry> = Vec::new();
        for At { value, at, .. } in &list.0 {
            let (Some(when), Some(replicas)) = (value.at.0.as_ref(), value.replicas.value()) else {
                continue;
            };
            self.inside(when.value.0, when.at, "an entry");
            if entries.last().is_some_and(|last| last.at >= when.value.0) {
                self.found.add(
                    when.at,
                    "a schedule that goes back",
                    "",
                    "each entry is later than the one before",
                );
            }
            if replicas.0 < min.get() || replicas.0 > max.get() {
                let what = format!(
                    "{} replicas, which is not from min {min} to max {max}",
                    replicas.0
                );
                self.found
                    .add(*at, what, "", "a schedule keeps to min and max");
            }
            entries.push(ScheduleEntry {
                at: when.value.0,
                replicas: Replicas(replicas.0),
            });
        }
        entries
    }

    fn hpa(&mut self, entry: &ScalingEntry, at: Span) -> Policy {
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
    fn busy_of_limited(&mut self, entry: &ScalingEntry, service: &Service) {
        let busy = entry.target.value().and_then(|target| target.busy.at());
        if let Some(at) = busy.filter(|_| service.slots.is_none()) {
            self.found.add(
                at,
                "a target for `busy` of a service with unlimited slots",
                "busy is slots held ÷ slots",
                "give the service a number of `slots`, or use another target: cpu, requests",
            );
        }
    }

    fn targets(&mut self, field: &Field<TargetFile>, at: Span) -> Vec<HpaTarget> {
        let file = field.or(TargetFile::default());
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
    fn behavior(&mut self, file: &BehaviorFile) -> Value {
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

    fn calendar(
        &mut self,
        field: &Field<List<CalendarFile>>,
        services: &BTreeMap<String, Service>,
    ) -> Vec<CalendarEvent> {
        let mut events = Vec::new();
        for At { value, .. } in field.value().iter().flat_map(|list| &list.0) {
            let (Some(when), Some(expect)) = (value.at.0.as_ref(), value.expect.value()) else {
                continue;
            };
            self.inside(when.value.0, when.at, "a calendar event");
            if let Some(service) = &value.service.0 {
                let name = &service.value.0;
                let what = format!("a calendar event of a service that is not there: `{name}`");
                known(self.found, services, name, service.at, &what);
            }
            let spread = value.spread.value().map_or(0.0, |share| share.0);
            events.push(CalendarEvent {
                at: when.value.0,
                service: value.service.value().map(|name| name.0.clone()),
                expect: expect.0,
                spread: Ratio::new(spread).unwrap_or(Ratio::ZERO),
                lasts: value.r#for.value().map(|time| time.0),
            });
        }
        events.sort_by_key(|event| event.at);
        events
    }
}
