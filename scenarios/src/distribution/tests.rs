use metrics::Quantile;
use proptest::prelude::*;

use super::*;
use crate::draws::{Draws, Stream};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn quantile(distribution: &Distribution, q: f64) -> f64 {
    distribution
        .quantile(Quantile::new(q).unwrap())
        .as_secs_f64()
}

/// One of each kind, with the mean that its definition says.
fn kinds() -> Vec<(&'static str, Distribution, f64)> {
    let empirical = Distribution::empirical([5, 1, 3, 3].map(ms).to_vec()).unwrap();
    // A log-normal's mean is median · exp(σ²/2); here σ = ln 4 ÷ z(0.9) = 1.0817.
    let from_median = Distribution::from_median_p90(ms(10), ms(40)).unwrap();
    vec![
        ("constant", Distribution::constant(ms(7)), 0.007),
        (
            "from its mean",
            Distribution::from_mean_cv(ms(45), 0.8).unwrap(),
            0.045,
        ),
        ("from its median", from_median, 0.010 * 1.795_118_9),
        (
            "exponential",
            Distribution::exponential(ms(20)).unwrap(),
            0.020,
        ),
        ("empirical", empirical, 0.003),
    ]
}

#[test]
fn means_are_those_of_the_definitions() {
    for (what, distribution, mean) in kinds() {
        let is = distribution.mean().as_secs_f64();
        assert!((is / mean - 1.0).abs() < 1e-5, "{what}: {is}, not {mean}");
    }
}

#[test]
fn draws_follow_the_distribution_into_the_tail() {
    const N: usize = 400_000;
    for (what, distribution, mean) in kinds() {
        let mut draws = Draws::new(1, Stream::Fault { fault: 0 });
        let mut drawn: Vec<f64> = (0..N)
            .map(|_| distribution.sample(&mut draws).as_secs_f64())
            .collect();
        let is = drawn.iter().sum::<f64>() / N as f64;
        assert!(
            (is / mean - 1.0).abs() < 0.01,
            "{what}: mean {is}, not {mean}"
        );
        drawn.sort_by(f64::total_cmp);
        for q in [0.1, 0.5, 0.9, 0.99, 0.999] {
            // The share of draws at or below a quantile has the deviation sqrt(q(1 − q) ÷ N): five of them.
            let at_most =
                drawn.partition_point(|x| *x <= quantile(&distribution, q)) as f64 / N as f64;
            let noise = 5.0 * (q * (1.0 - q) / N as f64).sqrt();
            assert!(at_most >= q - noise, "{what}: q {q} holds {at_most}");
            if !matches!(
                distribution,
                Distribution::Constant(_) | Distribution::Empirical(_)
            ) {
                assert!(at_most <= q + noise, "{what}: q {q} holds {at_most}");
            }
        }
    }
}

#[test]
fn quantiles_that_built_it_come_out() {
    let p90 = Distribution::from_median_p90(ms(12_000), ms(20_000)).unwrap();
    assert_eq!(p90.quantile(Quantile::P50), ms(12_000));
    assert!((quantile(&p90, 0.9) - 20.0).abs() < 1e-8);
    let p99 = Distribution::from_median_p99(ms(120), ms(1200)).unwrap();
    assert!((quantile(&p99, 0.99) - 1.2).abs() < 1e-8);
}

#[test]
fn the_first_draws_are_the_same_on_every_platform() {
    let drawn: Vec<String> = kinds()
        .into_iter()
        .map(|(what, distribution, _)| {
            let mut draws = Draws::new(42, Stream::Fault { fault: 3 });
            let three = [(); 3].map(|()| distribution.sample_nanos(&mut draws));
            format!("{what}: {three:?}")
        })
        .collect();
    insta::assert_snapshot!(drawn.join("\n"));
}

#[test]
fn every_draw_takes_one_number() {
    for (what, distribution, _) in kinds() {
        let stream = Stream::Fault { fault: 3 };
        let (mut a, mut b) = (Draws::new(1, stream), Draws::new(1, stream));
        distribution.sample_nanos(&mut a);
        b.bits();
        assert_eq!(a.bits(), b.bits(), "{what}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_value_and_range() {
    let long = LONGEST + ms(1);
    let cases = [
        (
            Distribution::from_mean_cv(ms(1), -0.1),
            "cv = -0.1, must be from 0 to 100",
        ),
        (
            Distribution::from_mean_cv(ms(1), f64::NAN),
            "cv = NaN, must be from 0 to 100",
        ),
        (
            Distribution::from_mean_cv(long, 1.0),
            "mean = 31622400.001s, must be at most 366 days",
        ),
        (
            Distribution::from_median_p90(ms(2), ms(1)),
            "p90 = 1ms beside a median of 2ms: the median must be above 0 and p90 not below it",
        ),
        (
            Distribution::from_median_p99(ms(0), ms(1)),
            "p99 = 1ms beside a median of 0ns: the median must be above 0 and p99 not below it",
        ),
        (
            Distribution::empirical(vec![]),
            "an empirical distribution needs at least one value",
        ),
    ];
    for (built, says) in cases {
        assert_eq!(built.unwrap_err().to_string(), says);
    }
}

#[test]
fn no_spread_is_constant() {
    assert_eq!(
        Distribution::from_mean_cv(ms(5), 0.0).unwrap(),
        Distribution::Constant(ms(5))
    );
    assert_eq!(
        Distribution::from_mean_cv(ms(0), 2.0).unwrap(),
        Distribution::Constant(ms(0))
    );
    assert_eq!(
        Distribution::from_median_p90(ms(5), ms(5)).unwrap(),
        Distribution::Constant(ms(5))
    );
}

proptest! {
    #[test]
    fn a_log_normal_has_the_mean_and_cv_it_was_built_from(mean_us in 1_u64..1_000_000_000, cv in 0.01..5.0) {
        let mean = Duration::from_micros(mean_us);
        let Distribution::LogNormal { mu, sigma, scale } = Distribution::from_mean_cv(mean, cv).unwrap() else {
            panic!("a cv above 0 spreads");
        };
        let built = scale * libm::exp(mu + sigma * sigma / 2.0);
        prop_assert!((built / mean.as_secs_f64() - 1.0).abs() < 1e-9);
        prop_assert!((libm::expm1(sigma * sigma).sqrt() / cv - 1.0).abs() < 1e-9);
    }

    #[test]
    fn scaling_scales_every_draw(kind in 0_usize..5, factor in 0.01..20.0, fault: u32) {
        let distribution = &kinds()[kind].1;
        let draw = |d: &Distribution| d.sample(&mut Draws::new(9, Stream::Fault { fault })).as_secs_f64();
        let (one, scaled) = (draw(distribution), draw(&distribution.scaled(factor)));
        // A nanosecond's rounding before the scaling, and one after it.
        prop_assert!((one * factor - scaled).abs() < 1e-9 * (one * factor + factor + 30.0), "{one} {scaled}");
    }

    #[test]
    fn quantiles_rise(kind in 0_usize..5, a in 0.0..=1.0, b in 0.0..=1.0) {
        let distribution = &kinds()[kind].1;
        prop_assert!(quantile(distribution, f64::min(a, b)) <= quantile(distribution, f64::max(a, b)));
    }
}
