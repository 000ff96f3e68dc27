//! Why there were so many replicas: any decision of a record, in words and in terms, what clipped it, and what it would
//! have been without each rule.
//!
//! A rule's effect is found by deciding again: the policy with the memory that it had, without that one rule, is shown
//! what it was shown. So a rule that another would have hidden is told from one that mattered, and so is one that leaves
//! no trace of itself, as a tolerance does.

mod behavior;
mod markdown;
mod replayed;
mod rules;
mod saw;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use metrics::Timestamp;
use scaler::{Clip, Decision, Observation, Policy, PolicySpec, Term, WriteOutcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use markdown::markdown;
pub use replayed::{Answers, open_loop_markdown, open_loop_text, replay_markdown, replay_text};
pub use text::text;

use crate::record::{PolicyHeader, Record, Settled, World};
use crate::replay::{self, Recorded, number};

/// The version of the form. Within it, things are only added.
pub const SCHEMA_VERSION: u32 = 1;

/// Which decisions.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Which {
    /// Of this workload only.
    pub workload: Option<String>,
    /// When.
    pub when: When,
    /// At most so many, the first ones; nothing: all.
    pub most: Option<usize>,
}

/// When.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum When {
    /// Those that changed something.
    #[default]
    Changes,
    /// What was in force at an instant: the last one of each workload until then.
    At(Timestamp),
    /// All from the one instant to the other, both included.
    Between(Timestamp, Timestamp),
}

/// Explained decisions.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Explanation {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The run's name.
    pub name: String,
    /// In which world it was.
    pub world: World,
    /// What is explained, in words.
    pub asked: String,
    /// How many decisions the record holds of the workloads that were asked for.
    pub of: u64,
    /// The decisions, in the order of time.
    pub decisions: Vec<Explained>,
    /// Those after them, if not all were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
    /// What a reader must know, in sentences.
    pub notes: Vec<String>,
}

/// Decisions that were asked for and are not explained, because there are too many.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct LeftOut {
    /// How many.
    pub count: u64,
    /// The first of them, in seconds of scenario time.
    pub from_s: f64,
    /// What to ask for instead, in a sentence.
    pub how: String,
}

/// One explained decision.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Explained {
    /// The workload.
    pub workload: String,
    /// Its policy's name.
    pub policy: String,
    /// When, in seconds of scenario time.
    pub at_s: f64,
    /// When, as a civil time.
    pub at: String,
    /// Replicas asked for before it; nothing if that could not be read.
    pub from: Option<u32>,
    /// Replicas asked for after it; nothing if that is not known.
    pub to: Option<u32>,
    /// What became of it: `written`, `unchanged`, `failed: …`, `dry run`, `lost`; empty if the record was cut off.
    pub outcome: String,
    /// One word for what bound.
    pub because: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// What was wanted before anything clipped it, if it got that far.
    pub wanted: Option<u32>,
    /// The values it rests on.
    pub terms: Vec<Term>,
    /// What changed the number on the way, in order.
    pub clips: Vec<Clipped>,
    /// What it would have been without each rule that had a say.
    pub without: Vec<Without>,
    /// What the policy was shown.
    pub saw: Vec<Term>,
    /// When the policy wanted to be asked again, in seconds of scenario time.
    pub next_s: f64,
}

/// One rule that changed the number.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Clipped {
    /// The rule.
    pub by: String,
    /// The number before.
    pub from: u32,
    /// The number after.
    pub to: u32,
    /// What the rule says.
    pub rule: String,
}

/// What a decision would have been without one rule.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Without {
    /// The rule.
    pub rule: String,
    /// What it says.
    pub says: String,
    /// Replicas that would have been asked for; nothing if that is not known.
    pub replicas: Option<u32>,
    /// Whether that is what was decided: another rule hid this one.
    pub same: bool,
    /// Which rule would have changed the number last then, if one would have.
    pub instead: Option<String>,
}

impl Explained {
    /// Whether it changed the number.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.from != self.to
    }
}

