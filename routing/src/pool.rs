//! The replicas of one service: who may be sent requests, and who is chosen.
//!
//! A replica is *available* if it is ready, its health checks are good, and it is not ejected. If none is, all ready ones
//! are chosen from: health checks that fail everywhere say more about the checks than about the replicas.

use std::time::Duration;

use metrics::Timestamp;
use rand::Rng;
use scenarios::{Balance, Ejection, HealthCheck};

/// A replica's place in its pool; it is never given to another.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ReplicaKey(u32);

impl ReplicaKey {
    /// Its number: the first replica that was added to the pool has 0, the next 1, and so on.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a replica says of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It takes requests.
    Ready,
    /// It does not: it starts, or finishes what it has.
    Closed,
}

/// How a try came out, as far as the replica is to be judged by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It was answered well.
    Good,
    /// It was answered badly or not in time, or the connection broke.
    Bad,
    /// It says nothing about the replica: there was no room, or another service failed, or the asker went away.
    Neutral,
}

/// How a health check came out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Health {
    /// It was answered well and in time.
    Well,
    /// It was not.
    Unwell,
    /// Nobody listens there.
    Refused,
}

/// How replicas are chosen and left alone.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// How one is chosen.
    pub balance: Balance,
    /// When one is ejected for its answers.
    pub ejection: Ejection,
    /// When one is left alone for its health checks.
    pub health: HealthCheck,
}

/// The most that the time of an ejection is multiplied by.
const MOST_IN_A_ROW: u32 = 10;

#[derive(Clone, Debug)]
struct Replica {
    ordinal: u32,
    standing: Standing,
    in_flight: u32,
    /// Bad answers in a row.
    bad: u32,
    /// Bad health checks in a row.
    unwell: u32,
    /// Ejections in a row.
    ejections: u32,
    /// The end of the last ejection.
    ejected_until: Option<Timestamp>,
}

/// The replicas of one service.
#[derive(Clone, Debug)]
pub struct Pool {
    choice: Choice,
    /// By key; nothing: it is gone.
    replicas: Vec<Option<Replica>>,
    /// Those that are there, by ordinal.
    members: Vec<ReplicaKey>,
    /// Those that are ready, by ordinal.
    ready: Vec<ReplicaKey>,
    /// Of the ready, those that are available, by ordinal.
    available: Vec<ReplicaKey>,
    /// When the next ejection ends.
    next_return: Option<Timestamp>,
    /// The place of the last one chosen, for round robin.
    last: Option<(u32, ReplicaKey)>,
    /// Memory for [`Pool::choose_where`].
    roomy: Vec<ReplicaKey>,
}

impl Pool {
    /// A pool without replicas.
    #[must_use]
    pub fn new(choice: Choice) -> Self {
        Self {
            choice,
            replicas: Vec::new(),
            members: Vec::new(),
            ready: Vec::new(),
            available: Vec::new(),
            next_return: None,
            last: None,
            roomy: Vec::new(),
        }
    }

    /// Takes new settings; who is ejected stays so until its time is over.
    pub fn configure(&mut self, now: Timestamp, choice: Choice) {
        self.choice = choice;
        self.sort_out(now);
    }

    /// Adds a replica, of which nothing bad is known. Choices go by the `ordinal`s of the replicas, so that the same luck
    /// finds the same replica, in whatever order they were added.
    pub fn add(&mut self, now: Timestamp, ordinal: u32, standing: Standing) -> ReplicaKey {
        let key = ReplicaKey(u32::try_from(self.replicas.len()).expect("fewer than 2^32 replicas"));
        self.replicas.push(Some(Replica {
            ordinal,
            standing,
            in_flight: 0,
            bad: 0,
            unwell: 0,
            ejections: 0,
            ejected_until: None,
        }));
        let place = self
            .members
            .partition_point(|k| self.place(*k) <= (ordinal, key));
        self.members.insert(place, key);
        self.sort_out(now);
        key
    }

    /// Takes what a replica says of itself.
    pub fn set(&mut self, now: Timestamp, key: ReplicaKey, standing: Standing) {
        if let Some(replica) = self.get_mut(key)
            && replica.standing != standing
        {
            replica.standing = standing;
            self.sort_out(now);
        }
    }

    /// Forgets a replica. What it still has in flight no longer counts.
    pub fn remove(&mut self, now: Timestamp, key: ReplicaKey) {
        if let Some(place) = self.replicas.get_mut(key.0 as usize) {
            *place = None;
            self.members.retain(|k| *k != key);
            self.sort_out(now);
        }
    }

