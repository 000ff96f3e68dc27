//! The stages of tuning: searched in rough strokes, confirmed in full on the same runs, scored on others.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reports::analysis::Analysis;
use reports::figures::Figures;
use reports::tuning::{Outcome, front};
use scenarios::{Scenario, Set};
use simulator::PlannerWaits;

use super::days::Day;
use super::knobs::Knobs;
use super::planned;
use super::search::{self, Candidate, Tried};
use crate::exit::Failure;
use crate::simulating::progress::Progress;
use crate::simulating::{self, Around, pool};
use crate::stop::Halt;
use crate::wiring;

/// At most so many settings are confirmed, before dearer ones have to be looked at.
const FINALISTS: usize = 6;
/// So often dearer ones are looked at.
const CORRECTIONS: usize = 4;
/// Settings that missed more than so many budgets are not scored.
const FAR: f64 = 3.0;
/// With fewer seeds done by all nothing is said.
const FEWEST: usize = 2;

/// One run: a day and a seed.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) day: Day,
    pub(crate) seed: u64,
}

/// What one policy is tuned with.
pub(crate) struct Stages<'a> {
    /// What makes the policy of the scenario.
    pub(crate) sets: Vec<Set>,
    pub(crate) knobs: &'a Knobs,
    pub(crate) budget: f64,
    pub(crate) trials: usize,
    pub(crate) jobs: usize,
    pub(crate) halt: &'a Halt,
    pub(crate) searched: &'a [Run],
    pub(crate) scored: &'a [Run],
    /// What the policy is called.
    pub(crate) name: &'a str,
    /// What waits the first run in rough strokes had to simulate: all others begin with it, whoever comes first.
    pub(crate) waits: OnceLock<PlannerWaits>,
}

/// A setting that was confirmed, and perhaps scored.
pub(crate) struct Scored {
    pub(crate) candidate: Candidate,
    pub(crate) planned: Option<Outcome>,
    pub(crate) confirmed: Option<Outcome>,
    pub(crate) runs: Vec<Figures>,
}

/// What became of a policy.
pub(crate) struct Found {
    pub(crate) tried: Vec<Tried>,
    pub(crate) scored: Vec<Scored>,
}

