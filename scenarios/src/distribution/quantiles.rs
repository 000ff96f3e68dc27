//! Quantile functions at 64 random bits, by tables: a few nanoseconds each, and exact all the same.
//!
//! A table's cells are as wide as the distance to the nearer end of (0, 1) is large: thirty-two for each halving of it. So a
//! polynomial of the fifth degree is as good in the tail as in the middle, and beyond the table's end (one draw in half a
//! million) the closed form takes over. Everything is made of additions, multiplications and the functions of `libm`, so
//! that all platforms agree to the last bit.

use std::sync::LazyLock;

use super::normal::inverse_cdf;

/// Cells to a halving, as a power of two.
const FINE: u32 = 5;
/// How many halvings from ½ on the table of the normal distribution has.
const HALVINGS: usize = 20;
const CELLS: usize = HALVINGS << FINE;
/// The number of the cell that ends at ½, counting on from that of the smallest number.
const LAST: u64 = (1022 << FINE) - 1;
const MANTISSA: u64 = (1 << 52) - 1;

/// Intervals of the logarithm's argument from 1 to 2, as a power of two.
const STEPS: u32 = 7;
/// Powers of two between 1 and 2, as a power of two.
const POWERS: u32 = 6;

/// Values of a polynomial are taken at so many points.
const POINTS: usize = 6;

struct Tables {
    /// The standard normal quantile in each cell, as a polynomial in the place within the cell, from −½ to ½: from the
    /// constant up; the cell that ends at ½ first.
    normal: Vec<[f64; POINTS]>,
    /// For each interval a number near one over its middle, and that number's logarithm.
    logarithms: [(f64, f64); 1 << STEPS],
    /// 2^(i ÷ 64).
    powers: [f64; 1 << POWERS],
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    normal: (0..CELLS).map(normal_cell).collect(),
    logarithms: std::array::from_fn(logarithm),
    powers: std::array::from_fn(|i| libm::exp2(i as f64 / f64::from(1 << POWERS))),
});

/// The standard normal quantile at random bits: at the middle of one of 2⁵³ equal cells of (0, 1), to 1 part in 10¹³.
#[inline]
pub(crate) fn normal(bits: u64) -> f64 {
    // Both halves alike, so that the long draws are as fine as the short ones.
    let flip = ((bits as i64) >> 63) as u64;
    let place = ((bits >> 11) ^ flip) & MANTISSA;
    // Exact: at most 53 digits.
    let nearer = (place as i64 as f64 + 0.5) * (1.0 / (1_u64 << 53) as f64);
    let raw = nearer.to_bits();
    let cell = (LAST - (raw >> (52 - FINE))) as usize;
    let z = match TABLES.normal.get(cell) {
        Some(polynomial) => {
            let place = f64::from_bits((raw << FINE) & MANTISSA | 1.0_f64.to_bits());
            at(polynomial, place - 1.5)
        }
        None => inverse_cdf(nearer),
    };
    f64::from_bits(z.to_bits() ^ (flip & (1 << 63)))
}

#[inline]
fn at([c0, c1, c2, c3, c4, c5]: &[f64; POINTS], x: f64) -> f64 {
    let x2 = x * x;
    (c0 + c1 * x) + x2 * ((c2 + c3 * x) + x2 * (c4 + c5 * x))
}

/// −ln of a number that is above 0, not above 1, and not subnormal: to 5 parts in 10¹⁶ of the larger of it and 1, and
/// near 1 of itself.
#[inline]
pub(crate) fn minus_log(u: f64) -> f64 {
    let raw = u.to_bits();
    let exponent = (raw >> 52) as i32 - 1023;
    let mantissa = f64::from_bits(raw & MANTISSA | 1.0_f64.to_bits());
    let interval = (raw >> (52 - STEPS)) as usize & ((1 << STEPS) - 1);
    let (inverse, log) = TABLES.logarithms[interval];
    let r = mantissa * inverse - 1.0;
    let r2 = r * r;
    // The series of ln(1 + r), of which |r| < 2⁻⁷ leaves less than 2⁻⁵⁹ to add.
    let tail = r2
        * ((-1.0 / 2.0 + r * (1.0 / 3.0))
            + r2 * ((-1.0 / 4.0 + r * (1.0 / 5.0)) + r2 * (-1.0 / 6.0 + r * (1.0 / 7.0))));
    (log - f64::from(exponent) * std::f64::consts::LN_2) - (r + tail)
}

