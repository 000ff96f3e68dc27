//! Writes the record of a made-up day into a folder, as large as a simulated day may be (2,880 windows, twelve pages, four
//! services with forty replicas each), and times what a report makes of it:
//! `cargo run --release -p reports --features sample --example day -- FOLDER`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use metrics::{Grid, Reading, Replicas, Series, Timestamp, Window, Workload};
use reports::analysis::Analysis;
use reports::journal::Journal;
use reports::record::{End, Ending, Event, Header, Record, World};
use reports::sample::{self, Kind};
use scaler::{Observation, ReplicaObservation};

const WINDOWS: u32 = 2880;
const LENGTH: Duration = Duration::from_secs(30);
const PAGES: u32 = 12;
const REPLICAS: u32 = 40;
/// Requests of a page in a window: 2,000 a second of all together.
const REQUESTS: u32 = 5000;
/// So many different series are drawn, and used in turn.
const KINDS: u32 = 16;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1);
    let folder = folder.map_or_else(|| std::env::temp_dir().join("day"), PathBuf::from);
    if !folder.exists() {
        write(&folder)?;
    }
    let mut size = 0;
    for entry in std::fs::read_dir(&folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("record") {
            size += entry.metadata()?.len();
        }
    }
    let begun = Instant::now();
    let record = Record::read(&folder)?;
    let read = begun.elapsed();
    let analysis = Analysis::of(&record);
    let analysed = begun.elapsed();
    let written = reports::files::write_all(&folder, &record, &analysis);
    let all = begun.elapsed();
    let mut out = std::io::stdout().lock();
    std::io::Write::write_all(
        &mut out,
        format!(
            "record {:.1} MB: read {read:.1?}, analysed {:.1?}, written {:.1?}, in all {all:.1?}; {} files\n",
            size as f64 / 1e6,
            analysed - read,
            all - analysed,
            written.files.len(),
        )
        .as_bytes(),
    )?;
    Ok(())
}

fn write(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut journal = Journal::create(folder)?;
    let header = header();
    let start = header.start;
    let names: Vec<String> = header.services.keys().cloned().collect();
    journal.append(&Event::Header(Box::new(header)))?;
    let kinds: Vec<Series> = (0..KINDS).map(series).collect();
    for index in 0..WINDOWS {
        let at = start + LENGTH * index;
        for (place, name) in names.iter().enumerate() {
            journal.append(&observation(name, at, index + place as u32))?;
        }
        journal.append(&Event::Window(window(at, index, &names, &kinds)))?;
        journal.tick(at)?;
    }
    let end = End {
        at: start + LENGTH * WINDOWS,
        how: Ending::Completed,
    };
    journal.append(&Event::End(end))?;
    journal.finish()?;
    Ok(())
}

fn header() -> Header {
    let mut header = sample::header(Kind::Passed);
    header.world = World::Simulated;
    header.speed = 1.0;
    header.duration = LENGTH * WINDOWS;
    header.period = LENGTH;
    header.grid = Grid {
        start: header.start,
        length: LENGTH,
    };
    header.phases.clear();
    header
}

/// Latencies between 10 ms and some seconds, of a shape that depends on the kind.
fn series(kind: u32) -> Series {
    let mut series = Series::default();
    series.counts.offered = u64::from(REQUESTS);
    series.counts.served = u64::from(REQUESTS);
    for i in 0..REQUESTS {
        let quantile = (f64::from(i) + 0.5) / f64::from(REQUESTS);
        let ms = 10.0 + f64::from(kind) + 25.0 * -(1.0 - quantile).ln() * (1.0 + quantile);
        series.record_latency(Duration::from_secs_f64(ms / 1e3));
        series.record_service_time(Duration::from_secs_f64(ms / 1e3));
    }
    series
}

fn window(at: Timestamp, index: u32, names: &[String], kinds: &[Series]) -> Window {
    let mut window = Window::new(at, LENGTH);
    let kind = |i: u32| kinds[((index + 5 * i) % KINDS) as usize].clone();
    for page in 0..PAGES {
        window
            .pages
            .insert(format!("shopper/page-{page:02}"), kind(page));
    }
    for (place, name) in names.iter().enumerate() {
        window.services.insert(name.clone(), kind(place as u32));
        let workload = Workload {
            desired: Replicas(REPLICAS),
            ready: Replicas(REPLICAS - index % 3),
            starting: Replicas(index % 3),
            busy: Some(0.5 + 0.1 * f64::from(index % 4)),
            cpu: Some(0.4),
            ..Workload::default()
        };
        window.workloads.insert(name.clone(), workload);
    }
    window
}

fn observation(name: &str, at: Timestamp, turn: u32) -> Event {
    let replica = |i: u32| ReplicaObservation {
        // One of forty is another one every ten windows.
        id: format!("{name}-{i:02}-{}", (turn + i) / 400),
        requests: Some(BTreeMap::new()),
        ..ReplicaObservation::default()
    };
    let scale = scaler::Scale {
        spec: Replicas(REPLICAS),
        status: Replicas(REPLICAS),
        ..scaler::Scale::default()
    };
    Event::Observation {
        workload: name.to_owned(),
        observation: Box::new(Observation {
            at,
            scale: Reading::now(scale, at),
            replicas: (0..REPLICAS).map(replica).collect(),
            ..Observation::default()
        }),
    }
}