/// Explains decisions of a record.
#[must_use]
pub fn explain(record: &Record, which: &Which) -> Explanation {
    let mut chosen = chosen(record, which);
    let left_out = which
        .most
        .and_then(|most| cut(record, which.when, &mut chosen, most));
    let (mut policies, mut notes) = match replay::policies(record) {
        Ok(policies) => (policies, Vec::new()),
        Err(error) => (
            BTreeMap::new(),
            vec![format!(
                "What each decision would have been without a rule is not known: {error}."
            )],
        ),
    };
    let mut decisions = Vec::new();
    for step in replay::steps(record) {
        let Some(decision) = step.decision else {
            continue;
        };
        let policy = policies.get_mut(&step.workload);
        let is_chosen = chosen.contains(&(step.workload.as_str(), step.observation.at));
        let before = policy.as_ref().filter(|_| is_chosen).map(|p| p.save());
        let again = policy.map(|p| again(p.as_mut(), &step));
        if again.is_some_and(|again| again != *decision) {
            policies.remove(&step.workload);
            notes.push(format!(
                "{}: from {} on the record does not follow from its policy, so what would have been without a rule is left out.",
                step.workload,
                crate::words::clock(record.scenario_s(step.observation.at))
            ));
            continue_plain(record, &step, decision, is_chosen, &mut decisions);
            continue;
        }
        if is_chosen {
            let header = record.header.policies.get(&step.workload);
            let without = match (header, before) {
                (Some(header), Some(state)) => counterfactuals(record, header, &state, &step),
                _ => Vec::new(),
            };
            decisions.push(explained(record, &step, decision, without));
        }
    }
    notes.extend(record.notes.iter().cloned());
    let mine = |workload: &str| {
        which
            .workload
            .as_deref()
            .is_none_or(|only| only == workload)
    };
    Explanation {
        schema_version: SCHEMA_VERSION,
        name: record.header.name.clone(),
        world: record.header.world,
        asked: asked(record, which),
        of: record
            .decisions
            .iter()
            .filter(|d| mine(&d.workload))
            .count() as u64,
        decisions,
        left_out,
        notes,
    }
}

/// Leaves the first ones, and tells of the others.
fn cut(
    record: &Record,
    when: When,
    chosen: &mut BTreeSet<(&str, Timestamp)>,
    most: usize,
) -> Option<LeftOut> {
    let all = chosen.len();
    let mut by_time: Vec<(Timestamp, &str)> = chosen.iter().map(|&(w, at)| (at, w)).collect();
    by_time.sort_unstable();
    let (first, _) = *by_time.get(most)?;
    by_time.truncate(most);
    *chosen = by_time.into_iter().map(|(at, w)| (w, at)).collect();
    let from_s = record.scenario_s(first);
    let go_on = match when {
        // A second that is not whole is asked for from its beginning.
        When::Between(..) => format!(
            "`--from {}` goes on there, ",
            crate::words::clock(from_s.floor())
        ),
        When::Changes | When::At(_) => String::new(),
    };
    Some(LeftOut {
        count: (all - most) as u64,
        from_s,
        how: format!("{go_on}`--most {all}` gives them all, `--service` those of one service"),
    })
}

/// One of a policy that cannot be asked again.
fn continue_plain(
    record: &Record,
    step: &Recorded<'_>,
    decision: &Decision,
    is_chosen: bool,
    decisions: &mut Vec<Explained>,
) {
    if is_chosen {
        decisions.push(explained(record, step, decision, Vec::new()));
    }
}

/// Decides as the record's policy did, so that its memory stays the same.
fn again(policy: &mut (dyn Policy + Send), step: &Recorded<'_>) -> Decision {
    let decision = policy.decide(&step.observation);
    if let Some(settled) = step.settled {
        policy.settle(&settled.outcome);
    }
    decision
}

fn asked(record: &Record, which: &Which) -> String {
    let clock = |at: Timestamp| crate::words::clock(record.scenario_s(at));
    let what = match which.when {
        When::Changes => "the decisions that changed something".to_owned(),
        When::At(at) => format!("what was in force at {}", clock(at)),
        When::Between(from, to) => format!("all decisions from {} to {}", clock(from), clock(to)),
    };
    match &which.workload {
        Some(workload) => format!("{what}, of {workload}"),
        None => what,
    }
}

/// The decisions that are asked for, by workload and instant.
fn chosen<'a>(record: &'a Record, which: &Which) -> BTreeSet<(&'a str, Timestamp)> {
    let mine = |workload: &str| {
        which
            .workload
            .as_deref()
            .is_none_or(|only| only == workload)
    };
    let decided = record.decisions.iter().filter(|d| mine(&d.workload));
    match which.when {
        When::Between(from, to) => decided
            .filter(|d| (from..=to).contains(&d.at))
            .map(|d| (d.workload.as_str(), d.at))
            .collect(),
        When::At(at) => {
            let mut last = BTreeMap::new();
            for each in decided.filter(|d| d.at <= at) {
                last.insert(each.workload.as_str(), each.at);
            }
            last.into_iter().collect()
        }
        When::Changes => {
            let settled = record.written.iter().filter(|s| mine(&s.workload));
            settled
                .filter(|s| s.outcome != WriteOutcome::Unchanged)
                .map(|s| (s.workload.as_str(), s.at))
                .collect()
        }
    }
}

