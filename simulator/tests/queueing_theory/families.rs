//! From a family's model to a scenario, and from what is seen to the family's quantities.

#[path = "families/breakdowns.rs"]
mod breakdowns;
#[path = "families/closed.rs"]
mod closed;
#[path = "families/fan_out.rs"]
mod fan_out;
#[path = "families/fluid.rs"]
mod fluid;
#[path = "families/network.rs"]
mod network;
#[path = "families/retries.rs"]
mod retries;
#[path = "families/setup.rs"]
mod setup;
#[path = "families/single.rs"]
mod single;
#[path = "families/transient.rs"]
mod transient;
#[path = "families/wave.rs"]
mod wave;

use std::collections::BTreeMap;

use super::case::{Case, Fault};
use super::effort::Effort;
use super::estimate::Estimate;

/// What was seen of a case.
pub(crate) struct Seen {
    pub(crate) quantities: BTreeMap<String, Estimate>,
    /// How many requests were counted, or how many independent runs, and how many the tolerances are made for.
    pub(crate) counted: f64,
    pub(crate) full: f64,
    /// Whether what is expected is a limit that the model only comes near to: then the distance to it is no error.
    pub(crate) limit: bool,
}

impl Seen {
    fn new(counted: f64, full: f64) -> Self {
        Self {
            quantities: BTreeMap::new(),
            counted,
            full,
            limit: false,
        }
    }

    fn note(&mut self, name: &str, estimate: Option<Estimate>) {
        if let Some(estimate) = estimate {
            self.quantities.insert(name.to_owned(), estimate);
        }
    }
}

/// Runs a case.
pub(crate) fn study(case: &Case, effort: &Effort) -> Result<Seen, Fault> {
    match case.family.as_str() {
        "M/M/1"
        | "M/M/c"
        | "M/M/c/K"
        | "M/G/1"
        | "M/D/1"
        | "M/G/inf"
        | "M/G/1-PS"
        | "M/G/c-PS"
        | "M/G/1-PS with USL rate"
        | "LB random"
        | "LB round robin"
        | "LB join shortest queue, 2 servers"
        | "M/M/c+M (Erlang A)" => single::study(case, effort),
        // The law of infinitely many replicas.
        "LB power of d (mean field)" => single::study(case, effort).map(|seen| Seen {
            limit: true,
            ..seen
        }),
        "Jackson network" => network::study(case, effort),
        "retrial M/M/c/c" => retries::retrial(case, effort),
        "retry amplification, independent failures" => retries::amplification(case, effort),
        "parallel fan-out, no queueing" => fan_out::study(case, effort),
        "M(t)/G/inf sinusoidal" => wave::study(case, effort),
        "M(t)/M/c(t) transient" => transient::study(case, effort),
        "machine repair / closed users" => closed::study(case, effort),
        "M/M/c/setup" => setup::study(case, effort),
        "M/M/1 with breakdowns" => breakdowns::study(case, effort),
        "fluid overload and drain" => fluid::study(case, effort),
        other => Err(format!("no family `{other}` is known")),
    }
}

/// A constant rate, as the language writes it.
fn rate(lambda: f64) -> String {
    format!("[constant: {{rate: {lambda}/s}}]")
}
