//! Files that mean harm: an error with its place, soon and small.

use super::*;

fn mistakes_of(bytes: &[u8]) -> Vec<Mistake> {
    let mistakes =
        Scenario::read("evil.yaml", bytes, &NoFiles, &[]).expect_err("it is no scenario");
    let shown = mistakes.to_string();
    assert!(shown.len() < 64 * 1024, "{} bytes of message", shown.len());
    assert!(
        !shown.contains(['\u{0}', '\u{1b}', '\u{202e}', '\u{feff}']),
        "{shown:?}"
    );
    mistakes.list().to_vec()
}

#[test]
#[allow(clippy::too_many_lines)] // A table, with a reason per row.
fn a_file_that_cannot_be_read_says_where() {
    let laughs = (0..12).fold(
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(),
        |text, n| {
            let list = vec![format!("*a{n}"); 9].join(", ");
            format!("{text}a{}: &a{} [{list}]\n", n + 1, n + 1)
        },
    );
    let anchors: String = (0..200).map(|n| format!("k{n}: &a{n} 1\n")).collect();
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing at all", b"".to_vec(), "there is nothing in it"),
        (
            "only a comment",
            b"# hello\n".to_vec(),
            "there is nothing in it",
        ),
        ("a list", b"[1, 2]".to_vec(), "a scenario is a mapping"),
        ("deep brackets", "[".repeat(100_000).into_bytes(), ""),
        ("deep mappings", "{a: ".repeat(100_000).into_bytes(), ""),
        (
            "deep blocks",
            (0..900)
                .map(|n| format!("{}a:\n", " ".repeat(n)))
                .collect::<String>()
                .into_bytes(),
            "",
        ),
        (
            "a billion laughs",
            laughs.into_bytes(),
            "more than 50000 values",
        ),
        (
            "many anchors",
            anchors.into_bytes(),
            "more than 100 anchors",
        ),
        ("an alias to itself", b"a: &a [*a]".to_vec(), ""),
        ("an alias to nothing", b"a: *b".to_vec(), ""),
        ("NUL", b"name: a\0b".to_vec(), "control character U+0000"),
        (
            "escape",
            b"name: a\x1b[31m".to_vec(),
            "control character U+001B",
        ),
        (
            "right to left",
            "name: a\u{202e}b".into(),
            "control character U+202E",
        ),
        (
            "an escaped escape",
            b"name: \"a\\e\"".to_vec(),
            "a control character in a text",
        ),
        (
            "byte order mark",
            "\u{feff}name: a".into(),
            "the file holds a byte order mark",
        ),
        (
            "UTF-16",
            b"\xff\xfen\0a\0".to_vec(),
            "the file is not UTF-8",
        ),
        ("a tag", b"name: !!binary aGk=".to_vec(), "a tag on a value"),
        (
            "a custom tag",
            b"name: !run rm".to_vec(),
            "a tag on a value",
        ),
        (
            "a key twice",
            b"name: a\nname: b".to_vec(),
            "`name` is there twice",
        ),
        (
            "a key that is a list",
            b"[a]: b".to_vec(),
            "a key that is no text",
        ),
        (
            "two documents",
            b"name: a\n---\nname: b".to_vec(),
            "a second document",
        ),
        ("a directive", b"%YAML 1.2\n---\nname: a".to_vec(), ""),
        (
            "too large",
            vec![b'#'; (1 << 20) + 1],
            "the file is larger than 1 MiB",
        ),
        ("an open quote", b"name: \"a".to_vec(), ""),
        (
            "many unknown fields",
            (0..20_000)
                .map(|n| format!("k{n}: 1\n"))
                .collect::<String>()
                .into_bytes(),
            "",
        ),
        (
            "one huge list",
            format!("a: [{}]", "1,".repeat(200_000)).into_bytes(),
            "more than 50000 values",
        ),
        (
            "one huge line",
            format!("name: {}", "x".repeat(1_000_000)).into_bytes(),
            "",
        ),
        ("many quotes", "\"".repeat(1_000_000).into_bytes(), ""),
        ("many questions", "? ".repeat(500_000).into_bytes(), ""),
        ("many dashes", "- ".repeat(500_000).into_bytes(), ""),
    ];
    for (why, bytes, what) in rows {
        let mistakes = mistakes_of(&bytes);
        assert!(
            mistakes.iter().all(|m| m.line >= 1 && m.column >= 1),
            "{why}"
        );
        assert!(
            mistakes.iter().any(|m| m.what.starts_with(what)),
            "{why}: {mistakes:?}"
        );
    }
}

#[test]
fn no_number_is_infinite_or_no_number() {
    for bad in [
        ".nan",
        ".inf",
        "-.inf",
        "NaN",
        "inf",
        "1e999",
        "-1",
        "0x10",
        "1_000",
        "9".repeat(400).as_str(),
    ] {
        for text in [
            design_with("weight: 97", &format!("weight: {bad}")),
            design_with("search: 0.4", &format!("search: {bad}")),
            design_with("cv: 0.5}", &format!("cv: {bad}}}")),
            design_with("expect: 6x", &format!("expect: {bad}x")),
            design_with("rate: 12/s", &format!("rate: {bad}/s")),
            design_with("duration: 20m", &format!("duration: {bad}m")),
            design_with("slots: 2 ", &format!("slots: {bad} ")),
        ] {
            assert!(read(&text).is_err(), "{bad} in {text}");
        }
    }
}

#[test]
fn file_names_stay_in_the_folder() {
    for bad in [
        "/etc/passwd",
        "../day.csv",
        "a/../../b",
        "..",
        "C:\\x",
        "\\\\host\\x",
        "file:///etc/passwd",
        "~/x",
        "''",
    ] {
        let mistakes = read(&design_with("file: day.csv.gz", &format!("file: {bad}"))).unwrap_err();
        assert!(
            mistakes.list()[0]
                .what
                .contains("is not the name of a file"),
            "{bad}: {mistakes}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        drop(read(&text));
    }

    #[test]
    fn no_damage_to_a_good_file_makes_it_panic(from in 0_usize..4000, length in 0_usize..40, put in "[ -~\n]{0,12}") {
        let from = DESIGN.floor_char_boundary(from);
        let to = DESIGN.floor_char_boundary(from + length);
        let text = format!("{}{put}{}", &DESIGN[..from], &DESIGN[to..]);
        if let Err(mistakes) = read(&text) {
            proptest::prop_assert!(!mistakes.list().is_empty());
            proptest::prop_assert!(mistakes.to_string().contains("error[1]"));
        }
    }
}
