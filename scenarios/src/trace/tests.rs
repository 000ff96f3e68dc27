use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::Curve;

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn counts(text: &str) -> Result<Counts, String> {
    read_counts(text.as_bytes(), "day.csv", Part::WHOLE).map_err(|error| error.to_string())
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bins_are_read_plain_and_packed_in_any_number_of_members() {
    let text = "timestamp_s,requests\n0,3\n60,0\n120,7\n";
    let plain = counts(text).unwrap();
    assert_eq!(
        plain,
        Counts::new(s(60.0), [3.0, 0.0, 7.0], Ratio::ONE).unwrap()
    );
    let mut packed = gzip(&text.as_bytes()[..30]);
    packed.extend(gzip(&text.as_bytes()[30..]));
    assert_eq!(
        read_counts(&*packed, "day.csv.gz", Part::WHOLE).unwrap(),
        plain
    );
}

#[test]
fn columns_are_found_by_their_names() {
    let same = counts("timestamp_s,requests\n0,3\n60,1\n").unwrap();
    for text in [
        // Any two names; Windows' line ends, blanks, quotes, an empty line, times since 1970.
        "when,how many\n0,3\n60,1\n",
        "\"Time\",\"Requests\"\r\n 0 , 3 \r\n\r\n\"60\",\"1\"",
        "host,requests,errors,timestamp\na,3,0,1700000000\nb,1,0,1700000060\n",
    ] {
        assert_eq!(counts(text).as_ref(), Ok(&same), "{text}");
    }
}

#[test]
fn a_part_is_the_same_as_the_whole_there() {
    let mut text = "timestamp_s,requests\n".to_owned();
    for minute in 0..600 {
        text += &format!("{},{}\n", minute * 60, minute * 7 % 97);
    }
    let whole = Curve::Trace(counts(&text).unwrap());
    for (from, length) in [
        (0.0, 600.0),
        (60.0, 60.0),
        (90.0, 1e6),
        (3601.0, 7.0),
        (35_999.0, 9.0),
    ] {
        let part = Part {
            from: s(from),
            length: s(length),
        };
        let part = Curve::Trace(read_counts(text.as_bytes(), "day.csv", part).unwrap());
        for t in [0.0, 0.5, 6.9, 30.0, 59.0, 61.0, 599.0] {
            let end = f64::min(t, length);
            let expected = whole.count_until(s(from + end)) - whole.count_until(s(from));
            let is = part.count_until(s(t));
            assert!(
                (is - expected).abs() < 1e-6,
                "{from} {length} {t}: {is}, not {expected}"
            );
        }
    }
}

#[test]
fn what_is_no_trace_is_refused_with_its_line() {
    let cases = [
        (
            "",
            "day.csv:1: the first line must name the columns, as in `timestamp_s,requests`; it is ``",
        ),
        (
            "0,3\n60,4\n",
            "day.csv:1: the first line must name the columns, as in `timestamp_s,requests`; it is `0,3`",
        ),
        (
            "a,b,c\n",
            "day.csv:1: the first line must name the columns, as in `timestamp_s,requests`; it is `a,b,c`",
        ),
        (
            "t,requests\n0,3\n",
            "day.csv:3: a trace needs at least two rows, or the length of its bins cannot be told",
        ),
        (
            "t,requests\n0,3\n60\n",
            "day.csv:3: the row has 1 columns, the first line names 2",
        ),
        (
            "t,requests\n0,x\n",
            "day.csv:2: `x` is no number that is finite and at least 0",
        ),
        (
            "t,requests\n0,NaN\n",
            "day.csv:2: `NaN` is no number that is finite and at least 0",
        ),
        (
            "t,requests\n0,1e999\n",
            "day.csv:2: `1e999` is no number that is finite and at least 0",
        ),
        (
            "t,requests\n0,-1\n",
            "day.csv:2: `-1` is no number that is finite and at least 0",
        ),
        (
            "t,requests\n60,3\n0,4\n",
            "day.csv:3: time goes from 60 s to 0 s; rows must be in the order of time",
        ),
        (
            "t,requests\n0,3\n0,4\n",
            "day.csv:3: time goes from 0 s to 0 s; rows must be in the order of time",
        ),
        (
            "t,requests\n0,3\n60,4\n180,5\n",
            "day.csv:4: the row is at 180 s, due at 120 s: bins are 60 s long, and one without requests is written as 0",
        ),
    ];
    for (text, says) in cases {
        assert_eq!(counts(text).unwrap_err(), says);
    }
    let part = Part {
        from: s(120.0),
        length: s(60.0),
    };
    let late = read_counts(&b"t,requests\n0,3\n60,4\n"[..], "day.csv", part);
    assert_eq!(
        late.unwrap_err().to_string(),
        "day.csv:4: the trace is 120 s long, and is to begin 120 s into it"
    );
}

#[test]
fn a_broken_file_is_refused() {
    let mut packed = gzip(b"t,requests\n0,3\n60,4\n");
    packed.truncate(packed.len() - 9);
    let error = read_counts(&*packed, "day.csv.gz", Part::WHOLE).unwrap_err();
    assert!(
        matches!(error.problem, TraceProblem::Unreadable(_)),
        "{error}"
    );
    let error = read_counts(&b"t,requests\n\xff,1\n"[..], "day.csv", Part::WHOLE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "day.csv:2: cannot be read: not UTF-8 text"
    );
}

/// The same again and again, counted: what was read stays small although there is no end.
struct Endless {
    start: io::Cursor<Vec<u8>>,
    row: Box<dyn FnMut() -> Vec<u8>>,
    read: u64,
}

impl Endless {
    fn new(start: &str, row: impl FnMut() -> Vec<u8> + 'static) -> Self {
        Self {
            start: io::Cursor::new(start.into()),
            row: Box::new(row),
            read: 0,
        }
    }
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = self.start.read(buffer)?;
        if count == 0 {
            self.start = io::Cursor::new((self.row)());
            count = self.start.read(buffer)?;
        }
        self.read += count as u64;
        Ok(count)
    }
}

