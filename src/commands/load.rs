//! `rushhour load`: a scenario's load on a system that is not ours.

use std::sync::Arc;
use std::time::Instant;

use reports::record::{Event, World};
use tokio::sync::mpsc;

use crate::args::LoadArgs;
use crate::exit::{Exit, Failure};
use crate::live::Live;
use crate::recorder::Recorder;
use crate::{Done, folder, results, scenario_file, session, stop, wiring};

pub(crate) fn run(args: &LoadArgs) -> Done {
    let scenario = Arc::new(scenario_file::load(&args.scenario)?);
    let target: loadgen::Target = args.target.parse().map_err(Failure::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let started = wiring::wall_clock();
        let mut plan = session::plan(&scenario, target, session::run_number(started), args.pacing);
        plan.connections = args.connections;
        plan.workers = args.workers.unwrap_or(plan.workers);
        plan.owned.clone_from(&args.i_own_the_target);
        let load = session::prepare(plan).await?;
        let out = folder::create(args.result.out.as_deref(), &scenario.name, started)?;
        let header = wiring::header(&scenario, World::Target, wiring::command(), scenario.starts);
        let live = Live::new(&header);
        let mut recorder = Recorder::create(&out, live).map_err(Failure::at_start)?;
        recorder.take(Event::Header(Box::new(header)));
        recorder.take(Event::Host(wiring::host(started)));
        let stop = stop::listen()?;
        let begin = (scenario.starts, Instant::now() + session::LEAD);
        // There is no world that tells anything: only the load does.
        let (_quiet, events) = mpsc::unbounded_channel();
        let loaded = session::drive(load, begin, &mut recorder, events, stop).await;
        recorder.take(session::end(scenario.starts + begin.1.elapsed(), &loaded));
        let exit = results::of_run(recorder.finish(), &out, &args.result)?;
        loaded
            .outcome
            .map_err(|e| Failure::new(Exit::Internal, e))?;
        Ok(loaded.stop.exit().unwrap_or(exit))
    })
}
