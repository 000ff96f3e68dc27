//! KEDA, decision for decision as kedacore/keda 8b4f083c makes them.
//!
//! Two loops read the triggers, each for itself: KEDA's own poll, which does no more than the steps between none and
//! some, and the HPA that KEDA makes of a `ScaledObject`. Both are due at instants of their own; one
//! [`Policy::decide`] runs what is due. If a poll changes the number, the HPA's turn comes after that, for upstream's
//! HPA would see the number that the poll wrote.

mod build;
mod formula;
mod outcome;
mod poll;
mod spec;
mod triggers;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use metrics::{NoData, Quantity, Reading, Replicas, Timestamp};
use serde::{Deserialize, Serialize};

use crate::decision::Pad;
use crate::hpa::Metrics;
use crate::{
    Condition, ConditionStatus, Decision, Event, Hpa, MetricId, Observation, Policy, PolicyState,
    Reason, Sample, Status, Verdict, Wants, WriteOutcome,
};
pub use formula::{Formula, FormulaError};
use poll::{Activity, Step};
pub use spec::{
    KedaAnnotations, KedaCron, KedaEvent, KedaFallback, KedaFallbackBehavior, KedaMetric,
    KedaMetricType, KedaModifiers, KedaResource, KedaResourceTarget, KedaSource, KedaSpec,
    KedaTrigger,
};
use triggers::{Came, Health};

const KIND: &str = "keda/1";

/// KEDA's scaling of one workload.
#[derive(Clone, Debug)]
pub struct Keda {
    wants: Wants,
    spec: KedaSpec,
    formula: Option<Formula>,
    hpa: Hpa,
    /// What the HPA is told of its external metrics.
    told: Metrics,
    memory: Memory,
    pending: Pending,
    /// The triggers' metrics, as the HPA knows them, and their names.
    ids: Vec<MetricId>,
    names: Vec<String>,
    /// The metric of the formula.
    composite: MetricId,
    /// What the triggers came to, and their values.
    came: Vec<Came>,
    values: Vec<Option<f64>>,
    /// What its status says.
    conditions: Arc<BTreeMap<String, Condition>>,
    reasons: Pad,
}

/// What it must not forget, besides what its HPA must not.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct Memory {
    /// When the workload was seen first.
    created: Option<Timestamp>,
    last_active: Option<Timestamp>,
    /// Of the triggers that are not of a resource.
    health: Vec<Health>,
    next_poll: Option<Timestamp>,
    next_sync: Option<Timestamp>,
    /// The replicas of a pause are asked for once.
    paused_at: Option<Replicas>,
    /// What the last poll said, in words.
    said: String,
    conditions: Arc<BTreeMap<String, Condition>>,
    current: Option<Replicas>,
    desired: Option<Replicas>,
    last_scale: Option<Timestamp>,
}

/// What is to be said once the decision was carried out.
#[derive(Clone, Debug, Default)]
struct Pending {
    at: Timestamp,
    by: By,
    events: Vec<Event>,
    error: Option<String>,
}

/// Whose decision it was.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum By {
    #[default]
    Nobody,
    Poll(Step),
    Pause(Replicas),
    Hpa,
}

#[derive(Deserialize, Serialize)]
struct Saved {
    keda: Memory,
    hpa: PolicyState,
}

impl Keda {
    fn assemble(spec: KedaSpec, formula: Option<Formula>, hpa: Hpa) -> Self {
        let inner = hpa.wants();
        let mut wants = Wants {
            period: spec.polling_interval.min(spec.controller.sync_period),
            replicas: true,
            usage: inner.usage,
            ..Wants::default()
        };
        for (place, _, event) in spec.events() {
            match event.metric {
                KedaMetric::External(_) => {
                    wants.metrics.insert(event.metric_id(place));
                }
                KedaMetric::Cron(_) => {}
                _ => wants.traffic = true,
            }
        }
        let named = spec
            .events()
            .map(|(place, _, event)| event.metric_name(place));
        let names: Vec<String> = named.collect();
        let known = spec
            .events()
            .map(|(place, _, event)| event.metric_id(place));
        let ids: Vec<MetricId> = known.collect();
        let memory = Memory {
            health: vec![Health::default(); ids.len()],
            ..Memory::default()
        };
        Self {
            wants,
            spec,
            formula,
            hpa,
            told: Metrics::new(),
            memory,
            pending: Pending::default(),
            ids,
            names,
            composite: MetricId::External {
                name: spec::COMPOSITE.into(),
            },
            came: Vec::new(),
            values: Vec::new(),
            conditions: Arc::default(),
            reasons: Pad::default(),
        }
    }

