//! Runs that end before their time.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Running, Stage, children, is_alive, machine, run, run_within, rushhour};

const SHOP: &str = include_str!("scenarios/shop.yaml");

/// Starts the shop, and waits until it has been under load for `load`.
fn started(stage: &Stage, load: Duration) -> Running {
    let running = stage.under_load(&[]);
    std::thread::sleep(load);
    running
}

fn signal(running: &Running, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(running.id()).expect("a process id")).expect("not zero");
    kill_process(pid, signal).expect("it can be signalled");
}

#[test]
fn after_kill_9_every_process_is_gone_and_the_record_makes_a_report() {
    let _machine = machine();
    let stage = Stage::new(SHOP);
    let running = started(&stage, Duration::from_secs(5));
    let ours = children(running.id());
    assert!(
        ours.len() >= 11,
        "registry, gateway and nine replicas: {ours:?}"
    );
    signal(&running, Signal::KILL);
    let killed = Instant::now();
    let alive = || ours.iter().filter(|(_, id)| is_alive(*id)).count();
    while alive() > 0 && killed.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(
        killed.elapsed() < Duration::from_secs(2),
        "{} are alive after {:?}",
        alive(),
        killed.elapsed()
    );
    drop(running);

    let ran = run(stage.path(), &["report", "out"]);
    assert_eq!(
        ran.code,
        Some(130),
        "it was cut off: {}\n{}",
        ran.stdout,
        ran.stderr
    );
    let report = stage.report();
    assert!(
        report["about"]["ran_s"].as_f64() >= Some(3.0),
        "at most two seconds are missing: {}",
        report["about"]
    );
    assert!(stage.out().join("report.html").exists());
}

#[test]
fn an_order_to_end_drains_reports_what_there_is_and_says_so() {
    let _machine = machine();
    for (order, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let stage = Stage::new(SHOP);
        let running = started(&stage, Duration::from_secs(3));
        let ours = children(running.id());
        signal(&running, order);
        let ran = running.finish(Duration::from_secs(20));
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        let report = stage.report();
        assert_eq!(report["verdict"], "interrupted");
        let about = &report["about"];
        let (ran_s, planned_s) = (about["ran_s"].as_f64(), about["duration_s"].as_f64());
        assert!(ran_s >= Some(3.0) && ran_s < planned_s, "a part: {about}");
        assert_eq!(report["audit"]["violation_count"], 0, "{}", report["audit"]);
        // Drained: whoever had asked was answered.
        let counts = &report["total"]["counts"];
        let count = |name: &str| counts[name].as_u64().unwrap_or(0);
        assert!(count("offered") > 30, "{counts}");
        assert_eq!(count("offered"), count("served"), "{counts}");
        assert!(ran.stdout.contains("INTERRUPTED"), "{}", ran.stdout);
        assert!(ours.iter().all(|(_, id)| !is_alive(*id)));
    }
}

#[test]
fn what_cannot_begin_says_why_and_leaves_nothing() {
    let _machine = machine();
    let stage = Stage::new(SHOP);
    // A file where a folder should be: nobody can make a folder below it, not even root.
    let ran = run(
        stage.path(),
        &["run", "scenario.yaml", "--out", "scenario.yaml/out"],
    );
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("cannot make the folder scenario.yaml/out"),
        "{}",
        ran.stderr
    );

    let limited = "ulimit -n 64; exec \"$0\" run scenario.yaml --out out2";
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", limited, env!("CARGO_BIN_EXE_rushhour")])
        .current_dir(stage.path());
    let ran = run_within(&mut shell, Duration::from_secs(60));
    assert_eq!(ran.code, Some(2), "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("open files"), "{}", ran.stderr);
}

#[test]
fn a_target_that_refuses_is_said_at_once() {
    let stage = Stage::new(SHOP);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let begin = Instant::now();
    let target = format!("http://{address}");
    let ran = run(
        stage.path(),
        &["load", "scenario.yaml", "--target", &target, "--out", "out"],
    );
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert!(ran.stderr.contains("cannot reach"), "{}", ran.stderr);
}

#[test]
fn a_target_that_never_answers_is_counted_and_ends() {
    let _machine = machine();
    let stage = Stage::new(&SHOP.replace("duration: 14s", "duration: 3s"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = format!("http://{}", listener.local_addr().expect("an address"));
    let mut command = rushhour(stage.path());
    command.args(["load", "scenario.yaml", "--out", "out", "--target", &target]);
    // The run, its drain, and room for a slow machine.
    let ran = run_within(&mut command, Duration::from_secs(40));
    let counts = &stage.report()["total"]["counts"];
    assert_eq!(counts["served"].as_u64().unwrap_or(0), 0, "{}", ran.stdout);
    let ended = counts["timed_out"].as_u64().unwrap_or(0) + counts["open"].as_u64().unwrap_or(0);
    assert_eq!(counts["offered"].as_u64(), Some(ended), "{counts}");
    assert!(
        ran.code == Some(1) || stage.was_sent_late(&ran),
        "{}",
        ran.stdout
    );
}
