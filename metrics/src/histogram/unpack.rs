//! Reading histograms' texts one after the other with the same buffers: a record holds tens of thousands of them, and
//! making an inflater anew takes longer than reading one.

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Decompress, FlushDecompress, Status};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::{HIGHEST_US, HistogramError, LONGEST_TEXT, LOWEST_US, Precision};

/// How the compressed form begins; its length follows.
const COMPRESSED: [u8; 4] = 0x1c84_9314_u32.to_be_bytes();
/// How the form inside begins; the length of its counts follows.
const PLAIN: [u8; 4] = 0x1c84_9313_u32.to_be_bytes();
/// Bytes of the compressed form before its deflated data.
const HEADER: usize = 8;
/// Bytes of the form inside before its counts.
const PLAIN_HEADER: usize = 40;
/// Far more than the counts of 1 µs to 120 s with 3 digits take.
const LONGEST_PLAIN: usize = 1 << 18;

thread_local! {
    static UNPACKER: RefCell<Unpacker> = RefCell::new(Unpacker::new());
}

/// Reads the base64 text of the V2 deflate form.
pub(super) fn unpack(text: &str) -> Result<Histogram<u64>, HistogramError> {
    UNPACKER.with_borrow_mut(|unpacker| unpacker.unpack(text))
}

/// Whether [`unpack`] can read it.
pub(super) fn check(text: &str) -> Result<(), HistogramError> {
    UNPACKER.with_borrow_mut(|unpacker| unpacker.check(text).map(|_| ()))
}

/// Buffers that go from text to text; no text changes what another one gives.
struct Unpacker {
    inflate: Decompress,
    packed: Vec<u8>,
    plain: Vec<u8>,
    counts: Deserializer,
    /// How many counts there are with 2 and with 3 digits.
    most: [usize; 2],
}

impl Unpacker {
    fn new() -> Self {
        Self {
            inflate: Decompress::new(true),
            packed: Vec::new(),
            plain: vec![0; LONGEST_PLAIN],
            counts: Deserializer::new(),
            most: [Precision::Window, Precision::Whole]
                .map(|precision| super::Histogram::new(precision).inner.distinct_values()),
        }
    }

    fn unpack(&mut self, text: &str) -> Result<Histogram<u64>, HistogramError> {
        let length = self.check(text)?;
        self.counts
            .deserialize(&mut &self.plain[..length])
            .map_err(|e| wrong(e.to_string()))
    }

    /// How many bytes the form inside has, which is then in `plain` and right in all.
    fn check(&mut self, text: &str) -> Result<usize, HistogramError> {
        if text.len() > LONGEST_TEXT {
            return Err(wrong(format!("{} bytes long", text.len())));
        }
        self.packed.clear();
        STANDARD
            .decode_vec(text, &mut self.packed)
            .map_err(|e| wrong(e.to_string()))?;
        let length = self.inflate()?;
        let (digits, counts) = counts_of(&self.plain[..length])?;
        check_counts(counts, self.most[digits - 2])?;
        Ok(length)
    }

    /// How many bytes the form inside has.
    fn inflate(&mut self) -> Result<usize, HistogramError> {
        let (header, deflated) = self
            .packed
            .split_at_checked(HEADER)
            .filter(|(header, _)| header.starts_with(&COMPRESSED))
            .ok_or_else(|| wrong("its first bytes are others".into()))?;
        let length = big_endian(&header[4..]) as usize;
        let deflated = deflated
            .get(..length)
            .ok_or_else(|| wrong("it is cut off".into()))?;
        self.inflate.reset(true);
        let status = self
            .inflate
            .decompress(deflated, &mut self.plain, FlushDecompress::Finish)
            .map_err(|e| wrong(e.to_string()))?;
        match status {
            Status::StreamEnd => Ok(self.inflate.total_out() as usize),
            Status::Ok | Status::BufError => Err(wrong("it is cut off, or far too long".into())),
        }
    }
}

/// Its digits, 2 or 3, and its packed counts, if its bounds are ours.
fn counts_of(plain: &[u8]) -> Result<(usize, &[u8]), HistogramError> {
    let (header, counts) = plain
        .split_at_checked(PLAIN_HEADER)
        .filter(|(header, _)| header.starts_with(&PLAIN))
        .ok_or_else(|| wrong("what is in it is no histogram".into()))?;
    let counts = counts
        .get(..big_endian(&header[4..]) as usize)
        .ok_or_else(|| wrong("its counts are cut off".into()))?;
    let digits = big_endian(&header[12..]) as usize;
    let bounds = [LOWEST_US, HIGHEST_US].map(u64::to_be_bytes).concat();
    if !(2..=3).contains(&digits) || header[16..32] != bounds {
        return Err(wrong(
            "its bounds are not 1 µs to 120 s with 2 or 3 digits".into(),
        ));
    }
    if header[8..12] != [0; 4] || header[32..] != 1.0_f64.to_be_bytes() {
        return Err(wrong("its counts are shifted or scaled".into()));
    }
    Ok((digits, counts))
}

