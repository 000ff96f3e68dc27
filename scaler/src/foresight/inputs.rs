//! What an observation says, as plain checked numbers.

use metrics::{Reading, Timestamp};

use crate::{Observation, Phase, ReadyState, Trust, Wants};

use super::clock::Clock;

/// Higher rates are taken for this one.
const HIGHEST: f64 = 1e12;

/// Replicas finish no more than comes, but for a backlog that a minute's hold outlasts: at least this share of what they
/// finished came, whatever the reading of it says.
const CAME: f64 = 0.8;

/// Replicas that become ready or go while readings are taken.
const ROUNDED: f64 = 1.0;

/// One observation as plain numbers; times in seconds of the policy's clock.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Inputs {
    pub(super) now: f64,
    /// Replicas asked for.
    pub(super) spec: u32,
    /// Replicas that take requests.
    pub(super) ready: u32,
    /// Replicas that do not yet, or not any more, and are not on their way out.
    pub(super) unready: u32,
    /// Requests that came, per second; nothing if that is unknown or stale.
    pub(super) rate: Option<f64>,
    /// When that was read, and how old it is.
    pub(super) read: Timestamp,
    pub(super) age: f64,
    /// Requests that were worked on to an end, per second.
    pub(super) done: Option<f64>,
    /// Slots held ÷ slots, and slots held in all.
    pub(super) busy: Option<f64>,
    pub(super) held: Option<f64>,
    /// The share of requests that was slow, failed or turned away.
    pub(super) slow: Option<f64>,
    /// The share of requests that failed.
    pub(super) failed: Option<f64>,
    /// How long a request waits for a slot, in seconds.
    pub(super) wait: f64,
    /// The first reading that cannot be trusted, and why: then nothing goes down and nothing is learned.
    pub(super) doubt: Option<(String, String)>,
}

impl Inputs {
    /// What `seen` says; nothing if the scale is unknown.
    pub(super) fn of(
        seen: &Observation,
        wants: &Wants,
        trust: &Trust,
        clock: &Clock,
    ) -> Option<Self> {
        let scale = seen.scale.value()?;
        let traffic = &seen.traffic;
        let fresh = |at: Timestamp| seen.at.since(at) <= trust.max_age;
        let offered = traffic.offered.at().filter(|at| fresh(*at));
        let rate = offered.and_then(|_| traffic.offered.value());
        let read = offered.unwrap_or(seen.at);
        let (ready, unready) =
            counted(seen, scale.status.get(), scale.status.max(scale.spec).get());
        let served = number(&traffic.served, |r| r.get());
        let failed = number(&traffic.failed, |r| r.get());
        let shed = number(&traffic.shed, |r| r.get()).unwrap_or(0.0);
        let late = number(&traffic.slow, |r| r.get());
        let all = served.unwrap_or(0.0) + failed.unwrap_or(0.0) + shed;
        let done = served.map(|served| served + failed.unwrap_or(0.0));
        let finished = done.filter(|_| traffic.served.at().is_some_and(fresh));
        let came = CAME * finished.unwrap_or(0.0);
        let share = |part: f64| (all > 0.0).then(|| (part / all).clamp(0.0, 1.0));
        let queued = number(&traffic.queued, |q| *q);
        let held = number(&traffic.in_flight, |n| *n).zip(queued);
        let held = held.map(|(there, queued)| there - queued);
        let queued = queued.unwrap_or(0.0);
        let wait = done
            .filter(|done| *done > 0.0)
            .map_or(0.0, |done| queued / done);
        let mut doubt = trust.doubt(wants, seen);
        if doubt.is_none() && ready == 0 {
            doubt = Some(("ready replicas".into(), "none".into()));
        }
        Some(Self {
            now: clock.seconds(seen.at),
            spec: scale.spec.get(),
            ready,
            unready,
            rate: rate
                .map(|rate| rate.get().clamp(0.0, HIGHEST).max(came))
                .filter(|r| r.is_finite()),
            read,
            age: clock.seconds(seen.at) - clock.seconds(read),
            done,
            busy: number(&traffic.busy, |b| b.get()),
            held,
            slow: late.and_then(|late| share(late + failed.unwrap_or(0.0) + shed)),
            failed: share(failed.unwrap_or(0.0)),
            wait: if wait.is_finite() {
                wait.clamp(0.0, 3600.0)
            } else {
                0.0
            },
            doubt,
        })
    }

    /// Whether the fleet is the one that the readings are of: none that starts dilutes them.
    pub(super) const fn is_settled(&self) -> bool {
        self.ready > 0 && self.unready.saturating_mul(20) <= self.ready
    }

    /// How many replicas of so many slots the readings are of. While some start, which may count as idle ones or not at all, the
    /// slots that are held in all must say it.
    pub(super) fn read_of(&self, slots: u32) -> Option<f64> {
        let ready = f64::from(self.ready);
        if self.is_settled() {
            return Some(ready);
        }
        let of = self.held? / (self.busy? * f64::from(slots));
        let (least, most) = (ready - ROUNDED, ready + f64::from(self.unready) + ROUNDED);
        (self.ready > 0 && (least..=most).contains(&of)).then_some(of)
    }
}

/// (ready, not ready) replicas; if none are listed, all that the target counts are taken for ready. Those that are listed
/// beyond `most` are no replicas of it.
fn counted(seen: &Observation, status: u32, most: u32) -> (u32, u32) {
    if seen.replicas.is_empty() {
        return (status, 0);
    }
    let (mut ready, mut unready) = (0, 0);
    for replica in &seen.replicas {
        let over = matches!(replica.phase, Phase::Succeeded | Phase::Failed);
        if replica.deleting || over {
            continue;
        }
        if replica.ready.state == ReadyState::True {
            ready += 1;
        } else {
            unready += 1;
        }
    }
    (ready.min(most), unready)
}

/// A reading as a number that can be reckoned with.
fn number<T>(reading: &Reading<T>, get: impl Fn(&T) -> f64) -> Option<f64> {
    let value = get(reading.value()?);
    (value.is_finite() && value >= 0.0).then(|| value.min(HIGHEST))
}
