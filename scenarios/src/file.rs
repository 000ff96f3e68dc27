//! The scenario language: from a text to a checked [`Scenario`].
//!
//! A file is read in three steps, each of which goes on after a mistake: YAML to a tree that remembers where everything
//! stands (`tree`), the tree to the parts as written (`written`, `units`, `format`), the parts to a scenario as meant
//! (`meaning`). All mistakes are told at once (`mistake`).

mod format;
mod library;
mod meaning;
mod mistake;
mod scaling_text;
mod schema;
mod set;
mod tree;
mod units;
mod words;
mod written;

use std::io::Read;

use crate::{Engine, Scenario};
use mistake::{Concern, Found, Source};
use written::Written as _;

pub use library::{library, library_like, library_scenario, template};
pub use mistake::{Mistake, Mistakes, Remarks};
pub use scaling_text::ScalingText;
pub use schema::{engine_schema, schema};
pub use set::Set;

/// Where the files come from that a scenario names: traces, measured times, autoscaler manifests.
///
/// Names are relative, without `..` and NUL: others are refused before they get here. Whoever implements this resolves
/// them inside the scenario's own folder only.
pub trait Files {
    /// Opens the file `name` for reading.
    ///
    /// # Errors
    /// If it is not there or must not be read.
    fn open(&self, name: &str) -> std::io::Result<Box<dyn Read>>;
}

/// No files at all: for scenarios that name none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn open(&self, _: &str) -> std::io::Result<Box<dyn Read>> {
        Err(std::io::Error::new(
            std::io::ErrorKind::NotFound,
            "there is no folder beside this scenario",
        ))
    }
}

/// A scenario without mistakes, and what is still to be said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The scenario.
    pub scenario: Scenario,
    /// What works, but perhaps not as it was meant, in whatever world.
    pub warnings: Remarks,
    /// What the local world leaves out: a run there is another experiment than the simulated one.
    pub left_out: Remarks,
    /// What the local world cannot do: it must not run the scenario.
    pub beyond_local: Remarks,
}

impl Scenario {
    /// Reads a scenario as [`Scenario::checked`] does, without what is to be said of one that has no mistakes.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn read(
        name: &str,
        text: &[u8],
        files: &dyn Files,
        sets: &[Set],
    ) -> Result<Self, Mistakes> {
        Self::checked(name, text, files, sets).map(|checked| checked.scenario)
    }

    /// Reads a scenario from the text of a file called `name`, with the values in `sets` changed.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn checked(
        name: &str,
        text: &[u8],
        files: &dyn Files,
        sets: &[Set],
    ) -> Result<Checked, Mistakes> {
        let mut found = Found::default();
        let text = tree::text_of(text, &mut found);
        let mut sources = vec![Source {
            name: name.to_owned(),
            text,
        }];
        let scenario = if found.any() {
            None
        } else {
            read(&mut sources, &mut found, files, sets)
        };
        match scenario {
            Some(scenario) if !found.any() => Ok(Checked {
                scenario,
                warnings: found.remarks(Concern::Doubtful, &sources),
                left_out: found.remarks(Concern::LeftOut, &sources),
                beyond_local: found.remarks(Concern::BeyondLocal, &sources),
            }),
            _ => Err(found.told(&sources)),
        }
    }
}

impl Engine {
    /// Reads an engine from the text of a file called `name`, by the same rules as a scenario.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn read(name: &str, text: &[u8], files: &dyn Files) -> Result<Self, Mistakes> {
        let mut found = Found::default();
        let text = tree::text_of(text, &mut found);
        let mut sources = vec![Source {
            name: name.to_owned(),
            text,
        }];
        let mut engine = None;
        if !found.any()
            && let Some(root) = tree::parse(0, 0, &sources[0].text, &mut found)
            && let Some(file) = format::EngineFile::read(&root, &mut found)
        {
            engine = meaning::engine(&file, &mut found, files, &mut sources);
        }
        match engine {
            Some(engine) if !found.any() => Ok(engine),
            _ => Err(found.told(&sources)),
        }
    }
}

fn read(
    sources: &mut Vec<Source>,
    found: &mut Found,
    files: &dyn Files,
    sets: &[Set],
) -> Option<Scenario> {
    let mut root = tree::parse(0, 0, &sources[0].text, found)?;
    for set in sets {
        let source = sources.len();
        sources.push(Source {
            name: set.name().to_owned(),
            text: set.text().to_owned(),
        });
        set.apply(source, &mut root, found);
    }
    let file = format::ScenarioFile::read(&root, found)?;
    Some(meaning::scenario(&file, found, files, sources))
}

#[cfg(test)]
mod tests;
