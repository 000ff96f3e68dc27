//! The simulated world: exactly what a scenario describes, in virtual time.
//!
//! A [`Simulation`] is a discrete-event simulation with the very code of the other worlds: arrivals, shoppers and draws of
//! `scenarios`, the gateway's rules of `routing`, and `scaler::step_all` through a `Plant`. Time is a whole number of
//! nanoseconds since the start, and all events are in one total order (instant, then the order in which they were
//! scheduled), so that the same seed gives the same events in any build.
//!
//! What it does not do: it reads no clock, opens no file, starts no thread. Runs are independent of each other: whoever
//! wants several at once puts each on a thread of its own.

mod calendar;
pub mod calibration;
mod calls;
mod demand;
mod error;
mod event;
mod faults;
mod fleet;
mod gateway;
mod lobby;
mod model;
mod nodes;
mod observe;
mod pages;
mod planner;
mod probe;
mod replica;
mod room;
mod sharing;
mod simulation;
mod slab;
mod span;
mod standstill;
mod steps;
#[cfg(test)]
mod testing;
mod windows;
mod world;

pub use demand::Demand;
pub use error::SimulationError;
pub use event::{Event, Progress};
pub use planner::{Planner, PlannerWaits, oracles};
pub use probe::{Left, NoProbe, PageEnd, Probe};
pub use simulation::Simulation;
