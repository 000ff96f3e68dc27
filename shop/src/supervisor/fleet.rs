//! One service's replicas, as plain data: how many there should be, which there are, and which come and go next.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use metrics::{Replicas, Timestamp};

use crate::protocol::Deploy;

/// A replica that ends so soon after its start did not end by bad luck: the next one waits.
const TOO_SOON: Duration = Duration::from_secs(1);
/// The first wait after such an end; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// Where a replica is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Life {
    /// It does not take requests yet.
    Starting,
    /// It takes requests.
    Ready,
    /// It finishes what it has.
    Draining,
}

/// One replica.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its number: the first ever is 0, and none is used twice.
    pub(crate) ordinal: u32,
    pub(crate) life: Life,
    /// When it was wanted.
    pub(crate) created: Timestamp,
    /// The last change of whether it takes requests.
    pub(crate) since: Timestamp,
    /// Where it listens, once its process runs.
    pub(crate) address: Option<SocketAddr>,
    /// The deploy it is of.
    pub(crate) deploy: u32,
}

/// One service's replicas.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// How many there should be.
    pub(crate) desired: Replicas,
    /// Counts the changes of `desired`, for compare-and-set.
    pub(crate) generation: u64,
    /// All that live, by id.
    pub(crate) members: BTreeMap<String, Member>,
    /// The version that new replicas are of, counted, and how good it is.
    pub(crate) deploy: (u32, Deploy),
    service: String,
    next_ordinal: u32,
    early_ends: u32,
    not_before: Timestamp,
}

impl Fleet {
    pub(crate) fn new(service: &str, desired: Replicas) -> Self {
        Self {
            desired,
            generation: 1,
            members: BTreeMap::new(),
            deploy: (0, Deploy::default()),
            service: service.to_owned(),
            next_ordinal: 0,
            early_ends: 0,
            not_before: Timestamp::EPOCH,
        }
    }

    /// How many are in this part of their life.
    pub(crate) fn count(&self, life: Life) -> u32 {
        let count = self.members.values().filter(|m| m.life == life).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// How many there are that do not leave.
    pub(crate) fn staying(&self) -> u32 {
        self.count(Life::Starting) + self.count(Life::Ready)
    }

    /// Wants `desired`.
    pub(crate) fn want(&mut self, desired: Replicas) {
        self.desired = desired;
        self.generation += 1;
    }

    /// How many have to be started at `now`: none before the wait after an early end is over.
    pub(crate) fn missing(&self, now: Timestamp) -> u32 {
        if now < self.not_before {
            0
        } else {
            self.desired.get().saturating_sub(self.staying())
        }
    }

    /// Adds a replica that is about to start.
    pub(crate) fn add(&mut self, now: Timestamp) -> (String, Member) {
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        let id = format!("{}-{ordinal}", self.service);
        let member = Member {
            ordinal,
            life: Life::Starting,
            created: now,
            since: now,
            address: None,
            deploy: self.deploy.0,
        };
        self.members.insert(id.clone(), member.clone());
        (id, member)
    }

    /// Those that are too many, which leave next: first what is not ready yet, then the youngest.
    pub(crate) fn leaving(&self) -> Vec<String> {
        let mut staying: Vec<(&String, &Member)> = self
            .members
            .iter()
            .filter(|(_, m)| m.life != Life::Draining)
            .collect();
        staying.sort_by_key(|(_, m)| (m.life == Life::Starting, m.ordinal));
        let keep = self.desired.get() as usize;
        staying
            .into_iter()
            .skip(keep)
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Notes that a replica now takes requests, or does not any more. Nobody returns from draining.
    pub(crate) fn set_life(&mut self, id: &str, life: Life, now: Timestamp) {
        if let Some(member) = self.members.get_mut(id)
            && member.life != life
            && member.life != Life::Draining
        {
            member.life = life;
            member.since = now;
        }
    }

    /// Notes that a replica's process has ended. Whether that was expected.
    pub(crate) fn remove(&mut self, id: &str, now: Timestamp) -> bool {
        let Some(member) = self.members.remove(id) else {
            return true;
        };
        let expected = member.life == Life::Draining;
        if !expected && now.since(member.created) < TOO_SOON {
            let wait = FIRST_WAIT
                .saturating_mul(1 << self.early_ends.min(8))
                .min(LONGEST_WAIT);
            self.early_ends += 1;
            self.not_before = now + wait;
        } else if !expected {
            self.early_ends = 0;
        }
        expected
    }

    /// The ids of those that take requests, oldest first.
    pub(crate) fn ready(&self) -> Vec<String> {
        let mut ready: Vec<(&String, &Member)> = self
            .members
            .iter()
            .filter(|(_, m)| m.life == Life::Ready)
            .collect();
        ready.sort_by_key(|(_, m)| m.ordinal);
        ready.into_iter().map(|(id, _)| id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    fn fleet_of(ready: u32) -> Fleet {
        let mut fleet = Fleet::new("order", Replicas(ready));
        for _ in 0..ready {
            let (id, _) = fleet.add(at(0));
            fleet.set_life(&id, Life::Ready, at(10));
        }
        fleet
    }

    #[test]
    fn what_is_not_ready_leaves_first_then_the_youngest() {
        let mut fleet = fleet_of(2);
        fleet.want(Replicas(3));
        assert_eq!(fleet.missing(at(20)), 1);
        fleet.add(at(20));
        fleet.want(Replicas(1));
        assert_eq!(fleet.leaving(), ["order-1", "order-2"]);
        fleet.want(Replicas(2));
        assert_eq!(fleet.leaving(), ["order-2"]);
    }

    #[test]
    fn a_crash_is_replaced_under_a_new_name() {
        let mut fleet = fleet_of(2);
        assert!(!fleet.remove("order-0", at(5000)));
        assert_eq!(fleet.missing(at(5000)), 1);
        assert_eq!(fleet.add(at(5000)).0, "order-2");
    }

    #[test]
    fn one_that_ends_at_once_makes_the_next_wait_ever_longer() {
        let mut fleet = Fleet::new("order", Replicas(1));
        let (id, _) = fleet.add(at(0));
        assert!(!fleet.remove(&id, at(100)));
        assert_eq!(fleet.missing(at(599)), 0);
        assert_eq!(fleet.missing(at(600)), 1);
        let (id, _) = fleet.add(at(600));
        fleet.remove(&id, at(700));
        assert_eq!(fleet.missing(at(1699)), 0);
        assert_eq!(fleet.missing(at(1700)), 1);
    }

    #[test]
    fn nobody_returns_from_draining() {
        let mut fleet = fleet_of(1);
        fleet.set_life("order-0", Life::Draining, at(20));
        fleet.set_life("order-0", Life::Ready, at(30));
        assert_eq!(fleet.members["order-0"].life, Life::Draining);
        assert!(
            fleet.remove("order-0", at(40)),
            "the end of a draining replica is expected"
        );
        assert_eq!(fleet.missing(at(40)), 1, "and it is still wanted");
    }
}
