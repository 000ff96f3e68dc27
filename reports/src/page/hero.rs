//! Load, latency and capacity over time, and the first breach enlarged.

use maud::{Markup, html};

use crate::analysis::{Analysis, Breach, Interval, PercentileStep, Service};
use crate::charts::{breach, hero, words};

use super::parts::{self, MOST_ROWS, Table};

pub(crate) fn section(analysis: &Analysis) -> Markup {
    let hero::Hero { main, also, axis } = hero::Hero::of(analysis);
    let mut sentences = parts::sentences(&main);
    sentences.extend(parts::sentences(&also));
    html! {
        section id="hero" {
            (super::heading(&analysis.findings.hero, "Load, latency and capacity over time", &html! {
                (lead(analysis)) " " span class="keys" { "Hover, or use ← → (Shift: a minute), to read values." }
            }))
            output id="read" class="read" aria-live="off" { (worst_moment(analysis)) }
            div class="hero" tabindex="0" role="group" aria-label="Load, latency and capacity on one time axis" {
                @for part in &main { (part.html()) }
                @if !also.is_empty() { div class="also" { @for part in &also { (part.html()) } } }
                (axis.html())
            }
            (enlarged(analysis))
            (parts::in_words(&sentences, &table(analysis)))
        }
    }
}

/// What the panels mean, as far as this run has them.
fn lead(analysis: &Analysis) -> String {
    let latency = "Latency counts from the instant each page was due, at the gateway.";
    let (Some(service), Some(tightest)) = (analysis.shown_service(), &analysis.tightest) else {
        return latency.into();
    };
    let name = words::shown(&service.name);
    let why = tightest.did();
    format!("{latency} The capacity shown is that of {name}, the service that {why}.")
}

/// The worst moment, which stands above the charts until the cursor moves: the highest p99, or else the highest load.
fn worst_moment(analysis: &Analysis) -> Markup {
    let worst = analysis.percentiles.iter().filter(|s| s.p99_ms.is_some());
    let worst = worst.max_by(|a, b| by(a.p99_ms, b.p99_ms));
    let busiest = analysis.windows.iter().filter(|w| w.offered_rps.is_some());
    let busiest = busiest.max_by(|a, b| by(a.offered_rps, b.offered_rps));
    let (what, span) = match (worst, busiest) {
        (Some(s), _) => ("worst moment", (s.from_s, s.to_s)),
        (None, Some(w)) => ("peak", (w.from_s, w.to_s)),
        (None, None) => return html! { span class="mut" { "no data" } },
    };
    let at = f64::midpoint(span.0, span.1);
    let window = analysis
        .windows
        .iter()
        .find(|w| w.from_s <= at && at < w.to_s);
    let limit = analysis.about.limit_ms;
    html! {
        span class="mut" { (what) } " " b { (words::clock(span.0)) }
        @if let Some(load) = window.and_then(|w| w.offered_rps) {
            (reading("load", &words::with_unit(&words::number(load), "pages/s"), None))
        }
        @if let Some(step) = worst {
            @for (name, ms) in [("p50", step.p50_ms), ("p95", step.p95_ms), ("p99", step.p99_ms)] {
                @if let Some(ms) = ms { (reading(name, &words::ms(ms), (ms > limit).then_some("bad"))) }
            }
        }
        @if let Some(service) = analysis.shown_service() { (service_reading(service, at)) }
    }
}

fn by(a: Option<f64>, b: Option<f64>) -> std::cmp::Ordering {
    a.unwrap_or(0.0).total_cmp(&b.unwrap_or(0.0))
}

fn reading(name: &str, value: &str, class: Option<&str>) -> Markup {
    html! { "\u{2003}" (name) " " b class=[class] { (value) } }
}

fn service_reading(service: &Service, at: f64) -> Markup {
    let window = service
        .windows
        .iter()
        .find(|w| w.from_s <= at && at < w.to_s);
    let Some((ready, desired)) = window.and_then(|w| Some((w.ready?, w.desired?))) else {
        return html! {};
    };
    let room = window.and_then(|w| Some(w.capacity_rps? / w.load_rps.filter(|l| *l > 0.0)? - 1.0));
    let name = words::clean(&service.name, 20);
    html! {
        (reading(&name, &format!("{ready} ready of {desired}"), None))
        @if let Some(room) = room {
            @if room < 0.0 { (reading("short", &words::share(-room), Some("bad"))) }
            @else { (reading("headroom", &words::share(room), None)) }
        }
    }
}

