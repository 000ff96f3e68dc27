//! The registry: who is there (leases, heartbeats, a watch) and how everything is set (versioned keys, checked before
//! they are applied).
//!
//! It may die at any time: those who know their peers go on without it, and after a restart it is empty, has another
//! epoch, and learns of everyone again from their heartbeats.

mod client;
mod server;
mod settings;
mod state;

pub use client::{Part, RegistryClient, follow, hold_lease};
pub(crate) use server::run;
pub use settings::{check_faults, check_gateway};
pub use state::{Refused, Registry};
