//! The engine on anything that scales: commands and URLs, well and ill.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{Ran, Started, run, run_within, rushhour};

/// A target that keeps its replicas and a version in files; it refuses a write with another version.
const TARGET: &str = r#"#!/bin/sh
read request
case "$request" in
*'"do":"read"'*) printf '{"replicas": %s, "version": %s}' "$(cat replicas)" "$(cat version)" ;;
*)
  case "$request" in *"\"version\":\"$(cat version)\""*) ;; *) echo '{"outcome": "lost"}'; exit ;; esac
  echo "$request" | sed 's/.*"replicas":\([0-9]*\).*/\1/' > replicas
  expr "$(cat version)" + 1 > version.new; mv version.new version
  echo "$request" >> writes ;;
esac
"#;

const ENGINE: &str = "version: 1
name: mine
period: 1s
workloads:
  web:
    source: SOURCE
    target: TARGET
scaling:
  web: {policy: hpa, min: 1, max: 9, target: {requests: 10/s}, stabilization: 0s}
";

/// Each of the replicas that are there has so many requests a second.
const READINGS: &str = r#"#!/bin/sh
n=$(cat replicas); load=$(cat load); i=0; all=; series=
while [ $i -lt $n ]; do
  all="$all${all:+,}{\"id\":\"r-$i\",\"ready\":true}"
  series="$series${series:+,}{\"replica\":\"r-$i\",\"value\":$load}"
  i=$((i + 1))
done
echo "{\"replicas\":[$all],\"metrics\":{\"pods/requests\":[$series]}}"
"#;

/// A folder with an engine whose source and target are these.
fn folder(source: &str, target: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it can be written");
        if text.starts_with("#!") {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
    };
    put("target.sh", TARGET);
    put("readings.sh", READINGS);
    put("replicas", "2");
    put("version", "7");
    put("load", "20");
    let engine = ENGINE.replace("SOURCE", source).replace("TARGET", target);
    put("engine.yaml", &engine);
    folder
}

const SOURCE_SH: &str = "{command: [./readings.sh]}";
const TARGET_SH: &str = "{command: [./target.sh]}";

fn control(folder: &Path, args: &[&str]) -> Ran {
    let all = [&["control", "--file", "engine.yaml"], args].concat();
    run(folder, &all)
}

fn text(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap_or_default()
}

