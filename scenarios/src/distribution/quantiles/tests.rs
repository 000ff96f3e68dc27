use super::*;
use crate::draws::{Draws, Stream, unit_interval};

fn luck() -> Draws {
    Draws::new(5, Stream::Fault { fault: 0 })
}

/// Bits whose point is this, from 2⁻⁵³ up.
fn bits_of(point: f64) -> u64 {
    ((point * (1_u64 << 53) as f64) as u64) << 11
}

#[test]
fn the_table_of_the_normal_distribution_is_its_closed_form() {
    let everywhere = (0..200_000).map({
        let mut luck = luck();
        move |_| luck.bits()
    });
    // Each cell's ends, and what is beyond the last.
    let borders = (0..CELLS as u64 + 40)
        .map(|cell| bits_of(f64::from_bits((LAST - cell) << (52 - FINE))))
        .flat_map(|bits| [bits, bits.wrapping_sub(1 << 11), bits + (1 << 11)]);
    let ends = [0, 1 << 11, 1 << 30, (1 << 63) - 1];
    for bits in everywhere.chain(borders).chain(ends) {
        for bits in [bits, !bits] {
            let upper = bits >> 63 == 1;
            let place = (if upper { !bits } else { bits }) >> 11;
            let point = (place as f64 + 0.5) / (1_u64 << 53) as f64;
            let exact = inverse_cdf(point) * if upper { -1.0 } else { 1.0 };
            let is = normal(bits);
            let off = (is - exact).abs();
            assert!(
                off <= 1e-13 * exact.abs().max(0.01),
                "{bits:x}: {is}, not {exact}: off by {off:e}"
            );
        }
    }
}

#[test]
fn both_tails_are_as_fine_as_each_other() {
    for bits in [0, 1 << 11, 5 << 11, 1 << 40, bits_of(0.1)] {
        assert_eq!(normal(bits).to_bits(), (-normal(!bits)).to_bits());
    }
    // The longest draw there is: 2⁻⁵⁴ are beyond it.
    assert!((normal(u64::MAX) - 8.292_361_075_813_595).abs() < 1e-9);
}

#[test]
fn logarithms_are_exact_far_from_one_and_near_it() {
    let mut luck = luck();
    let near = (1..1000_u64).map(|i| 1.0 - i as f64 * f64::EPSILON / 2.0);
    let far = (0..100_000).map(|_| luck.uniform());
    let intervals = (0..1 << STEPS).map(|i| (1.0 + f64::from(i) / f64::from(1 << STEPS)) / 2.0);
    let ends = [
        unit_interval(0),
        unit_interval(u64::MAX),
        1.0,
        f64::MIN_POSITIVE,
    ];
    for u in near.chain(far).chain(intervals).chain(ends) {
        let (is, exact) = (minus_log(u), -libm::log(u));
        let off = (is - exact).abs();
        let room = if u > 1.0 - 1.0 / f64::from(1 << (STEPS + 1)) {
            4e-16 * exact
        } else {
            5e-16 * exact.max(1.0)
        };
        assert!(off <= room, "{u}: {is}, not {exact}: off by {off:e}");
    }
    assert!(minus_log(unit_interval(u64::MAX)) > 0.0);
}

#[test]
fn exponentials_are_those_of_libm() {
    let mut luck = luck();
    let drawn = (0..200_000).map(|_| (luck.uniform() - 0.5) * 100.0);
    let others = [0.0, -0.0, 1e-300, 1.0, -699.9, 699.9, 700.0, -745.0, -800.0];
    for x in drawn.chain(others) {
        let (is, exact) = (exp(x), libm::exp(x));
        assert!(
            (is - exact).abs() <= 4e-16 * exact,
            "e^{x}: {is:e}, not {exact:e}"
        );
    }
    assert_eq!(exp(f64::NEG_INFINITY), 0.0);
    assert_eq!(exp(f64::INFINITY), f64::INFINITY);
    assert!(exp(f64::NAN).is_nan());
}

/// The largest distance between the shares of draws and their chances (Kolmogorov and Smirnov), times √n.
fn distance(mut drawn: Vec<f64>, chance: impl Fn(f64) -> f64) -> f64 {
    drawn.sort_by(f64::total_cmp);
    let n = drawn.len() as f64;
    let gap = |(place, x): (usize, &f64)| {
        let chance = chance(*x);
        (chance - place as f64 / n)
            .abs()
            .max((chance - (place + 1) as f64 / n).abs())
    };
    drawn.iter().enumerate().map(gap).fold(0.0, f64::max) * n.sqrt()
}

#[test]
fn draws_have_the_shape_and_the_moments_of_their_distributions() {
    const N: usize = 1_000_000;
    let mut luck = luck();
    let z: Vec<f64> = (0..N).map(|_| normal(luck.bits())).collect();
    let e: Vec<f64> = (0..N).map(|_| luck.exponential()).collect();
    let moment = |all: &[f64], power: u32| {
        let raised = |x: &f64| (0..power).fold(1.0, |product, _| product * x);
        all.iter().map(raised).sum::<f64>() / N as f64
    };
    // Five standard errors each: √(Var Xᵏ ÷ n).
    for (power, mean, error) in [
        (1, 0.0, 1.0),
        (2, 1.0, 1.414),
        (3, 0.0, 3.873),
        (4, 3.0, 9.798),
    ] {
        let is = moment(&z, power);
        assert!(
            (is - mean).abs() < 5.0 * error / (N as f64).sqrt(),
            "z^{power}: {is}"
        );
    }
    for (power, mean, error) in [(1, 1.0, 1.0), (2, 2.0, 4.472), (3, 6.0, 26.15)] {
        let is = moment(&e, power);
        assert!(
            (is - mean).abs() < 5.0 * error / (N as f64).sqrt(),
            "e^{power}: {is}"
        );
    }
    // Above 1.95 with a chance of one in a thousand.
    let normal_cdf = |x: f64| libm::erfc(-x / std::f64::consts::SQRT_2) / 2.0;
    let ks = distance(z, normal_cdf);
    assert!(ks < 1.95, "normal: {ks}");
    let ks = distance(e, |x| -libm::expm1(-x));
    assert!(ks < 1.95, "exponential: {ks}");
}
