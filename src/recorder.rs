//! Where everything that happens in a run ends up: the journal, and what the live line shows.

use std::path::{Path, PathBuf};

use metrics::Timestamp;
use reports::journal::{Journal, JournalError};
use reports::record::{Event, Record};

use crate::live::Live;
use crate::output;

/// Writes the record, and keeps it in memory as well: if the disk is full, there is still something to report.
pub(crate) struct Recorder {
    journal: Journal,
    memory: Vec<Event>,
    live: Live,
    failure: Option<JournalError>,
}

impl Recorder {
    /// Begins a record in `folder`.
    pub(crate) fn create(folder: &Path, live: Live) -> Result<Self, JournalError> {
        Ok(Self {
            journal: Journal::create(folder)?,
            memory: Vec::new(),
            live,
            failure: None,
        })
    }

    /// Takes an event.
    pub(crate) fn take(&mut self, event: Event) {
        self.live.see(&event);
        let result = self.journal.append(&event);
        self.note(result);
        self.memory.push(event);
    }

    /// Flushes what is due, and draws the live line anew.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        let result = self.journal.tick(now);
        self.note(result);
        self.live.draw(now);
    }

    /// The first failure is said at once; the run goes on.
    fn note(&mut self, result: Result<(), JournalError>) {
        if let Err(error) = result
            && self.failure.is_none()
        {
            output::progress(&format!(
                "warning: {error}; the run goes on, the record may be incomplete"
            ));
            self.failure = Some(error);
        }
    }

    /// Ends the record. If it could not be written, what was kept in memory comes with the reason.
    pub(crate) fn finish(self) -> Finished {
        self.live.clear();
        let result = self.journal.finish();
        match (self.failure, result) {
            (None, Ok(folder)) => Finished::Written(folder),
            (Some(error), _) | (None, Err(error)) => {
                Finished::Kept(Record::from_events(self.memory).map(Box::new), error)
            }
        }
    }
}

/// What there is of a record after a run.
pub(crate) enum Finished {
    /// All of it, in this folder.
    Written(PathBuf),
    /// It could not be written; this is what was kept in memory.
    Kept(Option<Box<Record>>, JournalError),
}