fn decisions(folder: &Path, out: &str) -> Vec<Value> {
    let args = ["explain", out, "--from", "0s", "--format", "json"];
    let ran = run(folder, &args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let json: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    json["decisions"].as_array().expect("a list").clone()
}

/// One that tells of 50 requests in each second.
const SECONDS: &str = r#"#!/bin/sh
echo "{\"replicas\":[{\"id\":\"r-0\",\"ready\":true}],
  \"samples\":[{\"at\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",\"metric\":\"pods/requests\",\"value\":50}]}"
"#;

#[test]
fn a_policy_with_a_period_of_its_own_has_its_turns_whatever_the_engines_is() {
    let folder = folder(SOURCE_SH, TARGET_SH);
    let engine = text(folder.path(), "engine.yaml")
        .replace("period: 1s", "period: 1h")
        .replace(
            "{policy: hpa, min: 1, max: 9, target: {requests: 10/s}, stabilization: 0s}",
            "{policy: kpa, min: 1, max: 9, target: {requests: 10/s}}",
        );
    assert!(engine.contains("kpa"));
    fs::write(folder.path().join("engine.yaml"), engine).expect("it can be written");
    fs::write(folder.path().join("readings.sh"), SECONDS).expect("it can be written");
    let ran = control(folder.path(), &["--steps", "3", "--out", "one"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let all = decisions(folder.path(), "one");
    let times: Vec<f64> = all.iter().filter_map(|d| d["at_s"].as_f64()).collect();
    assert_eq!(times, [0.0, 2.0, 4.0], "every 2 s");
    // 50 requests/s at 7 a replica.
    assert_eq!(all[2]["to"], 8, "{}", all[2]);
    assert_eq!(text(folder.path(), "replicas").trim(), "8");
}

#[test]
fn commands_are_asked_and_told_and_the_record_replays() {
    let folder = folder(SOURCE_SH, TARGET_SH);
    let ran = control(
        folder.path(),
        &["--steps", "2", "--out", "one", "--state", "memory"],
    );
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("web: 2 → 4"), "{}", ran.stderr);
    // Twice as many do not halve the load here: it goes up again.
    assert_eq!(text(folder.path(), "replicas").trim(), "8");
    assert_eq!(text(folder.path(), "version").trim(), "9");
    let again = control(
        folder.path(),
        &["--steps", "1", "--out", "two", "--state", "memory"],
    );
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    for out in ["one", "two"] {
        let replayed = run(folder.path(), &["explain", out, "--replay"]);
        assert_eq!(
            replayed.code,
            Some(0),
            "{}{}",
            replayed.stdout,
            replayed.stderr
        );
        assert!(
            replayed.stdout.contains("byte for byte"),
            "{}",
            replayed.stdout
        );
        let report = run(folder.path(), &["report", out, "--format", "markdown"]);
        assert!(
            report.stdout.contains("mine"),
            "{:?} {}",
            report.code,
            report.stderr
        );
    }
    // What was remembered is where the second begins.
    let record = text(folder.path(), "two/record.jsonl");
    assert!(
        record
            .lines()
            .next()
            .is_some_and(|header| header.contains("\"kind\":\"hpa/1\""))
    );
    let all = decisions(folder.path(), "two");
    assert_eq!(all[0]["without"][0]["rule"], "max");
}

#[test]
fn a_dry_run_writes_nothing_and_a_target_that_was_changed_is_not_overwritten() {
    let folder = folder(SOURCE_SH, TARGET_SH);
    let ran = control(folder.path(), &["--steps", "1", "--dry-run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("2 → 4, were it no dry run"),
        "{}",
        ran.stderr
    );
    assert_eq!(text(folder.path(), "writes"), "");
    // The source takes its time, and meanwhile somebody else writes.
    let busy = "{command: \"echo 8 > version; ./readings.sh\"}";
    let engine = ENGINE.replace("SOURCE", busy).replace("TARGET", TARGET_SH);
    fs::write(folder.path().join("engine.yaml"), engine).expect("it can be written");
    let ran = control(folder.path(), &["--steps", "1", "--out", "lost"]);
    assert!(
        ran.stderr.contains("someone else had written meanwhile"),
        "{}",
        ran.stderr
    );
    assert_eq!(text(folder.path(), "replicas").trim(), "2");
    assert!(
        decisions(folder.path(), "lost")[0]["outcome"]
            .as_str()
            .is_some_and(|o| o.starts_with("lost"))
    );
}

/// What the engine says of an end that is not as it should be.
fn said(source: &str, target: &str, load: &str) -> (String, String) {
    let folder = folder(source, target);
    fs::write(folder.path().join("load"), load).expect("it can be written");
    let ran = control(folder.path(), &["--steps", "1", "--out", "run"]);
    assert_eq!(
        ran.code,
        Some(0),
        "{source} {target}: {}{}",
        ran.stdout,
        ran.stderr
    );
    let replayed = run(folder.path(), &["explain", "run", "--replay"]);
    assert_eq!(replayed.code, Some(0), "{}", replayed.stderr);
    (
        ran.stderr,
        text(folder.path(), "replicas").trim().to_owned(),
    )
}

#[test]
fn a_source_that_fails_is_no_data_and_nothing_goes_down() {
    for (source, why) in [
        ("{command: [./nowhere]}", "cannot be started"),
        (
            "{command: \"echo broken >&2; exit 3\"}",
            "exit code 3: broken",
        ),
        ("{command: \"echo nonsense\"}", "not as it should be"),
        (
            "{command: \"echo '{\\\"metrics\\\": {\\\"pods/requests\\\": 1'\"}",
            "not as it should be",
        ),
        ("{command: \"echo []\"}", "no JSON object"),
        (
            "{command: \"echo '{\\\"metrix\\\": 1}'\"}",
            "unknown field `metrix`",
        ),
        ("{command: \"true\"}", "not as it should be"),
        ("{command: \"echo '{}'\"}", "no metrics returned"),
        ("{command: \"yes\", deadline: 20s}", "longer than 4 MiB"),
        (
            "{command: \"sleep 60\", deadline: 300ms}",
            "no answer within 0.3 s",
        ),
        ("{command: \"kill -9 $$\"}", "137"),
        ("{url: \"http://127.0.0.1:1/\"}", "127.0.0.1:1"),
        (
            "{url: \"http://192.0.2.1/\"}",
            "is not this machine: name it again",
        ),
    ] {
        let (said, replicas) = said(source, TARGET_SH, "0");
        assert!(said.contains(why), "{source}: {said}");
        assert_eq!(replicas, "2", "{source}");
    }
}

#[test]
fn a_target_that_fails_is_a_failed_write() {
    let read = "read r; case $r in *read*) echo 2;; *)";
    for (target, why) in [
        ("{command: [./nowhere]}".to_owned(), "cannot be started"),
        ("{command: \"echo many\"}".to_owned(), "held"),
        (
            format!("{{command: \"{read} echo no >&2; exit 1;; esac\"}}"),
            "not written: exit code 1: no",
        ),
        (
            format!("{{command: \"{read} echo done;; esac\"}}"),
            "not written: the answer is not as it should be",
        ),
        (
            format!("{{command: \"{read} sleep 60;; esac\", deadline: 300ms}}"),
            "not written: no answer within 0.3 s",
        ),
    ] {
        let (said, _) = said(SOURCE_SH, &target, "20");
        assert!(said.contains(why), "{target}: {said}");
    }
}

#[test]
fn thin_data_holds_unless_upstream_is_asked_for() {
    let thin = "{command: \"read r; echo '{\\\"replicas\\\": [{\\\"id\\\": \\\"a\\\", \\\"ready\\\": true}, {\\\"id\\\": \\\"b\\\", \\\"ready\\\": true}], \\\"metrics\\\": {\\\"pods/requests\\\": {\\\"value\\\": [{\\\"replica\\\": \\\"a\\\", \\\"value\\\": 1}, {\\\"replica\\\": \\\"b\\\", \\\"value\\\": 1}], \\\"coverage\\\": 0.5}}}'\"}";
    let folder = folder(thin, TARGET_SH);
    // The first recommendation is what is there, for the length of the window: none.
    let ran = control(folder.path(), &["--steps", "2", "--out", "held"]);
    assert_eq!(
        text(folder.path(), "replicas").trim(),
        "2",
        "{}",
        ran.stderr
    );
    let last = decisions(folder.path(), "held").pop().expect("a decision");
    assert_eq!(last["clips"][0]["by"], "no_data", "{last}");
    let engine = text(folder.path(), "engine.yaml");
    let engine = engine.replace(
        "    target: {command: [./target.sh]}",
        "    target: {command: [./target.sh]}\n    no_data: upstream",
    );
    fs::write(folder.path().join("engine.yaml"), engine).expect("it can be written");
    control(folder.path(), &["--steps", "2", "--out", "upstream"]);
    assert_eq!(text(folder.path(), "replicas").trim(), "1");
}

#[test]
fn urls_are_asked_and_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it has one").port();
    let (sender, requests) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut from = BufReader::new(stream);
            let mut head = String::new();
            while from.read_line(&mut head).is_ok_and(|n| n > 2) {}
            let length = head
                .to_lowercase()
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| {
                    rest.split_whitespace()
                        .next()
                        .unwrap_or("0")
                        .parse()
                        .unwrap_or(0)
                });
            let mut body = vec![0; length];
            from.read_exact(&mut body).expect("a body");
            let request = head.lines().next().unwrap_or_default().to_owned();
            let (status, answer) = match request.as_str() {
                "GET /web/metrics HTTP/1.1" => (
                    "200 OK",
                    "{\"replicas\":[{\"id\":\"a\",\"ready\":true}],\"metrics\":{\"pods/requests\":[{\"replica\":\"a\",\"value\":30}]}}",
                ),
                "GET /web HTTP/1.1" => ("200 OK", "{\"replicas\":1,\"version\":\"x\"}"),
                "PUT /web HTTP/1.1" => ("409 Conflict", "no"),
                _ => ("404 Not Found", "no"),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
                answer.len()
            );
            from.get_mut().write_all(answer.as_bytes()).ok();
            sender
                .send((request, String::from_utf8_lossy(&body).into_owned()))
                .ok();
        }
    });
    let url = |path: &str| format!("{{url: \"http://127.0.0.1:{port}/{path}\"}}");
    let folder = folder(&url("web/metrics"), &url("web"));
    let ran = control(folder.path(), &["--steps", "1", "--out", "run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("someone else had written meanwhile"),
        "{}",
        ran.stderr
    );
    let put = requests
        .iter()
        .find(|(request, _)| request.starts_with("PUT"))
        .expect("a write");
    let body: Value = serde_json::from_str(&put.1).expect("JSON");
    assert_eq!(
        (&body["replicas"], &body["version"]),
        (&Value::from(3), &Value::from("x"))
    );
    assert_eq!(
        (&body["do"], &body["workload"]),
        (&Value::from("write"), &Value::from("web"))
    );
}