    /// What the triggers say to whoever reads them now; each reader counts failures.
    fn read(&mut self, seen: &Observation, for_hpa: bool) {
        let spec = &self.spec;
        self.came.clear();
        let each = spec.events().zip(&self.ids).zip(&mut self.memory.health);
        self.came.extend(each.map(|(((_, _, event), id), health)| {
            let read = match (&health.cached, for_hpa && event.cached) {
                (Some(cached), true) => cached.clone(),
                _ => triggers::read(id, event, seen),
            };
            let came = triggers::with_fallback(spec, event, health, read, seen);
            if !for_hpa && event.cached {
                health.cached = Some(match &came {
                    Came::Value(value) | Came::Fallback(value) => Ok(*value),
                    // What KEDA keeps for a trigger that is nil in the formula.
                    Came::Nil => Ok(-1000),
                    Came::Failed(why) => Err(why.clone()),
                });
            }
            came
        }));
    }

    /// Whether there is activity; says why.
    fn activity(&mut self, seen: &Observation) -> Activity {
        self.read(seen, false);
        let (spec, all) = (&self.spec, &self.came);
        let said = &mut self.memory.said;
        said.clear();
        let mut activity = Activity {
            failed: all.iter().any(|came| matches!(came, Came::Failed(_))),
            ..Activity::default()
        };
        for (((_, _, event), name), came) in spec.events().zip(&self.names).zip(all) {
            let apart = if said.is_empty() { "" } else { "; " };
            // Nothing is refused by a string.
            let _written = match came {
                Came::Value(value) => {
                    let what = triggers::activity(event, *value, seen.at);
                    activity.active |= what.is_active();
                    write!(said, "{apart}{name} {what}")
                }
                Came::Fallback(_) => {
                    activity.active = true;
                    write!(said, "{apart}{name} falls back")
                }
                Came::Nil => write!(said, "{apart}{name} is nil"),
                Came::Failed(why) => write!(said, "{apart}{name} failed: {why}"),
            };
        }
        if self.formula.is_some() {
            activity.active = !activity.failed && self.is_active_by_formula();
        }
        if self.ids.is_empty() {
            activity.active = true;
            self.memory
                .said
                .push_str("there are only resource triggers, which count as active");
        }
        activity
    }

    /// Whether the formula gives more than it must for activity; says so.
    fn is_active_by_formula(&mut self) -> bool {
        let (Some(modifiers), Some(formula)) = (&self.spec.modifiers, &self.formula) else {
            return false;
        };
        let said = &mut self.memory.said;
        let apart = if said.is_empty() { "" } else { "; " };
        let (active, _written) =
            match triggers::composite(&self.spec, formula, &self.came, &mut self.values) {
                Ok(milli) => {
                    let value = milli as f64 / 1000.0;
                    let target = modifiers.activation_target;
                    let not = if value > target { "" } else { " not" };
                    let what = format_args!(
                        "{apart}the formula gives {value}, which is{not} above {target}"
                    );
                    (value > target, said.write_fmt(what))
                }
                Err(why) => (false, write!(said, "{apart}{why}")),
            };
        active
    }

