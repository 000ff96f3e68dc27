//! Numbers and names as people read them: thin space for thousands, a no-break space before a unit, a real minus.

use crate::words;

pub(crate) use crate::words::{NONE, clock};

/// The longest name that is shown, in characters.
const LONGEST_NAME: usize = 63;

/// A name as it may be shown: without control and direction characters, cut at 63 characters. Escaping is maud's work.
pub(crate) fn shown(name: &str) -> String {
    clean(name, LONGEST_NAME)
}

/// A text as it may be shown: as [`shown`], but up to `longest` characters.
pub(crate) fn clean(text: &str, longest: usize) -> String {
    let mut out: String = text
        .chars()
        .take(longest)
        .map(|c| if is_unfit(c) { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(longest).is_some() {
        out.push('…');
    }
    out
}

/// A text of several lines as it may be shown, line feeds kept.
pub(crate) fn clean_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| clean(line, 2000)).collect();
    lines.join("\n")
}

/// Whether a character has no place in a page: it would break XML, or turn the reading direction of what follows.
fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

/// A text as a page sets it: thin spaces between thousands, and no line break between a number and its unit.
pub(crate) fn set(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_digit = |i: usize| chars.get(i).is_some_and(char::is_ascii_digit);
    let mut out = String::with_capacity(text.len());
    for (i, c) in chars.iter().enumerate() {
        let after_digit = i > 0 && is_digit(i - 1);
        let three = (1..=3).all(|k| is_digit(i + k)) && !is_digit(i + 4);
        out.push(match c {
            ',' if after_digit && three => '\u{202f}',
            ' ' if after_digit && starts_with_unit(&chars[i + 1..]) => '\u{a0}',
            c if is_unfit(*c) => '\u{fffd}',
            c => *c,
        });
    }
    out
}

/// Units that a line break must not part from their number.
const UNITS: [&str; 12] = [
    "%",
    "ms",
    "s",
    "min",
    "h",
    "µs",
    "req/s",
    "pages/s",
    "replica",
    "replicas",
    "replica-min",
    "×",
];

fn starts_with_unit(rest: &[char]) -> bool {
    let word: String = rest
        .iter()
        .take(12)
        .take_while(|c| !matches!(c, ' ' | ',' | ';' | ':' | ')' | '.'))
        .collect();
    UNITS.contains(&word.as_str())
}

/// A whole number.
pub(crate) fn count(n: u64) -> String {
    set(&words::count(n))
}

/// A number with two or three digits that say something: 0.81, 12.4, 1 288.
pub(crate) fn number(v: f64) -> String {
    let size = libm::fabs(v);
    if !v.is_finite() {
        return NONE.into();
    }
    let text = match size {
        _ if size >= 99.95 => words::count(libm::round(size) as u64),
        _ if size >= 9.995 => trim(&format!("{size:.1}")),
        _ if size >= 0.0995 => trim(&format!("{size:.2}")),
        _ => trim(&format!("{size:.3}")),
    };
    let sign = if v < 0.0 && text != "0" { "−" } else { "" };
    set(&format!("{sign}{text}"))
}

/// Without the zeros after the point that say nothing.
fn trim(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}

/// A number with its unit.
pub(crate) fn with_unit(number: &str, unit: &str) -> String {
    format!("{number}\u{a0}{unit}")
}

/// A rate at a service.
pub(crate) fn rate(rps: f64) -> String {
    with_unit(&set(&words::rate(rps)), "req/s")
}

/// A share in per cent.
pub(crate) fn share(v: f64) -> String {
    set(&words::percent(v))
}

/// A share with as many digits as it takes to see that it is not all: 99.92 %.
pub(crate) fn percentile(quantile: f64) -> String {
    let percent = quantile * 100.0;
    let digits = (2..=6)
        .map(|digits| format!("{percent:.digits$}"))
        .find(|text| quantile >= 1.0 || !text.starts_with("100"))
        .unwrap_or_else(|| "99.999999".into());
    with_unit(&trim(&digits), "%")
}

/// A latency given in ms.
pub(crate) fn ms(ms: f64) -> String {
    set(&words::ms(ms))
}

/// A latency that names a tick: 10 ms, 0.3 ms, 1 s.
pub(crate) fn round_ms(ms: f64) -> String {
    if ms >= 999.5 {
        with_unit(&number(ms / 1e3), "s")
    } else {
        with_unit(&number(ms), "ms")
    }
}

/// A length of time in seconds.
pub(crate) fn span(s: f64) -> String {
    set(&words::seconds(s))
}

/// "1 replica", "4 replicas".
pub(crate) fn counted(n: u64, one: &str) -> String {
    set(&words::plural(n, one))
}

/// Names as a list: "a", "a and b", "a, b and c"; beyond four, the first three and how many more.
pub(crate) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] if names.len() <= 4 => format!("{} and {last}", most.join(", ")),
        _ => format!("{} and {} more", names[..3].join(", "), names.len() - 3),
    }
}

/// A coordinate with as few characters as it needs.
pub(crate) fn coordinate(v: f64) -> String {
    let text = trim(&format!("{v:.2}"));
    if text == "-0" { "0".into() } else { text }
}

/// A share of a chart's width, in per cent.
pub(crate) fn percent(x: f64) -> String {
    format!("{}%", coordinate(x * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_set_as_the_guide_says() {
        for (text, wanted) in [
            (
                set("1,288 pages in 28 s, 3.5 % late"),
                "1\u{202f}288 pages in 28\u{a0}s, 3.5\u{a0}% late",
            ),
            (
                set("at 5:20, 300 of 1,25,094"),
                "at 5:20, 300 of 1,25\u{202f}094",
            ),
            (count(25_094), "25\u{202f}094"),
            (number(1288.2), "1\u{202f}288"),
            (number(0.8123), "0.81"),
            (number(12.04), "12"),
            (number(-3.5), "−3.5"),
            (number(-0.0), "0"),
            (number(f64::NAN), "–"),
            (round_ms(300.0), "300\u{a0}ms"),
            (round_ms(1000.0), "1\u{a0}s"),
            (percentile(0.9992), "99.92\u{a0}%"),
            (percentile(0.999_999), "99.9999\u{a0}%"),
            (percentile(1.0), "100\u{a0}%"),
            (counted(4, "replica"), "4\u{a0}replicas"),
            (coordinate(-0.001), "0"),
        ] {
            assert_eq!(text, wanted);
        }
    }

    #[test]
    fn a_name_cannot_turn_the_text_around_it() {
        assert_eq!(
            shown("a\u{202e}b\u{1b}[2Jc\n"),
            "a\u{fffd}b\u{fffd}[2Jc\u{fffd}"
        );
        assert_eq!(shown(&"x".repeat(10_000)).chars().count(), 64);
    }

    #[test]
    fn lists_stay_short() {
        let names: Vec<String> = ["a", "b", "c", "d", "e"].map(String::from).to_vec();
        assert_eq!(list(&names[..1]), "a");
        assert_eq!(list(&names[..3]), "a, b and c");
        assert_eq!(list(&names), "a, b, c and 2 more");
    }
}
