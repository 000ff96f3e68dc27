//! What is simulated, from outside: the same for the same seed, however it is asked for.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{Ran, Stage, Started, machine, run, run_within, rushhour};

/// A shop that is small enough to be simulated in no time, and scales.
const SHOP: &str = "\
version: 1
name: small
about: A small shop that scales.
duration: 5m
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
  catalogue: {policy: hpa, min: 2, max: 20, target: {cpu: 60%}}
slo: {within: 500ms, share: 95%}
gates:
  - {metric: misses, below: 90%}
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

fn record(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("record.jsonl")).expect("there is a record")
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("it was written");
    serde_json::from_str(&text).expect("it is JSON")
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let folder = folder();
    for (out, seed) in [("a", "7"), ("b", "7"), ("c", "8")] {
        passed(
            folder.path(),
            &["simulate", "small.yaml", "--seed", seed, "--out", out],
        );
    }
    let [a, b, c] = ["a", "b", "c"].map(|out| record(&folder.path().join(out)));
    assert!(a == b, "the same seed, the same bytes");
    assert!(a != c, "another seed, other luck");
    let text = String::from_utf8(a).expect("text");
    assert!(
        !text.contains("\"event\":\"host\""),
        "a simulation has no host"
    );
    assert!(
        text.contains("rushhour simulate small.yaml --seed 7"),
        "the command again"
    );
    for file in ["report.html", "report.json", "junit.xml", "summary.md"] {
        assert!(folder.path().join("a").join(file).exists(), "{file}");
    }
    let report = json(&folder.path().join("a/report.json"));
    assert_eq!(report["about"]["world"], "simulated");
    assert!(
        report["total"]["counts"]["offered"]
            .as_u64()
            .expect("a number")
            > 1000
    );
}

#[test]
fn a_grid_is_the_same_on_one_thread_and_on_two() {
    let folder = folder();
    let grid = |out: &str, jobs: &str| {
        let args = [
            "simulate",
            "small.yaml",
            "--policy",
            "static",
            "--policy",
            "hpa:cpu=40%",
            "--variant",
            "more:scaling.catalogue.min=6",
            "--seeds",
            "2",
            "--jobs",
            jobs,
            "--out",
            out,
        ];
        passed(folder.path(), &args)
    };
    let (one, two) = (grid("one", "1"), grid("two", "2"));
    assert_eq!(one.stdout.lines().count(), two.stdout.lines().count());
    for file in ["summary.json", "summary.csv", "summary.md"] {
        let read = |out: &str| fs::read(folder.path().join(out).join(file)).expect("a summary");
        assert!(
            read("one") == read("two"),
            "{file} does not depend on the threads"
        );
    }
    let summary = json(&folder.path().join("one/summary.json"));
    let runs = summary["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 6);
    let order: Vec<String> = runs
        .iter()
        .map(|r| format!("{} {}", r["variant"], r["seed"]))
        .collect();
    assert_eq!(order[0], "\"static\" 3");
    assert_eq!(order[1], "\"static\" 4");
    assert_eq!(order[5], "\"more\" 4");
    for run in runs {
        let place = run["folder"].as_str().expect("a folder");
        let [a, b] = ["one", "two"].map(|out| record(&folder.path().join(out).join(place)));
        assert!(a == b, "{place}");
    }
    // A run of a grid is the run that its command makes alone.
    let alone = [
        "simulate",
        "small.yaml",
        "--policy",
        "static",
        "--seed",
        "4",
        "--out",
        "alone",
    ];
    passed(folder.path(), &alone);
    let cell = folder.path().join("one/small/static/seed-4");
    assert!(
        record(&folder.path().join("alone")) == record(&cell),
        "alone or in a grid"
    );
}

#[test]
fn the_worst_run_is_the_grid_s_exit_code() {
    let folder = folder();
    let args = [
        "simulate",
        "small.yaml",
        "--policy",
        "as-written",
        "--variant",
        "hopeless:services.catalogue.slots=1,scaling.catalogue={policy: static},gates.0.below=1%",
        "--out",
        "grid",
    ];
    let ran = run(folder.path(), &args);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("PASSED") && ran.stdout.contains("FAILED"),
        "{}",
        ran.stdout
    );
}

