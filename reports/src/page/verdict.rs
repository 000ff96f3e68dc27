//! The verdict: the badge, its sentence, the numbers that matter, the gates, and what to do next.

use maud::{Markup, html};

use crate::analysis::Analysis;
use crate::charts::timeline::is_other_speed;
use crate::charts::words;
use crate::gates::{GateResult, Outcome, Unit, Verdict};
use crate::record::World;

use super::parts;

pub(crate) fn section(analysis: &Analysis) -> Markup {
    let about = &analysis.about;
    html! {
        header {
            h1 { "rushhour " span { "· " (words::shown(&about.name)) } }
            p { (world(about.world)) " · seed " (about.seed) (speed(about.speed)) }
        }
        section class={ "verdict " (class(analysis.verdict)) } id="verdict" {
            div class="vh" {
                div class="badge" { (sign(analysis.verdict)) (analysis.verdict.word()) (with_warnings(analysis.verdict)) }
                div {
                    p class="say" { (words::set(&analysis.findings.verdict)) }
                    (beside(analysis))
                }
            }
            (numbers(analysis))
            (gates(&analysis.gates))
            (next(analysis))
        }
    }
}

/// What the reader must know beside the verdict: why it failed, what cannot be believed, what the speed did.
fn beside(analysis: &Analysis) -> Markup {
    let verdict = &analysis.findings.verdict;
    let objections = analysis.honesty.objections.iter();
    let unsaid = objections.filter(|o| !verdict.contains(o.as_str()));
    let noise = analysis.noise.as_ref().and_then(|n| n.sentence.as_ref());
    html! {
        @if let Some(why) = &analysis.findings.why { p class="why" { (words::set(why)) } }
        @for objection in unsaid.take(5) { p class="warn" { "! " (words::set(objection)) } }
        @if let Some(sentence) = noise { p class="aside" { (words::set(sentence)) } }
        @for note in analysis.notes.iter().take(8) { p class="aside" { (words::set(note)) } }
    }
}

fn world(world: World) -> &'static str {
    match world {
        World::Simulated => "simulated in virtual time",
        World::Planned => "planned in rough strokes",
        World::Local => "run on this machine",
        World::Target => "load on a target",
        World::External => "through commands and URLs",
    }
}

fn speed(speed: f64) -> String {
    if is_other_speed(speed) {
        format!(" · {}× the clock", words::number(speed))
    } else {
        String::new()
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "pass",
        Verdict::Failed => "fail",
        Verdict::PassedWithWarnings | Verdict::Invalid | Verdict::Interrupted => "inv",
    }
}

/// The badge's sign, which says the same without colour.
fn sign(verdict: Verdict) -> Markup {
    let path = match verdict {
        Verdict::Passed | Verdict::PassedWithWarnings => "M4 13l5 6L20 5",
        Verdict::Failed => "M5 5l14 14M19 5L5 19",
        Verdict::Invalid => "M12 3v12M12 20v.5",
        Verdict::Interrupted => "M8 5v14M16 5v14",
    };
    html! { svg class="vi" viewBox="0 0 24 24" aria-hidden="true" { path d=(path) {} } }
}

fn with_warnings(verdict: Verdict) -> Markup {
    html! { @if verdict == Verdict::PassedWithWarnings { small { "with warnings" } } }
}

fn numbers(analysis: &Analysis) -> Markup {
    let peak = analysis.windows.iter().filter_map(|w| w.offered_rps);
    let peak = peak.reduce(f64::max);
    let over: f64 = analysis.breaches.iter().map(|b| b.to_s - b.from_s).sum();
    let measured = analysis.percentiles.iter().any(|s| s.slo_ms.is_some());
    let with = |unit: &'static str| move |v: f64| words::with_unit(&words::number(v), unit);
    let mut all = vec![
        (
            "peak load".to_owned(),
            parts::or_dash(peak, with("pages/s")),
        ),
        ("p99, whole run".into(), parts::ms(analysis.total.p99_ms)),
        (
            "above the limit".into(),
            parts::or_dash(measured.then_some(over), words::span),
        ),
        (
            "too slow or not served".into(),
            parts::share(analysis.total.missed),
        ),
    ];
    if let Some(service) = analysis.shown_service() {
        let name = words::clean(&service.name, 20);
        all.push((
            format!("{name} replicas, peak"),
            parts::whole(service.peak_ready),
        ));
    }
    let cost = analysis.cost.paid_replica_min;
    all.push(("cost".into(), parts::or_dash(cost, with("replica-min"))));
    html! {
        dl class="kpi" { @for (name, value) in &all {
            div { dt { (name) } dd { (unit_small(value)) } }
        } }
    }
}