    /// Chooses a replica, if there is one, and counts a request in flight there. One that was `tried` is chosen only if
    /// there is no other.
    #[inline]
    pub fn choose(
        &mut self,
        now: Timestamp,
        tried: &[ReplicaKey],
        draws: &mut impl Rng,
    ) -> Option<ReplicaKey> {
        if self.next_return.is_some_and(|at| now >= at) {
            self.sort_out(now);
        }
        let from = if self.available.is_empty() {
            &self.ready
        } else {
            &self.available
        };
        let key = if tried.is_empty() {
            match from.as_slice() {
                // Before anything is drawn: where there is no choice there is no luck.
                [only] => Some(*only),
                from => self.choose_from(from, draws),
            }
        } else {
            let fresh = without(from, tried);
            if fresh.is_empty() {
                let others = without(&self.ready, tried);
                self.choose_from(if others.is_empty() { from } else { &others }, draws)
            } else {
                self.choose_from(&fresh, draws)
            }
        }?;
        self.send_to(key);
        Some(key)
    }

    /// Counts a request in flight at a replica.
    #[inline]
    fn send_to(&mut self, key: ReplicaKey) {
        if let Some(replica) = self.get_mut(key) {
            replica.in_flight += 1;
            let ordinal = replica.ordinal;
            self.last = Some((ordinal, key));
        }
    }

    /// Chooses a replica of those that `has_room`, if there is one, and counts a request in flight there.
    pub fn choose_where(
        &mut self,
        now: Timestamp,
        has_room: impl Fn(ReplicaKey) -> bool,
        draws: &mut impl Rng,
    ) -> Option<ReplicaKey> {
        if self.next_return.is_some_and(|at| now >= at) {
            self.sort_out(now);
        }
        let mut roomy = std::mem::take(&mut self.roomy);
        let from = if self.available.is_empty() {
            &self.ready
        } else {
            &self.available
        };
        roomy.clear();
        roomy.extend(from.iter().copied().filter(|key| has_room(*key)));
        let key = self.choose_from(&roomy, draws);
        self.roomy = roomy;
        let key = key?;
        self.send_to(key);
        Some(key)
    }

    /// Ends a request in flight, and judges the replica by it.
    #[inline(always)]
    pub fn end(&mut self, now: Timestamp, key: ReplicaKey, verdict: Verdict) {
        let consecutive = self.choice.ejection.consecutive.max(1);
        let Some(replica) = self.get_mut(key) else {
            return;
        };
        replica.in_flight = replica.in_flight.saturating_sub(1);
        match verdict {
            Verdict::Good => replica.bad = 0,
            Verdict::Bad => replica.bad = replica.bad.saturating_add(1),
            Verdict::Neutral => {}
        }
        if verdict == Verdict::Bad && replica.bad >= consecutive {
            self.eject(now, key);
        }
    }

    /// Takes the result of a health check. One that is good makes a replica well again; a refused connection makes it
    /// unwell at once.
    pub fn check(&mut self, now: Timestamp, key: ReplicaKey, health: Health) {
        let limit = self.choice.health.unwell.max(1);
        let Some(replica) = self.get_mut(key) else {
            return;
        };
        let before = replica.unwell >= limit;
        replica.unwell = match health {
            Health::Well => 0,
            Health::Unwell => replica.unwell.saturating_add(1),
            Health::Refused => limit.max(replica.unwell),
        };
        if before != (replica.unwell >= limit) {
            self.sort_out(now);
        }
    }

    /// Whether a replica's health checks are good.
    #[must_use]
    pub fn is_well(&self, key: ReplicaKey) -> bool {
        let limit = self.choice.health.unwell.max(1);
        self.get(key).is_some_and(|r| r.unwell < limit)
    }

    /// How many requests a replica has in flight.
    #[must_use]
    #[inline]
    pub fn in_flight(&self, key: ReplicaKey) -> u32 {
        self.get(key).map_or(0, |r| r.in_flight)
    }

