//! The words everything is said in: instants, units, readings, histograms, windows.
//!
//! Every other crate speaks in these types, so that a rate cannot be taken for a count, a percentage for a ratio, or
//! a missing reading for zero. Pure: nothing here reads a clock, a file or a socket.
//!
//! What it does not do: it knows no scenario, no policy and no world.

mod gate;
mod histogram;
mod quantity;
mod reading;
mod timestamp;
mod units;
mod window;

pub use gate::{Bound, Gate, GateLevel, GateMetric, GatePer, Phase, Slo};
pub use histogram::{Histogram, HistogramError, LatencyCounts, Precision};
pub use quantity::{ParseQuantityError, Quantity};
pub use reading::{NoData, Reading};
pub use timestamp::Timestamp;
pub use units::{OutOfRange, Quantile, Ratio, Replicas, Rps};
pub use window::{Counts, Generator, Grid, Series, Window, Workload};
