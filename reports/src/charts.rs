//! The charts of a report, and the picture that stands outside of it.
//!
//! plotters draws the marks; frames, words and points are maud's, so that type keeps its size at any width. Nothing here
//! computes a result: all numbers come from [`Analysis`](crate::analysis::Analysis).

pub(crate) mod breach;
pub(crate) mod capacity;
pub(crate) mod comparison;
pub(crate) mod front;
pub(crate) mod heatmap;
pub(crate) mod hero;
pub(crate) mod knee;
pub(crate) mod marks;
pub(crate) mod panel;
pub(crate) mod percentiles;
mod picture;
pub(crate) mod place;
pub(crate) mod sample;
pub(crate) mod scale;
pub(crate) mod sparks;
pub(crate) mod timeline;
pub(crate) mod words;

pub(crate) use picture::hatch;
pub use picture::hero_svg;

/// The style sheet of charts: in the page and in stand-alone pictures.
pub(crate) const THEME: &str = include_str!("charts/theme.css");
