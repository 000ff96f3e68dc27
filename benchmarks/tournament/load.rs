//! Eight days of load: what is written of them as a scenario, and what a policy is told of the first seven.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Cursor, Read};

use scenarios::Files;

/// Minutes of a day.
pub const DAY: usize = 1440;
/// Days before the one that is simulated.
pub const BEFORE: usize = 7;
/// The mean of the day that is simulated, in requests per second.
const MEAN: f64 = 300.0;
/// Where the load's file is told to be.
const FILE: &str = "load.csv";
/// Mean work of a request in seconds, and what a replica does at once: so 300 requests a second keep 19 replicas busy.
pub const WORK: f64 = 0.25;
pub const SLOTS: f64 = 4.0;

/// A crowd that comes at once.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// In seconds since the start of the eight days.
    pub at: f64,
    pub rise: f64,
    pub hold: f64,
    pub decay: f64,
    /// What it adds, against the base.
    pub height: f64,
    /// So many times the usual, if it was announced.
    pub announced: Option<f64>,
}

/// Eight days of load, before it is scaled.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// The rate of each minute.
    pub base: Vec<f64>,
    pub crowds: Vec<Crowd>,
    /// A fault of the last day, as a scenario has it.
    pub fault: Option<String>,
    /// What the last day is about, in seconds of that day: a shorter trial is around it.
    pub around: f64,
}

impl Load {
    /// The factor that gives the last day its mean.
    fn factor(&self) -> f64 {
        let begin = (BEFORE * DAY * 60) as f64;
        let base: f64 = self.base.iter().skip(BEFORE * DAY).sum::<f64>() * 60.0;
        let last = self.crowds.iter().filter(|c| c.at >= begin);
        // What falls to a twentieth in `decay` has the area of height × decay ÷ ln 20 in all.
        let area = |c: &Crowd| c.height * (c.rise / 2.0 + c.hold + c.decay / libm::log(20.0));
        let all = base + last.map(area).sum::<f64>();
        MEAN * (DAY * 60) as f64 / all.max(1e-9)
    }

    /// The eight days as a scenario of one service, and the file that it names.
    pub fn written(&self, name: &str, about: &str, seed: u64) -> Written {
        let factor = self.factor();
        let mut csv = "timestamp_s,requests\n".to_owned();
        for (minute, rate) in self.base.iter().enumerate() {
            writeln!(csv, "{},{:.3}", minute * 60, rate * factor * 60.0)
                .expect("a String takes everything");
        }
        let mut rate = format!("    - trace: {{file: {FILE}}}\n");
        let mut calendar = Vec::new();
        for c in &self.crowds {
            let (at, peak) = (c.at.round(), c.height * factor);
            writeln!(
                rate,
                "    - flash: {{at: {at}s, peak: {peak:.3}/s, rise: {}s, hold: {}s, decay: {}s}}",
                c.rise, c.hold, c.decay
            )
            .expect("a String takes everything");
            if let Some(expect) = c.announced {
                // An operator knows how long it is at its height, not how it ends.
                let lasts = c.rise + c.hold;
                calendar.push(format!(
                    "{{at: {at}s, expect: {expect:.2}x, spread: 15%, for: {lasts}s}}"
                ));
            }
        }
        let calendar = match calendar.is_empty() {
            true => String::new(),
            false => format!("  calendar: [{}]\n", calendar.join(", ")),
        };
        let faults = self
            .fault
            .as_ref()
            .map_or_else(String::new, |f| format!("faults:\n  - {f}\n"));
        let yaml = format!(
            "# Seven days before, and one that is simulated. Made by the tournament.\n\
             version: 1\nname: {name}\nabout: \"{about}\"\nstarts: 2026-01-05T00:00Z\nduration: 8d\nseed: {seed}\n\
             traffic:\n  unit: requests\n  rate:\n{rate}\
             journeys: {{visit: {{start: page, pages: {{page: {{get: /}}}}}}}}\n\
             services:\n  shop:\n    replicas: 20\n    slots: 4\n    queue: 64\n    start_up: {{median: 55s, p90: 80s}}\n    \
             limit: 2500ms\n    operations:\n      page: {{route: GET /, do: [work: {{mean: 250ms, cv: 0.6}}]}}\n\
             control: {{period: 5s, scrape: {{interval: 5s, window: 10s, lag: 1s}}}}\n\
             scaling:\n  shop: {{policy: static}}\n{calendar}{faults}\
             slo: {{within: 2500ms, share: 99.9%}}\n"
        );
        Written {
            yaml,
            files: BTreeMap::from([(FILE.to_owned(), csv)]),
        }
    }
}

/// A scenario and the files that it names.
pub struct Written {
    pub yaml: String,
    pub files: BTreeMap<String, String>,
}

impl Files for Written {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read>> {
        match self.files.get(name) {
            Some(text) => Ok(Box::new(Cursor::new(text.clone().into_bytes()))),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }
}
