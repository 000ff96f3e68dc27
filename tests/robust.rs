//! What the machine does to a run: a disk that is full, a port that is taken, a setting that is wrong.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use shop::protocol::{ChildConfig, Role, Shop};
use tempfile::TempDir;

use crate::harness::{
    Running, Stage, ask, ask_json, children, did_not_run, is_alive, machine, run_within, rushhour,
    wait_for_load,
};

const SHOP: &str = include_str!("scenarios/shop.yaml");

/// A small disk of its own, until it is dropped.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// With these options of a tmpfs. Nothing where mounting is not permitted.
    fn new(options: &str) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]);
        let said = match mount.arg(folder.path()).output() {
            Ok(output) if output.status.success() => return Some(Self { folder }),
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        did_not_run(&format!("a small disk cannot be mounted here: {said}"));
        None
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills it to the last byte, and gives the file that did.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("full");
        let mut file = File::options();
        let file = file.append(true).create(true).open(&path);
        let mut file = file.expect("it can be made");
        for piece in [1 << 16, 1 << 12, 1] {
            let piece = vec![0; piece];
            let full = loop {
                if let Err(error) = file.write_all(&piece) {
                    break error.kind();
                }
            };
            assert_eq!(full, ErrorKind::StorageFull);
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.path()).status());
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

/// The files of a folder with their contents.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let mut files: Vec<(String, Vec<u8>)> = entries
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("it can be read"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_disk_that_fills_up_costs_the_record_and_not_the_summary() {
    let Some(disk) = Disk::new("size=64m") else {
        return;
    };
    let _machine = machine();
    let stage = Stage::new(&SHOP.replace("duration: 14s", "duration: 8s"));
    let out = disk.path().join("out");
    let mut command = rushhour(stage.path());
    // Without the databases there would be room again at the end.
    command.args(["run", "scenario.yaml", "--keep", "--out", text(&out)]);
    let running = Running::start(&mut command);
    wait_for_load(&out);
    let ours = children(running.id());
    let filler = disk.fill();
    let ran = running.finish(Duration::from_secs(60));
    assert_eq!(ran.code, Some(5), "{}\n{}", ran.stdout, ran.stderr);
    let error = ran.stderr.lines().rfind(|line| line.starts_with("error: "));
    let error = error.unwrap_or_else(|| panic!("no error in {}", ran.stderr));
    assert!(error.contains(text(&out.join("record.jsonl"))), "{error}");
    assert!(error.contains("bytes cannot be written"), "{error}");
    assert!(error.contains("No space left"), "{error}");
    for part in ["load, req/s", "misses below 50%", "PASSED"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    // Databases that are closed leave a little room, so that some of the report may be there.
    let page = out.join("report.html").exists();
    assert_eq!(ran.stdout.contains("report.html"), page, "{}", ran.stdout);
    assert!(ours.iter().all(|(_, id)| !is_alive(*id)), "{ours:?}");

    reports_on_a_full_disk_change_nothing(&stage, &disk, &out, filler);
}

/// Goes on with the record of a run whose disk is full.
fn reports_on_a_full_disk_change_nothing(stage: &Stage, disk: &Disk, out: &Path, filler: PathBuf) {
    let report = |args: &[&str]| {
        let mut command = rushhour(stage.path());
        command.arg("report").args(args);
        run_within(&mut command, Duration::from_secs(60))
    };
    let refused = |args: &[&str]| {
        let ran = report(args);
        assert_eq!(ran.code, Some(5), "{}\n{}", ran.stdout, ran.stderr);
        for part in ["report.html: cannot be written", "No space left"] {
            assert!(ran.stderr.contains(part), "{}", ran.stderr);
        }
        assert!(ran.stdout.contains("load, req/s"), "{}", ran.stdout);
    };
    disk.fill();
    let before = files(out);
    refused(&[text(out)]);
    let elsewhere = disk.path().join("elsewhere");
    refused(&[text(out), "--out", text(&elsewhere)]);
    assert!(files(&elsewhere).is_empty(), "nothing, rather than half");
    assert!(files(out) == before, "the input is as it was");

    // With room again, what was recorded makes a report, and that one survives another full disk.
    fs::remove_file(filler).expect("it is there");
    let ran = report(&[text(out)]);
    let judged = matches!(ran.code, Some(0 | 1 | 3 | 130));
    assert!(judged, "{:?}{}{}", ran.code, ran.stdout, ran.stderr);
    let good = files(out);
    assert!(good.iter().any(|(name, _)| name == "report.json"));
    disk.fill();
    refused(&[text(out)]);
    assert!(files(out) == good, "the report before is still whole");
}

#[test]
fn a_disk_that_is_full_from_the_start_is_nobodys_mistake() {
    let stage = Stage::new(SHOP);
    let target = TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = format!("http://{}", target.local_addr().expect("an address"));
    let run = ["run", "scenario.yaml"];
    let load = ["load", "scenario.yaml", "--target", &target];
    // The root folder is the first file.
    let table: [(&str, &[&str], &str); 6] = [
        ("size=64k", &run, "making the shop's databases in"),
        ("nr_inodes=1", &run, "cannot make the folder"),
        ("nr_inodes=2", &run, "record.jsonl: cannot be created"),
        ("nr_inodes=3", &run, "making the shop's databases in"),
        ("nr_inodes=4", &run, "making the shop's databases in"),
        ("nr_inodes=2", &load, "record.jsonl: cannot be created"),
    ];
    for (options, args, what) in table {
        let Some(disk) = Disk::new(options) else {
            return;
        };
        let out = disk.path().join("out");
        let mut command = rushhour(stage.path());
        command.args(args).args(["--out", text(&out)]);
        let ran = run_within(&mut command, Duration::from_secs(60));
        assert_eq!(ran.code, Some(5), "{options}: {}", ran.stderr);
        for part in [what, text(&out), "name another folder with --out"] {
            assert!(ran.stderr.contains(part), "{options}: {}", ran.stderr);
        }
        assert_eq!(ran.stdout, "", "nothing was measured");
    }
}

/// The shop as its processes are told of it.
fn shop_of(yaml: &str) -> Shop {
    let files = scenarios::NoFiles;
    let scenario = scenarios::Scenario::read("shop.yaml", yaml.as_bytes(), &files, &[]);
    Shop::of(&scenario.expect("a good scenario"))
}

#[test]
fn an_address_that_cannot_be_had_is_said_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address");
    let outside = SocketAddr::from(([0, 0, 0, 0], 0));
    let _held = TcpListener::bind(taken);
    let folder = TempDir::new().expect("a folder");
    for role in [Role::Registry, Role::Gateway] {
        for (listen, why) in [
            (taken, "another process listens there"),
            (outside, "the loopback only"),
        ] {
            let config = ChildConfig {
                role,
                listen,
                registry: (role == Role::Gateway).then_some(taken),
                gateway: None,
                run: 1,
                shop: shop_of(SHOP),
                replica: None,
            };
            // Its standard input stays open: that it closes would be an end as well.
            let (stdin, mut writer) = std::io::pipe().expect("a pipe");
            let line = serde_json::to_string(&config).expect("it is JSON");
            writeln!(writer, "{line}").expect("a pipe has room for it");
            let mut command = rushhour(folder.path());
            command.args(["serve", role.name()]).stdin(stdin);
            let ran = run_within(&mut command, Duration::from_secs(10));
            drop(writer);
            assert_eq!(ran.code, Some(5), "{role}: {}", ran.stderr);
            assert_eq!(ran.stdout, "", "{role}: it says no address");
            let said = format!("error: cannot listen on {listen}: ");
            assert!(ran.stderr.starts_with(&said), "{role}: {}", ran.stderr);
            assert!(ran.stderr.contains(why), "{role}: {}", ran.stderr);
        }
    }
}

/// Settings of the gateway that are wrong in one place, with what must be said of it.
fn bad_settings(good: &Value) -> Vec<(Value, &'static str)> {
    let with = |place: &str, value: Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(place).expect("it is there") = value;
        bad
    };
    vec![
        (json!(null), "null"),
        (json!({}), "missing field"),
        (with("/balance", json!("dice")), "dice"),
        (
            with("/time_limit", json!({"secs": 0, "nanos": 0})),
            "time_limit",
        ),
        (with("/retries/ratio", json!(7)), "7"),
        (with("/retries/floor", json!(1e300)), "retries.floor"),
        (with("/bulkhead/in_flight", json!(0)), "bulkhead.in_flight"),
        (with("/bulkhead/in_flight", json!(-1)), "-1"),
        (with("/health/unwell", json!(0)), "health.unwell"),
    ]
}

