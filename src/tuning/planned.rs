//! A run in rough strokes that knows what waits another run had to simulate.

use std::sync::Arc;
use std::time::Duration;

use reports::analysis::Analysis;
use reports::figures::Figures;
use reports::record::{Event, Record, World};
use scenarios::Scenario;
use simulator::{Planner, PlannerWaits};

use crate::exit::{Exit, Failure};
use crate::simulating::{self, Around};
use crate::wiring;

/// Into how many pieces it is cut: between two of them an order to stop is heard.
const PIECES: u32 = 100;
/// No piece is shorter.
const SHORTEST: Duration = Duration::from_millis(10);

/// What the scenario with its policies comes to, and the waits that are known then. Whoever asked to stop gets what there is.
pub(crate) fn run(
    scenario: &Arc<Scenario>,
    waits: PlannerWaits,
    around: Around<'_>,
) -> Result<(Figures, PlannerWaits), Failure> {
    let policies = wiring::policies(scenario, scenario.starts).map_err(Failure::usage)?;
    let mut header = simulating::header(scenario, String::new());
    header.world = World::Planned;
    let mut events = vec![Event::Header(Box::new(header))];
    let planner = Planner::new(Arc::clone(scenario), policies).map_err(Failure::usage)?;
    let mut planner = planner.knowing(waits);
    let piece = (scenario.duration / PIECES).max(SHORTEST);
    let (mut until, mut at, mut requests) = (Duration::ZERO, Duration::ZERO, 0);
    loop {
        until += piece;
        let advanced = planner.advance(until, &mut |event| events.extend(wiring::simulated(event)));
        let now = advanced.map_err(Failure::usage)?;
        let reached = now.at.min(scenario.duration);
        around.progress.add(
            reached.saturating_sub(at),
            now.requests.saturating_sub(requests),
        );
        (at, requests) = (reached, now.requests);
        if now.done || around.halt.is_asked() {
            break;
        }
    }
    let record = Record::from_events(events)
        .ok_or_else(|| Failure::new(Exit::Internal, anyhow::anyhow!("a record has a header")))?;
    Ok((Figures::of(&Analysis::of(&record)), planner.waits()))
}