#[test]
fn equal_variants_differ_by_exactly_nothing_and_unequal_ones_are_told() {
    let folder = folder();
    let args = [
        "compare",
        "small.yaml",
        "--policy",
        "as-written",
        "--variant",
        "same:scaling.catalogue.min=2",
        "--variant",
        "more:scaling.catalogue.min=10",
        "--seeds",
        "5",
        "--out",
        "compared",
    ];
    let ran = passed(folder.path(), &args);
    assert!(
        ran.stdout
            .contains("same against as-written: misses exactly equal; cost exactly equal"),
        "{}",
        ran.stdout
    );
    let compared = json(&folder.path().join("compared/compare.json"));
    let differences = compared["differences"].as_array().expect("differences");
    for difference in differences.iter().filter(|d| d["variant"] == "same") {
        assert_eq!(difference["says"], "equal", "{difference}");
        assert_eq!(difference["mean"], 0.0, "{difference}");
    }
    let cost = differences
        .iter()
        .find(|d| d["variant"] == "more" && d["measure"] == "cost");
    assert_eq!(
        cost.expect("a cost")["says"],
        "more",
        "more replicas cost more"
    );
    let floor = compared["variants"]
        .as_array()
        .expect("variants")
        .iter()
        .find(|v| v["floor"] == true);
    assert_eq!(floor.expect("the oracle")["name"], "oracle");
    for file in ["compare.html", "compare.md"] {
        assert!(folder.path().join("compared").join(file).exists(), "{file}");
    }
}

#[test]
fn a_plan_does_what_it_says_and_its_files_can_be_used() {
    let folder = folder();
    let args = [
        "plan",
        "small.yaml",
        "--out",
        "planned",
        "--set",
        "prices={replica_hour: 0.1}",
    ];
    let ran = passed(folder.path(), &args);
    assert!(
        ran.stdout.contains("this is the least that keeps"),
        "{}",
        ran.stdout
    );
    let plan = json(&folder.path().join("planned/plan.json"));
    assert_eq!(plan["met"], true);
    assert_eq!(plan["runs"].as_array().expect("runs").len(), 5);
    let service = &plan["services"][0];
    let (min, max) = (
        service["min"].as_u64().expect("min"),
        service["max"].as_u64().expect("max"),
    );
    assert!(1 <= min && min <= max, "{service}");
    assert!(plan["cost"]["per_hour"][0].as_f64().expect("money") > 0.0);
    // What it says to paste is a scaling of the language, and keeps the SLO with the planned seed.
    let again = [
        "simulate",
        "small.yaml",
        "--policy",
        "planned/scaling.yaml",
        "--out",
        "again",
    ];
    passed(folder.path(), &again);
    let report = json(&folder.path().join("again/report.json"));
    assert!(
        report["total"]["missed"].as_f64().expect("a share") <= 0.05,
        "{}",
        report["total"]
    );
    // And the manifest is one that a scenario takes in the place of its scaling.
    let manifest = folder.path().join("planned/hpa.yaml");
    fs::copy(manifest, folder.path().join("hpa.yaml")).expect("there is a manifest");
    let check = [
        "scenario",
        "check",
        "small.yaml",
        "--set",
        "scaling.catalogue={file: hpa.yaml}",
    ];
    passed(folder.path(), &check);
}

#[test]
fn no_capacity_is_an_answer() {
    let folder = folder();
    let args = [
        "plan",
        "small.yaml",
        "--set",
        "slo.within=20ms",
        "--out",
        "planned",
    ];
    let ran = run(folder.path(), &args);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("no capacity keeps"), "{}", ran.stdout);
}

