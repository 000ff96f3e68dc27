//! From a record to everything that is said about it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use reports::analysis::Analysis;
use reports::comparison::{Comparison, Prediction};
use reports::gates::{GateResult, Outcome, Verdict};
use reports::record::Record;

use crate::args::{Format, ResultArgs};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::recorder::Finished;

/// The widest that the summary gets.
const WIDTH: usize = 100;

/// Writes the report of a run that has just ended, prints its summary, and gives the verdict's exit code.
pub(crate) fn of_run(
    finished: Finished,
    folder: &Path,
    args: &ResultArgs,
) -> Result<Exit, Failure> {
    match finished {
        Finished::Written(folder) => {
            let record = Record::read(&folder).context("reading the record back")?;
            report(&record, &folder, args)
        }
        Finished::Kept(record, error) => {
            if let Some(record) = record {
                // The disk may be full: what can be said is said, and the reason is the end's.
                report(&record, folder, args).ok();
            }
            Err(Failure::new(Exit::Internal, error))
        }
    }
}

/// Writes all files of a report into `folder`, prints what was asked for, and gives the verdict's exit code.
pub(crate) fn report(record: &Record, folder: &Path, args: &ResultArgs) -> Result<Exit, Failure> {
    let analysis = Analysis::of(record);
    let predicted = predicted(folder);
    let written = write_beside(record, &analysis, folder, predicted.as_ref());
    // Nobody is sent to a page that is not there.
    let page = folder.join("report.html").exists().then_some(folder);
    show(&analysis, predicted.as_ref(), page, args.format)?;
    written?;
    Ok(exit_of(analysis.verdict, args))
}

/// The folder of a run's prediction, inside the run's own.
pub(crate) const PREDICTED: &str = "predicted";

/// By how much longer each pass through the gateway takes in the nearby predictions. The local shop's own work on a machine
/// with nothing else to do is of this size.
pub(crate) const NEARBY: [Duration; 3] = [
    Duration::from_micros(100),
    Duration::from_micros(200),
    Duration::from_micros(400),
];

/// The folder of a nearby prediction, inside the prediction's own: so much longer takes each pass through the gateway.
pub(crate) fn nearby(longer: Duration) -> String {
    format!("nearby-{}us", longer.as_micros())
}

/// What was predicted of the run in `folder`, if it was.
fn predicted(folder: &Path) -> Option<Prediction> {
    let folder = folder.join(PREDICTED);
    let nearby = NEARBY.map(|longer| folder.join(nearby(longer)));
    Some(Prediction {
        run: read(&folder)?,
        nearby: nearby.iter().filter_map(|folder| read(folder)).collect(),
    })
}

/// The run in `folder`, if there is one. One that cannot be read is left out, and that is said.
fn read(folder: &Path) -> Option<Analysis> {
    if !folder.join(reports::record::FILE).exists() {
        return None;
    }
    match Record::read(folder) {
        Ok(record) => Some(Analysis::of(&record)),
        Err(error) => {
            output::progress(&format!("warning: the prediction is left out: {error}"));
            None
        }
    }
}

/// Writes all files of a report into `folder`.
pub(crate) fn write(record: &Record, analysis: &Analysis, folder: &Path) -> Result<(), Failure> {
    write_beside(record, analysis, folder, None)
}

/// As [`write()`], with how far the prediction was from it.
fn write_beside(
    record: &Record,
    analysis: &Analysis,
    folder: &Path,
    prediction: Option<&Prediction>,
) -> Result<(), Failure> {
    let written = reports::files::write_all_beside(folder, record, analysis, prediction);
    let failures: Vec<String> = written.errors.iter().map(ToString::to_string).collect();
    if failures.is_empty() {
        return Ok(());
    }
    let text = anyhow::anyhow!("{}", failures.join("\n"));
    Err(Failure::new(Exit::Internal, text))
}

/// Writes these files into `folder`, each whole or not at all.
pub(crate) fn write_texts(folder: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    for (name, text) in files {
        let path = folder.join(name);
        reports::files::write(&path, |to| to.write_all(text.as_bytes()))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// The exit code of a verdict.
pub(crate) fn exit_of(verdict: Verdict, args: &ResultArgs) -> Exit {
    match verdict {
        Verdict::Passed | Verdict::PassedWithWarnings => Exit::Passed,
        Verdict::Failed if args.warn_only => Exit::Passed,
        Verdict::Failed => Exit::Failed,
        Verdict::Invalid => Exit::Inconclusive,
        Verdict::Interrupted => Exit::Interrupted,
    }
}

fn show(
    analysis: &Analysis,
    prediction: Option<&Prediction>,
    folder: Option<&Path>,
    format: Format,
) -> anyhow::Result<()> {
    let comparison = prediction.map(|prediction| Comparison::new(prediction, analysis));
    let comparison = comparison.as_ref();
    let text = match format {
        Format::Human => reports::terminal::summary_beside(
            analysis,
            comparison,
            folder,
            WIDTH,
            output::stdout_style(),
        ),
        Format::Json => text(|to| reports::json::write_beside(analysis, comparison, to))?,
        Format::Junit => text(|to| reports::junit::write(analysis, to))?,
        Format::Markdown => reports::markdown::summary_beside(analysis, comparison),
        Format::Github => github(
            analysis,
            &reports::markdown::summary_beside(analysis, comparison),
            std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from),
        )?,
    };
    output::print(&text).context("writing the result")
}

fn text(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<String> {
    let mut bytes = Vec::new();
    write(&mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// The summary as Markdown, added to the job's page if there is one; with an annotation for each gate that did not hold.
fn github(analysis: &Analysis, markdown: &str, page: Option<PathBuf>) -> anyhow::Result<String> {
    if let Some(page) = page {
        let open = std::fs::File::options()
            .append(true)
            .create(true)
            .open(&page);
        let cannot = || format!("adding the summary to {}", page.display());
        open.and_then(|mut file| file.write_all(markdown.as_bytes()))
            .with_context(cannot)?;
    }
    Ok(format!("{}{markdown}", annotations(analysis)))
}

/// A workflow command for each gate that did not hold: GitHub shows them beside the job.
fn annotations(analysis: &Analysis) -> String {
    let escaped = |text: &str| {
        text.replace('%', "%25")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let line = |gate: &GateResult| {
        let level = match gate.outcome {
            Outcome::Pass => return None,
            Outcome::Warn => "warning",
            Outcome::Fail | Outcome::Inconclusive => "error",
        };
        let text = format!("{}: {} {}", gate.gate, gate.value_text(), gate.place);
        Some(format!(
            "::{level} title=rushhour::{}\n",
            escaped(&reports::words::terminal(&text))
        ))
    };
    analysis.gates.iter().filter_map(line).collect()
}
