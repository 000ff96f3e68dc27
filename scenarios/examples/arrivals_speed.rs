//! How long a draw, a sample, an arrival and a shopper's step take.
//!
//! `cargo run -p scenarios --profile max --example arrivals_speed`

#![expect(clippy::disallowed_types, reason = "measuring is what it is for")]
#![expect(clippy::print_stdout, reason = "so is telling")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::Rps;
use scenarios::{Arrivals, Curve, Distribution, Draws, Flash, NoFiles, Scenario, Stream, library};

/// The best of five runs, in nanoseconds per turn.
fn measure(what: &str, turns: u64, mut run: impl FnMut(u64)) {
    let best = (0..5)
        .map(|_| {
            let start = Instant::now();
            run(turns);
            start.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!(
        "{what:<40} {:>8.1} ns",
        best.as_nanos() as f64 / turns as f64
    );
}

fn draws() {
    let stream = |journey| Stream::Demand {
        journey,
        page: 3,
        hop: 17,
        attempt: 0,
    };
    measure("a key and its first draw", 10_000_000, |turns| {
        (0..turns).for_each(|journey| {
            black_box(Draws::new(42, stream(journey)).bits());
        });
    });
    let mut one = Draws::new(42, stream(0));
    measure("another draw", 10_000_000, |turns| {
        (0..turns).for_each(|_| {
            black_box(one.bits());
        });
    });
    let ms = Duration::from_millis;
    let kinds = [
        ("constant", Some(Distribution::constant(ms(5)))),
        ("log-normal", Distribution::from_mean_cv(ms(45), 0.8).ok()),
        ("exponential", Distribution::exponential(ms(20)).ok()),
        (
            "empirical",
            Distribution::empirical((0..1000).map(ms).collect()).ok(),
        ),
    ];
    for (what, kind) in kinds {
        let Some(kind) = kind else { continue };
        measure(&format!("a {what} sample"), 5_000_000, |turns| {
            (0..turns).for_each(|_| {
                black_box(kind.sample_nanos(&mut one));
            });
        });
        measure(
            &format!("a {what} sample with its key"),
            5_000_000,
            |turns| {
                (0..turns).for_each(|journey| {
                    black_box(kind.sample_nanos(&mut Draws::new(42, stream(journey))));
                });
            },
        );
    }
}

fn main() {
    draws();
    let Ok(rate) = Rps::new(10_000.0) else { return };
    let minute = Duration::from_secs(60);
    let flash = Flash {
        at: minute,
        peak: rate,
        rise: minute,
        hold: minute,
        decay: 4 * minute,
    };
    for (what, curve) in [
        ("constant", Curve::Constant { rate }),
        ("flash", Curve::Flash(flash)),
    ] {
        let total = curve.count_until(10 * minute) as u64;
        measure(&format!("an instant of a {what} curve"), total, |turns| {
            for count in 0..turns {
                black_box(curve.inverse(count as f64));
            }
        });
    }
    for (name, text) in library() {
        let Ok(scenario) = Scenario::read(name, text.as_bytes(), &NoFiles, &[]) else {
            continue;
        };
        arrivals(scenario);
    }
}

/// The first million arrivals of a scenario, and how long it takes to find out who is inside at its start.
fn arrivals(scenario: Scenario) {
    const MOST: usize = 1_000_000;
    let name = scenario.name.clone();
    let scenario = Arc::new(scenario);
    let all = || Arrivals::new(Arc::clone(&scenario)).take(MOST);
    let count = all().count() as u64;
    let start = Instant::now();
    let mut schedule = Arrivals::new(Arc::clone(&scenario));
    println!("{name}: ready after {:?}", start.elapsed());
    let start = Instant::now();
    schedule.by_ref().take(MOST).for_each(|arrival| {
        black_box(arrival);
    });
    let each = start.elapsed().as_nanos() as f64 / count as f64;
    println!("{name}: {each:.0} ns an arrival with its shopper, of {count}");
    let other = Arrivals::for_worker(Arc::clone(&scenario), 1, 2);
    let start = Instant::now();
    let taken = other.take(MOST / 2).count();
    let each = start.elapsed().as_nanos() as f64 / (2 * taken.max(1)) as f64;
    println!("{name}: {each:.0} ns an arrival of which one worker of two takes half");
}
