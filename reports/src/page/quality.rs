//! How well the scaling did, in the measures of the literature, each with what it says.

use maud::{Markup, html};

use crate::analysis::Analysis;
use crate::charts::words;
use crate::quality::{Level, Provisioning, ServiceQuality};

use super::parts;

/// The most services that are shown; the rest is in `report.json`.
const MOST: usize = 40;

/// A measure of a service: its head, its value, and what it says.
struct Measure {
    head: &'static str,
    value: fn(&ServiceQuality) -> String,
    says: &'static str,
}

const MEASURES: [Measure; 11] = [
    Measure {
        head: "lacking",
        value: |s| of(s, |p| p.under_accuracy),
        says: "Mean share of the replicas needed that were missing (under-provisioning accuracy θU); 0 is best.",
    },
    Measure {
        head: "surplus",
        value: |s| of(s, |p| p.over_accuracy),
        says: "Mean surplus against the replicas needed (over-provisioning accuracy θO); it can exceed 100 %.",
    },
    Measure {
        head: "time lacking",
        value: |s| of(s, |p| p.under_timeshare),
        says: "Share of the time with too few replicas (timeshare τU); 0 is best.",
    },
    Measure {
        head: "time in surplus",
        value: |s| of(s, |p| p.over_timeshare),
        says: "Share of the time with more than needed (timeshare τO); near 100 % is normal.",
    },
    Measure {
        head: "unsteady",
        value: |s| of(s, |p| p.instability),
        says: "Share of the time in which need and replicas moved apart (instability υ): late moves and oscillation.",
    },
    Measure {
        head: "missed",
        value: |s| parts::share(s.missed),
        says: "Share of its requests slower than its own limit or not served, each request weighing alike.",
    },
    Measure {
        head: "in use",
        value: |s| parts::share(s.useful),
        says: "Share of the slot time paid for that requests held (useful utilisation), starting replicas included.",
    },
    Measure {
        head: "replica-hours",
        value: |s| parts::number(s.replica_hours),
        says: "Paid from a replica’s creation to its end, in scenario time.",
    },
    Measure {
        head: "starts",
        value: |s| parts::or_dash(s.starts, words::count),
        says: "Replicas started during the run.",
    },
    Measure {
        head: "changes",
        value: |s| words::count(s.actions),
        says: "Decisions that changed the number of replicas.",
    },
    Measure {
        head: "flaps",
        value: |s| words::count(s.flaps),
        says: "Changes taken back within ten minutes of scenario time; 0 is best.",
    },
];

fn of(service: &ServiceQuality, pick: fn(&Provisioning) -> f64) -> String {
    parts::share(service.provisioning.as_ref().map(pick))
}

pub(crate) fn section(analysis: &Analysis) -> Markup {
    let quality = &analysis.quality;
    if quality.services.is_empty() || analysis.windows.is_empty() {
        return html! {};
    }
    let more = quality.services.len().saturating_sub(MOST);
    html! {
        section id="quality" {
            (super::heading(&analysis.findings.quality, "Scaling quality", &html! {
                "The measures by which autoscalers are compared, in scenario time" (step(analysis)) "."
            }))
            (level(&quality.level))
            div class="scroll" { table class="wide-table stack" {
                thead { tr { th { "service" } @for m in &MEASURES { th class="n" { (m.head) } } } }
                tbody { @for service in quality.services.iter().take(MOST) {
                    tr { td { (words::shown(&service.service)) } @for m in &MEASURES { td class="n" data-l=(m.head) { ((m.value)(service)) } } }
                } }
            } }
            @if more > 0 { p class="lead" { "and " (words::count(more as u64)) " more services, in report.json" } }
            details class="alt" {
                summary { "What each measure says" }
                dl class="rep says" { @for m in &MEASURES { dt { (m.head) } dd { (m.says) } } }
            }
        }
    }
}

/// The sampling step: instability depends on it.
fn step(analysis: &Analysis) -> String {
    let known = analysis.quality.services.iter();
    known
        .filter_map(|s| s.provisioning.as_ref())
        .next()
        .map_or_else(String::new, |p| {
            format!(", sampled every {}", words::span(p.step_s))
        })
}

/// What shoppers got, a row each.
fn level(level: &Level) -> Markup {
    let mut rows: Vec<(String, String, String)> = vec![(
        "error budget used".into(),
        parts::or_dash(level.budget_used, times),
        "Pages too slow or not served against what the SLO allows; 1× is all of it.".into(),
    )];
    for burn in &level.worst_burn {
        rows.push((
            format!("worst burn over {}", words::span(burn.over_s)),
            times(burn.rate),
            format!(
                "How fast the budget burned in the worst such span, from {}.",
                words::clock(burn.from_s)
            ),
        ));
    }
    let minutes = |min: f64| words::span(min * 60.0);
    rows.push((
        "violation time".into(),
        parts::or_dash(level.violation_min, minutes),
        format!(
            "Spans of {} with more misses than the SLO allows; the longest row lasted {}.",
            words::span(level.judged_over_s),
            parts::or_dash(level.longest_violation_min, minutes)
        ),
    ));
    if level.severity_mean_ms.is_some() {
        rows.push((
            "severity".into(),
            parts::ms(level.severity_mean_ms),
            match level.severity_p99_ms {
                Some(p99) => format!(
                    "Mean latency of the pages that were too slow; p99 of them {}.",
                    words::ms(p99)
                ),
                None => "Mean latency of the pages that were too slow.".into(),
            },
        ));
    }
    html! {
        div class="scroll" { table class="wide-table stack level" { tbody { @for (name, value, says) in &rows {
            tr { td { (name) } td class="n b" { (value) } td class="mut" { (words::set(says)) } }
        } } } }
    }
}

fn times(v: f64) -> String {
    format!("{}×", words::number(v))
}
