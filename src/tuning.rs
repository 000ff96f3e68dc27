//! Searching a policy's parameters: what can be varied, where it is tried, and in which order.

pub(crate) mod days;
pub(crate) mod knobs;
pub(crate) mod manifests;
pub(crate) mod planned;
pub(crate) mod search;
pub(crate) mod stages;
