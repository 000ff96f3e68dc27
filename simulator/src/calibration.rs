//! Calibration: what a measured system must be like inside, so that the simulation shows what was measured.
//!
//! A staircase of load was put on the system. At its foot, where nothing waits, the times are those of the work itself: they
//! are taken as they are, page by page (no family of distributions fits the tails of real services as well). How much of
//! them is work, if the system's CPU time was read, follows from the utilisation law U = X · E\[S\], regressed over the
//! steps. What is left — how many requests are worked on at once, how many may wait, and what working side by side costs —
//! is searched by simulating the steps with the same draws again and again (Nelder and Mead, "A simplex method for function
//! minimization", The Computer Journal 7, 1965), until throughput and the logarithms of the percentiles are closest. The
//! top step is held back: how far the fit is off there is its error.

mod fit;
mod measured;
mod model;
mod search;

pub use fit::{Calibration, CalibrationError, Fitted, Interval, Kind, StepError};
pub use measured::{Measured, PageTimes, Second, Step};
