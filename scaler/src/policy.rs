//! What every policy is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Replicas, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{SENTENCE, WORDS, write_over};
use crate::{Decision, MetricId, Observation, WriteOutcome};

/// A pure, synchronous function from what was seen to what to do, with the history it needs.
pub trait Policy {
    /// Which metrics it needs, and how fine. A world fetches no other.
    fn wants(&self) -> &Wants;

    /// Decides. Observations come in the order of time.
    ///
    /// Once what the policy remembers is as large as it gets, nothing is allocated, if the last decision and the last status were
    /// dropped meanwhile; `tests/allocations.rs` says with what exceptions.
    fn decide(&mut self, seen: &Observation) -> Decision;

    /// Learns what became of its last decision, and says how things stand.
    fn settle(&mut self, outcome: &WriteOutcome) -> Status;

    /// All that it must not forget.
    fn save(&self) -> PolicyState;

    /// Takes back what [`Policy::save`] gave.
    ///
    /// # Errors
    /// If the state is of another policy or version; then nothing has changed.
    fn restore(&mut self, state: &PolicyState) -> Result<(), String>;

    /// The rules that may change its number on the way and that [`Policy::waive`] can switch off, by their words in
    /// [`Clip::by`](crate::Clip).
    fn rules(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Switches a rule off, for the question what the next decision would have been without it. One that it does not have
    /// is ignored.
    fn waive(&mut self, _rule: &str) {}
}

impl<P: Policy + ?Sized> Policy for Box<P> {
    fn wants(&self) -> &Wants {
        (**self).wants()
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        (**self).decide(seen)
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        (**self).settle(outcome)
    }

    fn save(&self) -> PolicyState {
        (**self).save()
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        (**self).restore(state)
    }

    fn rules(&self) -> Vec<&'static str> {
        (**self).rules()
    }

    fn waive(&mut self, rule: &str) {
        (**self).waive(rule);
    }
}

/// What a policy needs to be shown.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Wants {
    /// How often it wants to decide.
    pub period: Duration,
    /// Whether it needs the replicas one by one.
    pub replicas: bool,
    /// Whether it needs their resource usage.
    pub usage: bool,
    /// Whether it needs the traffic.
    pub traffic: bool,
    /// The metrics it needs.
    pub metrics: BTreeSet<MetricId>,
    /// The metrics of which it needs one-second samples.
    pub samples: BTreeSet<MetricId>,
}

/// A policy's memory, opaque to all but itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PolicyState {
    /// The policy's name and the version of its state, as in `hpa/1`.
    pub kind: String,
    /// Its content.
    pub state: serde_json::Value,
}

impl PolicyState {
    /// The state of a policy of this kind.
    #[must_use]
    pub fn of(kind: &str, state: &impl Serialize) -> Self {
        Self {
            kind: kind.to_owned(),
            // What policies keep are plain structs with text keys, which always have a JSON form.
            state: serde_json::to_value(state).unwrap_or_default(),
        }
    }

    /// The content, if it is of this kind.
    ///
    /// # Errors
    /// If it is of another kind, or its content is not as that kind's is.
    pub fn read<T: serde::de::DeserializeOwned>(&self, kind: &str) -> Result<T, String> {
        if self.kind != kind {
            return Err(format!(
                "the saved state is of `{}`, not `{kind}`",
                self.kind
            ));
        }
        T::deserialize(&self.state)
            .map_err(|e| format!("the saved state of `{kind}` is damaged: {e}"))
    }
}

/// How things stand after a decision was carried out, or was not.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Status {
    /// Replicas asked for before the decision.
    #[serde(default)]
    pub current: Option<Replicas>,
    /// Replicas that the policy wants.
    #[serde(default)]
    pub desired: Option<Replicas>,
    /// The last time that a write changed something.
    #[serde(default)]
    pub last_scale: Option<Timestamp>,
    /// Conditions, by type.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub conditions: Arc<BTreeMap<String, Condition>>,
    /// What happened in this step, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// What went wrong in this step, if anything did. It may be set although a decision was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn is_empty(conditions: &Arc<BTreeMap<String, Condition>>) -> bool {
    conditions.is_empty()
}

/// One condition.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Condition {
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One word.
    pub reason: String,
    /// One sentence.
    pub message: String,
}

impl Condition {
    /// Sets the condition of this type among others. What nobody else holds is written over, without allocating.
    pub(crate) fn set(
        all: &mut Arc<BTreeMap<String, Self>>,
        kind: &str,
        status: ConditionStatus,
        reason: &str,
        message: fmt::Arguments<'_>,
    ) {
        let all = Arc::make_mut(all);
        if !all.contains_key(kind) {
            let new = Self {
                status,
                reason: String::new(),
                message: String::new(),
            };
            all.insert(kind.to_owned(), new);
        }
        if let Some(condition) = all.get_mut(kind) {
            condition.status = status;
            write_over(&mut condition.reason, WORDS, format_args!("{reason}"));
            write_over(&mut condition.message, SENTENCE, message);
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

/// One event, as Kubernetes has them.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Event {
    /// Whether it is a warning.
    pub warning: bool,
    /// One word.
    pub reason: String,
    /// One sentence.
    pub message: String,
}
