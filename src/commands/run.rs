//! `rushhour run`: a scenario on the local shop.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use metrics::{Grid, Timestamp};
use reports::record::{Event, World};
use scenarios::Scenario;
use shop::{LocalPlan, LocalWorld, WorldEvent};
use tokio::sync::{mpsc, watch};

use crate::args::RunArgs;
use crate::control::Control;
use crate::exit::{Exit, Failure};
use crate::live::Live;
use crate::recorder::Recorder;
use crate::session::Loaded;
use crate::stop::Stop;
use crate::{Done, folder, output, results, scenario_file, session, stop, wiring};

/// How long the shop may take to finish what it has after the load is over.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(args: &RunArgs) -> Done {
    let scenario = Arc::new(scenario_file::load_for_local(&args.scenario)?);
    let started = wiring::wall_clock();
    let out = folder::create(args.result.out.as_deref(), &scenario.name, started)?;
    run_into(args, &scenario, &out, started)
}

/// Runs `scenario` with its results in the folder `out`.
pub(crate) fn run_into(
    args: &RunArgs,
    scenario: &Arc<Scenario>,
    out: &Path,
    started: Timestamp,
) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut recorder = recorder(scenario, out, started)?;
    let rehearsed = runtime.block_on(rehearse(args, scenario, out, started, &mut recorder))?;
    let exit = results::of_run(recorder.finish(), out, &args.result)?;
    // What was measured is reported, even if the books could not be read.
    rehearsed.audited?;
    let loaded = rehearsed.loaded;
    loaded
        .outcome
        .map_err(|e| Failure::new(Exit::Internal, e))?;
    Ok(loaded.stop.exit().unwrap_or(exit))
}

fn recorder(scenario: &Scenario, out: &Path, started: Timestamp) -> Result<Recorder, Failure> {
    let header = wiring::header(scenario, World::Local, wiring::command(), scenario.starts);
    let live = Live::new(&header);
    let mut recorder = Recorder::create(out, live).map_err(Failure::at_start)?;
    recorder.take(Event::Header(Box::new(header)));
    recorder.take(Event::Host(wiring::host(started)));
    Ok(recorder)
}

/// What came of a rehearsal whose load was sent.
struct Rehearsed {
    loaded: Loaded,
    /// Whether the books could be read and removed.
    audited: Result<(), Failure>,
}

/// Makes the databases, plays the scenario on them, audits and removes them.
async fn rehearse(
    args: &RunArgs,
    scenario: &Arc<Scenario>,
    out: &Path,
    started: Timestamp,
    recorder: &mut Recorder,
) -> Result<Rehearsed, Failure> {
    let stop = stop::listen()?;
    let home = out.join("shop");
    let databases = shop::Databases::prepare(scenario, &home, args.database.as_deref())
        .await
        .with_context(|| match &args.database {
            None => format!("making the shop's databases in {}", home.display()),
            Some(_) => "making the shop's databases".to_owned(),
        })
        .map_err(Failure::at_start)?;
    let plan = LocalPlan {
        scenario: Arc::clone(scenario),
        start: scenario.starts,
        grid: Grid::of_run(scenario.starts, scenario.duration, scenario.control.period),
        run: session::run_number(started),
        folder: home.clone(),
        executable: std::env::current_exe()?,
        databases: databases.urls().clone(),
    };
    let played = play(args, plan, recorder, stop).await;
    let mut audited = Ok(());
    if let Ok((loaded, end)) = &played {
        match databases.audit(&loaded.acknowledged).await {
            Ok(found) => recorder.take(Event::Audit(wiring::audit(found))),
            Err(e) => audited = Err(Failure::new(Exit::Internal, e).during("auditing the orders")),
        }
        recorder.take(session::end(*end, loaded));
    }
    // Of a shop that did not even start only its log is of use: it says why.
    if !args.keep {
        let removed = databases.remove().await.map_err(Failure::from);
        audited = audited.and(removed);
        if played.is_ok() {
            std::fs::remove_dir_all(&home).ok();
        }
    }
    let (loaded, _) = played?;
    Ok(Rehearsed { loaded, audited })
}

/// Starts the shop, puts the load on it while policies scale it, and ends it. Gives what came of the load, and its end.
async fn play(
    args: &RunArgs,
    plan: LocalPlan,
    recorder: &mut Recorder,
    stop: watch::Receiver<Stop>,
) -> Result<(Loaded, Timestamp), Failure> {
    let (scenario, run) = (Arc::clone(&plan.scenario), plan.run);
    let (mut world, happenings) = LocalWorld::start(plan).await.map_err(Failure::at_start)?;
    let (gateway, registry) = (world.gateway(), world.registry());
    output::progress(&format!(
        "shop: pages at http://{gateway}, settings at http://{registry}/config"
    ));
    let target = format!("http://{gateway}").parse()?;
    let load = session::prepare(session::plan(&scenario, target, run, args.pacing)).await?;
    let begin = (scenario.starts, Instant::now() + session::LEAD);
    let (sender, events) = mpsc::unbounded_channel();
    let telling = tokio::spawn(tell(happenings, sender.clone()));
    let controlling = tokio::spawn(control(&scenario, &mut world, begin)?.run(move |event| {
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
    Ok((loaded, scenario.starts + begin.1.elapsed()))
}

fn control(
    scenario: &Scenario,
    world: &mut LocalWorld,
    begin: (Timestamp, Instant),
) -> Result<Control<scaler::Live<shop::Source, shop::Target>>, Failure> {
    let policies = wiring::policies(scenario, scenario.starts).map_err(Failure::usage)?;
    let with_plant = |(name, policy): (String, wiring::BoxedPolicy)| {
        let plant = world.plant(&name);
        if !policy.wants().samples.is_empty() {
            world.watch_closely(&name);
        }
        (name, (plant, policy))
    };
    Ok(Control {
        workloads: policies.into_iter().map(with_plant).collect(),
        start: begin,
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
