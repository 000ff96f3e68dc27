//! One run in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::Timestamp;
use scaler::Rota;
use scenarios::Scenario;

use crate::calendar::{Due, Kind, MOST_SUBJECTS};
use crate::model::nanos;
use crate::observe::BoxedPolicy;
use crate::span::State;
use crate::world::World;
use crate::{Event, NoProbe, Probe, Progress, SimulationError};

/// The most events at one instant.
const MOST_AT_ONCE: u64 = 200_000_000;
/// The most requests open at once, and the most shoppers inside: some hundred bytes each.
const MOST_OPEN: usize = 1 << 22;
const MOST_INSIDE: usize = 1 << 24;
/// How many events go by between two looks at how many there are.
const LOOK: u64 = 1 << 16;

/// What beats.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Beat {
    Window,
    Scrape,
    /// A second of those workloads that are looked at closely.
    Second,
    /// Some policy is due: no even beat, but the next in the rota.
    Decision,
}

impl Beat {
    const ALL: [Self; 4] = [Self::Window, Self::Scrape, Self::Second, Self::Decision];
}

/// One run of one scenario in virtual time.
///
/// Single-threaded. Runs are independent of each other, so whoever has several puts them on threads.
pub struct Simulation<P: Probe = NoProbe> {
    pub(crate) world: World<P>,
    policies: BTreeMap<String, BoxedPolicy>,
    /// When which policy decides.
    rota: Rota,
    /// How far apart windows, scrapes and seconds are.
    beats: [u64; 3],
    /// The end of the drain.
    last: u64,
    /// How many events there were at the instant of the last one, and when that was.
    at_once: (u64, u64),
    most_at_once: u64,
    done: bool,
    /// [`Simulation::one`]. By a pointer, so that without a probe it is this crate's own, compiled as this crate is and not
    /// as whoever uses it.
    one: fn(&mut Self, u64) -> Result<bool, SimulationError>,
}

impl Simulation<NoProbe> {
    /// A run of `scenario`, which is checked and already at its speed, with these policies, by service. A service without
    /// one keeps its replicas.
    ///
    /// # Errors
    /// If the scenario cannot be simulated.
    #[inline(never)]
    pub fn new(
        scenario: Arc<Scenario>,
        policies: BTreeMap<String, BoxedPolicy>,
    ) -> Result<Self, SimulationError> {
        Self::with_probe(scenario, policies, NoProbe)
    }
}

impl<P: Probe> Simulation<P> {
    /// The same with somebody who watches.
    ///
    /// # Errors
    /// If the scenario cannot be simulated.
    pub fn with_probe(
        scenario: Arc<Scenario>,
        mut policies: BTreeMap<String, BoxedPolicy>,
        probe: P,
    ) -> Result<Self, SimulationError> {
        policies.retain(|service, _| scenario.services.contains_key(service));
        let interval = nanos(scenario.control.scrape.interval).max(1);
        let mut world = World::new(scenario, probe)?;
        let beats = [world.windows.length(), interval, world.second];
        world.scrape();
        world.watch_closely(&policies);
        let looks = world.workloads.iter().any(|w| w.seconds.is_some());
        for (beat, every) in beats.iter().enumerate() {
            if looks || Beat::ALL[beat] != Beat::Second {
                world.calendar.schedule(*every, Kind::Beat, beat as u32);
            }
        }
        let periods = policies
            .iter()
            .map(|(name, p)| (name.clone(), p.wants().period));
        let rota = Rota::new(world.instant(), periods);
        schedule_decision(&mut world, &rota);
        world.schedule_faults();
        for service in 0..world.workloads.len() as u16 {
            world.tell_probe(service);
        }
        let last = world.model.last();
        Ok(Self {
            world,
            policies,
            rota,
            beats,
            last,
            at_once: (0, 0),
            most_at_once: MOST_AT_ONCE,
            done: false,
            one: Self::one,
        })
    }

