//! What a policy remembers from one conversation to the next, in a file.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::lines::Saved;
use crate::exit::Failure;

/// The file.
pub(super) struct StateFile(PathBuf);

impl StateFile {
    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// What it holds; nothing if there is none yet.
    pub(super) fn read(&self) -> Result<Option<Saved>, Failure> {
        let name = self.0.display();
        let text = match std::fs::read(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let error =
                    anyhow::Error::new(error).context(format!("cannot read the state {name}"));
                return Err(Failure::usage(error));
            }
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            Failure::usage(anyhow::anyhow!(
                "{name} is no state of `decide`: {error}\n  = to begin anew, name another file with --state"
            ))
        })
    }

    /// Replaces it, whole or not at all.
    pub(super) fn write(&self, saved: &Saved) -> Result<(), Failure> {
        let json = serde_json::to_vec(saved)?;
        let written = reports::files::write(&self.0, |to| to.write_all(&json));
        written
            .with_context(|| format!("writing the state {}", self.0.display()))
            .map_err(Failure::from)
    }
}
