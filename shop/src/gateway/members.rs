//! Which replicas a service has, from what the registry says and from what they show themselves.
//!
//! The registry is not the last word: a replica whose lease has expired, or whom a restarted registry does not know
//! yet, is kept as long as it looks well. Only one that is not listed for two leases and looks dead is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use metrics::Timestamp;
use routing::{ReplicaKey, Standing, Upstream};

use crate::protocol::{Lease, ReplicaState};

/// The replicas of one service.
#[derive(Debug, Default)]
pub(super) struct Members {
    keys: BTreeMap<String, ReplicaKey>,
    members: BTreeMap<ReplicaKey, Member>,
}

/// One replica.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Its name.
    pub(super) id: String,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// What it last said of itself.
    pub(super) state: ReplicaState,
    lease: Duration,
    unlisted: Option<Timestamp>,
}

/// What a snapshot changed.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Change {
    /// Who is new.
    pub(super) added: Vec<(String, ReplicaKey, SocketAddr)>,
    /// Where nobody is any more.
    pub(super) gone: Vec<SocketAddr>,
}

impl Members {
    /// Takes what the registry lists.
    pub(super) fn apply(
        &mut self,
        now: Timestamp,
        upstream: &mut Upstream,
        listed: &BTreeMap<String, Lease>,
    ) -> Change {
        let mut change = Change::default();
        let taken: BTreeSet<SocketAddr> = listed.values().map(|l| l.address).collect();
        let unlisted: Vec<ReplicaKey> = self
            .members
            .iter()
            .filter(|(_, m)| listed.get(&m.id).is_none_or(|l| l.address != m.address))
            .map(|(key, _)| *key)
            .collect();
        for key in unlisted {
            let member = self.members.get_mut(&key).expect("it was just found");
            member.unlisted.get_or_insert(now);
            // Its address is another's now, or it was about to go anyway.
            if taken.contains(&member.address) || member.state != ReplicaState::Ready {
                change.gone.extend(self.remove(now, upstream, key));
            }
        }
        for (id, lease) in listed {
            if let Some((key, address)) = self.list(now, upstream, id, lease) {
                change.added.push((id.clone(), key, address));
            }
        }
        change
    }

    /// Takes one listed replica; returns its key and address if it is new.
    fn list(
        &mut self,
        now: Timestamp,
        upstream: &mut Upstream,
        id: &str,
        lease: &Lease,
    ) -> Option<(ReplicaKey, SocketAddr)> {
        let member = Member {
            id: id.to_owned(),
            address: lease.address,
            state: lease.state,
            lease: Duration::from_millis(lease.lease_ms.into()),
            unlisted: None,
        };
        let known = self.keys.get(id).copied().filter(|key| {
            self.members
                .get(key)
                .is_some_and(|m| m.address == lease.address)
        });
        if let Some(key) = known {
            upstream.set(now, key, standing(lease.state));
            self.members.insert(key, member);
            return None;
        }
        let key = upstream.add(now, lease.ordinal, standing(lease.state));
        // A replica of this name at another address stays, unlisted, as long as it looks well.
        self.keys.insert(id.to_owned(), key);
        self.members.insert(key, member);
        Some((key, lease.address))
    }

    /// Forgets who is not listed for two leases and looks dead; returns where nobody is any more.
    pub(super) fn sweep(&mut self, now: Timestamp, upstream: &mut Upstream) -> Vec<SocketAddr> {
        let dead: Vec<ReplicaKey> = self
            .members
            .iter()
            .filter(|(key, m)| {
                !upstream.pool().is_well(**key)
                    && m.unlisted
                        .is_some_and(|since| now.since(since) >= m.lease * 2)
            })
            .map(|(key, _)| *key)
            .collect();
        dead.into_iter()
            .filter_map(|key| self.remove(now, upstream, key))
            .collect()
    }

    /// The replica of a key.
    pub(super) fn get(&self, key: ReplicaKey) -> Option<&Member> {
        self.members.get(&key)
    }

    fn remove(
        &mut self,
        now: Timestamp,
        upstream: &mut Upstream,
        key: ReplicaKey,
    ) -> Option<SocketAddr> {
        upstream.remove(now, key);
        let member = self.members.remove(&key)?;
        if self.keys.get(&member.id) == Some(&key) {
            self.keys.remove(&member.id);
        }
        Some(member.address)
    }
}

fn standing(state: ReplicaState) -> Standing {
    match state {
        ReplicaState::Ready => Standing::Ready,
        ReplicaState::Starting | ReplicaState::Draining => Standing::Closed,
    }
}

#[cfg(test)]
mod tests;
