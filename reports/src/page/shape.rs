//! The shape of latency: against load, by percentile, and as a heatmap.

use maud::{Markup, html};

use crate::analysis::Analysis;
use crate::charts::heatmap::CLASSES;
use crate::charts::panel::Part;
use crate::charts::{heatmap, knee, percentiles, words};

use super::parts::{self, MOST_ROWS, Table};

pub(crate) fn knee_section(analysis: &Analysis) -> Markup {
    let service = analysis.shown_service();
    let knee = service.and_then(knee::parts);
    let curve = percentiles::parts(analysis);
    if knee.is_none() && curve.is_none() {
        return html! {};
    }
    let said = |charts: &Option<Vec<Part>>| charts.as_deref().map(parts::sentences);
    let sentences: Vec<String> = [said(&knee), said(&curve)]
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let name = service.map(|s| words::shown(&s.name)).unwrap_or_default();
    let marks = format!("p99 of {name}, log scale; a mark per window, ✕ over its limit");
    html! {
        section id="knee" {
            (super::heading(&analysis.findings.knee, "How latency answers to load", &html! {}))
            div class="g2" {
                @if let Some(charts) = &knee { (figure("Latency against load per ready replica", &marks, charts)) }
                @if let Some(charts) = &curve { (figure("All pages by percentile", &caption(analysis), charts)) }
            }
            (parts::in_words(&sentences, &percentile_table(analysis)))
        }
    }
}

fn caption(analysis: &Analysis) -> String {
    let finding = &analysis.findings.percentiles.title;
    if finding.is_empty() {
        "log scale".into()
    } else {
        words::set(finding)
    }
}

fn figure(bold: &str, rest: &str, charts: &[Part]) -> Markup {
    html! {
        figure {
            figcaption { b { (bold) } span { (rest) } }
            @for part in charts { (part.html()) }
        }
    }
}

fn percentile_table(analysis: &Analysis) -> Table {
    let total = &analysis.total;
    let rows = [
        ("mean", total.mean_ms),
        ("p50", total.p50_ms),
        ("p95", total.p95_ms),
        ("p99", total.p99_ms),
        ("p99.9", total.p999_ms),
        ("longest", total.max_ms),
    ];
    Table {
        head: vec!["latency of all pages", "this run"],
        rows: rows
            .into_iter()
            .filter(|(_, ms)| ms.is_some())
            .map(|(name, ms)| vec![name.into(), parts::ms(ms)])
            .collect(),
    }
}

pub(crate) fn heatmap_section(analysis: &Analysis) -> Markup {
    let Some(charts) = heatmap::parts(analysis) else {
        return html! {};
    };
    html! {
        section id="heat" {
            (super::heading(&analysis.findings.heatmap, "How long pages took, over time", &html! {
                "Share of the pages due in each " (column(analysis)) " that took this long:"
                @for (i, word) in classes().iter().enumerate() { " " span class="hk" { i class={ "hh" (i + 1) } {} (word) } }
            }))
            @for part in &charts { (part.html()) }
            (parts::in_words(&parts::sentences(&charts), &phase_table(analysis)))
        }
    }
}

fn column(analysis: &Analysis) -> String {
    match analysis.heatmap.edges_s[..] {
        [a, b, ..] => words::span(b - a),
        _ => "column".into(),
    }
}

fn classes() -> Vec<String> {
    let percent = |share: f64| words::number(share * 100.0);
    let mut all = vec![format!(
        "under {}",
        words::with_unit(&percent(CLASSES[0]), "%")
    )];
    for pair in CLASSES.windows(2) {
        let upper = words::with_unit(&percent(pair[1]), "%");
        all.push(format!("{}–{upper}", percent(pair[0])));
    }
    all.push(format!("over {}", words::share(CLASSES[CLASSES.len() - 1])));
    all
}

fn phase_table(analysis: &Analysis) -> Table {
    let phases = analysis.phases.iter().take(MOST_ROWS);
    let row = |p: &crate::analysis::Group| {
        let mut row = vec![words::shown(&p.name), words::count(p.counts.offered)];
        row.extend([p.p50_ms, p.p95_ms, p.p99_ms, p.max_ms].map(parts::ms));
        row
    };
    Table {
        head: vec!["phase", "pages", "p50", "p95", "p99", "longest"],
        rows: phases.map(row).collect(),
    }
}
