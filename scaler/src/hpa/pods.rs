//! Metrics of pods: which pods count, and what follows from their mean.
//!
//! All sums are of milli-units, in 128 bits so that nothing wraps around; all integer divisions truncate.

use std::time::Duration;

use metrics::{Quantity, Timestamp};

use super::Tolerance;
use crate::{ContainerKind, Phase, ReadyState, ReplicaObservation};

/// What one pod said.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodSample<'a> {
    pub(super) pod: &'a str,
    pub(super) milli: i64,
    pub(super) at: Timestamp,
    pub(super) window: Duration,
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
    pub(super) samples: Vec<PodSample<'a>>,
    pub(super) target: PodTarget,
    pub(super) startup: Startup,
    /// The resource and the container that requests are of.
    pub(super) resource: &'a str,
    pub(super) container: Option<&'a str>,
}

impl PodMetric<'_> {
    /// How many replicas this metric wants.
    ///
    /// # Errors
    /// If nothing can be said, in upstream's words.
    pub(super) fn propose(
        &mut self,
        now: Timestamp,
        cur: i32,
        tolerance: Tolerance,
    ) -> Result<PodProposal, String> {
        if self.pods.is_empty() {
            return Err("no pods returned by selector while calculating replica count".into());
        }
        let mut owners = self.owners();
        if owners.pod_of.contains(&None) && self.keep_last() {
            owners = self.owners();
        }
        let groups = self.groups(now, &owners);
        let counts = |i: &usize| {
            owners.pod_of[*i]
                .is_none_or(|pod| groups[pod] == Group::Ready || groups[pod] == Group::Missing)
        };
        let counted: Vec<usize> = (0..self.samples.len()).filter(counts).collect();
        if counted.is_empty() {
            return Err("did not receive metrics for targeted pods (pods might be unready)".into());
        }
        let requests = self.requests()?;
        let request = |pod: usize| requests.get(pod).copied();
        let mut tally = Tally::default();
        for i in counted {
            let of = owners.pod_of[i].and_then(request);
            tally.add(self.samples[i].milli, of, self.target);
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
        self.fill_in(&mut tally, &groups, ratio, request);
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
    fn keep_last(&mut self) -> bool {
        let mut order: Vec<usize> = (0..self.samples.len()).collect();
        order.sort_by_key(|i| self.samples[*i].pod);
        let all = self.samples.len();
        let mut shadowed = vec![false; all];
        for pair in order.windows(2) {
            shadowed[pair[0]] = self.samples[pair[0]].pod == self.samples[pair[1]].pod;
        }
        let mut shadowed = shadowed.into_iter();
        self.samples.retain(|_| shadowed.next() == Some(false));
        self.samples.len() < all
    }

    /// Which sample is whose.
    fn owners(&self) -> Owners {
        let mut owners = Owners {
            pod_of: vec![None; self.samples.len()],
            sample_of: vec![None; self.pods.len()],
        };
        // Sources mostly list both in the same order: then no search is needed.
        let mut order: Option<Vec<usize>> = None;
        let mut next = 0;
        for (pod, replica) in self.pods.iter().enumerate() {
            let is = |i: &usize| self.samples[*i].pod == replica.id;
            let found = Some(next)
                .filter(|i| *i < self.samples.len() && is(i))
                .or_else(|| self.search(&mut order, &replica.id));
            if let Some(i) = found {
                owners.pod_of[i] = Some(pod);
                owners.sample_of[pod] = Some(i);
                next = i + 1;
            }
        }
        owners
    }

    fn search(&self, order: &mut Option<Vec<usize>>, pod: &str) -> Option<usize> {
        let order = order.get_or_insert_with(|| {
            let mut all: Vec<usize> = (0..self.samples.len()).collect();
            all.sort_by_key(|i| self.samples[*i].pod);
            all
        });
        let at = order
            .binary_search_by_key(&pod, |i| self.samples[*i].pod)
            .ok()?;
        Some(order[at])
    }

    fn groups(&self, now: Timestamp, owners: &Owners) -> Vec<Group> {
        self.pods
            .iter()
            .zip(&owners.sample_of)
            .map(|(pod, sample)| group(pod, sample.map(|i| &self.samples[i]), self.startup, now))
            .collect()
    }

    /// The requests of all listed pods, whatever their state; none are needed for a mean.
    fn requests(&self) -> Result<Vec<i64>, String> {
        match self.target {
            PodTarget::Average(_) => Ok(Vec::new()),
            PodTarget::Utilization(_) => self
                .pods
                .iter()
                .map(|pod| request(pod, self.resource, self.container))
                .collect(),
        }
    }
}

struct Owners {
    pod_of: Vec<Option<usize>>,
    sample_of: Vec<Option<usize>>,
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
    sample: Option<&PodSample<'_>>,
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
    sample: &PodSample<'_>,
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
