//! What the engine's policies must not forget, a file for each workload.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scaler::PolicyState;

use crate::exit::Failure;

/// The folder.
pub(super) struct Memory(PathBuf);

impl Memory {
    pub(super) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    fn file(&self, workload: &str) -> PathBuf {
        // Names have no `/`: the file is in the folder.
        self.0.join(format!("{workload}.json"))
    }

    /// What is kept of a workload's policy; nothing if nothing is.
    pub(super) fn read(&self, workload: &str) -> Result<Option<PolicyState>, Failure> {
        let path = self.file(workload);
        let name = path.display();
        let text = match std::fs::read(&path) {
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
                "{name} is no policy's state: {error}\n  = to begin anew, name another folder with --state"
            ))
        })
    }

    /// Keeps it, whole or not at all.
    pub(super) fn write(&self, workload: &str, state: &PolicyState) -> Result<(), Failure> {
        let json = serde_json::to_vec(state)?;
        let path = self.file(workload);
        let write = || {
            std::fs::create_dir_all(&self.0)?;
            reports::files::write(&path, |to| to.write_all(&json))
        };
        write()
            .with_context(|| format!("writing the state {}", path.display()))
            .map_err(Failure::from)
    }
}