#[test]
fn a_bad_setting_is_refused_while_the_run_goes_on_and_a_good_one_is_taken() {
    const KEY: &str = "/config/gateway";
    let _machine = machine();
    let stage = Stage::new(&SHOP.replace("duration: 14s", "duration: 8s"));
    let running = stage.under_load(&[]);
    let (_, registry) = running.addresses();
    let get = || ask_json(&registry, "GET", KEY, "").1;
    let before = get();
    let good = &before["value"];
    assert!(before["version"].as_u64().is_some() && good.is_object());
    for (bad, reason) in bad_settings(good) {
        let (status, error) = ask_json(&registry, "PUT", KEY, &bad.to_string());
        assert_eq!(status, 422, "{bad}: {error}");
        assert!(error.to_string().contains(reason), "{bad}: {error}");
        assert_eq!(get(), before, "the last good one stays");
    }
    let (status, error) = ask(&registry, "PUT", KEY, "{time_limit");
    assert_eq!(status, 422, "{error}");
    let (status, error) = ask(&registry, "PUT", "/config/gatewy", "{}");
    assert_eq!(status, 422, "{error}");
    assert!(error.contains("unknown key"), "{error}");
    assert_eq!(get(), before, "the last good one stays");

    let mut other = good.clone();
    other["balance"] = json!("round_robin");
    let (status, set) = ask_json(&registry, "PUT", KEY, &other.to_string());
    assert_eq!(status, 200, "{set}");
    assert!(set["version"].as_u64() > before["version"].as_u64());
    assert_eq!(get()["value"], other);
    let seen = format!("/acknowledged?version={}&wait_ms=5000", set["version"]);
    let (_, seen) = ask_json(&registry, "GET", &seen, "");
    assert_eq!(seen, json!({"acknowledged": true}), "all have seen it");

    let ran = running.finish(Duration::from_secs(60));
    stage.has_verdict(&ran);
    let report = stage.report();
    assert_eq!(report["audit"]["violation_count"], 0);
    let counts = &report["total"]["counts"];
    assert!(counts["served"].as_u64() > Some(100), "{counts}");
    assert_eq!(counts["served"], counts["offered"], "{counts}");
}
