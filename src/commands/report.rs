//! `rushhour report`.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;
use reports::record::{ReadError, Record};

use crate::args::ReportArgs;
use crate::exit::Failure;
use crate::{Done, results};

pub(crate) fn run(args: &ReportArgs) -> Done {
    let record = read(&args.run)?;
    let beside = if args.run.is_dir() {
        Some(args.run.as_path())
    } else {
        args.run.parent()
    };
    let folder = args
        .result
        .out
        .as_deref()
        .or(beside)
        .unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
        .map_err(Failure::at_start)?;
    results::report(&record, folder, &args.result)
}

/// Reads the record of a run.
pub(crate) fn read(run: &Path) -> Result<Record, Failure> {
    Record::read(run).map_err(|error| unreadable(run, error))
}

/// A record that is not there is told from one that is no good.
fn unreadable(run: &Path, error: ReadError) -> Failure {
    Failure::usage(match error {
        ReadError::Io { path, source } if source.kind() == ErrorKind::NotFound => {
            let what = if run.is_dir() {
                format!("there is no record in {}", run.display())
            } else {
                format!("there is no file or folder {}", path.display())
            };
            let rule = "a run's folder, or the record.jsonl in it: `run` names it at its end, as in runs/my-sale-20261127T115000";
            anyhow::anyhow!("{what}\n  = {rule}")
        }
        error => error.into(),
    })
}
