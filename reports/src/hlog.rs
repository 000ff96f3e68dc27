//! `latency.hlog`: the latencies of each page and window as a standard HdrHistogram interval log, in µs.

use std::io;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use metrics::{Histogram, Timestamp};

use crate::record::Record;
use crate::words;

/// Values are in µs; the log's maximum is written in ms.
const US_PER_MS: f64 = 1e3;

/// Writes the file. A line's time is the world's, since the start; its tag is the page.
///
/// # Errors
/// If `to` cannot be written.
pub fn write(record: &Record, to: &mut dyn io::Write) -> io::Result<()> {
    let mut serializer = V2DeflateSerializer::new();
    let mut to = to;
    let start = wall(record.header.start);
    let name = words::terminal(&record.header.name);
    let mut builder = IntervalLogWriterBuilder::new();
    builder
        .add_comment(&format!(
            "rushhour {}, {name}: latencies in us from the intended instant",
            record.header.version
        ))
        .with_start_time(start)
        .with_base_time(start)
        .with_max_value_divisor(US_PER_MS);
    builder.begin_log_with(&mut to, &mut serializer)?;
    for window in record.texts() {
        let since = window.start.since(record.header.start).as_secs_f64();
        let length = window.length.as_secs_f64();
        for (page, text) in &window.pages {
            // The record holds the very text that the log is made of: packing it anew would only take time.
            let latency = Histogram::from_base64(text).map_err(io::Error::other)?;
            let max = latency.max().unwrap_or_default().as_micros() as f64 / US_PER_MS;
            let tag = tag(page);
            writeln!(to, "Tag={tag},{since:.3},{length:.3},{max:.3},{text}")?;
        }
    }
    Ok(())
}

/// A page's name without what ends a tag.
fn tag(page: &str) -> String {
    words::terminal(page).replace([',', ' ', '"', '='], "_")
}

fn wall(at: Timestamp) -> SystemTime {
    let since = Duration::from_nanos(u64::try_from(at.as_nanos()).unwrap_or(0));
    SystemTime::UNIX_EPOCH + since
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Kind};
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    #[test]
    fn a_standard_reader_finds_every_latency_again() {
        for record in [sample::record(Kind::Passed), sample::hostile()] {
            let mut bytes = Vec::new();
            write(&record, &mut bytes).unwrap();
            let mut found = 0;
            for entry in IntervalLogIterator::new(&bytes) {
                if let LogEntry::Interval(interval) = entry.expect("every line is of the format") {
                    assert!(interval.tag().unwrap().as_str().starts_with("shopper/"));
                    let text = interval.encoded_histogram();
                    let bytes =
                        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text)
                            .unwrap();
                    let h: hdrhistogram::Histogram<u64> = Deserializer::new()
                        .deserialize(&mut bytes.as_slice())
                        .unwrap();
                    found += h.len();
                }
            }
            let total: u64 = record
                .windows()
                .filter_map(|w| w.all_pages().latency)
                .map(|l| l.len())
                .sum();
            assert_eq!(found, total);
        }
    }
}
