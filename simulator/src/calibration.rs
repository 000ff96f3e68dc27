//! Calibration: what a measured system must be like inside, so that the simulation shows what was measured.
//!
//! A staircase of load was put on the system. At its foot next to nothing waits: the times there are taken as they are, page
//! by page (no family of distributions fits the tails of real services as well). How much of them is work, if the system's
//! CPU time was read, follows from the utilisation law U = X · E\[S\], regressed over the steps. What is left — how many
//! requests are worked on at once, how many may wait, and what working side by side costs — is searched by simulating the
//! staircase with the same draws again and again (Nelder and Mead, "A simplex method for function minimization", The
//! Computer Journal 7, 1965).
//!
//! What "closest" means is a likelihood (S. Wood, "Statistical inference for noisy nonlinear ecological dynamic systems",
//! Nature 466, 2010): the logarithms of each step's figures (share answered, mean, p50, p95, p99) are taken as jointly
//! normal, and how much they scatter, and together, is seen by simulating the staircase many times over with other luck.
//! From it follow the ranges (the widths that are not less likely than nine of ten allow), whether contention is more than
//! chance, and whether slots or shared cores are told apart at all. The top step is held back: how far the fit is off
//! there is its error.

mod bench;
mod fit;
mod measured;
mod model;
mod noise;
mod ranges;
mod result;
mod search;
mod shape;

pub use fit::Calibration;
pub use measured::{Measured, PageTimes, Second, Step};
pub use result::{CalibrationError, Described, Fitted, Interval, Kind, StepError};