/// Whether at most `most` counts are packed there: each number is a count, or so many empty ones if it is negative.
fn check_counts(mut packed: &[u8], most: usize) -> Result<(), HistogramError> {
    let mut index = 0_u64;
    while !packed.is_empty() {
        let (number, rest) =
            varint(packed).ok_or_else(|| wrong("its last count is cut off".into()))?;
        packed = rest;
        // Zigzag: odd numbers are the negative ones.
        let step = if number & 1 == 1 {
            (number >> 1) + 1
        } else {
            1
        };
        index = index.saturating_add(step);
        if number > 0 && index > most as u64 {
            return Err(wrong("it has too many counts".into()));
        }
    }
    Ok(())
}

/// A number of at most nine bytes, seven bits in each but the ninth, the lowest first; and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (place, byte) in bytes.iter().take(9).enumerate() {
        let last = place == 8 || *byte < 0x80;
        let bits = if place == 8 { *byte } else { *byte & 0x7f };
        number |= u64::from(bits) << (7 * place);
        if last {
            return Some((number, &bytes[place + 1..]));
        }
    }
    None
}

/// The number of the first four bytes, which must be there.
fn big_endian(bytes: &[u8]) -> u32 {
    bytes[..4]
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn wrong(why: String) -> HistogramError {
    HistogramError(why)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use hdrhistogram::serialization::{Serializer as _, V2Serializer};
    use proptest::prelude::*;

    use super::*;

    /// What is inside a histogram's text.
    fn plain(values_us: &[u64]) -> Vec<u8> {
        let mut h = super::super::Histogram::new(Precision::Window).inner;
        values_us.iter().for_each(|us| h.record(*us).unwrap());
        let mut plain = Vec::new();
        V2Serializer::new().serialize(&h, &mut plain).unwrap();
        plain
    }

    fn text(plain: &[u8]) -> String {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        let deflated = encoder.finish().unwrap();
        let length = u32::try_from(deflated.len()).unwrap().to_be_bytes();
        STANDARD.encode([&COMPRESSED[..], &length, &deflated].concat())
    }

    /// The same form with other counts.
    fn with_counts(counts: &[u8]) -> Vec<u8> {
        let mut plain = plain(&[1]);
        plain.truncate(PLAIN_HEADER);
        plain[4..8].copy_from_slice(&u32::try_from(counts.len()).unwrap().to_be_bytes());
        [plain, counts.to_vec()].concat()
    }

    proptest! {
        #[test]
        fn what_is_checked_can_be_read(values in prop::collection::vec(1_u64..120_000_000, 1..40), place in 0.0_f64..1.0, byte in any::<u8>()) {
            let mut plain = plain(&values);
            let place = (place * plain.len() as f64) as usize;
            plain[place] = byte;
            let text = text(&plain);
            prop_assert_eq!(check(&text).is_ok(), unpack(&text).is_ok());
            // The buffers hold nothing that another text could meet.
            let sound = super::super::Histogram::from_base64(&self::text(&with_counts(&[2]))).unwrap();
            prop_assert_eq!(sound.len(), 1);
        }

        #[test]
        fn any_counts_are_an_answer(counts in prop::collection::vec(any::<u8>(), 0..200)) {
            let text = text(&with_counts(&counts));
            prop_assert_eq!(check(&text).is_ok(), unpack(&text).is_ok());
        }
    }

    #[test]
    fn claims_beyond_the_bytes_are_refused_before_room_is_made_for_them() {
        let sound = plain(&[1, 1000, 70_000_000]);
        let with = |at: usize, bytes: &[u8]| {
            let mut plain = sound.clone();
            plain[at..at + bytes.len()].copy_from_slice(bytes);
            plain
        };
        assert!(check(&text(&sound)).is_ok());
        for (why, plain) in [
            ("four GiB of counts", with(4, &[0xff; 4])),
            ("shifted counts", with(8, &[0, 0, 0, 1])),
            ("scaled counts", with(32, &2.0_f64.to_be_bytes())),
            ("five digits", with(12, &[0, 0, 0, 5])),
            ("up to 2^64 µs", with(24, &[0xff; 8])),
            ("a skip of 2^63 counts", with_counts(&[0xff; 9])),
            (
                "a count beyond the last",
                with_counts(&[0xff, 0xff, 0x7f, 2]),
            ),
            ("half a number", with_counts(&[0x80])),
            ("far too long", vec![0; LONGEST_PLAIN + 1]),
        ] {
            let text = text(&plain);
            assert!(check(&text).is_err(), "{why}");
            assert!(unpack(&text).is_err(), "{why}");
        }
    }
}
