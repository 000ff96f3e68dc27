use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::record::{ReadError, Record};
use crate::sample::{self, Kind};

/// A folder with a record of `events`, flushed after every `flush` events; compressed from `rotate_at` bytes on.
fn written(events: &[Event], flush: usize, rotate_at: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path()).unwrap();
    journal.rotate_at = rotate_at;
    for chunk in events.chunks(flush) {
        for event in chunk {
            journal.append(event).unwrap();
        }
        journal.flush().unwrap();
    }
    journal.finish().unwrap();
    folder
}

/// All that a record says of the run.
fn said(record: &Record) -> (usize, usize, usize, Vec<metrics::Window>) {
    (
        record.decisions.len(),
        record.written.len(),
        record.observations().count(),
        record.windows().collect(),
    )
}

#[test]
fn what_was_written_is_read() {
    let events = sample::events(Kind::Failed);
    for rotate_at in [u64::MAX, 50_000, 0] {
        let folder = written(&events, 7, rotate_at);
        let read = Record::read(folder.path()).unwrap();
        let direct = sample::record(Kind::Failed);
        assert_eq!(said(&read), said(&direct));
        assert_eq!(read.header, direct.header);
        assert_eq!(read.end, direct.end);
        assert_eq!(read.notes, Vec::<String>::new());
        assert_eq!(folder.path().join(CONTINUED).exists(), rotate_at < u64::MAX);
        let by_file = Record::read(&folder.path().join(FILE)).unwrap();
        assert_eq!(said(&by_file), said(&direct));
    }
}

#[test]
fn it_flushes_every_second_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path()).unwrap();
    let size = || fs::metadata(folder.path().join(FILE)).unwrap().len();
    let start = Timestamp::from_secs(100);
    journal.append(&sample::events(Kind::Passed)[0]).unwrap();
    journal.tick(start).unwrap();
    journal.tick(start + Duration::from_millis(999)).unwrap();
    assert_eq!(size(), 0);
    journal.tick(start + Duration::from_millis(1000)).unwrap();
    assert!(size() > 0);
}

#[test]
fn a_record_is_never_overwritten_nor_written_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join(FILE)).unwrap();
    let error = Journal::create(folder.path()).unwrap_err();
    assert!(matches!(error, JournalError::Exists { .. }), "{error}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Journal::create(file.path()).unwrap_err();
    assert!(matches!(error, JournalError::Create { .. }), "{error}");
}

#[test]
fn a_full_disk_is_an_error_with_path_and_bytes_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path()).unwrap();
    let good = journal.file.try_clone().unwrap();
    journal.file = File::options().write(true).open("/dev/full").unwrap();
    for event in sample::events(Kind::Passed) {
        journal.append(&event).ok();
    }
    let waiting = journal.waiting.len();
    let error = journal.flush().unwrap_err().to_string();
    assert!(error.contains(FILE), "{error}");
    assert!(error.contains(&format!("{waiting} bytes")), "{error}");
    assert!(error.contains("No space left"), "{error}");
    journal.file = good;
    journal.finish().unwrap();
    let read = Record::read(folder.path()).unwrap();
    assert_eq!(said(&read), said(&sample::record(Kind::Passed)));
}

