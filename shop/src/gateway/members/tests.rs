use super::*;
use crate::testing;
use routing::Health;

struct Seen {
    members: Members,
    upstream: Upstream,
}

impl Seen {
    fn new() -> Self {
        Self {
            members: Members::default(),
            upstream: Upstream::new(&testing::settings()),
        }
    }

    /// What the registry lists: (id, port, state).
    fn apply(&mut self, ms: i64, listed: &[(&str, u16, ReplicaState)]) -> Change {
        let listed = listed
            .iter()
            .map(|(id, port, state)| {
                let lease = Lease {
                    address: ([127, 0, 0, 1], *port).into(),
                    ordinal: (*port).into(),
                    state: *state,
                    lease_ms: 1000,
                };
                ((*id).to_owned(), lease)
            })
            .collect();
        let now = Timestamp::from_millis(ms);
        self.members.apply(now, &mut self.upstream, &listed)
    }

    fn sweep(&mut self, ms: i64) -> usize {
        let now = Timestamp::from_millis(ms);
        self.members.sweep(now, &mut self.upstream).len()
    }

    fn ready(&self) -> usize {
        self.upstream.pool().ready()
    }

    fn refused(&mut self, id: &str) {
        let key = self.members.keys[id];
        self.upstream.check(Timestamp::EPOCH, key, Health::Refused);
    }
}

use ReplicaState::{Draining, Ready, Starting};

#[test]
fn those_who_start_or_drain_get_nothing() {
    let mut seen = Seen::new();
    let change = seen.apply(
        0,
        &[("a", 1, Starting), ("b", 2, Ready), ("c", 3, Draining)],
    );
    assert_eq!((change.added.len(), seen.ready()), (3, 1));
    let change = seen.apply(
        1,
        &[("a", 1, Ready), ("b", 2, Draining), ("c", 3, Draining)],
    );
    assert_eq!((change, seen.ready()), (Change::default(), 1));
}

#[test]
fn one_without_a_lease_stays_as_long_as_it_looks_well() {
    let mut seen = Seen::new();
    seen.apply(0, &[("a", 1, Ready), ("b", 2, Ready)]);
    seen.apply(100, &[("b", 2, Ready)]);
    assert_eq!((seen.sweep(60_000), seen.ready()), (0, 2), "it looks well");
    seen.refused("a");
    assert_eq!(seen.sweep(60_000), 1, "now it looks dead");
    assert_eq!(seen.ready(), 1);
}

#[test]
fn one_that_looks_dead_has_two_leases_to_come_back() {
    let mut seen = Seen::new();
    seen.apply(0, &[("a", 1, Ready)]);
    seen.apply(100, &[]);
    seen.refused("a");
    assert_eq!(seen.sweep(2_099), 0);
    assert!(seen.apply(2_099, &[("a", 1, Ready)]).added.is_empty());
    assert_eq!(seen.sweep(9_000), 0, "it is listed again");
}

#[test]
fn one_that_drained_and_is_gone_is_forgotten_at_once() {
    let mut seen = Seen::new();
    seen.apply(0, &[("a", 1, Draining), ("b", 2, Ready)]);
    let change = seen.apply(1, &[("b", 2, Ready)]);
    assert_eq!(change.gone, [([127, 0, 0, 1], 1).into()]);
}

#[test]
fn an_address_belongs_to_whoever_is_listed_there() {
    let mut seen = Seen::new();
    seen.apply(0, &[("a", 1, Ready)]);
    let change = seen.apply(1, &[("b", 1, Ready)]);
    assert_eq!((change.added.len(), change.gone.len()), (1, 1));
    assert_eq!(seen.ready(), 1);
}

#[test]
fn an_empty_registry_changes_nothing_for_those_who_are_well() {
    let mut seen = Seen::new();
    seen.apply(0, &[("a", 1, Ready), ("b", 2, Ready)]);
    seen.apply(10, &[]);
    assert_eq!(seen.ready(), 2);
    let change = seen.apply(500, &[("a", 1, Ready), ("b", 2, Ready)]);
    assert_eq!((change, seen.ready()), (Change::default(), 2));
}