/// Numbers in large type, their units in small: of "5 min 15 s" both.
fn unit_small(value: &str) -> Markup {
    let parts = value.split(' ').enumerate();
    html! {
        @for (i, part) in parts {
            @if i > 0 { " " }
            @match part.split_once('\u{a0}') {
                Some((number, unit)) => { (number) small { "\u{a0}" (unit) } }
                None => (part),
            }
        }
    }
}

fn gates(gates: &[GateResult]) -> Markup {
    if gates.is_empty() {
        return html! { p class="lead" { "The scenario names no gates: nothing had to hold." } };
    }
    html! {
        div class="scroll" { table class="gates" {
            thead { tr { th { "gate" } th {} th class="n" { "value" } th class="n" { "limit" } th class="n" { "margin" } th class="mbc" {} th { "where" } } }
            tbody { @for gate in gates { (gate_row(gate)) } }
        } }
    }
}

fn gate_row(gate: &GateResult) -> Markup {
    let (class, sign, word) = match gate.outcome {
        Outcome::Pass => ("gp", "✓", "pass"),
        Outcome::Warn => ("gw", "!", "warn"),
        Outcome::Fail => ("gf", "✕", "fail"),
        Outcome::Inconclusive => ("gw", "?", "open"),
    };
    let place = gate.why.as_ref().unwrap_or(&gate.place);
    html! {
        tr class=(class) {
            td class="gk" { b { (sign) } " " (word) }
            td { (words::set(&words::clean(&gate.gate, 80))) }
            td class="n v" { (parts::or_dash(gate.value, |v| value(v, gate.unit))) }
            td class="n" { (value(gate.limit, gate.unit)) }
            td class="n" { (parts::or_dash(gate.margin, margin)) }
            td class="mbc" { (margin_bar(gate.margin)) }
            td class="wh" { (words::set(&words::clean(place, 160))) }
        }
    }
}

fn value(v: f64, unit: Unit) -> String {
    match unit {
        Unit::Ms => words::ms(v),
        Unit::S => words::span(v),
        Unit::Share => words::share(v),
        Unit::ReplicaMin => words::with_unit(&words::number(v), "replica-min"),
        Unit::Rps => words::rate(v),
        Unit::Count => words::number(v),
    }
}

fn margin(margin: f64) -> String {
    let sign = if margin > 0.0 { "+" } else { "" };
    format!("{sign}{}", words::share(margin))
}

/// The margin as a bar: to the right what is left, to the left what is missing, at most all of the limit.
fn margin_bar(margin: Option<f64>) -> Markup {
    let Some(margin) = margin.filter(|m| m.is_finite()) else {
        return html! {};
    };
    let width = words::coordinate(margin.abs().min(1.0) * 50.0);
    let edge = if margin < 0.0 { "right" } else { "left" };
    let style = format!("{edge}:50%;width:{width}%");
    html! { span class="mb" aria-hidden="true" { i class=[(margin < 0.0).then_some("neg")] style=(style) {} } }
}

fn next(analysis: &Analysis) -> Markup {
    let Some(advice) = &analysis.findings.advice else {
        return html! {};
    };
    html! {
        div class="next" {
            h2 class="h3" { "What to do next" }
            p { (words::set(&advice.sentence)) @if let Some(command) = &advice.command { code class="line" { (words::clean(command, 300)) } } }
        }
    }
}
