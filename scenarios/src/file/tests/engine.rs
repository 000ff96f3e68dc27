use std::time::Duration;

use crate::{Engine, Means, NoFiles, Policy, Remote};

fn read(text: &str) -> Result<Engine, String> {
    Engine::read("engine.yaml", text.as_bytes(), &NoFiles).map_err(|e| e.to_string())
}

const GOOD: &str = "version: 1
name: mine
period: 10s
workloads:
  web:
    source: {url: http://127.0.0.1:9000/web, deadline: 2s}
    target: {command: [./scale.sh, web]}
    slots: 8
  worker:
    source: {command: ./queue.sh | tail -1}
    target: {url: http://scaler.test/worker, host: scaler.test}
    no_data: upstream
scaling:
  web: {policy: reactive, min: 2, max: 30}
  worker: {policy: hpa, min: 1, max: 9, target: {requests: 10/s}}
slo: {within: 200ms, share: 99.9%}
";

#[test]
fn an_engine_says_what_it_drives() {
    let engine = read(GOOD).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(engine.scenario.name, "mine");
    assert_eq!(engine.scenario.control.period, Duration::from_secs(10));
    assert_eq!(engine.scenario.services["web"].slots, Some(8));
    assert_eq!(
        engine.scenario.scaling["web"].policy,
        Policy::Reactive {
            budget: None,
            hold: None
        }
    );
    assert!(!engine.is_dated);
    let web = &engine.workloads["web"];
    assert!(web.is_guarded);
    assert_eq!(
        web.source,
        Some(Remote {
            by: Means::Url {
                url: "http://127.0.0.1:9000/web".into(),
                host: None
            },
            deadline: Duration::from_secs(2)
        })
    );
    assert_eq!(
        web.target.by,
        Means::Command(vec!["./scale.sh".into(), "web".into()])
    );
    let worker = &engine.workloads["worker"];
    assert!(!worker.is_guarded);
    let shell = ["/bin/sh", "-c", "./queue.sh | tail -1"].map(str::to_owned);
    assert_eq!(
        worker.source.as_ref().map(|s| s.by.clone()),
        Some(Means::Command(shell.into()))
    );
}

/// What stands in [`GOOD`], what is put in its place, and what is said of that.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("version: 1", "version: 2", "engine.yaml:1:10"),
    ("period: 10s", "period: 10ms", "too short or too long"),
    ("deadline: 2s", "deadlin: 2s", "did you mean `deadline`?"),
    (
        "deadline: 2s",
        "deadline: 2h",
        "a deadline that is too short or too long",
    ),
    (
        "{command: [./scale.sh, web]}",
        "{command: []}",
        "this is no command",
    ),
    (
        "{command: [./scale.sh, web]}",
        "{deadline: 1s}",
        "no one knows whom to ask",
    ),
    (
        "{command: [./scale.sh, web]}",
        "{command: a, url: http://a}",
        "no one knows whom to ask",
    ),
    (
        "{command: [./scale.sh, web]}",
        "{command: a, host: b}",
        "`host` means nothing",
    ),
    (
        "http://127.0.0.1:9000/web",
        "https://127.0.0.1:9000/web",
        "TLS is not supported",
    ),
    (
        "http://127.0.0.1:9000/web",
        "ftp://x",
        "no URL that can be asked",
    ),
    (
        "http://127.0.0.1:9000/web",
        "http://me:secret@x/",
        "no URL that can be asked",
    ),
    (
        "    slots: 8\n",
        "",
        "`reactive` for a service with unlimited slots",
    ),
    ("no_data: upstream", "no_data: down", "hold"),
    (
        "  web: {policy: reactive, min: 2, max: 30}\n",
        "",
        "a workload without scaling",
    ),
    ("  web: {policy", "  wep: {policy", "did you mean `web`?"),
    (
        "{policy: reactive, min: 2, max: 30}",
        "{policy: schedule, min: 1, max: 9, schedule: [{at: 1m, replicas: 3}]}",
        "without a start",
    ),
    (
        "    source: {command: ./queue.sh | tail -1}\n",
        "",
        "no source of them",
    ),
    (
        "{policy: reactive, min: 2, max: 30}",
        "{policy: per_request, max: 30}",
        "waiting: gateway",
    ),
];

#[test]
fn mistakes_have_their_place() {
    for (was, is, needle) in MISTAKES {
        assert!(GOOD.contains(was), "{was}");
        let error = read(&GOOD.replacen(was, is, 1)).expect_err(needle);
        assert!(error.contains(needle), "{is}: {error}");
    }
}

#[test]
fn a_schedule_needs_no_source_but_a_start() {
    let text = "version: 1\nname: night\nstarts: 2026-11-27T00:00Z\nworkloads: {web: {target: {command: [./scale.sh]}}}\n\
        scaling: {web: {policy: schedule, min: 1, max: 9, schedule: [{at: 8h, replicas: 6}]}}\n";
    let engine = read(text).unwrap_or_else(|e| panic!("{e}"));
    assert!(engine.is_dated && engine.workloads["web"].source.is_none());
}
