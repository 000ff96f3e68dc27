//! How long paced requests hold their slots: 10,000 of 5 ms, 50 at a time, on one thread, with each mode in turn.
//!
//! `cargo run --release -p pacer --example paced`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement to be read"
)]

use std::time::{Duration, Instant};

use pacer::{Mode, Pacer};

const REQUESTS: u32 = 10_000;
const AT_ONCE: u32 = 50;
const WORK: Duration = Duration::from_millis(5);

fn main() {
    println!("{REQUESTS} requests of {WORK:?}, {AT_ONCE} at a time; held, in ms");
    println!(
        "{:10} {:>8} {:>8} {:>8} {:>8}",
        "", "mean", "p50", "p99", "max"
    );
    for (name, mode) in [
        ("balanced", Mode::Balanced),
        ("precise", Mode::Precise),
        ("eco", Mode::Eco),
    ] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut held = runtime.block_on(measure(mode));
        held.sort_unstable();
        let ms = |d: Duration| d.as_secs_f64() * 1e3;
        let at = |share: f64| ms(held[((held.len() - 1) as f64 * share) as usize]);
        let mean = ms(held.iter().sum::<Duration>()) / held.len() as f64;
        println!(
            "{name:10} {mean:8.3} {:8.3} {:8.3} {:8.3}",
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

async fn measure(mode: Mode) -> Vec<Duration> {
    let pacer = Pacer::new(mode).unwrap();
    let slots: Vec<_> = (0..AT_ONCE)
        .map(|slot| tokio::spawn(one_slot(pacer.clone(), slot)))
        .collect();
    let mut held = Vec::new();
    for slot in slots {
        held.extend(slot.await.unwrap());
    }
    held
}

/// One slot's requests, one after the other. Slots begin at different instants, so that they do not wake up together.
async fn one_slot(pacer: Pacer, slot: u32) -> Vec<Duration> {
    let mut held = Vec::new();
    pacer.until(Instant::now() + WORK * slot / AT_ONCE).await;
    for _ in 0..REQUESTS / AT_ONCE {
        let begin = Instant::now();
        pacer.until(begin + WORK).await;
        held.push(begin.elapsed());
    }
    held
}
