//! A staircase of load on a real target, and what it says about the target.

pub(crate) mod exposition;
pub(crate) mod staircase;
pub(crate) mod template;
pub(crate) mod written;
