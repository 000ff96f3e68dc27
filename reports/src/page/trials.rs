//! The page of variants tried on the same luck.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::STYLE;
use super::parts::Table;
use crate::charts::{THEME, words};
use crate::figures::Measure;
use crate::trials::{Difference, Says, Trials, Variant};
use crate::words::percent;

/// The width and height of an interval's picture, in px.
const WIDTH: f64 = 260.0;
const HEIGHT: f64 = 22.0;
/// What stays free at its sides.
const MARGIN: f64 = 8.0;

/// The trials as one HTML page, which fetches nothing and runs no script. Names are escaped and stripped of characters
/// that hide or turn text.
#[must_use]
pub fn html(trials: &Trials) -> String {
    let name = words::shown(&trials.scenario);
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="color-scheme" content="light dark";
                title { "compare · " (name) " · rushhour" }
                style { (PreEscaped(THEME)) (PreEscaped(STYLE)) }
            }
            body { main {
                header { h1 { (name) " " span { (words::clean(&trials.about, 300)) } } p { "simulated · speed " (trials.speed) } }
                (means(trials))
                (differences(trials))
                (again(trials))
            } }
        }
    }
    .into_string()
}

fn means(trials: &Trials) -> Markup {
    let (head, rows) = trials.means();
    let rows = rows
        .iter()
        .map(|row| row.iter().map(|cell| words::set(cell)).collect());
    let table = Table {
        head,
        rows: rows.collect(),
    };
    html! {
        section id="means" {
            h2 { (trials.variants.len()) " variants, each with the same " (trials.seeds.len()) " seeds" }
            p class="lead" { "What was missed with the worst seed, and means over the seeds. Of every measure less is better." }
            div class="wide-table" { (table.html()) }
            @for sentence in trials.sentences() { p { (words::set(&sentence)) } }
            @for note in &trials.notes { p class="aside" { (words::set(note)) } }
        }
    }
}

fn differences(trials: &Trials) -> Markup {
    html! {
        @for variant in trials.held_against() {
            section {
                h2 { (words::set(&trials.against(variant))) }
                p class="lead" {
                    "With one seed all variants meet the same shoppers with the same luck. The line is the interval that holds the mean "
                    "difference with 95 % (Student's t over the seeds' differences); where it touches zero, these seeds cannot tell."
                    @if !variant.changes.is_empty() { " Changed: " (words::clean(&variant.changes.join(", "), 300)) "." }
                }
                (of_variant(trials, variant))
            }
        }
    }
}

fn of_variant(trials: &Trials, variant: &Variant) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr { th { "measure" } th class="n" { "difference" } th { "95 % interval" } th {} th class="n" { "of it" } th {} } }
            tbody { @for difference in trials.differences_of(&variant.name) {
                @let of = difference.measure;
                tr {
                    td { (of.name()) }
                    td class="n b" { (words::set(&signed(of, difference.mean))) }
                    td { (words::set(&signed(of, difference.low))) " … " (words::set(&signed(of, difference.high))) }
                    td { (interval(trials, difference)) }
                    td class="n" { (difference.relative.map_or_else(|| words::NONE.into(), |r| words::set(&percent(r)))) }
                    td class=[class(difference.says)] { (difference.says.word()) }
                }
            } }
        } }
    }
}

fn class(says: Says) -> Option<&'static str> {
    match says {
        Says::More => Some("bad b"),
        Says::Less => Some("b"),
        Says::CannotTell | Says::NoData => Some("mut"),
        Says::Equal => None,
    }
}

fn signed(of: Measure, value: Option<f64>) -> String {
    let sign = if value.is_some_and(|v| v > 0.0) {
        "+"
    } else {
        ""
    };
    format!("{sign}{}", of.said(value))
}

/// The interval on an axis around zero, the same for all variants.
fn interval(trials: &Trials, difference: &Difference) -> Markup {
    let (Some(mean), Some(low), Some(high)) = (difference.mean, difference.low, difference.high)
    else {
        return html! {};
    };
    let same = trials
        .differences
        .iter()
        .filter(|d| d.measure == difference.measure);
    let widest = same
        .flat_map(|d| [d.low, d.high])
        .flatten()
        .map(f64::abs)
        .fold(f64::MIN_POSITIVE, f64::max);
    let at = |v: f64| words::coordinate(WIDTH / 2.0 + v / widest * (WIDTH / 2.0 - MARGIN));
    let (middle, height) = (words::coordinate(HEIGHT / 2.0), words::coordinate(HEIGHT));
    html! {
        svg width=(words::coordinate(WIDTH)) height=(height) role="img" aria-label=(difference.says.word()) {
            line x1=(at(0.0)) x2=(at(0.0)) y1="0" y2=(height) stroke="var(--axis)" {}
            line x1=(at(low)) x2=(at(high)) y1=(middle) y2=(middle) stroke="currentColor" stroke-width="2" {}
            circle cx=(at(mean)) cy=(middle) r="4" fill="currentColor" {}
        }
    }
}

fn again(trials: &Trials) -> Markup {
    html! {
        section id="again" {
            h2 { "Again" }
            pre { code { (words::clean(&trials.command, 2000)) } }
            p class="lead" { "Seeds: " (trials.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")) ". The same seeds give the same figures to the last digit." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;

    #[test]
    fn names_do_no_harm_and_every_difference_is_there() {
        let run = |missed| Figures {
            missed: Some(missed),
            ..Figures::default()
        };
        let variant = |name: &str, runs: [f64; 2]| {
            Variant::new(
                name.into(),
                vec!["<i>".into()],
                false,
                runs.map(run).to_vec(),
            )
        };
        let trials = Trials {
            schema_version: 0,
            scenario: "<script>alert(1)</script>\u{202e}".into(),
            about: "</style><b>".into(),
            speed: 1.0,
            command: "rushhour compare '<x>'".into(),
            seeds: vec![1, 2],
            variants: vec![
                variant("a", [0.1, 0.2]),
                variant("\"><svg onload=x>", [0.3, 0.3]),
            ],
            differences: Vec::new(),
            notes: vec!["<u>".into()],
        }
        .with_differences();
        let page = html(&trials);
        for bad in [
            "<script",
            "<b>",
            "<i>",
            "<u>",
            "<x>",
            "<svg onload",
            "\u{202e}",
        ] {
            assert!(!page.contains(bad), "{bad}");
        }
        assert!(page.contains("missed") && page.contains("+15"), "{page}");
        assert!(page.contains("no data"), "p50 was not measured");
    }
}
