//! A record in memory: small enough for a simulated day, because windows and observations stay packed.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use metrics::{Timestamp, Window};
use scaler::{Decision, Observation, Status, WriteOutcome};

use super::delta::{Decoder, Encoder};
use super::packed::{self, Texts, pack, unpack};
use super::{Audit, End, Event, Header, Host};

/// All that happened in a run.
#[derive(Clone, Debug)]
pub struct Record {
    /// What was to be done.
    pub header: Header,
    /// Where and when, if the run had a place and a time.
    pub host: Option<Host>,
    /// What was decided, in the order of time.
    pub decisions: Vec<Decided>,
    /// What became of it, in the order of time.
    pub written: Vec<Settled>,
    /// What broke, in the order of time.
    pub faults: Vec<Broke>,
    /// What the audit found.
    pub audit: Option<Audit>,
    /// How it ended; nothing if it was cut off.
    pub end: Option<End>,
    /// What a reader must know about the record itself, in sentences.
    pub notes: Vec<String>,
    /// The last instant that is spoken of.
    pub last: Timestamp,
    pub(super) windows: Windows,
    pub(super) observations: Observations,
}

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The workload.
    pub workload: String,
    /// The observation's instant.
    pub at: Timestamp,
    /// The decision.
    pub decision: Decision,
}

/// What became of a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// The workload.
    pub workload: String,
    /// The decision's instant.
    pub at: Timestamp,
    /// Whether it was written.
    pub outcome: WriteOutcome,
    /// How the policy sees things after it.
    pub status: Status,
}

/// Something that broke, or was mended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broke {
    /// When it happened.
    pub at: Timestamp,
    /// How long it lasts; zero for what happens at once.
    pub lasts: Duration,
    /// The service it hit, if it hit one.
    pub service: Option<String>,
    /// What happened, for people.
    pub what: String,
}

impl Record {
    /// An empty record of what was to be done.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self {
            last: header.start,
            header,
            host: None,
            decisions: Vec::new(),
            written: Vec::new(),
            faults: Vec::new(),
            audit: None,
            end: None,
            notes: Vec::new(),
            windows: Windows::default(),
            observations: Observations::default(),
        }
    }

    /// A record of events, as a run emits them; nothing if there is no header among them.
    pub fn from_events(events: impl IntoIterator<Item = Event>) -> Option<Self> {
        let mut events = events.into_iter();
        let header = events.by_ref().find_map(|e| match e {
            Event::Header(header) => Some(*header),
            _ => None,
        })?;
        let mut record = Self::new(header);
        for event in events {
            record.push(event);
        }
        record.settle();
        Some(record)
    }

    /// Adds an event. A second header is ignored.
    pub fn push(&mut self, event: Event) {
        if let Some(at) = instant(&event) {
            self.last = self.last.max(at);
        }
        match event {
            Event::Header(_) => {}
            Event::Host(host) => self.host = Some(host),
            Event::Window(window) => self.push_window(window),
            Event::Observation {
                workload,
                observation,
            } => self.observations.push(workload, observation),
            Event::Decision {
                workload,
                at,
                decision,
            } => self.decisions.push(Decided {
                workload,
                at,
                decision,
            }),
            Event::Written {
                workload,
                at,
                outcome,
                status,
            } => self.written.push(Settled {
                workload,
                at,
                outcome,
                status,
            }),
            Event::Fault {
                at,
                lasts,
                service,
                what,
            } => self.faults.push(Broke {
                at,
                lasts,
                service,
                what,
            }),
            Event::Audit(audit) => self.audit = Some(audit),
            Event::End(end) => self.end = Some(end),
        }
    }

    /// Adds a window or a piece of one.
    fn push_window(&mut self, mut window: Window) {
        self.last = self.last.max(window.start);
        window.start = self.header.grid.window_of(window.start);
        self.windows.add(window);
    }

    /// Adds a window or a piece of one by the JSON of its line.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn push_packed(&mut self, json: &[u8]) -> Result<(), serde_json::Error> {
        let start = packed::check(json)?;
        if self.header.grid.window_of(start) == start && !self.windows.has(start) {
            self.last = self.last.max(start);
            self.windows.packed.insert(start, json.to_vec());
        } else {
            self.push_window(packed::unpack(json));
        }
        Ok(())
    }

    /// Puts things in the order of time, once all events are in.
    pub(crate) fn settle(&mut self) {
        self.decisions
            .sort_by(|a, b| (a.at, &a.workload).cmp(&(b.at, &b.workload)));
        self.written
            .sort_by(|a, b| (a.at, &a.workload).cmp(&(b.at, &b.workload)));
        self.faults
            .sort_by(|a, b| (a.at, &a.service, &a.what).cmp(&(b.at, &b.service, &b.what)));
        self.windows.seal();
        self.observations.seal();
    }

    /// The windows in the order of time, pieces added up. Each is unpacked when it is asked for.
    pub fn windows(&self) -> impl Iterator<Item = Window> + '_ {
        self.windows.packed.values().map(|bytes| unpack(bytes))
    }

    /// As [`Record::windows`], without service times: unpacking them takes as long as all the rest.
    pub(crate) fn latencies(&self) -> impl Iterator<Item = Window> + '_ {
        let packed = self.windows.packed.values();
        packed.map(|bytes| packed::latencies(bytes))
    }

    /// As [`Record::windows`], with nothing but the pages' latencies, as they are packed.
    pub(crate) fn texts(&self) -> impl Iterator<Item = Texts> + '_ {
        self.windows
            .packed
            .values()
            .map(|bytes| packed::texts(bytes))
    }

    /// How many windows there are.
    #[must_use]
    pub fn window_count(&self) -> usize {
        self.windows.packed.len()
    }

    /// What the policies were shown, in the order of the record. Each is unpacked when it is asked for.
    pub fn observations(&self) -> impl Iterator<Item = (String, Observation)> + '_ {
        self.observations.iter()
    }

    /// Scenario time of an instant, in seconds since the start; negative before it.
    #[must_use]
    pub fn scenario_s(&self, at: Timestamp) -> f64 {
        let nanos = at.as_nanos().saturating_sub(self.header.start.as_nanos());
        nanos as f64 / 1e9 * speed(&self.header)
    }
}

