//! The queue as one self-scheduling model of nexosim, on one thread.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nexosim::model::{Context, Model, schedulable};
use nexosim::simulation::{ExecutionError, Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

use crate::luck::Luck;
use crate::{Outcome, RATE, SERVERS};

#[derive(Serialize, Deserialize)]
struct Queue {
    luck: u64,
    busy: usize,
    waiting: VecDeque<MonotonicTime>,
    left: u64,
    begun: u64,
    waited: f64,
    #[serde(skip)]
    told: Arc<Mutex<Option<Outcome>>>,
}

#[Model]
impl Queue {
    fn span(&mut self, mean: f64) -> Duration {
        let mut luck = Luck(self.luck);
        let span = luck.exponential() * mean;
        self.luck = luck.0;
        // A delay of nothing is refused.
        Duration::from_secs_f64(span).max(Duration::from_nanos(1))
    }

    fn begin(&mut self, arrived: MonotonicTime, context: &Context<Self>) {
        self.begun += 1;
        self.waited += context.time().duration_since(arrived).as_secs_f64();
        let span = self.span(1.0);
        context
            .schedule_event(span, schedulable!(Self::departs), ())
            .expect("a delay in the future");
    }

    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        let span = self.span(1.0 / RATE);
        context
            .schedule_event(span, schedulable!(Self::arrives), ())
            .expect("a delay in the future");
    }

    #[nexosim(schedulable)]
    async fn arrives(&mut self, _: (), context: &Context<Self>) {
        let now = context.time();
        if self.busy < SERVERS {
            self.busy += 1;
            self.begin(now, context);
        } else {
            self.waiting.push_back(now);
        }
        if self.left > 0 {
            self.left -= 1;
            let span = self.span(1.0 / RATE);
            context
                .schedule_event(span, schedulable!(Self::arrives), ())
                .expect("a delay in the future");
        }
    }

    #[nexosim(schedulable)]
    async fn departs(&mut self, _: (), context: &Context<Self>) {
        match self.waiting.pop_front() {
            Some(arrived) => self.begin(arrived, context),
            None => self.busy -= 1,
        }
        if self.left == 0 && self.busy == 0 {
            let outcome = Outcome {
                begun: self.begun,
                waited: self.waited,
            };
            *self.told.lock().expect("no one panicked") = Some(outcome);
        }
    }
}

/// Simulates `customers`.
pub fn run(customers: u64) -> Outcome {
    let told = Arc::new(Mutex::new(None));
    let queue = Queue {
        luck: 1,
        busy: 0,
        waiting: VecDeque::new(),
        left: customers - 1,
        begun: 0,
        waited: 0.0,
        told: Arc::clone(&told),
    };
    let mut simulation = SimInit::with_num_threads(1)
        .add_model(queue, Mailbox::new(), "queue")
        .init(MonotonicTime::EPOCH)
        .expect("the bench is sound");
    loop {
        match simulation.step() {
            Ok(()) if told.lock().expect("no one panicked").is_none() => {}
            Ok(()) => break,
            Err(ExecutionError::Halted) => break,
            Err(error) => panic!("{error}"),
        }
    }
    let outcome = told.lock().expect("no one panicked").take();
    outcome.expect("all have left")
}
