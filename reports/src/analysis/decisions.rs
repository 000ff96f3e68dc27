//! What was decided, and what broke.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use std::collections::BTreeMap;

use metrics::Timestamp;
use scaler::{Clip, Reason, Term, Verdict, WriteOutcome};

use crate::record::{Decided, Record, Settled, speed};

/// All decisions.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Decisions {
    /// Those that changed something, in the order of time, runs of the same direction in one.
    pub groups: Vec<DecisionGroup>,
    /// How many changed something.
    pub changes: u64,
    /// How many changed nothing.
    pub unchanged: u64,
    /// How many went up.
    pub ups: u64,
    /// How many went down.
    pub downs: u64,
    /// How many could not be written.
    pub failed_writes: u64,
    /// How many rested on missing data.
    pub without_data: u64,
}

/// Decisions of one workload that follow each other in the same direction: "24 → 4 in 11 steps".
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct DecisionGroup {
    /// The workload.
    pub workload: String,
    /// Replicas before the first.
    pub from: u32,
    /// Replicas after the last.
    pub to: u32,
    /// The decisions; never empty.
    pub steps: Vec<DecisionStep>,
}

/// One decision that changed something.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct DecisionStep {
    /// When, in seconds of scenario time.
    pub at_s: f64,
    /// Replicas before.
    pub from: u32,
    /// Replicas after.
    pub to: u32,
    /// One word for what bound.
    pub because: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// The values it rests on.
    pub terms: Vec<Term>,
    /// What changed the number on the way.
    pub clips: Vec<Clip>,
    /// What went wrong with writing it, if anything did.
    pub error: Option<String>,
}

/// Something that broke.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Fault {
    /// When it begins, in seconds of scenario time.
    pub from_s: f64,
    /// When it ends, in seconds of scenario time; the same for what happens at once.
    pub to_s: f64,
    /// The service it hit, if it hit one.
    pub service: Option<String>,
    /// What happened.
    pub what: String,
}

impl Decisions {
    pub(super) fn of(record: &Record) -> Self {
        let settled: BTreeMap<(Timestamp, &str), &Settled> = record
            .written
            .iter()
            .map(|s| ((s.at, s.workload.as_str()), s))
            .collect();
        let services = record.header.services.iter();
        let mut replicas: BTreeMap<&str, u32> = services
            .map(|(name, header)| (name.as_str(), header.replicas.get()))
            .collect();
        let mut all = Self::default();
        for decided in &record.decisions {
            let workload = decided.workload.as_str();
            let outcome = settled.get(&(decided.at, workload)).copied();
            let said = outcome
                .and_then(|s| s.status.current)
                .map(metrics::Replicas::get);
            let known = replicas.get(workload).copied();
            let from = said.or(known);
            let to = all.count(record, decided, outcome, from);
            if let Some(now) = to.or(from) {
                replicas.insert(workload, now);
            }
        }
        // Groups are begun in the order of time, and a workload's later steps join them: the order stays.
        all
    }

    /// Counts a decision; answers how many replicas it led to, if it changed something.
    fn count(
        &mut self,
        record: &Record,
        decided: &Decided,
        outcome: Option<&Settled>,
        from: Option<u32>,
    ) -> Option<u32> {
        let reason = &decided.decision.reason;
        self.without_data += u64::from(is_without_data(reason));
        let target = match decided.decision.verdict {
            Verdict::Scale(to) => from
                .filter(|from| *from != to.get())
                .map(|from| (from, to.get())),
            Verdict::Hold => None,
        };
        let Some((from, to)) = target else {
            self.unchanged += 1;
            return None;
        };
        let error = match outcome.map(|s| &s.outcome) {
            Some(WriteOutcome::Failed(why)) => Some(why.clone()),
            Some(WriteOutcome::Lost) => Some("someone else had written meanwhile".to_owned()),
            Some(WriteOutcome::Unchanged) => {
                self.unchanged += 1;
                return None;
            }
            _ => None,
        };
        let failed = error.is_some();
        self.failed_writes += u64::from(failed);
        if !failed {
            self.changes += 1;
            self.ups += u64::from(to > from);
            self.downs += u64::from(to < from);
        }
        let step = DecisionStep {
            at_s: record.scenario_s(decided.at),
            from,
            to,
            because: reason.because.to_string(),
            sentence: reason.sentence().into_owned(),
            terms: reason.terms(),
            clips: reason.clips.clone(),
            error,
        };
        self.put(&decided.workload, step);
        (!failed).then_some(to)
    }

    /// Adds a step to its workload's last group if it goes on in the same direction, or begins a new one.
    fn put(&mut self, workload: &str, step: DecisionStep) {
        let last = self
            .groups
            .iter_mut()
            .rev()
            .find(|g| g.workload == workload);
        let direction = |from: u32, to: u32| to.cmp(&from);
        match last {
            Some(group)
                if step.error.is_none()
                    && group.to == step.from
                    && group.steps.iter().all(|s| s.error.is_none())
                    && direction(group.from, group.to) == direction(step.from, step.to) =>
            {
                group.to = step.to;
                group.steps.push(step);
            }
            _ => self.groups.push(DecisionGroup {
                workload: workload.to_owned(),
                from: step.from,
                to: step.to,
                steps: vec![step],
            }),
        }
    }

    /// Those that changed something, in the order of time.
    #[must_use]
    pub fn steps(&self) -> Vec<(&str, &DecisionStep)> {
        let groups = self.groups.iter();
        let mut steps: Vec<(&str, &DecisionStep)> = groups
            .flat_map(|g| g.steps.iter().map(|s| (g.workload.as_str(), s)))
            .collect();
        steps.sort_by(|a, b| a.1.at_s.total_cmp(&b.1.at_s).then(a.0.cmp(b.0)));
        steps
    }
}

fn is_without_data(reason: &Reason) -> bool {
    reason.because == "no_data" || reason.clips.iter().any(|c| c.by == "no_data")
}

/// What broke, in the order of time.
pub(super) fn faults(record: &Record) -> Vec<Fault> {
    let fault = |broke: &crate::record::Broke| {
        let from_s = record.scenario_s(broke.at);
        Fault {
            from_s,
            to_s: from_s + broke.lasts.as_secs_f64() * speed(&record.header),
            service: broke.service.clone(),
            what: broke.what.clone(),
        }
    };
    record.faults.iter().map(fault).collect()
}
