//! Decisions: explained, made again, and made without any world.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Ran, Stage, Started, machine, run, run_within, rushhour};

/// A shop that is small enough to be simulated in no time, and scales.
const SHOP: &str = "\
version: 1
name: small
about: A small shop that scales.
starts: 2026-11-27T11:50[Europe/Paris]
duration: 10m
seed: 3
traffic:
  rate:
    - constant: {rate: 4/s}
    - flash: {at: 2m, peak: 16/s, rise: 20s, hold: 30s, decay: 60s}
journeys:
  visitor:
    start: home
    pages:
      home: {get: /, think: {median: 2s, p90: 5s}, next: {product: 0.7}}
      product: {get: \"/product/{product}\", think: 1s, next: {home: 0.3}}
    variables: {product: {count: 100}}
services:
  catalogue:
    replicas: 2
    slots: 2
    start_up: {median: 5s, p90: 8s}
    operations:
      home: {do: [work: {mean: 60ms, cv: 0.8}]}
      product: {do: [work: {mean: 90ms, cv: 0.8}]}
control: {period: 5s, scrape: {interval: 5s, window: 10s, lag: 1s}}
scaling:
  catalogue: {policy: hpa, min: 2, max: 6, target: {cpu: 60%}}
slo: {within: 500ms, share: 95%}
gates:
  - {metric: misses, below: 99%}
faults:
  - {at: 4m, no_metrics: true, for: 1m}
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("small.yaml"), SHOP).expect("it can be written");
    folder
}

fn passed(folder: &Path, args: &[&str]) -> Ran {
    let ran = run(folder, args);
    assert_eq!(ran.code, Some(0), "{args:?}: {}{}", ran.stdout, ran.stderr);
    ran
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {}", ran.stdout))
}

/// Each policy that a scenario can name, as it is asked for.
const POLICIES: [&[&str]; 11] = [
    &["--policy", "static"],
    &[
        "--set",
        "scaling.catalogue={policy: schedule, min: 1, max: 9, schedule: [{at: 1m, replicas: 4}, {at: 3m, replicas: 2}]}",
    ],
    &["--policy", "hpa:cpu=60%"],
    &["--policy", "hpa:busy=70%,requests=6/s,stabilization=30s"],
    &["--policy", "reactive"],
    &["--policy", "foresight"],
    &["--policy", "oracle"],
    &["--policy", "kpa:target=2"],
    &["--policy", "keda:requests=6/s"],
    &[
        "--policy",
        "step:busy=60%,alarm={period: 30s, periods: 1},scale_out_cooldown=30s",
    ],
    &["--policy", "target_tracking:cpu=50%,requests=6/s"],
];

#[test]
fn every_policy_decides_again_as_it_did() {
    let folder = folder();
    for (number, policy) in POLICIES.iter().enumerate() {
        for (rough, extra) in [("exact", &[][..]), ("rough", &["--rough"])] {
            let out = format!("{number}-{rough}");
            let mut args = vec!["simulate", "small.yaml", "--warn-only", "--out", &out];
            args.extend(*policy);
            args.extend(extra);
            let ran = run(folder.path(), &args);
            assert!(matches!(ran.code, Some(0 | 3)), "{args:?}: {}", ran.stderr);
            let again = passed(folder.path(), &["explain", &out, "--replay"]);
            let same = again.stdout.split(" decisions the same").next();
            let count = same.and_then(|said| said.rsplit(' ').next()?.parse::<u32>().ok());
            assert!(
                count.is_some_and(|count| count >= 39),
                "{args:?}: {}",
                again.stdout
            );
        }
    }
}

#[test]
fn a_run_of_the_local_world_decides_again_as_it_did() {
    let _machine = machine();
    let shop = include_str!("scenarios/shop.yaml");
    let scaling = "scaling:\n  catalogue: {policy: hpa, min: 1, max: 4, target: {busy: 10%}}\n  order: {policy: reactive, min: 1, max: 4}\n";
    let stage = Stage::new(&format!("{shop}{scaling}"));
    stage.run(&[]);
    let again = passed(stage.path(), &["explain", "out", "--replay"]);
    assert_eq!(
        again.stdout.matches("byte for byte").count(),
        2,
        "{}",
        again.stdout
    );
    assert!(!again.stdout.contains("all 0 "), "{}", again.stdout);
}

#[test]
fn a_record_that_was_changed_is_found_out() {
    let folder = folder();
    passed(folder.path(), &["simulate", "small.yaml", "--out", "run"]);
    let path = folder.path().join("run/record.jsonl");
    let text = fs::read_to_string(&path).expect("there is a record");
    let changed: Vec<String> = text.lines().map(without_a_proposal).collect();
    fs::create_dir(folder.path().join("changed")).expect("a folder");
    fs::write(
        folder.path().join("changed/record.jsonl"),
        changed.join("\n") + "\n",
    )
    .expect("written");
    let again = run(folder.path(), &["explain", "changed", "--replay"]);
    assert_eq!(again.code, Some(1), "{}{}", again.stdout, again.stderr);
    assert!(
        again.stdout.contains("another decision at 5:00"),
        "{}",
        again.stdout
    );
    let shown = passed(folder.path(), &["explain", "changed", "--at", "5:00"]);
    assert!(
        shown.stdout.contains("does not follow from its policy"),
        "{}",
        shown.stdout
    );
}

