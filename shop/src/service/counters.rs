//! What a replica counts, and its Prometheus text.
//!
//! Operations are those of the checked scenario, whose names need no escaping.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::room::{Doing, Ledger};

/// How a request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// Answered with less than 500.
    Served,
    /// Answered with 500 or more, or the asker went away.
    Failed,
    /// Turned away: the waiting room was full.
    Shed,
}

impl End {
    const ALL: [Self; 3] = [Self::Served, Self::Failed, Self::Shed];

    const fn name(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Failed => "failed",
            Self::Shed => "shed",
        }
    }
}

/// All counts since the replica's start.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    ends: BTreeMap<String, [u64; 3]>,
    /// Of the served, those whose own time was above the service's limit.
    slow: u64,
    /// The served requests' own time: waiting for a slot included, calls not.
    own: Duration,
    /// Time that slots were held beyond what the draws said.
    overrun: Duration,
}

impl Counters {
    /// Counts a request that was served within its own time.
    pub(super) fn served(&mut self, operation: &str, own: Duration, limit: Duration) {
        self.ended(operation, End::Served);
        self.own += own;
        self.slow += u64::from(own > limit);
    }

    /// Counts a request's end.
    pub(super) fn ended(&mut self, operation: &str, end: End) {
        if let Some(ends) = self.ends.get_mut(operation) {
            ends[end as usize] += 1;
        } else {
            let mut ends = [0; 3];
            ends[end as usize] = 1;
            self.ends.insert(operation.to_owned(), ends);
        }
    }

    /// Adds an overrun.
    pub(super) fn overran(&mut self, by: Duration) {
        self.overrun += by;
    }

    fn total(&self, end: End) -> u64 {
        self.ends.values().map(|ends| ends[end as usize]).sum()
    }

    /// The whole text.
    pub(super) fn text(&self, slots: u32, ledger: &Ledger) -> String {
        let mut out = String::new();
        self.write(&mut out, slots, ledger)
            .expect("writing to memory does not fail");
        out
    }

    fn write(&self, out: &mut String, slots: u32, ledger: &Ledger) -> std::fmt::Result {
        head(out, "requests_total", "counter", "Requests, by their end.")?;
        for end in End::ALL {
            let (name, count) = (end.name(), self.total(end));
            writeln!(out, "rushhour_requests_total{{outcome=\"{name}\"}} {count}")?;
        }
        let help = "Requests, by operation and end.";
        head(out, "operation_requests_total", "counter", help)?;
        for (operation, ends) in &self.ends {
            for end in End::ALL {
                let (name, count) = (end.name(), ends[end as usize]);
                writeln!(
                    out,
                    "rushhour_operation_requests_total{{operation=\"{operation}\",outcome=\"{name}\"}} {count}"
                )?;
            }
        }
        let in_flight = |doing| ledger.count(Doing::Queued) + ledger.count(doing);
        let gauges = [
            ("slots", slots, "Requests that can be worked on at once."),
            (
                "in_flight",
                in_flight(Doing::Held),
                "Requests here, waiting for a slot or holding one.",
            ),
            (
                "queued",
                ledger.count(Doing::Queued),
                "Requests that wait for a slot.",
            ),
        ];
        for (name, value, help) in gauges {
            head(out, name, "gauge", help)?;
            writeln!(out, "rushhour_{name} {value}")?;
        }
        self.write_seconds(out, ledger)
    }

    fn write_seconds(&self, out: &mut String, ledger: &Ledger) -> std::fmt::Result {
        let (queued, held) = (ledger.seconds(Doing::Queued), ledger.seconds(Doing::Held));
        let seconds = [
            ("slots_busy", held, "Time that slots were held."),
            (
                "work",
                ledger.seconds(Doing::Working),
                "Time in work, which stands for CPU time.",
            ),
            (
                "wait",
                ledger.seconds(Doing::Waiting),
                "Time in waits, with a slot held.",
            ),
            (
                "in_flight",
                queued + held,
                "Time that requests spent here, each for itself.",
            ),
            (
                "queued",
                queued,
                "Time that requests waited for a slot, each for itself.",
            ),
            (
                "overrun",
                self.overrun.as_secs_f64(),
                "Time that slots were held beyond what was drawn.",
            ),
            (
                "own",
                self.own.as_secs_f64(),
                "Time of served requests without the calls they made.",
            ),
        ];
        for (name, value, help) in seconds {
            let name = format!("{name}_seconds_total");
            head(out, &name, "counter", help)?;
            writeln!(out, "rushhour_{name} {value}")?;
        }
        let help = "Served requests whose own time was above the service's limit.";
        head(out, "slow_total", "counter", help)?;
        writeln!(out, "rushhour_slow_total {}", self.slow)
    }
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(
        out,
        "# HELP rushhour_{name} {help}\n# TYPE rushhour_{name} {kind}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_was_counted() {
        let mut counters = Counters::default();
        let limit = Duration::from_millis(250);
        counters.served("cart", Duration::from_millis(250), limit);
        counters.served("cart", Duration::from_millis(251), limit);
        counters.ended("checkout", End::Failed);
        counters.ended("checkout", End::Shed);
        counters.overran(Duration::from_millis(5));
        let text = counters.text(2, &Ledger::default());
        for line in [
            "rushhour_slots 2",
            "rushhour_requests_total{outcome=\"served\"} 2",
            "rushhour_requests_total{outcome=\"failed\"} 1",
            "rushhour_operation_requests_total{operation=\"checkout\",outcome=\"shed\"} 1",
            "rushhour_slow_total 1",
            "rushhour_overrun_seconds_total 0.005",
            "rushhour_own_seconds_total 0.501",
            "rushhour_in_flight 0",
            "rushhour_queued_seconds_total 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            let declared = format!("# TYPE {name} ");
            assert!(text.contains(&declared), "{name} has no type");
        }
    }
}
