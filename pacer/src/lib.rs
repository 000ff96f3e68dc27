//! Waiting until an instant, to tens of microseconds.
