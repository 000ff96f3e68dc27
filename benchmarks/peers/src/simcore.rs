//! The queue as a component of simcore.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use serde::Serialize;
use simcore::{Event, EventHandler, Simulation, SimulationContext, cast};

use crate::luck::Luck;
use crate::{Outcome, RATE, SERVERS};

#[derive(Clone, Serialize)]
struct Arrives {}

#[derive(Clone, Serialize)]
struct Departs {}

struct Queue {
    context: SimulationContext,
    luck: Luck,
    busy: usize,
    waiting: VecDeque<f64>,
    left: u64,
    outcome: Outcome,
}

impl Queue {
    fn begin(&mut self, arrived: f64) {
        self.outcome.begun += 1;
        self.outcome.waited += self.context.time() - arrived;
        self.context.emit_self(Departs {}, self.luck.exponential());
    }

    fn arrives(&mut self) {
        let now = self.context.time();
        if self.busy < SERVERS {
            self.busy += 1;
            self.begin(now);
        } else {
            self.waiting.push_back(now);
        }
        if self.left > 0 {
            self.left -= 1;
            self.context
                .emit_self(Arrives {}, self.luck.exponential() / RATE);
        }
    }

    fn departs(&mut self) {
        match self.waiting.pop_front() {
            Some(arrived) => self.begin(arrived),
            None => self.busy -= 1,
        }
    }
}

impl EventHandler for Queue {
    fn on(&mut self, event: Event) {
        cast!(match event.data {
            Arrives {} => {
                self.arrives()
            }
            Departs {} => {
                self.departs()
            }
        })
    }
}

/// Simulates `customers`.
pub fn run(customers: u64) -> Outcome {
    let mut simulation = Simulation::new(1);
    let context = simulation.create_context("queue");
    let queue = Rc::new(RefCell::new(Queue {
        context,
        luck: Luck(1),
        busy: 0,
        waiting: VecDeque::new(),
        left: customers - 1,
        outcome: Outcome {
            begun: 0,
            waited: 0.0,
        },
    }));
    simulation.add_handler("queue", queue.clone());
    queue.borrow().context.emit_self(Arrives {}, 0.0);
    simulation.step_until_no_events();
    let queue = queue.borrow();
    Outcome {
        begun: queue.outcome.begun,
        waited: queue.outcome.waited,
    }
}
