//! Numbers and names as people read them, and as each medium may hold them.

use std::fmt::Write as _;

/// What stands for a missing value.
pub const NONE: &str = "–";

/// An instant of scenario time: `5:09`, `1:02:30` from an hour on; rounded to the second.
#[must_use]
pub fn clock(seconds: f64) -> String {
    if !seconds.is_finite() {
        return NONE.into();
    }
    let sign = if seconds <= -0.5 { "−" } else { "" };
    let whole = seconds.abs().round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        format!("{sign}{hours}:{minutes:02}:{rest:02}")
    } else {
        format!("{sign}{minutes}:{rest:02}")
    }
}

/// A span of scenario time: `0 s`, `0.4 s`, `28 s`, `20 min`, `1 min 30 s`, `3 h 20 min`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() {
        return NONE.into();
    }
    let sign = if seconds < 0.0 { "−" } else { "" };
    let s = seconds.abs();
    if s < 9.95 && (s - s.round()).abs() >= 0.05 {
        return format!("{sign}{s:.1} s");
    }
    let whole = s.round() as u64;
    let two = |a: u64, unit: &str, b: u64, small: &str| {
        if b == 0 {
            format!("{sign}{a} {unit}")
        } else {
            format!("{sign}{a} {unit} {b} {small}")
        }
    };
    match whole {
        0..120 if whole < 60 || !whole.is_multiple_of(60) && whole < 100 => {
            format!("{sign}{whole} s")
        }
        0..3600 => two(whole / 60, "min", whole % 60, "s"),
        _ => two(whole / 3600, "h", whole % 3600 / 60, "min"),
    }
}

/// A latency: `0.42 ms`, `4.2 ms`, `212 ms`, `1.29 s`, `12.9 s`.
#[must_use]
pub fn ms(ms: f64) -> String {
    match ms {
        _ if !ms.is_finite() => NONE.into(),
        _ if ms < 0.0 => format!("−{}", self::ms(-ms)),
        _ if ms < 0.995 => format!("{ms:.2} ms"),
        _ if ms < 9.95 => format!("{ms:.1} ms"),
        _ if ms < 999.5 => format!("{ms:.0} ms"),
        _ if ms < 9_995.0 => format!("{:.2} s", ms / 1e3),
        _ if ms < 99_950.0 => format!("{:.1} s", ms / 1e3),
        _ => format!("{:.0} s", ms / 1e3),
    }
}

/// A share in per cent, with as many digits as it needs to be told from zero: `0.032 %`, `1.5 %`, `68 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    let p = share * 100.0;
    let a = p.abs();
    let digits = match a {
        _ if !a.is_finite() => return NONE.into(),
        _ if a < 5e-4 => 0,
        _ if a < 0.0995 => 3,
        _ if a < 0.995 => 2,
        _ if a < 9.95 => 1,
        _ => 0,
    };
    let rounded = format!("{a:.digits$}");
    let sign = if p < 0.0 && rounded != "0" { "−" } else { "" };
    format!("{sign}{rounded} %")
}

/// A rate, without its unit: `0.4`, `7.2`, `203`, `1,281`.
#[must_use]
pub fn rate(rps: f64) -> String {
    match rps {
        _ if !rps.is_finite() => NONE.into(),
        _ if rps.abs() < 9.95 && (rps - rps.round()).abs() >= 0.05 => format!("{rps:.1}"),
        _ if rps < 0.0 => format!("−{}", count((-rps).round() as u64)),
        _ => count(rps.round() as u64),
    }
}

/// A whole number with commas between thousands.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 replica`, `2 replicas`.
#[must_use]
pub fn plural(n: u64, one: &str) -> String {
    if n == 1 {
        format!("1 {one}")
    } else {
        format!("{} {one}s", count(n))
    }
}

/// A name with its article: `a shop`, `an order`.
#[must_use]
pub fn with_article(name: &str) -> String {
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']);
    format!("{} {name}", if vowel { "an" } else { "a" })
}

