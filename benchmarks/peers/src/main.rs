//! M/M/10 at 80 % load in other simulators: `peers simcore|nexosim CUSTOMERS`.
//!
//! An event is an arrival or a departure, two a customer. Prints the events, the seconds they took, and the mean wait, by
//! which one sees that the model is right: 0.2046 mean service times by Erlang C.

mod luck;
mod nexosim;
mod simcore;

use std::time::Instant;

/// Servers.
const SERVERS: usize = 10;
/// Arrivals in a mean service time.
const RATE: f64 = 8.0;

/// What a simulated queue came to.
struct Outcome {
    /// Customers whose service began.
    begun: u64,
    /// The sum of their waits, in mean service times.
    waited: f64,
}

fn main() {
    let mut words = std::env::args().skip(1);
    let (Some(peer), Some(customers)) = (words.next(), words.next()) else {
        panic!("usage: peers simcore|nexosim CUSTOMERS");
    };
    let customers: u64 = customers.parse().expect("a number of customers");
    let begin = Instant::now();
    let outcome = match peer.as_str() {
        "simcore" => simcore::run(customers),
        "nexosim" => nexosim::run(customers),
        _ => panic!("no such peer: {peer}"),
    };
    let seconds = begin.elapsed().as_secs_f64();
    let wait = outcome.waited / outcome.begun as f64;
    println!("{peer} {} {seconds:.3} {wait:.4}", 2 * customers);
}
