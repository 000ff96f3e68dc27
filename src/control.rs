//! The control loop of the live worlds: whenever a policy is due, look, decide, and write.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use metrics::Timestamp;
use reports::record::Event;
use scaler::{Mode, Plant, Rota, StepRecord, Workload, step_all};

use crate::wiring::{self, BoxedPolicy};

/// The plants and policies of one run, and the time they live in.
pub(crate) struct Control<P> {
    /// By service.
    pub(crate) workloads: BTreeMap<String, (P, BoxedPolicy)>,
    /// The first instant of the run, in the world's own time and on this machine's clock.
    pub(crate) start: (Timestamp, Instant),
    pub(crate) duration: Duration,
}

impl<P: Plant + Send> Control<P> {
    /// Decides whenever a policy is due, until the run's end; each step goes to `told`.
    pub(crate) async fn run(mut self, mut told: impl FnMut(Event)) {
        let (start, begin) = self.start;
        let periods = self.workloads.iter();
        let periods = periods.map(|(name, (_, policy))| (name.clone(), policy.wants().period));
        let mut rota = Rota::new(start, periods);
        while let Some(now) = rota.next() {
            let due = now.since(start);
            if due >= self.duration {
                return;
            }
            tokio::time::sleep_until((begin + due).into()).await;
            for (workload, record) in self.step(now, &rota).await {
                rota.decided(
                    &workload,
                    now,
                    record.decision.next,
                    start + begin.elapsed(),
                );
                for event in wiring::step(workload, now, record) {
                    told(event);
                }
            }
        }
    }

    async fn step(&mut self, now: Timestamp, rota: &Rota) -> Vec<(String, StepRecord)> {
        let due = self
            .workloads
            .iter_mut()
            .filter(|(name, _)| rota.is_due(name, now));
        let workloads = due.map(|(name, (plant, policy))| Workload {
            name,
            plant,
            policy: policy.as_mut(),
        });
        step_all(now, workloads.collect(), Mode::Active).await
    }
}
