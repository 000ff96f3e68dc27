//! Reading a record back, whatever became of its end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

use super::delta::{Decoder, WINDOW};
use super::store::speed;
use super::{CONTINUED, Event, FILE, Record, SCHEMA};

/// The longest line read, in bytes: many times what a window with a hundred pages takes.
const LONGEST_LINE: u64 = 64 << 20;

/// How every record begins: what does not was never one.
const BEGINNING: &[u8] = b"{\"event\":\"header\"";

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It does not begin with a header.
    #[error("{}: not a record: it does not begin with a complete header", path.display())]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
    /// It is of another version.
    #[error("{}: a record of schema {found}, this program reads schema {SCHEMA}: use the version of rushhour that wrote it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u64,
    },
    /// A line was changed after it was written.
    #[error("{}:{line}: damaged: the checksum does not fit the line", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
    },
    /// A line's checksum is right, but it is no event of this schema.
    #[error("{}:{line}: not an event: {source}", path.display())]
    NotAnEvent {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Record {
    /// Reads the record in `path`: a run's folder, or the file itself.
    ///
    /// A last line that was not written to its end is left out, with a note in [`Record::notes`].
    ///
    /// # Errors
    /// If there is none, if it is of another version, or if anything but its end is damaged.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let files = files_of(path);
        let mut reading = Reading::default();
        for (index, file) in files.iter().enumerate() {
            reading.file(file, index + 1 == files.len())?;
        }
        let Some(mut record) = reading.record else {
            return Err(ReadError::NoHeader {
                path: files[0].clone(),
            });
        };
        record.settle();
        if reading.torn || record.end.is_none() {
            let note = cut_off(&record);
            record.notes.push(note);
        }
        Ok(record)
    }
}

fn files_of(path: &Path) -> Vec<PathBuf> {
    let (first, folder) = if path.is_dir() {
        (path.join(FILE), Some(path))
    } else {
        let is_first = path.file_name().is_some_and(|name| name == FILE);
        (path.to_owned(), path.parent().filter(|_| is_first))
    };
    let continued = folder.map(|f| f.join(CONTINUED)).filter(|p| p.exists());
    [Some(first), continued].into_iter().flatten().collect()
}

fn cut_off(record: &Record) -> String {
    let at = crate::words::clock(record.scenario_s(record.last));
    let most = speed(&record.header).max(1.0);
    format!(
        "The run was cut off after {at}; at most {} of it are missing from the record.",
        crate::words::seconds(most)
    )
}

#[derive(Default)]
struct Reading {
    record: Option<Record>,
    decoder: Decoder,
    torn: bool,
}

#[derive(Deserialize)]
struct Peek {
    event: String,
    #[serde(default)]
    schema: u64,
}

impl Reading {
    fn file(&mut self, path: &Path, last: bool) -> Result<(), ReadError> {
        let io = |source| ReadError::Io {
            path: path.to_owned(),
            source,
        };
        let mut plain = BufReader::with_capacity(1 << 16, File::open(path).map_err(io)?);
        let gzip = plain.fill_buf().map_err(io)?.starts_with(&[0x1f, 0x8b]);
        let mut lines: Box<dyn BufRead> = if gzip {
            Box::new(BufReader::new(MultiGzDecoder::new(plain)))
        } else {
            Box::new(plain)
        };
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            match lines
                .by_ref()
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)
            {
                Ok(0) => break,
                Ok(_) => {}
                // The last member of a gzip file was not written to its end.
                Err(e) if e.kind() == ErrorKind::UnexpectedEof && last => {
                    self.torn = true;
                    break;
                }
                Err(source) => return Err(io(source)),
            }
            if let Some(json) = verified(&line) {
                self.line(json, path, number)?;
            } else if last && at_end(lines.as_mut()) {
                self.torn = true;
                break;
            } else if self.record.is_none() && !line.starts_with(BEGINNING) {
                return Err(ReadError::NoHeader {
                    path: path.to_owned(),
                });
            } else {
                return Err(ReadError::Damaged {
                    path: path.to_owned(),
                    line: number,
                });
            }
        }
        Ok(())
    }

    fn line(&mut self, json: &[u8], path: &Path, line: u64) -> Result<(), ReadError> {
        let path = || path.to_owned();
        let wrong = |source| ReadError::NotAnEvent {
            path: path(),
            line,
            source,
        };
        if self.record.is_none() {
            let peek: Peek = serde_json::from_slice(json).map_err(wrong)?;
            if peek.event != "header" {
                return Err(ReadError::NoHeader { path: path() });
            }
            if peek.schema != u64::from(SCHEMA) {
                return Err(ReadError::Version {
                    path: path(),
                    found: peek.schema,
                });
            }
        }
        if let Some(record) = self.record.as_mut().filter(|_| json.starts_with(WINDOW)) {
            return record.push_packed(json).map_err(wrong);
        }
        match (self.decoder.decode(json).map_err(wrong)?, &mut self.record) {
            (Event::Header(header), None) => self.record = Some(Record::new(*header)),
            (event, Some(record)) => record.push(event),
            (_, None) => return Err(ReadError::NoHeader { path: path() }),
        }
        Ok(())
    }
}

/// The line's JSON if the line is whole and its checksum fits.
fn verified(line: &[u8]) -> Option<&[u8]> {
    let line = line.strip_suffix(b"\n")?;
    let (json, sum) = line.split_at_checked(line.len().checked_sub(9)?)?;
    let sum = std::str::from_utf8(sum).ok()?.strip_prefix('\t')?;
    (u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(json)).then_some(json)
}

fn at_end(lines: &mut dyn BufRead) -> bool {
    match lines.fill_buf() {
        Ok(rest) => rest.is_empty(),
        Err(e) => e.kind() == ErrorKind::UnexpectedEof,
    }
}