    fn poll(&mut self, seen: &Observation, reason: &mut Reason) -> Option<Verdict> {
        let now = seen.at;
        self.memory.next_poll = Some(now + self.spec.polling_interval);
        let activity = self.activity(seen);
        self.say_fallback();
        let current = match &seen.scale {
            Reading::Value { value, .. } => value.spec,
            Reading::NoData(why) => {
                let why = format!("Error getting current replicas count for ScaleTarget: {why}");
                let said = (ConditionStatus::False, "ErrorGettingCurrentReplicas");
                self.say("Ready", said.0, said.1, &why);
                self.pending.error = Some(why);
                return None;
            }
        };
        let times = (self.memory.created.unwrap_or(now), self.memory.last_active);
        let outcome = poll::request(&self.spec, &activity, now, current, times);
        for (kind, (status, reason, message)) in
            [("Ready", outcome.ready), ("Active", outcome.active)]
        {
            self.say(kind, status, reason, message);
        }
        if outcome.refreshes {
            self.memory.last_active = Some(now);
        }
        if let Some(left) = outcome.cools {
            let left = left.as_secs_f64().ceil();
            // Nothing is refused by a string.
            let _written = write!(self.memory.said, "; the cooldown lasts {left} s more");
        }
        let step = outcome.step?;
        self.pending.by = By::Poll(step);
        let (because, what) = match step {
            Step::Activate(_) => ("activation", "activity"),
            Step::Deactivate(_) => ("cooldown", "no activity for longer than the cooldown"),
            Step::ToMinimum(_) => ("below_min", "fewer replicas than the minimum"),
        };
        let n = step.replicas();
        let said = &self.memory.said;
        reason.say(because, format_args!("{what} ({said}): {}", n.in_words()));
        reason.wanted = Some(n);
        Some(Verdict::Scale(n))
    }

    /// The HPA's turn, with the values that KEDA gives it.
    fn sync(&mut self, seen: &Observation, reason: &mut Reason) -> Verdict {
        self.memory.next_sync = Some(seen.at + self.spec.controller.sync_period);
        self.read(seen, true);
        self.say_fallback();
        let (spec, all) = (&self.spec, &self.came);
        if let Some(formula) = &self.formula {
            let failed = all.iter().any(|came| matches!(came, Came::Failed(_)));
            let falls = all.iter().any(|came| matches!(came, Came::Fallback(_)));
            let value = if failed && !falls {
                Err(format!("metric:{} encountered error", spec::COMPOSITE))
            } else {
                triggers::composite(spec, formula, all, &mut self.values)
            };
            tell(&mut self.told, &self.composite, value, seen.at);
        } else {
            for ((id, name), came) in self.ids.iter().zip(&self.names).zip(all) {
                let value = match came {
                    Came::Value(value) | Came::Fallback(value) => Ok(*value),
                    Came::Nil | Came::Failed(_) => Err(format!("metric:{name} encountered error")),
                };
                tell(&mut self.told, id, value, seen.at);
            }
        }
        self.pending.by = By::Hpa;
        self.hpa.decide_on(seen, &self.told, reason)
    }

    fn paused(&mut self, seen: &Observation, reason: &mut Reason) -> Verdict {
        self.memory.next_poll = Some(seen.at + self.spec.polling_interval);
        self.memory.next_sync = None;
        self.say(
            "Paused",
            ConditionStatus::True,
            "ScaledObjectPaused",
            "ScaledObject is paused",
        );
        match self.spec.annotations.paused_replicas {
            Some(n) if self.memory.paused_at != Some(n) => {
                self.pending.by = By::Pause(n);
                reason.say(
                    "paused",
                    format_args!("an annotation pauses it at {}", n.in_words()),
                );
                Verdict::Scale(n)
            }
            _ => {
                reason.say("paused", format_args!("an annotation pauses it"));
                Verdict::Hold
            }
        }
    }

    fn say(&mut self, kind: &str, status: ConditionStatus, reason: &str, message: &str) {
        let all = &mut self.memory.conditions;
        Condition::set(all, kind, status, reason, format_args!("{message}"));
    }

    /// Puts together the conditions of the HPA and its own.
    fn show_conditions(&mut self) {
        let (hpa, own) = (self.hpa.conditions(), &self.memory.conditions);
        for (kind, condition) in hpa.iter().chain(own.iter()) {
            let message = format_args!("{}", condition.message);
            let (status, reason) = (condition.status, &condition.reason);
            Condition::set(&mut self.conditions, kind, status, reason, message);
        }
        let known = |kind: &String| hpa.contains_key(kind) || own.contains_key(kind);
        if !self.conditions.keys().all(known) {
            Arc::make_mut(&mut self.conditions).retain(|kind, _| known(kind));
        }
    }

    fn say_fallback(&mut self) {
        let Some(fallback) = &self.spec.fallback else {
            return;
        };
        let most = fallback.failure_threshold;
        if self
            .memory
            .health
            .iter()
            .any(|health| health.failures > most)
        {
            let what = "At least one trigger is falling back on this scaled object";
            self.say("Fallback", ConditionStatus::True, "FallbackExists", what);
        } else {
            let what = "No fallbacks are active on this scaled object";
            self.say("Fallback", ConditionStatus::False, "NoFallbackFound", what);
        }
    }