/// e^x for |x| < 700, to 4 parts in 10¹⁶.
#[inline]
pub(crate) fn exp(x: f64) -> f64 {
    /// The sum of this and a number rounds it to a whole one, which then is in the last bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const STEP: f64 = 1.0 / (1 << POWERS) as f64;
    /// ln 2 ÷ 64: its first 32 binary digits, of which a multiple is exact, and the rest.
    const HIGH: f64 = f64::from_bits(std::f64::consts::LN_2.to_bits() & !((1 << 21) - 1)) * STEP;
    const LOW: f64 = 1.908_214_929_270_587_7e-10 * STEP;
    if x.abs() >= 700.0 || x.is_nan() {
        return libm::exp(x);
    }
    let rounded = x * (std::f64::consts::LOG2_E / STEP) + ROUND;
    let steps = rounded.to_bits() as i32;
    let whole = rounded - ROUND;
    let r = (x - whole * HIGH) - whole * LOW;
    let r2 = r * r;
    let grown = r + r2 * ((1.0 / 2.0 + r * (1.0 / 6.0)) + r2 * (1.0 / 24.0 + r * (1.0 / 120.0)));
    let base = TABLES.powers[steps as usize & ((1 << POWERS) - 1)];
    let exponent = i64::from(steps >> POWERS) << 52;
    let scale = f64::from_bits((base.to_bits() as i64 + exponent) as u64);
    scale + scale * grown
}

/// The polynomial of one cell.
fn normal_cell(cell: usize) -> [f64; POINTS] {
    let begin = f64::from_bits((LAST - cell as u64) << (52 - FINE));
    let power = f64::from_bits(begin.to_bits() & !MANTISSA);
    let width = power / f64::from(1 << FINE);
    through(|place| inverse_cdf(begin + width * (place + 0.5)))
}

/// The polynomial that agrees with a function at the Chebyshev points of −½ to ½: by Newton's divided differences.
fn through(function: impl Fn(f64) -> f64) -> [f64; POINTS] {
    let point = |i: usize| {
        let angle = std::f64::consts::PI * (2 * i + 1) as f64 / (2 * POINTS) as f64;
        libm::cos(angle) / 2.0
    };
    let points: [f64; POINTS] = std::array::from_fn(point);
    let mut differences = points.map(function);
    for order in 1..POINTS {
        for i in (order..POINTS).rev() {
            let run = points[i] - points[i - order];
            differences[i] = (differences[i] - differences[i - 1]) / run;
        }
    }
    // From the innermost bracket out: p ← p · (x − point) + difference.
    let mut polynomial = [0.0; POINTS];
    for (difference, point) in differences.iter().zip(points).rev() {
        for power in (0..POINTS).rev() {
            let lower = if power == 0 {
                *difference
            } else {
                polynomial[power - 1]
            };
            polynomial[power] = lower - polynomial[power] * point;
        }
    }
    polynomial
}

/// One over the middle of an interval; of the last one half, so that logarithms are exact near 1.
fn logarithm(interval: usize) -> (f64, f64) {
    let last = (1 << STEPS) - 1;
    if interval == last {
        return (0.5, -std::f64::consts::LN_2);
    }
    let inverse = 1.0 / (1.0 + (interval as f64 + 0.5) / f64::from(1 << STEPS));
    (inverse, libm::log(inverse))
}

#[cfg(test)]
mod tests;
