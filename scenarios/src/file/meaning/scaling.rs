//! How services scale, and what is known beforehand.

use metrics::{Ratio, Replicas};
use std::collections::BTreeMap;

use super::super::format::{CalendarFile, ScalingEntry, ScalingFile, ScheduleFile};
use super::super::mistake::{Concern, Span};
use super::super::tree::Key;
use super::super::words::PolicyName;
use super::super::written::{At, Field, List};
use super::{Meaning, known, refuse};
use crate::{CalendarEvent, Control, Policy, Scaling, ScheduleEntry, Service, Waiting};

/// The most replicas of a service.
pub(super) const MOST: u32 = 10_000;
/// The flags of the controller that runs HPAs.
const FLAGS: [&str; 4] = [
    "stabilization",
    "tolerance",
    "cpu_initialization",
    "initial_readiness_delay",
];
/// What may stand beside `file`.
const BESIDE_FILE: &[&str] = &["file", "metrics", FLAGS[0], FLAGS[1], FLAGS[2], FLAGS[3]];

/// What our own policies take.
const OWN: &[&str] = &["policy", "min", "max", "budget", "hold"];
const WITH_HISTORY: &[&str] = &["policy", "min", "max", "budget", "hold", "history"];

/// A policy in words, and the fields that mean something for it.
const fn fields_of(policy: PolicyName) -> (&'static str, &'static [&'static str]) {
    match policy {
        PolicyName::Static => ("a static policy", &["policy", "min", "max"]),
        PolicyName::Schedule => ("a schedule", &["policy", "min", "max", "schedule"]),
        PolicyName::PerRequest => ("`per_request`", &["policy", "min", "max"]),
        PolicyName::Reactive => ("a reactive policy", OWN),
        PolicyName::Foresight => ("a foresight policy", WITH_HISTORY),
        PolicyName::Hpa => (
            "an hpa",
            &[
                "policy", "min", "max", "target", "behavior", FLAGS[0], FLAGS[1], FLAGS[2],
                FLAGS[3],
            ],
        ),
        PolicyName::Kpa => ("a kpa", super::kpa::FIELDS),
        PolicyName::Step => ("step scaling", super::aws::STEP_FIELDS),
        PolicyName::TargetTracking => ("target tracking", super::aws::TRACKING_FIELDS),
        PolicyName::Keda => (
            "keda",
            &[
                "policy",
                "min",
                "max",
                "triggers",
                "polling",
                "cooldown",
                "initial_cooldown",
                "idle",
                "modifiers",
                "fallback",
                "annotations",
                "behavior",
                FLAGS[0],
                FLAGS[1],
                FLAGS[2],
                FLAGS[3],
            ],
        ),
    }
}

impl Meaning<'_> {
    pub(super) fn scaling(
        &mut self,
        field: &Field<ScalingFile>,
        services: &BTreeMap<String, Service>,
        control: &Control,
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
                && let Some(scaling) = self.scaling_of(value, (*at, key), service, control)
            {
                all.insert(key.name.clone(), scaling);
            }
        }
        (all, self.calendar(&file.calendar, services))
    }

    fn scaling_of(
        &mut self,
        entry: &ScalingEntry,
        (at, name): (Span, &Key),
        service: &Service,
        control: &Control,
    ) -> Option<Scaling> {
        if entry.file.is_there() {
            self.only(
                entry,
                "scaling from a file, which says it itself",
                BESIDE_FILE,
            );
            return self.manifest(entry, &name.name, (service, control));
        }
        let policy = match entry.policy.value() {
            Some(word) => word.0,
            None if entry.policy.is_there() => return None,
            None => PolicyName::Foresight,
        };
        let (what, fields) = fields_of(policy);
        self.only(entry, what, fields);
        let (min, max) = self.bounds(entry, at, policy, service);
        let policy = match policy {
            PolicyName::Static => Policy::Static,
            PolicyName::Schedule => Policy::Schedule(self.schedule(&entry.schedule, at, min, max)),
            PolicyName::PerRequest => {
                self.per_request(entry, service);
                Policy::PerRequest
            }
            PolicyName::Reactive => self.reactive(entry, name.at, service),
            PolicyName::Foresight => self.foresight(entry, name.at, service),
            PolicyName::Hpa => {
                self.busy_of_limited(entry, service);
                self.hpa(entry, at)
            }
            PolicyName::Kpa => self.kpa(entry, at, service, (min, max)),
            PolicyName::Keda => self.keda(entry, at, control, (min, max)),
            PolicyName::Step => self.step(entry, at, (service, control), (min, max))?,
            PolicyName::TargetTracking => {
                self.target_tracking(entry, at, (service, control), (min, max))
            }
        };
        self.answers_without_replicas(entry.min.at().unwrap_or(at), &policy, min, service);
        Some(Scaling { policy, min, max })
    }

    /// Notes all fields that are there and not among `known`.
    fn only(&mut self, entry: &ScalingEntry, what: &str, known: &[&str]) {
        let others = entry.places().into_iter();
        refuse(
            self.found,
            what,
            others.filter(|(name, _)| !known.contains(name)),
        );
    }

    /// Says what becomes of requests while a service has no replicas.
    pub(super) fn answers_without_replicas(
        &mut self,
        at: Span,
        policy: &Policy,
        min: Replicas,
        service: &Service,
    ) {
        let sleeps = match policy {
            Policy::Upstream(spec) => spec.reaches_zero(min),
            _ => false,
        };
        if sleeps && service.waiting == Waiting::Replica {
            self.found.remark(
                Concern::Doubtful,
                at,
                "requests that come while there are no replicas are answered 503",
                "",
                "say `waiting: gateway` of the service, so that they wait until there is one; or `min: 1`",
            );
        }
    }

    /// Replicas for requests that wait at the gateway.
    fn per_request(&mut self, entry: &ScalingEntry, service: &Service) {
        let what = "`per_request`";
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
        let fixed = [
            PolicyName::Static,
            PolicyName::Schedule,
            PolicyName::PerRequest,
        ];
        let decides = !fixed.contains(&policy);
        let sleeps = matches!(policy, PolicyName::Kpa | PolicyName::Keda);
        let least = u32::from(decides && !sleeps);
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
