//! The services, a row each, and the pages and phases as tables.

use maud::{Markup, html};

use crate::analysis::{Analysis, Group, Service};
use crate::charts::sparks::Sparks;
use crate::charts::words;

use super::parts;

/// The most services, pages and phases that are shown; the rest is in `report.json`.
const MOST: usize = 40;
/// From this utilisation on, a peak is marked.
const BUSY: f64 = 0.95;

pub(crate) fn section(analysis: &Analysis) -> Markup {
    if analysis.services.is_empty() {
        return html! {};
    }
    let sparks = Sparks::new(analysis);
    html! {
        section id="services" {
            (super::heading(&analysis.findings.services, "The services", &html! {
                "Utilisation and p99 have one scale for all services, load and replicas one for each. The number is the peak; p99 is what the gateway saw, the dashes are the service’s own limit."
            }))
            div class="svc" {
                div class="sr sh" {
                    div {} div { "load " small { "req/s" } } div { "utilisation " small { "slots held" } }
                    div { "replicas " small { "wanted, ready" } } div { "p99 " small { "log" } } div { "not served" }
                }
                @for service in analysis.services.iter().take(MOST) { (row(analysis, service, &sparks)) }
            }
            (more(analysis.services.len(), "services"))
        }
    }
}

fn row(analysis: &Analysis, service: &Service, sparks: &Sparks<'_>) -> Markup {
    let tightest = analysis
        .tightest
        .as_ref()
        .filter(|t| t.service == service.name);
    let ran_out = tightest.is_some_and(|t| t.short_s > 0.0);
    let turned_away = tightest.is_some_and(|t| t.turned_away > 0);
    let worst = service
        .p99_steps_ms
        .iter()
        .flatten()
        .copied()
        .reduce(f64::max)
        // With too few requests for one at a time, what all of them together say.
        .or(service.p99_ms);
    let errors = service.counts.errors();
    let cells = [
        (
            "load, req/s",
            sparks.load(service),
            parts::number(service.peak_rps),
            false,
        ),
        (
            "utilisation",
            sparks.busy(service),
            parts::share(service.peak_busy),
            service.peak_busy.is_some_and(|b| b >= BUSY),
        ),
        (
            "replicas",
            sparks.replicas(service),
            parts::whole(service.peak_ready),
            false,
        ),
        (
            "p99",
            sparks.latency(service),
            parts::ms(worst),
            worst.is_some_and(|w| w > service.limit_ms),
        ),
        (
            "not served",
            sparks.failed(service),
            words::count(errors),
            errors > 0,
        ),
    ];
    html! {
        div class="sr" {
            div class="sn" {
                (words::shown(&service.name))
                @if tightest.is_some() { em class=[ran_out.then_some("bad")] { @if !ran_out { "came closest" } @else if turned_away { "turned most away" } @else { "ran out first" } } }
                small { (words::clean(&service.policy, 40)) }
            }
            @for (label, spark, number, bad) in &cells {
                div data-l=(label) { (spark.spark()) span class=(mark(*bad)) { (number) } }
            }
        }
    }
}

/// The class of a number: marked where it is bad.
fn mark(bad: bool) -> &'static str {
    if bad { "n bad b" } else { "n" }
}

/// "and 12 more services", where not all are shown.
fn more(all: usize, what: &str) -> Markup {
    html! {
        @if all > MOST { p class="lead" { "and " (words::count((all - MOST) as u64)) " more " (what) ", in report.json" } }
    }
}

pub(crate) fn pages_section(analysis: &Analysis) -> Markup {
    if analysis.pages.is_empty() && analysis.phases.len() < 2 {
        return html! {};
    }
    let mut pages: Vec<&Group> = analysis.pages.iter().collect();
    pages.sort_by(|a, b| b.missed.unwrap_or(0.0).total_cmp(&a.missed.unwrap_or(0.0)));
    let phases: Vec<&Group> = analysis.phases.iter().collect();
    html! {
        section id="pages" {
            h2 { "By page" @if phases.len() > 1 { " and by phase" } }
            p class="lead" { "The page with the largest share of misses first. A dash: too few requests to say." }
            @if !pages.is_empty() {
                (table(analysis, "page", &pages))
                (more(pages.len(), "pages"))
            }
            @if phases.len() > 1 {
                (table(analysis, "phase", &phases))
                (more(phases.len(), "phases"))
            }
        }
    }
}

fn table(analysis: &Analysis, what: &str, groups: &[&Group]) -> Markup {
    let limit = analysis.about.limit_ms;
    let allowed = 1.0 - analysis.about.share;
    html! {
        div class="scroll" { table class="wide-table stack" {
            thead { tr {
                th { (what) } th class="n" { "offered" } th class="n" { "not served" } th class="n" { "missed" }
                th class="n" { "p50" } th class="n" { "p95" } th class="n" { "p99" } th class="n" { "longest" }
            } }
            tbody { @for g in groups.iter().take(MOST) { tr {
                td { (words::shown(&g.name)) @if !g.joined.is_empty() { small { " with " (joined(g)) } } }
                td class="n" data-l="offered" { (words::count(g.counts.offered)) }
                td class=(mark(g.counts.errors() > 0)) data-l="not served" { (words::count(g.counts.errors())) }
                td class=(mark(g.missed.is_some_and(|m| m > allowed))) data-l="missed" { (parts::share(g.missed)) }
                @for (name, ms) in [("p50", g.p50_ms), ("p95", g.p95_ms), ("p99", g.p99_ms)] {
                    td class=(mark(ms.is_some_and(|ms| ms > limit))) data-l=(name) { (parts::ms(ms)) }
                }
                td class="n" data-l="longest" { (parts::ms(g.max_ms)) }
            } } }
        } }
    }
}

fn joined(group: &Group) -> String {
    let names: Vec<String> = group.joined.iter().map(|n| words::shown(n)).collect();
    words::list(&names)
}
