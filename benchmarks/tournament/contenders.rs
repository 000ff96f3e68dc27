//! Who takes part: policies of the language, each with its settings from the cheapest to the most careful.

use super::day::Day;
use super::load::{BEFORE, SLOTS, WORK};

/// Readings as our own collector takes them, and Knative's.
const FAST: &str = "control={period: 5s, scrape: {interval: 5s, window: 10s, lag: 1s}}";
/// Readings as the metrics server gives them to an HPA: means of 30 s that are 15 s old, looked at every 15 s.
const SLOW: &str = "control={period: 15s, scrape: {interval: 15s, window: 30s, lag: 15s}}";
/// Requests per second that hold all slots of a replica.
const FULL: f64 = SLOTS / WORK;
/// Targets in percent, from the cheapest. Above 90 an HPA, which tolerates a tenth more, never adds a replica: 91 stands beside it
/// so that nobody looks for something between.
const SHARES: [f64; 15] = [
    95.0, 91.0, 90.0, 85.0, 80.0, 75.0, 70.0, 65.0, 60.0, 55.0, 50.0, 45.0, 40.0, 30.0, 20.0,
];
/// Of those, what people begin with: 70 %.
const USUAL: usize = 6;
/// What a slow request is worth, in seconds of a replica: our own policies' number, from the cheapest.
const PRICES: [f64; 14] = [
    0.000_01, 0.000_1, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0, 2.0, 4.0, 10.0, 30.0,
];

/// One setting.
#[derive(Clone, Debug)]
pub struct Level {
    pub name: String,
    /// What makes it of a day's scenario.
    pub sets: Vec<String>,
    /// For our own: what a slow request is worth; nothing: what keeps them within 0.1 %.
    pub price: Option<f64>,
}

/// Settings along one number.
pub struct Curve {
    /// From the cheapest to the most careful.
    pub numbers: Vec<f64>,
    /// A number between two; nothing if there is none.
    pub middle: fn(f64, f64) -> Option<f64>,
    level: Box<dyn Fn(f64) -> Level>,
}

impl Curve {
    /// Along targets in whole percent.
    fn of_shares(level: impl Fn(f64) -> Level + 'static) -> Self {
        Self::of(SHARES.to_vec(), whole, level)
    }

    fn of(
        numbers: Vec<f64>,
        middle: fn(f64, f64) -> Option<f64>,
        level: impl Fn(f64) -> Level + 'static,
    ) -> Self {
        let level = Box::new(level);
        Self {
            numbers,
            middle,
            level,
        }
    }

    /// The setting of a number.
    pub fn level(&self, number: f64) -> Level {
        (self.level)(number)
    }

    /// The setting of a number of these, by its place.
    pub fn at(&self, place: usize) -> Level {
        self.level(self.numbers[place])
    }
}

/// The whole number in the middle of two.
fn whole(a: f64, b: f64) -> Option<f64> {
    let middle = f64::midpoint(a, b).round();
    (middle > a.min(b) && middle < a.max(b)).then_some(middle)
}

/// The number that is so many times one as the other is it; none if they are within 2 % of each other: what a policy does is no
/// smooth function of its number.
pub fn geometric(a: f64, b: f64) -> Option<f64> {
    (a.max(b) > 1.02 * a.min(b)).then(|| (a * b).sqrt())
}

/// One policy.
pub struct Contender {
    pub name: &'static str,
    pub about: &'static str,
    /// Its settings along one number; several such rows if other numbers vary too.
    pub curves: fn(&Day) -> Vec<Curve>,
    /// The setting that is tried everywhere: one of the first curve, by its place; nothing: one of its own, in which it finds
    /// its number itself.
    pub usual: Option<usize>,
    /// Whether announced events are its minimum.
    pub calendar: bool,
}

impl Contender {
    /// The setting that is tried everywhere.
    pub fn usual_level(&self, curves: &[Curve]) -> Level {
        match self.usual {
            Some(place) => curves[0].at(place),
            None => own(self.name, None),
        }
    }
}

pub const CONTENDERS: [Contender; 10] = [
    Contender {
        name: "static",
        about: "so many replicas, always",
        curves: standing,
        usual: Some(6),
        calendar: false,
    },
    Contender {
        name: "schedule",
        about: "replicas by the time of day, from the median of the seven days before",
        curves: schedule,
        usual: Some(4),
        calendar: false,
    },
    Contender {
        name: "hpa",
        about: "Kubernetes' HPA on CPU, with its own behaviour",
        curves: hpa,
        usual: Some(USUAL),
        calendar: false,
    },
    Contender {
        name: "hpa-tuned",
        about: "the same with its stabilisation and rates searched, and announced events as its minimum",
        curves: hpa_tuned,
        usual: Some(USUAL),
        calendar: true,
    },
    Contender {
        name: "keda-rate",
        about: "KEDA on requests per second",
        curves: keda,
        usual: Some(USUAL),
        calendar: false,
    },
    Contender {
        name: "kpa",
        about: "Knative's, with announced events as its minimum",
        curves: kpa,
        usual: Some(USUAL),
        calendar: true,
    },
    Contender {
        name: "step",
        about: "steps with a cool-down, after AWS",
        curves: step,
        usual: Some(USUAL),
        calendar: false,
    },
    Contender {
        name: "target-tracking",
        about: "target tracking, after AWS",
        curves: tracking,
        usual: Some(USUAL),
        calendar: false,
    },
    Contender {
        name: "reactive",
        about: "our own, without history",
        curves: reactive,
        usual: None,
        calendar: false,
    },
    Contender {
        name: "foresight",
        about: "our own, with seven days of history",
        curves: foresight,
        usual: None,
        calendar: false,
    },
];