    /// Goes on until `until` since the start; past the duration: through the drain, to the end. `told` gets what happens,
    /// in order of time.
    ///
    /// # Errors
    /// If memory or time would run out: the run cannot go on then.
    pub fn advance(
        &mut self,
        until: Duration,
        told: &mut dyn FnMut(Event),
    ) -> Result<Progress, SimulationError> {
        self.advance_in(u64::MAX, until, told)
    }

    /// The same for so many stretches of at most some ten thousand events: then it comes back wherever it is, so that
    /// whoever waits for it can be heard however much happens at one instant.
    ///
    /// # Errors
    /// As of [`Simulation::advance`].
    pub fn advance_in(
        &mut self,
        mut stretches: u64,
        until: Duration,
        told: &mut dyn FnMut(Event),
    ) -> Result<Progress, SimulationError> {
        let until = nanos(until).min(self.last);
        self.world.happenings.drain(..).for_each(&mut *told);
        while !self.done && (self.one)(self, until)? {
            if !self.world.happenings.is_empty() {
                self.world.happenings.drain(..).for_each(&mut *told);
            }
            stretches -= 1;
            if stretches == 0 {
                return Ok(self.progress());
            }
        }
        if !self.done && (until == self.last || (until >= self.world.model.end && self.empty())) {
            self.end(told);
        }
        Ok(self.progress())
    }

    fn progress(&self) -> Progress {
        Progress {
            at: Duration::from_nanos(self.world.now),
            requests: self.world.sent,
            done: self.done,
        }
    }

    /// Whether nobody waits for an answer.
    fn empty(&self) -> bool {
        self.world.spans.len() == 0
    }

