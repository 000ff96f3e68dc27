//! The lines of a text that may be compressed and may be hostile.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::{ROWS_MAX, TraceError, TraceProblem};

/// The longest line, in bytes.
pub(super) const LINE_MAX: usize = 1024;

/// The most text, in bytes.
pub(super) const TEXT_MAX: u64 = 256 << 20;

/// How many times longer than its compressed form a text may be. Counts and times shrink to a twentieth at best.
pub(super) const GROWTH_MAX: u64 = 200;

/// Growth is not judged below this size, in bytes.
const GROWTH_FREE: u64 = 1 << 20;

/// How gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The input from its beginning again, counted.
type Input<R> = BufReader<Counted<Chain<Cursor<Vec<u8>>, R>>>;

/// Lines of an input, one at a time.
pub(super) struct Lines<R: Read> {
    /// Nothing until the first line is asked for.
    text: Option<Text<R>>,
    input: Option<R>,
    buffer: Vec<u8>,
    /// The number of the last line, from 1.
    pub(super) line: u64,
    /// Bytes of text so far.
    bytes: u64,
}

enum Text<R: Read> {
    Plain(Input<R>),
    Gzip(BufReader<MultiGzDecoder<Input<R>>>),
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            text: None,
            input: Some(input),
            buffer: vec![],
            line: 0,
            bytes: 0,
        }
    }

    /// What went wrong, and where.
    pub(super) fn error(&self, file: &str, problem: TraceProblem) -> TraceError {
        TraceError {
            file: file.to_owned(),
            line: self.line.max(1),
            problem,
        }
    }

    /// The next line that is not empty, without its end.
    pub(super) fn next(&mut self) -> Result<Option<&str>, TraceProblem> {
        while self.read_line()? {
            let blank = self.buffer.iter().all(u8::is_ascii_whitespace);
            if !blank {
                let text = std::str::from_utf8(&self.buffer);
                let text =
                    text.map_err(|_| TraceProblem::Unreadable("not UTF-8 text".to_owned()))?;
                return Ok(Some(text.trim_ascii_end()));
            }
        }
        Ok(None)
    }

    /// Reads a line into the buffer; whether there was one.
    fn read_line(&mut self) -> Result<bool, TraceProblem> {
        let unreadable = |error: io::Error| TraceProblem::Unreadable(error.to_string());
        if let Some(input) = self.input.take() {
            self.text = Some(Text::open(input).map_err(unreadable)?);
        }
        let Some(text) = &mut self.text else {
            return Ok(false);
        };
        self.buffer.clear();
        let limit = LINE_MAX as u64 + 1;
        let read = match text {
            Text::Plain(plain) => plain.take(limit).read_until(b'\n', &mut self.buffer),
            Text::Gzip(gzip) => gzip.take(limit).read_until(b'\n', &mut self.buffer),
        };
        self.line += 1;
        let read = read.map_err(unreadable)?;
        self.bytes += read as u64;
        if read > LINE_MAX {
            return Err(TraceProblem::LongLine);
        }
        // The first line names the columns.
        if read > 0 && self.line > ROWS_MAX as u64 + 1 {
            return Err(TraceProblem::TooManyRows);
        }
        if self.bytes > TEXT_MAX {
            return Err(TraceProblem::TooMuchText);
        }
        match &self.text {
            Some(Text::Gzip(gzip)) => {
                let packed = gzip.get_ref().get_ref().get_ref().count;
                if self.bytes > GROWTH_FREE && self.bytes > GROWTH_MAX * packed {
                    return Err(TraceProblem::Bomb);
                }
            }
            Some(Text::Plain(_)) | None => {}
        }
        Ok(read > 0)
    }
}

impl<R: Read> Text<R> {
    fn open(mut input: R) -> io::Result<Self> {
        let mut start = vec![];
        input
            .by_ref()
            .take(GZIP.len() as u64)
            .read_to_end(&mut start)?;
        let packed = start == GZIP;
        let whole = BufReader::new(Counted {
            inner: Cursor::new(start).chain(input),
            count: 0,
        });
        Ok(if packed {
            Self::Gzip(BufReader::new(MultiGzDecoder::new(whole)))
        } else {
            Self::Plain(whole)
        })
    }
}

/// Counts what is read through it.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}
