//! stdout is the result, stderr the progress. A reader that goes away is a quiet end.

use std::io::{self, IsTerminal as _, Write as _};

use crate::exit::Exit;

/// Writes the result to stdout. If nobody reads any more, the program ends quietly.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            std::process::exit(Exit::Passed as i32)
        }
        result => result,
    }
}

/// Writes an error with its causes to stderr.
pub(crate) fn error(error: &anyhow::Error) {
    let text = shown(&with_causes(error));
    let prefix = if text.starts_with("error") {
        ""
    } else {
        "error: "
    };
    // Nobody can be told that telling failed.
    drop(writeln!(io::stderr(), "{prefix}{text}"));
}

/// An error and its causes, one after the other. Many errors name their cause in their own words: it is not said twice.
pub(crate) fn with_causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// A text as a terminal may show it: names of files and hosts may hold what moves its cursor or turns its writing.
fn shown(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(reports::words::terminal).collect();
    lines.join("\n")
}

/// Writes what is to be said of a scenario to stderr.
pub(crate) fn remarks(remarks: &scenarios::Remarks) {
    drop(write!(io::stderr(), "{}", shown(&remarks.to_string())));
}

/// Writes a line of progress to stderr.
pub(crate) fn progress(line: &str) {
    drop(writeln!(io::stderr(), "{}", shown(line)));
}

/// Whether the result goes to a terminal that wants colours (`NO_COLOR`, `CLICOLOR_FORCE`, `TERM=dumb`).
pub(crate) fn stdout_style() -> reports::terminal::Style {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if !set("NO_COLOR") && (set("CLICOLOR_FORCE") || (io::stdout().is_terminal() && !dumb)) {
        reports::terminal::Style::Color
    } else {
        reports::terminal::Style::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_moves_the_cursor() {
        assert_eq!(shown("a\u{1b}[2J\u{9b}b\u{202e}\nc\r"), "a[2Jb\nc");
    }

    #[test]
    fn a_cause_is_said_once() {
        let full = || io::Error::other("no space left");
        let named = anyhow::Error::new(full()).context("a.json cannot be written: no space left");
        assert_eq!(
            with_causes(&named),
            "a.json cannot be written: no space left"
        );
        let unnamed = anyhow::Error::new(full()).context("writing a.json");
        assert_eq!(with_causes(&unnamed), "writing a.json: no space left");
    }
}