/// The processes whose command line has `word`.
fn processes(word: &str) -> usize {
    let entries = fs::read_dir("/proc").expect("there is /proc").flatten();
    entries
        .filter(|entry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line)
                .replace('\0', " ")
                .contains(word)
        })
        .count()
}

#[test]
fn whatever_ends_the_engine_ends_what_it_started_and_what_that_started() {
    for (signal, code) in [(Signal::KILL, None), (Signal::TERM, Some(143))] {
        // The shell waits for a child of its own.
        let word = format!("sleep 86{}", std::process::id());
        let source = format!("{{command: \"{word}; true\", deadline: 3s}}");
        let folder = folder(&source, TARGET_SH);
        let mut command = rushhour(folder.path());
        command.args([
            "control",
            "--file",
            "engine.yaml",
            "--out",
            "run",
            "--state",
            "memory",
        ]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = Started(child.expect("it starts"));
        let until = |what: &str, is: &dyn Fn() -> bool| {
            let end = Instant::now() + Duration::from_secs(30);
            while !is() {
                assert!(Instant::now() < end, "{what}");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        until("the source runs", &|| processes(&word) > 0);
        let id = Pid::from_raw(i32::try_from(child.0.id()).expect("an id")).expect("not 0");
        kill_process(id, signal).expect("it is there");
        let end = child.wait_within(Duration::from_secs(20)).expect("it ends");
        assert_eq!(end.code(), code);
        until("nothing is left", &|| processes(&word) == 0);
        if signal == Signal::TERM {
            // The step under way was finished, recorded and remembered.
            assert!(text(folder.path(), "memory/web.json").contains("hpa/1"));
            let replayed = run(folder.path(), &["explain", "run", "--replay"]);
            assert!(
                replayed.stdout.contains("the same, byte for byte"),
                "{}",
                replayed.stdout
            );
        }
    }
}

#[test]
fn an_engine_that_makes_no_sense_is_refused_with_all_its_mistakes() {
    let folder = folder(SOURCE_SH, TARGET_SH);
    let broken = ENGINE
        .replace("SOURCE", "{comand: a}")
        .replace("TARGET", "{url: \"https://x/\"}")
        .replace("period: 1s", "period: 1ms");
    fs::write(folder.path().join("engine.yaml"), broken).expect("it can be written");
    let ran = control(folder.path(), &[]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    for needle in [
        "did you mean `command`?",
        "TLS is not supported",
        "too short or too long",
    ] {
        assert!(ran.stderr.contains(needle), "{needle}: {}", ran.stderr);
    }
    fs::write(folder.path().join("memory.json"), "{}").expect("it can be written");
    let missing = run_within(
        rushhour(folder.path()).args(["control", "--file", "nowhere.yaml"]),
        Duration::from_secs(20),
    );
    assert_eq!(missing.code, Some(2));
    assert!(
        missing.stderr.contains("there is no such file"),
        "{}",
        missing.stderr
    );
}
