//! Open-loop HTTP load, measured from the intended instant.
