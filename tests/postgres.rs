//! The shop on PostgreSQL: a throw-away server, and what is left in it after a run.

use std::fs::{self, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::{Stage, Started, did_not_run, machine};

const SHOP: &str = include_str!("scenarios/shop.yaml");
/// The user and group `nobody`: the server refuses to be root.
const NOBODY: u32 = 65_534;

/// A server with a cluster of its own, until it is dropped.
struct Server {
    programs: PathBuf,
    port: u16,
    process: Started,
    _folder: TempDir,
}

/// The folder of `initdb`, `postgres` and `psql`: one of `PATH`, or where Debian puts them; of several versions the
/// one that comes last.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = fs::read_dir("/usr/lib/postgresql");
    let versions = versions.into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|v| v.path().join("bin")).collect();
    versions.sort();
    folders.extend(versions.into_iter().rev());
    let has_all = |folder: &PathBuf| {
        let programs = ["initdb", "postgres", "psql"];
        programs.iter().all(|name| folder.join(name).is_file())
    };
    folders.into_iter().find(has_all)
}

/// A program of the server, as somebody who is not root.
fn program(programs: &Path, name: &str, home: &Path) -> Command {
    let mut command = Command::new(programs.join(name));
    command.current_dir(home).stdin(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

impl Server {
    /// Nothing where none is installed.
    fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            did_not_run("no PostgreSQL server is installed (Debian: apt-get install postgresql)");
            return None;
        };
        let folder = TempDir::new().expect("a temporary folder");
        let home = folder.path();
        if rustix::process::geteuid().is_root() {
            chown(home, Some(NOBODY), Some(NOBODY)).expect("root may give it away");
        }
        fs::set_permissions(home, Permissions::from_mode(0o700)).expect("it is ours");
        let mut initdb = program(&programs, "initdb", home);
        initdb.args(["--pgdata=data", "--username=rushhour", "--auth=trust"]);
        initdb.args(["--no-sync", "--encoding=UTF8", "--locale=C"]);
        let made = initdb.output().expect("it starts");
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(made.status.success(), "{said}");
        // Free a moment ago: the server cannot be told to take any.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
        let port = port.expect("a port").port();
        let mut postgres = program(&programs, "postgres", home);
        postgres.args(["-D", "data", "-h", "127.0.0.1", "-p", &port.to_string()]);
        postgres.args(["-c", "unix_socket_directories=", "-c", "fsync=off"]);
        let log = fs::File::create(home.join("log")).expect("it can be made");
        postgres.stdout(Stdio::null()).stderr(log);
        let process = Started(postgres.spawn().expect("it starts"));
        let server = Self {
            programs,
            port,
            process,
            _folder: folder,
        };
        server.wait_until_ready();
        Some(server)
    }

    fn wait_until_ready(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.try_query("select 1").is_none() {
            let log = fs::read_to_string(self._folder.path().join("log"));
            assert!(Instant::now() < end, "it does not start: {log:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn url(&self) -> String {
        format!("postgres://rushhour@127.0.0.1:{}/postgres", self.port)
    }

    fn try_query(&self, query: &str) -> Option<String> {
        TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let mut psql = program(&self.programs, "psql", self._folder.path());
        psql.args(["--no-psqlrc", "-At", "-c", query, &self.url()]);
        let output = psql.output().expect("it starts");
        let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(answer)
    }

    fn query(&self, query: &str) -> String {
        self.try_query(query).expect("the server answers")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A fast shutdown: it ends its own processes in order.
        let id = i32::try_from(self.process.0.id())
            .ok()
            .and_then(Pid::from_raw);
        if let Some(id) = id {
            kill_process(id, Signal::INT).ok();
        }
        self.process.wait_within(Duration::from_secs(20));
    }
}

/// What is in the server that did not come with it.
const LEFT: &str = "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema$|public$)' \
    union all select relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'public' \
    union all select 'connection of ' || usename from pg_stat_activity \
    where backend_type = 'client backend' and pid <> pg_backend_pid()";

#[test]
fn a_run_on_postgresql_is_audited_and_leaves_nothing_behind() {
    let Some(server) = Server::start() else {
        return;
    };
    let _machine = machine();
    assert_eq!(server.query(LEFT), "", "the server is new");
    let stage = Stage::new(&SHOP.replace("duration: 14s", "duration: 8s"));
    let url = server.url();
    let running = stage.under_load(&["--database", &url]);
    let schemas = server.query("select count(*) from pg_namespace where nspname like 'rushhour%'");
    assert_eq!(schemas, "4", "one for each service, under load");
    let ran = running.finish(Duration::from_secs(120));
    stage.has_verdict(&ran);
    let report = stage.report();
    let audit = &report["audit"];
    assert_eq!(audit["violation_count"], 0, "{audit}");
    assert!(audit["acknowledged"].as_u64() > Some(10), "{audit}");
    assert!(audit["placed"].as_u64() >= audit["acknowledged"].as_u64());
    let counts = &report["total"]["counts"];
    assert_eq!(counts["served"], counts["offered"], "{counts}");

    // A connection is gone a moment after the process that held it.
    let end = Instant::now() + Duration::from_secs(10);
    while !server.query(LEFT).is_empty() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(server.query(LEFT), "");
}

#[test]
fn a_server_that_is_not_there_or_refuses_is_said_without_the_password() {
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let port = nobody.expect("a port").port();
    let stage = Stage::new(SHOP);
    let url = format!("postgres://me:secret@127.0.0.1:{port}/shop");
    let mut command = stage.command(&["--database", &url]);
    let ran = crate::harness::run_within(&mut command, Duration::from_secs(60));
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("cannot open the database"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}
