//! Starting the built program, and reading what it left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

mod running;

pub(crate) use running::{Running, ask, ask_json, metric};

/// Runs that measure must not disturb each other.
static MACHINE: Mutex<()> = Mutex::new(());

/// The machine for oneself, until the guard is dropped.
pub(crate) fn machine() -> MutexGuard<'static, ()> {
    MACHINE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Says that a test did not run, and why. Where everything must run (`RUSHHOUR_CI=1`) that is an error.
pub(crate) fn did_not_run(why: &str) {
    let all_must_run = std::env::var("RUSHHOUR_CI").is_ok_and(|value| value == "1");
    assert!(!all_must_run, "did not run: {why}");
    eprintln!("did not run: {why}");
}

/// What a command came to.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

/// The program, to be started in `folder`.
pub(crate) fn rushhour(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rushhour"));
    command.current_dir(folder).stdin(Stdio::null());
    for name in [
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "GITHUB_STEP_SUMMARY",
        "RUSHHOUR_DATABASE",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs the program to its end, which must come within `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Ran {
    let begin = Instant::now();
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut child = Started(child);
    let stdout = reader(child.0.stdout.take().expect("piped"));
    let stderr = reader(child.0.stderr.take().expect("piped"));
    let status = child.wait_within(limit).expect("it ends within its limit");
    Ran {
        code: status.code(),
        stdout: stdout.join().expect("the reader ends"),
        stderr: stderr.join().expect("the reader ends"),
        took: begin.elapsed(),
    }
}

/// Runs the program in `folder`, which must end within a minute.
pub(crate) fn run(folder: &Path, args: &[&str]) -> Ran {
    run_within(rushhour(folder).args(args), Duration::from_secs(60))
}

fn reader(mut from: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        from.read_to_end(&mut text).expect("output can be read");
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// A process that does not outlive its test.
pub(crate) struct Started(pub(crate) Child);

impl Started {
    /// Its end, if it comes within `limit`.
    pub(crate) fn wait_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        while Instant::now() < end {
            if let Some(status) = self.0.try_wait().expect("its state can be read") {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A scenario in a folder of its own, and its runs.
pub(crate) struct Stage {
    folder: TempDir,
}

impl Stage {
    /// With `yaml` as `scenario.yaml`.
    pub(crate) fn new(yaml: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        fs::write(folder.path().join("scenario.yaml"), yaml).expect("it can be written");
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where [`Stage::run`] puts its results.
    pub(crate) fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    /// `rushhour run scenario.yaml --out out …`.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = rushhour(self.path());
        command
            .args(["run", "scenario.yaml", "--out", "out"])
            .args(args);
        command
    }

    /// Runs it; it must end within two minutes with a verdict. On a busy machine that may be that the load came late:
    /// what a test is about it asserts itself.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let ran = run_within(&mut self.command(args), Duration::from_secs(120));
        self.has_verdict(&ran);
        ran
    }

    /// Checks that a run has ended with a verdict.
    pub(crate) fn has_verdict(&self, ran: &Ran) {
        assert!(
            matches!(ran.code, Some(0 | 1)) || self.was_sent_late(ran),
            "no verdict: {:?}\n{}\n{}",
            ran.code,
            ran.stdout,
            ran.stderr
        );
    }

    /// Starts a run, and waits until load flows: the first window is written then.
    pub(crate) fn under_load(&self, args: &[&str]) -> Running {
        let running = Running::start(&mut self.command(args));
        wait_for_load(&self.out());
        running
    }

    /// Whether a run decides nothing for the one reason that a busy machine may give: the load was sent late.
    pub(crate) fn was_sent_late(&self, ran: &Ran) -> bool {
        let report = self.report();
        let objections = report["honesty"]["objections"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let is_lateness = |o: &Value| o.as_str().is_some_and(|o| o.contains("generator was late"));
        ran.code == Some(3) && !objections.is_empty() && objections.iter().all(is_lateness)
    }

    /// Its report.json.
    pub(crate) fn report(&self) -> Value {
        let path = self.out().join("report.json");
        let text = fs::read_to_string(&path).expect("there is a report");
        serde_json::from_str(&text).expect("a report is JSON")
    }
}

/// Waits until the run that records in `folder` has written its first window.
pub(crate) fn wait_for_load(folder: &Path) {
    let record = folder.join("record.jsonl");
    let flows =
        || fs::read_to_string(&record).is_ok_and(|text| text.contains("\"event\":\"window\""));
    let end = Instant::now() + Duration::from_secs(60);
    while !flows() {
        assert!(Instant::now() < end, "no load after a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a process is still there, and is no corpse.
pub(crate) fn is_alive(id: u32) -> bool {
    Path::new(&format!("/proc/{id}/exe")).exists()
}

/// The processes of any shop of this program, as (process id, command line): each is `rushhour serve …`.
pub(crate) fn shop_processes() -> Vec<(u32, String)> {
    let ours = |id: u32| fs::read_link(format!("/proc/{id}/exe")).ok();
    let program = fs::canonicalize(env!("CARGO_BIN_EXE_rushhour")).ok();
    let mut found = processes_with(" serve ");
    found.retain(|(id, _)| ours(*id) == program);
    found
}

/// The processes that have `word` in their command line, as (process id, command line).
fn processes_with(word: &str) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("there is /proc").flatten() {
        let Some(id) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let Ok(line) = fs::read(entry.path().join("cmdline")) else {
            continue;
        };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(word) && id != std::process::id() {
            found.push((id, line));
        }
    }
    found
}

/// The living children of the process `parent`, by what they serve, as (role, process id).
pub(crate) fn children(parent: u32) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for (id, line) in shop_processes() {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let parent_id = after_name
            .split_whitespace()
            .nth(1)
            .and_then(|p| p.parse::<u32>().ok());
        if parent_id == Some(parent) {
            let role = line
                .split(" serve ")
                .nth(1)
                .unwrap_or_default()
                .trim()
                .to_owned();
            found.push((role, id));
        }
    }
    found
}
