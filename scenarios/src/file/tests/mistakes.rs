//! What mistakes look like.

use super::*;

/// All of a reading's mistakes, without the last lines.
fn told(text: &str) -> String {
    let mistakes = read(text).expect_err("there is a mistake in it");
    mistakes
        .list()
        .iter()
        .map(|mistake| format!("{mistake}\n"))
        .collect()
}

#[test]
fn three_mistakes_are_told_at_once() {
    let text = DESIGN
        .replacen("hold: 2m", "hlod: 2m", 1)
        .replacen("{median: 12s, p90: 20s}", "{median: 20s, p90: 12s}", 1)
        .replacen("payment.charge", "paymnt.charge", 1);
    insta::assert_snapshot!(read(&text).unwrap_err());
}

#[test]
fn a_misspelled_field_is_one_mistake_and_hides_none() {
    for (from, to, mistakes) in [
        ("peak: 60/s", "pek: 60/s", 1),
        ("metric: p99", "metrc: p99", 1),
        ("traffic:\n", "trafic:\n", 1),
        // What is wrong inside it is told, too.
        ("peak: 60/s", "pek: 60", 2),
        // Both are there: the misspelled one stands for nothing.
        ("peak: 60/s", "peak: 60/s, pek: nonsense", 1),
    ] {
        let told = read(&design_with(from, to)).expect_err("there is a mistake in it");
        assert_eq!(told.count(), mistakes, "{to}: {told}");
    }
}

