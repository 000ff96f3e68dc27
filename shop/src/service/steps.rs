//! An operation's steps, one after the other, each exactly as long as its draw says.
//!
//! The slot is held from the first step to the answer. Work and waits are *paced*: what a replica really does (JSON,
//! SQL, hashing) happens inside the time that was drawn. Time that it takes beyond that is caught up in later steps if
//! it can be, and is an overrun if not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use scenarios::{Call, Draws, Operation, Step, Stream, Trace, WorkMode};
use tokio::task::JoinSet;

use super::Replica;
use super::ailment::Ailment;
use super::ask::{Ask, Reply};
use super::business::Business;
use super::calls::{Called, Outgoing};
use super::room::Doing;

/// How an operation went.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) reply: Reply,
    /// Time spent in calls.
    pub(super) calls: Duration,
    /// Time of its own beyond what was drawn.
    pub(super) overrun: Duration,
}

/// One request's way through its operation.
struct Course<'a> {
    replica: &'a Arc<Replica>,
    ask: &'a Ask,
    ailment: Ailment,
    draws: Draws,
    /// When the slot was taken.
    began: Instant,
    /// Time spent in calls.
    calls: Duration,
    /// Time of its own that was drawn so far.
    drawn: Duration,
}

/// Does all steps of `operation`, and what hangs on them.
pub(super) async fn perform(
    replica: &Arc<Replica>,
    ask: &Ask,
    operation: &Operation,
    name: &str,
) -> Done {
    let Trace {
        journey,
        page,
        hop,
        attempt,
        ..
    } = ask.trace;
    let stream = Stream::Demand {
        journey,
        page,
        hop,
        attempt,
    };
    let mut course = Course {
        replica,
        ask,
        ailment: replica.ailment(),
        draws: Draws::new(replica.seed, stream),
        began: Instant::now(),
        calls: Duration::ZERO,
        drawn: Duration::ZERO,
    };
    let reply = match course.steps(operation, name).await {
        Ok(reply) | Err(reply) => reply,
    };
    let own = course.began.elapsed().saturating_sub(course.calls);
    Done {
        reply,
        calls: course.calls,
        overrun: own.saturating_sub(course.drawn),
    }
}

impl Course<'_> {
    async fn steps(&mut self, operation: &Operation, name: &str) -> Result<Reply, Reply> {
        let mut begun = None;
        for step in &operation.steps {
            match step {
                Step::Work(time) => {
                    let time = time.sample(&mut self.draws).mul_f64(self.ailment.work);
                    let _working = self.replica.room.begin(Doing::Working);
                    self.begin(&mut begun, operation, name).await?;
                    self.work(time).await;
                }
                Step::Wait(time) => {
                    let time = time.sample(&mut self.draws).mul_f64(self.ailment.wait);
                    let _waiting = self.replica.room.begin(Doing::Waiting);
                    self.begin(&mut begun, operation, name).await?;
                    self.pace(time).await;
                }
                Step::Call(call) => {
                    let business = self.begin(&mut begun, operation, name).await?;
                    self.call(business, std::slice::from_ref(call)).await?;
                }
                Step::All(calls) => {
                    let business = self.begin(&mut begun, operation, name).await?;
                    self.call(business, calls).await?;
                }
            }
        }
        self.begin(&mut begun, operation, name).await?;
        match begun {
            Some(business) => Ok(business.finish(self.replica).await),
            None => Ok(Reply::ok(serde_json::Value::Null)),
        }
    }

    /// Begins the real work, once, inside the first step.
    async fn begin<'b>(
        &self,
        begun: &'b mut Option<Business>,
        operation: &Operation,
        name: &str,
    ) -> Result<&'b mut Business, Reply> {
        if begun.is_none() {
            *begun = Some(Business::begin(self.replica, self.ask, operation, name).await?);
        }
        Ok(begun.as_mut().expect("it was just begun"))
    }

    async fn work(&mut self, time: Duration) {
        match self.replica.service.work {
            WorkMode::Paced => self.pace(time).await,
            WorkMode::Burn => {
                self.drawn += time;
                burn(self.replica, time).await;
            }
        }
    }

    async fn pace(&mut self, time: Duration) {
        self.drawn += time;
        self.replica
            .pacer
            .until(self.began + self.calls + self.drawn)
            .await;
    }

    /// Makes all `calls` at once.
    async fn call(&mut self, business: &mut Business, calls: &[Call]) -> Result<(), Reply> {
        let began = Instant::now();
        let outgoing = calls.iter().map(|call| {
            let (key, body) = business.asks(self.ask, &call.to);
            Outgoing::of(call, self.ask.trace, self.ask.deadline, key, body)
        });
        let results = self.exchange(outgoing.collect()).await;
        self.calls += began.elapsed();
        for (call, called) in calls.iter().zip(results) {
            business.called(&call.to, called).await?;
        }
        Ok(())
    }

    async fn exchange(&self, mut outgoing: Vec<Outgoing>) -> Vec<Called> {
        if outgoing.len() == 1
            && let Some(only) = outgoing.pop()
        {
            return vec![self.replica.gateway.call(&only).await];
        }
        let mut results = vec![Called::Failed(super::calls::Failure::Failed); outgoing.len()];
        let mut under_way = JoinSet::new();
        for (place, call) in outgoing.into_iter().enumerate() {
            let replica = Arc::clone(self.replica);
            under_way.spawn(async move { (place, replica.gateway.call(&call).await) });
        }
        while let Some(joined) = under_way.join_next().await {
            if let Ok((place, called)) = joined {
                results[place] = called;
            }
        }
        results
    }
}

/// Spends so much CPU time in a thread of its own; as many at once as there are CPUs.
async fn burn(replica: &Arc<Replica>, time: Duration) {
    let Ok(cpu) = Arc::clone(&replica.cpus).acquire_owned().await else {
        return;
    };
    let stop = StopOnDrop(Arc::new(AtomicBool::new(false)));
    let stopped = Arc::clone(&stop.0);
    let burning = tokio::task::spawn_blocking(move || {
        let end = thread_time() + time;
        let mut sum = 0_u64;
        while thread_time() < end && !stopped.load(Ordering::Relaxed) {
            for i in 0..2_000_u64 {
                sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(i));
            }
        }
        drop(cpu);
    });
    // It fails only if the process ends.
    burning.await.ok();
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The CPU time of this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
