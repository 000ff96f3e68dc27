//! The page of a policy's parameters searched.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::STYLE;
use super::parts::{self, MOST_ROWS, Table};
use crate::charts::{THEME, front, words};
use crate::figures::Measure;
use crate::tuning::{Tuned, Tuning};

/// What tuning found as one HTML page, which fetches nothing and runs no script. Names are escaped and stripped of
/// characters that hide or turn text.
#[must_use]
pub fn html(tuning: &Tuning) -> String {
    let name = words::shown(&tuning.scenario);
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
                title { "tune · " (name) " · rushhour" }
                style { (PreEscaped(THEME)) (PreEscaped(STYLE)) }
            }
            body { main {
                header { h1 { (name) " " span { (words::clean(&tuning.about, 300)) } } p { "simulated · speed 1" } }
                (chart(tuning))
                (settings(tuning))
                (pasted(tuning))
                @for policy in &tuning.policies { (searched(policy)) }
                (again(tuning))
            } }
        }
    }
    .into_string()
}

fn chart(tuning: &Tuning) -> Markup {
    let charts = front::parts(tuning);
    html! {
        section id="front" {
            h2 { (words::set(&tuning.title())) }
            @for sentence in tuning.sentences() { p class="lead" { (words::set(&sentence)) } }
            @if let Some(charts) = &charts {
                figure {
                    figcaption { b { "Cost against misses" } span {
                        "replica-hours of a run, misses on a log scale; ● simulated in full on runs the search has not seen, the line is their front; ✕ tried in rough strokes"
                    } }
                    @for part in charts { (part.html()) }
                }
                (parts::in_words(&parts::sentences(charts), &Table { head: vec![], rows: vec![] }))
            }
        }
    }
}

/// A table whose columns at these places are words, and numbers otherwise.
fn table(head: &[&str], rows: &[Vec<String>], words: &[usize]) -> Markup {
    let class = |i: usize| (!words.contains(&i)).then_some("n");
    html! {
        div class="scroll wide-table" { table {
            thead { tr { @for (i, head) in head.iter().enumerate() { th class=[class(i)] { (head) } } } }
            tbody { @for row in rows {
                tr { @for (i, cell) in row.iter().enumerate() { td class=[class(i)] { (cell) } } }
            } }
        } }
    }
}

fn settings(tuning: &Tuning) -> Markup {
    let rows = tuning.rows().into_iter();
    let rows: Vec<Vec<String>> = rows
        .map(|row| row.iter().map(|cell| words::set(cell)).collect())
        .collect();
    html! {
        section id="settings" {
            h2 { "What each setting cost and missed" }
            p class="lead" {
                (words::set(&tuning.kept_apart()))
                " With one seed all settings meet the same shoppers with the same luck. Intervals hold the mean with 95 % (Student's t over the runs)."
            }
            (table(&crate::tuning::HEAD, &rows, &[0, 1, 6, 7]))
        }
    }
}

fn pasted(tuning: &Tuning) -> Markup {
    let Some((_, setting)) = tuning.taken() else {
        return html! {};
    };
    html! {
        section id="paste" {
            h2 { "To paste" }
            @if !setting.yaml.is_empty() {
                p class="lead" { "The " code { "scaling:" } " part of a scenario; " code { "--policy FILE" } " takes it too." }
                pre { code { (words::clean_lines(&setting.yaml)) } }
            }
            @for (file, text) in &setting.manifests {
                p class="lead" { b { (words::shown(file)) } ", changed in nothing but its numbers." }
                pre { code { (words::clean_lines(text)) } }
            }
        }
    }
}

fn searched(policy: &Tuned) -> Markup {
    let row = |p: &crate::tuning::Parameter| {
        [
            p.name.clone(),
            p.values.join(", "),
            p.written.clone(),
            p.places.join(", "),
        ]
        .iter()
        .map(|text| words::clean(text, 400))
        .collect()
    };
    let rows: Vec<Vec<String>> = policy.parameters.iter().map(row).collect();
    let parameters = table(
        &["parameter", "values", "as written", "where"],
        &rows,
        &[0, 1, 2, 3],
    );
    let head = vec!["setting", "missed", "replica-h"];
    let tried = |t: &crate::tuning::Tried| {
        vec![
            words::clean(&t.values.join(", "), 200),
            words::set(&Measure::Missed.text(t.outcome.missed)),
            words::set(&Measure::Cost.text(t.outcome.replica_hours)),
        ]
    };
    let rows: Vec<Vec<String>> = policy.tried.iter().map(tried).collect();
    html! {
        section {
            h2 { "What was searched of " (words::shown(&policy.policy)) }
            @if policy.parameters.is_empty() { p class="lead" { "It has no number to search." } }
            @else { (parameters) }
            @if !rows.is_empty() {
                details class="alt" {
                    summary { (words::counted(rows.len() as u64, "setting")) " in rough strokes" }
                    (Table { head, rows: rows.iter().take(MOST_ROWS * 10).cloned().collect() }.html())
                }
            }
        }
    }
}

fn again(tuning: &Tuning) -> Markup {
    html! {
        section id="again" {
            h2 { "Again" }
            pre { code { (words::clean(&tuning.command, 2000)) } }
            p class="lead" { "The same command gives the same figures to the last digit, on any number of threads." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuning::tests::tuning;

    #[test]
    fn names_do_no_harm_and_all_is_there() {
        let mut hostile = tuning();
        hostile.scenario = "<script>alert(1)</script>\u{202e}".into();
        hostile.policies[0].policy = "\"><svg onload=x>".into();
        hostile.policies[0].settings[1].yaml += "</code><b>";
        hostile.policies[0].settings[1]
            .manifests
            .insert("<i>.yaml".into(), "a: 1\n<u>".into());
        hostile.notes = vec!["</style><s>".into()];
        let page = html(&hostile.judged());
        for bad in [
            "<script",
            "<b>scal",
            "<i>",
            "<u>",
            "<s>",
            "<svg onload",
            "\u{202e}",
            "http:",
            " src=",
            "NaN",
        ] {
            assert!(!page.contains(bad), "{bad}");
        }
        let page = html(&tuning().judged());
        for part in [
            "take this",
            "as written",
            "budget",
            "cpu: 60%",
            "3 settings",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(page.contains("role=\"img\" aria-label=\"Replica-hours against misses"));
    }

    #[test]
    fn nothing_scored_is_a_whole_page_too() {
        let mut empty = tuning();
        empty.policies.clear();
        let page = html(&empty.judged());
        assert!(page.contains("No setting kept the budget") && page.ends_with("</html>"));
    }
}
