//! Services that wait for themselves: an operation holds its slot while it calls, and what it calls, directly or through
//! others, needs another slot of the same service. Once callers hold all slots, they wait for each other.

use std::collections::{BTreeMap, VecDeque};

use super::super::super::mistake::Concern;
use super::super::Meaning;
use super::calls::Written;
use crate::{OperationId, Service};

/// The calls by the operation that makes them; operations and calls by their place.
struct Graph<'a> {
    operations: Vec<&'a OperationId>,
    calls: &'a [Written],
    /// For each operation its calls, and where they lead.
    out: Vec<Vec<(usize, usize)>>,
}

impl<'a> Graph<'a> {
    fn of(calls: &'a [Written]) -> Self {
        let mut places: BTreeMap<&OperationId, usize> = BTreeMap::new();
        let mut operations = Vec::new();
        let mut place = |id: &'a OperationId| {
            *places.entry(id).or_insert_with(|| {
                operations.push(id);
                operations.len() - 1
            })
        };
        let ends: Vec<(usize, usize)> = calls
            .iter()
            .map(|call| (place(&call.from), place(&call.to)))
            .collect();
        let mut out = vec![Vec::new(); operations.len()];
        for (call, (from, to)) in ends.into_iter().enumerate() {
            out[from].push((call, to));
        }
        Self {
            operations,
            calls,
            out,
        }
    }

    /// The calls by which `start` comes back to its own service, each at the end of the shortest way to it.
    fn returns(&self, start: usize) -> Vec<Vec<usize>> {
        let service = &self.operations[start].service;
        // For each operation that was come to: the operation before it, and the call that led on.
        let mut came: Vec<Option<(usize, usize)>> = vec![None; self.operations.len()];
        let mut open = VecDeque::from([start]);
        let mut ways = Vec::new();
        while let Some(here) = open.pop_front() {
            for (call, to) in &self.out[here] {
                if self.operations[*to].service == *service {
                    ways.push(way(&came, here, *call));
                } else if came[*to].is_none() {
                    came[*to] = Some((here, *call));
                    open.push_back(*to);
                }
            }
        }
        ways
    }

    /// `order.checkout → order.stock`.
    fn path(&self, way: &[usize]) -> String {
        let first = way.first().map(|call| &self.calls[*call].from);
        let rest = way.iter().map(|call| &self.calls[*call].to);
        let names = first.into_iter().chain(rest);
        let names: Vec<String> = names
            .map(|id| format!("{}.{}", id.service, id.operation))
            .collect();
        names.join(" → ")
    }
}

/// The calls that lead to `here`, and `last`.
fn way(came: &[Option<(usize, usize)>], mut here: usize, last: usize) -> Vec<usize> {
    let mut way = vec![last];
    while let Some((before, call)) = came[here] {
        way.push(call);
        here = before;
    }
    way.reverse();
    way
}

impl Meaning<'_> {
    /// Warns of services that wait for themselves. Calls make no rounds: that was checked before.
    pub(super) fn waits_for_itself(
        &mut self,
        services: &BTreeMap<String, Service>,
        calls: &[Written],
    ) {
        let graph = Graph::of(calls);
        for (start, operation) in graph.operations.iter().enumerate() {
            let name = &operation.service;
            let Some(slots) = services.get(name).and_then(|service| service.slots) else {
                continue;
            };
            for way in graph.returns(start) {
                let Some(last) = way.last().map(|call| &graph.calls[*call]) else {
                    continue;
                };
                let path = graph.path(&way);
                let what = format!("{name} calls itself while it holds a slot: {path}");
                let label = format!("needs another slot of {name}, which has {slots} a replica");
                let rule = format!(
                    "when {}.{} holds all of {name}'s slots, what it calls waits for one until the time limit: do \
                     the work of {}.{} in {name}'s own steps, move it to another service, or raise `services.{name}.slots`",
                    operation.service, operation.operation, last.to.service, last.to.operation
                );
                self.found
                    .remark(Concern::Doubtful, last.at, what, label, rule);
            }
        }
    }
}
