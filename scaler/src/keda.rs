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

use metrics::{NoData, Quantity, Reading, Replicas, Timestamp};
use serde::{Deserialize, Serialize};

use crate::hpa::Metrics;
use crate::{
    Condition, ConditionStatus, Decision, Event, Hpa, MetricId, Observation, Policy, PolicyState,
    Reason, Sample, Status, Term, Verdict, Wants, WriteOutcome,
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
    conditions: BTreeMap<String, Condition>,
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
        let memory = Memory {
            health: vec![Health::default(); spec.events().count()],
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
        }
    }

    /// What the triggers say to whoever reads them now; each reader counts failures.
    fn read(&mut self, seen: &Observation, for_hpa: bool) -> Vec<Came> {
        let spec = &self.spec;
        let each = spec.events().zip(&mut self.memory.health);
        each.map(|((place, _, event), health)| {
            let read = match (&health.cached, for_hpa && event.cached) {
                (Some(cached), true) => cached.clone(),
                _ => triggers::read(place, event, seen),
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
        })
        .collect()
    }

    /// Whether there is activity.
    fn activity(&mut self, seen: &Observation) -> Activity {
        let all = self.read(seen, false);
        let spec = &self.spec;
        let mut activity = Activity {
            failed: all.iter().any(|came| matches!(came, Came::Failed(_))),
            ..Activity::default()
        };
        let mut said = Vec::new();
        for ((place, _, event), came) in spec.events().zip(&all) {
            let name = event.metric_name(place);
            match came {
                Came::Value(value) => {
                    let (active, what) = triggers::activity(event, *value, seen.at);
                    activity.active |= active;
                    said.push(format!("{name} {what}"));
                }
                Came::Fallback(_) => {
                    activity.active = true;
                    said.push(format!("{name} falls back"));
                }
                Came::Nil => said.push(format!("{name} is nil")),
                Came::Failed(why) => said.push(format!("{name} failed: {why}")),
            }
        }
        if let (Some(modifiers), Some(formula)) = (&spec.modifiers, &self.formula) {
            activity.active = false;
            if !activity.failed {
                match triggers::composite(spec, formula, &all) {
                    Ok(milli) => {
                        let value = milli as f64 / 1000.0;
                        let target = modifiers.activation_target;
                        activity.active = value > target;
                        let not = if activity.active { "" } else { " not" };
                        said.push(format!(
                            "the formula gives {value}, which is{not} above {target}"
                        ));
                    }
                    Err(why) => said.push(why),
                }
            }
        }
        if spec.events().next().is_none() {
            activity.active = true;
            said.push("there are only resource triggers, which count as active".into());
        }
        activity.said = said.join("; ");
        activity
    }

    fn poll(&mut self, seen: &Observation) -> Option<(Verdict, Reason)> {
        let now = seen.at;
        self.memory.next_poll = Some(now + self.spec.polling_interval);
        let activity = self.activity(seen);
        self.memory.said.clone_from(&activity.said);
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
            self.memory.said += &format!("; the cooldown lasts {left} s more");
        }
        let step = outcome.step?;
        self.pending.by = By::Poll(step);
        let (because, what) = match step {
            Step::Activate(_) => ("activation", "activity"),
            Step::Deactivate(_) => ("cooldown", "no activity for longer than the cooldown"),
            Step::ToMinimum(_) => ("below_min", "fewer replicas than the minimum"),
        };
        let n = step.replicas();
        let said = &activity.said;
        let mut reason = Reason::new(because, format!("{what} ({said}): {}", n.in_words()));
        reason.wanted = Some(n);
        Some((Verdict::Scale(n), reason))
    }

    /// The HPA's turn, with the values that KEDA gives it.
    fn sync(&mut self, seen: &Observation) -> (Verdict, Reason) {
        self.memory.next_sync = Some(seen.at + self.spec.controller.sync_period);
        let all = self.read(seen, true);
        self.say_fallback();
        let spec = &self.spec;
        if let Some(formula) = &self.formula {
            let failed = all.iter().any(|came| matches!(came, Came::Failed(_)));
            let falls = all.iter().any(|came| matches!(came, Came::Fallback(_)));
            let value = if failed && !falls {
                Err(format!("metric:{} encountered error", spec::COMPOSITE))
            } else {
                triggers::composite(spec, formula, &all)
            };
            let id = MetricId::External {
                name: spec::COMPOSITE.into(),
            };
            tell(&mut self.told, id, value, seen.at);
        } else {
            for ((place, _, event), came) in spec.events().zip(all) {
                let value = match came {
                    Came::Value(value) | Came::Fallback(value) => Ok(value),
                    Came::Nil | Came::Failed(_) => Err(format!(
                        "metric:{} encountered error",
                        event.metric_name(place)
                    )),
                };
                tell(&mut self.told, event.metric_id(place), value, seen.at);
            }
        }
        self.pending.by = By::Hpa;
        let decision = self.hpa.decide_on(seen, &self.told);
        (decision.verdict, decision.reason)
    }

    fn paused(&mut self, seen: &Observation) -> (Verdict, Reason) {
        self.memory.next_poll = Some(seen.at + self.spec.polling_interval);
        self.memory.next_sync = None;
        self.say(
            "Paused",
            ConditionStatus::True,
            "ScaledObjectPaused",
            "ScaledObject is paused",
        );
        let reason = |what: String| Reason::new("paused", what);
        match self.spec.annotations.paused_replicas {
            Some(n) if self.memory.paused_at != Some(n) => {
                self.pending.by = By::Pause(n);
                (
                    Verdict::Scale(n),
                    reason(format!("an annotation pauses it at {}", n.in_words())),
                )
            }
            _ => (Verdict::Hold, reason("an annotation pauses it".into())),
        }
    }

    fn say(&mut self, kind: &str, status: ConditionStatus, reason: &str, message: &str) {
        let condition = self
            .memory
            .conditions
            .entry(kind.to_owned())
            .or_insert(Condition {
                status,
                reason: String::new(),
                message: String::new(),
            });
        condition.status = status;
        reason.clone_into(&mut condition.reason);
        message.clone_into(&mut condition.message);
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

    fn run(&mut self, seen: &Observation) -> (Verdict, Reason) {
        let now = seen.at;
        if let Some(scale) = seen.scale.value() {
            self.memory.created.get_or_insert(now);
            self.memory.current = Some(scale.spec);
        }
        if self.spec.annotations.stops() {
            return self.paused(seen);
        }
        let due = |next: Option<Timestamp>| next.is_none_or(|at| at <= now);
        let sync = due(self.memory.next_sync);
        if due(self.memory.next_poll)
            && let Some(polled) = self.poll(seen)
        {
            if sync {
                // Its turn is on average half a period away.
                self.memory.next_sync = Some(now + self.spec.controller.sync_period / 2);
            }
            return polled;
        }
        let (verdict, mut reason) = if sync {
            self.sync(seen)
        } else {
            let what = "nothing is due: neither the poll nor the HPA";
            (Verdict::Hold, Reason::new("not_due", what))
        };
        reason.terms.push(Term {
            name: "activity".into(),
            value: self.memory.said.clone(),
        });
        (verdict, reason)
    }
}

/// What the HPA is told of one metric.
fn tell(told: &mut Metrics, id: MetricId, value: Result<i64, String>, now: Timestamp) {
    let reading = match value {
        Ok(milli) => {
            let sample = Sample {
                replica: None,
                value: Quantity::from_milli(milli),
            };
            Reading::now(vec![sample], now)
        }
        Err(why) => Reading::NoData(NoData::Failed(why)),
    };
    told.insert(id, reading);
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
        let (verdict, reason) = self.run(seen);
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
        let mut conditions = self.hpa.conditions().clone();
        conditions.extend(self.memory.conditions.clone());
        Status {
            current: self.memory.current,
            desired: self.memory.desired.or(self.memory.current),
            last_scale: self.memory.last_scale,
            conditions,
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
