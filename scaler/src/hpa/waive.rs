//! What would have been without one of the rules.

use std::time::Duration;

use super::Hpa;
use super::normalise::{Direction, Rate, Select, Unit};
use super::rules::Tolerance;

/// The rules that can be switched off, in the order in which they apply.
pub(super) const RULES: &[&str] = &["tolerance", "stabilisation", "rate", "min", "max"];

impl Hpa {
    /// Switches a rule off for the next decision.
    pub(super) fn waive_rule(&mut self, rule: &str) {
        match rule {
            "tolerance" => self.tolerance = Tolerance { up: 0.0, down: 0.0 },
            // What is not remembered holds nothing back, in whichever direction.
            "stabilisation" => self.memory.recommendations = Some(Vec::new()),
            "rate" => self.waive_rate(),
            "min" => self.min = self.min.min(1),
            "max" => self.max = i32::MAX,
            _ => {}
        }
    }

    fn waive_rate(&mut self) {
        self.any_rate = true;
        if let Some(rules) = &mut self.rules {
            for side in [&mut rules.up, &mut rules.down] {
                *side = Direction {
                    window: side.window,
                    select: Select::Max,
                    rates: vec![Rate {
                        unit: Unit::Pods,
                        value: i32::MAX,
                        period: Duration::ZERO,
                    }],
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics::{Quantity, Reading, Replicas, Timestamp};

    use crate::{
        HpaTarget, MetricId, Observation, PolicySpec, ReplicaObservation, Sample, Scale, SimpleHpa,
        Verdict, WriteOutcome,
    };

    /// `spec` replicas that are ready, each with so many requests a second.
    fn seen(at: i64, spec: u32, requests: i64) -> Observation {
        let at = Timestamp::from_secs(at);
        let id = MetricId::Pods {
            name: "requests".into(),
        };
        let replica = |i| ReplicaObservation {
            id: format!("r-{i}"),
            ready: crate::Readiness {
                state: crate::ReadyState::True,
                since: Some(Timestamp::EPOCH),
            },
            ..ReplicaObservation::default()
        };
        let sample = |i| Sample {
            replica: Some(format!("r-{i}")),
            value: Quantity::from_milli(requests * 1000),
        };
        let scale = Scale {
            spec: Replicas(spec),
            status: Replicas(spec),
            ..Scale::default()
        };
        Observation {
            at,
            scale: Reading::now(scale, at),
            replicas: (0..spec).map(replica).collect(),
            metrics: [(id, Reading::now((0..spec).map(sample).collect(), at))].into(),
            ..Observation::default()
        }
    }

    /// What the last of `steps` comes to, with and without each rule.
    fn without(behavior: Option<serde_json::Value>, steps: &[(i64, u32, i64)]) -> Vec<u32> {
        let spec = PolicySpec::Hpa(SimpleHpa {
            targets: vec![HpaTarget::Requests(10.0)],
            min: Replicas(2),
            max: Replicas(12),
            behavior,
            rate_period: std::time::Duration::from_secs(15),
            controller: crate::HpaController::default(),
        });
        let mut policy = spec.build().unwrap();
        let (last, before) = steps.split_last().unwrap();
        for (at, replicas, requests) in before {
            policy.decide(&seen(*at, *replicas, *requests));
            policy.settle(&WriteOutcome::Written);
        }
        let state = policy.save();
        let last = seen(last.0, last.1, last.2);
        let number = |rule: &str| {
            let mut policy = spec.build().unwrap();
            policy.restore(&state).unwrap();
            policy.waive(rule);
            match policy.decide(&last).verdict {
                Verdict::Scale(n) => n.get(),
                Verdict::Hold => panic!("a number is due"),
            }
        };
        ["", "tolerance", "stabilisation", "rate", "min", "max"]
            .map(number)
            .to_vec()
    }

    #[test]
    fn each_rule_can_be_switched_off() {
        let up = serde_json::json!({"scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}});
        for (what, behavior, steps, numbers) in [
            (
                "the older rate",
                None,
                &[(0, 5, 21)][..],
                [10, 10, 10, 11, 10, 10],
            ),
            (
                "the older rate hides the maximum",
                None,
                &[(0, 5, 30)],
                [10, 10, 10, 12, 10, 10],
            ),
            ("the maximum", None, &[(0, 8, 20)], [12, 12, 12, 12, 12, 16]),
            (
                "the window",
                None,
                &[(0, 8, 10), (60, 8, 5)],
                [8, 8, 4, 8, 8, 8],
            ),
            (
                "the window on the first look",
                None,
                &[(0, 8, 5)],
                [8, 8, 4, 8, 8, 8],
            ),
            (
                "the minimum",
                None,
                &[(0, 4, 1), (400, 4, 1)],
                [2, 2, 2, 2, 1, 2],
            ),
            (
                "the tolerance",
                None,
                &[(0, 10, 10), (15, 10, 11)],
                [10, 11, 10, 10, 10, 10],
            ),
            (
                "a rate of `behavior`",
                Some(up),
                &[(0, 5, 18)],
                [7, 7, 7, 9, 7, 7],
            ),
        ] {
            assert_eq!(without(behavior, steps), numbers, "{what}");
        }
    }
}