#[test]
fn another_version_and_no_record_are_told_apart() {
    let mut events = sample::events(Kind::Passed);
    if let Event::Header(header) = &mut events[0] {
        header.schema = 99;
    }
    let folder = written(&events, 100, u64::MAX);
    let error = Record::read(folder.path()).unwrap_err();
    assert!(
        matches!(error, ReadError::Version { found: 99, .. }),
        "{error}"
    );
    let folder = written(&events[1..], 100, u64::MAX);
    let error = Record::read(folder.path()).unwrap_err();
    assert!(matches!(error, ReadError::NoHeader { .. }), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = Record::read(empty.path()).unwrap_err();
    assert!(matches!(error, ReadError::Io { .. }), "{error}");
    for other in ["", "name: a\n", "\n\n\n"] {
        fs::write(empty.path().join(FILE), other).unwrap();
        let error = Record::read(empty.path()).unwrap_err();
        assert!(matches!(error, ReadError::NoHeader { .. }), "{error}");
    }
    fs::write(empty.path().join(FILE), "").unwrap();
    let error = Record::read(empty.path()).unwrap_err();
    assert!(matches!(error, ReadError::NoHeader { .. }), "{error}");
}

#[test]
fn a_histogram_that_cannot_be_unpacked_is_told_with_its_line_whoever_needs_it() {
    for of in [r#""latency":""#, r#""service_time":""#] {
        let mut lines = Vec::new();
        let mut encoder = Encoder::default();
        for event in sample::events(Kind::Passed) {
            lines.push(String::from_utf8(encoder.encode(&event)).unwrap());
        }
        let window = |line: &String| line.starts_with(r#"{"event":"window""#) && line.contains(of);
        let number = lines.iter().rposition(window).unwrap();
        let place = lines[number].rfind(of).unwrap() + of.len();
        lines[number].replace_range(place..place + 1, "A");
        let folder = tempfile::tempdir().unwrap();
        let whole = |json: &String| format!("{json}\t{:08x}\n", crc32fast::hash(json.as_bytes()));
        let text: String = lines.iter().map(whole).collect();
        fs::write(folder.path().join(FILE), text).unwrap();
        let error = Record::read(folder.path()).unwrap_err();
        assert!(
            matches!(&error, ReadError::NotAnEvent { line, .. } if *line == number as u64 + 1),
            "{of} {error}"
        );
        assert!(error.to_string().contains("not a histogram"), "{error}");
    }
}

#[test]
fn less_of_a_window_is_the_same_in_what_there_is() {
    let folder = written(&sample::events(Kind::Failed), 7, 0);
    let read = Record::read(folder.path()).unwrap();
    let mut latencies = read.latencies();
    let mut texts = read.texts();
    for mut window in read.windows() {
        let found: Vec<(String, String)> = window
            .pages
            .iter()
            .filter_map(|(name, s)| Some((name.clone(), s.latency.as_ref()?.to_base64())))
            .collect();
        let all = texts.next().unwrap();
        assert_eq!((all.start, all.length), (window.start, window.length));
        assert_eq!(all.pages, found);
        let series = window
            .pages
            .values_mut()
            .chain(window.services.values_mut());
        series.for_each(|s| s.service_time = None);
        assert_eq!(latencies.next(), Some(window));
    }
    assert!(latencies.next().is_none() && texts.next().is_none());
}

#[test]
fn damage_in_the_middle_is_told_with_its_line() {
    let folder = written(&sample::events(Kind::Passed), 100, u64::MAX);
    let path = folder.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    let second = bytes.iter().position(|b| *b == b'\n').unwrap() + 1;
    bytes[second + 20] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = Record::read(folder.path()).unwrap_err();
    assert!(
        matches!(error, ReadError::Damaged { line: 2, .. }),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cut_anywhere_it_loses_at_most_the_last_flush(cut in 0.0_f64..1.0, rotate_at in prop::sample::select(vec![u64::MAX, 4_000])) {
        let events = &sample::events(Kind::Passed)[..60];
        let folder = written(events, 4, rotate_at);
        let last = if rotate_at == u64::MAX { FILE } else { CONTINUED };
        let path = folder.path().join(last);
        let bytes = fs::read(&path).unwrap();
        let keep = (bytes.len() as f64 * cut) as usize;
        fs::write(&path, &bytes[..keep]).unwrap();
        match Record::read(folder.path()) {
            Ok(read) => {
                let n = |r: &Record| r.decisions.len() + r.written.len() + r.observations().count();
                let kept = (1..=events.len()).rev().find(|k| {
                    Record::from_events(events[..*k].to_vec()).is_some_and(|r| n(&r) == n(&read) && r.window_count() == read.window_count())
                });
                prop_assert!(kept.is_some(), "what is read is a beginning of what was written");
                prop_assert_eq!(read.notes.len(), 1);
                if rotate_at == u64::MAX {
                    // Every line that is there to its end is read.
                    let lines = bytes[..keep].iter().filter(|b| **b == b'\n').count();
                    let same = Record::from_events(events[..lines].to_vec()).unwrap();
                    prop_assert_eq!(said(&read), said(&same));
                }
            }
            Err(ReadError::NoHeader { .. }) => prop_assert!(last == FILE),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn a_flipped_bit_never_panics_and_never_passes_unseen(place in 0.0_f64..1.0, bit in 0_u8..8, rotate_at in prop::sample::select(vec![u64::MAX, 4_000])) {
        let events = &sample::events(Kind::Passed)[..60];
        let folder = written(events, 4, rotate_at);
        let name = if rotate_at == u64::MAX { FILE } else { CONTINUED };
        let path = folder.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let index = (bytes.len() as f64 * place) as usize;
        bytes[index] ^= 1 << bit;
        fs::write(&path, bytes).unwrap();
        if let Ok(read) = Record::read(folder.path()) {
            let whole = Record::from_events(events.to_vec()).unwrap();
            let (read, whole) = (said(&read), said(&whole));
            // A flip in a gzip header's time or system changes nothing; in the last flush it is a torn end.
            prop_assert!(read.0 + 4 >= whole.0 && read.3.len() + 4 >= whole.3.len());
            prop_assert!(whole.3.starts_with(&read.3));
        }
    }

    #[test]
    fn any_bytes_at_all_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), bytes).unwrap();
        prop_assert!(Record::read(folder.path()).is_err());
    }

    #[test]
    fn merging_the_parts_of_a_run_gives_the_run(places in prop::collection::vec(0_usize..3, 400), order in Just([0_usize, 1, 2]).prop_shuffle()) {
        let events = sample::events(Kind::Failed);
        let events = &events[..120.min(events.len())];
        let mut parts = vec![vec![events[0].clone()]; 3];
        for (event, place) in events[1..].iter().zip(&places) {
            // The pages and the services of a window come in pieces of different parts, and add up again.
            if let Event::Window(window) = event {
                let (mut pages, mut services) = (window.clone(), window.clone());
                (pages.services, pages.generator) = (Default::default(), None);
                services.pages.clear();
                parts[*place].push(Event::Window(pages));
                parts[(place + 1) % 3].push(Event::Window(services));
            } else {
                parts[*place].push(event.clone());
            }
        }
        let records = order.map(|i| Record::from_events(parts[i].clone()).unwrap());
        let merged = Record::merge(records).unwrap();
        prop_assert_eq!(said(&merged), said(&Record::from_events(events.to_vec()).unwrap()));
    }
}

#[test]
fn records_of_different_runs_do_not_merge() {
    let (a, mut b) = (sample::record(Kind::Passed), sample::record(Kind::Passed));
    b.header.seed += 1;
    let error = Record::merge([a.clone(), b]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "record 2 is of another run: its seed differs"
    );
    let twice = Record::merge([a.clone(), a.clone()]).unwrap();
    assert_eq!(twice.decisions, a.decisions);
    assert_eq!(twice.observations().count(), a.observations().count());
}