impl Stages<'_> {
    /// All stages, as far as nobody asks to stop.
    pub(crate) fn run(&self) -> Result<Found, Failure> {
        let tried = self.search()?;
        let confirmed = self.confirm(&tried)?;
        let scored = self.score(&tried, confirmed)?;
        Ok(Found { tried, scored })
    }

    fn search(&self) -> Result<Vec<Tried>, Failure> {
        let runs = self.trials as u32;
        let progress = self.progress("searching", self.searched, runs)?;
        self.learn_waits(&progress)?;
        let found = search::search(&self.knobs.space(), (self.budget, self.trials), |next| {
            let ran = self.all(next, self.searched, true, &progress)?;
            // The first setting that was not run to its end ends the search.
            Ok(ran.iter().map_while(|runs| outcome(runs)).collect())
        });
        progress.clear();
        found
    }

    /// The finalists in full on what was searched on; while none keeps the budget, dearer ones.
    fn confirm(&self, tried: &[Tried]) -> Result<Vec<(Tried, Outcome)>, Failure> {
        let mut confirmed: Vec<(Tried, Outcome)> = Vec::new();
        let mut next = search::finalists(tried, self.budget, FINALISTS);
        if let Some(written) = tried.first().filter(|w| !next.contains(w)) {
            next.push(written.clone());
        }
        for _ in 0..=CORRECTIONS {
            let progress = self.progress("confirming", self.searched, next.len() as u32)?;
            let candidates: Vec<Candidate> = next.iter().map(|t| t.candidate.clone()).collect();
            let ran = self.all(&candidates, self.searched, false, &progress)?;
            progress.clear();
            let outcomes = ran.iter().map(|runs| outcome(runs));
            let done = next.into_iter().zip(outcomes);
            confirmed.extend(done.filter_map(|(t, outcome)| Some((t, outcome?))));
            let kept = confirmed.iter().any(|(_, o)| o.missed <= self.budget);
            let looked_at: Vec<Tried> = confirmed.iter().map(|(t, _)| t.clone()).collect();
            next = search::dearer(tried, &looked_at);
            if kept || next.is_empty() || self.halt.is_asked() {
                break;
            }
        }
        Ok(confirmed)
    }

    /// The setting as written and the front of those confirmed, on runs that none of them has seen.
    fn score(
        &self,
        tried: &[Tried],
        confirmed: Vec<(Tried, Outcome)>,
    ) -> Result<Vec<Scored>, Failure> {
        let points: Vec<(f64, f64)> = confirmed
            .iter()
            .map(|(_, o)| (o.missed, o.replica_hours))
            .collect();
        let least = points.iter().map(|p| p.0).fold(f64::INFINITY, f64::min);
        let near = (FAR * self.budget).max(least);
        let written = tried.first().map(|t| t.candidate.clone());
        let is_finalist = |i: usize, t: &Tried| {
            let on_front = front::is_on(points[i], &points) && points[i].0 <= near;
            on_front || Some(&t.candidate) == written.as_ref()
        };
        let chosen: Vec<(Tried, Outcome)> = confirmed
            .into_iter()
            .enumerate()
            .filter(|(i, (t, _))| is_finalist(*i, t))
            .map(|(_, c)| c)
            .collect();
        let candidates: Vec<Candidate> = chosen.iter().map(|(t, _)| t.candidate.clone()).collect();
        let progress = self.progress("scoring", self.scored, chosen.len() as u32)?;
        let ran = self.all(&candidates, self.scored, false, &progress)?;
        progress.clear();
        // Only runs that all settings have done can be compared.
        let whole = (0..self.scored.len())
            .take_while(|i| ran.iter().all(|runs| runs[*i].is_some()))
            .count();
        let whole = if whole < FEWEST.min(self.scored.len()) {
            0
        } else {
            whole
        };
        let scored = chosen
            .into_iter()
            .zip(ran)
            .map(|((t, confirmed), runs)| Scored {
                planned: Some(t.outcome),
                confirmed: Some(confirmed),
                candidate: t.candidate,
                runs: runs.into_iter().take(whole).flatten().collect(),
            });
        Ok(scored.collect())
    }

    fn progress(&self, what: &str, runs: &[Run], settings: u32) -> Result<Progress, Failure> {
        let mut length = Duration::ZERO;
        for run in runs {
            length += self.scenario(run, &self.knobs.space().start)?.duration;
        }
        let what = format!("{what} {}", self.name);
        Ok(Progress::new(&what, length.saturating_mul(settings)))
    }

    fn scenario(&self, run: &Run, candidate: &Candidate) -> Result<Scenario, Failure> {
        let (edits, manifests) = self.knobs.edits(candidate)?;
        let sets: Vec<Set> = self.sets.iter().cloned().chain(edits).collect();
        let mut scenario = run.day.scenario(&sets, &manifests)?;
        scenario.seed = run.seed;
        Ok(scenario)
    }

    /// Each setting in each run, run by run: what it came to, or nothing if it was not run to its end.
    fn all(
        &self,
        candidates: &[Candidate],
        runs: &[Run],
        rough: bool,
        progress: &Progress,
    ) -> Result<Vec<Vec<Option<Figures>>>, Failure> {
        let around = Around {
            halt: self.halt,
            progress,
        };
        let cells: Vec<(&Run, &Candidate)> = runs
            .iter()
            .flat_map(|run| candidates.iter().map(move |candidate| (run, candidate)))
            .collect();
        let ran = pool::in_order(&cells, self.jobs, |(run, candidate)| {
            (!self.halt.is_asked()).then(|| self.one(run, candidate, rough, around))
        });
        let mut by_candidate = vec![Vec::with_capacity(runs.len()); candidates.len()];
        for (place, ran) in ran.into_iter().enumerate() {
            let figures = ran.transpose()?.flatten();
            by_candidate[place % candidates.len().max(1)].push(figures);
        }
        Ok(by_candidate)
    }

    fn learn_waits(&self, progress: &Progress) -> Result<(), Failure> {
        let around = Around {
            halt: self.halt,
            progress,
        };
        if let Some(run) = self.searched.first() {
            let scenario = Arc::new(self.scenario(run, &self.knobs.space().start)?);
            let (_, waits) = planned::run(&scenario, PlannerWaits::default(), around)?;
            self.waits.get_or_init(|| waits);
        }
        Ok(())
    }

    fn one(
        &self,
        run: &Run,
        candidate: &Candidate,
        rough: bool,
        around: Around<'_>,
    ) -> Result<Option<Figures>, Failure> {
        let scenario = Arc::new(self.scenario(run, candidate)?);
        if rough {
            let waits = self.waits.get().cloned().unwrap_or_default();
            let (figures, _) = planned::run(&scenario, waits, around)?;
            return Ok((!self.halt.is_asked()).then_some(figures));
        }
        let policies = wiring::policies(&scenario, scenario.starts).map_err(Failure::usage)?;
        let header = simulating::header(&scenario, String::new());
        let record = simulating::remember(&scenario, policies, header, around)?;
        Ok((!self.halt.is_asked()).then(|| Figures::of(&Analysis::of(&record))))
    }
}

/// What a setting came to; nothing if it was not run to the end everywhere.
fn outcome(runs: &[Option<Figures>]) -> Option<Outcome> {
    let all: Option<Vec<Figures>> = runs.iter().cloned().collect();
    Outcome::of(&all?)
}
