//! `rushhour report`.

use reports::record::{ReadError, Record};

use crate::args::ReportArgs;
use crate::exit::Failure;
use crate::{Done, results};

pub(crate) fn run(args: &ReportArgs) -> Done {
    let record = Record::read(&args.run).map_err(|error: ReadError| Failure::usage(error))?;
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
        .unwrap_or_else(|| std::path::Path::new("."));
    std::fs::create_dir_all(folder).map_err(|e| {
        Failure::usage(anyhow::anyhow!(
            "cannot make the folder {}: {e}",
            folder.display()
        ))
    })?;
    results::report(&record, folder, &args.result)
}
