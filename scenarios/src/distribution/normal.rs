//! The inverse of the normal distribution function.

/// The z below which a standard normal falls with chance `p`, to about 1 part in 10¹⁶, for 0 < `p` < 1.
///
/// Algorithm AS 241, PPND16 (M. J. Wichura: *The percentage points of the normal distribution*, Applied Statistics 37,
/// 1988): one rational function in the middle and two in the tails.
#[inline]
pub(crate) fn inverse_cdf(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * ratio(&MIDDLE, r);
    }
    let r = (-libm::log(p.min(1.0 - p))).sqrt();
    let z = if r <= 5.0 {
        ratio(&TAIL, r - 1.6)
    } else {
        ratio(&FAR_TAIL, r - 5.0)
    };
    z.copysign(q)
}

/// Numerator and denominator, from the highest power down.
type Rational = ([f64; 8], [f64; 8]);

#[inline]
fn ratio((above, below): &Rational, x: f64) -> f64 {
    let (x2, x4) = (x * x, (x * x) * (x * x));
    // Estrin's scheme: half as deep as Horner's, so that the processor can work on the halves at once.
    let at = |[c7, c6, c5, c4, c3, c2, c1, c0]: &[f64; 8]| {
        ((c7 * x + c6) * x2 + (c5 * x + c4)) * x4 + ((c3 * x + c2) * x2 + (c1 * x + c0))
    };
    at(above) / at(below)
}

#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "the digits as published")]
const MIDDLE: Rational = (
    [2.509_080_928_730_122_672_7e3, 3.343_057_558_358_812_810_5e4, 6.726_577_092_700_870_085_3e4, 4.592_195_393_154_987_145_7e4,
     1.373_169_376_550_946_112_5e4, 1.971_590_950_306_551_442_7e3, 1.331_416_678_917_843_774_5e2, 3.387_132_872_796_366_608_0e0],
    [5.226_495_278_852_854_561_0e3, 2.872_908_573_572_194_267_4e4, 3.930_789_580_009_271_061_0e4, 2.121_379_430_158_659_586_7e4,
     5.394_196_021_424_751_107_7e3, 6.871_870_074_920_579_083_0e2, 4.231_333_070_160_091_125_2e1, 1.0],
);
#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "the digits as published")]
const TAIL: Rational = (
    [7.745_450_142_783_414_076_4e-4, 2.272_384_498_926_918_458_3e-2, 2.417_807_251_774_506_117_7e-1, 1.270_458_252_452_368_382_6e0,
     3.647_848_324_763_204_605_0e0, 5.769_497_221_460_691_405_5e0, 4.630_337_846_156_545_295_9e0, 1.423_437_110_749_683_577_3e0],
    [1.050_750_071_644_416_843_2e-9, 5.475_938_084_995_344_946_0e-4, 1.519_866_656_361_645_719_7e-2, 1.481_039_764_274_800_745_9e-1,
     6.897_673_349_851_000_045_5e-1, 1.676_384_830_183_803_849_4e0, 2.053_191_626_637_758_821_9e0, 1.0],
);
#[rustfmt::skip]
#[expect(clippy::excessive_precision, reason = "the digits as published")]
const FAR_TAIL: Rational = (
    [2.010_334_399_292_288_132_7e-7, 2.711_555_568_743_487_578_2e-5, 1.242_660_947_388_078_438_6e-3, 2.653_218_952_657_612_309_3e-2,
     2.965_605_718_285_048_912_3e-1, 1.784_826_539_917_291_335_8e0, 5.463_784_911_164_114_369_9e0, 6.657_904_643_501_103_777_2e0],
    [2.044_263_103_389_939_785_6e-15, 1.421_511_758_316_445_888_7e-7, 1.846_318_317_510_054_681_8e-5, 7.868_691_311_456_132_591_0e-4,
     1.487_536_129_085_061_485_3e-2, 1.369_298_809_227_358_053_1e-1, 5.998_322_065_558_879_376_9e-1, 1.0],
);

#[cfg(test)]
mod tests {
    use super::inverse_cdf;

    /// Φ(z), accurate in the lower tail.
    fn cdf(z: f64) -> f64 {
        libm::erfc(-z / std::f64::consts::SQRT_2) / 2.0
    }

    #[test]
    fn it_inverts_the_distribution_function_from_tail_to_tail() {
        // The middle, both sides of its border at 0.075, the tail, the far tail (p < e⁻²⁵), the smallest draw there is.
        for p in [
            0.5,
            0.3,
            0.075_000_1,
            0.074_999_9,
            0.01,
            1e-6,
            1.4e-11,
            1e-14,
            5.6e-17,
        ] {
            let z = inverse_cdf(p);
            let relative = (cdf(z) / p - 1.0).abs();
            // A relative error of z counts z² times in p.
            assert!(
                relative < 4e-16 * (2.0 + z * z),
                "p {p}: z {z}, off by {relative:e}"
            );
            if p > 1e-9 {
                // The upper tail is only as fine as 1 − p can be written.
                let mirrored = inverse_cdf(1.0 - p);
                assert!(
                    (mirrored + z).abs() < 1e-6 * z.abs().max(1e-9),
                    "{mirrored} {z}"
                );
            }
        }
    }

    #[test]
    fn published_points_come_out() {
        // Wichura's own checks.
        for (p, z) in [
            (0.25, -0.674_489_750_196_081_7),
            (0.001, -3.090_232_306_167_813_6),
            (1e-20, -9.262_340_089_798_408),
        ] {
            assert!(
                (inverse_cdf(p) / z - 1.0_f64).abs() < 1e-15,
                "{p}: {} {z}",
                inverse_cdf(p)
            );
        }
    }
}
