//! The hero as a picture of its own, with all its words, for READMEs and documents.

use maud::{Markup, PreEscaped, html};

use crate::analysis::Analysis;

use super::panel::{LEFT, Part, RIGHT};
use super::words::coordinate;
use super::{THEME, hero};

/// The picture's width in px.
const WIDTH: f64 = 1000.0;
/// Its margin.
const MARGIN: f64 = 16.0;
/// The height of a panel's title.
const TITLE: f64 = 30.0;
/// What a picture needs beside the charts' own style.
const STYLE: &str = "svg{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}.paper{fill:var(--bg)}svg text.name{font-size:15px;font-weight:650}svg text.say{font-size:13px}";

/// The hero as a stand-alone SVG: what was run, its finding, and load, latency and capacity on one time axis. It needs
/// nothing from outside, and follows the reader's light or dark mode.
#[must_use]
pub fn hero_svg(analysis: &Analysis) -> String {
    let plot = WIDTH - 2.0 * MARGIN - LEFT - RIGHT;
    let title = format!(
        "{} — {}",
        super::words::shown(&analysis.about.name),
        analysis.verdict.word()
    );
    let finding = super::words::clean(&analysis.findings.hero.title, 130);
    let mut y = 56.0;
    let mut rows = Vec::new();
    for part in hero::parts(analysis) {
        rows.push(row(&part, y, plot));
        y += height(&part);
    }
    let total = coordinate(y + MARGIN);
    let width = coordinate(WIDTH);
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(total) viewBox={ "0 0 " (width) " " (total) } role="img" aria-label=(title) {
            style { (PreEscaped(THEME)) (PreEscaped(STYLE)) }
            (hatch())
            rect class="paper" width="100%" height="100%" {}
            text class="name" x=(coordinate(MARGIN)) y="24" { (title) }
            text class="say" x=(coordinate(MARGIN)) y="44" { (finding) }
            svg x=(coordinate(MARGIN)) overflow="visible" { @for row in &rows { (row) } }
        }
    }
    .into_string()
}

/// The pattern of bands without data.
pub(crate) fn hatch() -> Markup {
    html! {
        defs {
            pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect class="hatch" width="1.4" height="6" {}
            }
        }
    }
}

fn height(part: &Part) -> f64 {
    match part {
        Part::Title { .. } => TITLE,
        Part::Panel(panel) | Part::Lane(panel) => panel.h(),
    }
}

fn row(part: &Part, y: f64, plot: f64) -> Markup {
    match part {
        Part::Title { bold, rest, right } => html! {
            text class="mut" x="0" y=(coordinate(y + TITLE - 9.0)) { tspan class="b" { (bold) } " " (rest) }
            @if !right.is_empty() {
                text class="mut" x=(coordinate(LEFT + plot + RIGHT)) y=(coordinate(y + TITLE - 9.0)) text-anchor="end" { (right) }
            }
        },
        Part::Panel(panel) => panel.svg(y, plot),
        Part::Lane(panel) => html! { g class="lane" { (panel.svg(y, plot)) } },
    }
}