/// Each row replaces a part of the design's example; the names of the rows say what is wrong.
#[test]
#[allow(clippy::too_many_lines)] // A table, with a reason per row.
fn each_kind_of_mistake_says_where_why_and_what_to_do() {
    let rows = [
        ("unknown field", "rise: 30s", "rize: 30s"),
        ("missing field", "peak: 60/s, ", ""),
        ("missing at the top", "name: flash-sale\n", ""),
        ("empty field", "seed: 42", "seed:"),
        ("bare rate", "rate: 12/s", "rate: 12"),
        ("bare time", "duration: 20m", "duration: 1200"),
        ("unknown unit", "limit: 250ms", "limit: 250 millis"),
        ("share above one", "share: 99.9%", "share: 99.9"),
        ("unknown word", "unit: journeys", "unit: journey"),
        ("mapping instead of scalar", "slots: 2 ", "slots: {a: 1} "),
        (
            "scalar instead of mapping",
            "flash: {at: 10m, peak: 60/s, rise: 30s, hold: 2m, decay: 4m, journey: buyer}",
            "flash: 10m",
        ),
        (
            "scalar instead of list",
            "calendar: [{at: 10m, expect: 6x, spread: 15%}]",
            "calendar: 10m",
        ),
        ("bad name", "name: flash-sale", "name: ../../etc/x"),
        ("unknown version", "version: 1", "version: 2"),
        ("unknown zone", "Europe/Paris", "Europe/Pariss"),
        ("start without zone", "[Europe/Paris]", ""),
        (
            "hour that is there twice",
            "2026-11-27T11:50",
            "2026-10-25T02:30",
        ),
        (
            "two curves in one",
            "- constant: {rate: 12/s}",
            "- {constant: {rate: 12/s}, ramp: {from: 0/s, to: 1/s}}",
        ),
        ("unknown journey", "journey: buyer", "journey: buyers"),
        ("late flash", "at: 10m, peak", "at: 30m, peak"),
        ("missing trace", "day.csv.gz", "night.csv.gz"),
        ("bad trace", "day.csv.gz, from: 12h", "bad.csv"),
        ("unknown page", "next: {search: 0.4", "next: {serach: 0.4"),
        ("chances above one", "product: 0.3", "product: 0.7"),
        (
            "page that nobody comes to",
            "next: {checkout: 0.9}",
            "next: {product: 0.9}",
        ),
        (
            "page without operation",
            "get: /search?q=phone",
            "get: /find?q=phone",
        ),
        (
            "variable that is never set",
            "get: /product/1}}}\n",
            "get: '/product/{id}'}}}\n",
        ),
        (
            "page that asks twice",
            "post: /checkout",
            "post: /checkout, get: /cart",
        ),
        ("next without think", "think: 3s, ", ""),
        (
            "two forms of a distribution",
            "{median: 120ms, p99: 1.2s}",
            "{median: 120ms, mean: 1.2s}",
        ),
        ("unknown service", "call: auth.verify", "call: aut.verify"),
        ("unknown operation", "call: auth.verify", "call: auth.verfy"),
        (
            "round of calls",
            "verify: {do: [work: 2ms]}",
            "verify: {do: [call: order.checkout]}",
        ),
        ("min above max", "min: 2, max: 30", "min: 40, max: 30"),
        (
            "start outside min and max",
            "min: 2, max: 30",
            "min: 1, max: 1",
        ),
        ("hpa without max", "max: 30, ", ""),
        ("schedule with a target", "policy: hpa", "policy: schedule"),
        (
            "scaling of an unknown service",
            "  catalogue: {policy",
            "  katalogue: {policy",
        ),
        (
            "manifest with another metric",
            "{policy: hpa, min: 2, max: 30, target: {cpu: 70%}}",
            "{file: memory.yaml}",
        ),
        (
            "fault of two kinds",
            "kill: payment",
            "kill: payment, hang: payment",
        ),
        (
            "fault without duration",
            "kill: payment, replicas: 1",
            "slow: payment, factor: 3",
        ),
        ("fault with a foreign field", "replicas: 1}", "factor: 2}"),
        ("late fault", "at: 14m", "at: 24m"),
        ("unknown metric", "metric: misses", "metric: mises"),
        ("bound in another unit", "below: 0.1%", "below: 300ms"),
        ("bound in the other direction", "below: 0.1%", "above: 0.1%"),
        ("slo twice", "slo: {within: 300ms", "slo: {p99: 300ms"),
        (
            "phases with a gap",
            "slo:",
            "phases: [{name: a, from: 1m}, {name: a, from: 30s}]\nslo:",
        ),
        (
            "bad file of times",
            "work: 2ms",
            "work: {from: bad-times.csv}",
        ),
        (
            "reserved name",
            "  auth: {operations",
            "  gateway: {operations",
        ),
    ];
    let mut all = String::new();
    for (why, from, to) in rows {
        all.push_str(&format!("──── {why}\n{}\n", told(&design_with(from, to))));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_part_that_is_wrong_does_not_hide_the_rest() {
    let text = "version: 2\nname: x y\nduration: soon\ntraffic: {rate: [constant: {rate: 5}]}\njourneys: {a: {start: b, pages: {c: {get: x}}}}\nslo: {}\n";
    insta::assert_snapshot!(read(text).unwrap_err());
}

#[test]
fn long_lines_and_wide_places_stay_readable() {
    let padding = "x".repeat(300);
    let text = format!(
        "about: {padding}\nname: a\nversion: 1\nduration: 5m  # {padding}\ntraffic: {{rate: [constant: {{rate: 5/s}}], unit: \"{padding}\", begin: nowhere}}\njourneys: {{a: {{start: b, pages: {{b: {{get: /}}}}}}}}\n"
    );
    for mistake in read(&text).unwrap_err().list() {
        assert!(mistake.text.chars().count() <= 100, "{mistake}");
        assert!(mistake.from + mistake.length <= 101, "{mistake}");
    }
    insta::assert_snapshot!(told(&text));
}

#[test]
fn a_mistake_without_place_for_its_text_still_counts() {
    let text = (0..80).fold(DESIGN.to_owned(), |text, n| {
        format!("{text}unknown{n}: 1\n")
    });
    let mistakes = read(&text).unwrap_err();
    assert_eq!((mistakes.list().len(), mistakes.count()), (50, 80));
    assert!(
        mistakes
            .to_string()
            .contains("80 mistakes (the first 50 are shown)")
    );
}
