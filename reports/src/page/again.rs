//! How to run it again, and the small print.

use maud::{Markup, html};
use metrics::Timestamp;

use crate::analysis::Analysis;
use crate::charts::timeline::is_other_speed;
use crate::charts::words;
use crate::record::Ending;

pub(crate) fn section(analysis: &Analysis) -> Markup {
    let about = &analysis.about;
    html! {
        section id="again" {
            h2 { "Run it again" }
            pre { code { (words::clean(&about.command, 600)) } }
            dl class="rep" { @for (name, value) in &facts(analysis) { dt { (name) } dd { (value) } } }
        }
    }
}

fn facts(analysis: &Analysis) -> Vec<(&'static str, String)> {
    let about = &analysis.about;
    let policies: Vec<String> = about.policies.iter().map(|p| words::shown(p)).collect();
    let period = words::span(about.period_s);
    let mut facts = vec![("scenario", words::shown(&about.name))];
    if !about.about.is_empty() {
        facts.push(("about", words::clean(&about.about, 300)));
    }
    if !policies.is_empty() {
        facts.push(("policies", words::list(&policies)));
    }
    facts.push((
        "seed",
        format!("{}, draws by {}", about.seed, words::shown(&about.draws)),
    ));
    facts.push(("length", length(analysis)));
    facts.push((
        "windows",
        format!("{}, a decision every {period}", words::span(about.window_s)),
    ));
    facts.push(("rushhour", words::shown(&about.version)));
    if let Some(host) = &about.host {
        facts.push(("host", words::clean(host, 160)));
    }
    if let Some(started) = about.started_unix_s {
        facts.push(("started", utc(started)));
    }
    facts
}

fn length(analysis: &Analysis) -> String {
    let about = &analysis.about;
    let ran = words::span(about.ran_s);
    let how = match &analysis.ending {
        Some(Ending::Completed) => {
            return format!("{ran} of scenario{}", clock(about.ran_s, about.speed));
        }
        Some(Ending::Interrupted) => "then it was stopped".to_owned(),
        Some(Ending::Failed(why)) => format!("then it could not go on: {}", words::clean(why, 200)),
        None => "then the record was cut off".to_owned(),
    };
    format!(
        "{ran} of {} of scenario, {how}",
        words::span(about.duration_s)
    )
}

fn clock(ran_s: f64, speed: f64) -> String {
    if is_other_speed(speed) && speed > 0.0 {
        let took = words::span(ran_s / speed);
        format!(" in {took} at {}× the clock", words::number(speed))
    } else {
        String::new()
    }
}

/// An instant of the wall clock in UTC, to the second: 2026-11-23 04:57:50 UTC.
fn utc(unix_s: f64) -> String {
    let seconds = libm::floor(unix_s.clamp(-1e11, 1e11)) as i64;
    Timestamp::from_secs(seconds)
        .utc()
        .replace(" UTC", "\u{a0}UTC")
}

pub(crate) fn footer(analysis: &Analysis) -> Markup {
    let timed_out = analysis.counts().timed_out;
    html! {
        footer {
            "Percentiles come from merged histograms, never from averaged percentiles. Missing data is a gap, never a zero."
            @if timed_out > 0 { " Not answered in time: " (words::counted(timed_out, "page")) ", counted at the time limit in latency, and as not served." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_become_dates() {
        for (unix, date) in [
            (0.0, "1970-01-01 00:00:00\u{a0}UTC"),
            (951_782_400.0, "2000-02-29 00:00:00\u{a0}UTC"),
            (1_795_409_870.5, "2026-11-23 04:57:50\u{a0}UTC"),
            (-1.0, "1969-12-31 23:59:59\u{a0}UTC"),
        ] {
            assert_eq!(utc(unix), date);
        }
    }
}
