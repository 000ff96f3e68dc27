//! The processes of the local world: they are started, watched, started again after a crash, drained and ended.
//!
//! Each child holds a pipe from this process as its standard input and ends when that closes, so nothing outlives a run
//! however it ends.

mod child;
mod fleet;
mod keeper;
mod replica;

pub(crate) use child::Child;
pub(crate) use fleet::{Fleet, Life, Member};
pub(crate) use keeper::{Kept, keep};
pub(crate) use replica::{Order, Surroundings, spawn};
