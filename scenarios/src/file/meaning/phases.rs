//! Named spans of a run.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::Phase;

use super::super::format::PhaseFile;
use super::super::written::{Field, List};
use super::Meaning;
use super::curves::Edges;

/// With more phases than this, none is worth its name.
const MOST: usize = 24;
/// A phase shorter than this share of the run, or than the control period, joins the one before it.
const SHORTEST_SHARE: u32 = 50;

impl Meaning<'_> {
    pub(super) fn phases(
        &mut self,
        field: &Field<List<PhaseFile>>,
        edges: &Edges,
        period: Duration,
    ) -> Vec<Phase> {
        match field.value() {
            Some(list) => self.written_phases(list, field),
            None => from_edges(edges, self.duration, period),
        }
    }

    fn written_phases(
        &mut self,
        list: &List<PhaseFile>,
        field: &Field<List<PhaseFile>>,
    ) -> Vec<Phase> {
        let mut starts: Vec<(Duration, String)> = Vec::new();
        for phase in &list.0 {
            let (Some(name), Some(from)) = (&phase.value.name.0, &phase.value.from.0) else {
                continue;
            };
            if starts.iter().any(|(_, other)| *other == name.value.0) {
                self.found.add(
                    name.at,
                    format!("two phases are called `{}`", name.value.0),
                    "",
                    "each phase has its own name",
                );
            }
            match starts.last() {
                None if !from.value.0.is_zero() => {
                    self.found.add(
                        from.at,
                        "the first phase does not begin at the start",
                        "did you mean `0s`?",
                        "phases cover the whole run, without gaps",
                    );
                }
                Some((last, _)) if *last >= from.value.0 => {
                    self.found.add(
                        from.at,
                        "phases that go back",
                        "",
                        "each phase begins after the one before",
                    );
                }
                _ => {}
            }
            self.inside(from.value.0, from.at, "a phase");
            starts.push((from.value.0, name.value.0.clone()));
        }
        if let Some(at) = field
            .at()
            .filter(|_| list.0.is_empty() || list.0.len() > 100)
        {
            self.found.add(
                at,
                format!("{} phases", list.0.len()),
                "",
                "from 1 to 100, or leave `phases` out",
            );
        }
        spans(&starts, self.duration)
    }
}

/// From where each begins to where the next does.
fn spans(starts: &[(Duration, String)], end: Duration) -> Vec<Phase> {
    let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([end]);
    starts
        .iter()
        .zip(ends)
        .map(|((from, name), to)| Phase {
            name: name.clone(),
            from: *from,
            to,
        })
        .collect()
}

/// Phases between the edges of the curves; the first is `before`. Short ones join the one before them.
fn from_edges(edges: &Edges, end: Duration, period: Duration) -> Vec<Phase> {
    let mut sorted: Vec<&(Duration, String)> = edges.iter().filter(|(at, _)| *at < end).collect();
    sorted.sort_by_key(|(at, _)| *at);
    let least = period.max(end / SHORTEST_SHARE);
    let mut starts: Vec<(Duration, String)> = Vec::new();
    let mut names: BTreeMap<&str, u32> = BTreeMap::new();
    for (at, name) in sorted {
        if starts.is_empty() && *at >= least {
            starts.push((Duration::ZERO, "before".to_owned()));
        }
        let short_before = starts.last().is_some_and(|(last, _)| *at - *last < least);
        if short_before || end - *at < least {
            continue;
        }
        let count = names
            .entry(name)
            .and_modify(|count| *count += 1)
            .or_insert(1);
        let name = if *count == 1 {
            name.clone()
        } else {
            format!("{name}-{count}")
        };
        // What begins in the first moments begins at the start.
        starts.push((
            if starts.is_empty() {
                Duration::ZERO
            } else {
                *at
            },
            name,
        ));
    }
    if starts.len() < 2 || starts.len() > MOST {
        starts = vec![(Duration::ZERO, "run".to_owned())];
    }
    spans(&starts, end)
}
