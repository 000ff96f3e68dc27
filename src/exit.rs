//! Exit codes, and the errors that lead to them.

use std::io::{self, ErrorKind};
use std::process::ExitCode;

use crate::output;

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

    /// What kept something from its beginning: a full disk is nobody's mistake, all else is the user's.
    pub(crate) fn at_start(error: impl Into<anyhow::Error>) -> Self {
        let error = error.into();
        if !error.chain().any(is_the_disk) {
            return Self::usage(error);
        }
        let advice = "free some room there, or name another folder with --out";
        Self::new(
            Exit::Internal,
            anyhow::anyhow!("{}\n  = {advice}", output::with_causes(&error)),
        )
    }
}

/// Whether it is that a disk is full or does not work.
fn is_the_disk(cause: &(dyn std::error::Error + 'static)) -> bool {
    let io = cause.downcast_ref::<io::Error>();
    let shop = cause.downcast_ref::<shop::ShopError>();
    let is_eio = |e: &io::Error| e.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    let is_full =
        |e: &io::Error| matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    io.is_some_and(|e| is_full(e) || is_eio(e)) || shop.is_some_and(shop::ShopError::is_the_disk)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_nobodys_mistake() {
        let of = |kind| {
            let cause = anyhow::Error::new(io::Error::from(kind));
            Failure::at_start(cause.context("cannot make the folder out"))
        };
        let full = of(ErrorKind::StorageFull);
        assert_eq!(full.exit, Exit::Internal);
        let text = full.error.to_string();
        for part in ["cannot make the folder out: ", "--out"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(of(ErrorKind::QuotaExceeded).exit, Exit::Internal);
        assert_eq!(of(ErrorKind::PermissionDenied).exit, Exit::Usage);
    }
}
