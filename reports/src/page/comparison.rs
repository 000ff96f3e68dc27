//! The prediction beside the measurement: both in one picture, and each figure beside its goal.

use maud::{Markup, html};

use crate::analysis::Analysis;
use crate::charts::{comparison as charts, words};
use crate::comparison::{Band, Comparison, Figure, Measure, Outcome};

use super::parts;

/// The most services that are shown; the rest is in `report.json`.
const MOST: usize = 40;

pub(crate) fn section(
    predicted: &Analysis,
    measured: &Analysis,
    comparison: &Comparison,
) -> Markup {
    let charts = charts::parts(predicted, measured);
    html! {
        section id="predicted" {
            h2 { (words::set(&comparison.title())) }
            p class="lead" {
                "Dashed: predicted by the simulation. Solid: measured. "
                "A figure is the median over windows of the difference, against what was measured; under it the goal and whether it was met."
                @if comparison.figures.iter().any(|f| f.nearby.is_some()) {
                    " Nearby: how far the prediction moves if each pass through the gateway takes some tenths of a millisecond longer. "
                    "Where that is much, chance decides."
                }
            }
            @if let Some(chance) = comparison.chance_text() { p class="lead" { (words::set(&chance)) } }
            @for sentence in &comparison.unlike { p class="warn" { "! " (words::set(&words::clean(sentence, 200))) } }
            @for part in &charts { (part.html()) }
            (table(comparison))
            (parts::in_words(&parts::sentences(&charts), &parts::Table { head: Vec::new(), rows: Vec::new() }))
        }
    }
}

fn table(comparison: &Comparison) -> Markup {
    let subjects = comparison.subjects();
    let more = subjects.len().saturating_sub(MOST + 1);
    html! {
        div class="scroll" { table class="wide-table stack cmp" {
            thead {
                tr { th { "difference, by utilisation" } @for band in Band::ALL { th class="n" { (words::set(band.word())) } } }
            }
            @for subject in subjects.iter().take(MOST + 1) {
                tbody {
                    tr { th colspan="4" scope="rowgroup" { (subject.map_or_else(|| "whole run".into(), words::shown)) } }
                    @for measure in [Measure::P50, Measure::P95, Measure::P99] {
                        tr {
                            td { (measure.word()) }
                            @for band in Band::ALL { (cell(comparison.figure(*subject, measure, Some(band)), band.word(), 1)) }
                        }
                    }
                    @for measure in [Measure::Throughput, Measure::Replicas] {
                        tr { td { (measure.word()) } (cell(comparison.figure(*subject, measure, None), "", 3)) }
                    }
                }
            }
        } }
        @if more > 0 { p class="lead" { "and " (words::count(more as u64)) " more services, in report.json" } }
    }
}

fn cell(figure: Option<&Figure>, label: &str, columns: u8) -> Markup {
    let Some(figure) = figure.filter(|f| f.windows > 0) else {
        return html! { td class="n" data-l=(words::set(label)) colspan=(columns) { (words::NONE) small { " no window" } } };
    };
    let missed = figure.outcome == Outcome::Missed;
    let sign = match figure.outcome {
        Outcome::Met => "✓ ",
        Outcome::Missed => "✕ ",
        Outcome::NoGoal | Outcome::TooFew => "",
    };
    let goal = figure.goal_text();
    let goal = goal.filter(|_| figure.outcome != Outcome::TooFew);
    let outcome = if missed {
        "missed"
    } else {
        figure.outcome_text()
    };
    html! {
        td class="n" data-l=(words::set(label)) colspan=(columns) {
            span class=(if missed { "bad b" } else { "b" }) { (sign) (words::set(&figure.error_text())) }
            small {
                " " @if let Some(goal) = goal { (words::set(&goal)) ", " } (outcome)
                @if let Some(nearby) = figure.nearby_text() { ", " (words::set(&nearby)) }
                @if let Some((low, high)) = figure.span {
                    "; 8 in 10: " (words::share(low)) " to " (words::share(high))
                }
            }
        }
    }
}
