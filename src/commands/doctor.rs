//! `rushhour doctor`: can this machine rehearse a scenario? Every lack comes with a way out.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use rustix::process::{Resource, getrlimit};
use scenarios::Scenario;

use crate::args::{DoctorArgs, ScenarioArgs};
use crate::exit::Exit;
use crate::{Done, output, scenario_file};

/// Memory that a replica takes, in MiB, rounded up from what was measured (docs/benchmarks.md).
const REPLICA_MIB: u64 = 15;
/// Pages per second that one core carries through the whole local world: half of the 420 that two were measured to carry
/// on time (docs/benchmarks.md).
const RATE_PER_CORE: f64 = 210.0;
/// File descriptors that a run needs beside the generator's connections and three for each replica.
const DESCRIPTORS: u64 = 256;
/// Free space that a run should find, in MiB.
const SPACE_MIB: u64 = 256;

/// What was found of one thing.
struct Finding {
    what: &'static str,
    state: State,
    found: String,
    /// What to do about it, unless it is good.
    fix: Option<String>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Good,
    Doubtful,
    Bad,
}

pub(crate) fn run(args: &DoctorArgs) -> Done {
    let scenario = scenario_file::load_for_local(&ScenarioArgs {
        scenario: args.scenario.clone(),
        speed: args.speed,
        seed: None,
        sets: Vec::new(),
        policy: None,
    })?;
    let findings = [
        processor(&scenario),
        quota(),
        memory(&scenario),
        descriptors(&scenario),
        loopback(),
        clock(),
        folder(),
        space(),
    ];
    let mut text = format!(
        "can this machine rehearse {} at speed {}?\n\n",
        scenario.name, args.speed
    );
    for finding in &findings {
        let mark = match finding.state {
            State::Good => "good",
            State::Doubtful => "hmm ",
            State::Bad => "BAD ",
        };
        writeln!(text, "  {mark}  {:<18} {}", finding.what, finding.found)?;
        if let Some(fix) = &finding.fix {
            writeln!(text, "        {:<18} → {fix}", "")?;
        }
    }
    let bad = findings.iter().filter(|f| f.state == State::Bad).count();
    writeln!(
        text,
        "\n{}",
        if bad == 0 {
            "yes"
        } else {
            "no: see the lines marked BAD"
        }
    )?;
    output::print(&text)?;
    Ok(if bad == 0 { Exit::Passed } else { Exit::Usage })
}

fn good(what: &'static str, found: String) -> Finding {
    Finding {
        what,
        state: State::Good,
        found,
        fix: None,
    }
}

fn lacking(what: &'static str, state: State, found: String, fix: impl Into<String>) -> Finding {
    Finding {
        what,
        state,
        found,
        fix: Some(fix.into()),
    }
}

/// The highest rate of pages that arrivals lead to, sampled at a thousand instants.
fn peak_rate(scenario: &Scenario) -> f64 {
    let rate = |part: u32| scenario.page_rate_at(scenario.duration * part / 1000);
    (0..=1000).map(rate).fold(0.0, f64::max)
}

fn most_replicas(scenario: &Scenario) -> u64 {
    let most = |name: &str, start: u32| {
        scenario
            .scaling
            .get(name)
            .map_or(start, |scaling| scaling.max.get())
            .max(start)
    };
    scenario
        .services
        .iter()
        .map(|(name, s)| u64::from(most(name, s.replicas.get())))
        .sum()
}

fn processor(scenario: &Scenario) -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (rate, room) = (peak_rate(scenario), cores as f64 * RATE_PER_CORE);
    let found = format!("{cores} cores for about {rate:.0} pages/s at the peak");
    if rate <= room {
        good("processor", found)
    } else {
        let fix = format!(
            "scale the rate to {:.0} % of what it is, or use more cores",
            room / rate * 100.0
        );
        lacking("processor", State::Doubtful, found, fix)
    }
}

