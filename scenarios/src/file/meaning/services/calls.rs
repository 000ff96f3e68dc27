//! The graph of calls: whom operations call, how deep, and whether a service waits for itself.

use std::collections::BTreeMap;

use super::super::super::mistake::{Span, did_you_mean, listed, short};
use super::super::{Meaning, part_of};
use crate::{OperationId, Service};

/// How many calls an operation may make, and how deep calls may nest: so that no two calls of a page share a hop.
pub(super) const MOST_CALLS: usize = 15;
const DEEPEST: usize = 7;

/// A call that is written somewhere.
pub(super) struct Written {
    pub(super) from: OperationId,
    pub(super) to: OperationId,
    pub(super) at: Span,
    pub(super) text: String,
}

impl Meaning<'_> {
    pub(super) fn check_calls(&mut self, services: &BTreeMap<String, Service>, calls: &[Written]) {
        let mut fine = true;
        for call in calls {
            let Some(service) = services.get(&call.to.service) else {
                let names = || services.keys().map(String::as_str);
                self.found.add(
                    part_of(call.at, &call.text, 0, call.to.service.len()),
                    format!("`{}` calls a service that is not there", call.from.service),
                    did_you_mean(&call.to.service, names()),
                    format!("services are: {}", listed(names())),
                );
                fine = false;
                continue;
            };
            if !service.operations.contains_key(&call.to.operation) {
                let names = || service.operations.keys().map(String::as_str);
                self.found.add(
                    part_of(
                        call.at,
                        &call.text,
                        call.to.service.len() + 1,
                        call.to.operation.len(),
                    ),
                    format!(
                        "`{}` has no operation `{}`",
                        call.to.service,
                        short(&call.to.operation)
                    ),
                    did_you_mean(&call.to.operation, names()),
                    format!("operations of {} are: {}", call.to.service, listed(names())),
                );
                fine = false;
            }
        }
        if fine && self.check_depth(calls) {
            self.waits_for_itself(services, calls);
        }
    }

    /// Calls must not come back to where they began, nor nest too deep. Says whether that is so.
    fn check_depth(&mut self, calls: &[Written]) -> bool {
        let mut graph: BTreeMap<&OperationId, Vec<&Written>> = BTreeMap::new();
        for call in calls {
            graph.entry(&call.from).or_default().push(call);
        }
        let mut depths: BTreeMap<&OperationId, usize> = BTreeMap::new();
        for from in graph.keys() {
            let mut path = Vec::new();
            if let Err((at, what, rule)) = depth(from, &graph, &mut depths, &mut path) {
                self.found.add(at, what, "", rule);
                return false;
            }
        }
        true
    }
}

fn depth<'a>(
    from: &'a OperationId,
    graph: &BTreeMap<&'a OperationId, Vec<&'a Written>>,
    depths: &mut BTreeMap<&'a OperationId, usize>,
    path: &mut Vec<&'a OperationId>,
) -> Result<usize, (Span, String, String)> {
    if let Some(depth) = depths.get(from) {
        return Ok(*depth);
    }
    path.push(from);
    let mut deepest = 0;
    for call in graph.get(from).into_iter().flatten() {
        if let Some(start) = path.iter().position(|id| **id == call.to) {
            let round = path[start..].iter().copied().chain([&call.to]);
            let round: Vec<String> = round
                .map(|id| format!("{}.{}", id.service, id.operation))
                .collect();
            return Err((
                call.at,
                "a call that comes back to where it began".to_owned(),
                round.join(" → "),
            ));
        }
        deepest = deepest.max(1 + depth(&call.to, graph, depths, path)?);
        // Checked on the way, so that a long chain ends here and not in the stack.
        if deepest > DEEPEST || path.len() > DEEPEST {
            let rule = format!("calls nest at most {DEEPEST} deep");
            return Err((call.at, "calls that nest too deep".to_owned(), rule));
        }
    }
    path.pop();
    depths.insert(from, deepest);
    Ok(deepest)
}
