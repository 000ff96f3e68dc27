//! The files beside a record. Each is written whole or not at all, and one that fails does not keep the others away.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::analysis::Analysis;
use crate::comparison::{Comparison, Prediction};
use crate::record::Record;
use crate::{charts, hlog, json, junit, markdown, page};

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be written: {source}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The system's answer.
    pub source: io::Error,
}

/// Which files there are now, and which there are not.
#[derive(Debug, Default)]
pub struct Written {
    /// Those that were written.
    pub files: Vec<PathBuf>,
    /// Those that were not. An older file of the same name is still whole.
    pub errors: Vec<FileError>,
}

type Content<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<()> + 'a>;

/// Writes `report.html`, its first picture `hero.svg`, `report.json`, `junit.xml`, `summary.md` and `latency.hlog` into
/// `folder`, each to a temporary file that then takes its name.
#[must_use]
pub fn write_all(folder: &Path, record: &Record, analysis: &Analysis) -> Written {
    write_all_beside(folder, record, analysis, None)
}

/// As [`write_all`], with how far a prediction was from the run.
#[must_use]
pub fn write_all_beside(
    folder: &Path,
    record: &Record,
    analysis: &Analysis,
    prediction: Option<&Prediction>,
) -> Written {
    let comparison = prediction.map(|p| Comparison::new(p, analysis));
    let comparison = comparison.as_ref();
    let page = || match prediction {
        Some(prediction) => page::html_beside(analysis, prediction),
        None => page::html(analysis),
    };
    let files: [(&str, Content<'_>); 6] = [
        (
            "report.html",
            Box::new(|to| to.write_all(page().as_bytes())),
        ),
        (
            "hero.svg",
            Box::new(|to| to.write_all(charts::hero_svg(analysis).as_bytes())),
        ),
        (
            "report.json",
            Box::new(|to| json::write_beside(analysis, comparison, to)),
        ),
        ("junit.xml", Box::new(|to| junit::write(analysis, to))),
        (
            "summary.md",
            Box::new(|to| to.write_all(markdown::summary_beside(analysis, comparison).as_bytes())),
        ),
        ("latency.hlog", Box::new(|to| hlog::write(record, to))),
    ];
    let mut written = Written::default();
    for (name, content) in files {
        let path = folder.join(name);
        match write(&path, |to| content(to)) {
            Ok(()) => written.files.push(path),
            Err(source) => written.errors.push(FileError { path, source }),
        }
    }
    written
}

/// Writes one file: a temporary one beside it, which then takes its name, so that nobody ever sees half of it.
///
/// # Errors
/// If it cannot be written. What was there before is still there.
pub fn write(path: &Path, content: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    // Left over from a process that had our number and was killed.
    fs::remove_file(&temporary).ok();
    let result = fill(&temporary, content).and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        fs::remove_file(&temporary).ok();
    }
    result
}

fn fill(path: &Path, content: impl Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    // Never through a link that someone put there.
    let mut file = BufWriter::new(File::options().write(true).create_new(true).open(path)?);
    content(&mut file)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()
}

#[cfg(test)]
mod tests;
