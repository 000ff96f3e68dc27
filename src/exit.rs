//! Exit codes, and the errors that lead to them.

use std::process::ExitCode;

/// How the program ends. The numbers are a promise: see docs/reference/exit-codes.md.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// All is well: every gate held.
    Passed = 0,
    /// A gate failed.
    Failed = 1,
    /// The command or a file was wrong.
    Usage = 2,
    /// The run decides nothing: the load was not delivered, or there were too few samples.
    Inconclusive = 3,
    /// The target could not be reached.
    Unreachable = 4,
    /// Something that should not happen, on our side or the machine's.
    Internal = 5,
    /// Interrupted by Ctrl-C; the partial report is written.
    Interrupted = 130,
    /// Told to end; the partial report is written.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error and the exit code it leads to.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
}

impl Failure {
    pub(crate) fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            error: error.into(),
        }
    }

    /// The same, with what was tried.
    pub(crate) fn during(self, what: &'static str) -> Self {
        Self {
            error: self.error.context(what),
            ..self
        }
    }

    /// A mistake of the user's.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Usage, error)
    }
}

/// Whatever has no better exit code is internal.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(Exit::Internal, error)
    }
}

/// A panic is our fault: say so, say how to tell us, and end with [`Exit::Internal`].
pub(crate) fn install_panic_hook() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        default(info);
        let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        let command = words.collect::<Vec<_>>().join(" ");
        eprintln!("\nThis is a mistake in rushhour, not in what you did.");
        eprintln!("Please report it with the lines above and the command: {command}");
        std::process::exit(Exit::Internal as i32);
    }));
}
