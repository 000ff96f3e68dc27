//! Demand: what a shop is made of, who visits it and when, what breaks, how it scales, and what "good" means.
//!
//! A scenario is read in two stages: as written → as meant ([`Scenario`]). The second cannot hold nonsense.
//! From a [`Scenario`] come the [`Arrivals`], the [`Shopper`]s and the [`Draws`] that every world shares, so that the
//! simulator, the load generator and the shop meet the same luck.
//!
//! Pure: it takes `impl Read`, and opens nothing itself.

mod arrivals;
mod curve;
mod distribution;
mod draws;
mod engine;
mod file;
mod part;
mod scenario;
mod shopper;
mod speed;
#[cfg(test)]
mod testing;
mod time;
mod trace;
mod trace_id;

pub use arrivals::{Arrival, Arrivals, Crowd, Turn, Who};
pub use curve::{
    Counts, Curve, CurveError, DAY, Diurnal, Flash, Pulse, Ramp, Recorded, Sine, Steps,
};
pub use distribution::{Distribution, DistributionError, LONGEST as LONGEST_DURATION};
pub use draws::{Draws, LateDraws, Seed, Stream, VERSION as DRAWS_VERSION, child_hop};
pub use engine::{Driven, Engine, Means, Remote};
pub use file::{
    Checked, Files, Mistake, Mistakes, NoFiles, Remarks, ScalingText, Set, engine_schema, library,
    library_like, library_scenario, schema, template,
};
pub use scenario::{
    ArrivalProcess, Balance, Begin, Breaker, Bulkhead, CalendarEvent, Call, Contention, Control,
    Discipline, Ejection, Extract, Fault, FaultKind, Gateway, HealthCheck, History, HpaTarget,
    Journey, JourneyIndex, Method, Network, NodeSize, Nodes, OnFailure, Operation, OperationId,
    Page, PageIndex, Policy, Prices, RetryBudget, Route, Scaling, Scenario, ScheduleEntry, Scrape,
    Service, Source, Step, Term, Traffic, Unit, Variable, Waiting, WarmUp, WorkMode,
};
pub use shopper::{Asked, Next, Outcome, PageRequest, Shopper};
pub use speed::{SHORTEST_PERIOD, SpeedError};
pub use trace::{Part, TraceError, TraceProblem, read_counts, read_instants};
pub use trace_id::{ParseTraceError, Trace};