#[test]
fn what_is_wrong_is_said_before_anything_is_simulated() {
    let folder = folder();
    for (args, needle) in [
        (&["simulate", "smal.yaml"][..], "smal.yaml"),
        (
            &["simulate", "small.yaml", "--policy", "hpq:cpu=60%"],
            "hpq",
        ),
        (
            &["simulate", "small.yaml", "--policy", "nowhere.yaml"],
            "there is no such file",
        ),
        (&["simulate", "small.yaml", "--variant", "x"], "no colon"),
        (
            &[
                "simulate",
                "small.yaml",
                "--variant",
                "x:scaling.order.min=3",
            ],
            "order",
        ),
        (&["simulate", "small.yaml", "small.yaml"], "one folder"),
        (
            &[
                "simulate",
                "small.yaml",
                "--seeds",
                "2",
                "--format",
                "junit",
            ],
            "human, json or markdown",
        ),
        (
            &["compare", "small.yaml", "--no-floor"],
            "one variant cannot be compared",
        ),
        (&["compare", "small.yaml", "--seeds", "3"], "5"),
        (
            &["run", "small.yaml", "--policy", "oracle"],
            "cannot know its future",
        ),
        (&["plan", "small.yaml", "--speed", "2"], "--speed"),
    ] {
        let ran = run(folder.path(), args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(needle), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}: stdout is for results");
    }
    assert!(!folder.path().join("runs").exists(), "nothing was started");
}

