use rand::Rng;

use super::*;

/// One of each kind, with numbers that differ.
fn streams() -> Vec<Stream> {
    let (journey, page, hop) = (7, 3, 18);
    vec![
        Stream::Arrivals { curve: 7 },
        Stream::Journey { journey },
        Stream::Think { journey, page },
        Stream::Demand {
            journey,
            page,
            hop,
            attempt: 0,
        },
        Stream::Demand {
            journey,
            page,
            hop,
            attempt: 1,
        },
        Stream::Retry {
            journey,
            page,
            hop,
            attempt: 1,
        },
        Stream::StartUp {
            service: 2,
            ordinal: 5,
        },
        Stream::Balance {
            journey,
            page,
            hop,
            attempt: 0,
        },
        Stream::Fault { fault: 7 },
        Stream::Variable {
            journey,
            variable: 3,
        },
        Stream::Extract {
            journey,
            page,
            extract: 0,
        },
        Stream::Before { curve: 7 },
        Stream::Crowd { place: 7 },
        Stream::Thin { arrival: 7 },
        Stream::Patience {
            journey,
            page,
            hop,
            attempt: 0,
        },
        Stream::Network {
            journey,
            page,
            hop,
            attempt: 0,
        },
        Stream::Node { ordinal: 7 },
        Stream::Recurrence { fault: 7 },
        Stream::Days { service: 7 },
    ]
}

#[test]
fn the_first_draws_of_every_stream_are_those_of_version_2() {
    // A change here is a change of VERSION: records of old runs could not be replayed.
    let first: Vec<String> = streams()
        .into_iter()
        .map(|stream| format!("{:016x}", Draws::new(42, stream).bits()))
        .collect();
    assert_eq!(VERSION, "splitmix64/2");
    insta::assert_snapshot!(first.join("\n"));
}

#[test]
fn the_generator_is_splitmix64() {
    // The first three numbers of the published generator seeded with 1234567 (Vigna's splitmix64.c).
    let mut draws = Draws { state: 1_234_567 };
    let drawn = [draws.bits(), draws.bits(), draws.bits()];
    assert_eq!(
        drawn,
        [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423
        ]
    );
}

#[test]
fn a_draw_does_not_depend_on_what_was_drawn_before() {
    let stream = Stream::Demand {
        journey: 9,
        page: 2,
        hop: 0,
        attempt: 0,
    };
    let alone = Draws::new(1, stream).bits();
    let mut other = Draws::new(
        1,
        Stream::Demand {
            journey: 9,
            page: 1,
            hop: 0,
            attempt: 0,
        },
    );
    for _ in 0..1000 {
        other.bits();
    }
    assert_eq!(Draws::new(1, stream).bits(), alone);
}

#[test]
fn no_two_purposes_share_a_key() {
    let mut keys: Vec<u64> = (0..3)
        .flat_map(|seed| {
            streams()
                .into_iter()
                .map(move |stream| Draws::new(seed, stream).state)
        })
        .collect();
    // Seeds that differ by what an attempt differs by.
    for (seed, attempt) in [(100, 1), (101, 0)] {
        let stream = Stream::Demand {
            journey: 1,
            page: 1,
            hop: 1,
            attempt,
        };
        keys.push(Draws::new(seed, stream).state);
    }
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

/// χ² of `counts` against equal chances.
fn chi_square(counts: &[u32]) -> f64 {
    let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    counts
        .iter()
        .map(|count| squared(f64::from(*count) - expected) / expected)
        .sum()
}

fn squared(x: f64) -> f64 {
    x * x
}

#[test]
fn first_draws_of_neighbouring_entities_are_uniform_and_independent() {
    // Neighbours in each number of the entity, and in the seed.
    let families: [fn(u64) -> Draws; 5] = [
        |i| Draws::new(1, Stream::Journey { journey: i }),
        |i| {
            Draws::new(
                1,
                Stream::Think {
                    journey: 5,
                    page: i as u32,
                },
            )
        },
        |i| {
            Draws::new(
                1,
                Stream::Demand {
                    journey: 5,
                    page: 1,
                    hop: i as u32,
                    attempt: 0,
                },
            )
        },
        |i| {
            Draws::new(
                1,
                Stream::Demand {
                    journey: 5,
                    page: 1,
                    hop: 0,
                    attempt: i as u32,
                },
            )
        },
        |i| Draws::new(i, Stream::Journey { journey: 5 }),
    ];
    for (family, draws) in families.iter().enumerate() {
        let values: Vec<f64> = (0..65_536).map(|i| draws(i).uniform()).collect();
        let mut single = [0_u32; 256];
        let mut pairs = [0_u32; 256];
        for pair in values.windows(2) {
            single[(pair[0] * 256.0) as usize] += 1;
            pairs[(pair[0] * 16.0) as usize * 16 + (pair[1] * 16.0) as usize] += 1;
        }
        for counts in [single, pairs] {
            // 255 degrees of freedom: mean 255, deviation 22.6. Five of them.
            let chi = chi_square(&counts);
            assert!((142.0..368.0).contains(&chi), "family {family}: χ² {chi}");
        }
    }
}

#[test]
fn uniform_draws_stay_between_0_and_1() {
    assert!(unit_interval(0) > 0.0);
    assert!(unit_interval(u64::MAX) < 1.0);
    assert!(
        libm::log(unit_interval(u64::MAX)) < 0.0,
        "an exponential draw is never 0"
    );
}

#[test]
fn below_keeps_to_its_bound() {
    let mut draws = Draws::new(3, Stream::Fault { fault: 0 });
    let mut seen = [0_u32; 3];
    for _ in 0..3000 {
        seen[draws.below(3) as usize] += 1;
    }
    assert!(
        seen.iter().all(|count| (850..1150).contains(count)),
        "{seen:?}"
    );
    assert_eq!(draws.below(0), 0);
}

#[test]
fn bytes_are_those_of_the_numbers() {
    let stream = Stream::Fault { fault: 1 };
    let mut bytes = [0; 11];
    Draws::new(3, stream).fill_bytes(&mut bytes);
    let mut draws = Draws::new(3, stream);
    assert_eq!(bytes[..8], draws.bits().to_le_bytes());
    assert_eq!(bytes[8..], draws.bits().to_le_bytes()[..3]);
}

#[test]
fn late_draws_are_the_same_but_for_those_that_are_skipped() {
    for stream in streams() {
        let mut draws = Draws::new(5, stream);
        draws.bits();
        draws.bits();
        let mut late = LateDraws::new(Seed::new(5), stream, 2);
        assert_eq!(late.next_u64(), draws.next_u64());
        assert_eq!(late.next_u32(), draws.next_u32());
        let (mut bytes, mut same) = ([0; 11], [0; 11]);
        late.fill_bytes(&mut bytes);
        draws.fill_bytes(&mut same);
        assert_eq!(bytes, same);
    }
}

#[test]
fn no_two_calls_of_a_page_share_a_hop() {
    let mut hops = vec![0];
    let mut level = vec![0];
    for _ in 0..3 {
        level = level
            .iter()
            .flat_map(|hop| (0..15).map(|i| child_hop(*hop, i)))
            .collect();
        hops.extend(&level);
    }
    let count = hops.len();
    hops.sort_unstable();
    hops.dedup();
    assert_eq!(hops.len(), count);
}
