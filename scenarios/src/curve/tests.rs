use proptest::prelude::*;

use super::*;

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn r(rate: f64) -> Rps {
    Rps::new(rate).unwrap()
}

fn ratio(ratio: f64) -> Ratio {
    Ratio::new(ratio).unwrap()
}

fn flash() -> Curve {
    Curve::Flash(Flash {
        at: s(10.0),
        peak: r(60.0),
        rise: s(5.0),
        hold: s(20.0),
        decay: s(60.0),
    })
}

/// Any curve of one shape, over some hundred seconds.
fn shape() -> impl Strategy<Value = Curve> {
    let rate = || prop_oneof![1 => Just(0.0), 5 => 0.0..100.0].prop_map(r);
    let time = || prop_oneof![1 => Just(0.0), 5 => 0.0..60.0].prop_map(s);
    let length = || (0.001..60.0).prop_map(s);
    let week = prop::array::uniform7(prop_oneof![1 => Just(0.0), 5 => 0.0..2.0].prop_map(ratio));
    prop_oneof![
        rate().prop_map(|rate| Curve::Constant { rate }),
        (rate(), rate(), time(), time()).prop_map(|(from, to, at, over)| Curve::Ramp(Ramp {
            from,
            to,
            at,
            over
        })),
        prop::collection::vec((length(), rate()), 1..6).prop_map(|mut steps| {
            let mut at = Duration::ZERO;
            for (begin, _) in &mut steps {
                at += *begin;
                *begin = at;
            }
            Curve::Steps(Steps::new(steps).unwrap())
        }),
        (
            rate(),
            0.0..=1.0,
            time(),
            week,
            0.0..700_000.0,
            1.0..10_000.0
        )
            .prop_map(|(mean, swing, at, week, since, speed)| {
                let peak = r(mean.get() * (1.0 + swing));
                Curve::Diurnal(Diurnal::new(mean, peak, at * 1000, week, s(since)).unwrap())
                    .compressed(speed)
            }),
        (time(), rate(), time(), time(), time()).prop_map(|(at, peak, rise, hold, decay)| {
            Curve::Flash(Flash {
                at,
                peak,
                rise,
                hold,
                decay,
            })
        }),
        (rate(), time(), length(), prop::option::of(1.0..3.0)).prop_map(
            |(rate, at, lasts, every)| {
                Curve::Pulse(Pulse::new(rate, at, lasts, every.map(|e| lasts.mul_f64(e))).unwrap())
            }
        ),
        (rate(), 0.0..=1.0, length(), time(), 1.0..10.0).prop_map(
            |(mean, amplitude, period, at, speed)| {
                Curve::Sine(Sine::new(mean, ratio(amplitude), period, at).unwrap())
                    .compressed(speed)
            }
        ),
        (
            length(),
            prop::collection::vec(0_u32..500, 0..40),
            0.0..3.0,
            time(),
            length()
        )
            .prop_map(|(bin, counts, scale, from, cut)| {
                let counts = counts.into_iter().map(|count| f64::from(count / 3 * 3));
                let whole = Counts::new(bin, counts, ratio(scale)).unwrap();
                Curve::Trace(whole.cut(from, cut * 4))
            }),
        prop::collection::vec(0_u64..90_000_000_000, 0..50).prop_map(|mut instants| {
            instants.sort_unstable();
            Curve::Recorded(Recorded::new(instants).unwrap())
        }),
    ]
}

/// Any curve.
fn any_curve() -> impl Strategy<Value = Curve> {
    shape().prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Curve::Sum),
            (0.0..3.0, inner.clone()).prop_map(|(factor, curve)| Curve::Scaled {
                factor: ratio(factor),
                curve: Box::new(curve)
            }),
            (0.0..60.0, inner.clone()).prop_map(|(by, curve)| Curve::Shifted {
                by: s(by),
                curve: Box::new(curve)
            }),
            (0.0..60.0, inner).prop_map(|(before, curve)| curve.begun(s(before))),
        ]
    })
}

