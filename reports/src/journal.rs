//! Writing a record while the run goes on.
//!
//! It reads no clock: whoever writes says what time it is. From [`ROTATE_AT`] bytes on it continues in a second file,
//! compressed, one gzip member for each flush: both files together are the record, and each flush can be read as soon
//! as it is written.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use metrics::Timestamp;

use crate::record::{CONTINUED, Encoder, Event, FILE};

/// How long events may wait in memory.
pub const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// The size from which on a record is compressed, in bytes.
pub const ROTATE_AT: u64 = 20_000_000;
/// How much may wait in memory before it is written without being asked, in bytes.
const MOST_WAITING: usize = 1 << 20;
/// How much may wait in memory while it cannot be written, in bytes; beyond it events are refused.
const MOST_UNWRITTEN: usize = 64 << 20;

/// Why a record cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is one already.
    #[error("{}: there is a record already; a record is never overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made.
    #[error("{}: cannot be created: {source}", path.display())]
    Create {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("{}: {bytes} bytes cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// How many bytes are waiting.
        bytes: usize,
        /// The system's answer.
        source: io::Error,
    },
}

/// A record being written.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    form: Form,
    rotate_at: u64,
    /// The length of the file up to the last complete flush.
    length: u64,
    waiting: Vec<u8>,
    flushed: Option<Timestamp>,
    encoder: Encoder,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Plain,
    Gzip,
}

impl Journal {
    /// Begins a record in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// If there is a record in it already, or the file cannot be made.
    pub fn create(folder: &Path) -> Result<Self, JournalError> {
        fs::create_dir_all(folder).map_err(|source| JournalError::Create {
            path: folder.to_owned(),
            source,
        })?;
        let path = folder.join(FILE);
        Ok(Self {
            file: create(&path)?,
            folder: folder.to_owned(),
            path,
            form: Form::Plain,
            rotate_at: ROTATE_AT,
            length: 0,
            waiting: Vec::new(),
            flushed: None,
            encoder: Encoder::default(),
        })
    }

    /// Takes an event. It is on disk after the next flush, at the latest when 1 MiB is waiting.
    ///
    /// # Errors
    /// If so much is waiting that it had to be written and could not be. The event is kept, and the next flush tries
    /// again; only with 64 MiB waiting it is refused.
    pub fn append(&mut self, event: &Event) -> Result<(), JournalError> {
        if self.waiting.len() >= MOST_UNWRITTEN {
            return self.flush().and_then(|()| self.append(event));
        }
        let json = self.encoder.encode(event);
        let sum = crc32fast::hash(&json);
        self.waiting.extend(json);
        self.waiting.extend(format!("\t{sum:08x}\n").bytes());
        if self.waiting.len() >= MOST_WAITING {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is waiting if the last time was [`FLUSH_EVERY`] or longer before `now`.
    ///
    /// # Errors
    /// As [`Journal::flush`].
    pub fn tick(&mut self, now: Timestamp) -> Result<(), JournalError> {
        let since = *self.flushed.get_or_insert(now);
        if now.since(since) >= FLUSH_EVERY {
            self.flushed = Some(now);
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is waiting.
    ///
    /// # Errors
    /// If it cannot be written. Then it is still waiting, what was written of it is taken back as far as the system
    /// allows, and the next flush tries again.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if self.form == Form::Plain && self.length >= self.rotate_at {
            self.rotate()?;
        }
        let result = match self.form {
            Form::Plain => self
                .file
                .write_all(&self.waiting)
                .map(|()| self.waiting.len()),
            Form::Gzip => gzip(&self.waiting)
                .and_then(|member| self.file.write_all(&member).map(|()| member.len())),
        };
        match result {
            Ok(bytes) => {
                self.length += bytes as u64;
                self.waiting.clear();
                Ok(())
            }
            Err(source) => {
                // Best effort: a reader copes with a torn end, so a failure here loses nothing more.
                self.file.set_len(self.length).ok();
                Err(self.failed(source))
            }
        }
    }

    /// Writes what is waiting and makes sure that it is on the disk.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> Result<PathBuf, JournalError> {
        self.flush()?;
        self.file.sync_all().map_err(|source| self.failed(source))?;
        Ok(self.folder)
    }

    fn failed(&self, source: io::Error) -> JournalError {
        JournalError::Write {
            path: self.path.clone(),
            bytes: self.waiting.len(),
            source,
        }
    }

    fn rotate(&mut self) -> Result<(), JournalError> {
        let path = self.folder.join(CONTINUED);
        self.file = create(&path)?;
        self.path = path;
        self.form = Form::Gzip;
        self.length = 0;
        Ok(())
    }
}

/// A new file; never one that is there, and never through a link.
fn create(path: &Path) -> Result<File, JournalError> {
    let made = File::options().append(true).create_new(true).open(path);
    made.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => JournalError::Exists {
            path: path.to_owned(),
        },
        _ => JournalError::Create {
            path: path.to_owned(),
            source,
        },
    })
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests;
