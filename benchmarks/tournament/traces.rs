//! Real traffic, read from where `RUSHHOUR_TRACES` says, and never written anywhere.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use scenarios::{Curve, Part};

use super::load::{BEFORE, DAY, Load};

/// A class of real days.
#[derive(Clone, Copy)]
pub struct Real {
    pub name: &'static str,
    pub about: &'static str,
    file: &'static str,
    /// The first and the last day that is simulated; a seed takes one of them.
    days: (u64, u64),
}

pub const REAL: [Real; 5] = [
    Real {
        name: "match-surge",
        about: "World Cup 98: days with matches.",
        file: "worldcup98_may1_jun21_1min.csv.gz",
        days: (40, 51),
    },
    Real {
        name: "nasa",
        about: "NASA 95: few requests, scaled up, so their noise too.",
        file: "nasa_jul95_1min.csv.gz",
        days: (7, 26),
    },
    Real {
        name: "taxi",
        about: "Taxi passengers of New York in half hours, between which the load goes straight.",
        file: "nab_nyc_taxi_30min.csv.gz",
        days: (7, 213),
    },
    Real {
        name: "tweets",
        about: "Tweets on a company, in five minutes.",
        file: "nab_tweets_amzn_5min.csv.gz",
        days: (7, 53),
    },
    Real {
        name: "load-balancer",
        about: "Requests at a load balancer of AWS, in five minutes.",
        file: "nab_aws_elb_requests_5min.csv.gz",
        days: (7, 13),
    },
];

impl Real {
    /// The eight days that end with the one that this seed takes.
    pub fn load(&self, folder: &Path, seed: u64) -> anyhow::Result<Load> {
        let (first, last) = self.days;
        // Far apart for seeds that follow each other.
        let day = first + seed.wrapping_mul(7919) % (last - first + 1);
        let path = folder.join(self.file);
        let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        let second = Duration::from_secs(86_400);
        let from = u32::try_from(day)? - BEFORE as u32;
        let part = Part {
            from: second * from,
            length: second * (BEFORE as u32 + 1),
        };
        let counts = scenarios::read_counts(file, self.file, part)?;
        let bin = counts.bin().as_secs_f64();
        let curve = Curve::Trace(counts);
        let minutes = (BEFORE + 1) * DAY;
        let base: Vec<f64> = (0..minutes).map(|m| between(&curve, bin, m)).collect();
        let last = &base[BEFORE * DAY..];
        let highest = (0..DAY)
            .max_by(|a, b| last[*a].total_cmp(&last[*b]))
            .unwrap_or(0);
        Ok(Load {
            around: (highest * 60) as f64,
            base,
            ..Load::default()
        })
    }
}

/// The rate of a minute. Bins longer than that are joined in straight lines from middle to middle, or a load of half hours
/// would be one of jumps.
fn between(curve: &Curve, bin: f64, minute: usize) -> f64 {
    let at = (minute * 60) as f64 + 30.0;
    let rate = |t: f64| curve.rate_at(Duration::from_secs_f64(t.max(0.0))).get();
    if bin <= 60.0 {
        return rate(at);
    }
    let place = at / bin - 0.5;
    let (left, share) = (place.floor(), place - place.floor());
    let middle = |i: f64| rate((i.max(0.0) + 0.5) * bin);
    middle(left) * (1.0 - share) + middle(left + 1.0) * share
}