#[test]
fn what_was_interrupted_is_reported_as_far_as_it_went() {
    let folder = folder();
    // Months of shoppers, whom nobody waits for.
    let args = [
        "simulate",
        "small.yaml",
        "--set",
        "duration=100d",
        "--set",
        "traffic.rate.0.constant.rate=60/s",
        "--set",
        "scaling.catalogue.max=60",
        "--out",
        "out",
    ];
    let child = rushhour(folder.path())
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut child = Started(child);
    let record = folder.path().join("out/record.jsonl");
    let begun = Instant::now();
    while !fs::metadata(&record).is_ok_and(|file| file.len() > 0) {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it begins within a minute"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = Pid::from_raw(i32::try_from(child.0.id()).expect("a process id")).expect("not zero");
    kill_process(pid, Signal::INT).expect("it can be signalled");
    let status = child
        .wait_within(Duration::from_secs(60))
        .expect("it ends soon");
    assert_eq!(status.code(), Some(130));
    let report = json(&folder.path().join("out/report.json"));
    assert_eq!(report["verdict"], "interrupted");
    assert!(
        report["about"]["ran_s"].as_f64() > Some(0.0),
        "{}",
        report["about"]
    );
}

/// What a run of the collapse's page came to, before the burst and eight minutes after: pages offered and served, requests
/// that reached the shop, and how busy its cores were.
fn collapse(folder: &Path, out: &str, more: &[&str]) -> [[f64; 4]; 2] {
    let page = include_str!("../docs/explanation/congestion-collapse.md");
    let block = page
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    fs::write(folder.join("collapse.yaml"), block.expect("a scenario")).expect("it can be written");
    let mut args = vec!["simulate", "collapse.yaml", "--out", out];
    args.extend(more);
    passed_or_failed(folder, &args);
    let report = json(&folder.join(out).join("report.json"));
    let mean = |windows: &Value, key: &str, from: f64, to: f64| {
        let inside = windows.as_array().expect("windows").iter();
        let inside =
            inside.filter(|w| w["from_s"].as_f64() >= Some(from) && w["to_s"].as_f64() <= Some(to));
        let values: Vec<f64> = inside.filter_map(|w| w[key].as_f64()).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    [(0.0, 120.0), (480.0, 600.0)].map(|(from, to)| {
        let pages = |key| mean(&report["windows"], key, from, to);
        let shop = |key| mean(&report["services"][0]["windows"], key, from, to);
        [
            pages("offered_rps"),
            pages("served_rps"),
            shop("load_rps"),
            shop("cpu"),
        ]
    })
}

#[test]
fn contention_and_retries_make_a_collapse_that_the_report_shows() {
    let folder = folder();
    let [before, after] = collapse(folder.path(), "collapsed", &[]);
    let [offered, served, load, cpu] = after;
    assert!(
        (offered / before[0] - 1.0).abs() < 0.1,
        "the same load: {after:?}"
    );
    assert!(
        before[1] > 0.99 * before[0],
        "all is well before: {before:?}"
    );
    assert!(
        served < 0.05 * offered,
        "and nothing is served after: {after:?}"
    );
    assert!(
        load > 4.0 * offered,
        "those who ask again are load: {after:?}"
    );
    assert!(
        before[3] < 0.6 && cpu > 0.99,
        "CPU time counts contention: {before:?} {after:?}"
    );
    // What the page says cures it.
    let [_, cured] = collapse(folder.path(), "cured", &["--set", "services.shop.slots=12"]);
    assert!(cured[1] > 0.99 * cured[0] && cured[3] < 0.6, "{cured:?}");
}

/// Waits until `there` says so.
fn wait_for(what: &str, there: impl Fn() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn interrupted(mut child: Started) -> Option<i32> {
    let pid = Pid::from_raw(i32::try_from(child.0.id()).expect("a process id")).expect("not zero");
    kill_process(pid, Signal::INT).expect("it can be signalled");
    let status = child.wait_within(Duration::from_secs(60));
    status.expect("it ends soon").code()
}

#[test]
fn an_instant_that_does_not_end_can_be_interrupted() {
    let folder = folder();
    // A crowd that neither thinks nor waits: time does not go on.
    let changes = [
        (
            "traffic:\n",
            "traffic:\n  unit: shoppers\n  crowd: 100\n  begin: empty\n",
        ),
        ("  rate:\n    - constant: {rate: 4/s}\n", ""),
        (
            "    - flash: {at: 2m, peak: 16/s, rise: 20s, hold: 30s, decay: 60s}\n",
            "",
        ),
        (
            "think: {median: 2s, p90: 5s}, next: {product: 0.7}",
            "think: 0s, next: {product: 1}",
        ),
        ("think: 1s, next: {home: 0.3}", "think: 0s, next: {home: 1}"),
        ("{mean: 60ms, cv: 0.8}", "0s"),
        ("{mean: 90ms, cv: 0.8}", "0s"),
    ];
    let endless = changes.iter().fold(SHOP.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    fs::write(folder.path().join("endless.yaml"), endless).expect("it can be written");
    let child = rushhour(folder.path())
        .args(["simulate", "endless.yaml", "--out", "out"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    // Nothing happens that would be written, so what there is of the record stays in memory.
    let record = folder.path().join("out/record.jsonl");
    wait_for("it begins", || record.exists());
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(interrupted(Started(child)), Some(130));
    let report = json(&folder.path().join("out/report.json"));
    assert_eq!(report["verdict"], "interrupted");
}

#[test]
fn a_comparison_that_was_interrupted_tells_the_seeds_that_are_done() {
    let folder = folder();
    let args = [
        "compare",
        "small.yaml",
        "--policy",
        "static",
        "--no-floor",
        "--seeds",
        "1000",
        "--keep",
        "--jobs",
        "2",
        "--out",
        "out",
    ];
    let child = rushhour(folder.path())
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    // The second seed begins when the first is done.
    let second = folder.path().join("out/small/static/seed-5/report.json");
    wait_for("some seeds are done", || second.exists());
    assert_eq!(interrupted(Started(child)), Some(130));
    let told = json(&folder.path().join("out/compare.json"));
    let seeds = told["seeds"].as_array().expect("seeds").len();
    assert!((1..1000).contains(&seeds), "{seeds}");
    let text = fs::read_to_string(folder.path().join("out/compare.md")).expect("it was written");
    assert!(
        text.contains(&format!("Interrupted: {seeds} of 1000 seeds are done")),
        "{text}"
    );
    assert_eq!(seeds < 5, !text.contains("mean difference"), "{text}");
}

/// A number that any change of the bytes changes (FNV-1a).
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What happens in a simulation follows from scenario and seed alone: not from the build, the machine or the day. Who
/// changes the order of events or draws on purpose takes the digests anew (`INSTA_UPDATE=always`) and says so.
#[test]
fn what_happens_is_what_it_always_was() {
    let folder = folder();
    let of = |name: &str| {
        passed_or_failed(
            folder.path(),
            &["simulate", name, "--speed", "20", "--out", name],
        );
        let record = record(&folder.path().join(name));
        // The first line holds the scenario as meant, which is another matter.
        let first = record
            .iter()
            .position(|byte| *byte == b'\n')
            .expect("lines");
        format!(
            "{name}: {} bytes, {:016x}",
            record.len() - first,
            digest(&record[first..])
        )
    };
    let all = ["flash-sale", "bank-brown-out", "replica-loss"]
        .map(of)
        .join("\n");
    insta::with_settings!({omit_expression => true}, { insta::assert_snapshot!("what_happens", all) });
}

fn passed_or_failed(folder: &Path, args: &[&str]) {
    let ran = run(folder, args);
    assert!(
        matches!(ran.code, Some(0 | 1)),
        "{args:?}: {}{}",
        ran.stdout,
        ran.stderr
    );
}

#[test]
fn a_rehearsal_puts_prediction_and_measurement_side_by_side() {
    let _machine = machine();
    let stage = Stage::new(include_str!("scenarios/shop.yaml"));
    let args = ["rehearse", "scenario.yaml", "--speed", "1", "--out", "out"];
    let mut command = rushhour(stage.path());
    let ran = run_within(command.args(args), Duration::from_secs(120));
    assert!(
        ran.code == Some(0) || stage.was_sent_late(&ran),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let report = stage.report();
    assert_eq!(report["about"]["world"], "local");
    let comparison = &report["comparison"];
    assert_eq!(
        comparison["unlike"].as_array().map(Vec::len),
        Some(0),
        "{comparison}"
    );
    let throughput = comparison["figures"].as_array().expect("figures").iter();
    let mut throughput =
        throughput.filter(|f| f["service"].is_null() && f["measure"] == "throughput");
    let throughput = throughput.next().expect("the whole run's throughput");
    // The same arrivals come in both worlds: what is served can hardly differ.
    assert!(
        throughput["error"].as_f64().expect("an error") < 0.2,
        "{throughput}"
    );
    let predicted = json(&stage.out().join("predicted/report.json"));
    assert_eq!(predicted["about"]["world"], "simulated");
    assert_eq!(predicted["about"]["seed"], report["about"]["seed"]);
    // Made again from its records, the report is the same.
    let before = fs::read(stage.out().join("report.json")).expect("a report");
    run(stage.path(), &["report", "out"]);
    assert!(fs::read(stage.out().join("report.json")).expect("a report") == before);
}

/// A server that works on two requests at once, 20 ms each; others wait.
fn target() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it has one");
    let slots = Arc::new((Mutex::new(2_u32), Condvar::new()));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let slots = Arc::clone(&slots);
            std::thread::spawn(move || serve(stream, &slots));
        }
    });
    format!("http://{address}")
}

fn serve(stream: TcpStream, slots: &(Mutex<u32>, Condvar)) {
    stream.set_nodelay(true).ok();
    let mut write = stream.try_clone().expect("it can be written");
    let mut lines = BufReader::new(stream).lines();
    loop {
        let head: Vec<String> = lines
            .by_ref()
            .map_while(Result::ok)
            .take_while(|l| !l.is_empty())
            .collect();
        if head.is_empty() {
            return;
        }
        let (free, changed) = slots;
        let guard = free.lock().expect("nobody panics");
        let mut guard = changed
            .wait_while(guard, |free| *free == 0)
            .expect("nobody panics");
        *guard -= 1;
        drop(guard);
        std::thread::sleep(Duration::from_millis(20));
        *free.lock().expect("nobody panics") += 1;
        changed.notify_one();
        if write
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .is_err()
        {
            return;
        }
    }
}

#[test]
fn a_target_is_described_by_what_it_shows() {
    let _machine = machine();
    let folder = folder();
    let target = target();
    let args = [
        "calibrate",
        "--target",
        &target,
        "--page",
        "/",
        "--to",
        "85",
        "--steps",
        "3",
        "--step-time",
        "6",
        "--resamplings",
        "12",
        "--out",
        "calibrated",
    ];
    let mut command = rushhour(folder.path());
    let ran = run_within(command.args(args), Duration::from_secs(180));
    if ran.code == Some(3) && ran.stderr.contains("generator was too slow") {
        return; // A busy machine: nothing was measured.
    }
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let fitted = json(&folder.path().join("calibrated/calibration.json"));
    let off = fitted["held_back"]["throughput"]
        .as_f64()
        .expect("an error");
    assert!(off.abs() < 0.1, "{fitted}");
    // What it wrote is a part of a scenario as it stands.
    let services =
        fs::read_to_string(folder.path().join("calibrated/services.yaml")).expect("it was written");
    assert!(services.contains("held back"), "{services}");
    let head = "version: 1\nname: c\nabout: c\nduration: 30s\ntraffic: {unit: requests, rate: [constant: {rate: 40/s}]}\njourneys: {v: {start: a, pages: {a: {get: /}}}}\n";
    fs::write(
        folder.path().join("calibrated/whole.yaml"),
        head.to_owned() + &services,
    )
    .expect("it can be written");
    passed(
        folder.path(),
        &["simulate", "calibrated/whole.yaml", "--out", "again"],
    );
}

#[test]
fn a_target_that_is_not_there_is_exit_code_4() {
    let folder = folder();
    let ran = run(
        folder.path(),
        &["calibrate", "--target", "http://127.0.0.1:1", "--to", "10"],
    );
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    for (args, needle) in [
        (&["calibrate", "--target", "https://127.0.0.1"][..], "TLS"),
        (
            &["calibrate", "--target", "http://127.0.0.1:1", "--to", "0"],
            "above 0",
        ),
        (
            &[
                "calibrate",
                "--target",
                "http://127.0.0.1:1",
                "--page",
                "list",
            ],
            "list",
        ),
        (
            &[
                "calibrate",
                "--target",
                "http://127.0.0.1:1",
                "--cpu-from",
                "ftp://x",
            ],
            "http://",
        ),
    ] {
        let ran = run(folder.path(), args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(needle), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn a_rough_plan_says_so_and_can_fail_but_never_pass() {
    let folder = folder();
    let strict = SHOP.replace("{metric: misses, below: 90%}", "{metric: p50, below: 1ms}");
    fs::write(folder.path().join("strict.yaml"), strict).expect("it can be written");
    for (file, code) in [("small.yaml", 3), ("strict.yaml", 1)] {
        let ran = run(folder.path(), &["simulate", file, "--rough"]);
        assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
        assert!(
            ran.stdout.contains("planned in rough strokes"),
            "{}",
            ran.stdout
        );
        assert!(!ran.stdout.contains("PASS"), "{}", ran.stdout);
    }
    let json = ["simulate", "small.yaml", "--rough", "--format", "json"];
    let (first, second) = (run(folder.path(), &json), run(folder.path(), &json));
    assert!(first.stdout.contains("\"planned\""), "{}", first.stdout);
    assert_eq!(first.stdout, second.stdout, "the same seed, the same bytes");
}

/// An HPA as somebody runs it, with a comment and its own order.
const MANIFEST: &str = "\
# Ours since the sale.
kind: HorizontalPodAutoscaler
apiVersion:   autoscaling/v2
metadata: {name: catalogue}
spec:
  maxReplicas: 20   # the cluster has no more
  minReplicas: 2
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: catalogue}
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 20}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 300}
";

fn tuned(folder: &Path, out: &str, more: &[&str]) -> Value {
    let args = [
        &[
            "tune",
            "small.yaml",
            "--budget",
            "5%",
            "--trials",
            "14",
            "--searched",
            "1",
            "--seeds",
            "3",
            "--out",
            out,
        ],
        more,
    ]
    .concat();
    let ran = run(folder, &args);
    // Whether the budget can be kept is the shop's business.
    assert!(
        matches!(ran.code, Some(0 | 1)),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    json(&folder.join(out).join("tune.json"))
}

#[test]
fn tuning_keeps_apart_what_it_searches_and_what_it_scores_on_any_number_of_threads() {
    let folder = folder();
    let one = tuned(folder.path(), "one", &["--jobs", "1"]);
    let two = tuned(folder.path(), "two", &["--jobs", "2"]);
    assert_eq!(one, two);
    let seeds = |which: &str| -> Vec<u64> {
        let runs = one[which].as_array().expect("runs");
        runs.iter()
            .map(|r| r["seed"].as_u64().expect("a seed"))
            .collect()
    };
    assert_eq!(
        (seeds("tuned_on"), seeds("scored_on")),
        (vec![3], vec![4, 5, 6])
    );
    let policy = &one["policies"][0];
    assert_eq!(policy["tried"].as_array().map(Vec::len), Some(14));
    let settings = policy["settings"].as_array().expect("settings");
    assert!(settings.iter().any(|s| s["as_written"] == true) && settings.len() > 1);
    for setting in settings {
        assert_eq!(setting["runs"].as_array().map(Vec::len), Some(3));
    }
    let taken = &one["recommended"];
    assert!(
        !taken.is_null(),
        "a target of 20 % keeps a budget of 5 %: {one}"
    );
    // What is pasted is what was scored.
    let setting = &policy["settings"][taken["setting"].as_u64().expect("a place") as usize];
    let scored = setting["runs"][0]["replica_hours"].as_f64();
    passed(
        folder.path(),
        &[
            "simulate",
            "small.yaml",
            "--seed",
            "4",
            "--policy",
            "one/scaling.yaml",
            "--out",
            "again",
        ],
    );
    let again = json(&folder.path().join("again/report.json"));
    let minutes = again["cost"]["paid_replica_min"].as_f64().expect("a cost");
    assert!(
        (minutes / 60.0 - scored.expect("a cost")).abs() < 1e-9,
        "{again}"
    );
    for file in ["tune.md", "tune.html"] {
        assert!(folder.path().join("one").join(file).exists(), "{file}");
    }
}

#[test]
fn a_tuned_manifest_comes_back_changed_in_nothing_but_its_numbers() {
    let folder = folder();
    let shop = SHOP.replace(
        "{policy: hpa, min: 2, max: 20, target: {cpu: 60%}}",
        "{file: hpa.yaml}",
    );
    assert!(shop.contains("file: hpa.yaml"));
    fs::write(folder.path().join("small.yaml"), shop).expect("it can be written");
    fs::write(folder.path().join("hpa.yaml"), MANIFEST).expect("it can be written");
    let tuning = tuned(folder.path(), "out", &[]);
    assert!(!tuning["recommended"].is_null(), "{tuning}");
    let back = fs::read_to_string(folder.path().join("out/hpa.yaml")).expect("it is there");
    assert_ne!(
        back, MANIFEST,
        "20 % is more careful than the budget asks for"
    );
    let without = |text: &str| {
        text.chars()
            .filter(|c| !c.is_ascii_digit())
            .collect::<String>()
    };
    assert_eq!(without(&back), without(MANIFEST));
    assert!(
        !folder.path().join("out/scaling.yaml").exists(),
        "the manifest says it all"
    );
    // The user's own bounds are left alone.
    assert!(back.contains("maxReplicas: 20   # the cluster") && back.contains("minReplicas: 2\n"));
}
