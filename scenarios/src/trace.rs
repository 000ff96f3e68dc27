//! Reading recorded traffic.

/// The most bins or instants that a trace may have.
pub(crate) const ROWS_MAX: usize = 4_000_000;
