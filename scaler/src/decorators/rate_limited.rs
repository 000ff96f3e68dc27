//! No more than so much in such a span.

use std::time::Duration;

use metrics::{Ratio, Replicas, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{clip, with};
use crate::{Decision, Observation, Policy, PolicyState, Status, Verdict, Wants, WriteOutcome};

const KIND: &str = "rate_limited/1";

/// How much may change in one span: the larger of the two amounts.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ChangeRate {
    /// So many replicas.
    pub replicas: Replicas,
    /// That share of the replicas at the start of the span.
    pub share: Ratio,
    /// The span.
    pub per: Duration,
}

/// A policy whose written changes keep a rate in each direction. What others write is not counted.
#[derive(Clone, Debug)]
pub struct RateLimited<P> {
    inner: P,
    up: ChangeRate,
    down: ChangeRate,
    /// Written changes, oldest first.
    changes: Vec<(Timestamp, i64)>,
    pending: Option<(Timestamp, i64)>,
}

#[derive(Deserialize, Serialize)]
struct Saved {
    inner: PolicyState,
    changes: Vec<(Timestamp, i64)>,
}

impl<P> RateLimited<P> {
    /// With a rate for each direction.
    pub const fn new(inner: P, up: ChangeRate, down: ChangeRate) -> Self {
        Self {
            inner,
            up,
            down,
            changes: Vec::new(),
            pending: None,
        }
    }

    /// The replicas at the start of the span that ends now, and how far from them a change may lead.
    fn room(&self, cur: Replicas, now: Timestamp, rate: &ChangeRate) -> (i64, i64) {
        let cutoff = now.back(rate.per);
        let recent = self.changes.iter().filter(|(at, _)| *at > cutoff);
        let since: i64 = recent.map(|(_, change)| change).sum();
        let start = (i64::from(cur.get()) - since).max(0);
        let share = (start as f64 * rate.share.get()).ceil() as i64;
        (start, share.max(i64::from(rate.replicas.get())))
    }
}

impl<P: Policy> Policy for RateLimited<P> {
    fn wants(&self) -> &Wants {
        self.inner.wants()
    }

    fn decide(&mut self, seen: &Observation) -> Decision {
        let mut decision = self.inner.decide(seen);
        self.pending = None;
        let current = seen.scale.value().map(|scale| scale.spec);
        let (Verdict::Scale(wanted), Some(cur)) = (decision.verdict, current) else {
            return decision;
        };
        let allowed = if wanted > cur {
            let (start, room) = self.room(cur, seen.at, &self.up);
            wanted.min(replicas(start.saturating_add(room)).max(cur))
        } else {
            let (start, room) = self.room(cur, seen.at, &self.down);
            wanted.max(replicas(start.saturating_sub(room)).min(cur))
        };
        clip(&mut decision, "rate", wanted, allowed);
        self.pending = Some((seen.at, i64::from(allowed.get()) - i64::from(cur.get())));
        decision
    }

    fn settle(&mut self, outcome: &WriteOutcome) -> Status {
        if let (Some((at, change)), WriteOutcome::Written) = (self.pending.take(), outcome) {
            let oldest = at.back(self.up.per.max(self.down.per));
            self.changes.retain(|(at, _)| *at > oldest);
            self.changes.push((at, change));
        }
        self.inner.settle(outcome)
    }

    fn save(&self) -> PolicyState {
        let saved = Saved {
            inner: self.inner.save(),
            changes: self.changes.clone(),
        };
        PolicyState::of(KIND, &saved)
    }

    fn restore(&mut self, state: &PolicyState) -> Result<(), String> {
        let saved: Saved = state.read(KIND)?;
        self.inner.restore(&saved.inner)?;
        self.changes = saved.changes;
        Ok(())
    }

    fn rules(&self) -> Vec<&'static str> {
        with(self.inner.rules(), &["rate"])
    }

    fn waive(&mut self, rule: &str) {
        if rule == "rate" {
            self.up.replicas = Replicas(u32::MAX);
            self.down.replicas = Replicas(u32::MAX);
        }
        self.inner.waive(rule);
    }
}

fn replicas(n: i64) -> Replicas {
    Replicas(u32::try_from(n.max(0)).unwrap_or(u32::MAX))
}
