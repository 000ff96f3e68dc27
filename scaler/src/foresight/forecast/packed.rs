//! Long lists of numbers as text: a saved history is read by no person, and has to be small.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize as _, Deserializer, Serializer};

/// Bytes as base64.
fn write<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

/// Lists of `i16`, for `#[serde(with)]`.
pub(super) mod shorts {
    use super::{Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        list: &[i16],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = list.iter().flat_map(|x| x.to_le_bytes()).collect();
        super::write(&bytes, serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<i16>, D::Error> {
        let bytes = super::read(deserializer)?;
        let (pairs, _) = bytes.as_chunks::<2>();
        Ok(pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
    }
}

/// Lists of `i32`, for `#[serde(with)]`.
pub(super) mod integers {
    use super::{Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        list: &[i32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = list.iter().flat_map(|x| x.to_le_bytes()).collect();
        super::write(&bytes, serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<i32>, D::Error> {
        let bytes = super::read(deserializer)?;
        let (quads, _) = bytes.as_chunks::<4>();
        Ok(quads.iter().map(|quad| i32::from_le_bytes(*quad)).collect())
    }
}

/// Codes of rates, in which gaps are long: a gap is written once with its length.
pub(super) mod codes {
    use std::collections::VecDeque;

    use serde::de::Error as _;

    use super::super::past::{GAP, MOST};
    use super::{Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        list: &VecDeque<u16>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(2 * list.len());
        let mut rest = list.iter().peekable();
        while let Some(code) = rest.next() {
            bytes.extend(code.to_le_bytes());
            if *code == GAP {
                let mut more = 0_u16;
                while more < u16::MAX && rest.next_if(|next| **next == GAP).is_some() {
                    more += 1;
                }
                bytes.extend(more.to_le_bytes());
            }
        }
        super::write(&bytes, serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<VecDeque<u16>, D::Error> {
        let bytes = super::read(deserializer)?;
        let (pairs, _) = bytes.as_chunks::<2>();
        let mut numbers = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
        let mut list = VecDeque::new();
        while let Some(code) = numbers.next() {
            list.push_back(code);
            if code == GAP {
                let more = numbers
                    .next()
                    .ok_or_else(|| D::Error::custom("a gap without its length"))?;
                list.extend(std::iter::repeat_n(GAP, usize::from(more)));
            }
            if list.len() > MOST {
                return Err(D::Error::custom("longer than a history can be"));
            }
        }
        Ok(list)
    }
}
