//! Names and files that mean harm: refused with their place, or harmless wherever they are shown.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::harness::{Ran, Running, Stage, ask, machine, run, run_within, rushhour, wait_for_load};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Line and column of the first `part` in `text`, as an error shows them.
fn place(file: &str, text: &str, part: &str) -> String {
    let at = text.find(part).expect("it is there");
    let line = text[..at].matches('\n').count() + 1;
    let column = text[..at].chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{file}:{line}:{column}\n")
}

/// Nothing in it moves a cursor, hides text or turns its direction.
fn assert_shows(name: &str, text: &str) {
    let bad = |c: &char| (c.is_control() && *c != '\n') || matches!(*c, '\u{202a}'..='\u{202e}');
    let found = text.chars().find(bad);
    assert_eq!(found, None, "{name}: {text:?}");
}

/// Checks a scenario with 64 MiB for its data and two seconds of processor time: a second is the goal, and this program
/// is built for tests.
fn check_in_little(folder: &Path, file: &str) -> Ran {
    let limited = "ulimit -d 65536; ulimit -t 2; exec \"$0\" scenario check \"$1\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", limited, env!("CARGO_BIN_EXE_rushhour"), file]);
    run_within(shell.current_dir(folder), Duration::from_secs(60))
}

/// Checks that a file is refused within its means, at this place and for this reason.
fn refused(folder: &Path, file: &str, (place, reason): (&str, &str)) {
    let ran = check_in_little(folder, file);
    assert_eq!(ran.code, Some(2), "{file}: {}{}", ran.stdout, ran.stderr);
    let mut told = ran.stderr.split("error[").skip(1);
    assert!(
        told.any(|told| told.contains(place) && told.contains(reason)),
        "{file}: no `{reason}` at {place}: {}",
        ran.stderr
    );
    assert!(ran.stderr.len() < 64 << 10, "{file}: a short answer");
    assert_shows(file, &ran.stderr);
}

#[test]
fn scenarios_that_mean_harm_are_refused_at_their_place() {
    let folder = folder();
    let laughs = (1..12).fold("a0: &a0 [x]\n".to_owned(), |text, n| {
        let nine = vec![format!("*a{}", n - 1); 9].join(",");
        format!("{text}a{n}: &a{n} [{nine}]\n")
    });
    let deep = "a:\n".to_owned() + &(1..900).map(|n| " ".repeat(n) + "a:\n").collect::<String>();
    let table: [(&str, String, &str, &str); 13] = [
        (
            "brackets",
            "[".repeat(200_000),
            ":1:66\n",
            "recursion limit",
        ),
        ("blocks", deep, ":65:65\n", "64 deep"),
        ("laughs", laughs, ":6:", "more than 50000 values"),
        (
            "itself",
            "a: &a [*a]\n".into(),
            ":1:8\n",
            "not complete yet",
        ),
        (
            "nan",
            "version: 1\nduration: .nan\n".into(),
            ":2:11\n",
            ".nan",
        ),
        ("inf", "duration: .inf\n".into(), ":1:11\n", ".inf"),
        ("number", "seed: 1e999\n".into(), ":1:7\n", "1e999"),
        (
            "escape",
            "name: \"\\e]0;hi\\a\"\n".into(),
            ":1:7\n",
            "control character",
        ),
        ("raw", "name: a\u{1b}[2J\n".into(), ":1:8\n", "U+001B"),
        ("turned", "name: a\u{202e}b\n".into(), ":1:8\n", "U+202E"),
        ("nul", "name: a\0b\n".into(), ":1:8\n", "U+0000"),
        (
            "twice",
            "version: 1\nversion: 1\n".into(),
            ":2:1\n",
            "there twice",
        ),
        ("tag", "name: !!python/object x\n".into(), ":1:", "a tag"),
    ];
    for (name, text, place, reason) in table {
        let file = format!("{name}.yaml");
        fs::write(folder.path().join(&file), text).expect("it can be written");
        let place = format!("{file}{place}");
        refused(folder.path(), &file, (&place, reason));
    }
    let large = format!("about: {}\n", "x".repeat(9 << 20));
    fs::write(folder.path().join("large.yaml"), large).expect("it can be written");
    let ran = check_in_little(folder.path(), "large.yaml");
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("larger than 8 MiB"), "{}", ran.stderr);
}

/// A gzip stream of `text`.
fn packed(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text).expect("memory");
    gzip.finish().expect("memory")
}

/// A trace of a thousand million rows in a few megabytes: the first five million are as good as any, the others are one
/// million again and again.
fn endless_trace() -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"timestamp_s,requests\n").expect("memory");
    for million in 0..5_u32 {
        let rows = (0..1_000_000).fold(String::new(), |mut rows, n| {
            writeln!(rows, "{},1", million * 1_000_000 + n).expect("memory");
            rows
        });
        gzip.write_all(rows.as_bytes()).expect("memory");
    }
    let mut trace = gzip.finish().expect("memory");
    let million = packed(&b"9,1\n".repeat(1_000_000));
    for _ in 5..1000 {
        trace.extend_from_slice(&million);
    }
    trace
}

