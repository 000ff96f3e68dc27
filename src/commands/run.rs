//! `rushhour run`: a scenario on the local shop.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{Grid, Timestamp};
use reports::record::{Event, World};
use scenarios::Scenario;
use shop::{LocalPlan, LocalWorld, WorldEvent};
use tokio::sync::mpsc;

use crate::args::RunArgs;
use crate::control::Control;
use crate::exit::{Exit, Failure};
use crate::live::Live;
use crate::recorder::Recorder;
use crate::session::Loaded;
use crate::stop::Stop;
use crate::{Done, folder, results, scenario_file, session, stop, wiring};

/// How long the shop may take to finish what it has after the load is over.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(args: &RunArgs) -> Done {
    let scenario = Arc::new(scenario_file::load(&args.scenario)?);
    let started = wiring::wall_clock();
    let out = folder::create(args.result.out.as_deref(), &scenario.name, started)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut recorder = recorder(&scenario, &out, started)?;
    let loaded = runtime.block_on(rehearse(args, &scenario, &out, started, &mut recorder))?;
    let exit = results::of_run(recorder.finish(), &out, &args.result)?;
    loaded
        .outcome
        .map_err(|e| Failure::new(Exit::Internal, e))?;
    Ok(loaded.stop.exit().unwrap_or(exit))
}

fn recorder(scenario: &Scenario, out: &Path, started: Timestamp) -> Result<Recorder, Failure> {
    let header = wiring::header(scenario, World::Local, wiring::command(), scenario.starts);
    let live = Live::new(&header);
    let mut recorder = Recorder::create(out, live).map_err(Failure::usage)?;
    recorder.take(Event::Header(Box::new(header)));
    recorder.take(Event::Host(wiring::host(started)));
    Ok(recorder)
}

/// Starts the shop, puts the load on it while policies scale it, ends it and audits it.
async fn rehearse(
    args: &RunArgs,
    scenario: &Arc<Scenario>,
    out: &Path,
    started: Timestamp,
    recorder: &mut Recorder,
) -> Result<Loaded, Failure> {
    let stop = stop::listen()?;
    let run = session::run_number(started);
    let home = out.join("shop");
    let databases = shop::Databases::prepare(scenario, &home, args.database.as_deref())
        .await
        .map_err(Failure::usage)?;
    let plan = LocalPlan {
        scenario: Arc::clone(scenario),
        start: scenario.starts,
        grid: Grid::of_run(scenario.starts, scenario.duration, scenario.control.period),
        run,
        folder: home.clone(),
        executable: std::env::current_exe()?,
        databases: databases.urls().clone(),
    };
    let (mut world, happenings) = LocalWorld::start(plan).await.map_err(Failure::usage)?;
    let target = format!("http://{}", world.gateway()).parse()?;
    let load = session::prepare(session::plan(scenario, target, run, args.pacing)).await?;
    let begin = (scenario.starts, Instant::now() + session::LEAD);
    let (sender, events) = mpsc::unbounded_channel();
    let telling = tokio::spawn(tell(happenings, sender.clone()));
    let controlling = tokio::spawn(control(scenario, &world, begin)?.run(move |event| {
        // The receiver lives until the load is over; what comes later is of no run.
        sender.send(event).ok();
    }));
    world.begin(begin.1);
    let loaded = session::drive(load, begin, recorder, events, stop).await;
    controlling.abort();
    let patience = if matches!(loaded.stop, Stop::Now(_)) {
        Duration::ZERO
    } else {
        PATIENCE
    };
    world.stop(patience).await;
    telling.abort();
    let found = databases.audit(&loaded.acknowledged).await?;
    recorder.take(Event::Audit(wiring::audit(found)));
    recorder.take(session::end(scenario.starts + begin.1.elapsed(), &loaded));
    if !args.keep {
        databases.remove().await?;
        std::fs::remove_dir_all(&home).ok();
    }
    Ok(loaded)
}

fn control(
    scenario: &Scenario,
    world: &LocalWorld,
    begin: (Timestamp, Instant),
) -> Result<Control<scaler::Live<shop::Source, shop::Target>>, Failure> {
    let policies = wiring::policies(scenario, scenario.starts).map_err(Failure::usage)?;
    let with_plant = |(name, policy): (String, wiring::BoxedPolicy)| {
        let plant = world.plant(&name);
        (name, (plant, policy))
    };
    Ok(Control {
        workloads: policies.into_iter().map(with_plant).collect(),
        start: begin,
        period: scenario.control.period,
        duration: scenario.duration,
    })
}

/// Hands on what happens in the world.
async fn tell(
    mut happenings: mpsc::UnboundedReceiver<WorldEvent>,
    events: mpsc::UnboundedSender<Event>,
) {
    while let Some(happening) = happenings.recv().await {
        let event = match happening {
            WorldEvent::Window(window) => Event::Window(window),
            WorldEvent::Fault {
                at,
                lasts,
                service,
                what,
            } => Event::Fault {
                at,
                lasts,
                service,
                what,
            },
        };
        if events.send(event).is_err() {
            return;
        }
    }
}
