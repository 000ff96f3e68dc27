//! The decisions that changed something: the sentence first, what it rests on behind it.

use maud::{Markup, html};

use crate::analysis::{Analysis, DecisionGroup, DecisionStep};
use crate::charts::words;

/// The most groups that are listed; of more, those that changed most.
const MOST_GROUPS: usize = 60;
/// The most steps of a group that are listed.
const MOST_STEPS: usize = 40;
/// The most steps on the page of which all terms are listed.
const MOST_TERMS: usize = 120;

pub(crate) fn section(analysis: &Analysis) -> Markup {
    let decisions = &analysis.decisions;
    if decisions.changes + decisions.unchanged == 0 {
        return html! {
            section id="decisions" { (super::heading(&analysis.findings.decisions, "No decisions were recorded", &html! {})) }
        };
    }
    let groups = largest(&decisions.groups);
    html! {
        section id="decisions" {
            (super::heading(&analysis.findings.decisions, "What the policies decided", &explained()))
            @if !groups.is_empty() { (list(&groups)) }
            @if groups.len() < decisions.groups.len() {
                p class="lead" { "The " (words::count(groups.len() as u64)) " largest changes of " (words::count(decisions.groups.len() as u64)) " are shown; all are in report.json." }
            }
            (counts(analysis))
        }
    }
}

/// The groups that changed most, in the order of time.
fn largest(groups: &[DecisionGroup]) -> Vec<&DecisionGroup> {
    let mut all: Vec<&DecisionGroup> = groups.iter().filter(|g| !g.steps.is_empty()).collect();
    if all.len() > MOST_GROUPS {
        all.sort_by_key(|g| std::cmp::Reverse(g.from.abs_diff(g.to)));
        all.truncate(MOST_GROUPS);
        all.sort_by(|a, b| a.steps[0].at_s.total_cmp(&b.steps[0].at_s));
    }
    all
}

fn list(groups: &[&DecisionGroup]) -> Markup {
    let steps: usize = groups.iter().map(|g| g.steps.len()).sum();
    let depth = if steps <= MOST_TERMS {
        Depth::Terms
    } else {
        Depth::Clips
    };
    html! {
        div class="dt" {
            div class="dh" { span class="n" { "time" } span { "service" } span class="n" { "from" } span {} span { "to" } span { "because" } span { "reason" } }
            @for group in groups { (row(group, depth)) }
        }
    }
}

/// What the marks mean, and how to see more.
fn explained() -> Markup {
    html! { "▲ more, ▽ fewer; changes in the same direction are one line. Open one for what it rests on." }
}

/// How much is said of each step.
#[derive(Clone, Copy)]
enum Depth {
    /// All values it rests on.
    Terms,
    /// What changed the number.
    Clips,
}

fn row(group: &DecisionGroup, depth: Depth) -> Markup {
    let (first, last) = (&group.steps[0], &group.steps[group.steps.len() - 1]);
    let (arrow, class) = if group.to > group.from {
        ("▲", "arr up")
    } else {
        ("▽", "arr dn")
    };
    let many = group.steps.len() > 1;
    let error = group.steps.iter().find_map(|s| s.error.as_ref());
    html! {
        details class="dr" {
            summary {
                span class="n" { (words::clock(first.at_s)) }
                span { (words::clean(&group.workload, 24)) }
                span class="n" { (group.from) }
                span class=(class) { (arrow) }
                span class="b" { (group.to) }
                span class="why" { (words::clean(&first.because, 24)) }
                span class="sen" {
                    @if many { b { "in " (group.steps.len()) " steps until " (words::clock(last.at_s)) ", the first because: " } }
                    (words::set(&words::clean(&first.sentence, 300)))
                    @if let Some(error) = error { " " b class="bad" { "Not written: " (words::clean(error, 160)) } }
                }
            }
            div class="terms" { @if many { (steps(group, depth)) } @else { (behind(first, Depth::Terms)) } }
        }
    }
}

fn steps(group: &DecisionGroup, depth: Depth) -> Markup {
    let hidden = group.steps.len().saturating_sub(MOST_STEPS);
    html! {
        @for step in group.steps.iter().take(MOST_STEPS) {
            div class="step" {
                p { b { (words::clock(step.at_s)) "\u{2002}" (step.from) " → " (step.to) } " " (words::clean(&step.because, 24)) ": " (words::set(&words::clean(&step.sentence, 300))) }
                (behind(step, depth))
            }
        }
        @if hidden > 0 { p { "and " (words::count(hidden as u64)) " more steps, in report.json" } }
    }
}

fn behind(step: &DecisionStep, depth: Depth) -> Markup {
    html! {
        @if matches!(depth, Depth::Terms) && !step.terms.is_empty() {
            table { tbody { @for term in step.terms.iter().take(24) {
                tr { td { code { (words::clean(&term.name, 40)) } } td class="n" { (words::set(&words::clean(&term.value, 80))) } }
            } } }
        }
        p class="mut" {
            @if step.clips.is_empty() { "Nothing clipped it." } @else { "Clipped " (clips(step)) "." }
            @if let Some(error) = &step.error { " " b class="bad" { "Not written: " (words::clean(error, 160)) } }
        }
    }
}

fn clips(step: &DecisionStep) -> String {
    let each = step.clips.iter().take(8);
    let each: Vec<String> = each
        .map(|c| format!("by {} from {} to {}", words::clean(&c.by, 40), c.from, c.to))
        .collect();
    each.join(", then ")
}

fn counts(analysis: &Analysis) -> Markup {
    let d = &analysis.decisions;
    let facts = [
        (d.without_data, "rested on missing data"),
        (d.failed_writes, "could not be written"),
    ];
    let facts: Vec<String> = facts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", words::counted(*n, "decision")))
        .collect();
    html! { @if !facts.is_empty() { p class="lead" { (words::list(&facts)) "." } } }
}