#[test]
fn traces_that_mean_harm_are_refused_at_their_line() {
    let folder = folder();
    let write = |name: &str, content: &[u8]| {
        fs::write(folder.path().join(name), content).expect("it can be written");
    };
    let rows = |rows: &str| format!("timestamp_s,requests\n{rows}").into_bytes();
    write("many.csv.gz", &endless_trace());
    write("bomb.csv.gz", &packed(&rows(&"0".repeat(300 << 20))));
    write("short.csv.gz", &packed(&rows(&"0,1\n".repeat(9_000_000))));
    write("nan.csv", &rows("0,1\n1,NaN\n"));
    write("inf.csv", &rows("0,1\n1,1e999\n"));
    write("less.csv", &rows("0,1\n1,-5\n"));
    write("back.csv", &rows("5,1\n4,1\n"));
    write("formula.csv", &rows("0,1\n=1+1,\u{1b}[2J1\n"));
    write("text.csv", b"\x00\xff\xfe");
    write("cut.csv.gz", &packed(&rows("0,1\n1,1\n"))[..20]);
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.csv")).expect("a link");
    fs::create_dir(folder.path().join("folder.csv")).expect("a folder");
    for (file, reason) in [
        ("many.csv.gz", "many.csv.gz:4000002: more than 4000000 rows"),
        ("bomb.csv.gz", "bomb.csv.gz:2: the line is longer"),
        ("short.csv.gz", "short.csv.gz:3: time goes"),
        ("nan.csv", "nan.csv:3: `NaN` is no number"),
        ("inf.csv", "inf.csv:3: `1e999` is no number"),
        ("less.csv", "less.csv:3: `-5` is no number"),
        ("back.csv", "back.csv:3: time goes from 5 s to 4 s"),
        ("formula.csv", "formula.csv:3: `=1+1` is no number"),
        ("text.csv", "text.csv:1: "),
        ("cut.csv.gz", "cut.csv.gz:"),
        ("link.csv", "outside the scenario's folder"),
        ("folder.csv", "not a file"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("/etc/passwd", "/etc/passwd"),
    ] {
        let text = format!(
            "version: 1\nname: x\nabout: x\nduration: 1m\ntraffic: {{rate: [trace: {{file: '{file}', from: 4999990s}}]}}\n"
        );
        fs::write(folder.path().join("trace.yaml"), &text).expect("it can be written");
        let place = place("trace.yaml", &text, &format!("'{file}'"));
        refused(folder.path(), "trace.yaml", (&place, reason));
        let shown = run(folder.path(), &["scenario", "check", "trace.yaml"]).stderr;
        assert!(!shown.contains("root:"), "nothing of other files: {shown}");
    }
}

#[test]
fn names_that_mean_harm_are_refused_wherever_a_name_may_stand() {
    let folder = folder();
    let shop = include_str!("scenarios/shop.yaml");
    for (good, begin, end) in [
        ("name: shop\n", "name: ", "\n"),
        ("  buyer:\n", "  ", ":\n"),
        ("      home: {get", "      ", ": {get"),
        ("  payment:\n", "  ", ":\n"),
        ("      stock: {do", "      ", ": {do"),
        ("variables: {product:", "variables: {", ":"),
    ] {
        assert!(shop.contains(good), "{good}");
        for evil in [
            "<script>alert(1)</script>",
            "../../etc/passwd",
            "a/b",
            "it's",
            "say \\\"hi\\\"",
            "a,b",
            "=1+1",
            "@all",
            "two\\nlines",
            "\\x1b[2J",
            "a b",
            "",
        ] {
            let text = shop.replacen(good, &format!("{begin}\"{evil}\"{end}"), 1);
            fs::write(folder.path().join("names.yaml"), &text).expect("it can be written");
            let quoted = format!("{begin}\"{evil}\"{end}");
            let at = place("names.yaml", &text, &quoted);
            let (line, column) = at.trim().rsplit_once(':').expect("a place");
            let column = column.parse::<usize>().expect("a number") + begin.len();
            refused(
                folder.path(),
                "names.yaml",
                (&format!("{line}:{column}\n"), "a name"),
            );
        }
    }
}

/// What stands where any text may stand: it opens tags, closes strings, begins formulas and commands.
const EVIL: &str = r#"=1+1,"<img src=x onerror=alert(1)>']]>--><script>alert(1)</script>|`id`$(id){{7*7}}@all [a](b) ::error::x"#;

/// A shop whose names are the worst that a name may be, and whose texts are worse.
fn worst_shop() -> String {
    format!(
        "version: 1
name: --help
about: '{about}'
duration: 3s
traffic: {{rate: [constant: {{rate: 20/s, journey: __proto__}}], begin: empty}}
journeys:
  __proto__:
    start: constructor
    variables: {{..: '{about}'}}
    pages:
      constructor: {{get: '/a?q={{..}}', headers: {{x-evil: 'a{{..}}'}}, think: 100ms, next: {{'..': 1}}}}
      ..: {{post: /b, body: {{evil: '{{..}}'}}, on_failure: {{retry: 1, after: 100ms}}}}
services:
  ..: {{start_up: 1s, replicas: 2, operations: {{-rf: {{route: GET /a, do: [work: 2ms, call: '-e.toString']}}}}}}
  -e: {{start_up: 1s, operations: {{toString: {{route: POST /b, do: [work: 2ms]}}}}}}
control: {{period: 1s, scrape: {{interval: 500ms, window: 1s, lag: 0s}}}}
scaling:
  ..: {{policy: schedule, min: 1, max: 3, schedule: [{{at: 1s, replicas: 3}}]}}
faults:
  - {{at: 1s, kill: '..', replicas: 1}}
phases: [{{name: '.', from: 0s}}, {{name: '--', from: 1s}}]
gates:
  - {{metric: p99, per: page, below: 1us}}
  - {{metric: misses, per: phase, below: 1%}}
",
        about = EVIL.replace('\'', "''")
    )
}

/// No tag or script of [`EVIL`] is one in this page or picture.
fn assert_escaped(name: &str, markup: &str) {
    for tag in ["<img src=x", "<script>alert", "onerror=alert(1)>"] {
        assert!(!markup.contains(tag), "{name} has {tag}");
    }
}

#[test]
fn the_worst_texts_are_harmless_in_all_that_a_run_writes() {
    let _machine = machine();
    let stage = Stage::new("");
    // The file's and the folder's names are of the same kind.
    let (file, out) = (
        "evil\u{1b}[2J\n<img src=x>|`id`.yaml",
        "out\u{1b}[2J<img src=x>,\"=1+1",
    );
    fs::write(stage.path().join(file), worst_shop()).expect("it can be written");
    let mut command = rushhour(stage.path());
    let running = Running::start(command.args(["run", file, "--out", out]));
    let folder = stage.path().join(out);
    wait_for_load(&folder);
    let (gateway, registry) = running.addresses();
    let expositions = [gateway, registry].map(|address| ask(&address, "GET", "/metrics", ""));
    let ran = running.finish(Duration::from_secs(60));
    // The gates cannot hold; on a busy machine the load may have been late.
    assert!(
        matches!(ran.code, Some(1 | 3)),
        "{:?}{}",
        ran.code,
        ran.stderr
    );
    for (status, text) in expositions {
        assert_eq!(status, 200);
        prometheus(&text);
    }
    assert_shows("stdout", &ran.stdout);
    assert_shows("stderr", &ran.stderr);

    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("it was written");
    for name in ["report.html", "hero.svg", "junit.xml"] {
        let text = read(name);
        assert_escaped(name, &text);
        assert_shows(name, &text);
    }
    assert!(read("report.html").contains("&lt;img src=x onerror=alert(1)&gt;"));
    let json: serde_json::Value = serde_json::from_str(&read("report.json")).expect("JSON");
    assert_eq!(json["about"]["about"], EVIL, "JSON holds it as it is");
    comma_separated(&read("latency.hlog"));
    assert_escaped("summary.md", &markdown_without_code(&read("summary.md")));
    assert_shows("summary.md", &read("summary.md"));

    for format in ["human", "markdown", "junit", "github"] {
        let ran = run(stage.path(), &["report", out, "--format", format]);
        assert!(matches!(ran.code, Some(1 | 3)), "{format}: {}", ran.stderr);
        assert_shows(format, &ran.stdout);
        let commands = ran.stdout.lines().filter(|line| line.starts_with("::"));
        let ours = |line: &str| line.starts_with("::error title=rushhour::");
        assert!(commands.into_iter().all(ours), "{format}: {}", ran.stdout);
    }
    let ran = run(stage.path(), &["report", "out\u{1b}[2J"]);
    assert_eq!(ran.code, Some(2));
    assert_shows("an error", &ran.stderr);
}

/// Markdown without its blocks of code, in which nothing is markup.
fn markdown_without_code(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// Each line of a Prometheus text is a comment, or `name{label="value",…} number`.
fn prometheus(text: &str) {
    assert!(text.contains("{service=\"..\""), "{text}");
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let word = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        assert!(word(name), "{line}");
        let labels = labels.strip_suffix('}').expect("labels end");
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (key, value) = label.split_once('=').expect("a label");
            assert!(word(key), "{line}");
            let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
            assert!(value.is_some_and(|v| v.chars().all(plain)), "{line}");
        }
    }
}

/// Each line is a comment, the names of the columns, or has as many of them; none is a formula.
fn comma_separated(text: &str) {
    let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(rows.len() > 1, "{text}");
    for row in &rows {
        let row = row.strip_prefix("Tag=").map_or(*row, |tagged| {
            let (tag, rest) = tagged.split_once(',').expect("a tag ends");
            assert!(!tag.contains(['"', ' ', '<']), "{row}");
            rest
        });
        assert_eq!(row.matches(',').count(), 3, "{row}");
        assert!(!row.starts_with(['=', '+', '@']), "{row}");
    }
}
