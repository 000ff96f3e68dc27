//! M/M/10 at 80 % load in other simulators: `peers simcore|nexosim CUSTOMERS`.
//!
//! An event is an arrival or a departure, two a customer. Prints the events, the seconds of CPU that they took, and the mean
//! wait, by which one sees that the model is right: 0.2046 mean service times by Erlang C.

mod luck;
mod nexosim;
mod simcore;

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

/// The seconds that all threads of this process have been on a processor: on a shared machine the clock measures the others.
fn cpu_seconds() -> f64 {
    let nanoseconds = |task: std::io::Result<std::fs::DirEntry>| {
        let told = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        told.split(' ').next()?.parse::<f64>().ok()
    };
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    tasks.filter_map(nanoseconds).sum::<f64>() / 1e9
}

fn main() {
    let mut words = std::env::args().skip(1);
    let (Some(peer), Some(customers)) = (words.next(), words.next()) else {
        panic!("usage: peers simcore|nexosim CUSTOMERS");
    };
    let customers: u64 = customers.parse().expect("a number of customers");
    let begin = cpu_seconds();
    let outcome = match peer.as_str() {
        "simcore" => simcore::run(customers),
        "nexosim" => nexosim::run(customers),
        _ => panic!("no such peer: {peer}"),
    };
    let seconds = cpu_seconds() - begin;
    let wait = outcome.waited / outcome.begun as f64;
    println!("{peer} {} {seconds:.3} {wait:.4}", 2 * customers);
}