/// What the decision would have been without each rule, and without any.
fn counterfactuals(
    record: &Record,
    header: &PolicyHeader,
    state: &scaler::PolicyState,
    step: &Recorded<'_>,
) -> Vec<Without> {
    let Some(decision) = step.decision else {
        return Vec::new();
    };
    let asker = Asker {
        spec: &header.spec,
        state,
        seen: &step.observation,
    };
    let Some((rules, _)) = asker.ask(&[]) else {
        return Vec::new();
    };
    let from = step.observation.scale.value().map(|scale| scale.spec.get());
    let to = number(decision.verdict).or(from);
    let says = rules::Says::new(record, &step.workload);
    let mut list = Vec::new();
    for rule in &rules {
        let Some((_, other)) = asker.ask(&[rule]) else {
            continue;
        };
        let replicas = number(other.verdict).or(from);
        let clipped = decision.reason.clips.iter().any(|clip| clip.by == *rule);
        if replicas == to && !clipped {
            continue;
        }
        list.push(Without {
            rule: (*rule).to_owned(),
            says: says.rule(rule),
            replicas,
            same: replicas == to,
            instead: binding(&other),
        });
    }
    if list.len() > 1
        && let Some((_, other)) = asker.ask(&rules)
    {
        list.push(Without {
            rule: "all".into(),
            says: "no rule at all".into(),
            replicas: number(other.verdict).or(from),
            same: number(other.verdict).or(from) == to,
            instead: None,
        });
    }
    list
}

/// The rule that changed a decision's number last.
fn binding(decision: &Decision) -> Option<String> {
    decision
        .reason
        .clips
        .last()
        .map(|clip: &Clip| clip.by.to_string())
}

/// Asks a policy what it would have decided without some rules.
struct Asker<'a> {
    spec: &'a PolicySpec,
    state: &'a scaler::PolicyState,
    seen: &'a Observation,
}

impl Asker<'_> {
    /// The policy's rules, and its decision without these; nothing if it cannot be asked.
    fn ask(&self, without: &[&str]) -> Option<(Vec<&'static str>, Decision)> {
        let mut policy = self.spec.build().ok()?;
        policy.restore(self.state).ok()?;
        let rules = policy.rules();
        for rule in without {
            policy.waive(rule);
        }
        Some((rules, policy.decide(self.seen)))
    }
}

fn explained(
    record: &Record,
    step: &Recorded<'_>,
    decision: &Decision,
    without: Vec<Without>,
) -> Explained {
    let service = record.header.services.get(&step.workload);
    let seen = &step.observation;
    let from = seen.scale.value().map(|scale| scale.spec.get());
    let reason = &decision.reason;
    let says = rules::Says::new(record, &step.workload);
    let clip = |clip: &Clip| Clipped {
        by: clip.by.to_string(),
        from: clip.from.get(),
        to: clip.to.get(),
        rule: says.rule(&clip.by),
    };
    Explained {
        workload: step.workload.clone(),
        policy: service.map_or_else(String::new, |s| s.policy.clone()),
        at_s: record.scenario_s(seen.at),
        at: civil(record, seen.at),
        from,
        to: number(decision.verdict).or(from),
        outcome: step.settled.map_or_else(String::new, outcome),
        because: reason.because.to_string(),
        sentence: reason.sentence().into_owned(),
        wanted: reason.wanted.map(metrics::Replicas::get),
        terms: reason.terms(),
        clips: reason.clips.iter().map(clip).collect(),
        without,
        saw: saw::terms(seen, record),
        next_s: record.scenario_s(decision.next),
    }
}

fn outcome(settled: &Settled) -> String {
    match &settled.outcome {
        WriteOutcome::Written => "written".into(),
        WriteOutcome::Unchanged => "unchanged".into(),
        WriteOutcome::Failed(why) => format!("failed: {why}"),
        WriteOutcome::DryRun => "dry run".into(),
        WriteOutcome::Lost => "lost: someone else had written meanwhile".into(),
    }
}

/// An instant of scenario time as people there read it.
fn civil(record: &Record, at: Timestamp) -> String {
    let nanos = (record.scenario_s(at) * 1e9).round();
    let at = i128::from(record.header.start.as_nanos()) + nanos as i128;
    let zone = record.header.scenario.get("zone").and_then(|z| z.as_str());
    let bundled = jiff::tz::TimeZoneDatabase::bundled();
    let zone = zone.and_then(|name| bundled.get(name).ok());
    let zone = zone.unwrap_or(jiff::tz::TimeZone::UTC);
    let Ok(instant) = jiff::Timestamp::from_nanosecond(at) else {
        return String::new();
    };
    let instant = instant.to_zoned(zone);
    instant.strftime("%Y-%m-%d %H:%M:%S %Q").to_string()
}

/// The JSON Schema of an explanation.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Explanation).to_value()
}

#[cfg(test)]
mod tests;
