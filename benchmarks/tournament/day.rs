//! One day to be simulated, with the seven before it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use metrics::{Replicas, Timestamp};
use scenarios::{Scenario, Set};
use simulator::PlannerWaits;

use super::families::{FAMILIES, Family};
use super::load::{BEFORE, DAY, SLOTS, WORK, Written};
use super::luck::Luck;
use super::traces::{REAL, Real};

const SECONDS: u64 = 86_400;
/// When the eight days start: 2026-01-05T00:00Z.
const STARTS: i64 = 1_767_571_200;

/// A class of days.
#[derive(Clone, Copy)]
pub enum Class {
    Synthetic(Family),
    Real(Real),
}

impl Class {
    pub fn all() -> Vec<Self> {
        let synthetic = FAMILIES.iter().copied().map(Self::Synthetic);
        synthetic
            .chain(REAL.iter().copied().map(Self::Real))
            .collect()
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Synthetic(family) => family.name,
            Self::Real(real) => real.name,
        }
    }

    pub fn about(&self) -> &'static str {
        match self {
            Self::Synthetic(family) => family.about,
            Self::Real(real) => real.about,
        }
    }
}

/// A day of a class, by its seed.
pub struct Day {
    pub class: &'static str,
    pub seed: u64,
    written: Written,
    /// The part of the last day that is simulated, since the start of the eight.
    span: (Duration, Duration),
    /// The highest rate of that part, in requests per second.
    pub peak: f64,
    /// For each quarter of an hour of a day, the median over the days before of the highest rate in it.
    pub median: Vec<f64>,
    /// The rate of each 15 s of the eight days.
    rates: Vec<f64>,
    /// How long requests wait, as far as a planner had to know.
    pub waits: RefCell<PlannerWaits>,
}

impl Day {
    /// The day of this class and seed, of which so many hours are simulated.
    pub fn new(class: &Class, seed: u64, hours: u64, traces: &Path) -> anyhow::Result<Self> {
        let load = match class {
            Class::Synthetic(family) => (family.make)(&mut Luck::new(family.name, seed)),
            Class::Real(real) => real.load(traces, seed)?,
        };
        let name = format!("{}-{seed}", class.name());
        let written = load.written(&name, class.about(), seed);
        let begin = BEFORE as u64 * SECONDS;
        let span = if hours >= 24 {
            (begin, begin + SECONDS)
        } else {
            let before = (load.around - 1200.0 * hours as f64).max(0.0) as u64;
            let from = begin + before.min(SECONDS - hours * 3600) / 60 * 60;
            (from, from + hours * 3600)
        };
        let mut day = Self {
            class: class.name(),
            seed,
            written,
            span: (Duration::from_secs(span.0), Duration::from_secs(span.1)),
            peak: 0.0,
            median: Vec::new(),
            rates: Vec::new(),
            waits: RefCell::default(),
        };
        day.look()?;
        Ok(day)
    }

    /// What its curves say.
    fn look(&mut self) -> anyhow::Result<()> {
        let whole = self.whole(&[])?;
        let rate = |s: u64| whole.page_rate_at(Duration::from_secs(s));
        let (from, to) = (self.span.0.as_secs(), self.span.1.as_secs());
        self.peak = (from..to).step_by(15).map(rate).fold(0.0, f64::max);
        let end = (BEFORE as u64 + 1) * SECONDS;
        self.rates = (0..end).step_by(15).map(rate).collect();
        self.median = (0..96).map(|quarter| self.median_of(quarter)).collect();
        Ok(())
    }

    fn median_of(&self, quarter: usize) -> f64 {
        let of_day = |day: usize| {
            let from = (day * DAY + quarter * 15) * 4;
            self.rates[from..from + 60]
                .iter()
                .copied()
                .fold(0.0, f64::max)
        };
        let mut highest: Vec<f64> = (0..BEFORE).map(of_day).collect();
        highest.sort_by(f64::total_cmp);
        highest[BEFORE / 2]
    }

    /// The eight days with these values changed.
    fn whole(&self, sets: &[String]) -> anyhow::Result<Scenario> {
        let sets = Set::parse_all(sets).map_err(|m| anyhow::anyhow!("{m}"))?;
        Scenario::read(
            "day.yaml",
            self.written.yaml.as_bytes(),
            &self.written,
            &sets,
        )
        .map_err(|m| anyhow::anyhow!("{m}"))
    }

    /// What is simulated, with these values changed. It begins with what its load then needs.
    pub fn last(&self, sets: &[String]) -> anyhow::Result<Arc<Scenario>> {
        self.part(sets, self.span)
    }

    /// The same hours of the day before, for a policy that is tuned on what it has seen.
    pub fn before(&self, sets: &[String]) -> anyhow::Result<Arc<Scenario>> {
        let day = Duration::from_secs(SECONDS);
        self.part(sets, (self.span.0 - day, self.span.1 - day))
    }

    fn part(&self, sets: &[String], span: (Duration, Duration)) -> anyhow::Result<Arc<Scenario>> {
        let mut part = self.whole(sets)?.part(span.0, span.1);
        let rate = part.page_rate_at(Duration::ZERO);
        let stands = sets.iter().any(|s| s.starts_with("services.shop.replicas"));
        if let Some(service) = part.services.get_mut("shop")
            && !stands
        {
            service.replicas = Replicas(((rate * WORK / SLOTS / 0.7).ceil() as u32).max(2));
        }
        Ok(part.shared())
    }

    /// The rates of each 15 s from the first of the days until `part` begins, oldest first, as a collector would have counted
    /// them: with the luck of independent arrivals.
    pub fn history(&self, part: &Scenario) -> Vec<Option<f64>> {
        let mut luck = Luck::new("history", self.seed);
        let before = part.starts.since(Timestamp::from_secs(STARTS)).as_secs() / 15;
        let known = self.rates.iter().take(before as usize);
        known
            .map(|rate| Some((rate + (rate / 15.0).sqrt() * luck.normal()).max(0.0)))
            .collect()
    }

    /// Writes the eight days as a scenario and the file it names. Real traffic stays where it is.
    pub fn write(&self, folder: &Path) -> anyhow::Result<Option<PathBuf>> {
        if !FAMILIES.iter().any(|f| f.name == self.class) {
            return Ok(None);
        }
        let folder = folder.join(format!("{}-{}", self.class, self.seed));
        std::fs::create_dir_all(&folder)?;
        for (name, text) in &self.written.files {
            std::fs::write(folder.join(name), text)?;
        }
        let path = folder.join("days.yaml");
        std::fs::write(&path, &self.written.yaml)?;
        Ok(Some(path))
    }
}