fn level(name: String, control: &str, scaling: &str) -> Level {
    let scaling = format!("scaling.shop={{{scaling}, min: 2, max: 400}}");
    Level {
        name,
        sets: vec![control.to_owned(), scaling],
        price: None,
    }
}

fn shares(control: &'static str, scaling: impl Fn(f64) -> String + 'static) -> Curve {
    Curve::of_shares(move |percent| level(format!("{percent}%"), control, &scaling(percent)))
}

/// As shares of the replicas that the day's peak takes at three quarters of their slots.
fn standing(day: &Day) -> Vec<Curve> {
    let factors = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0];
    let of = |factor: f64| (factor * day.peak / FULL / 0.75).ceil().max(1.0);
    let level = |n: f64| Level {
        name: format!("{n}"),
        sets: vec![
            FAST.to_owned(),
            format!("services.shop.replicas={n}"),
            "scaling.shop={policy: static}".to_owned(),
        ],
        price: None,
    };
    vec![Curve::of(factors.map(of).to_vec(), whole, level)]
}

/// Every quarter of an hour as many as the median of the days before needed at most within it, at a share of their slots.
fn schedule(day: &Day) -> Vec<Curve> {
    let begin = BEFORE as u64 * 86_400;
    let median = day.median.clone();
    let of = move |percent: f64| {
        let entry = |(quarter, rate): (usize, &f64)| {
            let n = (rate / FULL / percent * 100.0).ceil().clamp(2.0, 400.0);
            format!("{{at: {}s, replicas: {n}}}", begin + quarter as u64 * 900)
        };
        let entries: Vec<String> = median.iter().enumerate().map(entry).collect();
        let scaling = format!("policy: schedule, schedule: [{}]", entries.join(", "));
        level(format!("{percent}%"), FAST, &scaling)
    };
    vec![Curve::of_shares(of)]
}

fn hpa(_: &Day) -> Vec<Curve> {
    vec![shares(SLOW, |percent| {
        format!("policy: hpa, target: {{cpu: {percent}%}}")
    })]
}

fn hpa_tuned(_: &Day) -> Vec<Curve> {
    let behaviours = [
        "stabilization: 5m",
        "stabilization: 1m",
        "stabilization: 2m, behavior: {scaleUp: {policies: [{type: Percent, value: 400, periodSeconds: 15}]}, scaleDown: {policies: [{type: Percent, value: 10, periodSeconds: 60}]}}",
    ];
    let curve = |behaviour: &'static str| {
        shares(SLOW, move |percent| {
            format!("policy: hpa, target: {{cpu: {percent}%}}, {behaviour}")
        })
    };
    behaviours.map(curve).into()
}

fn keda(_: &Day) -> Vec<Curve> {
    vec![shares(SLOW, |percent| {
        let rate = percent / 100.0 * FULL;
        format!("policy: keda, triggers: [{{requests: {rate:.2}/s}}]")
    })]
}

fn kpa(_: &Day) -> Vec<Curve> {
    vec![shares(FAST, |percent| {
        format!("policy: kpa, utilization: {percent}%")
    })]
}

fn step(_: &Day) -> Vec<Curve> {
    vec![shares(SLOW, |percent| {
        format!("policy: step, target: {{cpu: {percent}%}}")
    })]
}

fn tracking(_: &Day) -> Vec<Curve> {
    vec![shares(SLOW, |percent| {
        format!("policy: target_tracking, target: {{cpu: {percent}%}}")
    })]
}

/// Our own with a price, and as it finds its price itself.
fn own(policy: &str, price: Option<f64>) -> Level {
    let name = price.map_or_else(|| "budget 0.1%".to_owned(), |p| format!("price {p}"));
    Level {
        price,
        ..level(name, FAST, &format!("policy: {policy}, budget: 0.1%"))
    }
}

fn prices(policy: &'static str) -> Vec<Curve> {
    let level = move |price: f64| own(policy, Some(price));
    vec![Curve::of(PRICES.to_vec(), geometric, level)]
}

fn reactive(_: &Day) -> Vec<Curve> {
    prices("reactive")
}

fn foresight(_: &Day) -> Vec<Curve> {
    prices("foresight")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_between_two_numbers_comes_to_an_end() {
        for middle in [whole, geometric] {
            let (mut low, mut high, mut steps) = (1.0, 90.0, 0);
            while let Some(number) = middle(low, high) {
                assert!(number > low && number < high);
                (low, high) = if steps % 3 == 0 {
                    (number, high)
                } else {
                    (low, number)
                };
                steps += 1;
            }
            assert!((1..100).contains(&steps), "{steps}");
        }
    }
}
