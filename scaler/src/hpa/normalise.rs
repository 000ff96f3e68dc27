//! From a proposal to the number that is written: stabilisation, rates and bounds, with the older rules and with
//! `behavior`.
//!
//! The two paths differ in more than their numbers: the older one keeps an entry exactly as old as the window, the
//! newer one does not; the older limit applies even when scaling down, the newer only in the direction of movement.

use std::time::Duration;

use metrics::Timestamp;

/// A recommendation that was made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Recommendation {
    pub(super) replicas: i32,
    pub(super) at: Timestamp,
}

/// A change that was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ScaleEvent {
    pub(super) change: i32,
    pub(super) at: Timestamp,
    /// It may be overwritten: once older than the longest period it was compared with, it stays so.
    pub(super) outdated: bool,
}

/// Which of several rate policies counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Select {
    Max,
    Min,
    Disabled,
}

/// What a rate policy counts in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unit {
    Pods,
    Percent,
    /// Neither. Admission refuses it; where it came through, upstream proposes what the policy before it did, or 0.
    Unknown,
}

/// So much in such a span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Rate {
    pub(super) unit: Unit,
    pub(super) value: i32,
    pub(super) period: Duration,
}

/// The rules of one direction, ready to use.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Direction {
    pub(super) window: Duration,
    pub(super) select: Select,
    pub(super) rates: Vec<Rate>,
}

impl Direction {
    pub(super) fn longest_period(&self) -> Duration {
        self.rates
            .iter()
            .map(|rate| rate.period)
            .max()
            .unwrap_or_default()
    }
}

/// What bound the number, with upstream's word and sentence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Limit {
    WithinRange,
    UpRate,
    TooMany,
    DownRate,
    TooFew,
}

impl Limit {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::WithinRange => "DesiredWithinRange",
            Self::UpRate => "ScaleUpLimit",
            Self::TooMany => "TooManyReplicas",
            Self::DownRate => "ScaleDownLimit",
            Self::TooFew => "TooFewReplicas",
        }
    }

    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::WithinRange => "the desired count is within the acceptable range",
            Self::UpRate => {
                "the desired replica count is increasing faster than the maximum scale rate"
            }
            Self::TooMany => "the desired replica count is more than the maximum replica count",
            Self::DownRate => {
                "the desired replica count is decreasing faster than the maximum scale rate"
            }
            Self::TooFew => "the desired replica count is less than the minimum replica count",
        }
    }

    /// The word in a [`Clip`](crate::Clip).
    pub(super) const fn clip(self) -> &'static str {
        match self {
            Self::WithinRange => "none",
            Self::UpRate | Self::DownRate => "rate",
            Self::TooMany => "max",
            Self::TooFew => "min",
        }
    }
}

/// The highest of the proposal and all recommendations at most `window` old. Records the proposal.
pub(super) fn stabilise_legacy(
    list: &mut Vec<Recommendation>,
    now: Timestamp,
    window: Duration,
    proposal: i32,
) -> i32 {
    let cutoff = now.back(window);
    let recent = list.iter().filter(|rec| rec.at >= cutoff);
    let best = recent.map(|rec| rec.replicas).fold(proposal, i32::max);
    let old = list.iter().rposition(|rec| rec.at < cutoff);
    record(list, old, now, proposal);
    best
}

/// `cur` raised to the lowest recent recommendation, then lowered to the highest. Records the proposal.
pub(super) fn stabilise(
    list: &mut Vec<Recommendation>,
    now: Timestamp,
    (up, down): (Duration, Duration),
    cur: i32,
    proposal: i32,
) -> i32 {
    let (up, down) = (now.back(up), now.back(down));
    let (mut low, mut high) = (proposal, proposal);
    for rec in &*list {
        if rec.at > up {
            low = low.min(rec.replicas);
        }
        if rec.at > down {
            high = high.max(rec.replicas);
        }
    }
    let old = list.iter().rposition(|rec| rec.at < up && rec.at < down);
    record(list, old, now, proposal);
    cur.max(low).min(high)
}

fn record(list: &mut Vec<Recommendation>, slot: Option<usize>, at: Timestamp, replicas: i32) {
    let new = Recommendation { replicas, at };
    match slot {
        Some(slot) => list[slot] = new,
        None => list.push(new),
    }
}

