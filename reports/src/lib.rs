//! Results: the record of a run, what it says, whether its gates hold, and the pages and files made from it.
//!
//! The record is enough to redraw every chart and replay every decision: a report is always made from a record, never
//! from a run.

pub mod analysis;
pub mod charts;
pub mod gates;
pub mod journal;
pub mod page;
pub mod record;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
pub mod words;