/// The header's speed, or 1 if it is absurd.
pub(crate) fn speed(header: &Header) -> f64 {
    if header.speed.is_finite() && header.speed > 0.0 {
        header.speed
    } else {
        1.0
    }
}

fn instant(event: &Event) -> Option<Timestamp> {
    match event {
        Event::Header(_) | Event::Host(_) | Event::Audit(_) => None,
        Event::Window(window) => Some(window.start),
        Event::Observation { observation, .. } => Some(observation.at),
        Event::Decision { at, .. } | Event::Written { at, .. } | Event::Fault { at, .. } => {
            Some(*at)
        }
        Event::End(end) => Some(end.at),
    }
}

/// Windows by their start. A histogram takes 31 KiB unpacked and a few hundred bytes packed, so only the newest few
/// windows, to which pieces are still added, are open.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows {
    packed: BTreeMap<Timestamp, Vec<u8>>,
    open: BTreeMap<Timestamp, Window>,
}

impl Windows {
    const MOST_OPEN: usize = 4;

    fn has(&self, start: Timestamp) -> bool {
        self.packed.contains_key(&start) || self.open.contains_key(&start)
    }

    pub(super) fn add(&mut self, piece: Window) {
        let start = piece.start;
        let before = match self.packed.remove(&start) {
            Some(bytes) => Some(unpack(&bytes)),
            None => self.open.remove(&start),
        };
        let window = match before {
            Some(mut window) => {
                window.length = window.length.max(piece.length);
                window.add(&piece);
                window
            }
            None => piece,
        };
        self.open.insert(start, window);
        if self.open.len() > Self::MOST_OPEN {
            let oldest = self.open.keys().copied().find(|other| *other != start);
            if let Some((start, window)) = oldest.and_then(|s| self.open.remove_entry(&s)) {
                self.packed.insert(start, pack(&window));
            }
        }
    }

    pub(super) fn seal(&mut self) {
        for (start, window) in std::mem::take(&mut self.open) {
            self.packed.insert(start, pack(&window));
        }
    }
}

/// Observations in compressed chunks.
#[derive(Clone, Debug, Default)]
pub(super) struct Observations {
    chunks: Vec<Vec<u8>>,
    open: Vec<u8>,
    encoder: EncoderState,
}

/// An encoder that a copy does not share: a copy starts anew, which costs a few bytes and loses nothing.
#[derive(Debug, Default)]
struct EncoderState(Encoder);

impl Clone for EncoderState {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Observations {
    const CHUNK: usize = 1 << 20;

    pub(super) fn push(&mut self, workload: String, observation: Box<Observation>) {
        let event = Event::Observation {
            workload,
            observation,
        };
        self.open.extend(self.encoder.0.encode(&event));
        self.open.push(b'\n');
        if self.open.len() >= Self::CHUNK {
            self.seal();
        }
    }

    pub(super) fn seal(&mut self) {
        if !self.open.is_empty() {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
            encoder
                .write_all(&self.open)
                .and_then(|()| encoder.finish())
                .map(|chunk| self.chunks.push(chunk))
                .expect("writing to memory does not fail");
            self.open = Vec::new();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (String, Observation)> + '_ {
        let mut decoder = Decoder::default();
        let chunks = self.chunks.iter().map(|chunk| {
            let mut text = Vec::new();
            DeflateDecoder::new(chunk.as_slice())
                .read_to_end(&mut text)
                .expect("it was compressed here");
            text
        });
        chunks.chain([self.open.clone()]).flat_map(move |text| {
            let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
            let events = lines.map(|line| decoder.decode(line).expect("it was packed here"));
            events
                .filter_map(|event| match event {
                    Event::Observation {
                        workload,
                        observation,
                    } => Some((workload, *observation)),
                    _ => None,
                })
                .collect::<Vec<_>>()
        })
    }
}
