//! A grid of runs: scenarios, variants and seeds, each run in a folder of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use metrics::Ratio;
use reports::analysis::Analysis;
use reports::figures::Figures;
use reports::grid::Row;
use reports::record::{Header, Record, World};
use scenarios::Scenario;

use super::{Around, header, oracle, record, remember};
use crate::exit::Failure;
use crate::variants::{self, Variant};
use crate::wiring::{self, BoxedPolicy};
use crate::{output, results, scenario_file};

/// One run of a grid.
pub(crate) struct Cell {
    /// The scenario as meant, changed, with its seed and at its speed.
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) variant: Variant,
    /// The command that does it again.
    pub(crate) command: String,
    /// Whether it is planned in rough strokes instead of simulated.
    pub(crate) rough: bool,
}

/// What a grid is made of.
pub(crate) struct Asked<'a> {
    /// The words of the command that does one run again, without its scenario.
    pub(crate) command: &'a str,
    pub(crate) scenarios: &'a [String],
    pub(crate) speed: f64,
    pub(crate) sets: &'a [String],
    pub(crate) variants: &'a [Variant],
    pub(crate) seed: Option<u64>,
    pub(crate) seeds: u32,
    /// Whether it is planned in rough strokes instead of simulated.
    pub(crate) rough: bool,
}

/// All runs, in order: by scenario, then by variant, then by seed.
pub(crate) fn all(asked: &Asked<'_>) -> Result<Vec<Cell>, Failure> {
    let mut cells = Vec::new();
    for name in asked.scenarios {
        let checked = scenario_file::read(name, asked.sets)?;
        output::remarks(&checked.warnings);
        let base = checked.scenario;
        let first = asked.seed.unwrap_or(base.seed);
        for variant in asked.variants {
            let mut sets = scenario_file::parsed(asked.sets)?;
            sets.extend(variant.sets(&base)?);
            let changed = scenario_file::read_with(name, &sets)?.scenario;
            let changed = changed.at_speed(asked.speed).map_err(Failure::usage)?;
            for seed in (0..asked.seeds).map(|n| first.wrapping_add(n.into())) {
                let mut scenario = changed.clone();
                scenario.seed = seed;
                let mut words = vec![asked.command, name.as_str()];
                words.extend(asked.rough.then_some("--rough"));
                let command = variants::again(&words, (asked.speed, asked.sets), variant, seed);
                cells.push(Cell {
                    scenario: Arc::new(scenario),
                    variant: variant.clone(),
                    command,
                    rough: asked.rough,
                });
            }
        }
    }
    Ok(cells)
}

impl Cell {
    /// Where it goes inside the grid's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        let variant: String = self
            .variant
            .name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || "._=-".contains(c) {
                    c
                } else {
                    '-'
                }
            })
            .collect();
        [
            self.scenario.name.as_str(),
            variant.trim_start_matches('.'),
            &format!("seed-{}", self.scenario.seed),
        ]
        .iter()
        .collect()
    }

    /// How long it lasts, with the first looks of an oracle.
    pub(crate) fn length(&self) -> Duration {
        self.scenario.duration
            * if self.variant.is_oracle() && !self.rough {
                oracle::RUNS
            } else {
                1
            }
    }

    fn prepared(
        &self,
        around: Around<'_>,
    ) -> Result<(BTreeMap<String, BoxedPolicy>, Header), Failure> {
        let mut header = header(&self.scenario, self.command.clone());
        if self.rough {
            header.world = World::Planned;
        }
        if !self.variant.is_oracle() {
            let policies = wiring::policies(&self.scenario, self.scenario.starts);
            return Ok((policies.map_err(Failure::usage)?, header));
        }
        let specs = if self.rough {
            let allowed = Ratio::new(1.0 - self.scenario.slo.share.get()).unwrap_or_default();
            simulator::oracles(&self.scenario, allowed)
        } else {
            oracle::policies(&self.scenario, around)?
        };
        for (name, service) in &mut header.services {
            if specs.contains_key(name) {
                service.policy = variants::ORACLE.into();
            }
        }
        let policies = wiring::built(&specs).map_err(Failure::usage)?;
        header.policies = wiring::recorded(specs);
        Ok((policies, header))
    }

    /// Runs it, and writes its record into `folder`.
    pub(crate) fn recorded(&self, folder: &Path, around: Around<'_>) -> Result<Record, Failure> {
        let (policies, header) = self.prepared(around)?;
        record(&self.scenario, policies, header, folder, around)
    }

    /// Runs it, and keeps its record in memory.
    pub(crate) fn remembered(&self, around: Around<'_>) -> Result<Record, Failure> {
        let (policies, header) = self.prepared(around)?;
        remember(&self.scenario, policies, header, around)
    }

    /// Runs it, writes its record and report into its place below `grid`, and says what it came to.
    pub(crate) fn reported(&self, grid: &Path, around: Around<'_>) -> Result<Row, Failure> {
        let place = self.folder();
        let folder = grid.join(&place);
        let record = self.recorded(&folder, around)?;
        let analysis = Analysis::of(&record);
        results::write(&record, &analysis, &folder)?;
        Ok(Row {
            scenario: self.scenario.name.clone(),
            variant: self.variant.name.clone(),
            seed: self.scenario.seed,
            folder: place.to_string_lossy().into_owned(),
            verdict: analysis.verdict,
            figures: Figures::of(&analysis),
        })
    }
}
