//! Several records of the same run, as one.

use super::{Audit, End, Ending, Header, Record};

/// Why records cannot be merged.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MergeError {
    /// There is none.
    #[error("no record to merge")]
    Nothing,
    /// They are of different runs.
    #[error("record {index} is of another run: its {what} differs")]
    AnotherRun {
        /// Which record, counted from 1.
        index: usize,
        /// What differs.
        what: &'static str,
    },
}

impl Record {
    /// Merges records of one run without loss: counts and histograms add up, what several tell alike is kept once.
    /// The order matters only where several say different things of the same window's replicas: the last one counts.
    ///
    /// # Errors
    /// If there is none, or if they are of different runs.
    pub fn merge(records: impl IntoIterator<Item = Self>) -> Result<Self, MergeError> {
        let mut records = records.into_iter();
        let mut sum = records.next().ok_or(MergeError::Nothing)?;
        for (index, record) in records.enumerate() {
            if let Some(what) = difference(&sum.header, &record.header) {
                return Err(MergeError::AnotherRun {
                    index: index + 2,
                    what,
                });
            }
            sum.absorb(record);
        }
        sum.settle();
        Ok(sum)
    }

    fn absorb(&mut self, other: Self) {
        for window in other.windows() {
            self.windows.add(window);
        }
        let known: std::collections::BTreeSet<_> = self
            .observations()
            .map(|(workload, seen)| (workload, seen.at))
            .collect();
        for (workload, seen) in other.observations() {
            if !known.contains(&(workload.clone(), seen.at)) {
                self.observations.push(workload, Box::new(seen));
            }
        }
        append_new(&mut self.decisions, other.decisions, |a, b| {
            a.at == b.at && a.workload == b.workload
        });
        append_new(&mut self.written, other.written, |a, b| {
            a.at == b.at && a.workload == b.workload
        });
        append_new(&mut self.faults, other.faults, |a, b| a == b);
        append_new(&mut self.notes, other.notes, |a, b| a == b);
        self.host = self.host.take().or(other.host);
        self.audit = join_audits(self.audit.take(), other.audit);
        self.end = join_ends(self.end.take(), other.end);
        self.last = self.last.max(other.last);
    }
}

/// Appends what is not there yet. What comes from one record is never compared with itself.
fn append_new<T>(into: &mut Vec<T>, from: Vec<T>, same: impl Fn(&T, &T) -> bool) {
    let before = into.len();
    // Records of workers mostly have nothing here, so that the comparison of all with all stays cheap.
    if before == 0 {
        into.extend(from);
        return;
    }
    for item in from {
        if !into[..before].iter().any(|known| same(known, &item)) {
            into.push(item);
        }
    }
}

fn difference(a: &Header, b: &Header) -> Option<&'static str> {
    let checks = [
        (a.schema == b.schema, "schema"),
        (a.name == b.name, "scenario's name"),
        (a.scenario == b.scenario, "scenario"),
        (a.seed == b.seed, "seed"),
        (a.draws == b.draws, "draws' version"),
        (a.speed == b.speed, "speed"),
        (a.start == b.start, "start"),
        (a.duration == b.duration, "duration"),
        (a.grid == b.grid, "grid of windows"),
    ];
    checks
        .into_iter()
        .find_map(|(same, what)| (!same).then_some(what))
}

/// The audit that found more: it is of the whole shop, so parts do not add up.
fn join_audits(a: Option<Audit>, b: Option<Audit>) -> Option<Audit> {
    match (a, b) {
        (Some(a), Some(b)) if (b.violation_count, b.placed) > (a.violation_count, a.placed) => {
            Some(b)
        }
        (a, b) => a.or(b),
    }
}

/// The worse end; a part that was cut off makes the whole cut off.
fn join_ends(a: Option<End>, b: Option<End>) -> Option<End> {
    let rank = |end: &End| match end.how {
        Ending::Completed => 0,
        Ending::Interrupted => 1,
        Ending::Failed(_) => 2,
    };
    let (a, b) = (a?, b?);
    let at = a.at.max(b.at);
    let how = if rank(&b) > rank(&a) { b.how } else { a.how };
    Some(End { at, how })
}
