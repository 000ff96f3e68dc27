//! From a recommendation to what is written: bounds, activation, and the way to zero.
//!
//! After `pkg/reconciler/autoscaling/kpa/{scaler,kpa}.go` of knative/serving 98e5ef90. In the path of requests stands
//! the activator while the mode is to proxy; here it is there as soon as that is decided.

use std::time::Duration;

use metrics::Timestamp;
use serde::{Deserialize, Serialize};

use super::spec::KpaSpec;
use crate::ConditionStatus;

/// What is added to the progress deadline before an activation counts as failed.
const ACTIVATION_BUFFER: Duration = Duration::from_secs(30);

/// What it must not forget.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Reconciler {
    /// Whether it is active, and since when that is so.
    pub(super) active: Active,
    since: Timestamp,
    why: Why,
    /// Whether as many replicas as it should start with were once ready.
    pub(super) initialized: bool,
    /// The last recommendation there was.
    pub(super) desired: Option<i32>,
    pub(super) excess: i32,
    /// Since when the activator is in the path, if it is.
    proxied: Option<Timestamp>,
}

/// Whether a workload is active.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum Active {
    /// Its replicas are not ready yet.
    Activating,
    Serving,
    Inactive,
}

/// Why it is (not) active.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
enum Why {
    Serves,
    Queued,
    NoTraffic,
    TimedOut,
}

/// What it came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Outcome {
    /// How many there should be; nothing if that is not known.
    pub(super) want: Option<i32>,
    /// Whether that is to be written.
    pub(super) write: bool,
    /// What the bounds made of the recommendation, and which of them.
    pub(super) bounded: Option<(&'static str, i32)>,
    /// What else changed the number or keeps it from being written.
    pub(super) rule: Option<Rule>,
}

/// Rules about the way to zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rule {
    /// Zero is not allowed here.
    ZeroIsOff,
    /// It was not active for a whole window yet; so much is missing.
    StableWindow(Duration),
    /// It may go, and is marked inactive first.
    Deactivates,
    /// The activator is not in the path for long enough; so much is missing.
    GracePeriod(Duration),
    /// The last replica is kept for so much longer.
    Retention(Duration),
    /// The first replicas are not ready yet.
    Activating,
}

impl Reconciler {
    /// At the first look: a workload with enough ready replicas is active, one that was scaled to zero is inactive.
    pub(super) fn new(spec: &KpaSpec, now: Timestamp, replicas: u32, ready: u32) -> Self {
        let first = spec.initial_scale;
        let burst = spec.target_burst_capacity;
        let active = if replicas == 0 {
            Active::Inactive
        } else if ready >= minimum(spec).max(first).max(1) {
            Active::Serving
        } else {
            Active::Activating
        };
        Self {
            active,
            since: now,
            why: match active {
                Active::Activating => Why::Queued,
                Active::Serving => Why::Serves,
                Active::Inactive => Why::NoTraffic,
            },
            initialized: active != Active::Activating,
            desired: None,
            excess: if burst > 0.0 {
                (f64::from(first) * spec.total - burst) as i32
            } else {
                burst as i32
            },
            proxied: Some(now),
        }
    }

    /// What is to be done with the last recommendation.
    pub(super) fn reconcile(&self, spec: &KpaSpec, now: Timestamp) -> Outcome {
        if self.desired.is_none() && self.active != Active::Activating {
            return Outcome {
                want: None,
                write: false,
                bounded: None,
                rule: None,
            };
        }
        let desired = self.desired.unwrap_or(-1);
        let (by, bounded) = self.bound(spec, desired);
        let (want, write, rule) = if bounded == 0 {
            self.to_zero(spec, now)
        } else {
            (Some(bounded), true, None)
        };
        Outcome {
            want,
            write,
            bounded: (bounded != desired && self.desired.is_some()).then_some((by, bounded)),
            rule,
        }
    }

    fn bound(&self, spec: &KpaSpec, desired: i32) -> (&'static str, i32) {
        let (mut by, mut min) = ("min", minimum(spec));
        if spec.initial_scale > min.max(1) && !self.initialized && spec.reachable {
            (by, min) = ("initial_scale", spec.initial_scale);
        }
        let bound = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let (min, max) = (bound(min), bound(spec.max.get()));
        if desired < min {
            (by, min)
        } else if max != 0 && desired > max {
            ("max", max)
        } else {
            ("", desired)
        }
    }