/// The line with another sentence in the decision of 5:00, and a checksum that fits.
fn without_a_proposal(line: &str) -> String {
    let at = "\"at\":1795776900000000000";
    if !(line.contains("\"event\":\"decision\"") && line.contains(at)) {
        return line.to_owned();
    }
    let (json, _) = line.rsplit_once('\t').expect("a checksum");
    let json = json.replacen("\"sentence\":\"", "\"sentence\":\"not ", 1);
    let mut sum = flate2::Crc::new();
    sum.update(json.as_bytes());
    format!("{json}\t{:08x}", sum.sum())
}

#[test]
fn any_decision_is_explained_in_all_forms() {
    let folder = folder();
    passed(folder.path(), &["simulate", "small.yaml", "--out", "run"]);
    let changes = passed(folder.path(), &["explain", "run"]);
    assert!(
        changes
            .stdout
            .contains("the decisions that changed something"),
        "{}",
        changes.stdout
    );
    let decisions = json(&passed(
        folder.path(),
        &["explain", "run", "--format", "json"],
    ));
    let all = decisions["decisions"].as_array().expect("a list");
    assert!(!all.is_empty() && all.iter().all(|d| d["from"] != d["to"]));
    assert!(
        all.iter()
            .any(|d| d["without"].as_array().is_some_and(|w| !w.is_empty())),
        "{all:?}"
    );

    // The same decision by the time since the start and by the time of day, which says what held it.
    let texts = ["4m0s", "4:00", "11:54:00"].map(|at| {
        passed(
            folder.path(),
            &["explain", "run", "--service", "catalogue", "--at", at],
        )
        .stdout
    });
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[2]);
    assert!(
        texts[0].contains("catalogue at 4:00 (2026-11-27 11:54:00 Europe/Paris)"),
        "{}",
        texts[0]
    );
    let span = passed(
        folder.path(),
        &[
            "explain", "run", "--from", "4m", "--to", "5m", "--format", "json",
        ],
    );
    assert_eq!(json(&span)["decisions"].as_array().map(Vec::len), Some(13));
    let page = passed(folder.path(), &["explain", "run", "--format", "markdown"]);
    assert!(page.stdout.starts_with("# small "), "{}", page.stdout);
}

#[test]
fn what_cannot_be_explained_says_why() {
    let folder = folder();
    passed(folder.path(), &["simulate", "small.yaml", "--out", "run"]);
    for (args, needle) in [
        (&["--at", "noon"][..], "is no instant"),
        (&["--at", "99d"], "not in this run"),
        (&["--service", "cart"], "decisions are of: catalogue"),
        (&["--policy", "hpa:busy=70%"], "not shown: metric pods/busy"),
        (&["--policy", "hpa:cpu=60%,max=0"], "max"),
        (
            &["--replay", "--format", "observations"],
            "leave out --replay",
        ),
    ] {
        let ran = run(folder.path(), &[&["explain", "run"], args].concat());
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stdout);
        assert!(ran.stderr.contains(needle), "{args:?}: {}", ran.stderr);
    }
    let other = passed(
        folder.path(),
        &["explain", "run", "--policy", "hpa:cpu=30%"],
    );
    assert!(
        other.stdout.contains("would have decided otherwise"),
        "{}",
        other.stdout
    );
    assert!(
        other.stdout.contains("nothing of it was carried out"),
        "{}",
        other.stdout
    );
}

#[test]
fn a_record_that_was_cut_off_is_explained_as_far_as_it_goes() {
    let folder = folder();
    passed(folder.path(), &["simulate", "small.yaml", "--out", "run"]);
    let record = fs::read(folder.path().join("run/record.jsonl")).expect("there is a record");
    fs::create_dir(folder.path().join("cut")).expect("a folder");
    fs::write(
        folder.path().join("cut/record.jsonl"),
        &record[..record.len() / 2],
    )
    .expect("written");
    let cut = passed(folder.path(), &["explain", "cut", "--replay"]);
    assert!(
        cut.stdout.contains("the same, byte for byte"),
        "{}",
        cut.stdout
    );
    let cut = passed(folder.path(), &["explain", "cut"]);
    assert!(cut.stdout.contains("The run was cut off"), "{}", cut.stdout);
}

