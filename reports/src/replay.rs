//! Deciding again: the policies of a record are shown what they were shown, in the order of time.
//!
//! A policy is a function of what it is shown, so a record replayed through its policies gives the same decisions, byte
//! for byte. Another policy shown the same answers a smaller question: what it would have asked for, while the world went
//! on as if it had not ("open loop").

use std::collections::{BTreeMap, VecDeque};

use metrics::{NoData, Reading, Timestamp};
use scaler::{Decision, Observation, Policy, PolicySpec, Status, Verdict, Wants, WriteOutcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::{Decided, PolicyHeader, Record, Settled};

/// One step as a record has it.
#[derive(Clone, Debug)]
pub struct Recorded<'a> {
    /// The workload.
    pub workload: String,
    /// What its policy was shown.
    pub observation: Observation,
    /// What it decided; nothing if the record was cut off before.
    pub decision: Option<&'a Decision>,
    /// What became of that; nothing if the record was cut off before.
    pub settled: Option<&'a Settled>,
}

/// The steps of a record, in its order.
pub fn steps(record: &Record) -> impl Iterator<Item = Recorded<'_>> {
    let mut decided: BTreeMap<&str, VecDeque<&Decided>> = BTreeMap::new();
    for each in &record.decisions {
        decided.entry(&each.workload).or_default().push_back(each);
    }
    let mut settled: BTreeMap<&str, VecDeque<&Settled>> = BTreeMap::new();
    for each in &record.written {
        settled.entry(&each.workload).or_default().push_back(each);
    }
    record.observations().map(move |(workload, observation)| {
        let at = observation.at;
        let decision = of_instant(decided.get_mut(workload.as_str()), at, |d| d.at);
        let settled = of_instant(settled.get_mut(workload.as_str()), at, |s| s.at);
        Recorded {
            workload,
            observation,
            decision: decision.map(|d| &d.decision),
            settled,
        }
    })
}

/// The next of them if it is of this instant. What is older belongs to no observation.
fn of_instant<'a, T>(
    queue: Option<&mut VecDeque<&'a T>>,
    at: Timestamp,
    of: impl Fn(&T) -> Timestamp,
) -> Option<&'a T> {
    let queue = queue?;
    while queue.front().is_some_and(|next| of(next) < at) {
        queue.pop_front();
    }
    queue.pop_front_if(|next| of(next) == at)
}

/// Why a record cannot be replayed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// It holds no policies.
    #[error(
        "the record holds no policies: nothing was scaled, or an older version of rushhour wrote it"
    )]
    NoPolicies,
    /// A policy cannot be made.
    #[error("{workload}: its policy cannot be made again: {why}")]
    NoPolicy {
        /// Whose.
        workload: String,
        /// Why.
        why: String,
    },
    /// The record lacks what a policy decides on.
    #[error(
        "{workload}: the other policy decides on what this run's own was not shown: {lacking}\n  = a world fetches only what its policy wants: simulate the scenario with the other policy instead"
    )]
    NotShown {
        /// Whose.
        workload: String,
        /// What.
        lacking: String,
    },
}

/// The policies of a record as they were at its start, by workload.
///
/// # Errors
/// If there are none, or one cannot be made.
pub fn policies(record: &Record) -> Result<BTreeMap<String, Box<dyn Policy + Send>>, ReplayError> {
    let headers = &record.header.policies;
    if headers.is_empty() {
        return Err(ReplayError::NoPolicies);
    }
    let policy = |(workload, header): (&String, &PolicyHeader)| {
        let policy = policy(header).map_err(|why| ReplayError::NoPolicy {
            workload: workload.clone(),
            why,
        });
        Ok((workload.clone(), policy?))
    };
    headers.iter().map(policy).collect()
}

fn policy(header: &PolicyHeader) -> Result<Box<dyn Policy + Send>, String> {
    let mut policy = header.spec.build().map_err(|e| e.to_string())?;
    if let Some(state) = &header.state {
        policy.restore(state)?;
    }
    Ok(policy)
}

/// How a replay of one workload went.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Replayed {
    /// The workload.
    pub workload: String,
    /// Its policy's name.
    pub policy: String,
    /// How many decisions were made again, up to the first that differs.
    pub decisions: u64,
    /// The first that differs; nothing if none does.
    pub difference: Option<Difference>,
}

/// Where a replay first differs from its record.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Difference {
    /// When, in seconds of scenario time.
    pub at_s: f64,
    /// What differs: `decision`, or `status` after a decision that is the same.
    pub of: String,
    /// As the record has it, in JSON.
    pub recorded: String,
    /// As the replay has it, in JSON.
    pub replayed: String,
}

/// Replays a record through its own policies.
///
/// # Errors
/// As [`policies`].
pub fn replay(record: &Record) -> Result<Vec<Replayed>, ReplayError> {
    let mut replays: BTreeMap<String, (Box<dyn Policy + Send>, Replayed)> = BTreeMap::new();
    for (workload, policy) in policies(record)? {
        let of = record.header.services.get(&workload);
        let replayed = Replayed {
            workload: workload.clone(),
            policy: of.map_or_else(String::new, |service| service.policy.clone()),
            decisions: 0,
            difference: None,
        };
        replays.insert(workload, (policy, replayed));
    }
    for step in steps(record) {
        let Some((policy, replayed)) = replays.get_mut(&step.workload) else {
            continue;
        };
        // After the first difference the policy's memory is another.
        if replayed.difference.is_none() {
            again(policy.as_mut(), &step, record, replayed);
        }
    }
    Ok(replays
        .into_values()
        .map(|(_, replayed)| replayed)
        .collect())
}

