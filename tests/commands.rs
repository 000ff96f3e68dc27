//! What a user meets outside of a run.

use std::fs;
use std::io::Read as _;
use std::process::Stdio;

use crate::harness::{run, rushhour};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_new_scenario_passes_as_it_is_and_is_never_overwritten() {
    let folder = folder();
    let ran = run(folder.path(), &["scenario", "new", "my-sale.yaml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = run(folder.path(), &["scenario", "check", "my-sale.yaml"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let ran = run(folder.path(), &["scenario", "new", "my-sale.yaml"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("exists already"), "{}", ran.stderr);
}

/// Five slips, each with what is wrong, what stands wrong there, and the help that comes with it.
const SLIPS: [(&str, &str, &str, &str); 5] = [
    (
        "duration: 20m",
        "duration: 20 minutes",
        "20 minutes",
        "a time is a number with its unit",
    ),
    (
        "peak: 12/s, rise",
        "pek: 12/s, rise",
        "pek",
        "did you mean `peak`?",
    ),
    (
        "{median: 8s, p90: 14s}",
        "{median: 18s, p90: 14s}",
        "{median: 18s",
        "swap them",
    ),
    (
        "call: auth.verify",
        "call: auht.verify",
        "auht",
        "did you mean `auth`?",
    ),
    (
        "metric: misses",
        "metric: mises",
        "mises",
        "did you mean `misses`?",
    ),
];

/// Line and column of `part` in `text`, from 1.
fn place(text: &str, part: &str) -> String {
    let at = text.find(part).expect("the slip is there");
    let line = text[..at].matches('\n').count() + 1;
    let column = at - text[..at].rfind('\n').map_or(0, |end| end + 1) + 1;
    format!("my-sale.yaml:{line}:{column}\n")
}

#[test]
fn five_mistakes_are_found_at_once_each_with_its_place() {
    let folder = folder();
    run(folder.path(), &["scenario", "new", "my-sale.yaml"]);
    let path = folder.path().join("my-sale.yaml");
    let mut text = fs::read_to_string(&path).expect("it was written");
    for (good, bad, ..) in SLIPS {
        assert!(text.contains(good), "the template has `{good}`");
        text = text.replacen(good, bad, 1);
    }
    fs::write(&path, &text).expect("it can be written");
    for command in [
        &["run", "my-sale.yaml"][..],
        &["scenario", "check", "my-sale.yaml"],
    ] {
        let ran = run(folder.path(), command);
        assert_eq!(ran.code, Some(2));
        assert_eq!(ran.stdout, "", "stdout is for results");
        let end = "my-sale.yaml: 5 mistakes, nothing was started";
        assert!(ran.stderr.contains(end), "{}", ran.stderr);
        for (_, _, part, help) in SLIPS {
            let place = place(&text, part);
            let told = ran
                .stderr
                .split("error[")
                .find(|told| told.contains(&place));
            let told = told.unwrap_or_else(|| panic!("nothing at {place}{}", ran.stderr));
            assert!(told.contains(help), "{told}");
        }
    }
    assert!(!folder.path().join("runs").exists(), "nothing was started");
}

#[test]
fn whatever_cannot_be_a_scenario_is_said_in_a_line() {
    let folder = folder();
    fs::write(folder.path().join("binary.yaml"), [0_u8, 159, 146, 150]).expect("it can be written");
    fs::create_dir(folder.path().join("folder.yaml")).expect("it can be made");
    let made = std::process::Command::new("mkfifo")
        .arg(folder.path().join("pipe.yaml"))
        .status();
    assert!(made.expect("mkfifo runs").success());
    for (name, needle) in [
        ("flash-sail", "did you mean `flash-sale`?"),
        ("shop", "the library has: "),
        ("missing.yaml", "rushhour scenario new missing.yaml"),
        ("folder.yaml", "it is a folder"),
        // Nobody writes to the pipe, and the device never ends: neither may be waited for.
        ("pipe.yaml", "it is a pipe, not a file"),
        ("/dev/zero", "it is a device, not a file"),
        ("binary.yaml", "binary.yaml"),
    ] {
        let ran = run(folder.path(), &["scenario", "check", name]);
        assert_eq!(ran.code, Some(2), "{name}");
        assert!(ran.stderr.contains(needle), "{name}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

#[test]
fn a_record_that_is_not_there_is_told_from_one_that_is_no_good() {
    let folder = folder();
    fs::write(folder.path().join("notes.txt"), "no record\n").expect("it can be written");
    for (path, needle) in [
        (
            "runs/of-yesterday",
            "there is no file or folder runs/of-yesterday",
        ),
        (".", "there is no record in ."),
        ("notes.txt", "notes.txt: not a record"),
    ] {
        let ran = run(folder.path(), &["report", path]);
        assert_eq!(ran.code, Some(2), "{path}");
        assert!(ran.stderr.contains(needle), "{path}: {}", ran.stderr);
        assert_eq!(ran.stderr.matches("os error").count(), 0, "{}", ran.stderr);
    }
}

#[test]
fn the_library_is_listed_shown_and_good() {
    let folder = folder();
    let list = run(folder.path(), &["scenario", "list"]).stdout;
    let names: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() >= 10 && names.contains(&"flash-sale"), "{list}");
    let ran = run(
        folder.path(),
        &[&["scenario", "check"], &names[..]].concat(),
    );
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let shown = run(folder.path(), &["scenario", "show", "flash-sale"]).stdout;
    assert!(shown.contains("name: flash-sale"), "{shown}");
}

#[test]
fn all_that_is_wrong_with_set_is_told_at_once() {
    let folder = folder();
    let sets = ["--set", "seed", "--set", "seed=7", "--set", "a..b=1"];
    for command in [
        &["run", "flash-sale"][..],
        &["scenario", "check", "flash-sale"],
    ] {
        let ran = run(folder.path(), &[command, &sets].concat());
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        for part in [
            "no value in it",
            "1 | seed\n",
            "no path in it",
            "1 | a..b=1\n",
        ] {
            assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
        }
        assert!(ran.stderr.contains("--set: 2 mistakes"), "{}", ran.stderr);
    }
}

#[test]
fn absurd_speeds_say_what_works() {
    let folder = folder();
    for (speed, needle) in [
        ("1e9", "75"),
        ("0", "speed"),
        ("NaN", "speed"),
        ("-1", "speed"),
    ] {
        let speed = format!("--speed={speed}");
        let ran = run(folder.path(), &["run", "flash-sale", &speed]);
        assert_eq!(ran.code, Some(2), "{speed}: {}", ran.stderr);
        assert!(ran.stderr.contains(needle), "{speed}: {}", ran.stderr);
    }
}

#[test]
fn a_mistyped_command_is_suggested() {
    let ran = run(folder().path(), &["scenaro", "list"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("scenario"), "{}", ran.stderr);
}

#[test]
fn a_reader_that_goes_away_is_a_quiet_end() {
    let folder = folder();
    let mut command = rushhour(folder.path());
    let child = command
        .args(["scenario", "show", "world-cup-surge"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = child.spawn().expect("it starts");
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut stderr)
        .expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{stderr}");
    assert_eq!(stderr, "");
}

#[test]
fn completions_schemas_and_doctor_answer() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            run(folder.path(), &["completions", shell])
                .stdout
                .contains("rushhour")
        );
    }
    for of in ["scenario", "record", "report", "summary", "compare", "plan"] {
        let ran = run(folder.path(), &["schema", of]);
        assert!(
            serde_json::from_str::<serde_json::Value>(&ran.stdout).is_ok(),
            "{of}: {}",
            ran.stderr
        );
    }
    let ran = run(folder.path(), &["doctor"]);
    assert!(
        ran.stdout.contains("file descriptors") && ran.stdout.contains("memory"),
        "{}",
        ran.stdout
    );
}
