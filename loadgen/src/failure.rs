//! How requests fail, told apart and counted.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// What went wrong with a request.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Nobody listens.
    Refused,
    /// No connection came about, for another reason.
    Connect,
    /// This machine has no file descriptor or port left: the generator's failure, not the target's.
    OutOfSockets,
    /// The connection broke before the answer was complete.
    Broken,
    /// What came is not HTTP.
    Garbage,
    /// The answer's head or body is longer than is read.
    TooLong,
    /// The request cannot be written as HTTP, such as a header with a line break in it.
    Unsendable,
    /// An answer that says no.
    Status(u16),
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::Connect => f.write_str("no connection"),
            Self::OutOfSockets => f.write_str("out of files or ports on this machine"),
            Self::Broken => f.write_str("connection broken"),
            Self::Garbage => f.write_str("not HTTP"),
            Self::TooLong => f.write_str("answer too long"),
            Self::Unsendable => f.write_str("request cannot be written"),
            Self::Status(status) => write!(f, "status {status}"),
        }
    }
}

impl FailureKind {
    /// What a failed connect or a broken stream means.
    pub(crate) fn of_connect(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::AddrNotAvailable => Self::OutOfSockets,
            _ if is_out_of_files(error) => Self::OutOfSockets,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Broken,
            _ => Self::Connect,
        }
    }

    /// What hyper's error means once there was a connection.
    pub(crate) fn of_exchange(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            Self::TooLong
        } else if error.is_parse() {
            Self::Garbage
        } else if error.is_user() {
            Self::Unsendable
        } else {
            Self::Broken
        }
    }
}

/// EMFILE or ENFILE.
fn is_out_of_files(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE]
        .iter()
        .any(|e| Some(e.raw_os_error()) == code)
}

/// One failure, with what was being asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// How many there were of its kind.
    pub count: u64,
    /// The page of the first, as `journey/page`.
    pub page: String,
    /// What the first said.
    pub example: String,
}

/// Failures by their kind: every failed request, and every failed try before a retry.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Failures(pub BTreeMap<FailureKind, Failure>);

impl Failures {
    /// Counts one; `example` is asked for the first of its kind only.
    pub(crate) fn count(&mut self, kind: FailureKind, page: &str, example: &str) {
        self.0
            .entry(kind)
            .or_insert_with(|| Failure {
                count: 0,
                page: page.into(),
                example: example.chars().take(200).collect(),
            })
            .count += 1;
    }

    /// Adds all of `other`'s; the first example stays.
    pub(crate) fn add(&mut self, other: Self) {
        for (kind, more) in other.0 {
            match self.0.get_mut(&kind) {
                Some(known) => known.count += more.count,
                None => drop(self.0.insert(kind, more)),
            }
        }
    }

    /// The kinds, the most frequent first.
    #[must_use]
    pub fn by_count(&self) -> Vec<(FailureKind, &Failure)> {
        let mut all: Vec<_> = self.0.iter().map(|(kind, f)| (*kind, f)).collect();
        all.sort_by_key(|(kind, failure)| (std::cmp::Reverse(failure.count), *kind));
        all
    }

    /// How many of a kind.
    #[must_use]
    pub fn of(&self, kind: FailureKind) -> u64 {
        self.0.get(&kind).map_or(0, |failure| failure.count)
    }
}
