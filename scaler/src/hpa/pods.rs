//! Metrics of pods: which pods count, and what follows from their mean.
//!
//! All sums are of milli-units, in 128 bits so that nothing wraps around; all integer divisions truncate.

use std::time::Duration;

use metrics::{Quantity, Timestamp};

use super::Tolerance;
use crate::{ContainerKind, Phase, ReadyState, ReplicaObservation, ReplicaUsage, Sample};

/// What one pod said.
#[derive(Clone, Copy, Debug)]
struct PodSample {
    at: Timestamp,
    window: Duration,
}

/// Where samples come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'a> {
    /// The resource-metrics API.
    Usage(&'a [ReplicaUsage]),
    /// A metric's series, which are of now.
    Series(&'a [Sample]),
}

impl<'a> Origin<'a> {
    fn pod(self, of: Measured) -> &'a str {
        match self {
            Self::Usage(all) => &all[of.place].replica,
            Self::Series(all) => all[of.place].replica.as_deref().unwrap_or_default(),
        }
    }

    fn sample(self, of: Measured, now: Timestamp) -> PodSample {
        match self {
            Self::Usage(all) => PodSample {
                at: all[of.place].at,
                window: all[of.place].window,
            },
            Self::Series(_) => PodSample {
                at: now,
                window: Duration::ZERO,
            },
        }
    }
}

/// A sample: its place in its origin, and how much it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) place: usize,
    pub(super) milli: i64,
}

/// What is found on the way, kept from one computation to the next so that nothing is allocated.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    pub(super) samples: Vec<Measured>,
    /// Whose each sample is, and which is each pod's.
    pod_of: Vec<Option<usize>>,
    sample_of: Vec<Option<usize>>,
    /// Samples in the order of their pods' names.
    order: Vec<usize>,
    groups: Vec<Group>,
    requests: Vec<i64>,
}

/// What the mean should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum PodTarget {
    /// Percent of the requests.
    Utilization(i32),
    /// Milli-units a pod.
    Average(i64),
}

/// Whether readiness matters to a metric: it does to CPU, of which a starting pod needs more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Startup {
    Matters {
        cpu_initialization: Duration,
        readiness_delay: Duration,
    },
    Ignored,
}

/// Where a pod belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Group {
    Ignored,
    Unready,
    Missing,
    Ready,
}

/// A proposal, and what it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PodProposal {
    pub(super) replicas: i32,
    /// The mean: percent or milli-units.
    pub(super) mean: i64,
    /// The ratio that decided, and the number it was multiplied with.
    pub(super) ratio: f64,
    pub(super) times: i64,
    pub(super) missing: usize,
    pub(super) unready: usize,
}

/// Sums over samples.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    used: i128,
    requested: i128,
    count: i64,
}

impl Tally {
    fn add(&mut self, used: i64, request: Option<i64>, target: PodTarget) {
        self.count += 1;
        match (target, request) {
            (PodTarget::Average(_), _) => self.used += i128::from(used),
            (PodTarget::Utilization(_), Some(request)) => {
                self.used += i128::from(used);
                self.requested += i128::from(request);
            }
            // A pod that is gone has no request: it does not count.
            (PodTarget::Utilization(_), None) => {}
        }
    }

    /// (mean, mean ÷ target).
    fn ratio(&self, target: PodTarget) -> Result<(i64, f64), String> {
        match target {
            PodTarget::Utilization(target) => {
                if self.requested == 0 {
                    return Err("no metrics returned matched known pods".into());
                }
                // Whole percent, truncated before the division.
                let percent = self.used * 100 / self.requested;
                let percent = percent.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i64;
                Ok((percent, percent as f64 / f64::from(target)))
            }
            PodTarget::Average(target) => {
                let mean = self.used / i128::from(self.count.max(1));
                let mean = mean.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64;
                Ok((mean, mean as f64 / target as f64))
            }
        }
    }
}

/// A metric of pods, ready to be computed.
pub(super) struct PodMetric<'a> {
    pub(super) pods: &'a [ReplicaObservation],
    pub(super) origin: Origin<'a>,
    pub(super) target: PodTarget,
    pub(super) startup: Startup,
    /// The resource and the container that requests are of.
    pub(super) resource: &'a str,
    pub(super) container: Option<&'a str>,
}