/// The mean of the rate from `a` to `b` seconds, by the midpoint rule; an error beside it that covers one jump of the
/// rate, and the bend of what is smooth.
fn numeric(curve: &Curve, a: f64, b: f64) -> (f64, f64) {
    const CELLS: u32 = 2000;
    let width = (b - a) / f64::from(CELLS);
    let rates: Vec<f64> = (0..CELLS)
        .map(|i| curve.rate(a + (f64::from(i) + 0.5) * width))
        .collect();
    // Where the rate jumps between two cells, at most a cell's width of the jump is misjudged.
    let jumps: f64 = rates.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum();
    (rates.iter().sum::<f64>() * width, jumps * width + 1e-6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn one_that_began_before_goes_on_where_it_was(curve in shape(), before in 0_u32..60, t in 0.0..60.0) {
        let begun = curve.begun(Duration::from_secs(before.into()));
        let then = t + f64::from(before);
        prop_assert!((begun.rate(t) - curve.rate(then)).abs() <= 1e-6 * curve.rate(then).max(1.0), "{begun:?}");
        let counted = curve.count(then) - curve.count(before.into());
        prop_assert!((begun.count(t) - counted).abs() <= 1e-6 * counted.max(1.0), "{begun:?}");
    }

    #[test]
    fn the_count_is_the_integral_of_the_rate(curve in any_curve(), a in 0.0..120.0, length in 0.1..80.0) {
        let (area, error) = numeric(&curve, a, a + length);
        let counted = curve.count(a + length) - curve.count(a);
        // A rate that jumps inside the first or last half cell is seen by no pair of cells.
        let ends = curve.peak(s(500.0)).get() * length / 2000.0;
        prop_assert!((area - counted).abs() <= error + ends, "{area} {counted} {curve:?}");
    }

    #[test]
    fn counts_never_fall_and_begin_at_zero(curve in any_curve(), a in 0.0..300.0, b in 0.0..300.0) {
        prop_assert_eq!(curve.count_until(Duration::ZERO), 0.0);
        let (low, high) = (f64::min(a, b), f64::max(a, b));
        prop_assert!(curve.count(low) <= curve.count(high) * (1.0 + 1e-12) + 1e-9);
        prop_assert!(curve.rate(a) >= 0.0);
    }

    #[test]
    fn the_inverse_of_the_count_is_the_time(curve in any_curve(), t in 0.0..200.0) {
        let t = s(t);
        let count = curve.count_until(t);
        // Only where the rate is such that a nanosecond can be told from the count at all.
        prop_assume!(curve.rate_at(t).get() > 0.5 && count > 0.0);
        let back = curve.inverse(count).expect("it was reached");
        let off = back.as_secs_f64() - t.as_secs_f64();
        prop_assert!(off.abs() < 2e-9 + 1e-13 * count, "{off:e} at {t:?} {curve:?}");
    }

    #[test]
    fn the_inverse_is_where_the_count_is(curve in any_curve(), share in 0.0001..0.9999) {
        let count = curve.count(200.0) * share;
        prop_assume!(count > 1e-3);
        let t = curve.inverse(count).expect("it is reached within 200 s");
        prop_assert!(t <= s(200.0) + Duration::from_nanos(2), "{t:?} {curve:?}");
        let rate = curve.peak(s(300.0)).get();
        prop_assert!((curve.count_until(t) - count).abs() < 1e-8 * (1.0 + rate) + 1e-10 * count, "{curve:?}");
    }

    #[test]
    fn a_guess_changes_nothing(curve in any_curve(), share in 0.0001..0.9999, near in -10.0..300.0) {
        let count = curve.count(200.0) * share;
        prop_assume!(count > 1e-3);
        let (a, b) = (curve.invert(count, 0.0), curve.invert(count, near));
        prop_assert!((curve.count(a.unwrap()) - curve.count(b.unwrap())).abs() < 1e-7, "{a:?} {b:?}");
    }

    #[test]
    fn a_guess_changes_not_a_bit_where_counts_are_inverted(
        counts in prop::collection::vec(prop_oneof![Just(0.0), 0.0..50.0], 1..40), share in 0.0..1.1, near in -10.0..60.0,
    ) {
        let counts = Counts::new(s(1.0), counts, Ratio::ONE).unwrap().cut(s(2.5), s(30.0));
        let count = counts.count(30.0) * share;
        let exact = counts.invert(count, f64::INFINITY).map(f64::to_bits);
        for near in [near, exact.map_or(near, f64::from_bits)] {
            prop_assert_eq!(counts.invert(count, near).map(f64::to_bits), exact);
        }
    }

    #[test]
    fn compressed_time_keeps_rates(curve in any_curve(), t in 0.0..200.0, speed in 0.5..50.0) {
        let has_instants = format!("{curve:?}").contains("Recorded");
        prop_assume!(!has_instants);
        let fast = curve.compressed(speed);
        // The count says the same as the rate, and does not jump where a nanosecond's rounding moves an edge.
        let (is, was) = (fast.count(t / speed), curve.count(t) / speed);
        // Every length is rounded to a nanosecond; a periodic one is so many times.
        prop_assert!((is - was).abs() < 1e-5 * (1.0 + was), "{is} {was} {curve:?}");
    }

    #[test]
    fn nothing_is_above_the_peak(curve in shape(), t in 0.0..300.0) {
        let peak = curve.peak(s(300.0)).get();
        prop_assert!(curve.rate(t) <= peak * (1.0 + 1e-6) + 1e-9, "{} {peak} {curve:?}", curve.rate(t));
    }

    #[test]
    fn a_curve_survives_its_text(curve in any_curve(), t in 0.0..300.0) {
        let text = serde_json::to_string(&curve).unwrap();
        let back: Curve = serde_json::from_str(&text).unwrap();
        prop_assert!((back.count(t) - curve.count(t)).abs() <= 1e-9 * (1.0 + curve.count(t)));
    }
}

#[test]
fn the_points_of_a_flash_are_where_they_are_meant() {
    let flash = flash();
    let rates = [
        (9.9, 0.0),
        (12.5, 30.0),
        (15.0, 60.0),
        (34.9, 60.0),
        (55.0, 60.0 / std::f64::consts::E),
    ];
    for (t, rate) in rates {
        assert!(
            (flash.rate_at(s(t)).get() - rate).abs() < 1e-9,
            "at {t}: {}",
            flash.rate_at(s(t))
        );
    }
    // Half the rise, the hold, and a third of the decay times all of e⁻³'s complement.
    let until_decayed = 60.0 * (2.5 + 20.0 + 20.0 * 0.950_212_931_632_136);
    assert!((flash.count_until(s(95.0)) - until_decayed).abs() < 1e-9);
    assert_eq!(flash.edges(s(60.0)), [10.0, 15.0, 35.0].map(s));
    assert_eq!(flash.edges(s(100.0)), [10.0, 15.0, 35.0, 95.0].map(s));
    assert!((flash.peak(s(12.5)).get() - 30.0).abs() < 1e-6);
    assert_eq!(flash.peak(s(100.0)), r(60.0));
}

#[test]
fn what_never_comes_has_no_instant() {
    // A flash brings 60 · (2.5 + 20 + 20) shoppers and no more.
    assert!(flash().inverse(2549.9).is_some());
    assert_eq!(flash().inverse(2550.1), None);
    assert_eq!(Curve::Constant { rate: Rps::ZERO }.inverse(1.0), None);
    assert_eq!(Curve::Sum(vec![]).inverse(1.0), None);
    assert_eq!(Curve::Sum(vec![flash(), flash()]).inverse(5101.0), None);
    let ended = Curve::Ramp(Ramp {
        from: r(10.0),
        to: Rps::ZERO,
        at: s(0.0),
        over: s(10.0),
    });
    assert_eq!(ended.inverse(50.0), Some(s(10.0)));
    assert_eq!(ended.inverse(50.1), None);
    let silent = Curve::Scaled {
        factor: Ratio::ZERO,
        curve: Box::new(flash()),
    };
    assert_eq!(silent.inverse(0.1), None);
}

#[test]
fn a_day_is_as_high_as_its_week_says() {
    let week = [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 0.0].map(ratio);
    let at = Duration::from_secs(20 * 3600);
    // t = 0 is Friday, 12:00.
    let since_monday = Duration::from_secs((4 * 24 + 12) * 3600);
    let day = Curve::Diurnal(Diurnal::new(r(10.0), r(18.0), at, week, since_monday).unwrap());
    let hour = |hour: f64| s(hour * 3600.0);
    for (t, rate) in [(8.0, 18.0), (32.0, 36.0), (20.0, 4.0), (44.0, 0.0)] {
        assert!(
            (day.rate_at(hour(t)).get() - rate).abs() < 1e-9,
            "{t}: {}",
            day.rate_at(hour(t))
        );
    }
    // A whole week from Friday noon to Friday noon holds seven days' worth: five ordinary, one double, one none.
    assert!((day.count_until(hour(168.0)) / (7.0 * 864_000.0) - 1.0).abs() < 1e-12);
    assert_eq!(day.peak(hour(11.9)), r(18.0));
    assert!((day.peak(hour(48.0)).get() - 36.0).abs() < 1e-9);
}

#[test]
fn bins_are_counted_exactly() {
    let counts = [3.0, 0.0, 7.0, 1.0];
    let trace = Counts::new(s(60.0), counts, Ratio::ONE).unwrap();
    let curve = Curve::Trace(trace.clone());
    assert_eq!(curve.rate_at(s(59.0)).get(), 0.05);
    let mut before = 0.0;
    for (place, count) in counts.into_iter().enumerate() {
        before += count;
        assert_eq!(curve.count_until(s(60.0) * (place as u32 + 1)), before);
    }
    assert_eq!(curve.rate_at(s(240.0)), Rps::ZERO);
    assert_eq!(curve.peak(s(60.0)).get(), 0.05);
    assert_eq!(curve.peak(s(240.0)).get(), 7.0 / 60.0);
    let cut = Curve::Trace(trace.cut(s(150.0), s(60.0)));
    assert_eq!(
        cut.count_until(s(1000.0)),
        3.5 + 0.5,
        "half of the third bin, half of the fourth"
    );
    assert_eq!(cut.inverse(3.5), Some(s(30.0)));
    assert_eq!(cut.inverse(4.1), None);
    let scaled = Curve::Trace(trace.with_mean(r(2.0)));
    assert!((scaled.count_until(s(240.0)) - 480.0).abs() < 1e-9);
}

#[test]
fn recorded_instants_are_thinned_and_then_compressed() {
    let instants: Vec<u64> = (0..100_000).map(|i| i * 10_000_000).collect();
    let Curve::Recorded(fast) = Curve::Recorded(Recorded::new(instants).unwrap()).compressed(20.0)
    else {
        panic!("it stays what it is");
    };
    // One in twenty of 100,000, with a deviation of 69; in a twentieth of 1,000 s.
    assert!(
        (4650..5350).contains(&fast.instants().len()),
        "{}",
        fast.instants().len()
    );
    assert!(*fast.instants().last().unwrap() <= 50_000_000_000);
}

#[test]
fn what_cannot_be_is_refused() {
    let week = [Ratio::ONE; 7];
    let cases = [
        (Steps::new(vec![]).err(), "steps need at least one"),
        (
            Steps::new(vec![(s(1.0), r(1.0)), (s(1.0), r(2.0))]).err(),
            "step 2 is at 1s, must be after the one before it (1s)",
        ),
        (
            Diurnal::new(r(10.0), r(21.0), s(0.0), week, s(0.0)).err(),
            "a day's peak is 21, must be from the mean (10) to twice the mean: its night is as far below",
        ),
        (
            Pulse::new(r(1.0), s(0.0), s(0.0), None).err(),
            "lasts = 0, must be above 0",
        ),
        (
            Pulse::new(r(1.0), s(0.0), s(2.0), Some(s(1.0))).err(),
            "a pulse lasts 2s and comes every 1s: it must end before the next",
        ),
        (
            Counts::new(s(0.0), [1.0], Ratio::ONE).err(),
            "bin = 0, must be above 0",
        ),
        (
            Counts::new(s(1.0), [1.0, -2.0], Ratio::ONE).err(),
            "bin 2 holds -2, must be finite and at least 0",
        ),
        (
            Recorded::new(vec![2, 1]).err(),
            "instant 2 is before the one before it",
        ),
    ];
    for (error, says) in cases {
        assert_eq!(error.unwrap().to_string(), says);
    }
}
