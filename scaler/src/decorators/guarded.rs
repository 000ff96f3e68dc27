//! The guard `no_data: hold`: never down on what cannot be trusted.

use std::sync::Arc;
use std::time::Duration;

use metrics::{NoData, Ratio, Reading};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figures::Trimmed;
use crate::{Decision, Observation, Policy, PolicyState, Status, Verdict, Wants, WriteOutcome};

/// What a reading must be to be trusted on the way down.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Trust {
    /// At most so old.
    pub max_age: Duration,
    /// At least so much of its window, or of the replicas, seen.
    pub coverage: Ratio,
}

impl Default for Trust {
    /// 45 s, and four fifths.
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(45),
            coverage: Ratio::new(0.8).unwrap_or(Ratio::ONE),
        }
    }
}

/// A policy that holds instead of going down while any reading it wants is missing, stale or too thin.
#[derive(Clone, Debug)]
pub struct Guarded<P> {
    inner: P,
    trust: Trust,
    waived: bool,
}

impl<P> Guarded<P> {
    /// With this trust.
    pub const fn new(inner: P, trust: Trust) -> Self {
        Self {
            inner,
            trust,
            waived: false,
        }
    }
}

impl Trust {
    /// The first reading that a policy wants and that cannot be trusted, and why.
    pub(crate) fn doubt(&self, wants: &Wants, seen: &Observation) -> Option<(String, String)> {
        for id in &wants.metrics {
            let missing = Reading::NoData(NoData::NotAsked);
            let reading = seen.metrics.get(id).unwrap_or(&missing);
            if let Some(why) = self.doubt_reading(reading, seen) {
                return Some((id.to_string(), why));
            }
        }
        if wants.usage
            && let Some(why) = self.doubt_usage(seen)
        {
            return Some(("usage".into(), why));
        }
        if wants.traffic {
            return self.doubt_traffic(seen);
        }
        None
    }

    fn doubt_reading<T>(&self, reading: &Reading<T>, seen: &Observation) -> Option<String> {
        match reading {
            Reading::NoData(why) => Some(why.to_string()),
            Reading::Value { at, coverage, .. } => {
                let age = seen.at.since(*at);
                if age > self.max_age {
                    Some(format!("{age:?} old, may be {:?}", self.max_age))
                } else if *coverage < self.coverage {
                    Some(format!(
                        "{} % of it seen, must be {} %",
                        Trimmed(100.0 * coverage.get(), 1),
                        Trimmed(100.0 * self.coverage.get(), 1)
                    ))
                } else {
                    None
                }
            }
        }
    }

    /// Usage is also thin if too few of the running replicas have a fresh sample.
    fn doubt_usage(&self, seen: &Observation) -> Option<String> {
        let why = self.doubt_reading(&seen.usage, seen);
        let (None, Some(all)) = (&why, seen.usage.value()) else {
            return why;
        };
        let fresh: std::collections::BTreeSet<&str> = all
            .iter()
            .filter(|of| seen.at.since(of.at) <= self.max_age)
            .map(|of| of.replica.as_str())
            .collect();
        let running = seen
            .replicas
            .iter()
            .filter(|replica| replica.phase == crate::Phase::Running && !replica.deleting);
        let (known, total) = running.fold((0_u32, 0_u32), |(known, total), replica| {
            (
                known + u32::from(fresh.contains(replica.id.as_str())),
                total + 1,
            )
        });
        let enough = f64::from(known) >= self.coverage.get() * f64::from(total);
        (!enough || fresh.is_empty()).then(|| {
            format!(
                "fresh for {known} of {}",
                metrics::Replicas(total).in_words()
            )
        })
    }

    /// Every reading that the world has; at least what was offered must be there.
    fn doubt_traffic(&self, seen: &Observation) -> Option<(String, String)> {
        let t = &seen.traffic;
        let doubts = [
            ("offered", self.doubt_reading(&t.offered, seen), true),
            (
                "served",
                self.doubt_reading(&t.served, seen),
                asked(&t.served),
            ),
            (
                "failed",
                self.doubt_reading(&t.failed, seen),
                asked(&t.failed),
            ),
            ("shed", self.doubt_reading(&t.shed, seen), asked(&t.shed)),
            ("slow", self.doubt_reading(&t.slow, seen), asked(&t.slow)),
            (
                "queued",
                self.doubt_reading(&t.queued, seen),
                asked(&t.queued),
            ),
            (
                "in flight",
                self.doubt_reading(&t.in_flight, seen),
                asked(&t.in_flight),
            ),
            ("busy", self.doubt_reading(&t.busy, seen), asked(&t.busy)),
        ];
        let mut doubts = doubts.into_iter().filter(|(_, _, counts)| *counts);
        doubts.find_map(|(name, why, _)| why.map(|why| (format!("traffic {name}"), why)))
    }
}

fn asked<T>(reading: &Reading<T>) -> bool {
    !matches!(reading, Reading::NoData(NoData::NotAsked))
}

impl<P: Policy> Policy for Guarded<P> {
    fn wants(&self) -> &Wants {
        self.inner.wants()
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let mut decision = self.inner.decide(seen);
        let current = seen.scale.value().map(|scale| scale.spec);
        let (Verdict::Scale(wanted), Some(cur)) = (decision.verdict, current) else {
            return decision;
        };
        if wanted < cur
            && !self.waived
            && let Some((name, why)) = self.trust.doubt(self.inner.wants(), seen)
        {
            decision.verdict = Verdict::Hold;
            let reason = Arc::make_mut(&mut decision.reason);
            reason.rest_on(format_args!("{name}"), format_args!("{why}"));
            reason.clip("no_data", wanted, cur);
        }
        decision
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        self.inner.settle(outcome)
    }

    fn save(&self) -> PolicyState {
        self.inner.save()
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        self.inner.restore(state)
    }

    fn rules(&self) -> Vec<&'static str> {
        super::with(self.inner.rules(), &["no_data"])
    }

    fn waive(&mut self, rule: &str) {
        self.waived |= rule == "no_data";
        self.inner.waive(rule);
    }
}
