//! The gateway's counts as Prometheus text.
//!
//! Services are those of the checked scenario, whose names need no escaping.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::counting::{BUCKETS, Totals};
use crate::protocol::ServiceState;

/// What a gauge shows of a service.
type Gauge = fn(&ServiceState) -> u32;

/// The whole text.
pub(super) fn text(
    states: &BTreeMap<String, ServiceState>,
    totals: &BTreeMap<String, Totals>,
) -> String {
    let mut out = String::new();
    write(&mut out, states, totals).expect("writing to memory does not fail");
    out
}

fn write(
    out: &mut String,
    states: &BTreeMap<String, ServiceState>,
    totals: &BTreeMap<String, Totals>,
) -> std::fmt::Result {
    head(
        out,
        "rushhour_gateway_requests_total",
        "counter",
        "Requests, by how they ended.",
    )?;
    for (service, total) in totals {
        let counts = &total.counts;
        for (end, count) in [
            ("served", counts.served),
            ("failed", counts.failed),
            ("shed", counts.shed),
            ("timed_out", counts.timed_out),
        ] {
            writeln!(
                out,
                "rushhour_gateway_requests_total{{service=\"{service}\",end=\"{end}\"}} {count}"
            )?;
        }
    }
    head(
        out,
        "rushhour_gateway_retries_total",
        "counter",
        "Tries beyond the first.",
    )?;
    for (service, total) in totals {
        let retries = total.counts.retries;
        writeln!(
            out,
            "rushhour_gateway_retries_total{{service=\"{service}\"}} {retries}"
        )?;
    }
    latencies(out, totals)?;
    let gauges: [(&str, &str, Gauge); 4] = [
        ("in_flight", "Requests in flight.", |s| s.in_flight),
        (
            "replicas_available",
            "Replicas that may be sent requests.",
            |s| s.available,
        ),
        (
            "replicas_ejected",
            "Replicas left alone because they failed.",
            |s| s.ejected,
        ),
        (
            "breaker_open",
            "1 while the circuit breaker is not closed.",
            |s| u32::from(s.breaker_open),
        ),
    ];
    for (name, help, value) in gauges {
        head(out, &format!("rushhour_gateway_{name}"), "gauge", help)?;
        for (service, state) in states {
            let value = value(state);
            writeln!(
                out,
                "rushhour_gateway_{name}{{service=\"{service}\"}} {value}"
            )?;
        }
    }
    Ok(())
}

fn latencies(out: &mut String, totals: &BTreeMap<String, Totals>) -> std::fmt::Result {
    let name = "rushhour_gateway_latency_seconds";
    head(
        out,
        name,
        "histogram",
        "From the coming of a request to its answer, of those served or timed out.",
    )?;
    for (service, total) in totals {
        let mut sum = 0;
        for (bound, count) in BUCKETS.iter().zip(total.buckets) {
            sum += count;
            writeln!(
                out,
                "{name}_bucket{{service=\"{service}\",le=\"{bound}\"}} {sum}"
            )?;
        }
        let all = total.latencies;
        writeln!(
            out,
            "{name}_bucket{{service=\"{service}\",le=\"+Inf\"}} {all}"
        )?;
        writeln!(out, "{name}_sum{{service=\"{service}\"}} {}", total.seconds)?;
        writeln!(out, "{name}_count{{service=\"{service}\"}} {all}")?;
    }
    Ok(())
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> std::fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}
