//! One step: look, decide, write once. The unit that every world repeats, each in its own way.

use metrics::{Reading, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Decision, Observation, Plant, Policy, Status, Verdict, WriteOutcome};

/// Whether decisions are carried out.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They are written.
    #[default]
    Active,
    /// They are made and recorded, and nothing is written.
    DryRun,
}

/// All that one step was: what a world hands to its record.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct StepRecord {
    /// What the policy was shown.
    pub observation: Observation,
    /// What it decided.
    pub decision: Decision,
    /// What became of that.
    pub outcome: WriteOutcome,
    /// How things stand after it.
    pub status: Status,
}

/// One workload of [`step_all`].
pub struct Workload<'a, P> {
    /// Its name: writes go in the order of names.
    pub name: &'a str,
    /// Its world.
    pub plant: &'a mut P,
    /// Its policy.
    pub policy: &'a mut (dyn Policy + Send),
}

/// Observes, decides and writes at most once. A write that would change nothing is skipped.
///
/// It never fails: what went wrong is in the record, as readings without data and as the outcome.
pub async fn step<P: Plant + Send>(
    now: Timestamp,
    plant: &mut P,
    policy: &mut (dyn Policy + Send),
    mode: Mode,
) -> StepRecord {
    let observation = plant.observe(now, policy.wants()).await;
    carry_out(now, plant, policy, mode, observation).await
}

/// Steps all that is due at one instant: everything is observed first, then written in the order of names, so that no
/// policy sees another's write of the same instant.
///
/// The records come in the order of names.
pub async fn step_all<P: Plant + Send>(
    now: Timestamp,
    mut workloads: Vec<Workload<'_, P>>,
    mode: Mode,
) -> Vec<(String, StepRecord)> {
    workloads.sort_by(|a, b| a.name.cmp(b.name));
    let mut seen = Vec::with_capacity(workloads.len());
    for workload in &mut workloads {
        seen.push(workload.plant.observe(now, workload.policy.wants()).await);
    }
    let mut records = Vec::with_capacity(workloads.len());
    for (workload, observation) in workloads.iter_mut().zip(seen) {
        let record = carry_out(now, workload.plant, workload.policy, mode, observation).await;
        records.push((workload.name.to_owned(), record));
    }
    records
}

async fn carry_out<P: Plant + Send>(
    now: Timestamp,
    plant: &mut P,
    policy: &mut (dyn Policy + Send),
    mode: Mode,
    mut observation: Observation,
) -> StepRecord {
    observation.make_finite();
    let decision = policy.decide(&observation);
    let outcome = match (decision.verdict, &observation.scale) {
        (Verdict::Hold, _) => WriteOutcome::Unchanged,
        // Neither what is there nor its version is known: a blind write could undo someone else's.
        (Verdict::Scale(_), Reading::NoData(why)) => {
            WriteOutcome::Failed(format!("the scale could not be read: {why}"))
        }
        (Verdict::Scale(n), Reading::Value { value, .. }) if n == value.spec => {
            WriteOutcome::Unchanged
        }
        (Verdict::Scale(n), Reading::Value { value, .. }) => match mode {
            Mode::DryRun => WriteOutcome::DryRun,
            Mode::Active => plant.scale_to(now, n, value.version.clone()).await,
        },
    };
    let status = policy.settle(&outcome);
    StepRecord {
        observation,
        decision,
        outcome,
        status,
    }
}