    /// How long it is as it is, at `now`.
    fn lasts(&self, now: Timestamp) -> Duration {
        now.since(self.since)
    }

    fn to_zero(&self, spec: &KpaSpec, now: Timestamp) -> (Option<i32>, bool, Option<Rule>) {
        if !spec.scale_to_zero {
            return (Some(1), true, Some(Rule::ZeroIsOff));
        }
        let lasts = self.lasts(now);
        match self.active {
            Active::Activating if lasts > spec.progress_deadline + ACTIVATION_BUFFER => {
                (Some(0), true, None)
            }
            Active::Activating => (None, false, Some(Rule::Activating)),
            Active::Serving if lasts >= spec.stable_window => {
                (Some(0), false, Some(Rule::Deactivates))
            }
            Active::Serving => {
                let missing = spec.stable_window.saturating_sub(lasts);
                (Some(1), true, Some(Rule::StableWindow(missing)))
            }
            Active::Inactive => self.leave(spec, now),
        }
    }

    /// Inactive: the last replicas go once the activator is surely in the path, and no sooner than they are kept.
    fn leave(&self, spec: &KpaSpec, now: Timestamp) -> (Option<i32>, bool, Option<Rule>) {
        let grace = spec.scale_to_zero_grace_period;
        let Some(proxied) = self.proxied else {
            return (Some(0), false, Some(Rule::GracePeriod(grace)));
        };
        let retention = if spec.reachable {
            spec.pod_retention
        } else {
            Duration::ZERO
        };
        let lasts = self.lasts(now);
        if lasts >= grace.max(retention) {
            return (Some(0), true, None);
        }
        if lasts < retention {
            let missing = retention.saturating_sub(lasts);
            return (Some(0), false, Some(Rule::Retention(missing)));
        }
        let missing = grace.saturating_sub(now.since(proxied));
        if missing.is_zero() {
            (Some(0), true, None)
        } else {
            (Some(0), false, Some(Rule::GracePeriod(missing)))
        }
    }

    /// What follows for the path of requests and for whether it is active, once the number was written.
    pub(super) fn conclude(
        &mut self,
        spec: &KpaSpec,
        now: Timestamp,
        want: Option<i32>,
        ready: u32,
    ) {
        let serves = want.is_some_and(|n| n > 0) && self.excess >= 0;
        self.proxied = (!serves).then(|| self.proxied.unwrap_or(now));
        let first = if self.initialized {
            1
        } else {
            spec.initial_scale
        };
        let enough = minimum(spec).max(first);
        self.initialized |= ready >= enough;
        let wanted = want.is_some_and(|n| n > 0);
        let (active, why) = if want == Some(0) || enough == 0 {
            match self.active {
                Active::Activating if enough > 0 => (Active::Inactive, Why::TimedOut),
                _ => (Active::Inactive, Why::NoTraffic),
            }
        } else if !wanted && self.active == Active::Inactive {
            (Active::Inactive, Why::NoTraffic)
        } else if ready < enough {
            (Active::Activating, Why::Queued)
        } else {
            (Active::Serving, Why::Serves)
        };
        if active != self.active {
            self.active = active;
            self.since = now;
        }
        self.why = why;
    }

    /// How it stands, as upstream's condition `Active` says it.
    pub(super) const fn condition(&self) -> (ConditionStatus, &'static str, &'static str) {
        let (reason, message) = match self.why {
            Why::Serves => ("", ""),
            Why::Queued => (
                "Queued",
                "Requests to the target are being buffered as resources are provisioned.",
            ),
            Why::NoTraffic => ("NoTraffic", "The target is not receiving traffic."),
            Why::TimedOut => ("TimedOut", "The target could not be activated."),
        };
        let status = match self.active {
            Active::Activating => ConditionStatus::Unknown,
            Active::Serving => ConditionStatus::True,
            Active::Inactive => ConditionStatus::False,
        };
        (status, reason, message)
    }

    /// Whether the activator is in the path of requests.
    pub(super) const fn is_proxied(&self) -> bool {
        self.proxied.is_some()
    }
}

fn minimum(spec: &KpaSpec) -> u32 {
    if spec.reachable { spec.min.get() } else { 0 }
}
