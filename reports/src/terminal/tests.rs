use super::*;
use crate::sample::{self, Kind};

fn said_of(kind: Kind, width: usize) -> String {
    let run = Analysis::of(&sample::record(kind));
    summary(
        &run,
        Some(Path::new("runs/flash-sale-20261127T1150")),
        width,
        Style::Plain,
    )
}

#[test]
fn a_failed_run_looks_like_this() {
    insta::assert_snapshot!(said_of(Kind::Failed, 100));
}

#[test]
fn a_passed_run_looks_like_this() {
    insta::assert_snapshot!(said_of(Kind::Passed, 100));
}

#[test]
fn an_invalid_run_looks_like_this() {
    insta::assert_snapshot!(said_of(Kind::Invalid, 100));
}

#[test]
fn it_is_never_too_wide_and_the_verdict_is_near_its_end() {
    for kind in [Kind::Passed, Kind::Failed, Kind::Invalid, Kind::Interrupted] {
        for width in [30, 60, 100, 250] {
            let text = said_of(kind, width);
            if width >= 60 {
                for line in text.lines() {
                    assert!(line.chars().count() <= 100, "{line}");
                }
            }
            let word = Analysis::of(&sample::record(kind)).verdict.word();
            let from_end = text
                .lines()
                .rev()
                .position(|l| l.trim_start().starts_with(word));
            assert!(from_end.is_some_and(|n| n < 30), "{from_end:?}");
        }
    }
}

#[test]
fn colours_change_nothing_but_the_colours() {
    let run = Analysis::of(&sample::record(Kind::Failed));
    let coloured = summary(&run, None, 100, Style::Color);
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain += before;
        rest = after.split_once('m').unwrap().1;
    }
    plain += rest;
    let trimmed: Vec<&str> = plain.lines().map(str::trim_end).collect();
    let meant = summary(&run, None, 100, Style::Plain);
    assert_eq!(
        trimmed,
        meant.lines().map(str::trim_end).collect::<Vec<_>>()
    );
}

#[test]
fn an_empty_run_has_a_summary() {
    let header = crate::record::Event::Header(Box::new(sample::header(Kind::Passed)));
    let record = crate::record::Record::from_events([header]).unwrap();
    let text = summary(&Analysis::of(&record), None, 100, Style::Plain);
    assert!(text.contains("INTERRUPTED"), "{text}");
}
