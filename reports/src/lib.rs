//! Results: the record of a run, what it says, whether its gates hold, and the pages and files made from it.
//!
//! The record is enough to redraw every chart and replay every decision: a report is always made from a record, never
//! from a run.

pub mod analysis;
mod braille;
pub mod charts;
pub mod comparison;
pub mod explain;
pub mod figures;
pub mod files;
pub mod gates;
pub mod grid;
pub mod hlog;
pub mod journal;
pub mod json;
pub mod junit;
pub mod live;
pub mod markdown;
pub mod page;
pub mod plan;
pub mod quality;
pub mod record;
pub mod replay;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
pub mod terminal;
pub mod trials;
pub mod tuning;
pub mod words;