    /// Lets a stretch of events happen, until there is something to tell. Whether there is more to come until `until`.
    fn one(&mut self, until: u64) -> Result<bool, SimulationError> {
        self.check_memory()?;
        let end = self.world.model.end;
        for _ in 0..LOOK {
            let world = &mut self.world;
            let arrival = world.next_arrival();
            let spans = &world.spans;
            let due = world
                .calendar
                .next(arrival.min(until), |span, token| spans[span].timer == token);
            match due {
                // After the end only those are waited for who are open.
                Some(due) if due.at > end && self.empty() => {
                    let world = &mut self.world;
                    world.now = world.now.max(end);
                    return Ok(false);
                }
                Some(due) => {
                    self.pass(due.at)?;
                    self.happen(due);
                }
                None if arrival <= until => {
                    self.pass(arrival)?;
                    self.world.arrive();
                }
                None => {
                    let over = until >= end && self.empty();
                    let world = &mut self.world;
                    world.now = if over { world.now.max(end) } else { until };
                    return Ok(false);
                }
            }
            self.settle();
            if !self.world.happenings.is_empty() {
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// Time goes on to `at`.
    #[inline]
    fn pass(&mut self, at: u64) -> Result<(), SimulationError> {
        self.world.now = at;
        let (instant, count) = &mut self.at_once;
        if *instant != at {
            (*instant, *count) = (at, 1);
            return Ok(());
        }
        *count += 1;
        if *count > self.most_at_once {
            return Err(SimulationError::Stuck {
                at: Duration::from_nanos(at),
                most: self.most_at_once,
            });
        }
        Ok(())
    }

    /// What follows from an event at the same instant.
    #[inline]
    fn settle(&mut self) {
        let world = &mut self.world;
        if !std::mem::take(&mut world.unsettled) {
            return;
        }
        while let Some(place) = world.freed.pop() {
            world.fill_slots(place);
        }
        while let Some(service) = world.lobbies.pop() {
            world.fill_lobby(service);
        }
        while let Some(place) = world.emptied.pop() {
            world.gone_if_empty(place);
        }
    }

    fn check_memory(&self) -> Result<(), SimulationError> {
        let world = &self.world;
        let at = Duration::from_nanos(world.now);
        for (what, there, most) in [
            ("requests", world.spans.len(), MOST_OPEN),
            ("shoppers", world.visits.len(), MOST_INSIDE),
        ] {
            if there > most.min(MOST_SUBJECTS) {
                return Err(SimulationError::TooManyOpen { at, what, most });
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn happen(&mut self, due: Due) {
        let world = &mut self.world;
        let index = due.subject;
        match due.kind {
            Kind::StepEnds if world.spans[index].next_event == due.token => world.step_ended(index),
            Kind::TimeOut if world.spans[index].timer == due.token => world.timed_out(index),
            Kind::Forward if world.spans[index].next_event == due.token => {
                world.spans[index].next_event = 0;
                world.spans[index].state = State::Gateway;
                world.try_somewhere(index);
            }
            Kind::Reaches if world.spans[index].next_event == due.token => world.reach(index),
            Kind::Answers if world.spans[index].next_event == due.token => world.answered(index),
            Kind::Impatient if world.spans[index].next_event == due.token => world.impatient(index),
            Kind::WorkDone => world.work_done(due),
            Kind::NodeReady => world.node_ready(index),
            Kind::PageDue => world.page_due(index),
            Kind::Ready => world.started(due),
            Kind::DrainLimit => world.drain_limit(due),
            Kind::Sweep => world.sweep(due),
            Kind::Reconcile => world.reconcile(index as u16),
            Kind::HealthCheck => world.health_check(due),
            Kind::Fault => world.fault(index),
            Kind::Beat => self.beat(index),
            // Nobody waits for it any more.
            _ => {}
        }
    }

    /// Something that comes again and again.
    fn beat(&mut self, beat: u32) {
        let world = &mut self.world;
        match Beat::ALL[beat as usize] {
            Beat::Window => {
                let ended = (world.now / self.beats[beat as usize]) as u32;
                let sample = world.sample();
                world.windows.window(world.now);
                world.windows.sample(ended - 1, sample);
                let told = world.windows.take(ended - 1);
                world.happenings.extend(told.into_iter().map(Event::Window));
            }
            Beat::Scrape => world.scrape(),
            Beat::Second => world.look_closely(),
            // At the end nothing is decided any more.
            Beat::Decision if world.now < world.model.end => {
                // The second that ends now is seen, whichever of the two events came first.
                if world.now.is_multiple_of(world.second) {
                    world.look_closely();
                }
                world.decide(&mut self.policies, &mut self.rota);
                return schedule_decision(world, &self.rota);
            }
            Beat::Decision => return,
        }
        let next = self.world.now.saturating_add(self.beats[beat as usize]);
        self.world.calendar.schedule(next, Kind::Beat, beat);
    }

    /// The run is over: what is still open stays so, and all that was counted is told.
    fn end(&mut self, told: &mut dyn FnMut(Event)) {
        self.done = true;
        let world = &mut self.world;
        world.count_open();
        let windows = world.windows.take(u32::MAX);
        windows.into_iter().map(Event::Window).for_each(&mut *told);
        told(Event::End {
            at: world.instant(),
        });
    }

    /// Whoever watches.
    #[must_use]
    pub fn probe(&self) -> &P {
        &self.world.probe
    }

    /// Whoever watched.
    #[must_use]
    pub fn into_probe(self) -> P {
        self.world.probe
    }
}

impl<P: Probe> std::fmt::Debug for Simulation<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulation")
            .field("at", &Duration::from_nanos(self.world.now))
            .field("requests", &self.world.sent)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

/// Schedules the next turn of the rota.
fn schedule_decision<P: Probe>(world: &mut World<P>, rota: &Rota) {
    if let Some(next) = rota.next() {
        let at = next.since(Timestamp::from_nanos(world.start));
        let beat = Beat::ALL.len() as u32 - 1;
        world.calendar.schedule(nanos(at), Kind::Beat, beat);
    }
}

#[cfg(test)]
mod tests;