    /// How many are ready.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.ready.len()
    }

    /// How many are available.
    #[must_use]
    pub fn available(&self) -> usize {
        self.available.len()
    }

    /// How many of the ready are ejected at `now`.
    #[must_use]
    pub fn ejected(&self, now: Timestamp) -> usize {
        self.ready
            .iter()
            .filter(|key| self.get(**key).is_some_and(|r| r.is_ejected(now)))
            .count()
    }

    /// Ejects a replica, unless that would be more than the share allowed, or the last of the available.
    fn eject(&mut self, now: Timestamp, key: ReplicaKey) {
        let share = self.choice.ejection.most.get() * self.ready.len() as f64;
        let most = if self.choice.ejection.most.get() > 0.0 {
            (share as usize).max(1)
        } else {
            0
        };
        let others = self.available.iter().any(|k| *k != key);
        if self.ejected(now) >= most || !others {
            return;
        }
        let time = self.choice.ejection.time;
        let Some(replica) = self.get_mut(key) else {
            return;
        };
        if replica.standing != Standing::Ready || replica.is_ejected(now) {
            return;
        }
        replica.eject(now, time);
        self.sort_out(now);
    }

    #[inline]
    fn choose_from(&self, from: &[ReplicaKey], draws: &mut impl Rng) -> Option<ReplicaKey> {
        let count = u32::try_from(from.len()).ok().filter(|n| *n > 0)?;
        Some(match self.choice.balance {
            _ if count == 1 => from[0],
            Balance::PowerOfTwo => {
                let bits = draws.next_u64();
                let first = below(count, bits as u32);
                let second = below(count - 1, (bits >> 32) as u32);
                let second = second + usize::from(second >= first);
                self.less_busy(from[first], from[second])
            }
            Balance::RoundRobin => {
                let next = self
                    .last
                    .map_or(0, |last| from.partition_point(|k| self.place(*k) <= last));
                from[next % from.len()]
            }
            Balance::LeastConnections => self.least_busy(from, draws)?,
            Balance::Random => from[below(count, draws.next_u32())],
            Balance::Choices(choices) => {
                let drawn: Vec<ReplicaKey> = some_of(count, choices, draws)
                    .into_iter()
                    .map(|place| from[place])
                    .collect();
                self.least_busy(&drawn, draws)?
            }
        })
    }

    /// The one of `among` with the fewest requests in flight; of several such, each alike.
    fn least_busy(&self, among: &[ReplicaKey], draws: &mut impl Rng) -> Option<ReplicaKey> {
        let least = among.iter().map(|key| self.in_flight(*key)).min()?;
        let tied = || among.iter().filter(|key| self.in_flight(**key) == least);
        let count = u32::try_from(tied().count()).ok()?;
        tied().nth(below(count, draws.next_u32())).copied()
    }

    #[inline]
    fn less_busy(&self, a: ReplicaKey, b: ReplicaKey) -> ReplicaKey {
        if self.in_flight(b) < self.in_flight(a) {
            b
        } else {
            a
        }
    }

    /// What replicas are ordered by.
    #[inline]
    fn place(&self, key: ReplicaKey) -> (u32, ReplicaKey) {
        (self.get(key).map_or(0, |r| r.ordinal), key)
    }

    #[inline]
    fn get(&self, key: ReplicaKey) -> Option<&Replica> {
        self.replicas.get(key.0 as usize)?.as_ref()
    }

    #[inline]
    fn get_mut(&mut self, key: ReplicaKey) -> Option<&mut Replica> {
        self.replicas.get_mut(key.0 as usize)?.as_mut()
    }

    /// Works out anew who is ready and who available: after a change, and when an ejection has ended.
    fn sort_out(&mut self, now: Timestamp) {
        let limit = self.choice.health.unwell.max(1);
        let almost = self.choice.ejection.consecutive.max(1) - 1;
        self.ready.clear();
        self.available.clear();
        self.next_return = None;
        for key in self.members.iter().copied() {
            let Some(replica) = &mut self.replicas[key.0 as usize] else {
                continue;
            };
            if replica.standing != Standing::Ready {
                continue;
            }
            self.ready.push(key);
            match replica.ejected_until {
                Some(until) if now < until => {
                    self.next_return = Some(self.next_return.map_or(until, |n| n.min(until)));
                    continue;
                }
                // One more bad answer, and it is left alone again.
                Some(_) => replica.bad = replica.bad.min(almost),
                None => {}
            }
            if replica.unwell < limit {
                self.available.push(key);
            }
        }
    }
}

impl Replica {
    fn is_ejected(&self, now: Timestamp) -> bool {
        self.ejected_until.is_some_and(|until| now < until)
    }

    /// Ejects it for `time` × the number of ejections in a row. They are in a row if it did not stay well for as long
    /// as it was ejected the last time.
    fn eject(&mut self, now: Timestamp, time: Duration) {
        let last = time.saturating_mul(self.ejections);
        let in_a_row = self
            .ejected_until
            .is_some_and(|until| now.since(until) <= last);
        self.ejections = if in_a_row {
            (self.ejections + 1).min(MOST_IN_A_ROW)
        } else {
            1
        };
        self.ejected_until = Some(now + time.saturating_mul(self.ejections));
    }
}

fn without(from: &[ReplicaKey], tried: &[ReplicaKey]) -> Vec<ReplicaKey> {
    from.iter()
        .copied()
        .filter(|k| !tried.contains(k))
        .collect()
}

/// So many different whole numbers below `count`, all sets alike; all of them if there are no more (R. Floyd's algorithm).
fn some_of(count: u32, choices: u32, draws: &mut impl Rng) -> Vec<usize> {
    let choices = choices.min(count);
    let mut drawn: Vec<usize> = Vec::with_capacity(choices as usize);
    for last in count - choices..count {
        let place = below(last + 1, draws.next_u32());
        let taken = drawn.contains(&place);
        drawn.push(if taken { last as usize } else { place });
    }
    drawn
}

/// A whole number below `count`, uniform up to a bias of `count` ÷ 2³².
fn below(count: u32, bits: u32) -> usize {
    ((u64::from(bits) * u64::from(count)) >> 32) as usize
}

#[cfg(test)]
mod tests;
