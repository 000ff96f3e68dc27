//! Real traffic, from the folder that `RUSHHOUR_TRACES` names (`../shared/traces` beside the project by default). Without
//! that folder there is nothing to test.

#![expect(
    clippy::disallowed_types,
    reason = "traces are files; only the tests open them"
)]

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use scenarios::{Curve, Part, read_counts};

/// Name, bin in seconds, hours and total, as the folder's README has them.
const TRACES: [(&str, u64, f64, f64); 5] = [
    ("autothrottle_diurnal_1s", 1, 1.0, 945_292.0),
    ("autothrottle_noisy_1s", 1, 1.0, 566_914.0),
    ("nab_nyc_taxi_30min", 1800, 5160.0, 156_219_716.0),
    ("nasa_jul10_16_1s", 1, 168.0, 557_495.0),
    ("worldcup98_may1_jun21_1min", 60, 1248.0, 592_469_955.0),
];

fn folder() -> PathBuf {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/traces"));
    std::env::var_os("RUSHHOUR_TRACES").map_or_else(beside, PathBuf::from)
}

#[test]
fn every_request_of_a_real_trace_is_counted() {
    if !folder().is_dir() {
        println!("no traces in {}: nothing tested", folder().display());
        return;
    }
    for (name, bin, hours, total) in TRACES {
        let file = File::open(folder().join(format!("{name}.csv.gz"))).unwrap();
        let counts = read_counts(file, name, Part::WHOLE).unwrap();
        assert_eq!(counts.bin(), Duration::from_secs(bin), "{name}");
        let length = counts.length();
        assert!(
            (length.as_secs_f64() / 3600.0 - hours).abs() < 0.01,
            "{name}: {length:?}"
        );
        let counted = Curve::Trace(counts).count_until(length);
        assert!(
            (counted - total).abs() < 1e-3,
            "{name}: {counted}, not {total}"
        );
    }
}
