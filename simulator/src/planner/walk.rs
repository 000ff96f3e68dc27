//! One sampled request's way through the shop, as it stands.

use scenarios::Draws;

use super::shop::{Call, Shop, Step};
use super::state::State;
use crate::span::End;

/// One request to a service on the way, with all its tries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hop {
    pub(super) service: usize,
    pub(super) end: End,
    /// From the gateway's receipt to the answer, in seconds.
    pub(super) latency: f64,
    /// Whether the service's own time was above its limit.
    pub(super) slow: bool,
    /// Tries beyond the first.
    pub(super) retries: u32,
}

/// Walks the call graph.
pub(super) struct Walk<'a> {
    pub(super) shop: &'a Shop,
    pub(super) states: &'a [State],
    pub(super) luck: Draws,
    /// All hops of the last request, those called before those who called.
    pub(super) hops: Vec<Hop>,
}

/// How a try went.
struct Tried {
    end: End,
    seconds: f64,
    slow: bool,
    /// Whether it may be tried again.
    again: bool,
}

/// A slot was held for so long; the time in calls is part of it.
pub(super) struct Held {
    pub(super) seconds: f64,
    pub(super) calls: f64,
    /// How it ended, if not well.
    failed: Option<End>,
}

impl Walk<'_> {
    /// Makes a request, and says how it ended and after how many seconds.
    pub(super) fn request(&mut self, call: Call) -> (End, f64) {
        let mut latency = self.shop.overhead.draw(&mut self.luck);
        let mut retries = 0;
        loop {
            let tried = self.a_try(call);
            latency += tried.seconds;
            if tried.again && retries < call.retries {
                retries += 1;
                latency += self.shop.back_off(retries, &mut self.luck);
                continue;
            }
            self.hops.push(Hop {
                service: call.service,
                end: tried.end,
                latency,
                slow: tried.slow,
                retries,
            });
            return (tried.end, latency);
        }
    }

    fn a_try(&mut self, call: Call) -> Tried {
        let (shop, state) = (self.shop, &self.states[call.service]);
        let way = shop.network.draw(&mut self.luck);
        if state.ready == 0 || state.shed > 0.0 && self.luck.uniform() < state.shed {
            let seconds = if state.ready == 0 { 0.0 } else { 2.0 * way };
            return Tried {
                end: End::Shed,
                seconds,
                slow: false,
                again: state.ready > 0,
            };
        }
        let wait = state.behind + state.waits.draw(&mut self.luck) * state.held;
        if wait > call.limit {
            return late(call.limit, wait > shop.services[call.service].limit);
        }
        let fails = state.fail > 0.0 && self.luck.uniform() < state.fail;
        let held = self.held(call.operation);
        let seconds = way + wait + held.seconds + shop.network.draw(&mut self.luck);
        let slow = wait + held.seconds - held.calls > shop.services[call.service].limit;
        if seconds > call.limit {
            return late(call.limit, slow);
        }
        Tried {
            end: if fails {
                End::Failed
            } else {
                held.failed.unwrap_or(End::Served)
            },
            seconds,
            slow,
            again: fails,
        }
    }

    /// Holds a slot for all steps of an operation.
    pub(super) fn held(&mut self, operation: usize) -> Held {
        let shop = self.shop;
        let meant = &shop.operations[operation];
        let State {
            slower, stretch, ..
        } = &self.states[meant.service];
        let (work_slower, wait_slower) = (slower.0 * stretch, slower.1);
        let mut held = Held {
            seconds: 0.0,
            calls: 0.0,
            failed: None,
        };
        for step in &meant.steps {
            match step {
                Step::Work(time) => held.seconds += time.draw(&mut self.luck) * work_slower,
                Step::Wait(time) => held.seconds += time.draw(&mut self.luck) * wait_slower,
                Step::Calls(calls) => {
                    let mut longest = 0.0_f64;
                    for call in calls.clone() {
                        let (end, latency) = self.request(shop.calls[call]);
                        longest = longest.max(latency);
                        if end != End::Served {
                            held.failed = Some(match end {
                                End::TimedOut => End::TimedOut,
                                _ => End::Failed,
                            });
                        }
                    }
                    held.seconds += longest;
                    held.calls += longest;
                    if held.failed.is_some() {
                        break;
                    }
                }
            }
        }
        held
    }
}

const fn late(limit: f64, slow: bool) -> Tried {
    Tried {
        end: End::TimedOut,
        seconds: limit,
        slow,
        again: true,
    }
}
