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
        "peak: 24/s, rise",
        "pek: 24/s, rise",
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

/// Autoscalers as they are found: with comments, quoted numbers, labels that nobody needs here, and other documents between them.
const FOUND: &str = r#"# helm: rendered
---
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: web
  labels: {app.kubernetes.io/managed-by: Helm}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: web
  minReplicas: 3
  maxReplicas: 12   # the quota
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: 65}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 120}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: worker}
spec:
  scaleTargetRef: {name: worker}
  minReplicaCount: 1
  maxReplicaCount: 20
  cooldownPeriod: 60
  triggers:
    - type: cron
      metadata: {timezone: Europe/Paris, start: 0 8 * * 1-5, end: 0 20 * * 1-5, desiredReplicas: "6"}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: hello}
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/min-scale: "2"
        autoscaling.knative.dev/max-scale: "9"
        autoscaling.knative.dev/target: "20"
        autoscaling.knative.dev/window: 30s
    spec: {containers: [{image: hello}]}
"#;

#[test]
fn autoscalers_are_imported_as_they_are_found_and_can_be_simulated() {
    let folder = folder();
    fs::write(folder.path().join("found.yaml"), FOUND).expect("it can be written");
    let ran = run(folder.path(), &["import", "found.yaml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "# From found.yaml.",
            "scaling:",
            "  web: {policy: hpa, min: 3, max: 12, target: {cpu: 65%}, behavior: {scaleDown: {stabilizationWindowSeconds: 120}}}",
            "  worker: {policy: keda, min: 1, max: 20, triggers: [{cron: {start: \"0 8 * * 1-5\", end: \"0 20 * * 1-5\", replicas: 6, timezone: Europe/Paris}}], cooldown: 60s}",
            "  hello: {policy: kpa, min: 2, max: 9, target: {concurrency: 20}, window: 30s}",
        ]
    );
    // Pasted into a scenario with such services, it is good.
    let service = "{slots: 4, replicas: 3, operations: {page: {ROUTEdo: [work: 10ms]}}}";
    let of = |route: &str| service.replace("ROUTE", route);
    let scenario = format!(
        "version: 1\nname: pasted\nduration: 2m\ntraffic: {{rate: [constant: {{rate: 20/s}}]}}\n\
         journeys: {{visitor: {{start: page, pages: {{page: {{get: /}}}}}}}}\n\
         services:\n  web: {}\n  worker: {}\n  hello: {}\n{}slo: {{within: 300ms, share: 99%}}\n",
        of("route: GET /, "),
        of(""),
        of(""),
        ran.stdout
    );
    fs::write(folder.path().join("pasted.yaml"), scenario).expect("it can be written");
    let simulated = run(folder.path(), &["simulate", "pasted.yaml", "--out", "out"]);
    assert_eq!(simulated.code, Some(0), "{}", simulated.stderr);
}

#[test]
fn what_upstream_would_refuse_is_told_at_once_with_line_and_column() {
    let folder = folder();
    let wrong = FOUND
        .replace(
            "maxReplicas: 12   # the quota",
            "maxReplicas: 2   # the quota",
        )
        .replace("maxReplicaCount: 20", "maxReplicaCount: many")
        .replace("target: \"20\"", "target: \"0\"");
    fs::write(folder.path().join("wrong.yaml"), &wrong).expect("it can be written");
    let ran = run(folder.path(), &["import", "wrong.yaml"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.stdout.is_empty(), "nothing is written: {}", ran.stdout);
    for (needle, field) in [
        ("maxReplicas: 2", "spec.maxReplicas"),
        ("maxReplicaCount: many", "spec.maxReplicaCount"),
        (
            "autoscaling.knative.dev/target",
            "autoscaling.knative.dev/target",
        ),
    ] {
        let line = 1 + wrong
            .lines()
            .position(|line| line.contains(needle))
            .expect("it is in it");
        let told = ran.stderr.lines().find(|told| told.contains(field));
        let told = told.unwrap_or_else(|| panic!("{field}: {}", ran.stderr));
        assert!(told.contains(&format!("line {line}, column ")), "{told}");
    }
    assert!(
        ran.stderr.contains("3 mistakes, nothing was written"),
        "{}",
        ran.stderr
    );
}