/// A container's CPU quota, which the number of cores does not show.
fn quota() -> Finding {
    let text = fs::read_to_string("/sys/fs/cgroup/cpu.max").unwrap_or_default();
    let mut parts = text.split_whitespace().map(str::parse::<f64>);
    match (parts.next(), parts.next()) {
        (Some(Ok(quota)), Some(Ok(period))) if quota < 2.0 * period => lacking(
            "CPU quota",
            State::Doubtful,
            format!("{:.1} cores", quota / period),
            "give the container 2 cores or more: a throttled generator makes the run invalid",
        ),
        (Some(Ok(quota)), Some(Ok(period))) => {
            good("CPU quota", format!("{:.1} cores", quota / period))
        }
        _ => good("CPU quota", "none".into()),
    }
}

fn memory(scenario: &Scenario) -> Finding {
    let replicas = most_replicas(scenario);
    let need = replicas * REPLICA_MIB + 200;
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = info
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .map(|kib| kib / 1024);
    match available {
        None => lacking(
            "memory",
            State::Doubtful,
            "cannot be told here".into(),
            format!("{need} MiB are needed"),
        ),
        Some(free) if free >= need => good(
            "memory",
            format!("{free} MiB free, {need} MiB for {replicas} replicas"),
        ),
        Some(free) => lacking(
            "memory",
            State::Bad,
            format!("{free} MiB free, {need} MiB for {replicas} replicas"),
            "lower `max` of the services that scale, as in --set scaling.catalogue.max=10",
        ),
    }
}

fn descriptors(scenario: &Scenario) -> Finding {
    let limit = getrlimit(Resource::Nofile);
    let need = DESCRIPTORS + most_replicas(scenario) * 3 + 1024;
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let found = format!("{hard} allowed, {need} needed");
    if hard >= need {
        good("file descriptors", found)
    } else {
        lacking(
            "file descriptors",
            State::Bad,
            found,
            format!("ulimit -Hn {need} (or the service's LimitNOFILE)"),
        )
    }
}

fn loopback() -> Finding {
    match TcpListener::bind(("127.0.0.1", 0)) {
        Ok(_) => good("loopback", "ports can be opened on 127.0.0.1".into()),
        Err(e) => lacking(
            "loopback",
            State::Bad,
            format!("no port on 127.0.0.1: {e}"),
            "ip link set lo up",
        ),
    }
}

fn clock() -> Finding {
    let source =
        fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    match source.as_deref().map(str::trim) {
        Ok(name @ ("tsc" | "kvm-clock" | "arch_sys_counter" | "hyperv_clocksource_tsc_page")) => {
            good("clock", name.to_owned())
        }
        Ok(name) => lacking(
            "clock",
            State::Doubtful,
            format!("{name} is slow to read"),
            "the generator's own time will show in its lateness; see the report's honesty section",
        ),
        Err(_) => good("clock", "its source cannot be told here".into()),
    }
}

fn folder() -> Finding {
    let runs = Path::new("runs");
    let probe = runs.join(format!(".doctor-{}", std::process::id()));
    let tried = fs::create_dir_all(runs)
        .and_then(|()| fs::write(&probe, b""))
        .and_then(|()| fs::remove_file(&probe));
    match tried {
        Ok(()) => good("folder", "runs/ can be written".into()),
        Err(e) => lacking(
            "folder",
            State::Bad,
            format!("runs/ cannot be written: {e}"),
            "use --out FOLDER",
        ),
    }
}

fn space() -> Finding {
    let free = rustix::fs::statvfs(".").map(|s| s.f_bavail.saturating_mul(s.f_frsize) >> 20);
    match free {
        Ok(free) if free >= SPACE_MIB => good("disk", format!("{free} MiB free")),
        Ok(free) => lacking(
            "disk",
            State::Doubtful,
            format!("{free} MiB free"),
            "use --out on another disk",
        ),
        Err(e) => lacking(
            "disk",
            State::Doubtful,
            format!("its free space cannot be told: {e}"),
            "watch it yourself",
        ),
    }
}
