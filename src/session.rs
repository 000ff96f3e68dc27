//! What a run with load and a run with load and shop have in common: the record, the load, the order to stop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadgen::{Emission, Load, LoadError, Plan, Stop as LoadStop};
use metrics::Timestamp;
use reports::record::{End, Ending, Event};
use scenarios::Scenario;
use tokio::sync::{mpsc, watch};

use crate::args::Pacing;
use crate::exit::{Exit, Failure};
use crate::recorder::Recorder;
use crate::stop::Stop;

/// From the moment that everything is ready to the scenario's time 0.
pub(crate) const LEAD: Duration = Duration::from_millis(300);
/// How long those who are inside at the start may take to do what they have done before.
const INSIDE: Duration = Duration::from_secs(20);
/// The variable by which shoppers are told their order.
pub(crate) const ORDER: &str = "order";
/// How often the record is flushed, if anything is due, and the live line drawn.
const TICK: Duration = Duration::from_millis(500);

/// What came out of the load.
pub(crate) struct Loaded {
    /// What it came to, or why it broke.
    pub(crate) outcome: Result<loadgen::Outcome, LoadError>,
    /// The orders that shoppers were told of.
    pub(crate) acknowledged: BTreeSet<String>,
    /// Whether someone asked to stop.
    pub(crate) stop: Stop,
}

/// A number for the run, which every request's `traceparent` carries: enough to tell runs apart in a log.
pub(crate) fn run_number(started: Timestamp) -> u32 {
    u32::try_from(started.as_nanos() / 1_000_000 % i64::from(u32::MAX))
        .unwrap_or(1)
        .max(1)
}

/// Checks the target and all that the load needs, and lets those who are inside at the start do what they have done
/// before: log in, fill their carts.
pub(crate) async fn prepare(plan: Plan) -> Result<Load, Failure> {
    let mut load = Load::prepare(plan).await.map_err(failure)?;
    load.prepare_inside(INSIDE).await.map_err(failure)?;
    Ok(load)
}

fn failure(error: LoadError) -> Failure {
    let exit = match error {
        LoadError::Unreachable { .. } => Exit::Unreachable,
        _ => Exit::Usage,
    };
    Failure::new(exit, error)
}

/// The plan's part that `run` and `load` share.
pub(crate) fn plan(
    scenario: &Arc<Scenario>,
    target: loadgen::Target,
    run: u32,
    pacing: Pacing,
) -> Plan {
    let mut plan = Plan::new(Arc::clone(scenario), target);
    plan.run = run;
    plan.pacing = match pacing {
        Pacing::Balanced => pacer::Mode::Balanced,
        Pacing::Precise => pacer::Mode::Precise,
        Pacing::Eco => pacer::Mode::Eco,
    };
    plan.collect.insert(ORDER.into());
    plan
}

/// Runs the load to its end and records what happens: what the load tells, and what comes through `events`.
pub(crate) async fn drive(
    load: Load,
    begin: (Timestamp, Instant),
    recorder: &mut Recorder,
    mut events: mpsc::UnboundedReceiver<Event>,
    mut stop: watch::Receiver<Stop>,
) -> Loaded {
    let (start, instant) = begin;
    let (sender, mut emissions) = mpsc::unbounded_channel();
    let load_stop = LoadStop::new();
    let running = load.run(instant, &load_stop, move |emission| {
        // The receiver lives as long as the load.
        sender.send(emission).ok();
    });
    tokio::pin!(running);
    let mut ticks = tokio::time::interval(TICK);
    let mut acknowledged = BTreeSet::new();
    let outcome = loop {
        tokio::select! {
            outcome = &mut running => break outcome,
            Some(emission) = emissions.recv() => take(emission, recorder, &mut acknowledged),
            Some(event) = events.recv() => recorder.take(event),
            _ = ticks.tick() => recorder.tick(start + instant.elapsed()),
            Ok(()) = stop.changed() => load_stop.ask(),
        }
    };
    while let Ok(emission) = emissions.try_recv() {
        take(emission, recorder, &mut acknowledged);
    }
    let stop = *stop.borrow();
    Loaded {
        outcome,
        acknowledged,
        stop,
    }
}

fn take(emission: Emission, recorder: &mut Recorder, acknowledged: &mut BTreeSet<String>) {
    match emission {
        Emission::Window(window) => recorder.take(Event::Window(window)),
        Emission::Collected(collected) => {
            if collected.variable == ORDER {
                acknowledged.insert(collected.value);
            }
        }
    }
}

/// The record's last line.
pub(crate) fn end(at: Timestamp, loaded: &Loaded) -> Event {
    let how = match (&loaded.outcome, loaded.stop) {
        (_, Stop::Drain(_) | Stop::Now(_)) => Ending::Interrupted,
        (Err(error), _) => Ending::Failed(error.to_string()),
        (Ok(_), Stop::No) => Ending::Completed,
    };
    Event::End(End { at, how })
}
