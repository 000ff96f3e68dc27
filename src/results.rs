//! From a record to everything that is said about it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use reports::analysis::Analysis;
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
    let written = reports::files::write_all(folder, record, &analysis);
    // Nobody is sent to a page that is not there.
    let page = written
        .files
        .iter()
        .any(|file| file.ends_with("report.html"));
    let shown = show(&analysis, page.then_some(folder), args.format);
    let exit = exit_of(analysis.verdict, args);
    let failures: Vec<String> = written.errors.iter().map(ToString::to_string).collect();
    shown?;
    if failures.is_empty() {
        Ok(exit)
    } else {
        Err(Failure::new(
            Exit::Internal,
            anyhow::anyhow!("{}", failures.join("\n")),
        ))
    }
}

fn exit_of(verdict: Verdict, args: &ResultArgs) -> Exit {
    match verdict {
        Verdict::Passed | Verdict::PassedWithWarnings => Exit::Passed,
        Verdict::Failed if args.warn_only => Exit::Passed,
        Verdict::Failed => Exit::Failed,
        Verdict::Invalid => Exit::Inconclusive,
        Verdict::Interrupted => Exit::Interrupted,
    }
}

fn show(analysis: &Analysis, folder: Option<&Path>, format: Format) -> anyhow::Result<()> {
    let text = match format {
        Format::Human => {
            reports::terminal::summary(analysis, folder, WIDTH, output::stdout_style())
        }
        Format::Json => text(|to| reports::json::write(analysis, to))?,
        Format::Junit => text(|to| reports::junit::write(analysis, to))?,
        Format::Markdown => reports::markdown::summary(analysis),
        Format::Github => github(
            analysis,
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
fn github(analysis: &Analysis, page: Option<PathBuf>) -> anyhow::Result<String> {
    let markdown = reports::markdown::summary(analysis);
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
