//! The local world by hand: `serve ROLE` is one process of it; `hold SCENARIO SPEED FOLDER [PATH=VALUE…]` starts all of
//! it (with PostgreSQL if `DATABASE` is its URL), says where the gateway is and ends when standard input closes, with the audit of the orders that came in there, one a line.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{Grid, Timestamp};
use scenarios::{NoFiles, Scenario, Set, library_scenario};
use shop::{Databases, LocalPlan, LocalWorld, WorldEvent};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", role] => Ok(shop::serve(role.parse()?)?),
        ["hold", scenario, speed, folder, ref sets @ ..] => {
            hold(scenario, speed.parse()?, folder.into(), sets)
        }
        _ => Err("use `serve ROLE` or `hold SCENARIO SPEED FOLDER [PATH=VALUE…]`".into()),
    }
}

fn hold(name: &str, speed: f64, folder: PathBuf, sets: &[&str]) -> Result<(), Box<dyn Error>> {
    let sets: Vec<Set> = sets
        .iter()
        .map(|set| Set::parse(set))
        .collect::<Result<_, _>>()?;
    let text = library_scenario(name).ok_or("no such scenario in the library")?;
    let scenario = Scenario::read("library", text.as_bytes(), &NoFiles, &sets)?.at_speed(speed)?;
    let url = std::env::var("DATABASE").ok();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(scenario, folder, url))
}

async fn run(
    scenario: Scenario,
    folder: PathBuf,
    url: Option<String>,
) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    let began = Instant::now();
    let databases = Databases::prepare(&scenario, &folder, url.as_deref()).await?;
    writeln!(out, "prepared {:?}", began.elapsed())?;
    let start = Timestamp::from_secs(1_700_000_000);
    let plan = LocalPlan {
        grid: Grid::of_run(start, scenario.duration, scenario.control.period),
        scenario: Arc::new(scenario),
        start,
        run: 7,
        folder,
        executable: std::env::current_exe()?,
        databases: databases.urls().clone(),
    };
    let (mut world, mut events) = LocalWorld::start(plan).await?;
    writeln!(
        out,
        "started {:?}\ngateway http://{}",
        began.elapsed(),
        world.gateway()
    )?;
    out.flush()?;
    world.begin(Instant::now());
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            sender.send(line).ok();
        }
    });
    let mut acknowledged = BTreeSet::new();
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => drop(acknowledged.insert(line)),
                None => break,
            },
            event = events.recv() => if let Some(WorldEvent::Fault { what, .. }) = event {
                writeln!(out, "event {what}")?;
            },
        }
    }
    let began = Instant::now();
    world.stop(Duration::from_secs(5)).await;
    writeln!(out, "stopped {:?}", began.elapsed())?;
    writeln!(out, "{:?}", databases.audit(&acknowledged).await?)?;
    databases.remove().await?;
    Ok(())
}
