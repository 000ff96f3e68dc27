//! What the run cost, and what of it was used.

use maud::{Markup, html};

use crate::analysis::{Analysis, ServiceCost};
use crate::charts::words;

use super::parts;

/// The most services that are shown.
const MOST: usize = 40;

pub(crate) fn section(analysis: &Analysis) -> Markup {
    let cost = &analysis.cost;
    if cost.services.is_empty() {
        return html! {};
    }
    let most = cost.services.iter().map(length).fold(1e-9, f64::max);
    let split = cost.services.iter().any(|s| s.used_replica_min.is_some());
    html! {
        section id="cost" {
            (super::heading(&analysis.findings.cost, "What it cost", &html! {
                @if split {
                    span class="k u" {} "used: what the load needed\u{2003}" span class="k w" {} "wasted: more than needed, or still starting\u{2003}"
                    span class="k s" {} "short: needed and not there, so not paid. "
                }
                "Minutes of one replica, in scenario time."
                @if cost.covered < 0.9995 { " Replica data cover " (words::share(cost.covered)) " of the run." }
            }))
            div class="scroll" { table class="cost" {
                thead { tr {
                    th { "service" } th class="cb" {} th class="n" { "used" } th class="n" { "wasted" } th class="n" { "short" } th class="n" { "paid" }
                } }
                tbody {
                    @for service in cost.services.iter().take(MOST) { (row(service, most)) }
                    @if cost.services.len() > 1 { (total(analysis)) }
                }
            } }
        }
    }
}

/// Paid and short together: the length of a row's bar.
fn length(service: &ServiceCost) -> f64 {
    service.paid_replica_min + service.short_replica_min.unwrap_or(0.0)
}

fn row(service: &ServiceCost, most: f64) -> Markup {
    let bars = match (service.used_replica_min, service.wasted_replica_min) {
        (Some(used), Some(wasted)) => vec![
            ("u", used),
            ("w", wasted),
            ("s", service.short_replica_min.unwrap_or(0.0)),
        ],
        _ => vec![("w", service.paid_replica_min)],
    };
    let short = service.short_replica_min.is_some_and(|s| s >= 0.05);
    html! {
        tr {
            td { (words::shown(&service.service)) }
            td class="cb" { span class="bar" aria-hidden="true" { @for (class, minutes) in &bars {
                @if *minutes > 0.0 { i class=(class) style={ "width:" (words::coordinate(minutes / most * 97.0)) "%" } {} }
            } } }
            td class="n" { (parts::number(service.used_replica_min)) }
            td class="n" { (parts::number(service.wasted_replica_min)) }
            td class=(if short { "n bad b" } else { "n" }) { (parts::number(service.short_replica_min)) }
            td class="n b" { (words::number(service.paid_replica_min)) }
        }
    }
}

fn total(analysis: &Analysis) -> Markup {
    let services = &analysis.cost.services;
    let sum =
        |pick: fn(&ServiceCost) -> Option<f64>| services.iter().map(pick).sum::<Option<f64>>();
    html! {
        tr class="this" {
            td { "all services" } td class="cb" {}
            td class="n" { (parts::number(sum(|s| s.used_replica_min))) }
            td class="n" { (parts::number(sum(|s| s.wasted_replica_min))) }
            td class="n" { (parts::number(sum(|s| s.short_replica_min))) }
            td class="n b" { (parts::number(analysis.cost.paid_replica_min)) }
        }
    }
}
