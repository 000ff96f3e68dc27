//! Whether the run can be believed: the generator's own honesty, and the audit.

use maud::{Markup, html};

use crate::analysis::Analysis;
use crate::charts::words;
use crate::record::{Audit, World};

use super::parts;

/// The most violations of the audit that are listed.
const MOST: usize = 20;

pub(crate) fn section(analysis: &Analysis) -> Markup {
    // In virtual time nothing can be late: there is only what speaks against the run, or what an audit found.
    let simulated = matches!(analysis.about.world, World::Simulated | World::Planned);
    if simulated && analysis.audit.is_none() && analysis.honesty.objections.is_empty() {
        return html! {};
    }
    html! {
        section id="honest" {
            (super::heading(&analysis.findings.honesty, "Whether the load was delivered", &html! {}))
            div class="g2 top" {
                @if !simulated { div { (generator(analysis)) } }
                div { (audit(analysis.audit.as_ref())) }
            }
        }
    }
}

fn generator(analysis: &Analysis) -> Markup {
    let h = &analysis.honesty;
    let offered = analysis.counts().offered;
    let sent = offered.saturating_sub(h.unsent);
    let rows = [
        (
            format!("sent, of {} planned", words::count(offered)),
            words::count(sent),
        ),
        (
            "never sent".into(),
            format!(
                "{} ({})",
                words::count(h.unsent),
                parts::share(h.unsent_share)
            ),
        ),
        (
            "lateness of sending, median".into(),
            parts::ms(h.lateness_p50_ms),
        ),
        (
            "lateness of sending, p99".into(),
            parts::ms(h.lateness_p99_ms),
        ),
        (
            "lateness of sending, longest".into(),
            parts::ms(h.lateness_max_ms),
        ),
        (
            "CPU of the generator’s busiest thread, peak".into(),
            parts::share(h.cpu_peak),
        ),
        (
            "had to wait for a connection".into(),
            words::count(h.queued),
        ),
        (
            "most connections open at once".into(),
            words::count(h.connections),
        ),
    ];
    html! {
        @for objection in &h.objections { p class="warn" { "! " (words::set(objection)) } }
        h3 { "The load generator" }
        table class="hon" { tbody { @for (what, value) in &rows { tr { td { (what) } td class="n" { (value) } } } } }
    }
}

fn audit(audit: Option<&Audit>) -> Markup {
    let Some(audit) = audit else {
        return html! { p class="lead" { "No audit of orders and charges was recorded." } };
    };
    let hidden = audit
        .violation_count
        .saturating_sub(audit.violations.len().min(MOST) as u64);
    let class = if audit.violation_count > 0 {
        "n bad b"
    } else {
        "n"
    };
    let rows = [
        ("orders acknowledged to shoppers", audit.acknowledged),
        ("orders placed", audit.placed),
        ("orders charged", audit.charged),
        ("charges taken back", audit.refunded),
    ];
    html! {
        h3 { "Audit of orders and charges" }
        table class="hon" { tbody {
            @for (what, n) in rows { tr { td { (what) } td class="n" { (words::count(n)) } } }
            tr { td { "violations" } td class=(class) { (words::count(audit.violation_count)) } }
        } }
        @if !audit.violations.is_empty() {
            ul class="warn" {
                @for violation in audit.violations.iter().take(MOST) { li { (words::clean(violation, 200)) } }
                @if hidden > 0 { li { "and " (words::count(hidden)) " more, in report.json" } }
            }
        }
    }
}
