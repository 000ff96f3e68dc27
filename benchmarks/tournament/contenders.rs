//! Who takes part: policies of the language, each with its settings from the cheapest to the most careful.

use super::day::Day;
use super::load::{BEFORE, SLOTS, WORK};

/// Readings as our own collector takes them, and Knative's.
const FAST: &str = "control={period: 5s, scrape: {interval: 5s, window: 10s, lag: 1s}}";
/// Readings as the metrics server gives them to an HPA: means of 30 s that are 15 s old, looked at every 15 s.
const SLOW: &str = "control={period: 15s, scrape: {interval: 15s, window: 30s, lag: 15s}}";
/// Requests per second that hold all slots of a replica.
const FULL: f64 = SLOTS / WORK;
/// Targets as shares, from the cheapest.
const SHARES: [u32; 14] = [95, 90, 85, 80, 75, 70, 65, 60, 55, 50, 45, 40, 30, 20];
/// Of those, what people begin with: 70 %.
const USUAL: usize = 5;
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

/// One policy.
pub struct Contender {
    pub name: &'static str,
    pub about: &'static str,
    /// Settings along one number, from the cheapest to the most careful; several such rows if other numbers vary too.
    pub curves: fn(&Day) -> Vec<Vec<Level>>,
    /// The setting that is tried everywhere: one of the first curve, by its place; nothing: one of its own, in which it finds
    /// its number itself.
    pub usual: Option<usize>,
    /// Whether announced events are its minimum.
    pub calendar: bool,
}

impl Contender {
    /// The setting that is tried everywhere.
    pub fn usual_level(&self, curves: &[Vec<Level>]) -> Level {
        match self.usual {
            Some(place) => curves[0][place].clone(),
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
        usual: Some(3),
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

fn shares(control: &str, scaling: impl Fn(f64) -> String) -> Vec<Level> {
    let of = |percent: &u32| {
        level(
            format!("{percent}%"),
            control,
            &scaling(f64::from(*percent) / 100.0),
        )
    };
    SHARES.iter().map(of).collect()
}

fn standing(day: &Day) -> Vec<Vec<Level>> {
    let factors = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0];
    let of = |factor: &f64| {
        let n = (factor * day.peak / FULL / 0.75).ceil().max(1.0);
        Level {
            name: format!("{n}"),
            sets: vec![
                FAST.to_owned(),
                format!("services.shop.replicas={n}"),
                "scaling.shop={policy: static}".to_owned(),
            ],
            price: None,
        }
    };
    vec![factors.iter().map(of).collect()]
}

/// Every quarter of an hour as many as the median of the days before needed at most within it, at a share of their slots.
fn schedule(day: &Day) -> Vec<Vec<Level>> {
    let begin = BEFORE as u64 * 86_400;
    let of = |percent: &u32| {
        let entry = |quarter: usize| {
            let n = (day.median[quarter] / FULL / f64::from(*percent) * 100.0)
                .ceil()
                .clamp(2.0, 400.0);
            format!("{{at: {}s, replicas: {n}}}", begin + quarter as u64 * 900)
        };
        let entries: Vec<String> = (0..96).map(entry).collect();
        let scaling = format!("policy: schedule, schedule: [{}]", entries.join(", "));
        level(format!("{percent}%"), FAST, &scaling)
    };
    vec![SHARES.iter().map(of).collect()]
}

fn hpa(_: &Day) -> Vec<Vec<Level>> {
    vec![shares(SLOW, |share| {
        format!("policy: hpa, target: {{cpu: {:.0}%}}", share * 100.0)
    })]
}

fn hpa_tuned(_: &Day) -> Vec<Vec<Level>> {
    let behaviours = [
        "stabilization: 5m",
        "stabilization: 1m",
        "stabilization: 2m, behavior: {scaleUp: {policies: [{type: Percent, value: 400, periodSeconds: 15}]}, scaleDown: {policies: [{type: Percent, value: 10, periodSeconds: 60}]}}",
    ];
    let curve = |behaviour: &&str| {
        let of = |share: f64| {
            format!(
                "policy: hpa, target: {{cpu: {:.0}%}}, {behaviour}",
                share * 100.0
            )
        };
        shares(SLOW, of)
    };
    behaviours.iter().map(curve).collect()
}

fn keda(_: &Day) -> Vec<Vec<Level>> {
    let of = |share: f64| {
        format!(
            "policy: keda, triggers: [{{requests: {:.2}/s}}]",
            share * FULL
        )
    };
    vec![shares(SLOW, of)]
}

fn kpa(_: &Day) -> Vec<Vec<Level>> {
    vec![shares(FAST, |share| {
        format!("policy: kpa, utilization: {:.0}%", share * 100.0)
    })]
}

fn step(_: &Day) -> Vec<Vec<Level>> {
    vec![shares(SLOW, |share| {
        format!("policy: step, target: {{cpu: {:.0}%}}", share * 100.0)
    })]
}

fn tracking(_: &Day) -> Vec<Vec<Level>> {
    let of = |share: f64| {
        format!(
            "policy: target_tracking, target: {{cpu: {:.0}%}}",
            share * 100.0
        )
    };
    vec![shares(SLOW, of)]
}

/// Our own with a price, and as it finds its price itself.
fn own(policy: &str, price: Option<f64>) -> Level {
    let name = price.map_or_else(|| "budget 0.1%".to_owned(), |p| format!("price {p}"));
    Level {
        price,
        ..level(name, FAST, &format!("policy: {policy}, budget: 0.1%"))
    }
}

fn prices(policy: &str) -> Vec<Vec<Level>> {
    let all = PRICES.iter().map(|price| own(policy, Some(*price)));
    vec![all.collect()]
}

fn reactive(_: &Day) -> Vec<Vec<Level>> {
    prices("reactive")
}

fn foresight(_: &Day) -> Vec<Vec<Level>> {
    prices("foresight")
}
