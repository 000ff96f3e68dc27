//! What each rule says, in words, with its figures where they are known.

use scaler::PolicySpec;

use super::behavior::Behavior;

use crate::record::{Record, speed};
use crate::words::plural;

/// Says what rules say, for the policy of one workload.
pub(super) struct Says<'a> {
    spec: Option<&'a PolicySpec>,
    bounds: Option<(u32, u32)>,
    speed: f64,
}

impl<'a> Says<'a> {
    pub(super) fn new(record: &'a Record, workload: &str) -> Self {
        let service = record.header.services.get(workload);
        Self {
            spec: record.header.policies.get(workload).map(|p| inner(&p.spec)),
            bounds: service.map(|s| (s.min.get(), s.max.get())),
            speed: speed(&record.header),
        }
    }

    /// What the rule with this word says; its word alone is nothing to rest a decision on.
    pub(super) fn rule(&self, rule: &str) -> String {
        let replicas = |n: u32| plural(u64::from(n), "replica");
        match (rule, self.bounds) {
            ("min", Some((min, _))) => return format!("at least {}", replicas(min)),
            ("max", Some((_, max))) => return format!("at most {}", replicas(max)),
            _ => {}
        }
        if let Some(behavior) = self.spec.and_then(|spec| Behavior::of(spec, self.speed)) {
            match rule {
                "stabilisation" => return behavior.stabilisation(),
                "tolerance" => return behavior.tolerance(),
                "rate" => return behavior.rate(),
                _ => {}
            }
        }
        let text = match (rule, self.spec) {
            ("rate", Some(PolicySpec::Reactive(_) | PolicySpec::Foresight(_))) => {
                "in 15 s at most to twice as many or 10 more, and down by a tenth or 1"
            }
            ("cooldown", Some(PolicySpec::Step(_) | PolicySpec::TargetTracking(_))) => {
                "a while after a move, only a larger step out goes on, less what was added"
            }
            _ => general(rule),
        };
        text.to_owned()
    }
}

/// What a rule says whatever the policy and its parameters.
fn general(rule: &str) -> &'static str {
    match rule {
        "min" => "no fewer than the least",
        "max" => "no more than the most",
        "stabilisation" => "no move that a recommendation of the last while speaks against",
        "rate" => "no more than so much at once",
        "tolerance" => "what is near the target is near enough",
        "no_data" => "nothing goes down on missing, stale or thin data",
        "calm" => {
            "not down to a number that is barely enough, or that was too few for this load within the last day"
        }
        "hold" => "a lower number waits until nothing higher was wanted for a while",
        "starting" => "nothing goes down while more than a fifth of the replicas are starting",
        "event" => "nothing goes down shortly before an expected event",
        "panic" => "in a panic the short window counts, and nothing goes down",
        "activation_scale" => "whoever starts from zero starts with so many",
        "scale_down_delay" => "the highest number of the last while holds",
        "initial_scale" => "the first revision starts with so many",
        "paused" => "an annotation pauses it",
        "scale_to_zero" => "zero replicas are switched off",
        "stable_window" => "one replica stays for a stable window after the last request",
        "deactivation" => "before zero, requests are led through the activator",
        "grace_period" => "the last replica stays for a grace period",
        "pod_retention" => "the last replica is kept for a while",
        "activation" => "nothing goes to zero before the first replicas were ready",
        "warm_up" => "replicas that are warming up count as there",
        "cooldown" => "nothing moves until a while after the last move",
        _ => "",
    }
}

/// The policy inside its guards.
fn inner(spec: &PolicySpec) -> &PolicySpec {
    match spec {
        PolicySpec::Guarded { inner: of, .. } => inner(of),
        spec => spec,
    }
}
