//! The page: one HTML file that holds everything it shows, asks no network, and is whole without its script.

mod again;
mod comparison;
mod cost;
mod data;
mod decisions;
mod hero;
mod honesty;
mod parts;
mod quality;
mod services;
mod shape;
mod trials;
mod tuning;
mod verdict;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::analysis::{Analysis, Finding};
use crate::charts::{THEME, hatch, words};
use crate::comparison::{Comparison, Prediction};

pub use trials::html as trials_html;
pub use tuning::html as tuning_html;

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");
/// SHA-256 of the script in base64: the only script that the page's policy lets run. A test says what it must be.
const SCRIPT_HASH: &str = "r1xcd6P8GLM4B4RsYfd1Mp7PxDw3AOShLfD1+kMoNo0=";

/// The report as one HTML page: verdict and gates, load, latency and capacity over time, and all that explains them.
///
/// Names from the record are escaped, shortened, and stripped of characters that hide or turn text.
#[must_use]
pub fn html(analysis: &Analysis) -> String {
    whole(analysis, &html! {})
}

/// The report of a measured run with its prediction beside it: as [`html()`], and after the first chart how far the one was
/// from the other.
#[must_use]
pub fn html_beside(measured: &Analysis, prediction: &Prediction) -> String {
    let comparison = Comparison::new(prediction, measured);
    let section = comparison::section(&prediction.run, measured, &comparison);
    whole(measured, &section)
}

/// The page, with `beside` after the hero.
fn whole(analysis: &Analysis, beside: &Markup) -> String {
    let name = words::shown(&analysis.about.name);
    let title = format!("{} · {name} · rushhour", analysis.verdict.word());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(THEME)) (PreEscaped(STYLE)) }
            }
            body {
                svg width="0" height="0" style="position:absolute" aria-hidden="true" { (hatch()) }
                main {
                    (verdict::section(analysis))
                    (hero::section(analysis))
                    (beside)
                    (shape::knee_section(analysis))
                    (shape::heatmap_section(analysis))
                    (services::section(analysis))
                    (services::pages_section(analysis))
                    (decisions::section(analysis))
                    (cost::section(analysis))
                    (quality::section(analysis))
                    (honesty::section(analysis))
                    (again::section(analysis))
                    (again::footer(analysis))
                }
                script id="data" type="application/json" { (PreEscaped(data::json(analysis))) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

/// Nothing may be fetched; one script may run, known by its hash.
fn policy() -> String {
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_HASH}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
}

/// A section's title and lead: the finding, or a neutral title where there is none, and what explains the charts.
fn heading(finding: &Finding, neutral: &str, explained: &Markup) -> Markup {
    let title = if finding.title.is_empty() {
        neutral
    } else {
        &finding.title
    };
    html! {
        h2 { (words::set(title)) }
        p class="lead" {
            @if !finding.sentence.is_empty() { b { (words::set(&finding.sentence)) } " " }
            (explained)
        }
    }
}

#[cfg(test)]
mod tests;