/// The first breach on an axis of its own, beside where its time went.
fn enlarged(analysis: &Analysis) -> Markup {
    let Some(first) = analysis.breaches.first() else {
        return html! {};
    };
    let Some((service, charts)) = breach::parts(analysis, first) else {
        return html! {};
    };
    let finding = analysis.findings.breach.clone().unwrap_or_default();
    let length = words::span(first.to_s - first.from_s);
    html! {
        div class="g2 ana" {
            figure {
                figcaption { b { "The first breach, enlarged" } span { (length) " over the limit; replicas of " (words::shown(&service.name)) ", and load in replicas’ worth" } }
                @for part in &charts { (part.html()) }
            }
            div {
                h3 { @if finding.title.is_empty() { "Where the time went" } @else { (words::set(&finding.title)) } }
                (split_table(first))
                @if !finding.sentence.is_empty() { p class="lead" { (words::set(&finding.sentence)) } }
            }
        }
    }
}

fn split_table(first: &Breach) -> Markup {
    let mut rows: Vec<(String, f64, String)> = Vec::new();
    if let Some(split) = &first.split {
        let says = [
            (
                "load was above capacity, and nothing more was asked for yet",
                &split.not_seen,
            ),
            (
                "more replicas were asked for, and not enough of them were ready",
                &split.starting,
            ),
            (
                "capacity was above load again, and the queue was worked off",
                &split.clearing,
            ),
        ];
        let says = says.into_iter().filter(|(_, span)| span.length_s() > 0.0);
        rows.extend(
            says.map(|(what, span)| (what.into(), span.from_s, words::span(span.length_s()))),
        );
    }
    let worst = words::ms(first.worst_ms);
    rows.push((
        format!("worst latency: {worst}"),
        first.worst_at_s,
        String::new(),
    ));
    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
    html! {
        table class="hon" { tbody {
            @for (what, at, length) in &rows {
                tr { td { (what) } td class="n" { (words::clock(*at)) } td class="n b" { (length) } }
            }
            @if !first.recovered {
                tr { td { "latency was not back within its limit when the run ended" } td class="n" {} td class="n" {} }
            }
        } }
    }
}

/// The run in at most 20 rows.
fn table(analysis: &Analysis) -> Table {
    let size = analysis.windows.len().div_ceil(MOST_ROWS).max(1);
    let service = analysis.shown_service();
    let chunks = analysis.windows.chunks(size).enumerate();
    Table {
        head: vec![
            "from",
            "offered pages/s",
            "not served pages/s",
            "worst p50",
            "worst p99",
            "replicas wanted",
            "ready",
            "capacity req/s",
        ],
        rows: chunks
            .map(|(i, windows)| row(analysis, service, i * size, windows))
            .collect(),
    }
}

/// Not served, in pages per second; nothing without data.
pub(crate) fn lost(w: &Interval) -> Option<f64> {
    w.offered_rps?;
    Some(hero::not_served(w))
}

fn row(
    analysis: &Analysis,
    service: Option<&Service>,
    first: usize,
    windows: &[Interval],
) -> Vec<String> {
    let (from, to) = (windows[0].from_s, windows[windows.len() - 1].to_s);
    let mean = |pick: fn(&Interval) -> Option<f64>| {
        let all: Vec<f64> = windows.iter().filter_map(pick).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    };
    let worst = |pick: fn(&PercentileStep) -> Option<f64>| {
        let steps = analysis.percentiles.iter();
        let steps = steps.filter(|s| s.to_s > from && s.from_s < to);
        steps.filter_map(pick).reduce(f64::max)
    };
    let sample = service.and_then(|s| s.windows.get(first));
    vec![
        words::clock(from),
        parts::number(mean(|w| w.offered_rps)),
        parts::number(mean(lost)),
        parts::ms(worst(|s| s.p50_ms)),
        parts::ms(worst(|s| s.p99_ms)),
        parts::whole(sample.and_then(|s| s.desired)),
        parts::whole(sample.and_then(|s| s.ready)),
        parts::number(sample.and_then(|s| s.capacity_rps)),
    ]
}