impl PodMetric<'_> {
    /// How many replicas this metric wants, by the samples in `room`.
    ///
    /// # Errors
    /// If nothing can be said, in upstream's words.
    pub(super) fn propose(
        &self,
        now: Timestamp,
        cur: i32,
        tolerance: Tolerance,
        room: &mut Room,
    ) -> Result<PodProposal, String> {
        if self.pods.is_empty() {
            return Err("no pods returned by selector while calculating replica count".into());
        }
        self.find_owners(room);
        if room.pod_of.contains(&None) && self.keep_last(room) {
            self.find_owners(room);
        }
        self.find_groups(now, room);
        let groups = &room.groups;
        let counts = |owner: Option<usize>| {
            owner.is_none_or(|pod| groups[pod] == Group::Ready || groups[pod] == Group::Missing)
        };
        if !room.pod_of.iter().any(|owner| counts(*owner)) {
            return Err("did not receive metrics for targeted pods (pods might be unready)".into());
        }
        self.find_requests(&mut room.requests)?;
        let request = |pod: usize| room.requests.get(pod).copied();
        let mut tally = Tally::default();
        for (sample, owner) in room.samples.iter().zip(&room.pod_of) {
            if counts(*owner) {
                tally.add(sample.milli, owner.and_then(request), self.target);
            }
        }
        let (mean, ratio) = tally.ratio(self.target)?;
        let of = |group| groups.iter().filter(move |g| **g == group).count();
        let base = PodProposal {
            replicas: cur,
            mean,
            ratio,
            times: of(Group::Ready) as i64,
            missing: of(Group::Missing),
            unready: of(Group::Unready),
        };
        let with_unready = base.unready > 0 && ratio > 1.0;
        if base.missing == 0 && !with_unready {
            let replicas = if tolerance.holds(ratio) {
                cur
            } else {
                (ratio * base.times as f64).ceil() as i32
            };
            return Ok(PodProposal { replicas, ..base });
        }
        self.fill_in(&mut tally, groups, ratio, request);
        let (_, second) = tally.ratio(self.target)?;
        Ok(adjusted(base, second, tally.count, cur, tolerance))
    }

    /// Missing pods count against the direction of movement, and so do unready ones on the way up.
    fn fill_in(
        &self,
        tally: &mut Tally,
        groups: &[Group],
        ratio: f64,
        request: impl Fn(usize) -> Option<i64>,
    ) {
        for (pod, group) in groups.iter().enumerate() {
            let of = request(pod);
            match group {
                Group::Missing if ratio < 1.0 => {
                    let assumed = match self.target {
                        PodTarget::Average(target) => target,
                        PodTarget::Utilization(target) => {
                            let share = i128::from(target.max(100));
                            let used = i128::from(of.unwrap_or(0)) * share / 100;
                            i64::try_from(used).unwrap_or(i64::MAX)
                        }
                    };
                    tally.add(assumed, of, self.target);
                }
                Group::Missing | Group::Unready if ratio > 1.0 => tally.add(0, of, self.target),
                _ => {}
            }
        }
    }

    /// Of several samples of one pod the last counts. Whether there were such.
    fn keep_last(&self, room: &mut Room) -> bool {
        self.sort(room);
        let Room { samples, order, .. } = room;
        let all = samples.len();
        order.reverse();
        order.dedup_by_key(|i| self.origin.pod(samples[*i]));
        order.sort_unstable();
        for (to, from) in order.iter().enumerate() {
            samples[to] = samples[*from];
        }
        samples.truncate(order.len());
        samples.len() < all
    }

    /// Finds which sample is whose.
    fn find_owners(&self, room: &mut Room) {
        refill(&mut room.pod_of, room.samples.len());
        refill(&mut room.sample_of, self.pods.len());
        // Sources mostly list both in the same order: then no search is needed.
        let mut is_sorted = false;
        let mut next = 0;
        for (pod, replica) in self.pods.iter().enumerate() {
            let following = room.samples.get(next);
            let found = if following.is_some_and(|of| self.origin.pod(*of) == replica.id) {
                Some(next)
            } else {
                if !is_sorted {
                    self.sort(room);
                    is_sorted = true;
                }
                self.search(room, &replica.id)
            };
            if let Some(i) = found {
                room.pod_of[i] = Some(pod);
                room.sample_of[pod] = Some(i);
                next = i + 1;
            }
        }
    }

    /// Puts the samples in the order of their pods' names, and those of one pod in their own.
    fn sort(&self, room: &mut Room) {
        let Room { samples, order, .. } = room;
        order.clear();
        order.extend(0..samples.len());
        order.sort_unstable_by_key(|i| (self.origin.pod(samples[*i]), *i));
    }

    fn search(&self, room: &Room, pod: &str) -> Option<usize> {
        let at = room
            .order
            .binary_search_by_key(&pod, |i| self.origin.pod(room.samples[*i]))
            .ok()?;
        Some(room.order[at])
    }

    fn find_groups(&self, now: Timestamp, room: &mut Room) {
        room.groups.clear();
        let samples = &room.samples;
        let found = self.pods.iter().zip(&room.sample_of).map(|(pod, sample)| {
            let sample = sample.map(|i| self.origin.sample(samples[i], now));
            group(pod, sample, self.startup, now)
        });
        room.groups.extend(found);
    }

    /// The requests of all listed pods, whatever their state; none are needed for a mean.
    fn find_requests(&self, requests: &mut Vec<i64>) -> Result<(), String> {
        requests.clear();
        if let PodTarget::Utilization(_) = self.target {
            for pod in self.pods {
                requests.push(request(pod, self.resource, self.container)?);
            }
        }
        Ok(())
    }
}