/// The older limits: at most twice the replicas there are or 4, whichever is more, and the bounds.
pub(super) fn limit_legacy(cur: i32, (min, max): (i32, i32), wanted: i32) -> (i32, Limit) {
    let fastest = cur.saturating_mul(2).max(4);
    let (top, reason) = if max > fastest {
        (fastest, Limit::UpRate)
    } else {
        (max, Limit::TooMany)
    };
    if wanted < min {
        (min, Limit::TooFew)
    } else if wanted > top {
        (top, reason)
    } else {
        (wanted, Limit::WithinRange)
    }
}

/// The changes that were written, by direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Events<'a> {
    pub(super) up: &'a [ScaleEvent],
    pub(super) down: &'a [ScaleEvent],
}

impl Events<'_> {
    /// The replicas there were at the start of the period, going by what was written since.
    fn start(&self, cur: i32, now: Timestamp, period: Duration) -> i32 {
        let cutoff = now.back(period);
        let sum = |list: &[ScaleEvent]| {
            let recent = list.iter().filter(|event| event.at > cutoff);
            recent.fold(0_i32, |sum, event| sum.saturating_add(event.change))
        };
        cur.saturating_sub(sum(self.up))
            .saturating_add(sum(self.down))
    }
}

/// The limits of `behavior`: rates and bounds, only in the direction of movement.
pub(super) fn limit(
    now: Timestamp,
    (up, down): (&Direction, &Direction),
    events: Events<'_>,
    (min, max): (i32, i32),
    (cur, wanted): (i32, i32),
) -> (i32, Limit) {
    if wanted > cur {
        let fastest = up_limit(now, up, events, cur).max(cur);
        let (top, reason) = if max > fastest {
            (fastest, Limit::UpRate)
        } else {
            (max, Limit::TooMany)
        };
        if wanted > top {
            return (top, reason);
        }
    } else if wanted < cur {
        let fastest = down_limit(now, down, events, cur).min(cur);
        let (bottom, reason) = if min < fastest {
            (fastest, Limit::DownRate)
        } else {
            (min, Limit::TooFew)
        };
        if wanted < bottom {
            return (bottom, reason);
        }
    }
    (wanted, Limit::WithinRange)
}

fn up_limit(now: Timestamp, rules: &Direction, events: Events<'_>, cur: i32) -> i32 {
    let mut last = 0;
    let proposals = rules.rates.iter().map(|rate| {
        let start = events.start(cur, now, rate.period);
        last = match rate.unit {
            Unit::Pods => start.saturating_add(rate.value),
            // `as` saturates, where upstream wraps around.
            Unit::Percent => {
                (f64::from(start) * (1.0 + f64::from(rate.value) / 100.0)).ceil() as i32
            }
            Unit::Unknown => last,
        };
        last
    });
    match rules.select {
        Select::Disabled => cur,
        Select::Max => proposals.max().unwrap_or(i32::MIN),
        Select::Min => proposals.min().unwrap_or(i32::MAX),
    }
}

fn down_limit(now: Timestamp, rules: &Direction, events: Events<'_>, cur: i32) -> i32 {
    let mut last = 0;
    let proposals = rules.rates.iter().map(|rate| {
        let start = events.start(cur, now, rate.period);
        last = match rate.unit {
            Unit::Pods => start.saturating_sub(rate.value),
            Unit::Percent => (f64::from(start) * (1.0 - f64::from(rate.value) / 100.0)) as i32,
            Unit::Unknown => last,
        };
        last
    });
    match rules.select {
        Select::Disabled => cur,
        // The largest change is the smallest number.
        Select::Max => proposals.min().unwrap_or(i32::MAX),
        Select::Min => proposals.max().unwrap_or(i32::MIN),
    }
}

/// Records a written change, in the slot of the last outdated one if there is one.
pub(super) fn record_event(
    list: &mut Vec<ScaleEvent>,
    now: Timestamp,
    longest: Duration,
    change: i32,
) {
    let cutoff = now.back(longest);
    for event in &mut *list {
        event.outdated |= event.at < cutoff;
    }
    let new = ScaleEvent {
        change,
        at: now,
        outdated: false,
    };
    match list.iter().rposition(|event| event.outdated) {
        Some(slot) => list[slot] = new,
        None => list.push(new),
    }
}
