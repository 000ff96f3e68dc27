//! Which draw a request stands for, as it travels in its `traceparent` header.

use std::fmt;
use std::str::FromStr;

/// Set in the fields for page and hop, so that no id is all zeros, which the W3C forbids.
const MARK: u32 = 0x8000_0000;
/// The hops there are: calls nest at most 7 deep, and each level has 4 bits.
const HOPS: u32 = 1 << 28;

/// What a request is for: enough to draw, in another process, the very luck that the simulator draws for it.
///
/// Its text is a `traceparent` of version 00, always sampled:
///
/// ```
/// use scenarios::Trace;
/// let trace = Trace { run: 7, journey: 1, page: 2, hop: 0, attempt: 3 };
/// let text = trace.to_string();
/// assert_eq!(text, "00-00000007000000000000000180000002-8000000000000003-01");
/// assert_eq!(text.parse(), Ok(trace));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Trace {
    /// The run, so that two generators against one target are told apart.
    pub run: u32,
    /// The arrival's index.
    pub journey: u64,
    /// The page's number in the journey, from 0; below 2³¹.
    pub page: u32,
    /// Which call of the page: 0 is the page itself, others are [`child_hop`](crate::child_hop)s; below 2²⁸.
    pub hop: u32,
    /// Which try, from 0.
    pub attempt: u32,
}

/// A text that is no `traceparent`, or one that another program made.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a traceparent of ours: 00-<run, journey, page>-<hop, attempt>-<flags>")]
pub struct ParseTraceError;

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:08x}{:016x}{:08x}-{:08x}{:08x}-01",
            self.run,
            self.journey,
            self.page | MARK,
            self.hop | MARK,
            self.attempt
        )
    }
}

impl FromStr for Trace {
    type Err = ParseTraceError;

    fn from_str(text: &str) -> Result<Self, ParseTraceError> {
        let rest = text.strip_prefix("00-").ok_or(ParseTraceError)?;
        let (trace, rest) = rest.split_once('-').ok_or(ParseTraceError)?;
        let (span, flags) = rest.split_once('-').ok_or(ParseTraceError)?;
        let trace = u128::from_str_radix(hex(trace, 32)?, 16).map_err(|_| ParseTraceError)?;
        let span = u64::from_str_radix(hex(span, 16)?, 16).map_err(|_| ParseTraceError)?;
        hex(flags, 2)?;
        let (page, hop) = (low(trace), low(u128::from(span >> 32)));
        if page & MARK == 0 || hop & MARK == 0 || hop ^ MARK >= HOPS {
            return Err(ParseTraceError);
        }
        Ok(Self {
            run: low(trace >> 96),
            journey: (u128::from(u64::MAX) & (trace >> 32)) as u64,
            page: page ^ MARK,
            hop: hop ^ MARK,
            attempt: low(u128::from(span)),
        })
    }
}

/// The low 32 bits.
fn low(bits: u128) -> u32 {
    (bits & u128::from(u32::MAX)) as u32
}

/// `text`, if it is `length` lower-case hexadecimal digits: `from_str_radix` alone would take a sign.
fn hex(text: &str, length: usize) -> Result<&str, ParseTraceError> {
    let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.len() == length && text.bytes().all(digits) {
        Ok(text)
    } else {
        Err(ParseTraceError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_trace_survives_its_text(
            run: u32, journey: u64, page in 0u32..MARK, hop in 0u32..HOPS, attempt: u32,
        ) {
            let trace = Trace { run, journey, page, hop, attempt };
            prop_assert_eq!(trace.to_string().parse(), Ok(trace));
        }

        #[test]
        fn no_text_panics(text: String) {
            prop_assert_eq!(text.parse::<Trace>().is_ok(), false);
        }
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for (text, why) in [
            ("", "empty"),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "another program's: no mark",
            ),
            (
                "01-00000007000000000000000180000002-8000000000000003-01",
                "another version",
            ),
            (
                "00-0000000700000000000000018000000-8000000000000003-01",
                "an id too short",
            ),
            (
                "00-+0000007000000000000000180000002-8000000000000003-01",
                "a sign is no digit",
            ),
            (
                "00-0000000700000000000000018000000F-8000000000000003-01",
                "upper case",
            ),
            (
                "00-00000007000000000000000180000002-9000000000000003-01",
                "a hop too deep",
            ),
            (
                "00-00000007000000000000000180000002-8000000000000003-01-x",
                "something after the flags",
            ),
        ] {
            assert_eq!(text.parse::<Trace>(), Err(ParseTraceError), "{why}");
        }
    }
}