fn refill(list: &mut Vec<Option<usize>>, count: usize) {
    list.clear();
    list.resize(count, None);
}

/// After missing and unready pods were filled in: no move against the first ratio, nor against itself.
fn adjusted(
    base: PodProposal,
    second: f64,
    count: i64,
    cur: i32,
    tolerance: Tolerance,
) -> PodProposal {
    let filled = PodProposal {
        ratio: second,
        times: count,
        ..base
    };
    let turned = (base.ratio < 1.0 && second > 1.0) || (base.ratio > 1.0 && second < 1.0);
    if turned || tolerance.holds(second) {
        return filled;
    }
    let wanted = (second * count as f64).ceil() as i32;
    let backwards = (second < 1.0 && wanted > cur) || (second > 1.0 && wanted < cur);
    PodProposal {
        replicas: if backwards { cur } else { wanted },
        ..filled
    }
}

/// The first rule that fits.
fn group(
    pod: &ReplicaObservation,
    sample: Option<PodSample>,
    startup: Startup,
    now: Timestamp,
) -> Group {
    if pod.deleting || pod.phase == Phase::Failed {
        return Group::Ignored;
    }
    if pod.phase == Phase::Pending {
        return Group::Unready;
    }
    let Some(sample) = sample else {
        return Group::Missing;
    };
    match startup {
        Startup::Ignored => Group::Ready,
        Startup::Matters {
            cpu_initialization,
            readiness_delay,
        } => {
            if starting(pod, sample, cpu_initialization, readiness_delay, now) {
                Group::Unready
            } else {
                Group::Ready
            }
        }
    }
}

/// Whether a pod's CPU may still be that of its start.
fn starting(
    pod: &ReplicaObservation,
    sample: PodSample,
    cpu_initialization: Duration,
    readiness_delay: Duration,
    now: Timestamp,
) -> bool {
    let Some(started) = pod.started.filter(|_| pod.ready.state != ReadyState::Unset) else {
        return true;
    };
    let unready = pod.ready.state == ReadyState::False;
    let changed = pod.ready.since;
    if started + cpu_initialization > now {
        unready || changed.is_some_and(|since| sample.at < since + sample.window)
    } else {
        // It went unready so early that it was never ready.
        unready && changed.is_none_or(|since| started + readiness_delay > since)
    }
}

/// What a pod requests of a resource, in milli-units.
fn request(
    pod: &ReplicaObservation,
    resource: &str,
    container: Option<&str>,
) -> Result<i64, String> {
    if let (None, Some(whole)) = (container, &pod.requests) {
        let supported =
            |name: &str| name == "cpu" || name == "memory" || name.starts_with("hugepages-");
        if whole.keys().any(|name| supported(name)) {
            let own = whole.get(resource).filter(|_| supported(resource));
            let own = own.map(|q| q.milli());
            return own.or_else(|| aggregate(pod, resource)).ok_or_else(|| {
                format!("missing pod-level request for {resource} in Pod {}", pod.id)
            });
        }
    }
    let mut sum = 0_i64;
    let mut seen = false;
    for c in &pod.containers {
        if c.kind == ContainerKind::Init || container.is_some_and(|name| name != c.name) {
            continue;
        }
        seen = true;
        let amount = c.requests.get(resource).ok_or_else(|| {
            format!(
                "missing request for {resource} in container {} of Pod {}",
                c.name, pod.id
            )
        })?;
        sum = sum.saturating_add(amount.milli());
        if container.is_some() {
            break;
        }
    }
    match container {
        Some(name) if !seen => Err(format!("container {name} not found in Pod {}", pod.id)),
        _ => Ok(sum),
    }
}

/// What the scheduler would reserve for a pod's containers: those that run together, or the largest that runs before.
fn aggregate(pod: &ReplicaObservation, resource: &str) -> Option<i64> {
    let (mut together, mut sidecars, mut before) = (0_i64, 0_i64, 0_i64);
    let mut any = false;
    for c in &pod.containers {
        let Some(amount) = c.requests.get(resource).copied().map(Quantity::milli) else {
            continue;
        };
        any = true;
        match c.kind {
            ContainerKind::Regular => together = together.saturating_add(amount),
            ContainerKind::Sidecar => {
                together = together.saturating_add(amount);
                sidecars = sidecars.saturating_add(amount);
                before = before.max(sidecars);
            }
            ContainerKind::Init => before = before.max(sidecars.saturating_add(amount)),
        }
    }
    any.then_some(together.max(before))
}
