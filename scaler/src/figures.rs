//! Figures in text, quickly: reasons are full of them, and are written with every decision.

use std::fmt;

/// A number with so many decimals, as `{:.1}` and its like write it, but without arithmetic of arbitrary precision where
/// none is needed.
#[derive(Clone, Copy)]
pub(crate) struct Decimals(pub(crate) f64, pub(crate) usize);

/// One decimal.
pub(crate) const fn tenths(value: f64) -> Decimals {
    Decimals(value, 1)
}

/// No decimals.
pub(crate) const fn whole(value: f64) -> Decimals {
    Decimals(value, 0)
}

/// Thousandths as people write them: `12.5`, `-0.25`, `3`.
#[derive(Clone, Copy)]
pub(crate) struct Plain(pub(crate) i64);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}")?;
        match (rest, rest % 10, rest % 100) {
            (0, ..) => Ok(()),
            (.., 0) => write!(f, ".{}", rest / 100),
            (_, 0, _) => write!(f, ".{:02}", rest / 10),
            _ => write!(f, ".{rest:03}"),
        }
    }
}

/// [`Decimals`] without needless zeros at the end.
#[derive(Clone, Copy)]
pub(crate) struct Trimmed(pub(crate) f64, pub(crate) usize);

impl fmt::Display for Trimmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Line::default();
        fmt::write(&mut line, format_args!("{}", Decimals(self.0, self.1)))?;
        let text = std::str::from_utf8(&line.text[..line.len]).unwrap_or_default();
        f.write_str(match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.'),
            false => text,
        })
    }
}

/// A product that is rounded up, as far as the result, which is for the reader to name: `2 × 1.5 =` or `2 × 1.12 = 2.25, so`.
#[derive(Clone, Copy)]
pub(crate) struct RoundedUp(pub(crate) f64, pub(crate) f64);

impl fmt::Display for RoundedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(times, ratio) = *self;
        let product = times * ratio;
        write!(f, "{} × {} =", Trimmed(times, 0), Trimmed(ratio, 2))?;
        if product.ceil() - product < 0.005 || !product.is_finite() {
            Ok(())
        } else if product - product.floor() < 0.005 {
            write!(f, " a little over {}, so", whole(product))
        } else {
            write!(f, " {}, so", Trimmed(product, 2))
        }
    }
}

/// Room for every number with a few decimals.
struct Line {
    text: [u8; 352],
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            text: [0; 352],
            len: 0,
        }
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.len + part.len();
        let room = self.text.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}

const POWERS: [f64; 5] = [1.0, 10.0, 100.0, 1000.0, 10_000.0];
/// Below this, digits and their place are exact enough to be told from a half.
const MOST: f64 = 1e11;
/// Nearer to a half than this only exact arithmetic knows whether it goes up or down.
const NEAR: f64 = 1e-3;

impl fmt::Display for Decimals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, places) = *self;
        let scaled = POWERS.get(places).map_or(f64::INFINITY, |p| value * p);
        let whole = scaled.abs().floor();
        if f.sign_plus()
            || scaled.is_nan()
            || scaled.abs() >= MOST
            || (scaled.abs() - whole - 0.5).abs() < NEAR
        {
            return match (f.sign_plus(), places) {
                (true, _) => write!(f, "{value:+.places$}"),
                (false, _) => write!(f, "{value:.places$}"),
            };
        }
        let rounded = whole as u64 + u64::from(scaled.abs() - whole > 0.5);
        write_digits(f, value.is_sign_negative(), rounded, places)
    }
}

fn write_digits(
    f: &mut fmt::Formatter<'_>,
    negative: bool,
    mut digits: u64,
    places: usize,
) -> fmt::Result {
    let mut text = [b'0'; 24];
    let mut at = text.len();
    let mut written = 0;
    while digits > 0 || written <= places {
        if written == places && places > 0 {
            at -= 1;
            text[at] = b'.';
        }
        at -= 1;
        text[at] = b'0' + (digits % 10) as u8;
        digits /= 10;
        written += 1;
    }
    if negative {
        at -= 1;
        text[at] = b'-';
    }
    f.write_str(std::str::from_utf8(&text[at..]).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_are_written_as_decimals() {
        for (milli, text) in [
            (12_500, "12.5"),
            (-250, "-0.25"),
            (3_000, "3"),
            (1, "0.001"),
            (1_050, "1.05"),
            (0, "0"),
            (100_000, "100"),
            (i64::MIN, "-9223372036854775.808"),
        ] {
            assert_eq!(Plain(milli).to_string(), text);
        }
    }

    #[test]
    fn it_writes_what_the_standard_library_writes() {
        let mut state = 1_u64;
        let mut values = vec![
            0.0,
            -0.0,
            0.05,
            0.15,
            0.25,
            0.5,
            1.5,
            2.5,
            0.000_049_999,
            9.95,
            99.99,
            1e11,
            1e300,
            -1.25,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
            123_456.789,
        ];
        for i in 0..200_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let share = (state >> 11) as f64 / (1_u64 << 53) as f64;
            values.push((share - 0.2) * POWERS[i % 5] * 1000.0);
            // Those that lie on or near a half.
            values.push(((state >> 50) as f64 + 0.5) / POWERS[i % 5]);
        }
        for value in values {
            for places in 0..=5 {
                assert_eq!(
                    Decimals(value, places).to_string(),
                    format!("{value:.places$}"),
                    "{value:?}"
                );
            }
        }
        assert_eq!(format!("{:+}", tenths(12.34)), "+12.3");
    }

    #[test]
    fn a_product_says_how_it_was_rounded() {
        for (times, ratio, text) in [
            (4.0, 1.5, "4 × 1.5 ="),
            (2.0, 1.125, "2 × 1.12 = 2.25, so"),
            (10.0, 1.44, "10 × 1.44 = 14.4, so"),
            (10.0, 1.4001, "10 × 1.4 = a little over 14, so"),
            (3.0, 1.0 / 3.0, "3 × 0.33 ="),
            (100.0, 0.119_999, "100 × 0.12 ="),
            (1e300, 1e300, "NaN"),
        ] {
            let said = RoundedUp(times, ratio).to_string();
            assert!(
                said == text || (text == "NaN" && said.ends_with('=')),
                "{said}"
            );
        }
    }

    #[test]
    fn needless_zeros_are_left_out() {
        for (value, text) in [
            (70.0, "70"),
            (72.04, "72"),
            (72.25, "72.2"),
            (-0.04, "-0"),
            (100.0, "100"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(Trimmed(value, 1).to_string(), text);
        }
        assert_eq!(Trimmed(f64::MIN, 4).to_string().len(), 310);
    }
}
