//! Simulations: one after the other or many at once, their records, and how far they have got.

pub(crate) mod cells;
pub(crate) mod oracle;
pub(crate) mod planning;
pub(crate) mod pool;
pub(crate) mod progress;
pub(crate) mod sizing;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reports::journal::Journal;
use reports::record::{End, Ending, Event, Header, Record, World};
use scenarios::Scenario;
use simulator::{Planner, Simulation, SimulationError};

use crate::exit::{Exit, Failure};
use crate::stop::Halt;
use crate::wiring::{self, BoxedPolicy};
use progress::Progress;

/// Into how many pieces a simulation is cut: between two of them progress is told, and an order to stop is heard.
const PIECES: u32 = 400;
/// No piece is shorter.
const SHORTEST_PIECE: Duration = Duration::from_millis(10);

/// No piece is larger, however much happens in it: a second's work, about.
const STRETCHES: u64 = 32;

/// What a simulation goes on, beside what it simulates.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    pub(crate) halt: &'a Halt,
    pub(crate) progress: &'a Progress,
}

/// What simulates.
enum Engine {
    /// Request by request.
    Exact(Box<Simulation>),
    /// In rough strokes.
    Rough(Box<Planner>),
}

impl Engine {
    fn new(
        scenario: &Arc<Scenario>,
        policies: BTreeMap<String, BoxedPolicy>,
        rough: bool,
    ) -> Result<Self, SimulationError> {
        let scenario = Arc::clone(scenario);
        Ok(if rough {
            Self::Rough(Box::new(Planner::new(scenario, policies)?))
        } else {
            Self::Exact(Box::new(Simulation::new(scenario, policies)?))
        })
    }

    /// How far it is, and whether it came back before `until` because there was too much to do.
    fn advance(
        &mut self,
        until: Duration,
        told: &mut dyn FnMut(simulator::Event),
    ) -> Result<(simulator::Progress, bool), SimulationError> {
        match self {
            Self::Exact(simulation) => {
                let now = simulation.advance_in(STRETCHES, until, told)?;
                Ok((now, now.at < until))
            }
            Self::Rough(planner) => Ok((planner.advance(until, told)?, false)),
        }
    }
}

/// Simulates `scenario`, in rough strokes or not, with these policies to its end, or until somebody asks to stop: then what there is ends as
/// interrupted. All that happens goes to `told`, the end included.
pub(crate) fn simulate(
    (scenario, rough): (&Arc<Scenario>, bool),
    policies: BTreeMap<String, BoxedPolicy>,
    around: Around<'_>,
    told: &mut dyn FnMut(Event),
) -> Result<(), Failure> {
    let mut simulation = Engine::new(scenario, policies, rough).map_err(Failure::usage)?;
    let piece = (scenario.duration / PIECES).max(SHORTEST_PIECE);
    let (mut until, mut before) = (piece, (Duration::ZERO, 0));
    loop {
        let advanced = simulation.advance(until, &mut |event| {
            wiring::simulated(event).into_iter().for_each(&mut *told);
        });
        let (now, unfinished) = advanced.map_err(Failure::usage)?;
        // A piece that was too large goes on; after the end only the last answers are waited for.
        if !unfinished || now.at >= scenario.duration {
            until += piece;
        }
        let at = now.at.min(scenario.duration);
        around.progress.add(
            at.saturating_sub(before.0),
            now.requests.saturating_sub(before.1),
        );
        before = (at, now.requests);
        if now.done {
            return Ok(());
        }
        if around.halt.is_asked() {
            told(Event::End(End {
                at: scenario.starts + now.at,
                how: Ending::Interrupted,
            }));
            return Ok(());
        }
    }
}

/// The header of a simulated run: `command` does it again.
pub(crate) fn header(scenario: &Scenario, command: String) -> Header {
    wiring::header(scenario, World::Simulated, command, scenario.starts)
}

/// Simulates, and writes the record into `folder`.
pub(crate) fn record(
    scenario: &Arc<Scenario>,
    policies: BTreeMap<String, BoxedPolicy>,
    header: Header,
    folder: &Path,
    around: Around<'_>,
) -> Result<Record, Failure> {
    let mut journal = Journal::create(folder).map_err(Failure::usage)?;
    let mut failed = None;
    let mut take = |event: Event| {
        if failed.is_none() {
            failed = journal.append(&event).err();
        }
    };
    let rough = header.world == World::Planned;
    take(Event::Header(Box::new(header)));
    simulate((scenario, rough), policies, around, &mut take)?;
    if let Some(error) = failed {
        return Err(Failure::new(Exit::Internal, error));
    }
    journal
        .finish()
        .map_err(|e| Failure::new(Exit::Internal, e))?;
    let record = Record::read(folder).map_err(|e| Failure::new(Exit::Internal, e));
    record.map_err(|failure| failure.during("reading the record back"))
}

/// Simulates, and keeps the record in memory.
pub(crate) fn remember(
    scenario: &Arc<Scenario>,
    policies: BTreeMap<String, BoxedPolicy>,
    header: Header,
    around: Around<'_>,
) -> Result<Record, Failure> {
    let rough = header.world == World::Planned;
    let mut events = vec![Event::Header(Box::new(header))];
    simulate((scenario, rough), policies, around, &mut |event| {
        events.push(event);
    })?;
    Record::from_events(events)
        .ok_or_else(|| Failure::new(Exit::Internal, anyhow::anyhow!("a record has a header")))
}
