//! The control loop of the live worlds: every period, look at all workloads, decide, and write.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use metrics::Timestamp;
use reports::record::Event;
use scaler::{Mode, Plant, StepRecord, Workload, step_all};

use crate::wiring::{self, BoxedPolicy};

/// The plants and policies of one run, and the time they live in.
pub(crate) struct Control<P> {
    /// By service.
    pub(crate) workloads: BTreeMap<String, (P, BoxedPolicy)>,
    /// The first instant of the run, in the world's own time and on this machine's clock.
    pub(crate) start: (Timestamp, Instant),
    pub(crate) period: Duration,
    pub(crate) duration: Duration,
}

impl<P: Plant + Send> Control<P> {
    /// Decides at each multiple of the period until the run's end; each step goes to `told`. An instant that was
    /// missed is not made up for: a decision on old readings would help nobody.
    pub(crate) async fn run(mut self, mut told: impl FnMut(Event)) {
        let (start, begin) = self.start;
        let mut count = 1_u32;
        loop {
            let due = self.period.saturating_mul(count);
            if due >= self.duration {
                return;
            }
            tokio::time::sleep_until((begin + due).into()).await;
            let now = start + due;
            for (workload, record) in self.step(now).await {
                for event in wiring::step(workload, now, record) {
                    told(event);
                }
            }
            let passed = begin.elapsed().as_nanos() / self.period.as_nanos().max(1);
            count = u32::try_from(passed).unwrap_or(u32::MAX).max(count) + 1;
        }
    }

    async fn step(&mut self, now: Timestamp) -> Vec<(String, StepRecord)> {
        let workloads = self
            .workloads
            .iter_mut()
            .map(|(name, (plant, policy))| Workload {
                name,
                plant,
                policy: policy.as_mut(),
            });
        step_all(now, workloads.collect(), Mode::Active).await
    }
}
