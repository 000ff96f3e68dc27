//! Windows as the JSON of their lines, and as much of them as someone wants to know: unpacking a histogram takes far
//! longer than passing it over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use metrics::{Counts, Generator, Histogram, Series, Timestamp, Window, Workload};
use serde::de::{self, DeserializeOwned, Deserializer, IgnoredAny, Visitor};
use serde::{Deserialize, Serialize as _};

/// A window whose latencies are read as `L` and its service times as `S`.
#[derive(Deserialize)]
#[serde(bound = "L: DeserializeOwned, S: DeserializeOwned")]
pub(super) struct Packed<L, S> {
    pub(super) start: Timestamp,
    length: Duration,
    #[serde(default)]
    pages: BTreeMap<String, PackedSeries<L, S>>,
    #[serde(default)]
    services: BTreeMap<String, PackedSeries<L, S>>,
    #[serde(default)]
    workloads: BTreeMap<String, Workload>,
    #[serde(default)]
    generator: Option<Generator>,
    #[serde(default)]
    overloaded: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(bound = "L: DeserializeOwned, S: DeserializeOwned")]
struct PackedSeries<L, S> {
    #[serde(flatten)]
    counts: Counts,
    #[serde(default = "nothing")]
    latency: Option<L>,
    #[serde(default = "nothing")]
    #[expect(dead_code, reason = "read to be passed over, or to be checked")]
    service_time: Option<S>,
}

fn nothing<T>() -> Option<T> {
    None
}

/// The text of a histogram that can be unpacked.
pub(super) struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Checked;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a histogram's text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Checked, E> {
                Histogram::check_base64(text).map_err(E::custom)?;
                Ok(Checked)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The start of the window in `json`, if all of it can be unpacked.
pub(super) fn check(json: &[u8]) -> Result<Timestamp, serde_json::Error> {
    serde_json::from_slice::<Packed<Checked, Checked>>(json).map(|window| window.start)
}

pub(super) fn pack(window: &Window) -> Vec<u8> {
    // Close to what a window of a dozen pages takes.
    let mut bytes = Vec::with_capacity(1 << 13);
    window
        .serialize(&mut serde_json::Serializer::new(&mut bytes))
        .expect("a window's keys are texts");
    bytes.shrink_to_fit();
    bytes
}

pub(super) fn unpack(bytes: &[u8]) -> Window {
    serde_json::from_slice(bytes).expect("it was packed or checked here")
}

/// The window without its service times.
pub(super) fn latencies(bytes: &[u8]) -> Window {
    let packed: Packed<Histogram, IgnoredAny> =
        serde_json::from_slice(bytes).expect("it was packed or checked here");
    let series = |all: BTreeMap<String, PackedSeries<Histogram, IgnoredAny>>| {
        let series = |(name, s): (String, PackedSeries<Histogram, IgnoredAny>)| {
            let series = Series {
                counts: s.counts,
                latency: s.latency,
                service_time: None,
            };
            (name, series)
        };
        all.into_iter().map(series).collect()
    };
    Window {
        start: packed.start,
        length: packed.length,
        pages: series(packed.pages),
        services: series(packed.services),
        workloads: packed.workloads,
        generator: packed.generator,
        overloaded: packed.overloaded,
    }
}

/// A window's pages with their latencies as they are packed.
pub(crate) struct Texts {
    /// The window's start.
    pub(crate) start: Timestamp,
    /// Its length.
    pub(crate) length: Duration,
    /// By `journey/page`: HdrHistogram V2 deflate in base64, in µs; pages without a latency are left out.
    pub(crate) pages: Vec<(String, String)>,
}

pub(super) fn texts(bytes: &[u8]) -> Texts {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        latency: Option<String>,
    }
    #[derive(Deserialize)]
    struct Pages {
        start: Timestamp,
        length: Duration,
        #[serde(default)]
        pages: BTreeMap<String, Page>,
    }
    let window: Pages = serde_json::from_slice(bytes).expect("it was packed or checked here");
    let pages = window.pages.into_iter();
    Texts {
        start: window.start,
        length: window.length,
        pages: pages
            .filter_map(|(name, page)| Some((name, page.latency?)))
            .collect(),
    }
}