#[test]
fn decide_decides_as_the_world_did_on_the_same_observations() {
    let folder = folder();
    passed(folder.path(), &["simulate", "small.yaml", "--out", "run"]);
    let seen = passed(
        folder.path(),
        &["explain", "run", "--format", "observations"],
    )
    .stdout;
    fs::write(folder.path().join("seen.jsonl"), &seen).expect("it can be written");
    let all = ["explain", "run", "--from", "0s", "--format", "json"];
    let recorded = json(&passed(folder.path(), &all))["decisions"].clone();
    for by in [
        &["--scenario", "small.yaml"][..],
        &["--scenario", "small.yaml", "--service", "catalogue"],
    ] {
        let decided = passed(folder.path(), &[&["decide", "seen.jsonl"], by].concat()).stdout;
        let lines: Vec<Value> = decided
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let recorded = recorded.as_array().expect("a list");
        assert_eq!(lines.len(), recorded.len());
        for (line, was) in lines.iter().zip(recorded) {
            for field in ["from", "because", "sentence", "terms"] {
                assert_eq!(line[field], was[field], "{field}: {line}");
            }
            let to = if line["replicas"].is_null() {
                &line["from"]
            } else {
                &line["replicas"]
            };
            assert_eq!(to, &was["to"], "{line}");
        }
    }
}

#[test]
fn decide_answers_each_line_before_the_next_and_remembers_from_one_time_to_the_next() {
    let folder = folder();
    let line = |at: u32, scale: u32, queue: u32| {
        format!(
            "{{\"at\":{at},\"scale\":{scale},\"metrics\":{{\"external/queue\":{queue}}},\"replicas\":{{\"ready\":{scale}}}}}\n"
        )
    };
    let manifest = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: worker}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: worker}\n  minReplicas: 1\n  maxReplicas: 9\n  metrics:\n  - type: External\n    external: {metric: {name: queue}, target: {type: AverageValue, averageValue: 10}}\n";
    fs::write(folder.path().join("hpa.yaml"), manifest).expect("it can be written");
    let talk = |lines: &[String]| {
        let mut child = rushhour(folder.path());
        child.args(["decide", "--policy", "hpa.yaml", "--state", "memory.json"]);
        child
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = Started(child.spawn().expect("it starts"));
        let mut to = child.0.stdin.take().expect("piped");
        let mut from = BufReader::new(child.0.stdout.take().expect("piped"));
        let mut answers = Vec::new();
        for line in lines {
            to.write_all(line.as_bytes()).expect("it listens");
            let mut answer = String::new();
            from.read_line(&mut answer).expect("it answers");
            answers.push(serde_json::from_str::<Value>(&answer).expect("JSON"));
        }
        drop(to);
        let end = child.wait_within(Duration::from_secs(20)).expect("it ends");
        (answers, end.code())
    };
    let (first, code) = talk(&[
        line(100, 2, 40),
        line(115, 4, 40),
        "nonsense\n".into(),
        line(90, 4, 40),
    ]);
    assert_eq!(first[0]["replicas"], 4);
    assert_eq!(first[1]["replicas"], 4);
    assert_eq!(first[2]["line"], 3);
    assert!(
        first[3]["error"]
            .as_str()
            .is_some_and(|e| e.contains("time goes back")),
        "{first:?}"
    );
    assert_eq!(code, Some(2));
    // The window of five minutes is remembered: nothing goes down yet, and then it does.
    let (second, code) = talk(&[line(130, 4, 5), line(500, 4, 5)]);
    assert_eq!((&second[0]["replicas"], code), (&Value::from(4), Some(0)));
    assert_eq!(second[1]["replicas"], 1);
    let other = run_within(
        rushhour(folder.path()).args([
            "decide",
            "--policy",
            "reactive:max=5",
            "--state",
            "memory.json",
        ]),
        Duration::from_secs(20),
    );
    assert_eq!(other.code, Some(2), "{}", other.stderr);
    assert!(
        other.stderr.contains("the saved state is of `hpa/1`"),
        "{}",
        other.stderr
    );
}

#[test]
fn decide_says_what_it_needs() {
    let folder = folder();
    let two = "scaling: \n  cart: {policy: hpa, max: 9, target: {cpu: 60%}}\n  order: {policy: hpa, max: 9, target: {cpu: 60%}}\n";
    fs::write(folder.path().join("two.yaml"), two).expect("it can be written");
    // One service is the workload, whatever it is called.
    let nothing = run(folder.path(), &["decide", "--policy", "small.yaml"]);
    assert_eq!(
        (nothing.code, nothing.stdout.as_str()),
        (Some(0), ""),
        "{}",
        nothing.stderr
    );
    for (args, needle) in [
        (&[][..], "which policy?"),
        (&["--policy", "nowhere.yaml"], "there is no such file"),
        (
            &["--policy", "two.yaml"],
            "nothing in it is of `workload`\n  = it has: cart, order",
        ),
        (
            &["--scenario", "small.yaml", "--policy", "two.yaml"],
            "nothing in it is of `catalogue`",
        ),
        (
            &["--scenario", "small.yaml", "--service", "cart"],
            "has no service `cart`",
        ),
        (
            &["nowhere.jsonl", "--policy", "hpa:cpu=60%"],
            "cannot read the observations",
        ),
    ] {
        let ran = run(folder.path(), &[&["decide"], args].concat());
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stdout);
        assert!(ran.stderr.contains(needle), "{args:?}: {}", ran.stderr);
    }
}
