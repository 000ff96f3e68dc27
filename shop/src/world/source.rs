//! What policies see of the local world.

use std::sync::Arc;

use metrics::{Reading, Replicas, Timestamp};
use scaler::{
    MetricsSource, Observation, Phase, Scale, ScaleTarget, Second, SeenReplica, Selector, Sight,
    Version, Wants, WriteOutcome,
};

use super::state::{self, Shared, Workload};
use crate::supervisor::{Life, Member};

/// The readings of one workload.
#[derive(Clone, Debug)]
pub struct Source {
    pub(super) shared: Arc<Shared>,
    pub(super) service: String,
}

/// The scale of one workload.
#[derive(Clone, Debug)]
pub struct Target {
    pub(super) shared: Arc<Shared>,
    pub(super) service: String,
}

impl MetricsSource for Source {
    async fn observe(&mut self, now: Timestamp, wants: &Wants) -> Observation {
        self.shared.with(&self.service, |workload, blind| {
            let out = blind == state::Sight::Out;
            let seconds = workload.seconds.take(now.back(workload.scrape.lag));
            look(workload, seconds, out, now).observation(now, wants)
        })
    }
}

impl ScaleTarget for Target {
    async fn read(&mut self, now: Timestamp) -> Reading<Scale> {
        self.shared.with(&self.service, |workload, _| {
            let scale = Scale {
                spec: workload.fleet.desired,
                status: Replicas(workload.fleet.staying()),
                selector: Selector::Valid,
                version: Version(workload.fleet.generation.to_string()),
            };
            Reading::now(scale, now)
        })
    }

    async fn write(&mut self, _: Timestamp, replicas: Replicas, seen: Version) -> WriteOutcome {
        let outcome = self.shared.with(&self.service, |workload, _| {
            let version = workload.fleet.generation.to_string();
            if !seen.0.is_empty() && seen.0 != version {
                return WriteOutcome::Lost;
            }
            workload.fleet.want(replicas);
            WriteOutcome::Written
        });
        self.shared.reconcile();
        outcome
    }
}

/// The workload as it is known here. While metrics are out, replicas can still be seen.
fn look(workload: &Workload, seconds: Vec<Second>, out: bool, now: Timestamp) -> Sight<'_> {
    let average = |id: &String| workload.scrapes.get(id)?.average(now, &workload.scrape);
    let replica = |(id, member): (&String, &Member)| SeenReplica {
        id: id.clone(),
        phase: if member.address.is_some() {
            Phase::Running
        } else {
            Phase::Pending
        },
        created: member.created,
        started: member.address.is_some().then_some(member.created),
        ready: member.life == Life::Ready,
        since: member.since,
        draining: member.life == Life::Draining,
        average: average(id),
    };
    Sight {
        workload: &workload.service,
        cpu: workload.cpu,
        replicas: workload.fleet.members.iter().map(replica).collect(),
        offered: workload.offered.average(now, &workload.scrape),
        waiting: 0.0,
        seconds,
        out,
    }
}