/// `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn and(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// A quantile's name: `p50`, `p99`, `p99.9`; the maximum for 1.
#[must_use]
pub fn quantile(q: f64) -> String {
    if q >= 1.0 {
        return "max".into();
    }
    let text = format!("{:.4}", q * 100.0);
    format!("p{}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The first `width` characters, the last of them an ellipsis if there were more.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Text in lines of at most `width` characters, broken between words, but not between a number and its unit; a longer word is
/// cut.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in with_units(text) {
        let word = cut(&word, width.max(1));
        let last = lines.last_mut().expect("there is always a line");
        if last.is_empty() {
            *last = word;
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// Words, each number with the unit that follows it.
fn with_units(text: &str) -> Vec<String> {
    let is_unit = |word: &str| {
        let word = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '%');
        matches!(
            word,
            "%" | "µs" | "ms" | "s" | "min" | "h" | "req/s" | "KiB" | "MiB"
        )
    };
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(last) if is_unit(word) && last.ends_with(|c: char| c.is_ascii_digit()) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// A name as a terminal may show it: control characters, escapes and direction marks are left out.
#[must_use]
pub fn terminal(text: &str) -> String {
    text.chars().filter(|c| !is_hidden(*c)).collect()
}

/// A name as Markdown may hold it, in a table too.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut out = String::new();
    for c in terminal(&text.replace(['\n', '\r', '\t'], " ")).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '(' | ')' | '#' | '!' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// A name as a CSV field: quoted, and never taken for a formula.
#[must_use]
pub fn csv(text: &str) -> String {
    let text = terminal(text);
    let guard = if text.starts_with(['=', '+', '-', '@']) {
        "'"
    } else {
        ""
    };
    let mut out = String::from("\"");
    write!(out, "{guard}{}\"", text.replace('"', "\"\"")).expect("a String takes everything");
    out
}

/// Control characters (C0, DEL, C1) and marks that hide text or turn its direction.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_between_no_number_and_its_unit() {
        let text = "missed 2.0 % (95 %: 1.6 % … 2.4 %) within 135 s, then 4 more";
        let lines = [
            "missed 2.0 %",
            "(95 %: 1.6 % …",
            "2.4 %) within",
            "135 s, then 4",
            "more",
        ];
        assert_eq!(wrap(text, 15), lines);
        for width in 1..40 {
            let lines = wrap(text, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width));
        }
    }

    #[test]
    fn numbers_as_people_read_them() {
        let table: [(String, &str); 37] = [
            (clock(309.0), "5:09"),
            (clock(3750.0), "1:02:30"),
            (clock(-30.0), "−0:30"),
            (clock(59.6), "1:00"),
            (clock(f64::NAN), "–"),
            (seconds(0.0), "0 s"),
            (seconds(0.42), "0.4 s"),
            (seconds(28.0), "28 s"),
            (seconds(60.0), "1 min"),
            (seconds(90.0), "90 s"),
            (seconds(1200.0), "20 min"),
            (seconds(150.0), "2 min 30 s"),
            (seconds(12_000.0), "3 h 20 min"),
            (ms(0.42), "0.42 ms"),
            (ms(4.2), "4.2 ms"),
            (ms(212.4), "212 ms"),
            (ms(999.4), "999 ms"),
            (ms(999.6), "1.00 s"),
            (ms(1290.0), "1.29 s"),
            (ms(12_900.0), "12.9 s"),
            (percent(0.000_32), "0.032 %"),
            (percent(0.0), "0 %"),
            (percent(0.015), "1.5 %"),
            (percent(0.6789), "68 %"),
            (percent(-0.34), "−34 %"),
            (percent(-0.000_001), "0 %"),
            (rate(1281.4), "1,281"),
            (rate(0.42), "0.4"),
            (plural(1, "replica"), "1 replica"),
            (plural(1234, "replica"), "1,234 replicas"),
            (quantile(0.999), "p99.9"),
            (quantile(0.5), "p50"),
            (with_article("order"), "an order"),
            (with_article("payment"), "a payment"),
            (and(&[]), ""),
            (and(&["a".into(), "b".into()]), "a and b"),
            (and(&["a".into(), "b".into(), "c".into()]), "a, b and c"),
        ];
        for (said, meant) in table {
            assert_eq!(said, meant);
        }
    }

    #[test]
    fn names_cannot_do_anything() {
        let hostile = "a\u{1b}[31m\u{202e}|`<b>`\u{9b}x\r\n@all";
        assert_eq!(terminal(hostile), "a[31m|`<b>`x@all");
        assert_eq!(markdown(hostile), "a\\[31m\\|\\`&lt;b&gt;\\`x  &#64;all");
        assert_eq!(csv("=cmd|'/c \"x\"'"), "\"'=cmd|'/c \"\"x\"\"'\"");
    }
}