    fn run(&mut self, seen: &Observation, reason: &mut Reason) -> Verdict {
        let now = seen.at;
        if let Some(scale) = seen.scale.value() {
            self.memory.created.get_or_insert(now);
            self.memory.current = Some(scale.spec);
        }
        if self.spec.annotations.stops() {
            return self.paused(seen, reason);
        }
        let due = |next: Option<Timestamp>| next.is_none_or(|at| at <= now);
        let sync = due(self.memory.next_sync);
        if due(self.memory.next_poll)
            && let Some(polled) = self.poll(seen, reason)
        {
            if sync {
                // Its turn is on average half a period away.
                self.memory.next_sync = Some(now + self.spec.controller.sync_period / 2);
            }
            return polled;
        }
        let verdict = if sync {
            self.sync(seen, reason)
        } else {
            let what = format_args!("nothing is due: neither the poll nor the HPA");
            reason.say("not_due", what);
            Verdict::Hold
        };
        reason.rest_on(
            format_args!("activity"),
            format_args!("{}", self.memory.said),
        );
        verdict
    }
}

/// What the HPA is told of one metric. What it was told before is written over.
fn tell(told: &mut Metrics, id: &MetricId, value: Result<i64, String>, now: Timestamp) {
    let told = match told.get_mut(id) {
        Some(told) => told,
        None => told.entry(id.clone()).or_default(),
    };
    match (value, told) {
        (Ok(milli), Reading::Value { value, at, .. }) => {
            *at = now;
            for sample in value {
                sample.value = Quantity::from_milli(milli);
            }
        }
        (Ok(milli), told) => {
            let sample = Sample {
                replica: None,
                value: Quantity::from_milli(milli),
            };
            *told = Reading::now(vec![sample], now);
        }
        (Err(why), told) => *told = Reading::NoData(NoData::Failed(why)),
    }
}

impl Policy for Keda {
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
        if let Verdict::Scale(n) = verdict {
            self.memory.desired = Some(n);
        }
        let regular = seen.at + self.wants.period;
        let due = [self.memory.next_poll, self.memory.next_sync];
        let next = due.into_iter().flatten().min().unwrap_or(regular);
        Decision {
            verdict,
            reason,
            next,
        }
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        let hpa = match self.pending.by {
            By::Hpa => Some(self.hpa.settle(outcome)),
            By::Poll(step) => {
                self.polled(step, outcome);
                None
            }
            By::Pause(n) => {
                if matches!(outcome, WriteOutcome::Written | WriteOutcome::Unchanged) {
                    self.memory.paused_at = Some(n);
                }
                None
            }
            By::Nobody => None,
        };
        if *outcome == WriteOutcome::Written {
            self.memory.last_scale = Some(self.pending.at);
        }
        let pending = std::mem::take(&mut self.pending);
        let (mut events, mut error) = (pending.events, pending.error);
        if let Some(hpa) = hpa {
            events.extend(hpa.events);
            error = error.or(hpa.error);
        }
        self.show_conditions();
        Status {
            current: self.memory.current,
            desired: self.memory.desired.or(self.memory.current),
            last_scale: self.memory.last_scale,
            conditions: Arc::clone(&self.conditions),
            events,
            error,
        }
    }

    fn save(&self) -> PolicyState {
        PolicyState::of(
            KIND,
            &Saved {
                keda: self.memory.clone(),
                hpa: self.hpa.save(),
            },
        )
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        let saved = state.read::<Saved>(KIND)?;
        self.hpa.restore(&saved.hpa)?;
        self.memory = saved.keda;
        // Another number of triggers: none of their histories can be trusted to be theirs.
        let triggers = self.spec.events().count();
        if self.memory.health.len() != triggers {
            self.memory.health = vec![Health::default(); triggers];
        }
        Ok(())
    }

    fn rules(&self) -> Vec<&'static str> {
        let mut rules = self.hpa.rules();
        rules.push("paused");
        rules
    }

    fn waive(&mut self, rule: &str) {
        if rule == "paused" {
            self.spec.annotations.paused = false;
            self.spec.annotations.paused_replicas = None;
        }
        self.hpa.waive(rule);
    }
}

#[cfg(test)]
mod tests;