fn again(
    policy: &mut (dyn Policy + Send),
    step: &Recorded<'_>,
    record: &Record,
    replayed: &mut Replayed,
) {
    let decision = policy.decide(&step.observation);
    let status = step.settled.map(|s| policy.settle(&s.outcome));
    let Some(recorded) = step.decision else {
        return;
    };
    let differs = |of: &str, recorded: String, replayed: String| Difference {
        at_s: record.scenario_s(step.observation.at),
        of: of.to_owned(),
        recorded,
        replayed,
    };
    let (was, is) = (json(recorded), json(&decision));
    if was != is {
        replayed.difference = Some(differs("decision", was, is));
        return;
    }
    replayed.decisions += 1;
    if let (Some(settled), Some(status)) = (step.settled, status) {
        let (was, is) = (json::<Status>(&settled.status), json(&status));
        if was != is {
            replayed.difference = Some(differs("status", was, is));
        }
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What a policy would need to be shown and none of the workload's observations holds, in words.
fn lacking(record: &Record, workload: &str, wants: &Wants) -> Vec<String> {
    let mut lacking: BTreeMap<String, bool> = BTreeMap::new();
    let metrics = wants.metrics.iter().map(|id| format!("metric {id}"));
    lacking.extend(metrics.map(|name| (name, true)));
    for (name, is_wanted) in [
        ("usage of replicas", wants.usage),
        ("replicas one by one", wants.replicas),
        ("traffic", wants.traffic),
        ("one-second readings", !wants.samples.is_empty()),
    ] {
        if is_wanted {
            lacking.insert(name.to_owned(), true);
        }
    }
    for step in steps(record).filter(|step| step.workload == workload) {
        let seen = &step.observation;
        let metrics = seen.metrics.iter();
        let mut there: Vec<String> = metrics
            .filter(|(_, reading)| asked(reading))
            .map(|(id, _)| format!("metric {id}"))
            .collect();
        for (name, is_there) in [
            ("usage of replicas", asked(&seen.usage)),
            ("replicas one by one", !seen.replicas.is_empty()),
            ("traffic", asked(&seen.traffic.offered)),
            ("one-second readings", !seen.samples.is_empty()),
        ] {
            if is_there {
                there.push(name.to_owned());
            }
        }
        lacking.retain(|name, _| !there.contains(name));
        if lacking.is_empty() {
            break;
        }
    }
    lacking.into_keys().collect()
}

fn asked<T>(reading: &Reading<T>) -> bool {
    !matches!(reading, Reading::NoData(NoData::NotAsked))
}

/// What another policy would have decided at one instant.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Would {
    /// When, in seconds of scenario time.
    pub at_s: f64,
    /// Replicas asked for when it was decided; nothing if that could not be read.
    pub from: Option<u32>,
    /// Replicas that the record's own policy asked for; nothing if it left everything as it was.
    pub decided: Option<u32>,
    /// Replicas that the other policy would have asked for; nothing if it would have left everything as it was.
    pub would: Option<u32>,
    /// Why, in one sentence.
    pub sentence: String,
}

impl Would {
    /// Whether both come to the same number.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.decided.or(self.from) == self.would.or(self.from)
    }
}

/// Shows another policy what `workload`'s was shown. Nothing that it decides is carried out: each answer is on what the
/// record's own policy led to.
///
/// # Errors
/// If the policy cannot be made, or decides on what the record's own policy was not shown.
pub fn open_loop(
    record: &Record,
    workload: &str,
    spec: &PolicySpec,
) -> Result<Vec<Would>, ReplayError> {
    let mut policy = spec.build().map_err(|e| ReplayError::NoPolicy {
        workload: workload.to_owned(),
        why: e.to_string(),
    })?;
    let lacking = lacking(record, workload, policy.wants());
    if !lacking.is_empty() {
        return Err(ReplayError::NotShown {
            workload: workload.to_owned(),
            lacking: crate::words::and(&lacking),
        });
    }
    let own = steps(record).filter(|step| step.workload == workload);
    let would = |step: Recorded<'_>| {
        let decision = policy.decide(&step.observation);
        policy.settle(&WriteOutcome::DryRun);
        Would {
            at_s: record.scenario_s(step.observation.at),
            from: step.observation.scale.value().map(|scale| scale.spec.get()),
            decided: step.decision.and_then(|d| number(d.verdict)),
            would: number(decision.verdict),
            sentence: decision.reason.sentence().into_owned(),
        }
    };
    Ok(own.map(would).collect())
}

pub(crate) fn number(verdict: Verdict) -> Option<u32> {
    match verdict {
        Verdict::Scale(n) => Some(n.get()),
        Verdict::Hold => None,
    }
}