#[test]
fn an_endless_trace_is_refused_after_4_million_rows() {
    let mut time = 0_u64;
    let mut input = Endless::new("t,requests\n", move || {
        let rows = (0..1000)
            .map(|row| format!("{},1\n", time + row))
            .collect::<String>();
        time += 1000;
        rows.into_bytes()
    });
    let error = read_counts(&mut input, "day.csv", Part::WHOLE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "day.csv:4000002: more than 4000000 rows; cut the trace or take longer bins"
    );
    // No more than a buffer is read beyond them.
    assert!(input.read < 50_000_000, "{}", input.read);
}

#[test]
fn an_endless_line_is_refused_after_a_kibibyte() {
    for start in ["", "t,requests\n", "t,requests\n0,1\n"] {
        let mut input = Endless::new(start, || vec![b'7'; 65_536]);
        let error = read_counts(&mut input, "day.csv", Part::WHOLE).unwrap_err();
        assert_eq!(error.problem, TraceProblem::LongLine);
        assert!(input.read < 200_000, "{}", input.read);
    }
}

#[test]
fn a_gzip_bomb_is_refused() {
    // 64 MiB in 64 KiB: of zeros, and of empty lines.
    let zeros = gzip(&vec![0; 64 << 20]);
    let error = read_counts(&*zeros, "bomb.gz", Part::WHOLE).unwrap_err();
    assert_eq!(error.problem, TraceProblem::LongLine);
    let mut text = b"t,requests\n".to_vec();
    text.extend(vec![b'\n'; 64 << 20]);
    let error = read_counts(&*gzip(&text), "bomb.gz", Part::WHOLE).unwrap_err();
    assert_eq!(error.problem, TraceProblem::Bomb);
}

#[test]
fn instants_are_read_from_the_first_on() {
    let text = "timestamp\n1700000000.25\n1700000000.25\n1700000001\n1700000009.5\n";
    let read = |part| read_instants(text.as_bytes(), "log", part);
    let (a, b, c) = (750_000_000, 9_250_000_000, 8_250_000_000);
    assert_eq!(read(Part::WHOLE).unwrap().instants(), [0, 0, a, b]);
    let part = Part {
        from: s(1.0),
        length: s(60.0),
    };
    assert_eq!(read(part).unwrap().instants(), [c]);
    let part = Part {
        from: s(0.0),
        length: s(1.0),
    };
    assert_eq!(read(part).unwrap().instants(), [0, 0, a]);
    let back = read_instants(&b"3\n2\n"[..], "log", Part::WHOLE).unwrap_err();
    assert_eq!(
        back.to_string(),
        "log:2: time goes from 3 s to 2 s; rows must be in the order of time"
    );
    let wide = read_instants(&b"0\n5000000\n"[..], "log", Part::WHOLE).unwrap_err();
    assert_eq!(
        wide.to_string(),
        "log:2: the instants span more than 4000000 seconds"
    );
}

proptest! {
    #[test]
    fn no_input_panics(start in "(t,requests\n)?([0-9]{0,3},[0-9]{0,3}\n){0,4}", rest in prop::collection::vec(any::<u8>(), 0..40), from in 0.0..200.0) {
        let input = [start.as_bytes(), &rest].concat();
        let part = Part { from: s(from), length: s(100.0) };
        let _counts = read_counts(&*input, "x", part).map(|counts| Curve::Trace(counts).peak(s(1000.0)));
        let _instants = read_instants(&*input, "x", part);
        let _packed = read_counts(&*gzip(&input), "x", part);
    }
}
